"""Viewers that keep what they saw: ffmpeg as a player, and a reader of every segment."""

import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from urllib.parse import urljoin

import m3u8
import requests

import processes
from waiting import wait_until


class Recording:
    """ffmpeg plays the programme and keeps it as it came, in MPEG-TS with the programme's own timestamps."""

    # What becomes of what was read.
    OUTPUT = ["-c", "copy"]

    def __init__(self, playlist, file):
        self.file = file
        # ffmpeg looks at a playlist once per target duration: what is out now, it has after that. RTMP comes by itself.
        self._linger = 4.5 if playlist.startswith("http") else 0.5
        self.log = file.with_suffix(".log")
        self._output = open(self.log, "wb")
        self._process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-nostats", "-v", "level+warning", "-y", "-copyts", "-i", playlist,
             # The first of each: the sound-only variant is left alone, as players leave it.
             "-map", "0:v:0?", "-map", "0:a:0?", *self.OUTPUT,
             "-muxdelay", "0", "-muxpreload", "0", "-mpegts_copyts", "1", "-flush_packets", "1", "-f", "mpegts", str(file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._output,
            preexec_fn=processes.die_with_parent)
        wait_until(lambda: file.exists() and file.stat().st_size > 0, "ffmpeg to record the first segment", 30)

    def stop(self):
        """Ends the recording and answers the file."""
        if self._process.poll() is None:
            watch_for(self._linger)
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
        self._output.close()
        return self.file

    def complaints(self):
        """What ffmpeg said at error or worse, one line each."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if "[error]" in line or "[fatal]" in line]


@dataclass(frozen=True)
class Segment:
    """One segment as a playlist named it."""

    number: int
    uri: str
    duration: float
    discontinuity: bool
    init_uri: str
    body: bytes


class SegmentReader:
    """Reads the media playlist as a player does and keeps every segment and each version's sequence numbers."""

    def __init__(self, playlist):
        self.master_url = playlist
        self.session = requests.Session()
        self.segments, self.inits, self.playlists, self.problems = {}, {}, [], []
        self._stopped = threading.Event()
        self.media_url = wait_until(self._media_url, "a media playlist", 20)
        # What is there already is read now, so that "more segments" means new ones.
        self._read_once()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _media_url(self):
        answer = self.session.get(self.master_url, timeout=5)
        if answer.status_code != 200:
            return None
        parsed = m3u8.loads(answer.text, uri=self.master_url)
        return parsed.playlists[0].absolute_uri if parsed.is_variant else self.master_url

    def load(self):
        """The media playlist now, parsed."""
        answer = self.session.get(self.media_url, timeout=5)
        answer.raise_for_status()
        return m3u8.loads(answer.text, uri=self.media_url)

    def _run(self):
        while not self._stopped.is_set():
            try:
                self._read_once()
            except requests.RequestException as error:
                self.problems.append(repr(error))
            self._stopped.wait(0.5)

    def _read_once(self):
        playlist = self.load()
        self.playlists.append((playlist.media_sequence, playlist.discontinuity_sequence))
        for index, part in enumerate(playlist.segments):
            number = playlist.media_sequence + index
            # The last one is still being made: only its parts are listed.
            if number in self.segments or not part.uri:
                continue
            init_uri = urljoin(self.media_url, part.init_section.uri) if part.init_section else ""
            if init_uri and init_uri not in self.inits:
                self.inits[init_uri] = self._fetch(init_uri)
            self.segments[number] = Segment(number, part.absolute_uri, part.duration, part.discontinuity, init_uri,
                                            self._fetch(part.absolute_uri))

    def _fetch(self, url):
        answer = self.session.get(url, timeout=5)
        answer.raise_for_status()
        return answer.content

    def stop(self):
        self._stopped.set()
        self._thread.join(10)
        return [self.segments[number] for number in sorted(self.segments)]

    def wait_for_segments(self, count, timeout=60):
        begin = len(self.segments)
        wait_until(lambda: len(self.segments) >= begin + count, f"{count} more segments", timeout)

    def write_runs(self, folder):
        """The segments as files that each begin with their init section, a new one where it changes."""
        files, last = [], None
        for number in sorted(self.segments):
            segment = self.segments[number]
            if segment.init_uri != last:
                files.append(folder / f"run-{number}.mp4")
                files[-1].write_bytes(self.inits[segment.init_uri])
                last = segment.init_uri
            with open(files[-1], "ab") as file:
                file.write(segment.body)
        return files


def watch_for(seconds):
    """Lets the programme run: the one pause of the suite, for tests whose subject is a span of it."""
    time.sleep(seconds)
