"""A DJ with OBS: the real program against the real server."""

import pytest

import clips
import judge
from recording import SegmentReader
from test_handover import all_ready, show
from waiting import wait_until

obs = pytest.importorskip("obs", reason="obsws-python is missing")
pytestmark = [pytest.mark.obs, pytest.mark.skipif(not obs.is_installed(), reason="obs-studio or xvfb is missing")]


def open_obs(server, key, ended_later, **settings):
    return ended_later(obs.OBS(f"rtmp://127.0.0.1:{server.rtmp_port}/live", key, **settings))


@pytest.mark.parametrize("settings", [{}, {"key_frame_seconds": 2, "preset": "veryfast"}], ids=["defaults", "b-frames"])
def test_obs_goes_on_air_and_its_stop_ends_the_entry(server, ended_later, settings):
    dj = server.make_dj("OBS DJ")
    studio = open_obs(server, dj.key, ended_later, clip=clips.A, **settings)
    studio.start_streaming()
    # 2 s of delay and what OBS needs to start; not the 8.3 s until OBS's second key frame and 2 s more.
    server.wait_for_on_air("OBS DJ", timeout=9)
    assert studio.is_streaming and not studio.is_reconnecting
    studio.stop_streaming()
    # FCUnpublish: no grace, the place is free at once.
    wait_until(lambda: server.queue() == [], "the entry to end", 8)
    server.wait_for_on_air(None)


def test_obs_with_a_wrong_key_is_told_so_and_does_not_retry(server, ended_later):
    studio = open_obs(server, "no-such-key", ended_later)
    studio.start_streaming()
    wait_until(lambda: "NetStream.Publish.Denied" in studio.said(), "OBS to be refused", 10)
    assert "This stream key is not known" in studio.said()
    wait_until(lambda: not studio.is_streaming, "OBS to give up")
    assert not studio.is_reconnecting
    assert server.queue() == []


def test_obs_with_a_revoked_key_is_cut_off_and_learns_why_when_it_returns(server, ended_later):
    dj = server.make_dj("OBS DJ")
    studio = open_obs(server, dj.key, ended_later, key_frame_seconds=1)
    studio.start_streaming()
    server.wait_for_on_air("OBS DJ")
    server.run("key", "revoke", dj.key_id)
    wait_until(lambda: studio.is_reconnecting, "OBS to lose its connection")
    wait_until(lambda: "This stream key was revoked" in studio.said(), "OBS to be told why", 10)
    server.wait_for_on_air(None)


def test_obs_hands_over_to_the_next_without_a_step_back(server, publish, folder, ended_later):
    dj, other = server.make_dj("OBS DJ"), server.make_dj("DJ B")
    studio = open_obs(server, dj.key, ended_later, clip=clips.C)
    studio.start_streaming()
    server.wait_for_on_air("OBS DJ", timeout=30)
    publish(server, other, clips.B)
    server.wait_for_queue("OBS DJ", "DJ B")
    all_ready(server, 2)
    reader = ended_later(SegmentReader(server.playlist))
    show(server, "OBS DJ", 10)
    studio.stop_streaming()
    server.wait_for_queue("DJ B", timeout=5)
    show(server, "DJ B", 4)
    reader.wait_for_segments(2)
    reader.stop()
    runs = reader.write_runs(folder)
    colours = [run.colour for file in runs for run in judge.runs(judge.pictures(file)) if run.count >= 3]
    assert colours[-2:] == ["blue", "green"], colours
    for run in runs:
        assert judge.backward_steps(judge.packets(run)) == []
        assert judge.decode_complaints(run) == ""
