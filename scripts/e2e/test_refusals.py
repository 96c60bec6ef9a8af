"""Who may publish: refused with the reason, before any media is accepted (issue 2, Ingest; I10)."""

import time

import pytest
import requests

import clips
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
