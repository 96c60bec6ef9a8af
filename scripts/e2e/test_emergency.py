"""An operator's grip on the output (design §5, Emergency), seen in what leaves."""

import json
import time
from datetime import datetime

import pytest

import clips
from test_queue_api import Machine
from waiting import wait_until

EMERGENCY = "/api/v1/channels/main/emergency"
# On a loaded machine; the figure itself is measured by scripts/bench-handover.
LIMIT = 3.0


def shown(server, name):
    return lambda: server.on_air() == name


def test_slate_mute_and_back_act_at_any_delay_and_outlive_the_server(make_server, publish):
    server = make_server(LINEUP_PROGRAMME_DELAY=5)
    operator = Machine(server)
    publish(server, server.make_dj("DJ A"), clips.A, reconnect=True)
    server.wait_for_on_air("DJ A", 30)

    begin = time.monotonic()
    view = operator.call("POST", EMERGENCY, {"state": "slate"}).json()
    assert view["emergency"] == "slate"
    wait_until(lambda: server.view()["showing"] == "slate", "the slate")
    took = time.monotonic() - begin
    print(f"\nslate after {took * 1000:.0f} ms with a delay of 5 s")
    assert took < LIMIT, "an emergency does not wait for the delay line"
    entry = server.view()["entries"][0]
    assert (entry["name"], entry["state"], entry["clockRuns"]) == ("DJ A", "onAir", False), "the queue is unharmed"
    assert "emergency" not in server.view(), "only operators see it"

    # A crash does not lift it: the DJ is back and ready, and the slate stays.
    server.kill()
    server.start()
    wait_until(lambda: [entry["ready"] for entry in server.view()["entries"]] == [True], "the DJ back and ready", 30)
    assert server.view()["showing"] == "slate"
    assert "emergency: slate" in server.run("channel", "list").stdout

    server.run("channel", "emergency", "mute")
    wait_until(shown(server, "DJ A"), "the DJ's picture without sound", 20)
    server.run("channel", "emergency", "off")
    assert json.loads(server.run("channel", "list", "--json").stdout)[0]["emergency"] == "off"
    acts = [line for line in operator.call("GET", "/api/v1/audit").json()["records"] if line["action"] == "channel.emergency"]
    assert [line["after"]["emergency"] for line in acts] == ["off", "mute", "slate"]
    assert [line["actor"]["kind"] for line in acts] == ["commandLine", "commandLine", "token"]


@pytest.mark.parametrize("act", ["ban"])
def test_a_ban_ends_what_the_line_holds(make_server, publish, act):
    server = make_server(LINEUP_PROGRAMME_DELAY=10)
    operator = Machine(server)
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A", 40)
    begin = time.monotonic()
    operator.act(act, entry="DJ A")
    wait_until(lambda: server.view()["showing"] == "slate", "the slate")
    took = time.monotonic() - begin
    print(f"\nslate {took * 1000:.0f} ms after the ban with a delay of 10 s")
    assert took < LIMIT


LONG_GROUPS = clips.Clip("long", "green", 880, fps=30, gop_seconds=4.0, b_frames=2)


@pytest.mark.parametrize("delay", [0, 5, pytest.param(30, marks=pytest.mark.extended)])
def test_slate_and_back_act_at_the_output_before_a_key_frame_comes(make_server, publish, delay):
    server = make_server(LINEUP_PROGRAMME_DELAY=delay)
    operator = Machine(server)
    publish(server, server.make_dj("DJ A"), LONG_GROUPS)
    server.wait_for_on_air("DJ A", 30 + 2 * delay)
    for _ in range(2):
        operator.call("POST", EMERGENCY, {"state": "slate"})
        wait_until(lambda: server.view()["showing"] == "slate", "the slate")
        operator.call("POST", EMERGENCY, {"state": "off"})
        wait_until(shown(server, "DJ A"), "the DJ")

    def acts():
        records = operator.call("GET", "/api/v1/channels/main/handovers?limit=10").json()["handovers"]
        return [record for record in records if record["reason"] == "emergency"]

    wait_until(lambda: len(acts()) == 4, "the record of all four")
    took = [(datetime.fromisoformat(act["onAirAt"]) - datetime.fromisoformat(act["decidedAt"])).total_seconds() for act in acts()]
    print(f"\ndelay {delay} s: slate and back after " + ", ".join(f"{span * 1000:.0f}" for span in reversed(took)) + " ms")
    # Half a second, and what a loaded machine adds; a group of four seconds would show.
    assert max(took) < 1.0
    assert all(abs(act["videoGapFrames"]) <= 1 for act in acts()), "I3"
