"""RTMP publishers that cost almost nothing: a pre-encoded loop, cut into chunks once, sent in real time by one thread.

An encoder sends each picture and each audio frame as it comes, so each message is one write here too. The chunk headers carry
timestamp deltas, which are the same at every turn of the loop: nothing is encoded while sending.
"""

import errno
import heapq
import socket
import struct
import subprocess
import time

CHUNK = 4096  # what OBS sets
GROUP_SECONDS = 2
HANDSHAKE = b"\x03" + bytes(8) + bytes(range(256)) * 5 + bytes(248)


def encode_loop(target, kilobits=2500, more=()):
    """A loop of noise: that many kbit/s of video (720p30, key frame each 2 s) with AAC. `more`: options of the encoder."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    rate = f"{kilobits}k"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30,noise=alls=12:allf=t",
         "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "24", "-c:v", "libx264", "-preset", "veryfast", "-b:v", rate,
         "-minrate", rate, "-maxrate", rate, "-bufsize", rate, *more, "-g", str(30 * GROUP_SECONDS), "-sc_threshold", "0",
         "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ac", "2", str(target)], check=True)


def flv_tags(data):
    """(type, milliseconds, body) of each tag."""
    at = 13
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        yield kind, stamp, data[at + 11:at + 11 + size]
        at += 11 + size + 4


def chunks(stream, header, body):
    """One message: its first header, then a byte of fmt 3 before each further chunk."""
    out = [header, body[:CHUNK]]
    for at in range(CHUNK, len(body), CHUNK):
        out += [bytes([0xC0 | stream]), body[at:at + CHUNK]]
    return b"".join(out)


class Loop:
    """The prepared bytes: `head` once, then `turn`, (milliseconds from its begin, bytes) in order, again and again."""

    STREAM = {8: 4, 9: 6, 18: 5}

    def __init__(self, path):
        head, frames = [], []
        for kind, stamp, body in flv_tags(path.read_bytes()):
            if kind == 18:
                head.append((kind, b"\x02\x00\x0d@setDataFrame" + body))
            elif body[1] == 0:  # AVC and AAC sequence headers
                head.append((kind, body))
            elif body[0] & 0x0F != 7 or body[1] == 1:
                frames.append((stamp, kind, body))
        frames.sort(key=lambda frame: frame[0])
        self.head = b"".join(
            chunks(self.STREAM[kind], bytes([self.STREAM[kind]]) + bytes(3) + len(body).to_bytes(3, "big") + bytes([kind])
                   + struct.pack("<I", 1), body) for kind, body in head)
        begin, self.length = frames[0][0], 24_000
        last = {8: 0, 9: 0}
        for stamp, kind, _ in frames:
            last[kind] = stamp - begin - self.length
        self.turn = []
        self.bytes = 0
        for stamp, kind, body in frames:
            delta = stamp - begin - last[kind]
            last[kind] = stamp - begin
            header = bytes([0x40 | self.STREAM[kind]]) + delta.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
            self.turn.append((stamp - begin, chunks(self.STREAM[kind], header, body)))
            self.bytes += len(body)


def _string(text):
    data = text.encode()
    return b"\x02" + struct.pack(">H", len(data)) + data


def _number(value):
    return b"\x00" + struct.pack(">d", value)


def _command(stream_id, body):
    return chunks(3, bytes([3]) + bytes(3) + len(body).to_bytes(3, "big") + b"\x14" + struct.pack("<I", stream_id), body)


def open_publisher(host, port, app, key, timeout=20):
    """A connected socket on which `publish` was accepted."""
    link = socket.create_connection((host, port), timeout=timeout)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(HANDSHAKE)
    answer = b""
    while len(answer) < 3073:
        more = link.recv(65536)
        if not more:
            raise ConnectionError("closed in the handshake")
        answer += more
    tc_url = f"rtmp://{host}:{port}/{app}"
    link.sendall(
        answer[1:1537]
        + b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00" + struct.pack(">I", CHUNK)
        + _command(0, _string("connect") + _number(1) + b"\x03" + b"\x00\x03app" + _string(app) + b"\x00\x05tcUrl"
                   + _string(tc_url) + b"\x00\x00\x09")
        + _command(0, _string("createStream") + _number(2) + b"\x05"))
    seen = b""
    published = False
    while True:
        if not published and seen.count(b"_result") >= 2:
            link.sendall(_command(1, _string("publish") + _number(3) + b"\x05" + _string(key) + _string("live")))
            published = True
        if b"NetStream.Publish.Start" in seen:
            break
        more = link.recv(65536)
        if not more:
            raise ConnectionError(f"closed before publishing: {seen[-200:]!r}")
        seen += more
    link.setblocking(False)
    return link


class Senders:
    """Sends the loop on every link, each from its own moment, until stopped. Runs in the caller's thread."""

    def __init__(self, loop):
        self.loop = loop
        self.links = []
        self.lost = 0
        self.behind = 0.0
        self.calendar = []

    def add(self, link):
        link.setblocking(True)
        link.sendall(self.loop.head)
        link.setblocking(False)
        number = len(self.links)
        self.links.append([link, b""])

    def begin(self):
        """From now on, spread over a group of pictures, as DJs are who did not come at one moment."""
        now = time.monotonic()
        self.calendar = [(now + number * 0.618034 % 1 * GROUP_SECONDS, number, 0, 0) for number in range(len(self.links))]
        heapq.heapify(self.calendar)

    def run(self, seconds):
        """Sends for that long; `behind` is the most a write came late."""
        turn, span, calendar, links = self.loop.turn, self.loop.length, self.calendar, self.links
        end = time.monotonic() + seconds
        self.behind = 0.0
        while calendar:
            due, number, index, round_ = calendar[0]
            now = time.monotonic()
            if now >= end:
                return
            if due > now:
                time.sleep(min(due, end) - now)
                continue
            self.behind = max(self.behind, now - due)
            entry = links[number]
            try:
                data = entry[1] + turn[index][1]
                sent = entry[0].send(data)
                entry[1] = data[sent:]
                if index % 97 == 0:
                    self.drain(entry[0])
            except BlockingIOError:
                entry[1] = data
            except OSError as error:
                if error.errno not in (errno.EAGAIN,):
                    heapq.heappop(calendar)
                    self.lost += 1
                    continue
            begin = due - (turn[index][0] + round_ * span) / 1000
            index += 1
            if index == len(turn):
                index, round_ = 0, round_ + 1
            heapq.heapreplace(calendar, (begin + (turn[index][0] + round_ * span) / 1000, number, index, round_))

    @staticmethod
    def drain(link):
        """Acknowledgements and pings are of no interest, but must not fill the peer's socket."""
        try:
            if link.recv(65536) == b"":
                raise OSError(errno.ECONNRESET, "closed")
        except BlockingIOError:
            pass

    def close(self):
        for link, _ in self.links:
            link.close()
