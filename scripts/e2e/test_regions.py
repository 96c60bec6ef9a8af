"""Channels that are for some regions only, on every way to media, and channels that are listed for a time (PL-12, PL-16, RA-03…06)."""

import datetime
import json
import subprocess

import pytest
import requests

import clips
import nginx
from streams import BodyReader, SocketReader
from test_play import play_url
from waiting import wait_until

LISTING = "/api/v1/channels/main/listing"
MANIFEST = "/dash/main/manifest.mpd"
ENTRIES = ["/hls/main/index.m3u8", "/hls/main/index-ts.m3u8", "/hls/main/media.m3u8", "/hls/main/audio.m3u8", MANIFEST, "/stream/main", "/audio/main"]
HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "A" * 22 + "=="}


class Desk:
    """Sets a listing as an operator's machine."""

    def __init__(self, server):
        token = json.loads(server.run("token", "create", "--role", "operator", "--name", "e2e", "--json").stdout)["token"]
        server.planted.append(token)
        self._url, self._headers = server.url + LISTING, {"Authorization": "Bearer " + token}

    def put(self, **listing):
        return requests.put(self._url, json=listing, headers=self._headers, timeout=5)

    def set(self, **listing):
        answer = self.put(**listing)
        assert answer.status_code == 200, answer.text


def asked(root, path, **headers):
    """Status and headers, and the body where it has an end."""
    with requests.get(root + path, headers=headers, stream=True, timeout=10) as answer:
        is_endless = answer.status_code == 200 and path.split("/")[1] in ("stream", "audio")
        return answer.status_code, answer.headers, "" if is_endless else answer.text


def joined(path, query):
    return path + ("&" if "?" in path else "?") + query


def plays(url):
    """What ffmpeg says of two seconds, and whether it liked them."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-t", "2", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode == 0, done.stderr


@pytest.fixture
def stage(server, publish):
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: server.get(MANIFEST).status_code == 200, "the manifest", 20)
    return server, Desk(server)


def test_media_is_for_the_regions_of_the_listing_and_a_change_holds_at_once(stage, folder, ended_later):
    server, desk = stage
    running = ended_later(BodyReader(server.url + "/stream/main", folder / "before.ts"))
    for path in ENTRIES:
        status, headers, _ = asked(server.url, path)
        assert status == 200 and "X-Region" not in headers.get("Vary", ""), path
    segment = [line for line in server.get("/hls/main/media.m3u8").text.splitlines() if line.endswith(".m4s")][-1]

    desk.set(allowedRegions=["GB", "IE"])
    for path in [*ENTRIES, f"/hls/main/{segment}", f"/dash/main/{segment}", "/hls/main/media.m3u8?viewer=v.AAAA.BBBB"]:
        for path, region in ((path, {}), (joined(path, "region=US"), {}), (path, {"X-Region": "US"})):
            status, headers, text = asked(server.url, path, **region)
            assert status == 403 and headers["Cache-Control"] == "no-store" and "X-Region" in headers["Vary"], path
            assert json.loads(text)["type"] == "/problems/region" and "region" in json.loads(text)["detail"]
    for path in ENTRIES:
        assert asked(server.url, joined(path, "region=gb"))[0] == 200, path
        assert asked(server.url, path, **{"X-Region": "IE"})[0] == 200, path
        assert asked(server.url, joined(path, "region=England"))[0] == 400, path
    assert requests.get(server.url + "/ws/main", headers=HANDSHAKE, timeout=5).status_code == 403
    assert server.get("/stream/none").status_code == server.get("/hls/none/index.m3u8").status_code == 404
    socket = ended_later(SocketReader(server.url + "/ws/main?region=GB"))
    wait_until(lambda: len(socket.messages) > 3, "media over the WebSocket", 20)

    # Playlists are the same for all; the first, which is each viewer's own, leads on.
    first = asked(server.url, "/hls/main/index.m3u8", **{"X-Region": "GB"})[2]
    links = [line for line in first.splitlines() if line and not line.startswith("#")]
    assert links and all(link.endswith("&region=GB") and "?viewer=" in link for link in links), first
    bodies = {asked(server.url, "/hls/main/" + link)[0] for link in links}
    assert bodies == {200} and "region=" not in asked(server.url, "/hls/main/" + links[0])[2]
    assert asked(server.url, f"/hls/main/{segment}")[0] == 200, "the list was given to this address"

    # Every listed link plays in a real player, and so does RTMP that says where it is.
    listed = [line for line in server.get("/playlist.m3u?region=GB").text.splitlines() if line.startswith("http")]
    assert len(listed) == 3
    for url in [*listed, server.url + MANIFEST + "?region=GB", play_url(server) + "?region=GB"]:
        is_good, words = plays(url)
        assert is_good, (url, words)
    is_good, words = plays(play_url(server))
    assert not is_good, "RTMP says nothing of where it is"
    assert running.is_running, "who watches goes on"

    desk.set(blockedRegions=["US"])
    for path in ENTRIES:
        assert [asked(server.url, joined(path, query))[0] for query in ("x=y", "region=GB", "region=US")] == [200, 200, 403]
    assert plays(play_url(server))[0]
    desk.set()
    assert asked(server.url, "/stream/main?region=US")[0] == 200

    # Kept over a restart.
    desk.set(allowedRegions=["GB"])
    server.stop()
    server.launch()
    assert asked(server.url, "/hls/main/index.m3u8?region=US")[0] == 403


def test_behind_a_trusted_proxy_its_word_stands_and_its_cache_keeps_regions_apart(make_server, publish, folder):
    server = make_server(LINEUP_TRUSTED_PROXIES="127.0.0.1")
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    Desk(server).set(allowedRegions=["GB"])
    inside, outside = {"X-Test-Country": "GB"}, {"X-Test-Country": "US", "X-Region": "GB"}
    # In place of a geo database.
    countries = ('map "" $lineup_region {', "map $http_x_test_country $lineup_region { GB GB; US US;")
    with nginx.before(server, folder, countries) as root:
        wait_until(lambda: asked(root, "/hls/main/media.m3u8", **inside)[0] == 200, "media", 20)
        for _ in range(3):
            segment = [line for line in asked(root, "/hls/main/media.m3u8", **inside)[2].splitlines() if line.endswith(".m4s")][-1]
            for path in (*ENTRIES, f"/hls/main/{segment}", f"/dash/main/{segment}"):
                assert asked(root, path, **inside)[0] == 200, path
                for lie in (path, joined(path, "region=GB"), joined(path, "viewer=v.x&region=GB")):
                    assert asked(root, lie, **outside)[0] == 403, lie
                assert asked(root, path, **inside)[0] == 200, path
        assert "main" in asked(root, "/playlist.m3u?region=US", **inside)[2]
        assert "/main" not in asked(root, "/playlist.m3u?region=GB", **outside)[2]


def test_the_watch_page_tells_who_is_outside_and_plays_where_it_may(stage, open_page):
    server, desk = stage
    desk.set(allowedRegions=["GB"])

    def shows(path, phase, seconds=30):
        page = open_page()
        page.goto(server.url + path)
        page.wait_for_selector(f'#player[data-phase="{phase}"]', timeout=seconds * 1000)
        return page

    for path in ("/watch/main", "/embed/main?region=US"):
        assert "not offered in your region" in shows(path, "outside").inner_text("#player")
    for path in ("/watch/main?region=GB", "/embed/main?region=gb"):
        shows(path, "playing", 40)
    told = shows("/watch/main", "outside")
    desk.set()
    told.wait_for_selector('#player[data-phase="playing"]', timeout=60000)


def test_a_channel_is_listed_from_one_moment_until_another_without_a_restart(server):
    desk = Desk(server)

    def look():
        listed, guide = server.get("/playlist.m3u"), server.get("/epg.xml")
        assert listed.headers["Cache-Control"] == "no-store"
        return "/stream/main" in listed.text, '<channel id="main">' in guide.text, guide.headers["Cache-Control"]

    def now():
        return datetime.datetime.now(datetime.timezone.utc)

    def words(time):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ")

    assert look() == (True, True, "public, max-age=10")
    start = now().replace(microsecond=0) + datetime.timedelta(seconds=4)
    end = start + datetime.timedelta(seconds=4)
    desk.set(listedFrom=words(start), listedUntil=words(end))
    seen = []
    while now() < end + datetime.timedelta(seconds=1.5):
        before = now()
        listed, guided, caching = look()
        after = now()
        seen.append(listed)
        # What was looked at across a moment may be either.
        if not any(before <= moment <= after for moment in (start, end)):
            assert listed == guided == (start <= before < end), (before, start, end)
            nearest = min((moment - after).total_seconds() for moment in (start, end, end + datetime.timedelta(days=1)) if moment > after)
            assert int(caching.removeprefix("public, max-age=")) <= nearest + 0.1 + (after - before).total_seconds()
    assert [seen[0], True in seen, seen[-1]] == [False, True, False]

    for listing, field in (({"listedFrom": words(end), "listedUntil": words(start)}, "listedUntil"), ({"listedFrom": "soon"}, "listedFrom"),
                           ({"listedUntil": "2026-11-21T20:15:00+01:00"}, "listedUntil")):
        answer = desk.put(**listing)
        assert answer.status_code == 422 and answer.json()["field"] == field, answer.text
    desk.set(listedUntil=words(end))
    assert look()[:2] == (False, False)
    desk.set()
    assert look()[:2] == (True, True)
