"""Readers that do not read, that read a byte a second, and a thousand that vanish: the others see nothing, memory returns (issue 6)."""

import base64
import os
import socket
import struct
import threading
import time

import pytest
import requests

import clips
import judge
import llhls
import processes
from recording import SegmentReader, watch_for
from streams import BodyReader, SocketReader, gauge, is_closed, silent_reader
from test_streams import continuity_jumps
from waiting import wait_until

CROWD = 1000
# What a process keeps of what it once had: the allocator's arenas, pages of code that nobody had run before.
KEPT_MB = 40


class Trickler(threading.Thread):
    """Reads a byte a second."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self._stopped = peer, threading.Event()
        self.start()

    def run(self):
        while not self._stopped.wait(1):
            try:
                if not self.peer.recv(1):
                    return
            except OSError:
                return

    def stop(self):
        self._stopped.set()
        self.join(5)
        self.peer.close()


def vanish(peer):
    """Goes without a word: a reset instead of a farewell."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


class Reader:
    """How one asks for a wrapping without ever reading the answer."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def open(self):
        if self.name == "hls":
            # Fifty segments, one behind the other: more than any socket's buffers hold.
            playlist = llhls.parse(requests.get(self.server.url + "/hls/main/media.m3u8", timeout=10).text)
            path = "/hls/main/" + [segment.uri for segment in playlist.segments if segment.uri][-1]
            peer = silent_reader(self.server.http_port, path)
            peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 49)
            return peer
        if self.name == "stream":
            return silent_reader(self.server.http_port, "/stream/main")
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", self.server.http_port))
        key = base64.b64encode(os.urandom(16)).decode()
        peer.sendall(f"GET /ws/main HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        return peer


def megabytes(server):
    return processes.resident_kilobytes(server.process.pid) / 1024


@pytest.mark.extended
def test_bad_readers_disturb_nobody_and_leave_no_memory(server, publish, folder, ended_later):
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: server.get("/hls/main/media.m3u8").text.count("#EXTINF") >= 4, "some segments", 40)
    steady = ended_later(BodyReader(server.url + "/stream/main", folder / "steady.ts"))
    fragments = ended_later(SocketReader(server.url + "/ws/main"))
    segments = ended_later(SegmentReader(server.playlist))
    # The window fills first: that is no one's crowd.
    watch_for(45)
    before, told = megabytes(server), []
    for name in ("hls", "stream", "ws"):
        reader = Reader(server, name)
        silent, trickler = reader.open(), ended_later(Trickler(reader.open()))
        crowd = []
        for _ in range(CROWD):
            crowd.append(reader.open())
            if len(crowd) % 100 == 0:
                time.sleep(0.2)
        watch_for(6)
        during = megabytes(server)
        for peer in crowd:
            vanish(peer)
        wait_until(lambda: gauge(server, "lineup_stream_viewers") <= 4, "the crowd to be gone", 30)
        if name != "hls":
            wait_until(lambda: is_closed(silent) and is_closed(trickler.peer), f"the slow readers of {name} to be closed", 60)
        silent.close()
        trickler.stop()
        told.append((name, during, megabytes(server)))
    wait_until(lambda: gauge(server, "lineup_stream_viewers") == 2, "the two steady viewers to be left", 30)
    watch_for(10)
    after = megabytes(server)
    print(f"\nresident MB: before {before:.0f}; " + "; ".join(f"1,000 of {name} {during:.0f}, gone {gone:.0f}" for name, during, gone in told)
          + f"; in the end {after:.0f}")
    file = steady.stop()
    fragments.stop()
    kept = segments.stop()
    assert continuity_jumps(file.read_bytes()) == 0
    assert judge.picture_gaps(judge.pictures(file), 0.2) == []
    waits = [later - sooner for sooner, later in zip(fragments.arrivals[5:], fragments.arrivals[6:])]
    print(f"longest wait of a steady WebSocket viewer: {max(waits):.2f} s; {len(kept)} segments read")
    assert max(waits) < 1.5
    assert segments.problems == []
    assert [one.number for one in kept] == list(range(kept[0].number, kept[0].number + len(kept)))
    assert after - before < KEPT_MB
