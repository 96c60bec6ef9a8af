"""A viewer over RTMP who notes when each picture arrived: for what has to happen within so many milliseconds."""

import re
import subprocess
import threading
import time

import processes
from handover.coded import CHROMA, TOLERANCE

_PICTURE = re.compile(r"\bpts: *(-?\d+).* mean:\[\d+ (\d+) (\d+)")


class Eye:
    """ffmpeg decodes the play address with as little delay as it can. `seen`: (monotonic second, milliseconds, colour) each."""

    def __init__(self, server):
        self.seen = []
        self._process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-nostats", "-v", "info", "-fflags", "nobuffer", "-flags", "low_delay", "-threads", "1",
             "-probesize", "50000", "-analyzeduration", "300000", "-copyts", "-i",
             f"rtmp://127.0.0.1:{server.rtmp_port}/play/main", "-map", "0:v",
             "-vf", "scale=16:16:flags=area,format=yuv420p,showinfo", "-vsync", "passthrough", "-f", "null", "-"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=processes.die_with_parent)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        for line in self._process.stderr:
            if found := _PICTURE.search(line.decode(errors="replace")):
                self.seen.append((time.monotonic(), int(found.group(1)), colour(int(found.group(2)), int(found.group(3)))))

    def first(self, wanted, after):
        """When the first picture of a colour arrived after a moment, in monotonic seconds; None while none has."""
        return next((at for at, _, shown in list(self.seen) if at > after and shown == wanted), None)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._thread.join(5)


def colour(u, v):
    name, distance = min(((name, max(abs(u - cu), abs(v - cv))) for name, (cu, cv) in CHROMA.items()), key=lambda pair: pair[1])
    return name if distance <= TOLERANCE else "other"
