#!/usr/bin/env python3
"""What a start costs: from the process's begin to listening with a running database, `lineup version`, and memory with nobody there.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python Benchmarks/start.py [--starts 10] [--idle 60]

Listening is when both ports take a connection; they are fixed, and asked every millisecond.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))

import processes  # noqa: E402
from database import Database  # noqa: E402
from places import BINARY  # noqa: E402
from server import Server  # noqa: E402


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def listening_time(server):
    begin = time.monotonic()
    process = subprocess.Popen(
        [str(BINARY), "serve"], env=server.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=processes.die_with_parent)
    waiting = [server.http_port, server.rtmp_port]
    while waiting:
        assert process.poll() is None and time.monotonic() < begin + 30, "the server did not come up"
        waiting = [port for port in waiting if not listens(port)]
        time.sleep(0.001)
    span = time.monotonic() - begin
    # The next start is one after a clean stop, not one that waits for a lease.
    time.sleep(1)
    process.terminate()
    process.wait(30)
    return span


def version_time():
    begin = time.monotonic()
    subprocess.run([str(BINARY), "version"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def report(name, spans):
    print(f"| {name} | {statistics.median(spans) * 1000:.0f} | {max(spans) * 1000:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--idle", type=int, default=60, help="seconds until memory is looked at")
    options = parser.parse_args()
    database = Database()
    server = Server(LINEUP_LOG_LEVEL="info", DATABASE_URL=database.url)
    try:
        database.start()
        server.start()
        time.sleep(options.idle)
        memory = processes.resident_kilobytes(server.process.pid)
        server.stop()
        print(f"idle for {options.idle} s: {memory / 1024:.0f} MB resident")
        print("| ms | median | most |\n|---|---|---|")
        report("`lineup version`", [version_time() for _ in range(options.starts)])
        report("process to listening", [listening_time(server) for _ in range(options.starts)])
    finally:
        server.remove()
        database.remove()


if __name__ == "__main__":
    main()
