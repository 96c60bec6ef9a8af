"""A server, its database, DJs who come and go and an admin who acts, all of it by a seeded random: what a crash test kills."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import clips
import requests
from crash_acts import check_effect
from database import Database
from queue_invariants import check
from rtmp_push import Push
from server import Server
from waiting import wait_until

# Short enough that places of DJs who stay away end within the run, long enough that one that comes back after a restart on a
# busy machine has its own.
GRACE_SECONDS = 25
QUEUE = "/api/v1/channels/main/queue"
SMALL = clips.Clip("crash", "red", 440, width=160, height=90, fps=10, gop_seconds=0.5, seconds=12)


@dataclass
class Person:
    """A DJ and their encoder. `wanted`: it publishes, or tries to."""

    name: str
    key: str
    user: str = ""
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
    user_slots: dict = field(default_factory=dict)
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
        users = self.database.ask("SELECT json_object_agg(name, id) FROM users")
        for person in self.people:
            person.user = users[person.name]
        self.token = json.loads(
            self.server.run("token", "create", "--role", "operator", "--name", "crash", "--json").stdout)["token"]
        self.counts = {}
        # What the API said last: (moment, view); None while something is under way that may change the slot's time.
        self.seen = None
        self.set(graceOnAir=f"{GRACE_SECONDS}s", graceWaiting=f"{GRACE_SECONDS}s", slotLength="45m", settings={
            "graceOnAirSeconds": GRACE_SECONDS, "graceWaitingSeconds": GRACE_SECONDS, "slotSeconds": 2700})

    def close(self):
        with ThreadPoolExecutor(len(self.people)) as pool:
            list(pool.map(lambda person: person.push and person.push.vanish(), self.people))
        self.server.remove()
        self.database.remove()

    # -- looking

    def ask(self, method, path, body=None, **headers):
        """One request as an operator; None while the server is gone."""
        try:
            return requests.request(method, self.server.url + QUEUE + path, json=body, timeout=15,
                                    headers={"Authorization": f"Bearer {self.token}", **headers})
        except requests.RequestException:
            return None

    def look(self):
        """The queue as its operator sees it, remembered with its moment; None while the server is gone.

        With the database away nobody can be told from an operator: it is the public one then.
        """
        before = time.monotonic()
        answer = self.ask("GET", "")
        if answer is not None and answer.status_code == 503:
            answer = self.server.get(QUEUE)
        if answer is None or answer.status_code != 200:
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
        rng, name = self.rng, person.name
        seconds, by, to, place = rng.randrange(600, 5400), rng.choice([-60, 30, 300]), rng.randrange(300, 4000), rng.randrange(1, 6)
        block = rng.choice(["off", "untilSomeoneElsePlayed", "1m"])
        advances = rng.random() < 0.7
        on_air = self.on_air()
        if on_air:
            yield "skip", 1, lambda: self.act("skip", on_air, entry=on_air)
            yield "extend", 1, lambda: self.act("extend", f"--by={by}s", seconds=by)
            yield "remaining", 1, lambda: self.act("remaining", f"--to={to}s", seconds=to)
        yield "remove", 1, lambda: self.act("remove", name, entry=name)
        yield "move", 2, lambda: self.act("move", name, str(place), entry=name, position=place)
        yield "put-on-air", 1, lambda: self.act("put-on-air", name, entry=name)
        yield "hold", 2, lambda: self.act("hold", name, entry=name)
        yield "release", 2, lambda: self.act("release", name, entry=name)
        yield "set", 2, lambda: self.set(slotLength=f"{seconds}s", settings={"slotSeconds": seconds})
        yield "set-block", 1, lambda: self.set(blockAfterTurn=block, settings={"blockAfterTurn": block})
        yield "set-auto", 1, lambda: self.set(autoAdvance=str(advances).lower(), settings={"autoAdvance": advances})
        yield "user-slot", 1, lambda: self.act("user-slot", name, f"{seconds}s", user=name, seconds=seconds)
        # A DJ's encoder goes on trying, as an encoder does; it must not get in.
        yield "ban", 1, lambda: self.act("ban", name, "--for=24h", "--reason=crash test", user=name, seconds=86400,
                                         reason="crash test")
        banned = [other.name for other in self.people if other.banned]
        if banned:
            freed = rng.choice(banned)
            yield "unban", 3, lambda: self.act("unban", freed, user=freed)
        blocked = [entry["name"] for entry in self.last.get("blocked", [])]
        if blocked:
            released = rng.choice(blocked)
            yield "unblock", 2, lambda: self.act("unblock", released, user=released)

    # -- DJs

    def join(self, person):
        if not person.banned:
            person.push = Push("127.0.0.1", self.server.rtmp_port, person.key, SMALL).start()

    def leave(self, person, how):
        push, person.push = person.push, None
        getattr(push, how)()

    # -- the admin

    @property
    def last(self):
        return self.seen[1] if self.seen else {}

    def on_air(self):
        """The id of the entry on air in the last look."""
        return next((entry["id"] for entry in self.last.get("entries", []) if entry["state"] == "onAir"), None)

    def act(self, name, *arguments, **body):
        """One act by command or by API; what it answers must be so, and stays so. None when it was not done."""
        view = self.command(name, *arguments) if self.rng.random() < 0.3 else self.request(name, body)
        if view:
            self.note(name, body, view)
        return view

    def command(self, name, *arguments):
        answer = self.server.run("queue", name, *arguments, "--json", check=False)
        if answer.returncode == 0:
            return json.loads(answer.stdout)
        self.known.unsure = self.known.unsure or self.server.process.poll() is not None
        return None

    def request(self, name, body):
        """Conditional on the version that was looked at, so that what must come of it is known."""
        before = self.look()
        # What the slot has left is another thing from here on.
        self.seen = None
        if before is None or "blocked" not in before:
            return None
        answer = self.ask("POST", f"/{name}", body, **{"If-Match": f'"{before["version"]}"'})
        if answer is None:
            self.known.unsure = True
            return None
        if answer.status_code == 409 and answer.json()["queue"]["version"] != before["version"]:
            self.counts["conflict"] = self.counts.get("conflict", 0) + 1
        if answer.status_code != 200:
            check(answer.status_code in (404, 409, 422, 400, 503), f"{name} was answered {answer.status_code} {answer.text}")
            return None
        after = answer.json()
        check_effect(name, body, before, after, next((person.user for person in self.people if person.name == body.get("user")), None))
        return after

    def note(self, name, body, view):
        """What a crash may not take away any more."""
        known = self.known
        known.acts += 1
        known.version = max(known.version, view["version"])
        if name in ("hold", "release"):
            known.held.update({entry["id"]: name == "hold" for entry in view["entries"] if entry["name"] == body["entry"]})
        elif name == "put-on-air":
            known.held.update({entry["id"]: False for entry in view["entries"] if entry["name"] == body["entry"]})
        elif name in ("ban", "unban"):
            next(person for person in self.people if person.name == body["user"]).banned = name == "ban"
            (known.banned.add if name == "ban" else known.banned.discard)(body["user"])
        elif name == "user-slot":
            known.user_slots[body["user"]] = body["seconds"]

    def set(self, settings, **texts):
        """Settings by command; `settings` is how they stand in the database."""
        view = self.command("set", *[f"{name}={text}" for name, text in texts.items()])
        if view:
            self.known.acts += 1
            self.known.version = max(self.known.version, view["version"])
            self.known.settings.update(settings)

    # -- waiting

    def settle(self, timeout=40):
        """Waits until everybody whose encoder runs has a connected place; answers the view."""
        def probe():
            view = self.look()
            if view is None:
                return None
            connected = {entry["name"] for entry in view["entries"] if entry["connected"]}
            blocked = {entry["name"] for entry in view.get("blocked", [])}
            missing = {person.name for person in self.people if person.wanted and not person.banned} - connected - blocked
            return view if not missing else None
        return wait_until(probe, "every encoder's DJ to be connected", timeout)
