#!/usr/bin/env python3
"""What live listeners of the queue cost: so many readers of /api/v1/events, so many moves, and the server's CPU for them.

    .venv-e2e/bin/python Benchmarks/listeners.py --listeners 1000 --moves 50 [--binary .build/release/lineup]

Prints one JSON object: CPU milliseconds a move, bytes a listener got, and how late the last listener heard of a move.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))


def cpu_of(pid):
    """Seconds of user and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Listener(asyncio.Protocol):
    def __init__(self, meeting):
        self.meeting, self.tail, self.bytes = meeting, b"", 0

    def connection_made(self, transport):
        transport.write(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")

    def data_received(self, data):
        self.bytes += len(data)
        text = self.tail + data
        # A move is heard when a view of its version has come.
        if any(mark in text for mark in self.meeting.marks):
            self.meeting.heard(self)
        self.tail = text[-64:]


class Meeting:
    """Waits until all listeners have heard of one version."""

    marks = ()

    def start(self, version, count):
        self.marks, self.waiting, self.done = (b'"version":%d,' % version, b'"version":%d}' % version), set(), asyncio.Event()
        self.count = count

    def heard(self, listener):
        self.waiting.add(listener)
        if len(self.waiting) == self.count:
            self.done.set()


async def measure(server, listeners, moves):
    from test_queue_api import QUEUE, Machine
    operator = Machine(server)
    version = operator.call("GET", QUEUE).json()["version"]
    meeting = Meeting()
    meeting.start(version, listeners)
    loop = asyncio.get_running_loop()
    readers = []
    for _ in range(listeners):
        _, reader = await loop.create_connection(lambda: Listener(meeting), "127.0.0.1", server.http_port)
        readers.append(reader)
    await asyncio.wait_for(meeting.done.wait(), 120)
    await asyncio.sleep(2)
    idle_begin, idle = time.monotonic(), cpu_of(server.process.pid)
    await asyncio.sleep(4)
    idle_rate = (cpu_of(server.process.pid) - idle) / (time.monotonic() - idle_begin)
    bytes_before, begin, cpu, late = sum(reader.bytes for reader in readers), time.monotonic(), cpu_of(server.process.pid), []
    for number in range(moves):
        version += 1
        meeting.start(version, listeners)
        at = time.monotonic()
        await asyncio.to_thread(operator.act, "close" if number % 2 == 0 else "open")
        await asyncio.wait_for(meeting.done.wait(), 120)
        late.append(time.monotonic() - at)
    spent = cpu_of(server.process.pid) - cpu - idle_rate * (time.monotonic() - begin)
    return {
        "listeners": listeners, "moves": moves, "cpu_ms_per_move": round(1000 * spent / moves, 1),
        "bytes_per_listener_and_move": round((sum(reader.bytes for reader in readers) - bytes_before) / listeners / moves),
        "last_heard_ms_median": round(1000 * statistics.median(late)), "last_heard_ms_worst": round(1000 * max(late)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--djs", type=int, default=20, help="DJs who wait: the size of a view")
    parser.add_argument("--binary")
    wanted = parser.parse_args()
    if wanted.binary:
        os.environ["LINEUP_BINARY"] = wanted.binary
    import clips
    from rtmp_push import Push, tags_of
    from server import Server
    small = clips.Clip("crash", "red", 440, width=160, height=90, fps=10, gop_seconds=0.5, seconds=12)
    tags_of(small)
    server = Server(LINEUP_LOG_LEVEL="warning").start()
    pushes = []
    try:
        # In grace for the whole of it: places without media, so that only moves of ours happen.
        server.run("queue", "set", "graceWaiting=1h", "graceOnAir=1h", "autoAdvance=false")
        for number in range(wanted.djs):
            push = Push("127.0.0.1", server.rtmp_port, server.make_dj(f"DJ {number}").key, small, reconnect=False).start()
            pushes.append(push)
            server.wait_for_queue(*[f"DJ {place}" for place in range(number + 1)], timeout=60)
            push.vanish()
        print(json.dumps(asyncio.run(measure(server, wanted.listeners, wanted.moves))))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
