#!/usr/bin/env python3
"""What publishers cost: Lineup and nginx with its RTMP module in one run, each pinned to one core, with the same load.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python Benchmarks/ingest.py [--seconds 60] [--skip-nginx] [N ...]

Each publisher sends a pre-encoded loop of 2.5 Mbit/s (720p30, key frame each 2 s, AAC) in real time, from the other core. To
Lineup they are N DJs of whom one is on air (programme, fMP4 segments) and the others wait; nginx takes N streams, without and
with HLS. Prints one row of Markdown for each: CPU seconds per publisher-minute, and memory. Needs nginx-light and
libnginx-mod-rtmp for the peer; without them their rows are left out.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))

import processes  # noqa: E402
from load import Loop, Senders, encode_loop, open_publisher  # noqa: E402
from server import Server  # noqa: E402

SERVER_CORE, LOAD_CORE = {0}, {1}


def pin(pid, cores):
    """Every thread there is; later ones inherit."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), cores)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lineup:
    name = "Lineup, one on air"

    def __init__(self, count):
        self.server = Server(LINEUP_LOG_LEVEL="info", LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS="4096")
        self.server.start()
        self.pid = self.server.process.pid
        self.keys = [self.server.make_dj(f"DJ {number}").key for number in range(count)]
        pin(self.pid, SERVER_CORE)

    def open(self, number):
        return open_publisher("127.0.0.1", self.server.rtmp_port, "live", self.keys[number])

    def check(self, count):
        assert len(self.server.queue()) == count, f"{len(self.server.queue())} of {count} publishers are in the queue"

    def stop(self):
        self.server.stop(30)
        self.server.remove()


class Nginx:
    def __init__(self, hls):
        self.name = "nginx-rtmp, HLS" if hls else "nginx-rtmp, ingest alone"
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="lineup-bench-nginx-", dir="/dev/shm"))
        self.folder.chmod(0o777)
        modules = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
        (self.folder / "nginx.conf").write_text(
            f"load_module {modules};\ndaemon off;\nworker_processes 1;\nuser root;\npid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log;\nevents {{ worker_connections 4096; }}\n"
            f"rtmp {{ access_log off; server {{ listen 127.0.0.1:{self.port}; chunk_size 4096; application live {{ live on;"
            + (f" hls on; hls_path {self.folder}/hls; hls_fragment 4s;" if hls else "") + " } } }\n")
        (self.folder / "hls").mkdir()
        self.process = subprocess.Popen(
            ["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")], preexec_fn=processes.die_with_parent,
            stderr=subprocess.DEVNULL)
        time.sleep(1)
        self.pid = processes.descendants(self.process.pid)[0][0]
        pin(self.pid, SERVER_CORE)

    def open(self, number):
        return open_publisher("127.0.0.1", self.port, "live", f"s{number}")

    def check(self, count):
        pass

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(make, count, loop, seconds):
    peer = make()
    try:
        idle = processes.resident_kilobytes(peer.pid)
        senders = Senders(loop)
        for number in range(count):
            senders.add(peer.open(number))
            # Lineup takes 64 connections from an address at once, then 16 a second.
            time.sleep(0.07 if count > 50 else 0)
        senders.begin()
        # Settles: the delay lines fill, the first GOPs are kept.
        senders.run(12)
        before, begin = processes.cpu_seconds(peer.pid), time.monotonic()
        senders.run(seconds)
        cpu, span = processes.cpu_seconds(peer.pid) - before, time.monotonic() - begin
        memory = processes.resident_kilobytes(peer.pid)
        checking = threading.Thread(target=peer.check, args=(count,))
        checking.start()
        while checking.is_alive():
            senders.run(0.2)
        assert senders.lost == 0, f"{senders.lost} publishers were lost"
        per_minute = cpu * 60 / span
        print(f"| {peer.name} | {count} | {per_minute:.2f} | {per_minute / count:.3f} | {memory / 1024:.0f} | "
              f"{(memory - idle) / count:.0f} | {senders.behind * 1000:.0f} |", flush=True)
        senders.close()
    finally:
        peer.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[1, 20, 100, 200])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--skip-nginx", action="store_true")
    options = parser.parse_args()
    path = Path(tempfile.gettempdir()) / f"lineup-bench-{os.getuid()}" / "loop.flv"
    encode_loop(path)
    loop = Loop(path)
    os.sched_setaffinity(0, LOAD_CORE)
    print("| server | publishers | CPU s a minute | per publisher | resident MB | KB a publisher over idle | load late ms |")
    print("|---|---|---|---|---|---|---|")
    with_nginx = not options.skip_nginx and shutil.which("nginx")
    for count in options.counts:
        measure(lambda: Lineup(count), count, loop, options.seconds)
        if with_nginx:
            measure(lambda: Nginx(hls=False), count, loop, options.seconds)
            measure(lambda: Nginx(hls=True), count, loop, options.seconds)


if __name__ == "__main__":
    main()
