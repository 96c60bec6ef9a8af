"""DJs: ffmpeg processes that push a loop to the server."""

import signal
import subprocess
import threading

import clips
import processes
from places import ARTEFACTS


class Publisher:
    """One ffmpeg that publishes one clip to `url`; its messages go to a log that tests read."""

    _count = 0

    def __init__(self, url, clip=clips.A, loglevel="info", arguments=()):
        Publisher._count += 1
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.log = ARTEFACTS / f"publisher-{Publisher._count}.log"
        self._file = open(self.log, "wb")
        self.process = subprocess.Popen(
            ["ffmpeg", "-nostats", "-v", loglevel, "-re", "-stream_loop", "-1", "-i", str(clips.path_of(clip)), "-c", "copy",
             *arguments, "-f", "flv", url],
            stdin=subprocess.PIPE, stdout=self._file, stderr=subprocess.STDOUT, preexec_fn=processes.die_with_parent)

    @property
    def running(self):
        return self.process.poll() is None

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """The DJ presses stop: FCUnpublish and deleteStream, then the connection ends."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._file.close()

    def vanish(self):
        """The DJ's machine dies: the connection ends without a word."""
        self.process.kill()
        self.process.wait()
        self._file.close()

    def end(self, timeout=15):
        """Waits until ffmpeg ends by itself; answers its exit code."""
        return self.process.wait(timeout)


class Encoder:
    """A DJ's encoder that reconnects for ever, as OBS does: a thread that starts ffmpeg again when it ends."""

    def __init__(self, url, clip=clips.A, retry_seconds=0.5):
        self._url, self._clip, self._retry = url, clip, retry_seconds
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.publisher = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.is_set():
            with self._lock:
                if self._stopped.is_set():
                    return
                self.publisher = Publisher(self._url, self._clip, loglevel="error")
            self.publisher.process.wait()
            self._stopped.wait(self._retry)

    def stop(self):
        with self._lock:
            self._stopped.set()
            publisher = self.publisher
        if publisher:
            publisher.stop()
        self._thread.join(15)
