#!/usr/bin/env python3
"""Kills the server and its database at random under load, and checks after each that the queue stands (issue: the queue, whole).

    .venv-e2e/bin/python scripts/crash/queue_crash.py --kills 200 --pg-restarts 20 --seed 1

Every choice comes from the seed; what the machine's timing makes of it does not. Prints one line a kill and the figures at the
end; ends with 1 and says what broke, with the server's log kept, at the first invariant that does not hold.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "e2e")]

from crash_world import World  # noqa: E402
from queue_invariants import Broken, check, check_stored, check_successor, snapshot  # noqa: E402
from waiting import wait_until  # noqa: E402

SLOT_TOLERANCE = 1.0
# A view may be ahead of the database by the moves that are being written when the server dies.
UNWRITTEN_SECONDS = 2.0


def check_known(known, stored):
    """Everything that a command was told is done is there."""
    check(stored["version"] >= known.version, f"an act made version {known.version}, stored is {stored['version']}")
    if known.unsure:
        # Taken as it is, once.
        known.unsure = False
        known.settings = {name: stored["settings"].get(name) for name in known.settings}
        known.held = {entry["id"]: entry["row"]["held"] for entry in stored["live"]}
        known.banned = set(stored["bans"])
        known.user_slots = dict(stored["userSlots"])
    check(known.banned == set(stored["bans"]), f"banned are {stored['bans']}, were {sorted(known.banned)}")
    check(known.user_slots == stored["userSlots"], f"slots of their own are {stored['userSlots']}, were {known.user_slots}")
    for name, value in known.settings.items():
        check(stored["settings"].get(name) == value, f"{name} is {stored['settings'].get(name)}, was set to {value}")
    for entry in stored["live"]:
        if entry["id"] in known.held:
            check(entry["row"]["held"] == known.held[entry["id"]], f"the hold of {entry['name']} is not as it was set")


def check_blocks(stored, view, when):
    """Who is blocked by which rule until when is the same in a view and in the database, when both are of one version."""
    if not view or "blocked" not in view or view["version"] != stored["version"]:
        return
    shown = sorted([entry["user"], entry["rule"], entry.get("until") and round(datetime.fromisoformat(entry["until"]).timestamp())]
                   for entry in view["blocked"])
    kept = sorted([user, rule, until and round(until)] for user, rule, until in stored["blocks"])
    check(len(shown) == len(kept) and all(
        left[:2] == right[:2] and abs((left[2] or 0) - (right[2] or 0)) <= 1 for left, right in zip(shown, kept)),
        f"{when} the blocks shown are {shown}, stored are {kept}")


def check_order(stored, view, restarted=False, called=()):
    """What the server shows is what is stored, in its order; who joins again stands behind.

    Who was chosen for the air and had no picture out when the server died has not begun: it waits in its place again, unless it
    is back and chosen anew already: by an operator's word (`called`), or because all before it are held.
    """
    shown = [entry["id"] for entry in view["entries"]]
    kept = [entry["id"] for entry in stored["live"]]
    head = [entry["id"] for entry in stored["live"]
            if entry["state"] == "on_air" and (entry["row"]["on_air_since"] or not restarted)]
    first = view["entries"][0] if view["entries"] else None
    if restarted and not head and first and first["state"] == "onAir" and first["id"] in kept:
        before = stored["live"][:kept.index(first["id"])]
        if first["id"] in called or all(entry["row"]["held"] for entry in before):
            head = [first["id"]]
    expected = head + [entry for entry in kept if entry not in head]
    check([entry for entry in shown if entry in kept] == [entry for entry in expected if entry in shown],
          f"the order was {expected}, is {shown}")


def slot_error(seen, killed_at, view):
    """By how many seconds the slot's remaining time differs from what it was at the kill; None where nothing can be said."""
    if not seen:
        return None
    moment, before = seen
    if killed_at - moment > UNWRITTEN_SECONDS:
        return None
    for entry in before["entries"]:
        if entry["state"] != "onAir" or entry.get("remainingSeconds") is None or not entry["clockRuns"]:
            continue
        for again in view["entries"]:
            if again["id"] == entry["id"] and again["state"] == "onAir":
                expected = entry["remainingSeconds"] - (killed_at - moment)
                # With the DJ back on air already, only a time that was given back can be told.
                late = max(0.0, again["remainingSeconds"] - expected)
                return late if again["clockRuns"] else again["remainingSeconds"] - expected
    return None


class Run:
    def __init__(self, arguments):
        self.rng = random.Random(arguments.seed)
        self.world = World(self.rng)
        self.stored = snapshot(self.world.database)
        self.slot_errors, self.starts, self.settled, self.blocks = [], [], [], 0

    def kill_server(self):
        """Load, `kill -9` in the middle of it, checks, start, checks. Answers a line about it."""
        world = self.world
        moment = {}

        def kill():
            moment["at"] = time.monotonic()
            world.server.process.kill()

        timer = threading.Timer(self.rng.uniform(0.05, 2.5), kill)
        timer.start()
        steps = 0
        while world.server.process.poll() is None:
            world.step()
            steps += 1
        timer.join()
        seen = world.seen
        stored = self.check_database()
        check_known(world.known, stored)
        check_blocks(stored, seen and seen[1], "at the kill")
        self.blocks += len(stored["blocks"])
        for person in world.people:
            person.banned = person.name in world.known.banned
        begin = time.monotonic()
        world.server.launch()
        # Looked at before the encoders are back, while the slot's clock stands.
        view = wait_until(world.look, "the queue's first view")
        self.starts.append(time.monotonic() - begin)
        after = self.check_database()
        check_blocks(after, view, "after the start")
        check(after["epoch"] > stored["epoch"], "a restarted server has a higher epoch")
        events = {kind for *_, kind, _, _ in after["events"][len(stored["events"]):]}
        if not events & {"queue.left", "queue.moved"}:
            check_order(stored, view, restarted=True, called=[entry["id"] for entry in stored["live"] if entry["row"]["called_until"]])
        error = slot_error(seen, moment["at"], view)
        if error is not None:
            self.slot_errors.append(error)
            check(abs(error) <= SLOT_TOLERANCE, f"the slot's remaining time is off by {error:.2f} s")
        begin = time.monotonic()
        self.check_places(after)
        self.settled.append(time.monotonic() - begin)
        return f"{steps} steps, version {after['version']}, epoch {after['epoch']}, {len(after['live'])} in the queue" + (
            f", slot off by {error:+.2f} s" if error is not None else "")

    def check_places(self, stored):
        """Who comes back within grace has the place that they had."""
        places = {entry["name"]: entry["id"] for entry in stored["live"]}
        ended_before = set(stored["ended"])
        view = self.world.settle()
        again = self.check_database()
        for person in self.world.people:
            if not person.wanted or person.banned or person.name not in places:
                continue
            now = [entry["id"] for entry in view["entries"] if entry["name"] == person.name]
            reason = again["ended"].get(places[person.name])
            check(now == [places[person.name]] or (reason and places[person.name] not in ended_before),
                  f"{person.name} came back and has another place")
            check(reason not in {"dropped"}, f"{person.name} came back within grace and was dropped")

    def restart_database(self):
        """PostgreSQL dies under load, is away for a while and returns; the server goes on and then has written everything."""
        world = self.world
        self.look_on_air()
        how = self.rng.choice([signal.SIGQUIT, signal.SIGINT, signal.SIGKILL])
        world.database.kill(how)
        wait_until(lambda: world.server.ready().status_code == 503, "/readyz to say that the database is away", 20)
        away = self.rng.uniform(0.2, 3.0)
        until, steps = time.monotonic() + away, 0
        while time.monotonic() < until:
            world.step()
            steps += 1
            check(world.server.process.poll() is None, "the server ended with its database")
        world.database.start()
        wait_until(lambda: world.server.ready().status_code == 200, "/readyz to be fine again", 40)
        self.settled_with_database()
        return f"{how.name}, away {away:.1f} s, {steps} steps meanwhile"

    def look_on_air(self):
        check(self.world.look() is not None, "the queue's API does not answer")

    def settled_with_database(self):
        """What the API shows is what is stored, once everything is written."""
        def same():
            view = self.world.look()
            stored = snapshot(self.world.database)
            return (view, stored) if view and view["version"] == stored["version"] else None
        view, stored = wait_until(same, "the database to have what the API shows", 20)
        shown = [entry["id"] for entry in view["entries"]]
        check(sorted(shown) == sorted(entry["id"] for entry in stored["live"]), "API and database show different entries")
        check_order(stored, view)
        check_blocks(stored, view, "with the database back")
        self.check_database()
        check_known(self.world.known, self.stored)

    def check_database(self):
        stored = snapshot(self.world.database)
        check_stored(stored)
        check_successor(self.stored, stored)
        self.stored = stored
        return stored

    def finish(self):
        """DJs who vanished are gone when their grace is over, for that reason, and nobody else is."""
        away = {person.name for person in self.world.people if not person.wanted}
        before = self.check_database()
        waiting = {entry["id"] for entry in before["live"] if entry["name"] in away}
        wait_until(lambda: not waiting & {entry["id"] for entry in self.world.look()["entries"]},
                   "places of DJs who stay away to end", 60)
        self.settled_with_database()
        reasons = {self.stored["ended"][entry] for entry in waiting}
        check(reasons <= {"dropped"}, f"DJs who stayed away left for {reasons}")


def summary(run, arguments, seconds):
    errors = sorted(abs(error) for error in run.slot_errors)
    return {
        "seed": arguments.seed, "kills": len(run.starts), "pgRestarts": run.world.database.starts - 1,
        "seconds": round(seconds), "versions": run.stored["version"], "events": len(run.stored["events"]),
        "entries": len(run.stored["ended"]) + len(run.stored["live"]), "acts": run.world.known.acts,
        "steps": run.world.counts, "blocksOverKills": run.blocks, "slotErrorsMeasured": len(errors),
        "slotErrorMaximumSeconds": round(errors[-1], 2) if errors else None,
        "slotErrorMedianSeconds": round(errors[len(errors) // 2], 2) if errors else None,
        "startMaximumSeconds": round(max(run.starts), 2) if run.starts else None,
        "backInPlaceMaximumSeconds": round(max(run.settled), 2) if run.settled else None,
    }


def crash(arguments, say=print):
    """The whole run; raises `AssertionError` at what does not hold. Answers its figures."""
    begin = time.monotonic()
    run = Run(arguments)
    plan = ["kill"] * arguments.kills + ["database"] * arguments.pg_restarts
    run.rng.shuffle(plan)
    try:
        for number, what in enumerate(plan, start=1):
            line = run.kill_server() if what == "kill" else run.restart_database()
            say(f"{number:4} {what:8} {line}")
        run.finish()
        return summary(run, arguments, time.monotonic() - begin)
    except Exception:
        kept = Path(f"/tmp/lineup-crash-{arguments.seed}.log")
        shutil.copy(run.world.server.log, kept)
        say(f"seed {arguments.seed}: the server's log is {kept}; the queue as stored:")
        say(json.dumps({key: run.stored[key] for key in ("version", "epoch", "live")}, indent=1)[:4000])
        raise
    finally:
        run.world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pg-restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    arguments = parser.parse_args()
    try:
        print(json.dumps(crash(arguments, say=lambda line: print(line, flush=True))))
    except (Broken, AssertionError) as error:
        print(f"seed {arguments.seed}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
