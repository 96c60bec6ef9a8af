"""Who may publish: refused with the reason, before any media is accepted (issue 2, Ingest; I10)."""

import signal
import time

import pytest
import requests

import clips
import processes
import rawrtmp
from publishers import Publisher
from waiting import wait_until


@pytest.mark.parametrize(
    ("application", "key", "reason"),
    [
        ("live", "lk_" + "a" * 32, "This stream key is not known"),
        ("live", "x' OR '1'='1", "This stream key is not known"),
        ("live", "", "No stream key was sent"),
        ("stage", "REAL", "There is no application 'stage' here"),
    ],
    ids=["unknown key", "hostile key", "no key", "other application"])
def test_refuses_with_a_reason_the_encoder_shows(server, ended_later, application, key, reason):
    dj = server.make_dj("DJ A")
    url = server.publish_url(dj.key if key == "REAL" else key, application)
    # Verbose: some reasons come as an error of `connect`, which ffmpeg prints at this level.
    publisher = ended_later(Publisher(url, loglevel="verbose"))
    assert publisher.end() != 0
    assert reason in publisher.said()
    # ffmpeg writes the header only after the server took the publish.
    assert "Output #0" not in publisher.said()
    assert server.queue() == []


def test_key_may_be_the_last_part_of_the_address_or_the_stream_name(server, publish, ended_later):
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    publish(server, first)
    server.wait_for_queue("DJ A")
    ended_later(Publisher(server.publish_url("").rstrip("/"), clips.B, arguments=("-rtmp_playpath", second.key)))
    server.wait_for_queue("DJ A", "DJ B")


def test_revoked_key_is_refused(server, ended_later):
    dj = server.make_dj("DJ A")
    server.run("key", "revoke", dj.key_id)
    publisher = ended_later(Publisher(server.publish_url(dj.key)))
    assert publisher.end() != 0
    assert "This stream key was revoked" in publisher.said()


def test_revoking_a_key_ends_its_live_connection_within_a_second(server, publish):
    dj, other = server.make_dj("DJ A"), server.make_dj("DJ B")
    publisher = publish(server, dj)
    server.wait_for_queue("DJ A")
    bystander = publish(server, other, clips.B)
    server.wait_for_queue("DJ A", "DJ B")
    server.run("key", "revoke", dj.key_id)
    begin = time.monotonic()
    # ffmpeg finds the closed connection at its next write, a picture later.
    wait_until(lambda: not publisher.running, "the revoked key's connection to end", 1.0 + 0.5)
    print(f"\nrevoked -> ffmpeg gone after {time.monotonic() - begin:.2f} s")
    wait_until(lambda: server.queue() == ["DJ B"] or not server.view()["entries"][0]["connected"], "A's connection to be gone", 1)
    assert bystander.running


def test_a_key_works_again_after_wrong_ones_from_the_same_address(server, publish, ended_later):
    dj = server.make_dj("DJ A")
    for number in range(3):
        wrong = ended_later(Publisher(server.publish_url(f"lk_wrong{number}")))
        assert wrong.end() != 0
    publish(server, dj)
    server.wait_for_queue("DJ A")


def test_closed_queue_refuses_with_the_reason(server, ended_later):
    dj = server.make_dj("DJ A")
    server.run("queue", "set", "open=false")
    publisher = ended_later(Publisher(server.publish_url(dj.key)))
    assert publisher.end() != 0
    assert "The queue is closed" in publisher.said()
    assert requests.get(server.url + "/queue-json", timeout=5).json() == {"stream_queue": []}


def counted(server, name):
    """A metric's value; 0 while it was never counted."""
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return 0


def test_a_frozen_encoder_is_replaced_within_a_tenth_of_a_second(server, publish, ended_later):
    """Its machine hangs: the socket is open, nothing is read, nothing is sent, no FIN ever comes."""
    dj = server.make_dj("DJ A")
    frozen = publish(server, dj)
    server.wait_for_on_air("DJ A")
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        peer, answer = rawrtmp.publish(server.rtmp_port, dj.key)
        started = time.monotonic() - begin
        assert b"NetStream.Publish.Start" in answer
        # Two connections, and one publisher: the older has no place although its socket lives.
        assert counted(server, "lineup_publishers") == 1
        replaced = time.monotonic() - begin
        print(f"\npublish -> started after {started * 1000:.0f} ms, seen to be the only one after {replaced * 1000:.0f} ms")
        assert started < 2
        assert server.queue() == ["DJ A"]
        peer.close()
        encoder = ended_later(Publisher(server.publish_url(dj.key)))
        wait_until(lambda: counted(server, "lineup_rtmp_connections") == 1, "the frozen connection to be gone", 5)
        server.wait_for_on_air("DJ A")
        assert encoder.running
    finally:
        frozen.process.send_signal(signal.SIGCONT)
        frozen.vanish()


def test_an_encoder_that_hammers_costs_nothing_and_locks_nobody_out(server):
    dj, banned = server.make_dj("DJ A"), server.make_dj("DJ B")
    server.run("key", "revoke", banned.key_id)
    for _ in range(6):
        peer, answer = rawrtmp.publish(server.rtmp_port, "lk_nobody")
        peer.close()
    assert b"Too many wrong keys" in answer
    before = processes.cpu_seconds(server.process.pid)
    for number in range(150):
        # As fast as they come, from a few addresses, so that the keys are what is measured.
        key = banned.key if number % 2 else "lk_nobody"
        peer, answer = rawrtmp.publish(server.rtmp_port, key, source=f"127.0.2.{number % 5 + 1}")
        assert b"revoked" in answer if number % 2 else b"wrong keys" in answer or b"not known" in answer
        peer.close()
    spent = processes.cpu_seconds(server.process.pid) - before
    print(f"\n150 refusals: {spent / 150 * 1000:.1f} ms of CPU each (debug build)")
    peer, answer = rawrtmp.publish(server.rtmp_port, dj.key, source="127.0.2.1")
    assert b"NetStream.Publish.Start" in answer
    peer.close()
    assert counted(server, 'lineup_rtmp_refusals_total{reason="revokedKey"}') == 75
    assert counted(server, 'lineup_rtmp_refusals_total{reason="slowDown"}') > 10


def test_a_publisher_that_only_connects_is_closed_when_it_stays_silent(make_server):
    server = make_server(LINEUP_RTMP_IDLE_SECONDS=2)
    dj = server.make_dj("DJ A")
    peer, answer = rawrtmp.publish(server.rtmp_port, dj.key)
    assert b"NetStream.Publish.Start" in answer
    begin = time.monotonic()
    assert b"Nothing was received for too long." in rawrtmp.read_until(peer, b"too long.")
    print(f"\nsilent publisher closed after {time.monotonic() - begin:.1f} s")
    assert counted(server, "lineup_ingest_silences_total") == 1


def test_names_that_climb_are_refused(server):
    for application, key in [("../../etc", "passwd"), ("live", "../../../etc/passwd"), ("live/../..", "x"), ("live", "..\0"),
                             ("live", "k" * 30_000)]:
        peer, answer = rawrtmp.publish(server.rtmp_port, key, application)
        peer.close()
        assert b"Publish.Start" not in answer, (application, key[:40])
    assert server.process.poll() is None and server.queue() == []
