"""Players that are left open: through DJs who send half of a stream, through every change of picture, through kill -9."""

import pytest
from playwright.sync_api import expect

import clips
import judge
from players import MPV, plays_on
from publishers import Publisher
from recording import Recording, watch_for
from test_play import decode_complaints
from test_web import colour_of_video, current_time
from waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.player]


@pytest.mark.extended
def test_players_go_on_through_half_streams_and_changes_of_picture(server, open_page, folder, ended_later):  # noqa: F811
    """Audio only, video only, another size and rate with B-frames: Chromium, ffmpeg and mpv at once, over fMP4 (must 4)."""
    kinds = (("DJ A", clips.A, ()), ("DJ Sound", clips.C, ("-vn",)), ("DJ Picture", clips.B, ("-an",)),
             ("DJ Tall", clips.TALL_B_FRAMES, ()))
    publishers = []
    for name, clip, arguments in kinds:
        dj = server.make_dj(name)
        publishers.append(ended_later(Publisher(server.publish_url(dj.key), clip, arguments=arguments)))
        server.wait_for_queue(*[kind[0] for kind in kinds[:len(publishers)]])
        server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all DJs ready", 30)
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    mpv = ended_later(MPV(server.playlist, folder))
    page = open_page()
    page.goto(server.url + "/watch/main")
    wait_until(lambda: current_time(page) > 0, "Chromium to play", 40)
    plays_on(mpv, 1, "mpv")
    for (name, _, _), publisher in zip(kinds, publishers):
        server.wait_for_on_air(name)
        watch_for(5)
        publisher.stop()
    server.wait_for_on_air(None)
    begin, place = current_time(page), mpv.position()
    wait_until(lambda: current_time(page) > begin + 8, "Chromium to play on", 40)
    wait_until(lambda: (mpv.position() or 0) > place + 8, "mpv to play on", 40)
    assert page.evaluate("document.querySelector('video').error") is None
    assert mpv.complaints() == []
    file = viewer.stop()
    assert viewer.complaints() == []
    assert decode_complaints(file) == []
    seen = judge.pictures(file)
    colours = [run.colour for run in judge.runs(seen) if run.count > 10]
    # The half stream without a picture shows a still; the last two are of one colour.
    in_turn = [colour for before, colour in zip([None, *colours], colours) if colour != before]
    assert in_turn[-4:] == ["red", "other", "green", "other"]
    assert judge.backward_steps(judge.packets(file)) == []
    assert judge.picture_gaps(seen, 0.1) == []
    # Their sounds: the first, the one without picture, silence for the one without sound, the last.
    heard = judge.sounds(file)
    for clip in (clips.A, clips.C, clips.TALL_B_FRAMES):
        assert len(judge.heard(heard, clip.tone)) >= 30, f"{clip.tone} Hz"


@pytest.mark.extended
def test_a_page_and_mpv_left_open_go_on_by_themselves_after_kill_minus_nine(
        server, publish, open_page, folder, ended_later):  # noqa: F811
    """mpv takes an address that does not answer for the end, unless it is told to open it again."""
    publish(server, server.make_dj("DJ A"), clips.A, reconnect=True)
    server.wait_for_on_air("DJ A")
    mpv = ended_later(MPV(server.playlist, folder, ["--loop-playlist=force"]))
    page = open_page()
    page.goto(server.url + "/watch/main")
    wait_until(lambda: colour_of_video(page)[0] > 150, "the DJ's red in the picture", 40)
    plays_on(mpv, 1, "mpv")
    server.kill()
    server.start()
    server.wait_for_on_air("DJ A", 40)
    # Nobody touches either. A page that had not begun anew would stand by now, and be black when it had.
    after = server.get("/hls/main/index.m3u8").status_code == 200 and current_time(page)
    wait_until(lambda: abs(current_time(page) - after) > 20, "the page to play on", 90)
    begin = current_time(page)
    wait_until(lambda: current_time(page) > begin + 3, "the page to play on", 60)
    wait_until(lambda: colour_of_video(page)[0] > 150, "the DJ's red in the picture again", 40)
    assert page.evaluate("document.querySelector('video').error") is None
    expect(page.locator("body")).to_contain_text("DJ A")
    plays_on(mpv, 5, "mpv")
