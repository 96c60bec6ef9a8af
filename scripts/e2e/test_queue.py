"""Whose turn it is, over real RTMP (design §4)."""

import json

import clips
from waiting import wait_until


def three_in_line(server, publish, **options):
    """A goes on air, B and C publish after it; the queue has them in this order. Answers (djs, publishers)."""
    djs = [server.make_dj(name) for name in ("DJ A", "DJ B", "DJ C")]
    publishers = []
    for count, (dj, clip) in enumerate(zip(djs, (clips.A, clips.B, clips.C)), start=1):
        publishers.append(publish(server, dj, clip, **options))
        server.wait_for_queue(*[dj.name for dj in djs[:count]])
        # Behind the slate whoever is ready first goes on air first, and that need not be who joined first.
        server.wait_for_on_air("DJ A")
    return djs, publishers


def test_first_in_is_first_on_air_and_others_wait_connected(server, publish):
    _, publishers = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    entries = server.view()["entries"]
    assert [(entry["name"], entry["state"]) for entry in entries] == [
        ("DJ A", "onAir"), ("DJ B", "waiting"), ("DJ C", "waiting")]
    wait_until(lambda: all(entry["connected"] and entry["ready"] for entry in server.view()["entries"]), "all three ready")
    assert all(publisher.running for publisher in publishers)


def test_next_goes_on_air_when_the_head_stops(server, publish):
    _, (first, *_) = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    first.stop()
    server.wait_for_queue("DJ B", "DJ C", timeout=5)
    # The slot's clock starts with the first picture that left.
    wait_until(lambda: server.view()["entries"][0].get("onAirSince"), "B's first picture to leave",
               clips.B.gop_seconds + 2 + 2)


def test_waiting_dj_who_stops_leaves_the_line(server, publish):
    _, (_, second, _) = three_in_line(server, publish)
    second.stop()
    server.wait_for_queue("DJ A", "DJ C")


def test_waiting_dj_who_vanishes_keeps_the_place_and_returns_to_it(server, publish):
    djs, (_, second, _) = three_in_line(server, publish)
    second.vanish()
    wait_until(lambda: not server.view()["entries"][1]["connected"], "B to be seen as gone")
    assert server.queue() == ["DJ A", "DJ B", "DJ C"]
    publish(server, djs[1], clips.B)
    wait_until(lambda: server.view()["entries"][1]["connected"], "B to be back")
    assert server.queue() == ["DJ A", "DJ B", "DJ C"]


def test_slot_ends_by_its_clock_and_the_dj_is_told(server, publish):
    server.run("queue", "set", "slotLength=6s")
    _, (first, *_) = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    server.wait_for_on_air("DJ B", timeout=15)
    first.end()
    assert "DJ A" not in server.queue()
    assert json.loads(server.run("queue", "list", "--json").stdout)["slotSeconds"] == 6


def test_second_encoder_on_one_key_replaces_the_first(server, publish):
    dj = server.make_dj("DJ A")
    old = publish(server, dj)
    server.wait_for_queue("DJ A")
    new = publish(server, dj)
    old.end()
    wait_until(lambda: server.view()["entries"][0]["connected"], "the new connection in the place")
    assert new.running and server.queue() == ["DJ A"]


def test_command_line_lists_and_skips_in_a_running_server(server, publish):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    listed = json.loads(server.run("queue", "list", "--json").stdout)
    assert [entry["name"] for entry in listed["entries"]] == ["DJ A", "DJ B", "DJ C"]
    server.run("queue", "skip")
    server.wait_for_on_air("DJ B")
