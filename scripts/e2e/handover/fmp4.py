"""Reads fragmented MP4: the timestamps of every sample, straight from the boxes (ISO/IEC 14496-12 §8.8). For sound files."""

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One sample; times in ticks of its track's timescale."""

    decode: int
    presentation: int
    duration: int


@dataclass(frozen=True)
class Track:
    kind: str
    timescale: int


def boxes(data, begin=0, end=None):
    """(type, first byte of its content, end) of each box in a range."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, begin + 8)[0], 16
        if size < header or begin + size > end:
            raise ValueError(f"box {kind!r} at {begin} has size {size}")
        yield kind.decode("latin-1"), begin + header, begin + size
        begin += size


def tracks(data):
    """Track id to `Track` of an init section."""
    found = {}
    for kind, begin, end in boxes(data):
        if kind != "moov":
            continue
        for inner, first, last in boxes(data, begin, end):
            if inner == "trak":
                number, track = _track(data, first, last)
                found[number] = track
    return found


def _track(data, begin, end):
    number = timescale = 0
    handler = ""
    for kind, first, last in boxes(data, begin, end):
        if kind == "tkhd":
            number = struct.unpack_from(">I", data, first + (20 if data[first] else 12))[0]
        elif kind == "mdia":
            for inner, start, _ in boxes(data, first, last):
                if inner == "mdhd":
                    timescale = struct.unpack_from(">I", data, start + (20 if data[start] else 12))[0]
                elif inner == "hdlr":
                    handler = data[start + 8:start + 12].decode("latin-1")
    return number, Track({"vide": "video", "soun": "audio"}.get(handler, handler), timescale)


def samples(data):
    """Track id to the samples of a segment, in its order."""
    found = {}
    for kind, begin, end in boxes(data):
        if kind == "moof":
            for inner, first, last in boxes(data, begin, end):
                if inner == "traf":
                    number, read = _run(data, first, last)
                    found.setdefault(number, []).extend(read)
    return found


def _run(data, begin, end):
    number = default_duration = decode = 0
    read = []
    for kind, at, _ in boxes(data, begin, end):
        flags = struct.unpack_from(">I", data, at)[0] & 0xFFFFFF
        if kind == "tfhd":
            number = struct.unpack_from(">I", data, at + 4)[0]
            place = at + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
            if flags & 8:
                default_duration = struct.unpack_from(">I", data, place)[0]
        elif kind == "tfdt":
            decode = struct.unpack_from(">Q" if data[at] else ">I", data, at + 4)[0]
        elif kind == "trun":
            count = struct.unpack_from(">I", data, at + 4)[0]
            place = at + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
            for _ in range(count):
                duration, offset = default_duration, 0
                if flags & 0x100:
                    duration = struct.unpack_from(">I", data, place)[0]
                    place += 4
                place += (4 if flags & 0x200 else 0) + (4 if flags & 0x400 else 0)
                if flags & 0x800:
                    offset = struct.unpack_from(">i", data, place)[0]
                    place += 4
                read.append(Sample(decode, decode + offset, duration))
                decode += duration
    return number, read
