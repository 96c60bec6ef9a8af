"""Enhanced RTMP v2 from the newest ffmpeg: every codec is understood, and its DJ is told what the channel takes instead."""

import subprocess

import pytest

import enhanced
import processes
from waiting import wait_until


class Encoder:
    """One ffmpeg that publishes a recipe."""

    def __init__(self, name, url, folder):
        self._log = open(folder / f"{name}.log", "wb")
        self._process = subprocess.Popen(
            enhanced.publish(name, url), stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            preexec_fn=processes.die_with_parent)

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()


def lacks(server, name):
    """What a DJ's entry lacks, as one text."""
    return " ".join(
        " ".join(entry.get("missing") or []) for entry in server.whole_view()["entries"] if entry["name"] == name)


def test_each_codec_is_understood_and_its_dj_told_why_it_waits(server, folder, ended_later):
    expected = {
        "hevc-aac": ["sends HEVC", "takes H.264"],
        "av1-opus": ["sends AV1", "sends Opus sound", "takes AAC-LC"],
        "vp9-flac": ["sends VP9", "sends FLAC sound"],
        "h264-ac3": ["sends AC-3 sound"],
    }
    for name in expected:
        enhanced.clip(name)
        dj = server.make_dj(name)
        ended_later(Encoder(name, server.publish_url(dj.key), folder))
    for name, words in expected.items():
        wait_until(lambda: all(word in lacks(server, name) for word in words), f"the reason for {name}", 30)
        print(f"\n{name}: {lacks(server, name)}")
    # A picture that could not be parsed would say so instead.
    assert "sends H" not in lacks(server, "h264-ac3")
    assert server.on_air() is None


@pytest.mark.parametrize("name", ["multitrack"])
def test_the_first_of_several_tracks_goes_on_air(server, folder, ended_later, name):
    enhanced.clip(name)
    dj = server.make_dj("Multitrack DJ")
    ended_later(Encoder(name, server.publish_url(dj.key), folder))
    server.wait_for_on_air(dj.name, timeout=30)
    # The desk says so (docs/health.md).
    def issues():
        return [issue["type"] for issue in (server.whole_view()["entries"][0].get("health") or {"issues": []})["issues"]]

    wait_until(lambda: "multitrack" in issues(), "the DJ to be told of the tracks that are left out", 30)
