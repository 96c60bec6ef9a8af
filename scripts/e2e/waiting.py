"""Waiting for something to become true, with a limit and words for the failure."""

import time


def wait_until(probe, what, timeout=15.0, every=0.05):
    """Calls `probe` until it answers something true and returns that; an AssertionError names `what` after `timeout` s.

    Every wait of the suite goes through here: it looks at an outside process that offers no event, and it ends the
    moment the thing is true, so it is never a pause.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s (last answer: {answer!r})")
        time.sleep(every)
