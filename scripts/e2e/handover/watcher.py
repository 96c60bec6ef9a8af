"""Follows the programme as a player does, for as long as it lasts: every playlist, every segment once, every sample.

What it finds goes to `problems` at once; what it measures is in the public fields. `handover.verdict` judges decoded media.
"""

import collections
import json
import threading
import time
from urllib.parse import urljoin

import requests

from handover import fmp4
from handover.decode import Decoder

POLL_SECONDS = 0.2


class Watcher:
    """A thread that reads, checks what stands in the boxes, and gives the rest to a `Decoder` for each init section."""

    def __init__(self, playlist, on_decoder, problem, keep=None):
        """`keep`: a folder for every segment and init section, so that a run can be judged again."""
        self._keep = keep
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
        self._session = requests.Session()
        self._on_decoder, self._problem = on_decoder, problem
        self._stopped = threading.Event()
        self.media = self._media(playlist)
        self.requests = self.errors = self.segments = self.bytes = 0
        self.greatest_staleness = 0.0
        self.greatest_age = 0.0
        self.video_samples = self.audio_samples = 0
        self.video_steps_back = self.audio_steps_back = 0
        # Sound between neighbours: (programme seconds, gap in seconds, frame in seconds); negative is an overlap.
        self.audio_gaps = []
        # (monotonic second at which a segment was first listed, its end in decode order): a segment is out when the next one's
        # first picture leaves, whatever its B-frames do to the order of display.
        self.listed = collections.deque(maxlen=100_000)
        self._last_change = None
        self._numbers = {}
        self._next = None
        self._discontinuities = {}
        self._init = self._tracks = self._decoder = None
        self._last = {}
        self._previous_sequences = (0, 0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _media(self, playlist):
        text = self._session.get(playlist, timeout=5).text
        for line in text.splitlines():
            if line and not line.startswith("#"):
                return urljoin(playlist, line) if "EXT-X-STREAM-INF" in text else playlist
        raise AssertionError("the multivariant playlist names nothing")

    def stop(self):
        self._stopped.set()
        self._thread.join(30)
        if self._decoder:
            self._on_decoder(self._decoder, True)

    @property
    def staleness(self):
        """Seconds since the playlist last got a segment."""
        return time.monotonic() - self._last_change if self._last_change else 0.0

    def _run(self):
        while not self._stopped.is_set():
            begin = time.monotonic()
            try:
                self._round(begin)
            except (requests.RequestException, ValueError, KeyError, IndexError) as error:
                self.errors += 1
                self._problem("reading failed", repr(error)[:300])
            self._stopped.wait(max(0.01, POLL_SECONDS - (time.monotonic() - begin)))

    def _get(self, url):
        self.requests += 1
        answer = self._session.get(url, timeout=5)
        if answer.status_code != 200:
            self.errors += 1
            raise ValueError(f"{answer.status_code} for {url}")
        return answer.content

    def _round(self, now):
        text = self._get(self.media).decode()
        sequence, discontinuity, entries = _parse(text)
        if sequence < self._previous_sequences[0] or discontinuity < self._previous_sequences[1]:
            self._problem("a sequence number went back", f"{self._previous_sequences} -> {(sequence, discontinuity)}")
        self._previous_sequences = (sequence, discontinuity)
        news = False
        running = discontinuity
        for offset, entry in enumerate(entries):
            number = sequence + offset
            running += entry["discontinuity"]
            known = self._discontinuities.setdefault(number, running)
            if known != running:
                self._problem("discontinuity number changed", f"segment {number}: {known} -> {running}")
                self._discontinuities[number] = running
            if self._next is None:
                # A player starts near the end of the playlist; so does the judge, with all that is listed from there.
                self._next = sequence + max(0, len(entries) - 2)
            if number < self._next:
                continue
            if number > self._next:
                self._problem("segments were never seen", f"{self._next}…{number - 1}")
            self._next = number + 1
            news = True
            self._segment(number, entry, now)
        for number in [number for number in self._discontinuities if number < sequence - 5]:
            del self._discontinuities[number]
        at = time.monotonic()
        if news or self._last_change is None:
            if self._last_change is not None:
                self.greatest_staleness = max(self.greatest_staleness, now - self._last_change)
            self._last_change = now
        self.greatest_age = max(self.greatest_age, at - now)

    def _segment(self, number, entry, now):
        body = self._get(urljoin(self.media, entry["uri"]))
        self.segments += 1
        self.bytes += len(body)
        if entry["init"] != self._init:
            if self._init is not None and not entry["discontinuity"]:
                self._problem("a new init section without a discontinuity", f"segment {number}")
            section = self._get(urljoin(self.media, entry["init"]))
            tracks = fmp4.tracks(section)
            if self._tracks is not None and tracks != self._tracks:
                self._problem("track ids or timescales changed", f"segment {number}: {self._tracks} -> {tracks}")
            self._init, self._tracks = entry["init"], tracks
            if self._keep:
                (self._keep / entry["init"]).write_bytes(section)
            if self._decoder:
                self._on_decoder(self._decoder, True)
            video = next(track for track in tracks.values() if track.kind == "video")
            self._decoder = Decoder(section, video.timescale)
            self._on_decoder(self._decoder, False)
        if self._keep:
            (self._keep / entry["uri"]).write_bytes(body)
            with open(self._keep / "index.jsonl", "a") as index:
                index.write(json.dumps({"number": number, "listed": now, **entry}) + "\n")
        sound_start = self._samples(number, body, entry, now)
        self._decoder.feed(body, sound_start)

    def _samples(self, number, body, entry, now):
        """Checks each sample's time; answers where the segment's sound begins, in seconds."""
        sound_start = None
        ends = []
        for track_id, samples in fmp4.samples(body).items():
            track = self._tracks[track_id]
            for sample in samples:
                last = self._last.get(track.kind)
                decode = sample.decode / track.timescale
                if last is not None and decode <= last[0]:
                    self._problem("DTS did not rise", f"{track.kind} in segment {number}: {last[0]:.6f} -> {decode:.6f}")
                    if track.kind == "video":
                        self.video_steps_back += 1
                    else:
                        self.audio_steps_back += 1
                if track.kind == "audio":
                    if sound_start is None:
                        sound_start = decode
                    if last is not None:
                        gap = decode - last[0] - last[1]
                        if abs(gap) > 0.0005:
                            self.audio_gaps.append((decode, gap, last[1]))
                    self.audio_samples += 1
                else:
                    self.video_samples += 1
                self._last[track.kind] = (decode, sample.duration / track.timescale)
            if samples and track.kind == "video":
                ends.append(decode + samples[-1].duration / track.timescale)
        if ends:
            self.listed.append((now, max(ends)))
        return sound_start


class Replay(Watcher):
    """The same over what `keep` left."""

    def _media(self, playlist):
        return str(playlist) + "/"

    def _get(self, url):
        with open(url, "rb") as file:
            return file.read()

    def _run(self):
        with open(self.media + "index.jsonl") as index:
            for line in index:
                entry = json.loads(line)
                self._segment(entry["number"], entry, entry["listed"])

    def stop(self):
        self._thread.join()
        self._on_decoder(self._decoder, True)


def _parse(text):
    """(media sequence, discontinuity sequence, segments) of a media playlist."""
    sequence = discontinuity = 0
    entries, init, marked, duration = [], "", 0, 0.0
    for line in text.splitlines():
        if line.startswith("#EXT-X-MEDIA-SEQUENCE:"):
            sequence = int(line.split(":")[1])
        elif line.startswith("#EXT-X-DISCONTINUITY-SEQUENCE:"):
            discontinuity = int(line.split(":")[1])
        elif line.startswith("#EXT-X-MAP:"):
            init = line.split('URI="')[1].split('"')[0]
        elif line == "#EXT-X-DISCONTINUITY":
            marked = 1
        elif line.startswith("#EXTINF:"):
            duration = float(line.split(":")[1].rstrip(","))
        elif line and not line.startswith("#"):
            entries.append({"uri": line, "init": init, "discontinuity": marked, "duration": duration})
            marked = 0
    return sequence, discontinuity, entries
