"""Judges decoded media: every picture accounted for, every join measured in pictures and frames of sound."""

import statistics
import threading
from dataclasses import asdict, dataclass, field

import numpy


@dataclass
class Join:
    """One change of who is seen. Gaps in seconds beyond what the outgoing picture itself lasts; negative is an overlap."""

    at: float
    old: str
    new: str
    video_gap: float
    # The gap in pictures of the outgoing source.
    pictures: float
    # First number of the new one is a whole number of GOPs: it begins with a key frame.
    first_number: int = -1
    # From the change of the picture to the change of the tone, in seconds; None where the windows cannot tell.
    tone_after: float = None


@dataclass
class Slot:
    """What one source showed between two joins."""

    colour: str
    first: float
    last: float
    pictures: int = 0
    missing: int = 0
    repeated: int = 0
    unreadable: int = 0
    # (seconds, numbers, seconds between): neighbours that do not follow each other.
    breaks: list = field(default_factory=list)
    # Sound against picture in seconds, relative to the clip as it is on the DJ's disk.
    offsets: list = field(default_factory=list)


class Verdict:
    """Takes the decoders of a `Watcher` in order. A thread judges what they have so far; `report` may be asked any time."""

    def __init__(self, clips, references, problem, joined):
        self._clips = {clip.colour: clip for clip in clips}
        self._references, self._problem, self._joined = references, problem, joined
        self._decoders = []
        self._lock = threading.Lock()
        self._taken = 0
        self._last = None
        self._steps = []
        self._slot = None
        self._numbers = {}
        self.pictures = self.unreadable = 0
        self.joins, self.slots = [], []
        self.complaints = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def decoder(self, decoder, is_finished):
        """For `Watcher`: called when a decoder begins and when nothing more will be fed to it."""
        with self._lock:
            if is_finished:
                self._decoders = [(one, done or one is decoder) for one, done in self._decoders]
            else:
                self._decoders.append((decoder, False))

    def finish(self):
        """Waits until everything that was fed is judged."""
        self._stopped.set()
        self._thread.join(300)

    def _run(self):
        while True:
            with self._lock:
                first = self._decoders[0] if self._decoders else None
            if first is None:
                if self._stopped.is_set():
                    return
                self._stopped.wait(0.5)
                continue
            decoder, done = first
            if done or self._stopped.is_set():
                decoder.finish()
                self._judge(decoder, final=True)
                with self._lock:
                    self._decoders.pop(0)
            else:
                self._judge(decoder, final=False)
                self._stopped.wait(1.0)

    def _judge(self, decoder, final):
        count = len(decoder.pictures)
        for picture in decoder.pictures[self._taken:count]:
            self._picture(*picture)
        self._taken = count
        self._sound(decoder, final)
        if final:
            self._taken = 0
            for line in decoder.complaints:
                self.complaints.append(line)
                self._problem("the decoder complained", line)

    def _period(self, colour):
        clip = self._clips.get(colour)
        return 1 / clip.fps if clip else (statistics.median(self._steps) if self._steps else 0.04)

    def _picture(self, time, colour, number):
        self.pictures += 1
        last, self._last = self._last, (time, colour, number)
        clip = self._clips.get(colour)
        if clip and number is None:
            self.unreadable += 1
        if last is None:
            self._slot = Slot(colour, time, time, 1)
            return
        step = time - last[0]
        if step <= 0:
            self._problem("pictures not in order", f"{last} -> {(time, colour, number)}")
        if last[1] != colour:
            period = self._period(last[1])
            join = Join(time, last[1], colour, step - period, (step - period) / period, -1 if number is None else number)
            self.joins.append(join)
            self._end_slot()
            self._slot = Slot(colour, time, time, 1)
            self._steps = []
            self._joined(join)
            return
        slot = self._slot
        slot.pictures += 1
        slot.last = time
        self._steps = self._steps[-30:] + [step]
        if clip is None:
            period = self._period(colour)
            if step > 1.7 * period + 0.002 and len(self._steps) > 10:
                slot.breaks.append((time, None, None, step))
            return
        if number is None or last[2] is None:
            slot.unreadable += 1
            return
        follows = (last[2] + 1) % clip.pictures
        lost = (number - follows) % clip.pictures
        if lost:
            if lost > clip.pictures // 2:
                slot.repeated += clip.pictures - lost
            else:
                slot.missing += lost
        if lost or abs(step - 1 / clip.fps) > 0.6 / clip.fps:
            slot.breaks.append((time, last[2], number, step))

    def _end_slot(self):
        if self._slot:
            self.slots.append(self._slot)
            for at, before, after, step in self._slot.breaks:
                self._problem("pictures of one DJ do not follow each other",
                              f"{self._slot.colour} at {at:.3f}: {before} -> {after} in {step * 1000:.0f} ms")

    def _sound(self, decoder, final):
        """Lays falls of the level beside the pictures in which they belong, and changes of tone beside joins."""
        if not final and len(decoder.dips) == getattr(decoder, "judged_dips", 0):
            return
        # Only what is well behind the newest picture.
        limit = decoder.pictures[-1][0] - 1.0 if decoder.pictures and not final else float("inf")
        marks = self._marks(decoder)
        begin = getattr(decoder, "judged_dips", 0)
        for dip in decoder.dips[begin:]:
            if dip > limit:
                break
            begin += 1
            near = min(marks, key=lambda mark: abs(mark[0] - dip), default=None)
            if near and abs(near[0] - dip) < 0.4:
                offset = dip - near[0] - self._references.get(near[1], 0.0)
                for slot in [*self.slots[-12:], self._slot]:
                    if slot and slot.colour == near[1] and slot.first - 0.001 <= near[0] <= slot.last + 0.001:
                        slot.offsets.append((near[0], offset))
        decoder.judged_dips = begin

    def _marks(self, decoder):
        """(time, colour) of the pictures that begin a second of their clip."""
        begin = getattr(decoder, "marked", 0)
        marks = getattr(decoder, "marks", [])
        count = len(decoder.pictures)
        for time, colour, number in decoder.pictures[begin:count]:
            clip = self._clips.get(colour)
            if clip and number is not None and number % clip.fps == 0:
                marks.append((time, colour))
        decoder.marked, decoder.marks = count, marks[-400:]
        return decoder.marks

    # -- the figures

    def report(self):
        joins = list(self.joins)
        slots = [slot for slot in [*self.slots, self._slot] if slot]
        ours = [slot for slot in slots if slot.colour in self._clips]
        gaps = [join.pictures for join in joins]
        spans = [[offset for _, offset in slot.offsets] for slot in ours if slot.offsets]
        offsets = [statistics.median(span) for span in spans]
        return {
            "pictures": self.pictures, "unreadable": self.unreadable, "joins": len(joins),
            "joins_between_djs": sum(1 for join in joins if "other" not in (join.old, join.new)),
            "join_gap_pictures": spread(gaps), "join_gap_seconds": spread([join.video_gap for join in joins]),
            "joins_beyond_one_picture": [asdict(join) for join in joins if abs(join.pictures) > 1.05][:50],
            "missing_within_slots": sum(slot.missing for slot in ours),
            "repeated_within_slots": sum(slot.repeated for slot in ours),
            "breaks_within_slots": sum(len(slot.breaks) for slot in ours),
            "sound_to_picture_ms": spread([offset * 1000 for offset in offsets]),
            "sound_to_picture_worst_ms": spread([value * 1000 for span in spans for value in span]),
            "decoder_complaints": len(self.complaints),
        }


def spread(values):
    """Least, median, 99th percentile and greatest of some figures."""
    if not values:
        return None
    ordered = sorted(values)
    return {"count": len(ordered), "min": round(ordered[0], 4), "median": round(statistics.median(ordered), 4),
            "p99": round(float(numpy.percentile(ordered, 99)), 4), "max": round(ordered[-1], 4)}
