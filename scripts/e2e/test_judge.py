"""The judge itself, on media whose truth is known."""

import subprocess

import pytest

import clips
import judge


@pytest.fixture(scope="module")
def programme(tmp_path_factory):
    """Clips A, B, C for 4 s each, joined without a hole, in MPEG-TS."""
    folder = tmp_path_factory.mktemp("programme")
    inputs = []
    for clip in (clips.A, clips.B, clips.C):
        inputs += ["-t", "4", "-i", str(clips.path_of(clip))]
    file = folder / "abc.ts"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", *inputs, "-filter_complex",
         "[0:v][0:a][1:v][1:a][2:v][2:a]concat=n=3:v=1:a=1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
         str(file)], check=True, stdin=subprocess.DEVNULL)
    return file


@pytest.mark.parametrize("clip", [clips.A, clips.B, clips.C, clips.TALL_B_FRAMES, clips.CD_RATE], ids=lambda clip: clip.name)
def test_recognises_each_clip_by_colour_and_tone(clip):
    file = clips.path_of(clip)
    seen = judge.pictures(file)
    assert len(seen) == clip.fps * clip.seconds
    assert {picture.colour for picture in seen} == {clip.colour}
    tones = judge.sounds(file)
    assert len(judge.heard(tones, clip.tone)) >= len(tones) - 2
    assert judge.backward_steps(judge.packets(file)) == []
    assert judge.decode_complaints(file) == ""


def test_loops_end_with_sound_and_picture_together():
    for clip in (clips.A, clips.TALL_B_FRAMES):
        packets = judge.packets(clips.path_of(clip))
        for kind in ("audio", "video"):
            times = [packet.pts for packet in packets if packet.kind == kind]
            last = max(packets, key=lambda packet: (packet.kind == kind, packet.pts))
            assert abs(max(times) - min(times) + last.duration - clip.seconds) <= 0.003


def test_b_frames_are_there_where_they_are_promised():
    packets = [packet for packet in judge.packets(clips.path_of(clips.TALL_B_FRAMES)) if packet.kind == "video"]
    assert any(packet.pts > packet.dts for packet in packets)


def test_sees_each_hand_over_once_and_measures_it(programme):
    seen = judge.pictures(programme)
    assert [run.colour for run in judge.runs(seen)] == ["red", "green", "blue"]
    gaps = judge.hand_over_gaps(seen)
    assert [(old, new) for old, new, _, _ in gaps] == [("red", "green"), ("green", "blue")]
    # The joining filter pads to the sound's end, which can cost one picture.
    assert all(1 / 25 - 0.003 < gap < 2 / 25 + 0.003 for *_, gap in gaps)
    assert judge.picture_gaps(seen, 0.085) == []
    order = [sound.frequency for sound in judge.sounds(programme)]
    assert order[5] == pytest.approx(440, abs=10) and order[-5] == pytest.approx(1320, abs=10)


def test_finds_a_hole_and_a_step_back():
    pictures = [judge.Picture(0.0, "red"), judge.Picture(0.04, "red"), judge.Picture(0.5, "green")]
    assert judge.picture_gaps(pictures, 0.05) == [(0.04, pytest.approx(0.46))]
    packets = [judge.Packet("video", 1.0, 1.0, 0.04, True), judge.Packet("audio", 0.9, 0.9, 0.02, True),
               judge.Packet("video", 1.0, 1.0, 0.04, False)]
    assert len(judge.backward_steps(packets)) == 1


def test_calls_grey_and_silence_by_no_dj_s_name():
    import numpy

    assert judge.colour_name(128, 128) == "other"
    assert judge.dominant_frequency(numpy.zeros(4800), 48_000) == 0
