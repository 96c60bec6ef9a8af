"""The programme over RTMP: real players across hand-overs, slow ones that disturb nobody, and RTMPS (issue 3, must 5)."""

import json
import signal
import subprocess

import pytest

import clips
import judge
from players import MPV, VLC, plays_on
from publishers import Publisher
from recording import Recording, watch_for
from test_handover import show
from waiting import wait_until


def play_url(server, channel="main"):
    return f"rtmp://127.0.0.1:{server.rtmp_port}/play/{channel}"


def decode_complaints(file):
    """What the decoders say. Left out: that the judge's own output has the first source's frame rate, and the next one's more."""
    return [line for line in judge.decode_complaints(file).splitlines() if "non monotonically increasing dts to muxer" not in line]


@pytest.mark.player
def test_every_player_plays_across_hand_overs(server, publish, folder, ended_later):
    """A late start, a format change and the slate, in ffmpeg, mpv and VLC at once; ffmpeg's pictures and tones are judged."""
    first, second = server.make_dj("DJ A"), server.make_dj("DJ Tall")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    b = publish(server, second, clips.TALL_B_FRAMES)
    server.wait_for_queue("DJ A", "DJ Tall")
    recording = ended_later(Recording(play_url(server), folder / "programme.ts"))
    players = [ended_later(kind(play_url(server), folder)) for kind in (MPV, VLC)]
    for player in players:
        plays_on(player, 1, type(player).__name__)
    a.stop()
    show(server, "DJ Tall", 3)
    b.stop()
    server.wait_for_queue()
    # Both play on across the slate: longer than what either holds.
    for player in players:
        plays_on(player, 2, type(player).__name__)
        assert player.complaints() == []
    file = recording.stop()
    assert recording.complaints() == []
    assert decode_complaints(file) == []
    seen = judge.pictures(file)
    colours = [run.colour for run in judge.runs(seen) if run.count > 10]
    assert colours[:3] == ["red", "green", "other"]
    assert judge.picture_gaps(seen, 0.2) == []
    assert judge.backward_steps(judge.packets(file)) == []
    heard = judge.sounds(file)
    assert judge.heard(heard, clips.A.tone) and judge.heard(heard, clips.TALL_B_FRAMES.tone)


@pytest.mark.player
def test_a_stopped_player_disturbs_nobody_and_resumes_at_a_key_frame(server, publish, folder, ended_later):
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    steady = ended_later(Recording(play_url(server), folder / "steady.ts"))
    stopped = ended_later(Recording(play_url(server), folder / "stopped.ts"))
    stopped._process.send_signal(signal.SIGSTOP)
    watch_for(8)
    stopped._process.send_signal(signal.SIGCONT)
    grown = stopped.file.stat().st_size
    wait_until(lambda: stopped.file.stat().st_size > grown + 50_000, "the stopped player to go on", 20)
    for recording in (steady, stopped):
        assert decode_complaints(recording.stop()) == []
    assert judge.picture_gaps(judge.pictures(steady.file), 0.1) == []


def test_a_player_is_told_that_a_channel_does_not_exist(server):
    answer = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "info", "-i", play_url(server, "../live"), "-f", "null", "-"], capture_output=True,
        text=True, timeout=20)
    assert answer.returncode != 0
    assert "There is no such channel" in answer.stderr, answer.stderr


def make_certificate(folder, name):
    """A self-signed pair named `name`, put in its place by renaming, as certbot does."""
    for part in ("key", "pem"):
        (folder / f"new.{part}").unlink(missing_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
         f"/CN={name}", "-keyout", str(folder / "new.key"), "-out", str(folder / "new.pem")],
        check=True, capture_output=True, timeout=20)
    for part in ("key", "pem"):
        (folder / f"new.{part}").rename(folder / f"server.{part}")


def shown_certificate(port):
    """The subject that RTMPS shows now."""
    answer = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20)
    return next((line for line in answer.stdout.splitlines() if line.startswith("subject=")), "")


def test_rtmps_publishes_plays_and_shows_a_new_certificate(make_server, folder, ended_later):
    make_certificate(folder, "first.example.org")
    server = make_server(LINEUP_RTMPS_PORT=0, LINEUP_TLS_CERTIFICATE=folder / "server.pem", LINEUP_TLS_KEY=folder / "server.key")
    dj = server.make_dj("DJ Safe")
    ended_later(Publisher(f"rtmps://127.0.0.1:{server.rtmps_port}/live/{dj.key}"))
    server.wait_for_on_air("DJ Safe")
    recording = ended_later(Recording(f"rtmps://127.0.0.1:{server.rtmps_port}/play/main", folder / "secure.ts"))
    assert "first.example.org" in shown_certificate(server.rtmps_port)

    make_certificate(folder, "second.example.org")
    wait_until(lambda: "second.example.org" in shown_certificate(server.rtmps_port), "the new certificate", 10, every=0.3)
    findings = json.loads(server.run("doctor", "--json", check=False).stdout)
    findings = findings if isinstance(findings, list) else findings["findings"]
    assert [finding["isOK"] for finding in findings if finding["name"] == "RTMPS certificate"] == [True]

    (folder / "server.key").write_text("no key\n")
    wait_until(lambda: "certificate cannot be used" in server.log_text() or not shown_certificate(server.rtmps_port),
               "the log to name the bad pair", 10, every=0.3)
    assert "second.example.org" in shown_certificate(server.rtmps_port)
    findings = json.loads(server.run("doctor", "--json", check=False).stdout)
    findings = findings if isinstance(findings, list) else findings["findings"]
    assert [finding["isOK"] for finding in findings if finding["name"] == "RTMPS certificate"] == [False]
    assert decode_complaints(recording.stop()) == []
