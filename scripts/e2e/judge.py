"""Looks at decoded media and says what a viewer saw and heard, and when.

Everything is decoded by ffmpeg, an outside judge; this module only reads its numbers.
"""

import json
import re
import subprocess
from dataclasses import dataclass

import numpy

# Mean chroma (U, V) of the clips' colours in BT.601 video range, as ffmpeg's `color` source makes them.
COLOURS = {"red": (90, 240), "green": (54, 34), "blue": (240, 110)}
# Far enough for the burnt-in label and the encoder, near enough that no two colours meet.
COLOUR_TOLERANCE = 45


@dataclass(frozen=True)
class Picture:
    """One decoded picture: presentation time in seconds, and the name of its colour or `other` (the slate, mostly)."""

    time: float
    colour: str


@dataclass(frozen=True)
class Sound:
    """A window of decoded sound from `time`: its dominant frequency in Hz, 0 for silence."""

    time: float
    frequency: float


@dataclass(frozen=True)
class Run:
    """Consecutive pictures of one colour."""

    colour: str
    first: float
    last: float
    count: int


def pictures(source):
    """Every decoded picture of a file in the order it is shown."""
    text = _ffmpeg(["-copyts", "-i", str(source), "-map", "0:v:0", "-vf",
                    "scale=16:16:flags=area,format=yuv420p,signalstats,metadata=mode=print:file=-",
                    "-vsync", "passthrough", "-f", "null", "-"]).decode()
    found, time, u = [], None, None
    for line in text.splitlines():
        if line.startswith("frame:"):
            time = float(re.search(r"pts_time:(\S+)", line).group(1))
        elif line.startswith("lavfi.signalstats.UAVG="):
            u = float(line.split("=")[1])
        elif line.startswith("lavfi.signalstats.VAVG="):
            found.append(Picture(time, colour_name(u, float(line.split("=")[1]))))
    return found


def colour_name(u, v):
    """The clip colour nearest to a mean chroma, or `other`."""
    name, distance = min(
        ((name, max(abs(u - cu), abs(v - cv))) for name, (cu, cv) in COLOURS.items()), key=lambda pair: pair[1])
    return name if distance <= COLOUR_TOLERANCE else "other"


def runs(pictures_seen):
    """The pictures as runs of one colour."""
    found = []
    for picture in pictures_seen:
        if found and found[-1].colour == picture.colour:
            found[-1] = Run(picture.colour, found[-1].first, picture.time, found[-1].count + 1)
        else:
            found.append(Run(picture.colour, picture.time, picture.time, 1))
    return found


def sounds(source, window=0.1, rate=48_000):
    """The dominant tone of each `window` seconds of a file's sound. Times count decoded samples from the first one."""
    start = min((packet.pts for packet in packets(source) if packet.kind == "audio"), default=0.0)
    pcm = _ffmpeg(["-i", str(source), "-map", "0:a:0", "-ac", "1", "-ar", str(rate), "-f", "s16le", "-"])
    samples = numpy.frombuffer(pcm, dtype="<i2").astype(numpy.float64)
    step = int(window * rate)
    return [Sound(start + index / rate, dominant_frequency(samples[index:index + step], rate))
            for index in range(0, len(samples) - step + 1, step)]


def dominant_frequency(samples, rate):
    """The strongest frequency in Hz, 0 when the window is silent (below -54 dBFS)."""
    if numpy.sqrt(numpy.mean(samples**2)) < 64:
        return 0.0
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.argmax(spectrum) * rate / len(samples))


def heard(sounds_heard, tone, tolerance=25):
    """The windows in which `tone` dominates."""
    return [sound for sound in sounds_heard if abs(sound.frequency - tone) <= tolerance]


@dataclass(frozen=True)
class Packet:
    """One coded unit of a file; times in seconds."""

    kind: str
    pts: float
    dts: float
    duration: float
    is_key: bool


def packets(source):
    """Every packet of a file in the file's order."""
    answer = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time,dts_time,duration_time,flags", "-of", "json",
         str(source)],
        check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    return [
        Packet(entry["codec_type"], float(entry["pts_time"]), float(entry.get("dts_time", entry["pts_time"])),
               float(entry.get("duration_time", 0)), "K" in entry["flags"])
        for entry in json.loads(answer.stdout).get("packets", []) if "pts_time" in entry
    ]


def backward_steps(packets_seen):
    """Pairs of neighbours in one track whose DTS does not rise (I2): none in a sound programme."""
    last, found = {}, []
    for packet in packets_seen:
        before = last.get(packet.kind)
        if before is not None and packet.dts <= before.dts:
            found.append((before, packet))
        last[packet.kind] = packet
    return found


def picture_gaps(pictures_seen, limit):
    """Holes between neighbouring pictures longer than `limit` seconds, as (time, hole)."""
    return [(left.time, right.time - left.time) for left, right in zip(pictures_seen, pictures_seen[1:])
            if right.time - left.time > limit]


def hand_over_gaps(pictures_seen):
    """For each change of colour: (from, to, time of the last old picture, seconds to the first new one)."""
    return [(left.colour, right.colour, left.time, right.time - left.time)
            for left, right in zip(pictures_seen, pictures_seen[1:]) if left.colour != right.colour]


def audio_gaps(packets_seen):
    """For each pair of neighbouring audio packets: (time, gap in seconds); negative is an overlap."""
    audio = [packet for packet in packets_seen if packet.kind == "audio"]
    return [(left.pts, right.pts - left.pts - left.duration) for left, right in zip(audio, audio[1:])]


def decode_complaints(source):
    """What ffmpeg says when it decodes all of a file: an empty string for sound media."""
    # Each picture at its own time: fitted into the rate it guesses, two can fall on one tick, which it then complains of.
    own_times = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]
    answer = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(source), *own_times, "-f", "null", "-"],
                            capture_output=True, timeout=240, stdin=subprocess.DEVNULL)
    return answer.stderr.decode(errors="replace").strip()


def _ffmpeg(arguments):
    answer = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *arguments], capture_output=True, timeout=240,
                            stdin=subprocess.DEVNULL)
    assert answer.returncode == 0, answer.stderr.decode(errors="replace")[-2000:]
    return answer.stdout
