"""`deadAfter`: a slot whose sound is silent, or whose picture stops, ends by itself when the channel wants that."""

import subprocess

import pytest

import clips
import processes
from silence import silenced
from waiting import wait_until


@pytest.mark.parametrize("how", [pytest.param("short-frames", marks=pytest.mark.extended), "padded"])
def test_a_silent_slot_ends_after_twenty_seconds(server, folder, how):
    """Also where the encoder pads silence to its bitrate, so that only the decoded sound tells."""
    server.run("queue", "set", "deadAfter=true")
    dj = server.make_dj("Mute")
    video = ["-re", "-stream_loop", "-1", "-i"]
    sending = {
        "short-frames": [*video, str(clips.path_of(clips.A)), "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-map", "0:v",
                         "-map", "1:a", "-c:v", "copy", "-c:a", "aac"],
        "padded": [*video, str(silenced(clips.path_of(clips.A), folder / "padded.flv")), "-c", "copy"],
    }[how]
    with open(folder / "ffmpeg.log", "wb") as log:
        sender = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", *sending, "-f", "flv", server.publish_url(dj.key)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=processes.die_with_parent)
    try:
        server.wait_for_on_air("Mute")
        warned = wait_until(lambda: server.whole_view()["entries"][0].get("unhealthy"), "the DJ to be warned", 45)
        assert warned["missing"] == ["sound"], warned
        wait_until(lambda: sender.poll() is not None, "the silent DJ to be sent away", 45)
    finally:
        sender.kill()
        sender.wait()
    assert "no picture or no sound" in (folder / "ffmpeg.log").read_text()
    history = server.run("queue", "list", "--json").stdout
    assert "Mute" not in history
