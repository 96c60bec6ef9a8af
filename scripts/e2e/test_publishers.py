"""Other encoders than OBS: what is on this machine publishes, what cannot be taken is told why."""

import shutil
import signal
import subprocess

import pytest

import judge
import processes
from recording import SegmentReader
from waiting import wait_until

GSTREAMER = """videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1
    ! x264enc bframes={b_frames} speed-preset=ultrafast key-int-max=25 ! h264parse ! queue ! mux.
    audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! queue ! mux.
    flvmux name=mux streamable=true ! rtmp2sink location={url}"""


class Encoder:
    """One process that publishes."""

    def __init__(self, command, folder):
        self._output = open(folder / "encoder.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
                                        preexec_fn=processes.die_with_parent)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._output.close()


def lacks(server):
    """What the only entry lacks, as one text."""
    entries = server.whole_view()["entries"]
    return " ".join(entries[0]["missing"]) if entries else ""


@pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="gstreamer1.0-tools is missing")
@pytest.mark.parametrize("b_frames", [0, 2])
def test_gstreamer_goes_on_air_and_its_end_of_stream_ends_the_entry(server, folder, ended_later, b_frames):
    dj = server.make_dj("GStreamer DJ")
    pipeline = GSTREAMER.format(url=server.publish_url(dj.key), b_frames=b_frames).split()
    encoder = ended_later(Encoder(["gst-launch-1.0", "-q", "-e", *pipeline], folder))
    server.wait_for_on_air(dj.name, timeout=15)
    encoder.stop()
    wait_until(lambda: not server.view()["entries"] or not server.view()["entries"][0]["connected"], "its end", 5)


def test_ffmpeg_with_the_key_as_stream_name_beside_the_application(server, folder, ended_later):
    dj = server.make_dj("ffmpeg DJ")
    ended_later(Encoder(
        ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25", "-f", "lavfi", "-i",
         "sine=sample_rate=48000", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a",
         "aac", "-rtmp_app", "live", "-rtmp_playpath", dj.key, "-f", "flv", f"rtmp://127.0.0.1:{server.rtmp_port}/"],
        folder))
    server.wait_for_on_air(dj.name)


def test_sound_without_picture_goes_on_air_with_a_still(server, folder, ended_later):
    dj = server.make_dj("Radio DJ")
    ended_later(Encoder(
        ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-f",
         "flv", server.publish_url(dj.key)], folder))
    server.wait_for_on_air(dj.name)
    reader = ended_later(SegmentReader(server.playlist))
    reader.wait_for_segments(2)
    reader.stop()
    last = reader.write_runs(folder)[-1]
    assert len([picture for picture in judge.packets(last) if picture.kind == "video"]) > 1
    assert judge.heard(judge.sounds(last), 440)


def test_colours_that_players_cannot_show_are_refused_in_words(server, folder, ended_later):
    dj = server.make_dj("4:4:4 DJ")
    ended_later(Encoder(
        ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25", "-f", "lavfi", "-i",
         "sine=sample_rate=48000", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", "-g", "25", "-c:a",
         "aac", "-f", "flv", server.publish_url(dj.key)], folder))
    wait_until(lambda: "4:2:0" in lacks(server), "the reason")
    assert server.on_air() is None
