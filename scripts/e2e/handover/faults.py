"""What bad networks and odd encoders do to the programme: one scenario each, on a server of its own.

`scripts/bench-handover --faults` runs them all and prints a table; `test_bad_networks.py` runs the short ones.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

from handover import coded
from handover.coded import Coded
from handover.eye import Eye
from handover.verdict import Verdict
from handover.watcher import Watcher
from proxy import Proxy
from recording import watch_for
from rtmp_push import Push, is_configuration, tags_in
from server import Server
from waiting import wait_until

RED = Coded("fault-red", "red", 440, seconds=64)
GREEN = Coded("fault-green", "green", 660, seconds=64, b_frames=2)
LARGER = Coded("fault-large", "red", 440, size=(384, 216), seconds=64)
LONG_GOP = Coded("fault-long", "green", 660, gop_seconds=10.0, b_frames=2, seconds=80)


def tags(clip):
    return tags_in(coded.path_of(clip)), clip.seconds * 1000


def jumping(after, by):
    """Timestamps that leap `by` milliseconds once, `after` milliseconds into the stream, in the middle of a group."""
    return lambda at: at + (by if at >= after else 0)


def resized(first, second, after):
    """`first` for `after` milliseconds, then what `second` has from there on with its configuration, in one stream: the pictures'
    numbers go on."""
    one, two = tags(first)[0], tags(second)[0]
    kept = [tag for tag in one if tag[1] < after]
    configuration = [(kind, after, body) for kind, _, body in two if is_configuration(kind, body)]
    rest = [tag for tag in two if tag[0] != 18 and tag[1] >= after and not is_configuration(tag[0], tag[2])]
    return kept + configuration + rest, second.seconds * 1000


def without_key_frames(clip):
    read, length = tags(clip)
    return [tag for tag in read if is_configuration(tag[0], tag[2]) or not (tag[0] == 9 and tag[2][0] >> 4 == 1)], length


class Stage:
    """One server, its DJs behind proxies, and the judges of its programme."""

    def __init__(self, delay, eye=False, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="lineup-faults-"))
        self.problems = []
        self.server = Server(LINEUP_PROGRAMME_DELAY=delay, LINEUP_LOG_LEVEL="info", **settings).start()
        self.djs = []
        self.verdict = Verdict([RED, GREEN], {}, self._problem, lambda join: None)
        self.watcher = Watcher(self.server.playlist, self.verdict.decoder, self._problem)
        self.eye = Eye(self.server) if eye else None

    def _problem(self, kind, text):
        self.problems.append((kind, text))

    def join(self, name, sent, reconnect=True, stamp=None):
        """A DJ who sends `sent` (as `tags`), with its timestamps changed by `stamp`; answers their proxy."""
        dj = self.server.make_dj(name)
        proxy = Proxy(("127.0.0.1", self.server.rtmp_port))
        self.djs.append((Push("127.0.0.1", proxy.port, dj.key, reconnect=reconnect, tags=sent, stamp=stamp).start(), proxy))
        return proxy

    def wait_for_colour(self, colour, timeout=40):
        """Until the decoded programme has changed to it, which is some seconds after it left the server."""
        wait_until(lambda: any(join.new == colour for join in self.verdict.joins[self._looked:]), f"{colour} decoded", timeout)
        self._looked = len(self.verdict.joins)

    _looked = 0

    def entry(self, name):
        return next((entry for entry in self.server.whole_view()["entries"] if entry["name"] == name), None)

    def close(self):
        """Ends everything; answers what was measured."""
        for push, proxy in self.djs:
            push.vanish()
            proxy.stop()
        if self.eye:
            self.eye.stop()
        self.watcher.stop()
        self.verdict.finish()
        self.server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.figures()

    def figures(self):
        report = self.verdict.report()
        kinds = {}
        for kind, _ in self.problems:
            kinds[kind] = kinds.get(kind, 0) + 1
        return {"joins": [f"{join.old}>{join.new} {join.pictures:+.2f} at {join.at:.1f}" for join in self.verdict.joins],
                "pictures": report["pictures"], "breaks": report["breaks_within_slots"], "problems": kinds,
                "stale": round(self.watcher.greatest_staleness, 1), "http_errors": self.watcher.errors}


# -- the scenarios: each answers what was measured

def two_stalls(delay=5, seconds=3, between=30):
    """Shorter than the delay: nothing may be seen of them."""
    stage = Stage(delay)
    try:
        proxy = stage.join("DJ red", tags(RED))
        stage.server.wait_for_on_air("DJ red", 30)
        proxy.stall(seconds)
        watch_for(between)
        proxy.stall(seconds)
        watch_for(seconds + delay + 3)
        stage.wait_for_colour("red")
        watch_for(5)
        measured = stage.figures()
        measured["seen_until"] = stage.verdict.joins[-1].new
    finally:
        stage.close()
    return measured


def emptied(delay=2, times=4):
    """Stalls that empty the line of a DJ with B-frames, at whatever phase of a group they come: no picture may be missing."""
    stage = Stage(delay)
    try:
        proxy = stage.join("DJ green", tags(GREEN))
        stage.server.wait_for_on_air("DJ green", 30)
        for turn in range(times):
            watch_for(4 + turn * 0.13)
            proxy.stall(delay + 2)
            stage.server.wait_for_on_air(None, delay + 10)
            stage.server.wait_for_on_air("DJ green", delay + 20)
        watch_for(delay + 6)
    finally:
        measured = stage.close()
    return measured


def loss(how, delay=0, clip=RED):
    """From the end of the last byte to the first picture of the slate at a player, in milliseconds."""
    stage = Stage(delay, eye=True, LINEUP_RTMP_PLAY_MERGE=0)
    try:
        proxy = stage.join("DJ red", tags(clip), reconnect=False)
        stage.server.wait_for_on_air("DJ red", 30)
        wait_until(lambda: stage.eye.first(clip.colour, 0), "the DJ's picture at the player", 20)
        watch_for(3)
        at = time.monotonic()
        {"FIN": proxy.close, "RST": proxy.reset, "silence": proxy.half_open}[how]()
        shown = wait_until(lambda: stage.eye.first("other", at + 0.02), "the slate at the player", 20)
        last_dj = max(when for when, _, colour in stage.eye.seen if colour == clip.colour)
        watch_for(6)
    finally:
        measured = stage.close()
    measured["slate_after_ms"] = round((shown - at) * 1000)
    measured["dark_ms"] = round((shown - last_dj) * 1000)
    return measured


def jump(by, delay=2):
    """Timestamps that leap in the middle of a group of pictures."""
    stage = Stage(delay)
    try:
        stage.join("DJ red", tags(RED), stamp=jumping(14_500, by))
        stage.server.wait_for_on_air("DJ red", 30)
        watch_for(25)
    finally:
        measured = stage.close()
    measured["breaks_seen"] = [text for kind, text in stage.problems if kind.startswith("pictures of one")]
    return measured


def change_of_size(delay=2):
    stage = Stage(delay)
    try:
        stage.join("DJ red", resized(RED, LARGER, 14_000))
        stage.server.wait_for_on_air("DJ red", 30)
        watch_for(22)
    finally:
        measured = stage.close()
    return measured


def ten_second_groups(delay=2):
    """To and from a DJ whose key frames are ten seconds apart."""
    stage = Stage(delay)
    try:
        stage.join("DJ red", tags(RED))
        stage.server.wait_for_on_air("DJ red", 30)
        stage.join("DJ green", tags(LONG_GOP))
        wait_until(lambda: (stage.entry("DJ green") or {}).get("ready"), "the second DJ ready", 40)
        begin = time.monotonic()
        stage.server.run("queue", "skip")
        stage.server.wait_for_on_air("DJ green", 30)
        took = time.monotonic() - begin
        watch_for(14)
        stage.server.run("queue", "skip")
        stage.server.wait_for_on_air("DJ red", 30)
        watch_for(10)
    finally:
        measured = stage.close()
    measured["skip_to_air_seconds"] = round(took, 1)
    return measured


def no_key_frame(delay=2):
    """Somebody whose stream nobody can decode: never on air, told why; who is on air stays."""
    stage = Stage(delay)
    try:
        stage.join("DJ red", tags(RED))
        stage.server.wait_for_on_air("DJ red", 30)
        stage.join("DJ blind", without_key_frames(GREEN))
        entry = wait_until(lambda: (stage.entry("DJ blind") or {}).get("missing") and stage.entry("DJ blind"), "a reason", 20)
        watch_for(6)
        stage.server.run("queue", "skip")
        watch_for(8)
        entry = stage.entry("DJ blind")
    finally:
        measured = stage.close()
    measured["ready"], measured["missing"] = entry["ready"], entry["missing"]
    return measured


def slow_uplink(delay=2, share=0.6):
    """Less than the stream needs: it stalls again and again, and is never dark."""
    stage = Stage(delay)
    try:
        read, length = tags(RED)
        rate = sum(len(body) for _, _, body in read) / (length / 1000)
        proxy = stage.join("DJ red", (read, length))
        stage.server.wait_for_on_air("DJ red", 30)
        watch_for(3)
        proxy.throttle(rate * share)
        watch_for(30)
        proxy.throttle(None)
        watch_for(12)
    finally:
        measured = stage.close()
    measured["bytes_per_second"] = round(rate)
    return measured


SCENARIOS = {
    "two stalls of 3 s, 30 s apart, delay 5 s": two_stalls,
    "stalls that empty a line with B-frames": emptied,
    "FIN at delay 0": lambda: loss("FIN"),
    "FIN at delay 0, with B-frames": lambda: loss("FIN", clip=GREEN),
    "RST at delay 0": lambda: loss("RST"),
    "half-open at delay 0": lambda: loss("silence"),
    "RST at delay 2 s": lambda: loss("RST", 2),
    "timestamps jump an hour": lambda: jump(3_600_000),
    "timestamps fall back 10 s": lambda: jump(-10_000),
    "size changes mid-stream": change_of_size,
    "key frames 10 s apart": ten_second_groups,
    "no key frame": no_key_frame,
    "uplink at 60 %": slow_uplink,
}


def main(say, only=None):
    """Runs the scenarios, each prints a line; answers the figures by name."""
    found = {}
    for name, scenario in SCENARIOS.items():
        if only and only not in name:
            continue
        try:
            found[name] = scenario()
        except AssertionError as error:
            found[name] = {"failed": str(error)[:300]}
        say(f"{name}: {json.dumps(found[name])}")
    return found
