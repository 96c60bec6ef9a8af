"""The DJs' media: pre-encoded FLV loops whose colour and tone say who is on air.

A loop costs its encoding once per machine; publishing it with `-c copy` costs next to nothing, so two cores carry many DJs.
"""

import subprocess
from dataclasses import dataclass

from made import made_once
from places import FONT


@dataclass(frozen=True)
class Clip:
    """How a loop looks and sounds. `colour` is a key of `judge.COLOURS`, `tone` is in Hz."""

    name: str
    colour: str
    tone: int
    width: int = 640
    height: int = 360
    fps: int = 25
    gop_seconds: float = 1.0
    b_frames: int = 0
    sample_rate: int = 48_000
    seconds: int = 24

    @property
    def rgb(self):
        return {"red": "0xff0000", "green": "0x00ff00", "blue": "0x0000ff"}[self.colour]


A = Clip("a", "red", 440)
B = Clip("b", "green", 880)
C = Clip("c", "blue", 1320)
# Another size, rate and picture structure: a hand-over to it changes the codec configuration.
TALL_B_FRAMES = Clip("tall", "green", 880, width=1280, height=720, fps=30, gop_seconds=2.0, b_frames=2)
CD_RATE = Clip("cdrate", "blue", 1320, sample_rate=44_100)


def path_of(clip):
    """The loop's file, encoded on the first call."""
    parts = (clip.name, clip.colour, clip.tone, f"{clip.width}x{clip.height}", clip.fps, clip.gop_seconds, clip.b_frames,
             clip.sample_rate, clip.seconds)
    return made_once(
        "-".join(str(part) for part in parts) + ".flv",
        lambda target: subprocess.run(_encode_command(clip, target), check=True, timeout=120, stdin=subprocess.DEVNULL))


def _encode_command(clip, target):
    # The encoder puts one frame before the sound; with it the sound ends with the last picture, and a loop never drifts.
    audio_frames = int(clip.seconds * clip.sample_rate / 1024) - 1
    audio_seconds = (audio_frames * 1024 - 256) / clip.sample_rate
    gop = round(clip.fps * clip.gop_seconds)
    label = f"drawtext=fontfile={FONT}:text='{clip.name} %{{n}}':fontsize={clip.height // 8}:fontcolor=white:x=8:y=8"
    return [
        "ffmpeg", "-nostdin", "-v", "error", "-y",
        "-f", "lavfi", "-i", f"color=c={clip.rgb}:s={clip.width}x{clip.height}:r={clip.fps}:d={clip.seconds}",
        "-f", "lavfi", "-i", f"sine=frequency={clip.tone}:sample_rate={clip.sample_rate}:duration={audio_seconds:.6f}",
        "-vf", label, "-af", "volume=0.5,aformat=channel_layouts=stereo",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-profile:v", "high" if clip.b_frames else "main",
        "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", str(clip.b_frames),
        "-x264-params", "b-adapt=0", "-b:v", "600k", "-maxrate", "600k", "-bufsize", "1200k",
        "-c:a", "aac", "-b:a", "128k", "-f", "flv", str(target),
    ]
