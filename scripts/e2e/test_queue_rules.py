"""The queue's rules with DJs on real sockets (issue: the queue, whole): ten at once, drops that are covered, moments that meet.

The encoders are `rtmp_push.Push`: many cost next to nothing. What must hold whatever the timing is asked of the API; where two
things meet in one moment both outcomes are right, and only those.
"""

import threading
import time
from datetime import datetime

import pytest

import clips
from rtmp_push import Push, tags_of
from test_queue_api import QUEUE, Machine
from waiting import wait_until

WAIT = 40
# As small as a picture can be: ten of these leave two busy cores some air.
SMALL = clips.Clip("crash", "red", 440, width=160, height=90, fps=10, gop_seconds=0.5, seconds=12)


class Stage:
    """One server with an operator and DJs by name."""

    def __init__(self, server, ended_later):
        self.server, self._ended_later = server, ended_later
        self.operator = Machine(server)
        self.djs = {}

    def set(self, **settings):
        self.server.run("queue", "set", *[f"{name}={value}" for name, value in settings.items()])

    def make(self, *names):
        """Accounts with keys; those that are there stay."""
        for name in names:
            if name not in self.djs:
                self.djs[name] = self.server.make_dj(name)

    def push(self, name, **options):
        """The DJ's encoder, connecting; the account is made when it is missing."""
        self.make(name)
        return self._ended_later(Push("127.0.0.1", self.server.rtmp_port, self.djs[name].key, SMALL, **options).start())

    def in_line(self, *names, **options):
        """Pushes for each, one after another, all ready, the first on air."""
        before = self.names()
        pushes = []
        for count, name in enumerate(names, start=1):
            pushes.append(self.push(name, **options))
            self.server.wait_for_queue(*before, *names[:count], timeout=WAIT)
            # Whoever is ready first goes on air: the others come when that is settled.
            self.server.wait_for_on_air(self.names()[0], timeout=WAIT)
        wait_until(lambda: all(entry["ready"] for entry in self.entries()), "all in line ready", WAIT)
        return pushes

    def view(self):
        return self.operator.call("GET", QUEUE).json()

    def entries(self):
        return self.view()["entries"]

    def entry(self, name):
        return next((entry for entry in self.entries() if entry["name"] == name), None)

    def names(self):
        return [entry["name"] for entry in self.entries()]

    def past(self, name):
        """(id, reason) of the DJ's past entries, the newest first."""
        entries = self.operator.call("GET", QUEUE + "/history?limit=200").json()["entries"]
        return [(entry["id"], entry["reason"]) for entry in entries if entry["name"] == name]

    def check(self):
        """At most one head, and nobody twice (I1)."""
        entries = self.entries()
        assert sum(entry["state"] == "onAir" for entry in entries) <= 1, entries
        assert len({entry["name"] for entry in entries}) == len(entries), entries
        return entries


@pytest.fixture
def stage(make_server, ended_later):
    # Read, or made, once and not by ten threads at a time.
    tags_of(SMALL)
    return Stage(make_server(LINEUP_PROGRAMME_DELAY="0"), ended_later)


def moment(text):
    return datetime.fromisoformat(text).timestamp()


def sleep_until(at):
    """Only to meet a moment that the server named; what follows is waited for."""
    time.sleep(max(0.0, at - time.time()))


def publish_together(stage, names, spread=0.1):
    """Everybody says `publish` within `spread` s, in an order of their own; answers the pushes."""
    # First: a connection that publishes nothing is not waited for long.
    stage.make(*names)
    ready, go = threading.Barrier(len(names) + 1), threading.Event()

    def gate(place):
        def hold():
            ready.wait(WAIT)
            go.wait(WAIT)
            time.sleep(place * spread / len(names))
        return hold

    pushes = [stage.push(name, gate=gate(place), reconnect=False) for place, name in enumerate(names)]
    ready.wait(WAIT)
    go.set()
    wait_until(lambda: all(push.publishing for push in pushes), f"all {len(names)} publishing", WAIT)
    return pushes


def test_ten_keys_publishing_within_a_tenth_of_a_second_keep_one_order_and_one_head(stage):
    names = [f"DJ {number}" for number in range(10)]
    pushes = publish_together(stage, names)
    span = max(push.said_at for push in pushes) - min(push.said_at for push in pushes)
    print(f"\nten `publish` within {span * 1000:.0f} ms")
    wait_until(lambda: len(stage.names()) == 10 and all(entry["ready"] for entry in stage.entries()), "ten ready", WAIT)
    wait_until(lambda: stage.server.on_air() is not None, "one of them on air", WAIT)
    entries = stage.check()
    assert sorted(entry["name"] for entry in entries) == names, "none is lost"
    # Who was ready first is the head; all others stand as they came.
    joined = [entry["joinedAt"] for entry in entries[1:]]
    assert joined == sorted(joined)

    # On the same channel: full, then closed to one more, and a place that is freed.
    stage.set(maximumLength=10)
    late = stage.push("DJ Late", reconnect=False)
    wait_until(lambda: late.refusal, "the eleventh to be refused", WAIT)
    assert "full" in late.refusal and "10" in late.refusal, late.refusal
    pushes[0].stop()
    wait_until(lambda: "DJ 0" not in stage.names(), "a place to be free", WAIT)
    late = stage.push("DJ Late", reconnect=False)
    wait_until(lambda: late.publishing and stage.names()[-1] == "DJ Late", "the eleventh in", WAIT)

    # A ban ends by itself.
    stage.operator.act("ban", user="DJ Late", seconds=3)
    wait_until(lambda: "DJ Late" not in stage.names(), "the banned to be out", WAIT)
    refused = stage.push("DJ Late", reconnect=False)
    wait_until(lambda: refused.refusal or refused.publishing, "an answer", WAIT)
    assert refused.refusal and "banned" in refused.refusal or not stage.view()["banned"]
    wait_until(lambda: not stage.view()["banned"], "the ban to be over", WAIT)
    wait_until(lambda: stage.push("DJ Late", reconnect=False) and "DJ Late" in stage.names(), "back after the ban", WAIT, every=1)


def test_a_drop_is_covered_by_the_next_and_the_rest_of_the_slot_comes_after(stage):
    stage.set(coverDrop="next", graceOnAir="60s", slotLength="10m")
    first, second, _ = stage.in_line("DJ A", "DJ B", "DJ C", reconnect=False)
    place = stage.entry("DJ A")["id"]
    wait_until(lambda: stage.entry("DJ A")["usedSeconds"] >= 1.5, "some of the slot to be used", WAIT)
    first.vanish()
    stage.server.wait_for_on_air("DJ B", timeout=WAIT)
    away = wait_until(lambda: (entry := stage.entry("DJ A")) and entry["state"] == "waiting" and entry, "A behind the cover")
    assert stage.names() == ["DJ B", "DJ A", "DJ C"], "who dropped comes next"
    used = away["usedSeconds"]
    assert 1.5 <= used
    stage.push("DJ A", reconnect=False)
    wait_until(lambda: stage.entry("DJ A")["ready"], "A to be back", WAIT)
    assert stage.entry("DJ A")["usedSeconds"] == used, "no time runs behind the cover"
    second.stop()
    stage.server.wait_for_on_air("DJ A", timeout=WAIT)
    back = stage.entry("DJ A")
    assert back["id"] == place, "the same place"
    assert back["usedSeconds"] >= used and back["remainingSeconds"] <= 600 - used + 0.1, "the time that was left goes on"
    stage.check()


def test_after_quiet_keeps_a_forgotten_encoder_out_that_retries_for_ever(stage):
    stage.set(rejoin="afterQuiet", slotLength="3s")
    first = stage.push("DJ A", retry_seconds=0.5)
    stage.server.wait_for_on_air("DJ A", timeout=WAIT)
    stage.push("DJ B")
    stage.server.wait_for_on_air("DJ B", timeout=WAIT)
    wait_until(lambda: first.refusal and "stop streaming for" in first.refusal, "the retrying encoder to be told why", WAIT)
    assert stage.entry("DJ A") is None
    blocked = stage.view()["blocked"]
    assert [(entry["name"], entry["rule"]) for entry in blocked] == [("DJ A", "encoderQuiet")], blocked
    until = moment(blocked[0]["until"])
    # Each retry is heard and moves the end.
    wait_until(lambda: moment(stage.view()["blocked"][0]["until"]) > until, "the end to move", WAIT)
    stage.operator.act("unblock", user="DJ A")
    wait_until(lambda: stage.entry("DJ A"), "A back by an operator's word", WAIT)
    stage.check()


def meet_slot_end(stage, offset):
    """The head's slot ends, and within `offset` s the next DJ's connection dies."""
    stage.set(slotLength="1h", graceWaiting="60s")
    _, second, _ = stage.in_line("DJ A", "DJ B", "DJ C", reconnect=False)
    stage.operator.act("remaining", seconds=2)
    view = stage.view()
    end = moment(view["at"]) + view["entries"][0]["remainingSeconds"]
    sleep_until(end + offset)
    second.vanish()
    print(f"\nslot's end and disconnect {(time.time() - end) * 1000:.0f} ms apart")
    wait_until(lambda: stage.past("DJ A") and stage.past("DJ A")[0][1] == "slotOver", "A's slot to be over", WAIT)
    wait_until(lambda: (entry := stage.entry("DJ B")) and not entry["connected"], "B to be seen as gone", WAIT)


def test_the_slots_end_meets_the_next_djs_disconnect(stage):
    stage.set(coverDrop="next", graceOnAir="60s")
    meet_slot_end(stage, 0.0)
    # B was taken and covered, or was gone already: C plays, and B's place is kept.
    stage.server.wait_for_on_air("DJ C", timeout=WAIT)
    entries = stage.check()
    assert [entry["name"] for entry in entries] == ["DJ C", "DJ B"], entries
    assert stage.past("DJ B") == [] and entries[1]["graceUntil"]


def meet_grace_end(stage, push, name, offset):
    """The place of `name` is kept until a moment; their encoder says `publish` in that moment. Answers (old, new) id."""
    push.vanish()
    away = wait_until(lambda: (entry := stage.entry(name)) and entry.get("graceUntil") and entry, "the place to be kept", WAIT)
    end = moment(away["graceUntil"])
    back = stage.push(name, reconnect=False, gate=lambda: sleep_until(end + offset))
    wait_until(lambda: back.publishing, "the DJ to publish again", WAIT)
    print(f"\n`publish` {(back.said_at - end) * 1000:+.1f} ms from the end of grace")
    return away["id"], wait_until(lambda: (entry := stage.entry(name)) and entry["connected"] and entry, "the DJ in the queue", WAIT)["id"], back


def test_a_dj_returns_in_the_instant_in_which_grace_ends(stage):
    stage.set(graceWaiting="2s", slotLength="1h")
    _, push, _ = stage.in_line("DJ A", "DJ B", "DJ C", reconnect=False)
    kept = 0
    for offset in (-0.002, 0.0, 0.002):
        old, new, push = meet_grace_end(stage, push, "DJ B", offset)
        stage.check()
        if new == old:
            kept += 1
            assert stage.past("DJ B")[:1] != [(old, "dropped")], "kept and ended"
        else:
            assert stage.past("DJ B")[0] == (old, "dropped")
            assert stage.names()[-1] == "DJ B", "a new place is at the tail"
        wait_until(lambda: all(entry["ready"] for entry in stage.entries()), "all ready", WAIT)
    print(f"kept the place {kept} times of 3")
