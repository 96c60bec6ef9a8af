"""RTMP players for measuring: they shake hands, play, and throw away what comes, hundreds in one process.

Only what a benchmark needs of RTMP: no answer but the media is looked at, and of that only by the one `Probe`, which is a process of
its own: what the many take to be read is none of its lateness. The many are woken once `GATHERED_BYTES` wait for each, so that they
cost next to nothing.
"""

import multiprocessing
import os
import select
import socket
import struct
import time

# S0, S1 and S2.
HANDSHAKE_BYTES = 3073
GATHERED_BYTES = 49_152


def _string(text):
    return b"\x02" + struct.pack(">H", len(text)) + text.encode()


def _number(value):
    return b"\x00" + struct.pack(">d", value)


def _member(name, value):
    return struct.pack(">H", len(name)) + name.encode() + value


def _message(body, stream_id):
    """One command in chunks of 128 bytes, on chunk stream 3."""
    head = b"\x03\x00\x00\x00" + struct.pack(">I", len(body))[1:] + b"\x14" + struct.pack("<I", stream_id)
    return head + b"\xc3".join(body[at:at + 128] for at in range(0, len(body), 128))


def opening(host, port, application, name):
    """C0 and C1; then C2 with connect, createStream and play, which no server minds in one piece."""
    connect = (_string("connect") + _number(1) + b"\x03" + _member("app", _string(application))
               + _member("tcUrl", _string(f"rtmp://{host}:{port}/{application}")) + b"\x00\x00\x09")
    create = _string("createStream") + _number(2) + b"\x05"
    play = _string("play") + _number(3) + b"\x05" + _string(name)
    first = b"\x03" + bytes(8) + os.urandom(1528)
    return first, bytes(1536) + _message(connect, 0) + _message(create, 0) + _message(play, 1)


class Probe:
    """Takes the stream of one player apart: when the first key frame came, and how late frames are against each other."""

    def __init__(self):
        self.asked = self.first_key = None
        self.lateness = []
        self.arrivals = []
        self._input, self._chunk_size, self._streams, self._seen = bytearray(), 128, {}, 0

    def feed(self, data, now):
        self._input += data
        self.arrivals.append((now, len(data)))
        while (taken := self._chunk(now)):
            del self._input[:taken]

    def _chunk(self, now):
        buffer = self._input
        if not buffer:
            return 0
        form, stream = buffer[0] >> 6, buffer[0] & 63
        assert stream > 1, "a chunk stream of more than one byte"
        at, size = 1, (11, 7, 3, 0)[form]
        if len(buffer) < at + size + 4:
            return 0
        state = self._streams.setdefault(stream, {"stamp": 0, "length": 0, "type": 0, "body": bytearray(), "extended": False})
        stamp = int.from_bytes(buffer[at:at + 3], "big") if form < 3 else None
        if form < 2:
            state["length"], state["type"] = int.from_bytes(buffer[at + 3:at + 6], "big"), buffer[at + 6]
        at += size
        if stamp is not None:
            state["extended"] = stamp == 0xFFFFFF
        if state["extended"]:
            stamp = int.from_bytes(buffer[at:at + 4], "big")
            at += 4
        part = min(self._chunk_size, state["length"] - len(state["body"]))
        if len(buffer) < at + part:
            return 0
        if not state["body"]:
            if form == 0:
                state["stamp"], state["delta"] = stamp, 0
            elif form < 3:
                state["delta"] = stamp
                state["stamp"] += stamp
            else:
                state["stamp"] += state.get("delta", 0)
        state["body"] += buffer[at:at + part]
        if len(state["body"]) == state["length"]:
            self._message(state, now)
            state["body"] = bytearray()
        return at + part

    def _message(self, state, now):
        body = state["body"]
        if state["type"] == 1:
            self._chunk_size = int.from_bytes(body[:4], "big")
        if state["type"] not in (8, 9) or len(body) < 2 or body[1] != 1:
            return
        if state["type"] == 9 and body[0] >> 4 == 1 and self.first_key is None:
            self.first_key = now
        self._seen += 1
        self.lateness.append((now, now - state["stamp"] / 1000))

    def bytes_since(self, after):
        return sum(count for when, count in self.arrivals if when >= after)

    def spread(self, after):
        """Milliseconds that 99 of 100 frames since `after` are late at most, against the soonest."""
        values = sorted(late for when, late in self.lateness if when >= after)
        return (values[int(len(values) * 0.99)] - values[0]) * 1000 if len(values) > 10 else float("nan")


class ProbePlayer:
    """One player in a process of its own that hands its `Probe` back at the end."""

    def __init__(self, host, port, application, name):
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=self._run, args=(theirs, host, port, application, name), daemon=True)
        self._process.start()
        theirs.close()

    @staticmethod
    def _run(pipe, host, port, application, name):
        first, rest = opening(host, port, application, name)
        probe, left = Probe(), HANDSHAKE_BYTES
        with socket.create_connection((host, port), 10) as peer:
            peer.sendall(first)
            while not select.select([pipe], [], [], 0)[0]:
                data = peer.recv(262_144)
                if not data:
                    break
                if left:
                    start = min(left, len(data))
                    left, data = left - start, data[start:]
                    if left == 0:
                        peer.sendall(rest)
                        probe.asked = time.monotonic()
                probe.feed(data, time.monotonic())
        pipe.send((probe.asked, probe.first_key, probe.lateness, probe.arrivals))

    def finish(self):
        self._pipe.send("enough")
        probe = Probe()
        probe.asked, probe.first_key, probe.lateness, probe.arrivals = self._pipe.recv()
        self._process.join(5)
        return probe


class Readers:
    """`count` players of one stream, run by `run`; one of them is the probe, where there is RTMP to look at."""

    def __init__(self, host, port, application, name, count, has_probe=True):
        self._address = (host, port, application, name)
        self._first, self._rest = opening(*self._address)
        self._place, self._count = (host, port), count - 1 if has_probe else count
        self._has_probe = has_probe
        self._poll = select.epoll()
        self._sockets, self._left = {}, {}
        self.bytes, self.ended = 0, 0
        self._player = None
        self._buffer = bytearray(262_144)

    def connect_all(self, a_second=200):
        """Spread over time: many connections at once are an attack to a server."""
        for _ in range(self._count):
            peer = socket.create_connection(self._place, 10)
            peer.sendall(self._first)
            peer.setblocking(False)
            self._sockets[peer.fileno()] = peer
            self._left[peer.fileno()] = HANDSHAKE_BYTES
            self._poll.register(peer.fileno(), select.EPOLLIN)
            self.run(1 / a_second)
        if self._has_probe:
            self._player = ProbePlayer(*self._address)

    def run(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in self._poll.poll(left):
                self._read(descriptor)

    def finish(self):
        """The probe, where there was one."""
        return self._player.finish() if self._player else Probe()

    def _read(self, descriptor):
        try:
            count = self._sockets[descriptor].recv_into(self._buffer)
        except OSError:
            count = 0
        if count == 0:
            self.ended += 1
            self._poll.unregister(descriptor)
            return
        self.bytes += count
        if (left := self._left[descriptor]) > 0:
            self._left[descriptor] = left - min(left, count)
            if self._left[descriptor] == 0:
                self._sockets[descriptor].sendall(self._rest)
                self._sockets[descriptor].setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, GATHERED_BYTES)

    def close(self):
        for peer in self._sockets.values():
            peer.close()
        self._poll.close()
