"""The newcomer's command: scripts/run --demo shows three DJs taking turns, and Ctrl-C leaves nothing (issue 2, Two commands)."""

import json
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

import processes
from places import REPOSITORY
from waiting import wait_until

DJS = ["Ada Amber", "Bo Blue", "Cleo Cyan"]


class Run:
    """`scripts/run` on a terminal of its own, so that Ctrl-C is a key pressed there."""

    def __init__(self, data, *options):
        self.data, self.text = Path(data), ""
        environment = {**os.environ, "LINEUP_HTTP_PORT": "0", "LINEUP_RTMP_PORT": "0", "LINEUP_LOG_LEVEL": "warning"}
        environment.pop("LINEUP_DATA_DIR", None)
        self._terminal, side = pty.openpty()
        self.process = subprocess.Popen(
            ["scripts/run", "--debug", "--data", str(data), *options], cwd=REPOSITORY, env=environment, stdin=side, stdout=side,
            stderr=side, preexec_fn=lambda: _own_terminal(side))
        os.close(side)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while part := os.read(self._terminal, 65536):
                self.text += part.decode(errors="replace")
        except OSError:
            return  # the terminal closes when its last process ends

    def wait_for(self, words, timeout=180):
        def seen():
            assert words in self.text or self.process.poll() is None, f"scripts/run ended: {self.text[-2000:]}"
            return words in self.text

        wait_until(seen, f"{words!r} from scripts/run", timeout)

    def press_control_c(self):
        os.write(self._terminal, b"\x03")

    def url(self):
        return f"http://127.0.0.1:{json.loads((self.data / 'serve.json').read_text())['http']}"

    def queue(self):
        return requests.get(self.url() + "/queue-json", timeout=5).json()["stream_queue"]

    def everything(self):
        return [processes.identity(self.process.pid), *processes.descendants(self.process.pid)]


def _own_terminal(side):
    """A session of its own with `side` as its terminal; killed when the test run dies."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(side, termios.TIOCSCTTY, 0)
    processes.die_with_parent()
    # Whoever starts the tests in the background of a script has it ignored, and Ctrl-C with it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def data():
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="lineup-run-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(data):
    runs = []
    yield lambda *options: runs.append(Run(data, *options)) or runs[-1]
    for run in runs:
        if run.process.poll() is None:
            below = run.everything()
            run.process.kill()
            run.process.wait()
            wait_until(lambda: not processes.alive(below), "every process to be gone", 15)


def test_demo_turns_by_itself_and_control_c_leaves_nothing(start, data):
    run = start("--demo")
    run.wait_for("Lineup is on air.")
    assert "First start" in run.text, "the first admin's password is shown at the first start"
    run.wait_for("Cleo Cyan queues.")
    wait_until(lambda: sorted(run.queue()) == sorted(DJS), "three DJs in the queue", 30)
    # Slots of 30 s turn the queue by themselves, and who was on air queues again at the end.
    first = run.queue()[0]
    wait_until(lambda: run.queue()[0] != first, "the next DJ on air", 60)
    wait_until(lambda: run.queue()[-1] == first, "the first DJ at the end of the queue", 30)
    below = run.everything()
    begin = time.monotonic()
    run.press_control_c()
    assert run.process.wait(12) == 130
    print(f"\nCtrl-C: everything stopped in {time.monotonic() - begin:.2f} s")
    wait_until(lambda: not processes.alive(below), "every process to be gone", 3)
    assert not (data / "demo" / "slot-length-before").exists(), "the slot length from before is back"

    begin = time.monotonic()
    again = start("--demo")
    again.wait_for("Lineup is on air.", 60)
    print(f"second start: on air after {time.monotonic() - begin:.1f} s")
    assert "First start" not in again.text
    again.wait_for("Cleo Cyan queues.", 30)
    wait_until(lambda: sorted(again.queue()) == sorted(DJS), "the same three accounts", 30)
    below = again.everything()
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(12) == 143
    wait_until(lambda: not processes.alive(below), "every process to be gone", 3)


def test_killed_script_takes_everything_with_it(start):
    run = start("--demo")
    run.wait_for("Cleo Cyan queues.")
    below = run.everything()
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not processes.alive(below), "every process to be gone", 15)


def refusal(**environment):
    """The one line `scripts/run` answers when it cannot start."""
    options = environment.pop("options", [])
    answer = subprocess.run(["scripts/run", "--debug", *options], cwd=REPOSITORY, env={**os.environ, **environment},
                            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert answer.returncode == 1
    lines = answer.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_says_in_one_line_what_is_wrong_before_the_build(data):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refusal(LINEUP_HTTP_PORT=port, options=["--data", str(data)])
        assert port in line and "LINEUP_HTTP_PORT" in line
        line = refusal(LINEUP_HTTP_PORT="0", LINEUP_RTMP_PORT=port, options=["--data", str(data)])
        assert port in line and "LINEUP_RTMP_PORT" in line
    blocked = data.parent / "file"
    blocked.write_text("")
    assert "--data" in refusal(options=["--data", str(blocked / "below")])
    old = data.parent / "swift"
    old.write_text("#!/bin/sh\necho 'Swift version 5.9 (swift-5.9-RELEASE)'\n")
    old.chmod(0o755)
    assert "5.9" in refusal(PATH=f"{data.parent}:{os.environ['PATH']}", options=["--data", str(data)])
    assert "--help" in refusal(options=["--nonsense"])
