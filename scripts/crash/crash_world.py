"""A server, its database, DJs who come and go and an admin who acts, all of it by a seeded random: what a crash test kills."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import clips
from database import Database
from queue_invariants import check
from rtmp_push import Push
from server import Server
from waiting import wait_until

# Short enough that places of DJs who stay away end within the run, long enough that one that comes back after a restart on a
# busy machine has its own.
GRACE_SECONDS = 25
SMALL = clips.Clip("crash", "red", 440, width=160, height=90, fps=10, gop_seconds=0.5, seconds=12)


@dataclass
class Person:
    """A DJ and their encoder. `wanted`: it publishes, or tries to."""

    name: str
    key: str
    push: Push = None
    banned: bool = False

    @property
    def wanted(self):
        return self.push is not None


@dataclass
class Known:
    """What the server has answered for: it must be there after any crash."""

    version: int = 0
    held: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    banned: set = field(default_factory=set)
    acts: int = 0
    # An act was under way when the server died: it is done or not, and nobody was told.
    unsure: bool = False


class World:
    def __init__(self, rng, people=5):
        self.rng = rng
        self.database = Database().start()
        self.server = Server(DATABASE_URL=self.database.url, LINEUP_PROGRAMME_DELAY="0", LINEUP_LOG_LEVEL="info")
        self.server.start()
        self.known = Known()
        self.people = []
        for number in range(people):
            dj = self.server.make_dj(f"DJ {chr(65 + number)}")
            self.people.append(Person(dj.name, dj.key))
        self.counts = {}
        # What the API said last: (moment, view); None while something is under way that may change the slot's time.
        self.seen = None
        self.act("set", f"graceOnAir={GRACE_SECONDS}s", f"graceWaiting={GRACE_SECONDS}s", "slotLength=45m",
                 settings={"graceOnAirSeconds": GRACE_SECONDS, "graceWaitingSeconds": GRACE_SECONDS, "slotSeconds": 2700})

    def close(self):
        with ThreadPoolExecutor(len(self.people)) as pool:
            list(pool.map(lambda person: person.push and person.push.vanish(), self.people))
        self.server.remove()
        self.database.remove()

    # -- looking

    def look(self):
        """The queue as the API shows it, remembered with its moment; None while the server is gone."""
        before = time.monotonic()
        answer = self.server.get("/api/v1/channels/main/queue")
        if answer.status_code != 200:
            return None
        view = answer.json()
        self.seen = ((before + time.monotonic()) / 2, view)
        on_air = [entry["name"] for entry in view["entries"] if entry["state"] == "onAir"]
        check(len(on_air) <= 1, f"the API shows two on air: {on_air}")
        return view

    # -- one step of load

    def step(self):
        """One thing that a DJ or an admin does. Answers its name."""
        away = [person for person in self.people if not person.wanted]
        here = [person for person in self.people if person.wanted]
        choices = [("watch", 5, lambda: time.sleep(self.rng.uniform(0.1, 1.2)))]
        if away:
            choices.append(("join", 4, lambda: self.join(self.rng.choice(away))))
        if len(here) > 1:
            choices.append(("stop", 1, lambda: self.leave(self.rng.choice(here), "stop")))
            choices.append(("vanish", 2, lambda: self.leave(self.rng.choice(here), "vanish")))
        if here:
            choices += [(name, weight, act) for name, weight, act in self.acts(self.rng.choice(here))]
        names, weights, bodies = zip(*choices)
        index = self.rng.choices(range(len(choices)), weights)[0]
        if names[index] != "watch":
            # Whatever comes of it: the slot's clock may stand or have other time left now.
            self.seen = None
        bodies[index]()
        self.counts[names[index]] = self.counts.get(names[index], 0) + 1
        self.look()
        return names[index]

    def acts(self, person):
        rng = self.rng
        seconds = rng.randrange(600, 5400)
        yield "skip", 1, lambda: self.act("skip")
        yield "remove", 1, lambda: self.act("remove", person.name)
        yield "move", 2, lambda: self.act("move", person.name, str(rng.randrange(1, 6)))
        yield "put-on-air", 1, lambda: self.act("put-on-air", person.name)
        yield "hold", 2, lambda: self.hold(person, True)
        yield "release", 2, lambda: self.hold(person, False)
        yield "extend", 1, lambda: self.act("extend", f"--by={rng.choice([-60, 30, 300])}s")
        yield "set", 2, lambda: self.act("set", f"slotLength={seconds}s", settings={"slotSeconds": seconds})
        yield "ban", 1, lambda: self.ban(person)
        banned = [other for other in self.people if other.banned]
        if banned:
            yield "unban", 3, lambda: self.unban(rng.choice(banned))

    # -- DJs

    def join(self, person):
        if not person.banned:
            person.push = Push("127.0.0.1", self.server.rtmp_port, person.key, SMALL).start()

    def leave(self, person, how):
        push, person.push = person.push, None
        getattr(push, how)()

    # -- the admin

    def act(self, name, *arguments, settings=None):
        """One command. Answers the queue as it prints it; None when it was refused or the server was gone."""
        answer = self.server.run("queue", name, *arguments, "--json", check=False)
        if answer.returncode != 0:
            self.known.unsure = self.known.unsure or self.server.process.poll() is not None
            return None
        view = json.loads(answer.stdout)
        self.known.acts += 1
        self.known.version = max(self.known.version, view["version"])
        self.known.settings.update(settings or {})
        return view

    def hold(self, person, is_held):
        view = self.act("hold" if is_held else "release", person.name)
        if view:
            for entry in view["entries"]:
                if entry["name"] == person.name:
                    self.known.held[entry["id"]] = is_held

    def ban(self, person):
        # A DJ's encoder goes on trying, as an encoder does; it must not get in.
        if self.act("ban", person.name, "--for=24h", "--reason=crash test"):
            person.banned = True
            self.known.banned.add(person.name)

    def unban(self, person):
        if self.act("unban", person.name):
            person.banned = False
            self.known.banned.discard(person.name)

    # -- waiting

    def settle(self, timeout=40):
        """Waits until everybody whose encoder runs has a connected place; answers the view."""
        def probe():
            view = self.look()
            if view is None:
                return None
            connected = {entry["name"] for entry in view["entries"] if entry["connected"]}
            missing = {person.name for person in self.people if person.wanted and not person.banned} - connected
            return view if not missing else None
        return wait_until(probe, "every encoder's DJ to be connected", timeout)
