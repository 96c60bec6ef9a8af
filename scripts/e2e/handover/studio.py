"""DJs for the measurement: ffmpeg processes behind a bad-network proxy each, which come back like OBS does."""

import signal
import subprocess
import threading
import time

import processes
from handover import coded
from proxy import Proxy


class StudioDJ:
    """One DJ with a clip, a key and a proxy of their own. Reconnects until `stop`."""

    def __init__(self, server, dj, clip, folder, retry_seconds=2.0):
        self.name, self.clip, self.colour = dj.name, clip, clip.colour
        self.proxy = Proxy(("127.0.0.1", server.rtmp_port))
        self._url = f"rtmp://127.0.0.1:{self.proxy.port}/live/{dj.key}"
        self._log = open(folder / f"{clip.name}.log", "ab")
        self._retry = retry_seconds
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.process = None
        self.starts = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            with self._lock:
                if self._stopped.is_set():
                    return
                self.starts += 1
                self.process = subprocess.Popen(
                    coded.publish(self.clip, self._url),
                    stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, preexec_fn=processes.die_with_parent)
            self.process.wait()
            self._stopped.wait(self._retry)

    def signal(self, number):
        """To the encoder, if it runs."""
        with self._lock:
            if self.process and self.process.poll() is None:
                self.process.send_signal(number)

    def freeze(self, seconds):
        """The encoder stands still, then sends at once what it owes."""
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)

    def stop(self):
        with self._lock:
            self._stopped.set()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self._thread.join(15)
        self.proxy.stop()
        self._log.close()
