#!/usr/bin/env python3
"""What RTMP players cost the server: N readers of one stream of 2.5 Mbit/s, against nginx with its RTMP module in the same run.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python Benchmarks/players.py [--merge MS,MS] [--only WORD] [N ...]

Prints one row of Markdown per server and N: CPU seconds per GB sent, in all and beyond what the server needs with nobody playing;
resident KB per player, milliseconds from `play` to the first key frame, and by how many milliseconds 99 of 100 frames are late at
most (what merging writes costs). The server runs on one core, the publisher and the players on the other.

The rows "sockets alone" are the floor: a loop that writes the same bytes at the same moments with one send(2) per player and does
nothing else, so what they cost is the system's share of every server here.
"""

import argparse
import functools
import multiprocessing
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))

import processes  # noqa: E402
from load import Loop, Senders, encode_loop, open_publisher  # noqa: E402
from rtmp_reader import HANDSHAKE_BYTES, Readers  # noqa: E402
from server import Server  # noqa: E402
from waiting import wait_until  # noqa: E402

MEASURED_SECONDS = 20
IDLE_SECONDS = 10


class Publisher:
    """One publisher of the loop in real time, in a process of its own."""

    def __init__(self, place, loop):
        self._process = multiprocessing.get_context("fork").Process(target=self._run, args=(place, loop), daemon=True)
        self._process.start()

    @staticmethod
    def _run(place, loop):
        senders = Senders(loop)
        senders.add(open_publisher(*place))
        senders.begin()
        while not senders.lost:
            senders.run(60)

    def stop(self):
        self._process.kill()
        self._process.join()


class Lineup:
    def __init__(self, merge):
        self.name = f"lineup, merge {merge} ms"
        self.server = Server(
            LINEUP_LOG_LEVEL="info", LINEUP_PROGRAMME_DELAY=0, LINEUP_RTMP_PLAY_MERGE=merge, LINEUP_RTMP_MAX_PLAYERS=2000,
            LINEUP_RTMP_MAX_PLAYERS_PER_ADDRESS=2000, LINEUP_RTMP_MAX_CONNECTIONS=3000,
            LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS=3000)
        self.server.start()
        self.pid = self.server.process.pid
        self.port, self.application, self.stream = self.server.rtmp_port, "play", "main"

    def publisher_place(self):
        return "127.0.0.1", self.port, "live", self.server.make_dj("DJ").key

    def wait(self):
        self.server.wait_for_on_air("DJ", 60)

    def stop(self):
        self.server.stop()
        self.server.remove()


class Nginx:
    name = "nginx-rtmp"

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-bench-"))
        self.port, self.application, self.stream = _free_port(), "live", "stream"
        (self.folder / "nginx.conf").write_text(
            f"load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\ndaemon off;\nmaster_process off;\nworker_processes 1;\n"
            f"pid {self.folder}/pid;\nerror_log {self.folder}/error.log warn;\nevents {{ worker_connections 4096; }}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{self.port}; application live {{ live on; }} }} }}\n")
        self._process = subprocess.Popen(
            ["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=processes.die_with_parent)
        self.pid = self._process.pid
        wait_until(self._listens, "nginx to listen", 10)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def publisher_place(self):
        return "127.0.0.1", self.port, self.application, self.stream

    def wait(self):
        time.sleep(3)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


class Sockets:
    """No server: accepts, and writes the loop to whoever came."""

    def __init__(self, merge, loop):
        self.name = f"sockets alone, {f'each {merge} ms' if merge else 'each frame'}"
        self.application = self.stream = "none"
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = listener.getsockname()[1]
        self._process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(listener, loop, merge / 1000), daemon=True)
        self._process.start()
        self.pid = self._process.pid
        listener.close()

    @staticmethod
    def _run(listener, loop, merge):
        listener.setblocking(False)
        peers, begin, turn, index = [], time.monotonic(), 0, 0
        while True:
            # What is due at one moment is one write, as in a server that merges.
            due, parts = begin + turn * loop.length / 1000 + loop.turn[index][0] / 1000 + merge, []
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            while not parts or (loop.turn[index][0] + turn * loop.length) / 1000 + begin <= due and merge:
                parts.append(loop.turn[index][1])
                index += 1
                if index == len(loop.turn):
                    turn, index = turn + 1, 0
            data = b"".join(parts)
            for peer in list(peers):
                try:
                    peer.send(data)
                except BlockingIOError:
                    pass
                except OSError:
                    peers.remove(peer)
            while select.select([listener], [], [], 0)[0]:
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.send(bytes(HANDSHAKE_BYTES))
                peer.setblocking(False)
                peers.append(peer)

    def publisher_place(self):
        return None

    def wait(self):
        pass

    def stop(self):
        self._process.kill()
        self._process.join()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pin(pid, core):
    """Every thread there is; later ones inherit."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {core})


def _nobody(pid):
    """CPU seconds a second while nobody plays."""
    before = processes.cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return (processes.cpu_seconds(pid) - before) / IDLE_SECONDS


def _row(server, count, idle):
    memory = processes.resident_kilobytes(server.pid)
    readers = Readers("127.0.0.1", server.port, server.application, server.stream, count, has_probe=not isinstance(server, Sockets))
    readers.connect_all()
    readers.run(5)
    after = time.monotonic()
    cpu, sent = processes.cpu_seconds(server.pid), readers.bytes
    readers.run(MEASURED_SECONDS)
    span = time.monotonic() - after
    cpu, sent = processes.cpu_seconds(server.pid) - cpu, readers.bytes - sent
    grown = processes.resident_kilobytes(server.pid) - memory
    probe = readers.finish()
    sent = (sent + probe.bytes_since(after)) / 1e9
    first = (probe.first_key - probe.asked) * 1000 if probe.first_key and probe.asked else float("nan")
    print(f"| {server.name} | {count} | {cpu / sent:.2f} | {(cpu - idle * span) / sent:.2f} | {sent * 1e3 / span:.1f} | "
          f"{grown / count:.0f} | {first:.1f} | {probe.spread(after):.0f} | {readers.ended} |", flush=True)
    readers.close()
    time.sleep(1)


def measure(make, counts, loop):
    os.sched_setaffinity(0, range(os.cpu_count()))
    server = make()
    has_cores = os.cpu_count() > 1
    if has_cores:
        os.sched_setaffinity(0, {1})
    place = server.publisher_place()
    publisher = Publisher(place, loop) if place else None
    try:
        server.wait()
        if has_cores:
            pin(server.pid, 0)
        idle = _nobody(server.pid) if publisher else 0
        for count in counts:
            _row(server, count, idle)
    finally:
        if publisher:
            publisher.stop()
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[1, 100, 500])
    parser.add_argument("--merge", default="150,20,0")
    parser.add_argument("--only", default="", help="servers with this word in their names: lineup, nginx, sockets")
    arguments = parser.parse_args()
    path = Path(tempfile.gettempdir()) / f"lineup-bench-{os.getuid()}" / "loop.flv"
    encode_loop(path)
    loop = Loop(path)
    merges = [int(text) for text in arguments.merge.split(",") if text]
    makes = [("lineup", functools.partial(Lineup, merge)) for merge in merges]
    makes += [("nginx", Nginx)] if shutil.which("nginx") else []
    makes += [("sockets", functools.partial(Sockets, merge, loop)) for merge in merges]
    print("| server | players | CPU s per GB | beyond idle | MB a second | KB a player | first key frame ms | frames late ms (p99) | lost |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, make in makes:
        if arguments.only in name:
            measure(make, arguments.counts, loop)


if __name__ == "__main__":
    main()
