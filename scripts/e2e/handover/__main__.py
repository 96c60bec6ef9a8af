"""`scripts/bench-handover`: hand-overs in real time with real encoders, judged in decoded output.

    --handovers 100     until so many acts were done, one every --every seconds (the short mode)
    --minutes 120       for so long instead (the long mode)
    --seed N            of the acts' order
    --waiting 200       that many more of 6 Mbit/s wait meanwhile
    --folder F          where log, summary.json and joins.jsonl go

Ends with 0 when no hard promise was broken (DTS, sequence numbers, HTTP errors, staleness).
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import judge
import processes
from handover import coded, crowd, faults
from handover.decode import Decoder
from handover.djs import DJS
from handover.studio import StudioDJ
from handover.verdict import Verdict, spread
from handover.watcher import Watcher
from places import WORK
from server import Server
from waiting import wait_until

# What happens, how often, and whether it is a planned end.
ACTS = {
    "skip": (30, True), "clock": (15, True), "stop": (10, True),
    "kill": (10, False), "freeze": (9, False), "reset": (8, False), "fin": (6, False), "stall": (12, False),
}


class Measurement:
    def __init__(self, options):
        self.options = options
        self.folder = Path(options.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.random = random.Random(options.seed)
        self.problems, self.acts = [], []
        self.counts = {}
        self.memory = []
        self.crowd = None
        self._lock = threading.Lock()
        self._log = open(self.folder / "log.txt", "a", buffering=1)
        self._joins = open(self.folder / "joins.jsonl", "a", buffering=1)
        self.started = time.monotonic()

    def say(self, text):
        line = f"{time.strftime('%H:%M:%S')} {text}"
        print(line, flush=True)
        self._log.write(line + "\n")

    def problem(self, kind, text):
        with self._lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if len(self.problems) < 2000:
                self.problems.append({"at": round(time.monotonic() - self.started, 1), "kind": kind, "text": text})
            if self.counts[kind] <= 30:
                self.say(f"PROBLEM {kind}: {text}")

    def joined(self, join):
        self._joins.write(json.dumps({"after": round(time.monotonic() - self.started, 2), **asdict(join)}) + "\n")

    # -- the run

    def run(self):
        options = self.options
        own = os.nice(0)
        self._prioritise(options.server_nice)
        settings = {"LINEUP_LOG_LEVEL": "info", "LINEUP_PROGRAMME_DELAY": options.delay}
        if options.waiting:
            settings |= crowd.SETTINGS
        for name in ("LINEUP_WEB_ROOT", "LINEUP_MIGRATIONS_DIR"):
            if name in os.environ:
                settings[name] = os.environ[name]
        server = self.server = Server(**settings).start()
        self._prioritise(options.nice if options.nice is not None else own)
        self.say(f"server {server.process.pid} at {server.url}, folder {server.folder}")
        djs = []
        watcher = verdict = None
        try:
            references = {clip.colour: reference(clip) for clip in DJS}
            self.say("sound to picture on disk, ms: " + json.dumps({k: round(v * 1000, 1) for k, v in references.items()}))
            verdict = self.verdict = Verdict(DJS, references, self.problem, self.joined)
            watcher = self.watcher = Watcher(server.playlist, verdict.decoder, self.problem,
                                             keep=self.folder / "segments" if options.keep else None)
            server.run("queue", "set", "slotLength=10m", "graceOnAir=20s", "rejoin=tail")
            for clip in DJS:
                djs.append(StudioDJ(server, server.make_dj("DJ " + clip.name), clip, self.folder))
            wait_until(lambda: len(server.queue()) == len(DJS), "all DJs in the queue", 60)
            wait_until(lambda: server.on_air(), "somebody on air", 60)
            if options.waiting:
                self.crowd = crowd.Crowd(server, options.waiting)
                self.say(f"{options.waiting} more wait")
            self._acts(server, {dj.name: dj for dj in djs})
        finally:
            for dj in djs:
                dj.stop()
            if self.crowd:
                self.crowd.stop()
            if watcher:
                watcher.stop()
                verdict.finish()
                self.write(final=True)
            server.remove()
        return 0 if self.is_sound() else 1

    @staticmethod
    def _prioritise(value):
        if value is None:
            return
        try:
            os.setpriority(os.PRIO_PROCESS, 0, value)
        except PermissionError:
            print(f"no right to run at priority {value}; going on without", file=sys.stderr)

    def _acts(self, server, djs):
        options = self.options
        begin = time.monotonic()
        deadline = begin + options.minutes * 60 if options.minutes else None
        number, next_act, next_look = 0, begin + 15, begin
        while True:
            now = time.monotonic()
            if deadline and now >= deadline or not deadline and number >= options.handovers and now > next_act:
                return
            if server.process.poll() is not None:
                self.problem("the server ended", str(server.process.returncode))
                return
            if now >= next_look:
                next_look += 30
                self._look(server)
            # Where the slate covers, the DJ is on the way back: an act waits for somebody to happen to.
            if now >= next_act and (deadline or number < options.handovers) and (name := server.on_air()):
                number += 1
                next_act = max(next_act, now - options.every / 2) + options.every
                try:
                    self._act(server, djs[name], number)
                except (AssertionError, OSError, KeyError, ValueError) as error:
                    self.problem("an act failed", repr(error)[:300])
            stale = self.watcher.staleness
            if stale > 12 and int(stale) % 10 == 0:
                self.problem("the playlist stands still", f"{stale:.1f} s")
            time.sleep(0.25)

    def _act(self, server, dj, number):
        kinds = list(ACTS)
        kind = self.random.choices(kinds, [ACTS[kind][0] for kind in kinds])[0]
        cover = self.random.choice(["slate", "next"])
        seconds = self.random.choice([1.0, 2.5, 4.0, 7.0])
        self.acts.append({"after": round(time.monotonic() - self.started, 2), "kind": kind, "on_air": dj.name})
        self.say(f"act {number}: {kind} with {dj.name} on air"
                 + ("" if ACTS[kind][1] else f", cover {cover}" + (f", {seconds} s" if kind in ("freeze", "stall") else "")))
        if not ACTS[kind][1]:
            server.run("queue", "set", f"coverDrop={cover}")
        if kind == "skip":
            server.run("queue", "skip")
        elif kind == "clock":
            server.run("queue", "remaining", "--to", "2s")
        elif kind == "stop":
            dj.signal(signal.SIGTERM)
        elif kind == "kill":
            dj.signal(signal.SIGKILL)
        elif kind == "freeze":
            threading.Thread(target=dj.freeze, args=(seconds,), daemon=True).start()
        elif kind == "reset":
            dj.proxy.reset()
        elif kind == "fin":
            dj.proxy.close()
        elif kind == "stall":
            dj.proxy.stall(seconds)

    # -- looking

    def _look(self, server):
        pids = [server.process.pid]
        self.memory.append((round(time.monotonic() - self.started), *memory(pids[0]), round(processes.cpu_seconds(pids[0]), 1)))
        self.write(final=False)
        minutes = (time.monotonic() - self.started) / 60
        last = self.memory[-1]
        summary = self.verdict.report()
        self.say(f"{minutes:.1f} min: {summary['joins']} joins, {summary['pictures']} pictures, rss {last[1]} KB, pss {last[2]} KB, "
                 f"cpu {last[3]} s, {sum(self.counts.values())} problems {self.counts or ''}")

    def drift(self):
        return drift(list(self.watcher.listed))

    def is_sound(self):
        hard = ("DTS did not rise", "a sequence number went back", "discontinuity number changed", "reading failed",
                "a new init section without a discontinuity", "track ids or timescales changed", "the server ended",
                "segments were never seen", "pictures not in order", "the decoder complained",
                "pictures of one DJ do not follow each other", "an act failed")
        return not any(self.counts.get(kind) for kind in hard) and self.watcher.greatest_staleness <= 6.0

    def write(self, final):
        watcher = self.watcher
        gaps = [gap for _, gap, _ in watcher.audio_gaps]
        beyond = [(round(at, 3), round(gap * 1000, 2)) for at, gap, frame in watcher.audio_gaps if abs(gap) > frame + 0.001]
        kinds = {}
        for act in self.acts:
            kinds[act["kind"]] = kinds.get(act["kind"], 0) + 1
        summary = {
            "final": final, "minutes": round((time.monotonic() - self.started) / 60, 2), "seed": self.options.seed,
            "delay_seconds": self.options.delay, "djs": {clip.name: clip.described for clip in DJS},
            "acts": kinds, "acts_total": len(self.acts),
            "crowd": self.crowd.figures() if self.crowd else None,
            "decoded": self.verdict.report(),
            "samples": {"video": watcher.video_samples, "audio": watcher.audio_samples, "video_steps_back": watcher.video_steps_back,
                        "audio_steps_back": watcher.audio_steps_back},
            "audio_gaps_ms": spread([gap * 1000 for gap in gaps]), "audio_gaps_beyond_a_frame": beyond[:50],
            "audio_gaps_beyond_a_frame_count": len(beyond),
            "http": {"requests": watcher.requests, "errors": watcher.errors, "segments": watcher.segments, "bytes": watcher.bytes,
                     "longest_round_seconds": round(watcher.greatest_age, 3)},
            "playlist_longest_without_news_seconds": round(watcher.greatest_staleness, 2),
            "clock_drift": self.drift(),
            "memory_kilobytes": {
                "rss": spread([row[1] for row in self.memory]), "pss": spread([row[2] for row in self.memory]),
                "by_time": [row[:3] for row in self.memory[::max(1, len(self.memory) // 60)]]},
            "server_cpu_seconds": self.memory[-1][3] if self.memory else None,
            "problem_counts": self.counts, "problems": self.problems[:200], "sound": self.is_sound(),
        }
        part = self.folder / "summary.part"
        part.write_text(json.dumps(summary, indent=1))
        part.rename(self.folder / "summary.json")


def drift(listed):
    """How the least time from a segment's end to its listing moves over the run: the programme's clock against the wall."""
    if len(listed) < 20:
        return None
    begin, buckets = listed[0][0], {}
    for at, end in listed[3:]:
        buckets.setdefault(int((at - begin) // 300), []).append(at - end)
    least = [min(values) for _, values in sorted(buckets.items()) if len(values) >= 10]
    if not least:
        return None
    return {"change_ms": round((least[-1] - least[0]) * 1000, 1), "spread_ms": round((max(least) - min(least)) * 1000, 1),
            "per_five_minutes_ms": [round((value - least[0]) * 1000, 1) for value in least]}


def memory(pid):
    """(RSS, PSS) of a process in KB."""
    values = {}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Rss:", "Pss:")):
                values[line[:3]] = int(line.split()[1])
    except OSError:
        pass
    return values.get("Rss", 0), values.get("Pss", 0)


def reference(clip):
    """Seconds from the picture that begins a second to the fall of the sound, in the clip as the DJ sends it."""
    file = coded.path_of(clip)
    decoder = Decoder(b"", 1000, kind="flv")
    decoder.feed(file.read_bytes()[:600_000], min(packet.pts for packet in judge.packets(file) if packet.kind == "audio"))
    decoder.finish()
    marks = [time for time, _, number in decoder.pictures if number is not None and number % clip.fps == 0]
    offsets = [dip - min(marks, key=lambda mark: abs(mark - dip)) for dip in decoder.dips]
    offsets = [offset for offset in offsets if abs(offset) < 0.4]
    assert len(offsets) >= 8, f"{clip.name}: only {len(offsets)} marks in the sound ({decoder.complaints[:3]})"
    return statistics.median(offsets)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-handover", description="Hand-overs in real time, judged in decoded output.")
    parser.add_argument("--handovers", type=int, default=100)
    parser.add_argument("--minutes", type=float, help="for so long instead of a number of acts")
    parser.add_argument("--every", type=float, default=None, help="seconds between acts (15; with --minutes 60)")
    parser.add_argument("--delay", type=int, default=2, help="programme delay in seconds, 0…30 (2)")
    parser.add_argument("--keep", action="store_true", help="keep every segment in the folder, to judge again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--waiting", type=int, default=0, metavar="N", help="so many more DJs of 6 Mbit/s wait meanwhile (0)")
    parser.add_argument("--folder", default=str(WORK / "bench-handover"))
    parser.add_argument("--nice", type=int, help="priority of judge and DJs, -20…19; below 0 needs root")
    parser.add_argument("--server-nice", type=int, help="priority of the server")
    parser.add_argument("--faults", nargs="?", const="", metavar="WORD",
                        help="instead: what bad networks and odd encoders do, all scenarios or those with WORD in their name")
    options = parser.parse_args()
    if options.faults is not None:
        Measurement._prioritise(options.nice)
        found = faults.main(lambda text: print(time.strftime("%H:%M:%S"), text, flush=True), options.faults)
        Path(options.folder).mkdir(parents=True, exist_ok=True)
        (Path(options.folder) / "faults.json").write_text(json.dumps(found, indent=1))
        sys.exit(0 if not any("failed" in row for row in found.values()) else 1)
    options.every = options.every or (60 if options.minutes else 15)
    measurement = Measurement(options)
    code = measurement.run()
    measurement.say("every promise held" if code == 0 else f"promises were broken: {measurement.counts}")
    measurement.say(f"figures: {measurement.folder / 'summary.json'}")
    sys.exit(code)


if __name__ == "__main__":
    main()
