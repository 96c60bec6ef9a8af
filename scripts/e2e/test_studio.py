"""The collective's OBS follows the programme (issue 8): the real program under Xvfb, read through obs-websocket by the test itself."""

import json
import re
import statistics
import time

import pytest

import clips
import listeners
from publishers import Encoder
from rtmp_push import Push
from test_announcements import handover_times
from test_queue_api import Machine
from waiting import wait_until

obs = pytest.importorskip("obs", reason="obsws-python is missing")
pytestmark = [pytest.mark.obs, pytest.mark.skipif(not obs.is_installed(), reason="obs-studio or xvfb is missing")]

DJS = ("DJ A", "DJ B", "DJ C")


def all_ready(server):
    wait_until(lambda: sum(entry["ready"] for entry in server.view()["entries"]) == len(DJS), "three ready", 30)


def next_dj(server, machine):
    """Ends the slot on air; answers who has it then."""
    all_ready(server)
    present = server.on_air()
    machine.act("skip")
    return wait_until(lambda: (name := server.on_air()) not in (None, present) and name, "the next DJ on air", 30, every=0.02)


def transitions(server):
    found = re.search(r'lineup_obs_transitions_total\{studio="studio"\} (\d+)', server.get("/metrics").text)
    return int(found.group(1)) if found else 0


def connection(machine):
    return machine.call("GET", "/api/v1/obs").json()["connections"][0]


def change_rules(machine, admin, rules):
    """Gives the connection other rules, and waits until it stands again with them."""
    before = connection(machine)
    answer = admin.call("PATCH", f"/api/v1/obs/{before['id']}", {"rules": rules})
    assert answer.status_code == 200, answer.text

    def is_back():
        now = connection(machine)
        return now["state"] == "fine" and now["connectedSince"] != before["connectedSince"]

    wait_until(is_back, "connected with the new rules", 15)


def follow(make_server, ended_later, count):
    """`count` transitions, and half as many with OBS killed in the midst; answers the times of convergence."""
    studio = ended_later(obs.StudioOBS("rtmp://127.0.0.1:1/play/main"))
    server = make_server(LINEUP_PROGRAMME_DELAY="1", **studio.settings)
    server.planted.append(studio.password)
    machine = Machine(server)
    wait_until(lambda: studio.shows() == ("Slate", ""), "OBS to show the slate", 15)
    assert connection(machine)["state"] == "fine", connection(machine)
    for name in DJS:
        dj = server.make_dj(name)
        ended_later(Push("127.0.0.1", server.rtmp_port, dj.key, reconnect=True).start())
        wait_until(lambda name=name: name in server.queue(), f"{name} in the queue", 20)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: studio.shows() == ("Live", "DJ A"), "OBS to show the first DJ")
    took = []
    for number in range(count):
        if number == count // 2:
            studio.kill()
            wait_until(lambda: connection(machine)["state"] == "away", "the server to see that OBS is gone", 15)
            for _ in range(2):
                next_dj(server, machine)
            studio.start()
            begin = time.monotonic()
            wait_until(lambda: studio.shows() == ("Live", server.on_air()), "OBS as it should be after its return", 15)
            print(f"\nOBS back: right {time.monotonic() - begin:.2f} s after it answers")
            assert time.monotonic() - begin < 5
        name = next_dj(server, machine)
        begin = time.monotonic()
        wait_until(lambda: studio.shows() == ("Live", name), f"OBS to show {name}", 5, every=0.02)
        took.append(time.monotonic() - begin)
    done = transitions(server)
    print(f"{count} transitions, OBS right after {sorted(took)[len(took) // 2] * 1000:.0f} ms in the median,"
          f" {max(took) * 1000:.0f} ms at most; {done} batches")
    # One batch a transition: the slate, the first DJ, each skip; those while OBS was away are none.
    assert done <= count + 3
    machine.call("POST", "/api/v1/channels/main/emergency", {"state": "slate"})
    wait_until(lambda: studio.shows() == ("Slate", ""), "OBS to show the slate")
    return studio, server, machine


def test_obs_follows_the_programme_through_its_own_crash(make_server, ended_later):
    studio, server, machine = follow(make_server, ended_later, 4)
    # By the API and the command line, without the password.
    shown = wait_until(lambda: (row := connection(machine))["scene"] == "Slate" and row, "OBS's word of its scene")
    assert (shown["name"], shown["state"], shown["password"]) == ("studio", "fine", True)
    picture = machine.call("GET", f"/api/v1/obs/{shown['id']}/screenshot")
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8", picture.text
    tested = json.loads(server.run("obs", "test", "studio", "--json").stdout)
    assert tested["connected"] and set(tested["scenes"]) == {"Boot", "Live", "Slate"} and tested["missing"] == []
    batch = json.loads(server.run("obs", "dry-run", "studio", "onair.started").stdout)
    assert [request["requestType"] for request in batch["requests"]] == ["SetInputSettings", "SetCurrentProgramScene"]
    # Visibility by the source's name is one batch, with OBS's own variables.
    rules = [{"on": ["settings.changed"], "requests": [
        {"requestType": "SetSceneItemEnabled",
         "requestData": {"sceneName": "Live", "sourceName": "DJ", "sceneItemEnabled": False}}]}]
    admin = Machine(server, "admin")
    change_rules(machine, admin, rules)
    item = studio.requests.get_scene_item_id("Live", "DJ").scene_item_id
    assert studio.requests.get_scene_item_enabled("Live", item).scene_item_enabled
    machine.call("PATCH", "/api/v1/channels/main/queue/settings", {"slotLength": 1234})
    wait_until(lambda: not studio.requests.get_scene_item_enabled("Live", item).scene_item_enabled, "the text hidden")
    refused = admin.call("PATCH", f"/api/v1/obs/{shown['id']}",
                         {"rules": [{"on": ["onair.started"], "requests": [{"requestType": "RemoveScene",
                                                                           "requestData": {"sceneName": "Live"}}]}]})
    assert refused.status_code == 422 and "RemoveScene cannot be used" in refused.text
    admin.call("PATCH", f"/api/v1/obs/{shown['id']}", {"password": "wrong"})
    wait_until(lambda: connection(machine)["state"] == "wrongPassword", "the wrong password to be told", 10)
    for text in (server.log_text(), server.get("/metrics").text, json.dumps(connection(machine))):
        assert studio.password not in text


@pytest.mark.extended
def test_obs_follows_fifty_transitions_through_its_own_crash(make_server, ended_later):
    follow(make_server, ended_later, 50)


@pytest.mark.extended
def test_obs_plays_the_programme_through_twenty_hand_overs_of_other_forms(make_server, ended_later):
    server = make_server(LINEUP_PROGRAMME_DELAY="1")
    studio = ended_later(obs.StudioOBS(f"rtmp://127.0.0.1:{server.rtmp_port}/play/main"))
    server.planted.append(studio.password)
    server.run("obs", "add", "--name", "studio", "--host", "127.0.0.1", "--port", str(studio.settings["OBS_PORT"]), "--password-stdin",
               "--preset", "liveScene=Live", "--preset", "slateScene=Slate", "--preset", "djText=DJ",
               "--preset", "restartMedia=programme", stdin=studio.password + "\n")
    restarts = []

    def on_media_input_action_triggered(data):
        restarts.append(data.media_action)

    listener = studio.listen(on_media_input_action_triggered)
    machine = Machine(server)
    looks = dict(zip(DJS, (clips.A, clips.TALL_B_FRAMES, clips.CD_RATE)))
    for name, clip in looks.items():
        dj = server.make_dj(name)
        ended_later(Encoder(server.publish_url(dj.key), clip))
        wait_until(lambda name=name: name in server.queue(), f"{name} in the queue", 20)
    server.wait_for_on_air("DJ A")
    took = []
    for number in range(20):
        name = next_dj(server, machine)
        begin = time.monotonic()
        wait_until(lambda: seen(studio.picture()) == looks[name].colour, f"{looks[name].colour} in OBS", 20)
        took.append(time.monotonic() - begin)
    listener.disconnect()
    print(f"\n20 hand-overs seen in OBS after {sorted(took)[10]:.2f} s in the median, {max(took):.2f} s at most;"
          f" {len(restarts)} media restarts")
    assert 20 <= len(restarts) <= 21 and set(restarts) == {"OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"}


@pytest.mark.extended
def test_obs_of_every_bad_kind_change_no_hand_over(make_server, ended_later):
    server = make_server(LINEUP_PROGRAMME_DELAY="1")
    machine = Machine(server)
    for name in DJS:
        dj = server.make_dj(name)
        ended_later(Push("127.0.0.1", server.rtmp_port, dj.key, reconnect=True).start())
        wait_until(lambda name=name: name in server.queue(), f"{name} in the queue", 20)
    server.wait_for_on_air("DJ A")
    all_ready(server)
    alone = handover_times(server, machine, 4)
    kinds = (listeners.hang, listeners.endless, listeners.drip, listeners.broken, listeners.reset, listeners.websocket_flood)
    for kind in kinds:
        receiver = ended_later(listeners.Receiver(kind))
        server.run("obs", "add", "--name", kind.__name__, "--host", "127.0.0.1", "--port", str(receiver.port), "--preset",
                   "liveScene=Live", "--preset", "djText=DJ")
    crowded = handover_times(server, machine, 4)
    print(f"\nhand-over: alone {[round(t * 1000) for t in alone]} ms, median {statistics.median(alone) * 1000:.0f};"
          f" with {len(kinds)} bad OBS {[round(t * 1000) for t in crowded]} ms, median {statistics.median(crowded) * 1000:.0f}")
    assert statistics.median(crowded) < statistics.median(alone) + 1.5
    shown = {row["name"]: row for row in machine.call("GET", "/api/v1/obs").json()["connections"]}
    print({name: (row["state"], row.get("lastError")) for name, row in shown.items()})
    assert all(row["state"] == "away" or name == "websocket_flood" for name, row in shown.items())


def seen(picture):
    """The name of the colour that dominates."""
    red, green, blue = picture
    best = max((red, "red"), (green, "green"), (blue, "blue"))
    return best[1] if best[0] > 100 and best[0] > 2 * sorted(picture)[1] else "none"
