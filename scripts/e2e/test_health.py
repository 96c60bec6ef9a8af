"""What viewers miss of a DJ is told within three seconds of its beginning, with the cause (docs/health.md)."""

import subprocess
import threading
import time

from rtmp_push import Push, tags_in
from silence import PADDED_FRAME
from test_queue_api import Listener, Machine
from waiting import wait_until

# The fault begins here in each clip, and lasts to its end.
FAULT, LENGTH = 12, 22
LIMIT = 3.0
# For a machine that runs other tests beside.
LOADED = 1.0

VIDEO = ["-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={LENGTH}"]
SOUND = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:d={LENGTH}"]
SHORT_VIDEO = ["-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={FAULT}"]
SHORT_SOUND = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:d={FAULT}"]
STILL = ["-vf", f"tpad=stop_mode=clone:stop_duration={LENGTH - FAULT}"]
BLACK = ["-vf", f"tpad=stop_mode=add:color=black:stop_duration={LENGTH - FAULT}"]
# What a black picture leaves is filled up. One that is still but not black is refined for as long as there are bits for it: that can
# not be told from motion by the sizes, so the encoder of that DJ holds a quality.
BITRATE = ["-b:v", "800k", "-maxrate", "800k", "-bufsize", "800k", "-x264-params", "nal-hrd=cbr"]
QUALITY = ["-crf", "23"]

# name: (the word, the clip)
FAULTS = {
    "padded silence": ("silentAudio", None),
    "silence": ("silentAudio", [*VIDEO, *SOUND, "-af", f"volume='if(gt(t,{FAULT}),0,1)':eval=frame"]),
    "no sound": ("noAudioStream", [*VIDEO, *SHORT_SOUND]),
    "no picture": ("noVideoStream", [*SHORT_VIDEO, *SOUND]),
    "still": ("frozenVideo", [*SHORT_VIDEO, *SOUND, *STILL, *QUALITY]),
    "black": ("frozenVideo", [*SHORT_VIDEO, *SOUND, *BLACK, *BITRATE]),
    "nothing wrong": (None, [*VIDEO, *SOUND]),
}


def tags_of_fault(folder, name):
    """([(kind, milliseconds, body)], length) of a clip, as `Push` takes it."""
    arguments = FAULTS[name][1] or [*VIDEO, *SOUND]
    file = folder / (name.replace(" ", "-") + ".flv")
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, "-ac", "2", "-c:v", "libx264", "-preset", "veryfast",
         "-pix_fmt", "yuv420p", "-g", "50", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "128k", str(file)],
        check=True, timeout=120)
    tags = tags_in(file)
    if name == "padded silence":
        tags = [(kind, at, body[:2] + PADDED_FRAME if kind == 8 and body[1] == 1 and at >= FAULT * 1000 else body)
                for kind, at, body in tags]
    return tags, LENGTH * 1000


class Faulty(Push):
    """A DJ whose stream breaks; `faulted_at` says when the first of the broken media was written."""

    def __init__(self, server, name, tags):
        self.faulted_at = None
        self.dj = server.make_dj(name)
        super().__init__("127.0.0.1", server.rtmp_port, self.dj.key, reconnect=False, tags=tags, stamp=self._note)

    def _note(self, at):
        if at >= FAULT * 1000 and self.faulted_at is None:
            self.faulted_at = time.monotonic()
        return at


class Words(threading.Thread):
    """Listens to `health.changed`: `told` has (when, who, issues)."""

    def __init__(self, server, operator):
        super().__init__(daemon=True)
        self.listener, self.told = Listener(server, operator.headers), []
        self.start()

    def run(self):
        try:
            while True:
                _, event = self.listener.next("health.changed")
                self.told.append((time.monotonic(), event["payload"]["name"], event["payload"]["issues"]))
        except Exception:  # noqa: BLE001 - the test has closed the stream
            pass

    def first(self, name, word):
        return next((when for when, who, issues in self.told if who == name and word in issues), None)

    def stop(self):
        self.listener.stop()


def test_what_viewers_miss_is_told_within_three_seconds(server, folder, ended_later):
    operator = Machine(server)
    words = ended_later(Words(server, operator))
    made = {name: tags_of_fault(folder, name) for name in FAULTS}
    # The first three are on air and next, whose sound is decoded: padded silence is heard there only.
    djs = {}
    for name, tags in made.items():
        djs[name] = ended_later(Faulty(server, name, tags).start())
        wait_until(lambda: name in server.queue(), f"{name} in the queue")
    took = {}
    for name, (word, _) in FAULTS.items():
        if word:
            when = wait_until(lambda: words.first(name, word), f"{name}: {word}", 30)
            took[name] = when - djs[name].faulted_at
    print("\n" + "\n".join(f"{name}: {FAULTS[name][0]} after {seconds:.2f} s" for name, seconds in took.items()))
    assert all(1.5 < seconds <= LIMIT + LOADED for seconds in took.values()), took
    prompt = {word for word, _ in FAULTS.values() if word}
    wrong = [(who, issues) for _, who, issues in words.told if set(issues) & prompt - {FAULTS[who][0]}]
    assert not wrong, "a word that is not true"
