#!/usr/bin/env python3
"""What connections that never publish cost the server: memory per socket, and that they are gone at the deadline.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python Benchmarks/idle_sockets.py [N ...]

Half of the N sockets (10,000 without a number) send nothing, half a handshake. Prints one row of Markdown per N: KiB of resident memory
for each socket, what is left when all are closed, and how long a DJ's publish takes in their midst.
"""

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))

import processes  # noqa: E402
import rawrtmp  # noqa: E402
from server import Server  # noqa: E402


def connections(server):
    lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith("lineup_rtmp_connections ")]
    return int(float(lines[0].split()[1])) if lines else 0


def measure(count):
    server = Server(LINEUP_LOG_LEVEL="info", LINEUP_RTMP_MAX_CONNECTIONS=count + 100,
                    LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS=count)
    server.start()
    try:
        key = server.make_dj("DJ").key
        pid = server.process.pid
        before, begin = processes.resident_kilobytes(pid), time.monotonic()
        # A few addresses: one has too few ports for some N.
        peers = []
        for number in range(count):
            peers.append(rawrtmp.connect(server.rtmp_port, f"127.0.3.{number % 8 + 1}"))
            if number % 2:
                peers[-1].sendall(rawrtmp.HANDSHAKE)
        opened = time.monotonic() - begin
        open_at_once = connections(server)
        each = (processes.resident_kilobytes(pid) - before) / max(open_at_once, 1)
        begin = time.monotonic()
        peer, answer = rawrtmp.publish(server.rtmp_port, key)
        publishing = time.monotonic() - begin
        assert b"NetStream.Publish.Start" in answer
        peer.close()
        deadline = time.monotonic() + 30
        while connections(server) and time.monotonic() < deadline:
            time.sleep(0.2)
        left = connections(server)
        after = processes.resident_kilobytes(pid) - before
        for peer in peers:
            peer.close()
        print(f"| {count} | {open_at_once} | {opened:.1f} s | {each:.1f} KiB | {publishing * 1000:.0f} ms | {left} | {after / 1024:.0f} MiB |")
    finally:
        server.remove()


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| sockets | open at once | opened in | memory each | a publish among them | left after the deadline | memory after |")
    print("|---|---|---|---|---|---|---|")
    for count in [int(text) for text in sys.argv[1:]] or [10_000]:
        measure(count)


if __name__ == "__main__":
    main()
