"""Outputs that stop and start alone while the others go on (issue 6)."""

import json
import subprocess

import clips
import judge
import requests
from recording import Recording, watch_for
from streams import BodyReader, SocketReader
from test_play import decode_complaints, play_url
from waiting import wait_until

MANIFEST = "/dash/main/manifest.mpd"


def outputs(server):
    """What `lineup channel list` says is on."""
    return json.loads(server.run("channel", "list", "--json").stdout)[0]["outputs"]


def status(server, path):
    return server.get(path).status_code


def addresses(text):
    """What a playlist names, without queries."""
    return [line.split("?")[0] for line in text.splitlines() if line and not line.startswith("#")]


def media_playlist(server):
    return "/hls/main/" + addresses(server.get("/hls/main/index.m3u8").text)[0]


def newest_segment(server):
    """Its name, which is the same below /hls and /dash."""
    return addresses(server.get(media_playlist(server)).text)[-1]


def turns(server, path, wanted):
    wait_until(lambda: status(server, path) == wanted, f"{path} to answer {wanted}", 10, every=0.1)


def test_dash_goes_off_and_on_while_an_rtmp_player_sees_nothing_of_it(server, publish, folder, ended_later):
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    turns(server, MANIFEST, 200)
    recording = ended_later(Recording(play_url(server), folder / "programme.ts"))
    segment = newest_segment(server)
    assert status(server, f"/hls/main/{segment}") == 200
    server.run("channel", "set", "main", "outputs=hls,stream,ws,audio,rtmp")
    turns(server, MANIFEST, 404)
    answer = server.get(MANIFEST)
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.headers["Cache-Control"] == "no-store"
    assert status(server, f"/dash/main/{segment}") == 404 and status(server, f"/hls/main/{newest_segment(server)}") == 200
    assert outputs(server) == ["hls", "stream", "ws", "audio", "rtmp"]
    watch_for(3)
    server.run("channel", "set", "main", "outputs=all")
    turns(server, MANIFEST, 200)
    assert outputs(server) == ["hls", "dash", "stream", "ws", "audio", "rtmp"]
    watch_for(2)
    file = recording.stop()
    assert recording.complaints() == [] and decode_complaints(file) == []
    assert judge.picture_gaps(judge.pictures(file), 0.1) == []
    assert judge.backward_steps(judge.packets(file)) == []


def test_what_is_off_closes_its_readers_and_takes_no_more_over_a_restart_too(server, publish, folder, ended_later):
    publish(server, server.make_dj("DJ A"), clips.A, reconnect=True)
    server.wait_for_on_air("DJ A")
    body = ended_later(BodyReader(server.url + "/stream/main", folder / "stream.ts"))
    sound = ended_later(BodyReader(server.url + "/audio/main", folder / "sound.aac"))
    socket = ended_later(SocketReader(server.url + "/ws/main"))
    player = ended_later(Recording(play_url(server), folder / "player.ts"))
    segment = newest_segment(server)
    server.run("channel", "set", "main", "outputs=audio,dash")
    wait_until(lambda: not body.is_running and not socket._thread.is_alive() and player._process.poll() is not None,
               "the readers to be closed", 10, every=0.1)
    was = sound.bytes
    wait_until(lambda: sound.bytes > was and sound.is_running, "the sound to go on", 10)
    for again in range(2):
        for path in ("/hls/main/index.m3u8", "/stream/main", f"/hls/main/{segment}"):
            answer = server.get(path)
            assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/problem+json", (again, path)
        handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "A" * 22 + "=="}
        assert requests.get(server.url + "/ws/main", headers=handshake, timeout=5).status_code == 404
        answer = subprocess.run(["ffmpeg", "-nostdin", "-v", "info", "-i", play_url(server), "-f", "null", "-"],
                                capture_output=True, text=True, timeout=20)
        assert answer.returncode != 0 and "There is no such channel" in answer.stderr, answer.stderr
        lists = server.get("/playlist.m3u").text
        assert "/audio/main" in lists and "/hls/" not in lists and "/stream/" not in lists
        assert server.get("/api/v1/channels/main").json()["outputs"] == ["dash", "audio"]
        if not again:
            server.stop()
            server.launch()
            turns(server, MANIFEST, 200)
    server.run("channel", "set", "main", "outputs=all")
    turns(server, "/hls/main/index.m3u8", 200)
    ended_later(BodyReader(server.url + "/stream/main", folder / "again.ts"))
    # The transport stream of HLS was not made meanwhile; it begins with a segment, numbered as the others.
    turns(server, "/hls/main/ts.m3u8", 200)
    segments = [addresses(server.get(f"/hls/main/{name}.m3u8").text) for name in ("ts", "media")]
    assert {one.split(".")[0] for one in segments[0]} <= {one.split(".")[0] for one in segments[1]}
    again = ended_later(Recording(server.url + "/hls/main/index-ts.m3u8", folder / "again-hls.ts"))
    watch_for(4)
    file = again.stop()
    assert again.complaints() == [] and decode_complaints(file) == []
    assert judge.picture_gaps(judge.pictures(file), 0.1) == []


def test_a_blocked_reload_is_let_go_and_unknown_names_are_refused(server):
    media = media_playlist(server)
    text = server.get(media).text
    sequence = int(text.split("#EXT-X-MEDIA-SEQUENCE:")[1].split()[0]) + text.count("#EXTINF") + 1
    server.run("channel", "set", "main", "outputs=hls")
    asked = subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{server.url}{media}?_HLS_msn={sequence}"],
                             stdout=subprocess.PIPE, text=True)
    watch_for(0.3)
    assert asked.poll() is None
    server.run("channel", "set", "main", "outputs=none")
    assert asked.communicate(timeout=10)[0] == "404"
    refused = server.run("channel", "set", "main", "outputs=hls,smoke", check=False)
    assert refused.returncode != 0 and "hls,dash,stream,ws,audio,rtmp" in refused.stderr and "smoke" in refused.stderr
    assert outputs(server) == []


FRIEND, FOE = "https://friend.example", "https://foe.example"
OPEN = ["/hls/main/index.m3u8", "/hls/main/none.m4s", MANIFEST, "/stream/main", "/audio/main", "/ws/main", "/playlist.m3u", "/epg.xml"]


def asked(server, method, path, origin):
    """The headers of an answer, without what is endless behind them."""
    with requests.request(method, server.url + path, headers={"Origin": origin}, stream=True, timeout=10) as answer:
        return answer.status_code, answer.headers


def test_pages_of_listed_sites_may_read_and_others_may_not(make_server):
    everybody, some = make_server(), make_server(LINEUP_CORS_ORIGINS=f"{FRIEND},https://second.example")
    for path in OPEN:
        for method in ("GET", "OPTIONS"):
            _, headers = asked(everybody, method, path, FOE)
            assert headers["Access-Control-Allow-Origin"] == "*" and "Origin" not in headers.get("Vary", ""), (method, path)
            status, headers = asked(some, method, path, FRIEND)
            assert headers["Access-Control-Allow-Origin"] == FRIEND and "Origin" in headers["Vary"], (method, path)
            assert "Access-Control-Allow-Credentials" not in headers
            if method == "OPTIONS":
                assert status == 204 and headers["Access-Control-Max-Age"] == "86400"
                assert headers["Access-Control-Allow-Methods"] == "GET, HEAD"
            _, headers = asked(some, method, path, FOE)
            assert not [name for name in headers if name.lower().startswith("access-control-")], (method, path)
            assert "Origin" in headers["Vary"], (method, path)


def test_settings_are_shown_as_they_are_taken(server):
    server.run("channel", "set", "main", "programmeDelay=4s", "slateText=Back at 20:00 = soon", "outputs=hls,rtmp", "slotLength=90s")
    shown = server.run("channel", "show").stdout.splitlines()
    assert {"programmeDelay=4s", "slateText=Back at 20:00 = soon", "outputs=hls,rtmp", "slotLength=90s", "maximumLength=none"} <= set(shown)
    server.run("channel", "set", "main", *shown)
    assert server.run("channel", "show", "main").stdout.splitlines() == shown
    assert json.loads(server.run("channel", "show", "--json").stdout) == dict(line.split("=", 1) for line in shown)
