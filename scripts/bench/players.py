#!/usr/bin/env python3
"""What RTMP players cost the server: N readers of one stream of 2.5 Mbit/s, against nginx with its RTMP module in the same run.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python scripts/bench/players.py [--merge MS,MS] [--no-nginx] [N ...]

Prints one row of Markdown per server and N: CPU seconds per GB sent, resident KB per player, milliseconds from `play` to the first
key frame, and by how many milliseconds 99 of 100 frames are late at most (what merging writes costs). The server runs on one core,
the publisher and the players on the other.
"""

import argparse
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import processes  # noqa: E402
from rtmp_reader import Readers  # noqa: E402
from server import Server  # noqa: E402
from waiting import wait_until  # noqa: E402

MEASURED_SECONDS = 20


def _beside(name):
    """A script of this folder; `scripts/e2e` has modules of the same names."""
    place = importlib.util.spec_from_file_location(f"bench_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


encode_loop, publish = (getattr(_beside("publishers"), name) for name in ("encode_loop", "publish"))


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

    def publish_url(self):
        return self.server.publish_url(self.server.make_dj("DJ").key)

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

    def publish_url(self):
        return f"rtmp://127.0.0.1:{self.port}/live/stream"

    def wait(self):
        time.sleep(3)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(server, counts, loop):
    sender = publish(server.publish_url(), loop)
    try:
        server.wait()
        if os.cpu_count() > 1:
            subprocess.run(["taskset", "-a", "-p", "-c", "0", str(server.pid)], stdout=subprocess.DEVNULL, check=True)
            os.sched_setaffinity(0, {1})
            os.sched_setaffinity(sender.pid, {1})
        for count in counts:
            memory = processes.resident_kilobytes(server.pid)
            readers = Readers("127.0.0.1", server.port, server.application, server.stream, count)
            readers.connect_all()
            readers.run(5)
            after = time.monotonic()
            cpu, sent = processes.cpu_seconds(server.pid), readers.bytes
            readers.run(MEASURED_SECONDS)
            cpu, sent = processes.cpu_seconds(server.pid) - cpu, readers.bytes - sent
            grown = processes.resident_kilobytes(server.pid) - memory
            probe = readers.probe
            first = (probe.first_key - probe.asked) * 1000 if probe.first_key and probe.asked else float("nan")
            print(f"| {server.name} | {count} | {cpu / (sent / 1e9):.2f} | {sent / MEASURED_SECONDS / 1e6:.1f} | "
                  f"{grown / count:.0f} | {first:.0f} | {probe.spread(after):.0f} | {readers.ended} |", flush=True)
            readers.close()
            time.sleep(1)
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count())))
        sender.kill()
        sender.wait()
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[1, 100, 500])
    parser.add_argument("--merge", default="150,20,0")
    parser.add_argument("--no-nginx", action="store_true")
    arguments = parser.parse_args()
    loop = Path(tempfile.gettempdir()) / f"lineup-bench-{os.getuid()}" / "loop.flv"
    encode_loop(loop)
    print("| server | players | CPU s per GB | MB a second | KB a player | first key frame ms | frames late ms (p99) | lost |")
    print("|---|---|---|---|---|---|---|---|")
    for merge in filter(None, arguments.merge.split(",")):
        measure(Lineup(merge), arguments.counts, loop)
    if not arguments.no_nginx:
        measure(Nginx(), arguments.counts, loop)


if __name__ == "__main__":
    main()
