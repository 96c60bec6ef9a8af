"""The DJs of the measurement: as different as the envelope allows, each one colour and one tone."""

from handover.coded import Coded

DJS = (
    Coded("red", "red", 440),
    Coded("green", "green", 660, fps=30, gop_seconds=2.0, b_frames=2),
    Coded("blue", "blue", 990, sample_rate=44_100),
    Coded("yellow", "yellow", 1320, fps=30, gop_seconds=2.0, b_frames=3, open_gop=True, size=(384, 216)),
    Coded("magenta", "magenta", 1760, gop_seconds=2.0, b_frames=2),
)
