"""Crashes of the queue's owner: the short form of `scripts/crash/queue_crash.py` (I1, I6), and a second server that stands by."""

import argparse
import json
import sys

import pytest
from database import Database
from places import BINARY, REPOSITORY
from rtmp_push import Push
from waiting import wait_until

sys.path.append(str(REPOSITORY / "scripts" / "crash"))

from queue_crash import crash  # noqa: E402


def test_queue_stands_after_each_of_a_few_kills_under_load():
    assert BINARY.exists(), f"{BINARY} is missing: build it first (swift build)"
    figures = crash(argparse.Namespace(kills=5, pg_restarts=1, seed=20261121))
    print("\n" + json.dumps(figures))
    assert figures["kills"] == 5 and figures["pgRestarts"] == 1


@pytest.fixture
def database():
    database = Database().start()
    yield database
    database.remove()


def test_second_server_on_one_database_stands_by_and_takes_over(database, make_server, ended_later):
    first = make_server(DATABASE_URL=database.url)
    first.run("queue", "set", "slotLength=20m")
    mira = first.make_dj("DJ A")
    ended_later(Push("127.0.0.1", first.rtmp_port, mira.key).start())
    first.wait_for_queue("DJ A")

    second = make_server(start=False, DATABASE_URL=database.url)
    second.launch()
    answer = second.ready()
    assert answer.status_code == 503 and "another server" in answer.text, answer.text
    refused = Push("127.0.0.1", second.rtmp_port, mira.key, reconnect=False).start()
    wait_until(lambda: refused.refusal, "the standby to refuse a publisher")
    assert "another server" in refused.refusal, refused.refusal
    answer = second.run("queue", "set", "slotLength=30m", check=False)
    assert answer.returncode != 0 and "another server" in answer.stderr, answer.stderr

    first.kill()
    wait_until(lambda: second.ready().status_code == 200, "the standby to own the channel when the lease is over", 40)
    assert second.queue() == ["DJ A"]
    first.launch()
    assert first.ready().status_code == 503, "who was killed comes back as the standby"
    assert second.stop() == 0
    wait_until(lambda: first.ready().status_code == 200, "the standby to own the channel that was given back", 10)
    assert database.ask("SELECT owner_epoch FROM channels") == 3
