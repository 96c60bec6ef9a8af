"""What must hold in the database whatever was killed when (design §4 and §9: I1, I6), asked of the tables themselves."""

SNAPSHOT = """
SELECT json_build_object(
    'version', c.queue_version, 'epoch', c.owner_epoch, 'settings', coalesce(c.settings, '{}'::jsonb),
    'live', (SELECT coalesce(json_agg(json_build_object(
            'id', id, 'user', user_id, 'name', name, 'state', state, 'used', used_on_air_ns / 1e9, 'away', grace_until IS NOT NULL,
            'row', to_jsonb(e)) ORDER BY position, id), '[]') FROM queue_entries e WHERE channel = c.name AND state <> 'ended'),
    'ended', (SELECT coalesce(json_object_agg(id, end_reason), '{}') FROM queue_entries
            WHERE channel = c.name AND state = 'ended'),
    'events', (SELECT coalesce(json_agg(json_build_array(epoch, sequence, version, ordinal, kind, payload->>'entry',
            payload->>'reason') ORDER BY epoch, sequence), '[]') FROM events WHERE channel = c.name),
    'bans', (SELECT coalesce(json_agg(u.name ORDER BY u.name), '[]') FROM queue_bans b JOIN users u ON u.id = b.user_id
            WHERE b.channel = c.name),
    'blocks', (SELECT coalesce(json_agg(json_build_array(user_id, rule, extract(epoch FROM until)) ORDER BY user_id, rule), '[]')
            FROM queue_blocks WHERE channel = c.name),
    'userSlots', (SELECT coalesce(json_object_agg(u.name, s.seconds), '{}') FROM queue_user_slots s
            JOIN users u ON u.id = s.user_id WHERE channel = c.name),
    'audit', (SELECT count(*) FROM audit_log),
    'clock', extract(epoch FROM clock_timestamp()))
FROM channels c WHERE c.name = 'main'
"""


class Broken(AssertionError):
    """An invariant that does not hold."""


def check(condition, what):
    if not condition:
        raise Broken(what)


def snapshot(database):
    """The channel as it is stored, in one consistent look."""
    return database.ask(SNAPSHOT)


def check_rows(stored):
    """At most one on air, at most one place a person (I1)."""
    live = stored["live"]
    on_air = [entry["name"] for entry in live if entry["state"] == "on_air"]
    check(len(on_air) <= 1, f"two on air: {on_air}")
    users = [entry["user"] for entry in live]
    check(len(users) == len(set(users)), f"a person has two places: {[entry['name'] for entry in live]}")
    check(all(entry["used"] >= 0 for entry in live), "a slot has used less than nothing")


def check_events(stored):
    """No number is missing or doubled, and versions never go back along them (I6)."""
    expected, last_version, ordinals = {}, 0, {}
    for epoch, sequence, version, ordinal, kind, _, _ in stored["events"]:
        check(sequence == expected.get(epoch, 0) + 1, f"event {epoch}-{sequence} ({kind}) follows {epoch}-{expected.get(epoch, 0)}")
        expected[epoch] = sequence
        check(version >= last_version, f"event {epoch}-{sequence} is of version {version}, the one before of {last_version}")
        last_version = version
        check(ordinal == ordinals.get(version, -1) + 1, f"version {version} lacks its event {ordinals.get(version, -1) + 1}")
        ordinals[version] = ordinal
    check(last_version <= stored["version"], f"an event of version {last_version} beyond the queue's {stored['version']}")
    check(all(epoch <= stored["epoch"] for epoch in expected), "an event of an epoch that nobody took")


def check_story(stored):
    """The outbox tells what the rows say: who joined and did not leave is there, who left went for the reason told (I6)."""
    joined, left = {}, {}
    for epoch, sequence, _, _, kind, entry, reason in stored["events"]:
        if kind == "queue.joined":
            check(entry not in joined, f"entry {entry} joined twice")
            joined[entry] = (epoch, sequence)
        elif kind == "queue.left":
            check(entry in joined, f"entry {entry} left before it joined")
            check(entry not in left, f"entry {entry} left twice")
            left[entry] = reason
    live = {entry["id"] for entry in stored["live"]}
    check(set(joined) - set(left) == live,
          f"events and rows differ: only told {set(joined) - set(left) - live}, only stored {live - (set(joined) - set(left))}")
    check(left == stored["ended"], "a reason that was told is not the one stored")


def check_stored(stored):
    check_rows(stored)
    check_events(stored)
    check_story(stored)


def check_successor(before, after):
    """Nothing that was committed is gone or different later (I6)."""
    check(after["version"] >= before["version"], f"version {before['version']} became {after['version']}")
    check(after["epoch"] >= before["epoch"], f"epoch {before['epoch']} became {after['epoch']}")
    check(after["events"][:len(before["events"])] == before["events"], "events that were stored are gone or different")
    check(before["ended"].items() <= after["ended"].items(), "a past entry is gone or different")
    check(after["audit"] >= before["audit"], "lines of the audit log are gone")
    check({entry["id"] for entry in before["live"]} <= {entry["id"] for entry in after["live"]} | set(after["ended"]),
          "a live entry is gone without an end")
