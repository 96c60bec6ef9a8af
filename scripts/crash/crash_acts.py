"""What each act of an operator must make of the queue: the answer of an act on exactly the queue that was looked at before."""

from queue_invariants import check

# Between the look and the act the slot's clock ran on.
CLOCK_TOLERANCE = 5.0


def named(view, name):
    """The entry of that id or DJ name; None when it is not there."""
    return next((entry for entry in view["entries"] if name in (entry["id"], entry["name"])), None)


def on_air(view):
    return next((entry for entry in view["entries"] if entry["state"] == "onAir"), None)


def waiting(view):
    return [entry["id"] for entry in view["entries"] if entry["state"] == "waiting"]


def check_effect(name, body, before, after, user):
    """`user`: the id of the person in `body`."""
    act = f"{name} {body}"
    check(after["version"] >= before["version"], f"{act}: the version went back")
    old = named(before, body["entry"]) if "entry" in body else on_air(before)
    new = named(after, old["id"]) if old else None
    {
        "skip": _ended, "remove": _ended, "move": _moved, "put-on-air": _called, "hold": _held, "release": _held,
        "extend": _timed, "remaining": _timed,
        "ban": _barred, "unban": _barred, "unblock": _barred, "user-slot": lambda *_: None,
    }[name](act, name, body, before, after, old, new, user)


def _ended(act, name, body, before, after, old, new, user):
    check(new is None, f"{act}: the entry is still there")
    if name == "skip" and before["settings"]["blockAfterTurn"] != "off":
        check(old["user"] in {entry["user"] for entry in after["blocked"]}, f"{act}: the DJ is not blocked")


def _moved(act, name, body, before, after, old, new, user):
    order = waiting(before)
    order.remove(old["id"])
    order.insert(body["position"] - 1, old["id"])
    if (on_air(before) or {}).get("id") == (on_air(after) or {}).get("id"):
        check(waiting(after) == order, f"{act}: {waiting(before)} became {waiting(after)}")
    else:
        # Who came to the front this way is taken at once.
        taken = on_air(after)["id"]
        check(waiting(after) == [entry for entry in order if entry != taken], f"{act}: the order is {waiting(after)}")


def _called(act, name, body, before, after, old, new, user):
    check(new is not None and (new["state"] == "onAir" or new.get("calledUntil")), f"{act}: nothing came of it: {new}")
    check(not new["held"], f"{act}: still held")


def _held(act, name, body, before, after, old, new, user):
    check(new is not None and new["held"] == (name == "hold"), f"{act}: held is not as it was set: {new}")


def _timed(act, name, body, before, after, old, new, user):
    if name == "extend":
        expected = max(0, max(0, old["remainingSeconds"]) + body["seconds"])
    else:
        expected = body["seconds"]
    if expected > CLOCK_TOLERANCE:
        check(new is not None and abs(new["remainingSeconds"] - expected) <= CLOCK_TOLERANCE,
              f"{act}: {old['remainingSeconds']} became {new and new['remainingSeconds']}")


def _barred(act, name, body, before, after, old, new, user):
    listed = {entry["user"] for entry in after["blocked" if name == "unblock" else "banned"]}
    check((user in listed) == (name == "ban"), f"{act}: the list is {listed}")
    if name == "ban":
        check(user not in {entry["user"] for entry in after["entries"]}, f"{act}: still in the queue")
