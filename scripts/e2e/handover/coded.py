"""Clips that say in each picture who sends it and which picture it is, and in their sound when a second begins.

A picture is one colour per DJ with a row of black and white fields: its number in binary, and parity. The sound is one tone
per DJ whose level falls for 100 ms at the start of each second, so that sound can be laid beside picture to the millisecond.
"""

import subprocess
import wave
from dataclasses import dataclass

import numpy

import enhanced
from made import made_once

# U and V of each DJ's pictures; 90 and more apart.
CHROMA = {
    "red": (90, 240), "green": (54, 34), "blue": (240, 110), "yellow": (30, 150), "magenta": (190, 210), "cyan": (160, 30),
}
TOLERANCE = 34
LUMA = 110
BITS = 14
WIDTH, HEIGHT = 320, 180
FIELD = 20
DIP_SECONDS = 0.1
IDR_SECONDS = 8


@dataclass(frozen=True)
class Coded:
    """One DJ's clip. `tone` in Hz; `seconds` must hold a whole number of AAC frames (256 at 44.1 kHz, else 8)."""

    name: str
    colour: str
    tone: int
    fps: int = 25
    gop_seconds: float = 1.0
    b_frames: int = 0
    open_gop: bool = False
    sample_rate: int = 48_000
    channels: int = 2
    size: tuple = (WIDTH, HEIGHT)
    seconds: int = 256
    codec: str = "libx264"

    @property
    def pictures(self):
        return self.fps * self.seconds

    @property
    def described(self):
        kind = f"{self.b_frames} B-frames" if self.b_frames else "no B-frames"
        groups = f", open, an IDR each {IDR_SECONDS} s" if self.open_gop else ""
        return (f"{self.size[0]}x{self.size[1]} {self.fps}/s, GOP {self.gop_seconds:g} s{groups}, {kind}, "
                f"{self.sample_rate / 1000:g} kHz {'stereo' if self.channels == 2 else 'mono'}")


def picture(clip, number):
    """The planes of a picture, as bytes in yuv420p, 320x180."""
    luma = numpy.full((HEIGHT, WIDTH), LUMA, numpy.uint8)
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    bits.append(sum(bits) & 1)
    for index, bit in enumerate(bits):
        luma[HEIGHT - FIELD - 8:HEIGHT - 8, 8 + index * FIELD:8 + (index + 1) * FIELD] = 220 if bit else 30
    u, v = CHROMA[clip.colour]
    return luma.tobytes() + bytes([u]) * (WIDTH * HEIGHT // 4) + bytes([v]) * (WIDTH * HEIGHT // 4)


PICTURE_BYTES = WIDTH * HEIGHT * 3 // 2


def read(data):
    """(colour, number) of a decoded picture's bytes; colour `other` for none of ours, number None for an unreadable one."""
    planes = numpy.frombuffer(data, numpy.uint8)
    luma = planes[:WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    chroma = planes[WIDTH * HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    u, v = float(chroma[0, 10:60, 20:140].mean()), float(chroma[1, 10:60, 20:140].mean())
    colour, distance = min(((name, max(abs(u - cu), abs(v - cv))) for name, (cu, cv) in CHROMA.items()), key=lambda pair: pair[1])
    if distance > TOLERANCE:
        return "other", None
    row = luma[HEIGHT - FIELD - 8 + 6:HEIGHT - 8 - 6]
    fields = [float(row[:, 8 + index * FIELD + 6:8 + (index + 1) * FIELD - 6].mean()) for index in range(BITS + 1)]
    bits = [1 if field > 125 else 0 for field in fields]
    if any(85 < field < 165 for field in fields) or (sum(bits[:-1]) & 1) != bits[-1]:
        return colour, None
    return colour, sum(bit << index for index, bit in enumerate(bits[:-1]))


def sound(clip):
    """The clip's samples, mono, without what the encoder puts before them."""
    # The encoder puts one frame before the sound; with it the sound ends with the last picture, and a loop never drifts.
    count = clip.seconds * clip.sample_rate // 1024 * 1024 - 1024 - 256
    index = numpy.arange(count)
    samples = 0.5 * numpy.sin(2 * numpy.pi * clip.tone * index / clip.sample_rate)
    return samples * numpy.where(index % clip.sample_rate < DIP_SECONDS * clip.sample_rate, 0.12, 1.0)


def publish(clip, url):
    """The command that publishes a clip in real time: over and over, but once in HEVC, which needs an ffmpeg that cannot go back to
    the start of its FLV files."""
    loop = [] if clip.codec == "libx265" else ["-stream_loop", "-1"]
    return [_ffmpeg(clip), "-nostdin", "-nostats", "-v", "warning", "-re", *loop, "-i", str(path_of(clip)), "-c", "copy", "-f", "flv",
            url]


def _ffmpeg(clip):
    return enhanced.FFMPEG if clip.codec == "libx265" else "ffmpeg"


def _video(clip, gop):
    structure = f"b-adapt=0:open-gop={int(clip.open_gop)}:scenecut=0"
    if clip.codec == "libx265":
        return ["-c:v", "libx265", "-preset", "ultrafast", "-profile:v", "main", "-x265-params",
                f"{structure}:keyint={gop}:min-keyint={gop}:bframes={clip.b_frames}:b-pyramid=1:log-level=none"]
    # x264 begins no open group with an IDR picture, and that alone is where others join: now and then there is one.
    idr = ["-force_key_frames", f"expr:gte(t,n_forced*{IDR_SECONDS})", "-forced-idr", "1"] if clip.open_gop else []
    return [*idr, "-c:v", clip.codec, "-preset", "veryfast", "-profile:v", "high" if clip.b_frames else "main", "-g", str(gop),
            "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", str(clip.b_frames), "-x264-params", structure]


def path_of(clip):
    """The clip's file, encoded on the first call: some seconds."""
    parts = (clip.name, clip.colour, clip.tone, f"{clip.size[0]}x{clip.size[1]}", clip.fps, clip.gop_seconds, clip.b_frames,
             f"open{IDR_SECONDS}" if clip.open_gop else "closed", clip.sample_rate, clip.channels, clip.seconds, clip.codec)
    return made_once("coded-" + "-".join(str(part) for part in parts) + ".flv", lambda target: _encode(clip, target))


def _encode(clip, target):
    wav = target.with_suffix(".wav")
    with wave.open(str(wav), "wb") as file:
        file.setparams((clip.channels, 2, clip.sample_rate, 0, "NONE", ""))
        mono = (sound(clip) * 32_000).astype("<i2")
        file.writeframes(numpy.repeat(mono, clip.channels).tobytes())
    gop = round(clip.fps * clip.gop_seconds)
    encoder = subprocess.Popen(
        [_ffmpeg(clip), "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}",
         "-r", str(clip.fps), "-i", "pipe:0", "-i", str(wav), "-vf", f"scale={clip.size[0]}:{clip.size[1]}:flags=neighbor",
         *_video(clip, gop), "-b:v", "160k", "-maxrate", "240k", "-bufsize", "240k", "-c:a", "aac", "-b:a", "64k", "-f", "flv",
         str(target)],
        stdin=subprocess.PIPE)
    for number in range(clip.pictures):
        encoder.stdin.write(picture(clip, number))
    encoder.stdin.close()
    assert encoder.wait(300) == 0, "the clip could not be encoded"
    wav.unlink()
