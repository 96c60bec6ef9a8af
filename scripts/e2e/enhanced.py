"""Enhanced RTMP v2 from a client that is not ours: the newest ffmpeg, from PyPI's imageio-ffmpeg (Debian's knows legacy FLV only)."""

import subprocess

import imageio_ffmpeg

from made import made_once

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()

# What is encoded, by name: small, quick, and with a key frame each second.
RECIPES = {
    "hevc-aac": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=10:min-keyint=10", "-c:a", "aac"],
    "av1-opus": ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "10", "-c:a", "libopus"],
    "vp9-flac": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "10", "-b:v", "60k", "-c:a", "flac"],
    "h264-ac3": ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "ac3", "-b:a", "96k"],
    "multitrack": ["-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10",
                   "-c:a", "aac"],
}


def clip(name):
    """The recipe's FLV file of 40 seconds, encoded on the first call."""
    def encode(target):
        subprocess.run(
            [FFMPEG, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x96:r=10", "-f", "lavfi", "-i",
             "sine=sample_rate=48000", "-t", "40", "-pix_fmt", "yuv420p", "-ac", "2", *RECIPES[name], "-f", "flv", str(target)],
            check=True, timeout=120, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return made_once(f"enhanced-{name}.flv", encode)


def publish(name, url):
    """The command that publishes a recipe in real time, once: this ffmpeg's FLV reader cannot go back to the start of every one."""
    return [FFMPEG, "-nostdin", "-v", "error", "-re", "-i", str(clip(name)), "-map", "0", "-c", "copy", "-f",
            "flv", url]
