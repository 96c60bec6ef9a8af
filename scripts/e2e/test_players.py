"""The programme plays in real players without an error, across hand-overs (issue 2, Programme and HLS)."""

import pytest

import clips
import judge
from players import MPV, VLC, plays_on
from recording import Recording, watch_for
from test_handover import show

pytestmark = pytest.mark.player


@pytest.fixture
def stage(server, publish):
    """Two DJs of different formats in line, the first on air; a call hands over to the second and then to the slate."""
    first, second = server.make_dj("DJ A"), server.make_dj("DJ Tall")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    b = publish(server, second, clips.TALL_B_FRAMES)
    server.wait_for_queue("DJ A", "DJ Tall")

    def hand_over():
        a.stop()
        show(server, "DJ Tall", 5)
        b.stop()
        server.wait_for_queue()
        watch_for(5)

    return server, hand_over


def test_ffmpeg_plays_without_a_complaint(stage, folder, ended_later):
    server, hand_over = stage
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    hand_over()
    file = viewer.stop()
    assert viewer.complaints() == []
    assert judge.decode_complaints(file) == ""


@pytest.mark.parametrize("kind", [MPV, VLC], ids=["mpv", "vlc"])
def test_player_plays_across_hand_overs(stage, folder, ended_later, kind):
    server, hand_over = stage
    player = ended_later(kind(server.playlist, folder))
    plays_on(player, 3, kind.__name__)
    hand_over()
    plays_on(player, 3, kind.__name__)
    assert player.complaints() == []
