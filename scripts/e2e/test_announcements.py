"""What leaves beside the media: webhooks, files and Discord (issue 8; I5, I6, I9)."""

import pytest
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import requests

import listeners
from discord import Discord
from listeners import Receiver, Webhook
from rtmp_push import Push
from test_queue_api import Listener, Machine
from waiting import wait_until

SECRET = "a-secret-of-the-tests-0123"
LOCAL = {"LINEUP_TARGETS_ALLOW_NETWORKS": "127.0.0.0/8"}


def add(server, name, receiver, *options, secret=SECRET):
    made = server.run("target", "add", "--kind", "webhook", "--name", name, "--json", *options,
                      stdin=f"{receiver.url}\n{secret}\nX-Own: own-{SECRET}\n")
    server.planted.append(secret)
    return json.loads(made.stdout)


def targets(server):
    return {row["name"]: row for row in json.loads(server.run("target", "list", "--json").stdout)}


def stored_events(server, machine, first):
    """The ids of all events from `first` on, from the event stream's own catch-up."""
    ids = [f"main/{first}"]
    with requests.get(server.url + "/api/v1/events", stream=True, timeout=20,
                      headers={**machine.headers, "Last-Event-ID": first}) as answer:
        kind = None
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            # The snapshot comes behind the catch-up.
            if name == "data" and kind == "queue":
                return ids
            if name == "data":
                data = json.loads(value)
                if "payload" in data:
                    ids.append(f"{data['channel']}/{data['id']}")
    return ids


def change_settings(server, machine, numbers):
    """One event for each number, four at a time. Each is stored when it is answered."""
    def change(number):
        answer = machine.call("PATCH", "/api/v1/channels/main/queue/settings", {"slotLength": number})
        assert answer.status_code == 200, answer.text
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, numbers))


def test_kill_minus_nine_during_a_thousand_events_loses_none_and_keeps_their_order(make_server, ended_later):
    server = make_server(**LOCAL)
    webhook = ended_later(Webhook(SECRET))
    add(server, "studio", webhook)
    server.run("target", "add", "--kind", "file", "--name", "archive", "--file", "events.jsonl")
    machine = Machine(server)
    listener = ended_later(Listener(server, machine.headers))
    change_settings(server, machine, range(600, 601))
    first, _ = listener.next("settings.changed")
    for numbers in (range(1000, 1300), range(1300, 1650), range(1650, 2000)):
        if numbers[0] > 1000:
            server.kill()
            server.start()
        change_settings(server, machine, numbers)
    written = stored_events(server, machine, first)
    assert len(written) == 1001
    begin = time.monotonic()
    wait_until(lambda: webhook.firsts == written, "every event at the receiver, in order", 60)
    print(f"\n{len(written)} events, {len(webhook.arrived)} requests' worth, the last {time.monotonic() - begin:.1f} s later")
    assert webhook.wrong == []
    lines = wait_until(lambda: (found := (server.data / "events" / "events.jsonl").read_text().splitlines())
                       and len({json.loads(line)["id"] for line in found}) == len(written) and found, "the file", 30)
    assert list(dict.fromkeys(json.loads(line)["channel"] + "/" + json.loads(line)["id"] for line in lines)) == written
    assert targets(server)["studio"]["state"] == "fine"
    for place in (server.log_text(), server.get("/metrics").text):
        assert SECRET not in place and "/hook" not in place


def handover_times(server, machine, count):
    """Seconds from the act to the other DJ's picture, for each of `count` skips between two DJs who come back by themselves."""
    took = []
    for _ in range(count):
        view = server.view()
        present = next(entry["name"] for entry in view["entries"] if entry["state"] == "onAir")
        begin = time.monotonic()
        machine.act("skip")
        wait_until(lambda: server.on_air() not in (None, present), "the next DJ on air", 30, every=0.005)
        took.append(time.monotonic() - begin)
        wait_until(lambda: sum(entry["ready"] for entry in server.view()["entries"]) == 3, "three ready again", 30)
    return took


@pytest.mark.extended
def test_targets_of_every_bad_kind_change_no_hand_over_and_are_up_to_date_when_they_return(make_server, ended_later):
    server = make_server(LINEUP_PROGRAMME_DELAY="1", **LOCAL)
    machine = Machine(server, "admin")
    for name in ("DJ A", "DJ B", "DJ C"):
        dj = server.make_dj(name)
        ended_later(Push("127.0.0.1", server.rtmp_port, dj.key, reconnect=True).start())
        wait_until(lambda name=name: name in server.queue(), f"{name} in the queue", 20)
        server.wait_for_on_air("DJ A")
    wait_until(lambda: sum(entry["ready"] for entry in server.view()["entries"]) == 3, "all ready", 30)
    alone = handover_times(server, machine, 4)

    good = ended_later(Webhook(SECRET))
    bad = {kind.__name__: ended_later(Receiver(kind)) for kind in (
        listeners.hang, listeners.endless, listeners.drip, listeners.redirect, listeners.broken, listeners.reset)}
    gone = ended_later(Receiver(listeners.hang))
    gone.stop()
    add(server, "good", good)
    for name, receiver in [*bad.items(), ("gone", gone)]:
        add(server, name, receiver)
    crowded = handover_times(server, machine, 4)
    print(f"\nhand-over: alone {[round(t * 1000) for t in alone]} ms, median {statistics.median(alone) * 1000:.0f};"
          f" with 7 bad targets {[round(t * 1000) for t in crowded]} ms, median {statistics.median(crowded) * 1000:.0f}")
    # The clip's key frames are what both wait for; a target that were waited for would cost seconds.
    assert statistics.median(crowded) < statistics.median(alone) + 1.5
    failing = ("hang", "drip", "gone", "broken", "reset", "redirect")
    states = wait_until(lambda: (rows := targets(server)) and all(rows[name]["state"] == "failing" for name in failing) and rows,
                        "all bad ones to be told so", 40, every=0.5)
    assert states["good"]["state"] == "fine", states
    # An answer's beginning says that it was taken, however long it goes on.
    assert states["endless"]["delivered"] > 0

    back = {}
    for name, receiver in (("hang", bad["hang"]), ("gone", gone)):
        receiver.stop()
        back[name] = ended_later(Webhook(SECRET))
        back[name].stop()
        back[name].port = receiver.port
        back[name].start()
    begin = time.monotonic()
    for name, webhook in back.items():
        wait_until(lambda: webhook.firsts[-1:] == good.firsts[-1:] and len(webhook.firsts) >= len(good.firsts) - 1,
                   f"{name} up to date", 40)
        print(f"{name}: up to date {time.monotonic() - begin:.1f} s after its return")
        assert webhook.firsts == good.firsts[-len(webhook.firsts):]


def test_discord_has_one_message_a_slot_that_lives_whatever_discord_does(make_server, ended_later):
    discord = ended_later(Discord())
    server = make_server(DISCORD_WEBHOOK_URL=discord.webhook, LINEUP_PROGRAMME_DELAY="1", **LOCAL)
    server.planted.append("tok-en_of.the-tests")
    machine = Machine(server, "admin")
    discord.moods = ["429", "500", "429-global"]
    for name in ("DJ *A* @everyone", "DJ B"):
        dj = server.make_dj(name)
        ended_later(Push("127.0.0.1", server.rtmp_port, dj.key, reconnect=True).start())
        wait_until(lambda name=name: name in server.queue(), f"{name} in the queue", 20)
        server.wait_for_on_air("DJ *A* @everyone")
    wait_until(lambda: discord.said == ["🔴 DJ \\*A\\* \\@everyone is on air"], "the first slot's message", 30)
    wait_until(lambda: any(field["name"] == "Next up" and field["value"] == "DJ B"
                           for field in discord.messages[discord.order[0]]["embeds"][0]["fields"]), "next up in it", 30)
    discord.moods = ["hang"]
    machine.act("skip")
    server.wait_for_on_air("DJ B")
    wait_until(lambda: discord.said[:2] == ["DJ \\*A\\* \\@everyone was on air for 0 min: an operator moved on",
                                            "🔴 DJ B is on air"], "the first closed, the second begun", 40)
    machine.act("close")
    wait_until(lambda: discord.said[-1] == "The queue of main is closed: nobody can join now.", "the queue's word", 30)

    # Away for three slots: what is over is not told, what was told is closed, what is true is said.
    discord.stop()
    machine.act("open")
    for _ in range(3):
        present = server.on_air()
        wait_until(lambda: sum(entry["ready"] for entry in server.view()["entries"]) == 2, "both ready", 30)
        machine.act("skip")
        wait_until(lambda: server.on_air() not in (None, present), "the other on air", 30)
    on_air = server.on_air()
    discord.start()
    begin = time.monotonic()
    plain = "DJ B" if on_air == "DJ B" else "DJ \\*A\\* \\@everyone"
    wait_until(lambda: discord.said.count(f"🔴 {plain} is on air") == 1
               and sum("on air" in text for text in discord.said) == 3, "one live message, the others closed", 40)
    print(f"\nDiscord told the truth {time.monotonic() - begin:.1f} s after its return; {discord.edits} edits")
    assert discord.wrong == []
    rows = targets(server)
    assert rows["discord"]["state"] == "fine" and rows["discord"]["place"] == f"http://127.0.0.1:{discord.port}"
    for text in (server.log_text(), server.get("/metrics").text, json.dumps(rows)):
        assert "tok-en_of" not in text
