"""Reads MPEG-DASH manifests strictly and holds them against the rules for live ones (ISO/IEC 23009-1)."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

import mpd_schema

NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass
class Track:
    kind: str
    initialization: str
    media: str
    timescale: int
    offset: int
    # (number, time, duration) in ticks
    segments: list = field(default_factory=list)

    def name(self, number):
        return self.media.replace("$Number$", str(number))


@dataclass
class Period:
    id: str
    start: float
    tracks: list
    events: list


@dataclass
class Manifest:
    root: ElementTree.Element
    publish_time: str
    location: str
    periods: list


def _seconds(text):
    match = re.fullmatch(r"PT(\d+(?:\.\d+)?)S", text)
    assert match, f"not a duration: {text}"
    return float(match[1])


def parse(text):
    root = ElementTree.fromstring(text)
    assert root.tag == NAMESPACE + "MPD" and root.get("type") == "dynamic"
    location = root.find(NAMESPACE + "Location")
    periods = [_period(one) for one in root.iter(NAMESPACE + "Period")]
    return Manifest(root, root.get("publishTime"), None if location is None else location.text, periods)


def _period(element):
    tracks = []
    for adaptation in element.iter(NAMESPACE + "AdaptationSet"):
        template = adaptation.find(NAMESPACE + "SegmentTemplate")
        track = Track(adaptation.get("contentType"), template.get("initialization"), template.get("media"),
                      int(template.get("timescale")), int(template.get("presentationTimeOffset")))
        number, time = int(template.get("startNumber")), None
        for entry in template.find(NAMESPACE + "SegmentTimeline"):
            stated, duration = entry.get("t"), int(entry.get("d"))
            assert stated is None or time is None or int(stated) >= time, "§5.3.9.6: entries overlap"
            time = int(stated) if stated is not None else time
            for _ in range(int(entry.get("r", "0")) + 1):
                track.segments.append((number, time, duration))
                number, time = number + 1, time + duration
        tracks.append(track)
    events = [(one.get("messageData"), int(one.get("presentationTime"))) for one in element.iter(NAMESPACE + "Event")]
    return Period(element.get("id"), _seconds(element.get("start")), tracks, events)


def check(manifest):
    """One version by itself."""
    root = manifest.root
    mpd_schema.check(root, NAMESPACE)
    assert root.get("availabilityStartTime") == "1970-01-01T00:00:00Z"
    target = _seconds(root.get("maxSegmentDuration"))
    assert _seconds(root.get("timeShiftBufferDepth")) >= 3 * target and _seconds(root.get("minimumUpdatePeriod")) > 0
    assert root.find(NAMESPACE + "UTCTiming") is not None
    for one, following in zip(manifest.periods, manifest.periods[1:]):
        assert following.start > one.start, "periods in order"
        assert abs(one.start + length(one) - following.start) < 0.25, "periods follow each other"
    for period in manifest.periods:
        assert [track.kind for track in period.tracks] == ["video", "audio"]
        video, audio = period.tracks
        assert [s[0] for s in video.segments] == [s[0] for s in audio.segments]
        for track in period.tracks:
            assert all(s[2] / track.timescale <= target + 0.05 for s in track.segments)
        for pictures, sound in zip(video.segments, audio.segments):
            # A DJ's B-frames: decoding begins with the sound, showing two pictures later.
            assert abs(pictures[1] / video.timescale - sound[1] / audio.timescale) < 0.12


def length(period):
    video = period.tracks[0]
    _, time, duration = video.segments[-1]
    return (time + duration - video.offset) / video.timescale


def check_update(old, new):
    """What may change from one version to the next (§5.4)."""
    assert new.publish_time >= old.publish_time
    before = {period.id: period for period in old.periods}
    for period in new.periods:
        if period.id not in before:
            continue
        assert period.start == before[period.id].start, "§5.4: a period stays where it is"
        for track, was in zip(period.tracks, before[period.id].tracks):
            assert (track.offset, track.initialization, track.media) == (was.offset, was.initialization, was.media)
            known = {number: time for number, time, _ in was.segments}
            for number, time, _ in track.segments:
                assert known.get(number, time) == time, "§5.4: a segment stays where it is"


def tracks_in(fragment):
    """The track numbers in each `moof` of a file."""
    found = []
    for kind, body in boxes(fragment):
        if kind == b"moof":
            found.append([int.from_bytes(header[4:8], "big") for inner, traf in boxes(body) if inner == b"traf"
                          for name, header in boxes(traf) if name == b"tfhd"])
    return found


def boxes(body):
    at = 0
    while at + 8 <= len(body):
        size = int.from_bytes(body[at:at + 4], "big")
        assert 8 <= size <= len(body) - at, "a box that does not fit"
        yield body[at + 4:at + 8], body[at + 8:at + size]
        at += size
