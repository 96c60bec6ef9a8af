"""Reads low-latency playlists strictly and holds each version against the rules for servers.

Sections are those of draft-pantos-hls-rfc8216bis. A broken rule is an AssertionError that names its section.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Part:
    uri: str
    duration: float
    independent: bool


@dataclass
class Segment:
    number: int
    uri: str = None
    duration: float = 0
    parts: list = field(default_factory=list)
    discontinuous: bool = False
    date: datetime = None
    map: str = None


@dataclass
class Playlist:
    text: str
    target: int = 0
    part_target: float = None
    control: dict = field(default_factory=dict)
    sequence: int = 0
    discontinuity_sequence: int = None
    skipped: int = 0
    segments: list = field(default_factory=list)
    hint: str = None
    reports: dict = field(default_factory=dict)
    date_ranges: list = field(default_factory=list)
    independent_segments: bool = False

    @property
    def last(self):
        """(segment, part) of the newest part; part -1 where the newest segment has none."""
        newest = self.segments[-1]
        return newest.number, len(newest.parts) - 1


ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]+)(?:,|$)')


def attributes(text):
    """§4.2."""
    found = ATTRIBUTE.findall(text)
    assert ",".join(f"{name}={value}" for name, value in found) == text, f"§4.2: not an attribute list: {text}"
    assert len({name for name, _ in found}) == len(found), f"§4.2: an attribute twice: {text}"
    return {name: value.strip('"') for name, value in found}


def parse(text):
    assert text.startswith("#EXTM3U\n") and text.endswith("\n"), "§4.1"
    playlist, current, number, discontinuous, current_map = Playlist(text), None, None, False, None

    def segment():
        nonlocal current, discontinuous
        if current is None:
            current = Segment(number, discontinuous=discontinuous, map=current_map)
            discontinuous = False
        return current

    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "#EXT-X-TARGETDURATION":
            playlist.target = int(value)
        elif name == "#EXT-X-MEDIA-SEQUENCE":
            playlist.sequence = number = int(value)
        elif name == "#EXT-X-DISCONTINUITY-SEQUENCE":
            playlist.discontinuity_sequence = int(value)
        elif name == "#EXT-X-SERVER-CONTROL":
            playlist.control = attributes(value)
        elif name == "#EXT-X-PART-INF":
            playlist.part_target = float(attributes(value)["PART-TARGET"])
        elif name == "#EXT-X-INDEPENDENT-SEGMENTS":
            playlist.independent_segments = True
        elif name == "#EXT-X-SKIP":
            playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
            number += playlist.skipped
        elif name == "#EXT-X-MAP":
            current_map = attributes(value)["URI"]
        elif name == "#EXT-X-DISCONTINUITY":
            discontinuous = True
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            segment().date = datetime.fromisoformat(value.replace("Z", "+00:00"))
        elif name == "#EXT-X-PART":
            part = attributes(value)
            segment().parts.append(Part(part["URI"], float(part["DURATION"]), part.get("INDEPENDENT") == "YES"))
        elif name == "#EXTINF":
            segment().duration = float(value.rstrip(","))
        elif name == "#EXT-X-PRELOAD-HINT":
            hint = attributes(value)
            assert hint["TYPE"] == "PART" and playlist.hint is None, "§4.4.5.3"
            playlist.hint = hint["URI"]
        elif name == "#EXT-X-RENDITION-REPORT":
            report = attributes(value)
            playlist.reports[report["URI"]] = (int(report["LAST-MSN"]), int(report["LAST-PART"]))
        elif name == "#EXT-X-DATERANGE":
            playlist.date_ranges.append(attributes(value))
        elif line and not line.startswith("#"):
            segment().uri = line
            playlist.segments.append(current)
            current, number = None, number + 1
    if current is not None and current.parts:
        playlist.segments.append(current)
    return playlist


def check(playlist, audio=False):
    """One version by itself."""
    p = playlist
    assert p.control.get("CAN-BLOCK-RELOAD") == "YES", "§4.4.3.8"
    assert float(p.control["PART-HOLD-BACK"]) >= 3 * p.part_target - 1e-9, "§4.4.3.8: three part targets at least"
    assert float(p.control["HOLD-BACK"]) >= 3 * p.target, "§4.4.3.8"
    assert float(p.control["CAN-SKIP-UNTIL"]) >= 6 * p.target, "§4.4.3.8"
    assert p.discontinuity_sequence is not None
    assert 0.333 <= p.part_target <= 1.03
    whole = [s for s in p.segments if s.uri]
    assert all(round(s.duration) <= p.target for s in whole), "§4.4.3.1"
    # Both numbers begin with the channel's age, so on a slow start above 0: as long as they are the same, none has left.
    is_first = p.sequence == p.discontinuity_sequence
    assert p.skipped or sum(s.duration for s in whole) >= 3 * p.target or is_first, f"§6.2.2\n{p.text}"
    # §6.2.2: parts only near the end; and there all of them.
    behind = 0.0
    for segment in reversed(p.segments):
        if behind < 3 * p.target - p.part_target:
            assert segment.parts, f"§6.2.2: segment {segment.number} near the end lists no parts"
        if behind > 3 * p.target + p.target:
            assert not segment.parts, f"§6.2.2: segment {segment.number} is far from the end and lists parts"
        behind += segment.duration if segment.uri else sum(part.duration for part in segment.parts)
    for segment in p.segments:
        assert segment.date is not None, "appendix B: PROGRAM-DATE-TIME for every segment"
        durations = [part.duration for part in segment.parts]
        assert all(d <= p.part_target + 1e-5 for d in durations), f"§4.4.4.9: {durations}"
        inner = durations[:-1] if segment.uri else durations
        assert all(d >= 0.85 * p.part_target - 1e-5 for d in inner), f"§4.4.4.9: 85 %: {segment.number} {durations}"
        if segment.uri and segment.parts:
            assert abs(sum(durations) - segment.duration) < 0.001, "§4.4.4.9: parts make up their segment"
        if segment.parts and p.independent_segments:
            assert segment.parts[0].independent, "§4.4.2.1"
        if audio:
            assert all(part.independent for part in segment.parts)
    # §4.4.5.3: the hint is the part that comes next, and is not listed.
    assert p.hint and p.hint not in [part.uri for s in p.segments for part in s.parts]
    assert p.reports, "appendix B: a report for each other rendition"


def check_update(old, new):
    """What may change from one version to the next (§6.2.1)."""
    assert new.target == old.target and new.part_target == old.part_target
    assert new.sequence >= old.sequence and new.discontinuity_sequence >= old.discontinuity_sequence
    olds = {segment.number: segment for segment in old.segments}
    for segment in new.segments:
        before = olds.get(segment.number)
        if before is None:
            continue
        assert segment.discontinuous == before.discontinuous and segment.map == before.map, segment.number
        if before.uri:
            assert (segment.uri, segment.duration, segment.date) == (before.uri, before.duration, before.date)
        if segment.parts and before.parts:
            known = [part.uri for part in before.parts]
            assert [part.uri for part in segment.parts][:len(known)] == known, "parts are only added"
    gone = [s for s in old.segments if s.number < new.sequence and not new.skipped]
    counted = sum(1 for s in gone if s.discontinuous)
    assert new.discontinuity_sequence == old.discontinuity_sequence + counted or old.skipped or new.skipped, "§6.2.2"


def apply_delta(old, new):
    """The whole playlist behind a delta update (§5.2, §6.2.5.1)."""
    assert new.skipped
    kept = [s for s in old.segments if new.sequence <= s.number < new.sequence + new.skipped]
    assert len(kept) == new.skipped, "a delta update leaves out what its reader does not have"
    return kept + new.segments


def advance_part_limit(playlist):
    return math.ceil(3 / playlist.part_target) if playlist.part_target < 1 else 3
