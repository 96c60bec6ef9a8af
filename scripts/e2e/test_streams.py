"""The programme in its other wrappings: MPEG-TS and sound over HTTP, and over WebSockets (issue 6, must 3)."""

import subprocess

import pytest
import requests

import clips
import judge
from players import MPV, VLC, plays_on
from recording import watch_for
from streams import BodyReader, SocketReader, decode_seconds, gauge, is_closed, programme_zero, silent_reader
from test_handover import show
from waiting import wait_until


def pids(body):
    """The packet identifiers of a transport stream, after a look at its framing."""
    assert len(body) >= 188 and all(body[at] == 0x47 for at in range(0, len(body) - 187, 188))
    return [(body[at + 1] & 0x1F) << 8 | body[at + 2] for at in range(0, len(body) - 187, 188)]


def continuity_jumps(body):
    """Packets with payload whose counter does not follow the one before of its identifier."""
    last, jumps = {}, 0
    for at in range(0, len(body) - 187, 188):
        pid, counter = (body[at + 1] & 0x1F) << 8 | body[at + 2], body[at + 3] & 0x0F
        if not body[at + 3] & 0x10:
            continue
        if pid in last and counter != (last[pid] + 1) & 0x0F:
            jumps += 1
        last[pid] = counter
    return jumps


def streams_of(source):
    answer = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "csv=p=0", str(source)],
                            capture_output=True, text=True, timeout=30)
    return sorted(set(answer.stdout.split()))


@pytest.mark.player
def test_every_wrapping_goes_on_across_hand_overs(make_server, publish, folder, ended_later):
    """Another picture size and another AAC configuration, then the slate: in players, and in what readers kept."""
    server = make_server(LINEUP_PROGRAMME_DELAY=0)
    first, second = server.make_dj("DJ A"), server.make_dj("DJ CD")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    b = publish(server, second, clips.CD_RATE)
    server.wait_for_queue("DJ A", "DJ CD")
    stream = server.url + "/stream/main"
    body = ended_later(BodyReader(stream, folder / "stream.ts"))
    sound = ended_later(BodyReader(server.url + "/audio/main", folder / "sound.aac"))
    fragments = ended_later(SocketReader(server.url + "/ws/main"))
    packets = ended_later(SocketReader(server.url + "/ws/main?format=ts"))
    players = [ended_later(kind(stream, folder)) for kind in (MPV, VLC)]
    for player in players:
        plays_on(player, 1, type(player).__name__)
    zero = programme_zero(server)
    a.stop()
    show(server, "DJ CD", 4)
    b.stop()
    server.wait_for_queue()
    for player in players:
        plays_on(player, 2, type(player).__name__)
        assert player.complaints() == []
    assert body.type == "video/mp2t" and sound.type == "audio/aac"
    for reader in (body, sound, fragments, packets):
        reader.stop()

    whole = body.file.read_bytes()
    assert pids(whole)[0] in (0x00, 0x11) and 0x00 in pids(whole)[:2]
    assert continuity_jumps(whole) == 0
    assert streams_of(body.file) == ["aac,audio", "h264,video"]
    judge_programme(body.file, clips.A.tone, clips.CD_RATE.tone)

    assert streams_of(sound.file) == ["aac,audio"]
    heard = judge.sounds(sound.file)
    assert judge.heard(heard, clips.A.tone) and judge.heard(heard, clips.CD_RATE.tone)

    (folder / "socket.ts").write_bytes(b"".join(packets.messages))
    assert continuity_jumps(b"".join(packets.messages)) == 0
    judge_programme(folder / "socket.ts", clips.A.tone, clips.CD_RATE.tone)

    judge_fragments(fragments, folder)
    # From the moment a fragment's first picture left the programme, which is when it came in: this delay is 0.
    decoded = [(decode_seconds(message), arrival)
               for message, arrival in list(zip(fragments.messages, fragments.arrivals))[30:] if message[4:8] == b"moof"]
    latencies = sorted(arrival - zero - seconds for seconds, arrival in decoded if seconds is not None)
    print(f"WebSocket: median {latencies[len(latencies) // 2]:.3f} s, worst {latencies[-1]:.3f} s of {len(latencies)} fragments")
    assert latencies[len(latencies) // 2] < 1


def judge_programme(file, *tones):
    seen = judge.pictures(file)
    colours = [run.colour for run in judge.runs(seen) if run.count > 10]
    # Without a delay the slate may show between the two.
    assert [colour for colour in colours if colour != "other"] == ["red", "blue"] and colours[-1] == "other", colours
    assert judge.picture_gaps(seen, 0.2) == []
    assert judge.backward_steps(judge.packets(file)) == []
    heard = judge.sounds(file)
    assert all(judge.heard(heard, tone) for tone in tones)


def judge_fragments(reader, folder):
    """Each format is told of, then its init section comes, then fragments that start where the one before ended."""
    assert len(reader.formats) >= 3
    assert reader.formats[0][0] == 0
    for place, (position, format) in enumerate(reader.formats):
        assert format["mime"].startswith('video/mp4; codecs="avc1.') and format["mime"].endswith('mp4a.40.2"')
        assert reader.messages[position][4:8] == b"ftyp"
        end = reader.formats[place + 1][0] if place + 1 < len(reader.formats) else len(reader.messages)
        run = reader.messages[position:end]
        assert all(message[4:8] == b"moof" for message in run[1:])
        file = folder / f"socket-{place}.mp4"
        file.write_bytes(b"".join(run))
        if len(run) > 10:
            assert judge.decode_complaints(file) == ""
            assert judge.picture_gaps(judge.pictures(file), 0.2) == []


def test_refuses_what_there_is_not_and_who_is_one_too_many(make_server, folder, ended_later):
    server = make_server(LINEUP_STREAM_MAX_VIEWERS_PER_CHANNEL=2)
    assert server.get("/stream/nobody").status_code == 404
    assert server.get("/stream/..%2f").status_code == 404
    answer = server.get("/ws/main")
    assert answer.status_code == 426 and answer.headers["Upgrade"] == "websocket"
    readers = [ended_later(BodyReader(server.url + "/stream/main", folder / "a.ts")),
               ended_later(SocketReader(server.url + "/ws/main"))]
    for path in ("/stream/main", "/audio/main"):
        answer = server.get(path)
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "application/problem+json" and "HLS" in answer.json()["detail"]
    # A look at the head is no viewer.
    readers[0].stop()
    wait_until(lambda: gauge(server, "lineup_stream_viewers") == 1, "the place to be free", 20)
    head = requests.head(server.url + "/stream/main", timeout=5)
    assert head.status_code == 200 and head.headers["Content-Type"] == "video/mp2t"
    ended_later(BodyReader(server.url + "/stream/main", folder / "b.ts"))


@pytest.mark.extended
def test_readers_that_do_not_read_disturb_nobody_and_are_closed(server, publish, folder, ended_later):
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    steady = ended_later(BodyReader(server.url + "/stream/main", folder / "steady.ts"))
    silent = [silent_reader(server.http_port, path) for path in ("/stream/main", "/stream/main")]
    for _ in range(10):
        # A hundred at a time: two cores, and the kernel's backlog.
        crowd = [silent_reader(server.http_port, "/stream/main") for _ in range(100)]
        wait_until(lambda: gauge(server, "lineup_stream_viewers") > 20, "the crowd to be there", 20)
        for peer in crowd:
            peer.close()
        wait_until(lambda: gauge(server, "lineup_stream_viewers") <= 20, "the crowd to be gone", 30)
    wait_until(lambda: all(is_closed(peer) for peer in silent), "the silent readers to be closed", 60)
    assert gauge(server, "lineup_stream_stalled_total") >= 2
    wait_until(lambda: gauge(server, "lineup_stream_viewers") == 1, "one viewer to be left", 20)
    file = steady.stop()
    assert continuity_jumps(file.read_bytes()) == 0
    assert judge.picture_gaps(judge.pictures(file), 0.2) == []
