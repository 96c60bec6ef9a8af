"""The short form of `scripts/crash/queue_crash.py`: five kills and one loss of the database under load (I1, I6)."""

import argparse
import json
import sys

from places import BINARY, REPOSITORY

sys.path.append(str(REPOSITORY / "scripts" / "crash"))

from queue_crash import crash  # noqa: E402


def test_queue_stands_after_each_of_a_few_kills_under_load():
    assert BINARY.exists(), f"{BINARY} is missing: build it first (swift build)"
    figures = crash(argparse.Namespace(kills=5, pg_restarts=1, seed=20261121))
    print("\n" + json.dumps(figures))
    assert figures["kills"] == 5 and figures["pgRestarts"] == 1
