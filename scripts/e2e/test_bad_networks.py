"""What viewers see of bad networks, in decoded output: nothing, where the delay line is longer than the trouble (design §5)."""

import pytest
from handover import faults


@pytest.mark.extended
def test_two_stalls_shorter_than_the_delay_are_invisible():
    seen = faults.two_stalls(delay=4, seconds=2.5, between=9)
    print(f"\n{seen}")
    assert [join.split(" ")[0] for join in seen["joins"]] == ["other>red"]
    assert seen["breaks"] == 0, "every picture came once, in order"
    assert seen["problems"] == {}
    assert seen["http_errors"] == 0


@pytest.mark.extended
def test_a_line_with_b_frames_that_runs_empty_loses_no_picture():
    seen = faults.emptied()
    print(f"\n{seen}")
    assert len(seen["joins"]) >= 9, "the slate came and went each time"
    assert all(abs(float(join.split(" ")[1])) <= 0.5 for join in seen["joins"]), "I3"
    assert seen["breaks"] == 0, "every picture in order"
    assert seen["problems"] == {}


def test_silence_without_a_delay_line_is_covered_by_the_slate():
    seen = faults.loss("silence")
    print(f"\n{seen}")
    # Noticed after 1.5 s; the rest is what a loaded machine and the player's decoder may take.
    assert 1000 <= seen["slate_after_ms"] < 6000
    assert [join.split(" ")[0] for join in seen["joins"]] == ["other>red", "red>other"]
    assert all(abs(float(join.split(" ")[1])) <= 1 for join in seen["joins"]), "I3"
    assert seen["breaks"] == 0
    assert seen["problems"] == {}
