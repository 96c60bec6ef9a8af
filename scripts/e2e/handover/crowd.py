"""Those who wait while hand-overs are judged: N publishers of 6 Mbit/s, held so that their turn never comes."""

import multiprocessing
import sys
import time
from pathlib import Path

from places import WORK
from waiting import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Benchmarks"))

from load import Loop, Senders, encode_loop, open_publisher  # noqa: E402

# Lineup takes 64 connections from an address at once, then 16 a second.
PAUSE = 0.07
SETTINGS = {"LINEUP_RTMP_MAX_CONNECTIONS": 1024, "LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS": 1024}


class Crowd:
    """Publishers in a process of their own. All of them are in the queue, and held, when it is made."""

    def __init__(self, server, count):
        loop = WORK / "clips" / "crowd-6000k.flv"
        encode_loop(loop, kilobits=6000)
        before = len(server.queue())
        djs = [server.make_dj(f"Waiting {number}") for number in range(count)]
        self.count = count
        # Spawned: a fork would hold the pipes of the judge's decoders open, and none of them would ever see its input's end.
        context = multiprocessing.get_context("spawn")
        self._lost = context.Value("i", 0)
        self._behind = context.Value("d", 0)
        self._process = context.Process(
            target=self._send, args=(loop, server.rtmp_port, [dj.key for dj in djs], self._lost, self._behind), daemon=True)
        self._process.start()
        wait_until(lambda: len(server.queue()) == before + count, f"{count} more in the queue", 60 + count)
        for dj in djs:
            server.run("queue", "hold", dj.name)

    @staticmethod
    def _send(path, port, keys, lost, behind):
        senders = Senders(Loop(path))
        for key in keys:
            senders.add(open_publisher("127.0.0.1", port, "live", key))
            time.sleep(PAUSE)
        senders.begin()
        # The first turn finds the connections that wait; how late it is later is what tells.
        senders.run(5)
        while True:
            senders.run(5)
            lost.value, behind.value = senders.lost, max(behind.value, senders.behind)

    def figures(self):
        return {"publishers": self.count, "lost": self._lost.value, "latest_write_ms": round(self._behind.value * 1000)}

    def stop(self):
        self._process.kill()
        self._process.join()
