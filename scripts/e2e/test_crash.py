"""kill -9, restart, stop: the queue stands, numbers rise, nothing is left (I6, I7, I12)."""

import signal
import subprocess
import time

import pytest
import requests

import clips
import processes
from places import BINARY
from recording import Recording, SegmentReader, watch_for
from test_queue import three_in_line
from waiting import wait_until


def names(identities):
    return [f"{pid} {processes.name(pid)}" for pid, _ in identities]


def all_gone(below, limit):
    try:
        wait_until(lambda: not processes.alive(below), "the server's processes to end", limit)
    except AssertionError as error:
        raise AssertionError(f"{error}: {names(processes.alive(below))}") from None


def test_order_and_numbers_survive_kill_minus_nine(server, publish, ended_later):
    three_in_line(server, publish, reconnect=True)
    server.wait_for_on_air("DJ A")
    reader = ended_later(SegmentReader(server.playlist))
    reader.wait_for_segments(2)
    before = reader.load()
    reader.stop()

    below = server.kill()
    all_gone(below, 10)
    begin = time.monotonic()
    server.start()
    print(f"\nrestart on the same data: ready and playing after {time.monotonic() - begin:.2f} s")
    assert server.queue() == ["DJ A", "DJ B", "DJ C"], "the queue stands before anybody is back"
    wait_until(lambda: all(entry["connected"] for entry in server.view()["entries"]), "all three back", 30)
    assert server.queue() == ["DJ A", "DJ B", "DJ C"]
    server.wait_for_on_air("DJ A")

    again = ended_later(SegmentReader(server.playlist))
    again.wait_for_segments(1)
    after = again.load()
    last_before = before.media_sequence + len(before.segments) - 1
    assert after.media_sequence > last_before, "I7: no number is used twice"
    assert (after.discontinuity_sequence or 0) >= (before.discontinuity_sequence or 0)
    assert any(segment.discontinuity for segment in after.segments) or after.discontinuity_sequence > (
        before.discontinuity_sequence or 0), "the first segment after a start carries a discontinuity"


def test_remaining_slot_survives_kill_minus_nine(server, publish):
    server.run("queue", "set", "slotLength=10m")
    dj = server.make_dj("DJ A")
    publish(server, dj, clips.A, reconnect=True)
    server.wait_for_on_air("DJ A")
    watch_for(4)
    left = server.view()["entries"][0]["remainingSeconds"]
    server.kill()
    server.start()
    server.wait_for_on_air("DJ A", timeout=30)
    again = server.view()["entries"][0]["remainingSeconds"]
    assert left - 4 <= again <= left + 2.5, "a heartbeat twice a second keeps the used time"


@pytest.mark.parametrize("moment", ["while A leaves", "while the next is joining"])
def test_kill_during_a_hand_over_loses_nobody_who_waits(server, publish, moment):
    _, (first, *_) = three_in_line(server, publish, reconnect=True)
    server.wait_for_on_air("DJ A")
    first.stop()
    if moment == "while the next is joining":
        server.wait_for_queue("DJ B", "DJ C", timeout=5)
    server.kill()
    server.start()
    queue = server.queue()
    assert queue in (["DJ B", "DJ C"], ["DJ A", "DJ B", "DJ C"]), queue
    wait_until(lambda: all(entry["connected"] for entry in server.view()["entries"] if entry["name"] != "DJ A"), "B and C back", 30)


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_stops_in_five_seconds_and_leaves_nothing(server, publish, folder, ended_later, signal_name):
    _, publishers = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    # A page's live queue and a kept connection are open as well.
    events = requests.get(server.url + "/api/v1/events", stream=True, timeout=10)
    below = processes.descendants(server.process.pid)
    assert below, "the private PostgreSQL runs below the server"
    begin = time.monotonic()
    server.process.send_signal(getattr(signal, signal_name))
    assert server.process.wait(5) == 0
    print(f"\nstopped in {time.monotonic() - begin:.2f} s with three DJs, a player and a browser connection")
    all_gone(below, 2)
    assert not (server.data / "serve.json").exists()
    for publisher in publishers:
        publisher.end()
    viewer.stop()
    events.close()


def test_queue_stands_after_a_clean_restart(server, publish):
    three_in_line(server, publish, reconnect=True)
    server.wait_for_on_air("DJ A")
    assert server.stop() == 0
    begin = time.monotonic()
    server.start()
    print(f"\nsecond start: ready and playing after {time.monotonic() - begin:.2f} s")
    wait_until(lambda: [entry["name"] for entry in server.view()["entries"] if entry["connected"]] == ["DJ A", "DJ B", "DJ C"],
               "the same three in the same order", 30)


def test_second_server_on_the_same_folder_is_refused(server):
    answer = server.run("serve", check=False)
    assert answer.returncode != 0
    assert len(answer.stderr.strip().splitlines()[-1]) > 20, "a sentence says what to do"
    assert server.ready().status_code == 200


def test_busy_port_and_nonsense_are_refused_with_the_key_s_name(server):
    def refused(**settings):
        environment = {**server.environment, "LINEUP_DATA_DIR": str(server.folder / "other"), **settings}
        return subprocess.run([str(BINARY), "serve"], env=environment, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)

    for key, value in {"LINEUP_HTTP_PORT": "70000", "LINEUP_PROGRAMME_DELAY": "-3", "LINEUP_LOG_LEVEL": "loud",
                       "LINEUP_LOG_FORMAT": "xml", "LINEUP_BIND_ADDRESS": "not an address"}.items():
        answer = refused(**{key: value})
        assert answer.returncode != 0 and key in answer.stderr, f"{key}: {answer.stderr[-300:]}"
    answer = refused(LINEUP_RTMP_PORT=str(server.rtmp_port), LINEUP_HTTP_PORT="0")
    assert answer.returncode != 0 and str(server.rtmp_port) in answer.stderr
