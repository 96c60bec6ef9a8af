"""DJs that cost next to nothing: a small RTMP client that pushes a prerecorded loop, many of them in one process.

What ffmpeg does in `publishers.py` is here done by hand and only as far as a publisher needs it (RTMP 1.0 §5 and §7), so that a
crash test can have many DJs come and go hundreds of times on two cores.
"""

import os
import re
import selectors
import socket
import struct
import threading
import time
from functools import lru_cache

import clips

CHUNK = 60_000
# How far ahead of its own clock a publisher writes, in seconds: one wake-up for all tags of that span.
AHEAD = 0.15


@lru_cache(maxsize=None)
def tags_of(clip):
    """([(kind, milliseconds, body)] of the loop, its length in milliseconds). Configuration first, as it stands in the file."""
    return tags_in(clips.path_of(clip)), clip.seconds * 1000


def tags_in(file):
    """The tags of an FLV file: (kind, milliseconds, body) each."""
    data = file.read_bytes()
    place, tags = 13, []
    while place + 11 <= len(data):
        kind = data[place]
        size = int.from_bytes(data[place + 1:place + 4], "big")
        at = int.from_bytes(data[place + 4:place + 7], "big") | data[place + 7] << 24
        tags.append((kind, at, data[place + 11:place + 11 + size]))
        place += 11 + size + 4
    return tags


def is_configuration(kind, body):
    """A sequence header or metadata: sent once, not in each round of the loop."""
    return kind == 18 or (kind == 9 and body[1] != 1) or (kind == 8 and body[1] == 0)


# -- AMF0 (only what commands need)

def amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x02" + struct.pack(">H", len(value.encode())) + value.encode()
    fields = b"".join(struct.pack(">H", len(key)) + key.encode() + amf(item) for key, item in value.items())
    return b"\x03" + fields + b"\x00\x00\x09"


def message(kind, stream, body, at=0, chunk_stream=3):
    """One message as chunks of at most CHUNK bytes."""
    stamp = min(at, 0xFFFFFF)
    extended = struct.pack(">I", at) if stamp == 0xFFFFFF else b""
    head = bytes([chunk_stream]) + stamp.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
    parts = [head + struct.pack("<I", stream) + extended + body[:CHUNK]]
    for place in range(CHUNK, len(body), CHUNK):
        parts.append(bytes([0xC0 | chunk_stream]) + extended + body[place:place + CHUNK])
    return b"".join(parts)


def command(stream, *values):
    return message(20, stream, b"".join(amf(value) for value in values))


class Refused(Exception):
    """The server said no, or closed; the text is its reason where it gave one."""


class Push:
    """One DJ. `start` publishes and keeps publishing, coming back after a loss when `reconnect`; `stop` and `vanish` end it."""

    def __init__(self, host, port, key, clip=clips.A, reconnect=True, retry_seconds=0.3, gate=None, tags=None):
        """`tags`: what is sent instead of a clip, as `tags_of` answers it."""
        self._where, self._key, self._clip, self._tags = (host, port), key, clip, tags
        self._reconnect, self._retry = reconnect, retry_seconds
        # Called when only `publish` is left to be said: holds it back until the moment a test wants.
        self._gate = gate
        self.said_at = None
        self._lock = threading.Lock()
        self._ending = None
        self._wake_read, self._wake = os.pipe()
        # For whoever watches: connected now, how often, and why the last attempt failed.
        self.publishing = False
        self.connects = 0
        self.refusal = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self, timeout=10):
        """The DJ presses stop: the server is told before the connection ends."""
        self._end("stop", timeout)

    def vanish(self, timeout=10):
        """The DJ's machine dies: the connection is reset without a word."""
        self._end("vanish", timeout)

    def _end(self, how, timeout):
        with self._lock:
            if self._ending:
                return
            self._ending = how
        os.write(self._wake, b"x")
        self._thread.join(timeout)
        os.close(self._wake)
        os.close(self._wake_read)

    # -- the thread

    def _run(self):
        while not self._ending:
            try:
                self._publish()
            except (OSError, Refused) as error:
                self.refusal = str(error)
            self.publishing = False
            if not self._reconnect:
                return
            self._sleep(self._retry)

    def _sleep(self, seconds):
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            selector.select(seconds)

    def _publish(self):
        with socket.create_connection(self._where, timeout=5) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handshake(peer)
            peer.sendall(message(1, 0, struct.pack(">I", CHUNK), chunk_stream=2))
            host, port = self._where
            peer.sendall(command(0, "connect", 1, {
                "app": "live", "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; push)",
                "tcUrl": f"rtmp://{host}:{port}/live"}))
            peer.sendall(command(0, "releaseStream", 2, None, self._key) + command(0, "FCPublish", 3, None, self._key)
                         + command(0, "createStream", 4, None))
            self._await(peer, b"_result", times=2)
            if self._gate:
                self._gate()
            self.said_at = time.time()
            peer.sendall(command(1, "publish", 5, None, self._key, "live"))
            self._await(peer, b"NetStream.Publish.Start")
            self.publishing, self.refusal = True, None
            self.connects += 1
            self._send(peer)

    @staticmethod
    def _handshake(peer):
        """Plain (§5.2): what the server echoes is not looked at."""
        peer.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        answer = b""
        while len(answer) < 1 + 1536 * 2:
            more = peer.recv(65536)
            if not more:
                raise Refused("closed in the handshake")
            answer += more
        peer.sendall(answer[1:1537])

    @staticmethod
    def _await(peer, words, times=1):
        """Reads until `words` were said so often. A description in a status follows its code as plain text in AMF0."""
        heard = b""
        while heard.count(words) < times:
            more = peer.recv(65536)
            heard += more
            if b"NetStream.Publish.Denied" in heard or b"NetStream.Publish.BadName" in heard or not more:
                reason = re.search(rb"description\x02..([ -~]*)", heard, re.DOTALL)
                raise Refused(reason.group(1).decode() if reason else "closed")

    def _send(self, peer):
        tags, length = self._tags or tags_of(self._clip)
        begin, offset, place = time.monotonic(), 0, 0
        peer.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            selector.register(peer, selectors.EVENT_READ)
            while True:
                now = (time.monotonic() - begin + AHEAD) * 1000
                batch = []
                while tags[place][1] + offset <= now:
                    kind, at, body = tags[place]
                    if offset == 0 or not is_configuration(kind, body):
                        batch.append(message(kind, 1, body, at + offset, chunk_stream=4 if kind == 8 else 6))
                    place += 1
                    if place == len(tags):
                        place, offset = 0, offset + length
                if batch:
                    peer.setblocking(True)
                    peer.settimeout(5)
                    peer.sendall(b"".join(batch))
                    peer.setblocking(False)
                for key, _ in selector.select(AHEAD / 2):
                    if key.fileobj is peer and not peer.recv(65536):
                        raise Refused("the server closed the connection")
                if self._ending:
                    return self._leave(peer)

    def _leave(self, peer):
        peer.setblocking(True)
        if self._ending == "vanish":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        peer.sendall(command(0, "FCUnpublish", 6, None, self._key) + command(0, "deleteStream", 7, None, 1))
        # Said before the connection ends: the server closes, or has read it when its window says so.
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(2)
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass
