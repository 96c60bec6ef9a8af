"""Who watches: counted over every protocol, kept with the slot, sent away for good; and the list for television (issue 6, 4 and 5)."""

import http.server
import json
import re
import threading
from urllib.parse import urljoin, urlsplit

import ipytv.playlist
import pytest
import requests
import websocket
from playwright.sync_api import expect

import clips
import nginx
from recording import Recording
from streams import BodyReader, SocketReader
from test_web import log_in
from waiting import wait_until


@pytest.fixture
def operator(server):
    """Asks the server's API as an operator's machine."""
    token = json.loads(server.run("token", "create", "--role", "operator", "--name", "e2e", "--json").stdout)["token"]
    server.planted.append(token)
    session = requests.Session()
    session.headers["Authorization"] = "Bearer " + token
    return session


def viewers(server, operator):
    answer = operator.get(server.url + "/api/v1/channels/main/viewers", timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_viewers_are_counted_kept_with_the_slot_and_sent_away(server, publish, operator, folder, ended_later):
    publisher = publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    assert server.get("/api/v1/channels/main/viewers").status_code == 401
    stream = ended_later(BodyReader(server.url + "/stream/main", folder / "stream.ts"))
    sound = ended_later(BodyReader(server.url + "/audio/main", folder / "sound.aac"))
    socket = ended_later(SocketReader(server.url + "/ws/main"))
    player = ended_later(Recording(f"rtmp://127.0.0.1:{server.rtmp_port}/play/main", folder / "play.ts"))
    seen = wait_until(lambda: viewers(server, operator)["viewers"] == 4 and viewers(server, operator), "four viewers", 20)
    assert seen["byProtocol"] == {"ts": 1, "audio": 1, "ws": 1, "rtmp": 1} and not seen["estimate"]
    told = server.get("/api/v1/channels/main").json()
    assert told == {"channel": "main", "viewers": 4, "estimate": False, "outputs": ["hls", "dash", "stream", "ws", "audio", "rtmp"]}

    # What a reader counted, within what is still on its way.
    sound.stop()
    wait_until(lambda: viewers(server, operator)["viewers"] == 3, "the listener to be gone", 20)
    wait_until(lambda: stream.bytes > 2_000_000, "two megabytes", 60)
    session = next(one for one in viewers(server, operator)["sessions"] if one["protocol"] == "ts")
    wait_until(lambda: next(one for one in viewers(server, operator)["sessions"] if one["id"] == session["id"])["bytes"]
               > 2_000_000 * 0.98, "the bytes to be told", 20)
    counted = next(one for one in viewers(server, operator)["sessions"] if one["id"] == session["id"])["bytes"]
    assert counted <= stream.bytes * 1.02 + 200_000

    # Sent away: out at once by every protocol, and none lets it in again.
    answer = operator.delete(f"{server.url}/api/v1/channels/main/viewers/{session['id']}?seconds=3", timeout=5)
    assert answer.status_code == 200 and answer.json() == {"ended": 3, "addressBarred": True}
    wait_until(lambda: not (stream.is_running or socket._thread.is_alive()) and player._process.poll() is not None, "all of theirs to end", 20)
    now = viewers(server, operator)
    gone = now["closedLately"]
    assert [one["reason"] for one in gone] == ["kicked", "kicked", "kicked", "left"] and now["sessions"] == []
    assert (now["opened"], now["closed"], now["kicked"]) == (4, 4, 3)
    assert gone[0]["id"] == session["id"] and gone[0]["bytes"] >= counted and "address" not in gone[0]
    answer = server.get("/stream/main")
    assert answer.status_code == 403 and answer.json()["type"].endswith("/sent-away")
    wait_until(lambda: requests.head(server.url + "/stream/main", timeout=5).status_code == 200, "the time to be over", 20)

    # A proxy that nobody declared: others come from there, and the answer says that it is let in.
    behind = BodyReader(server.url + "/stream/main", folder / "behind.ts", headers={"X-Forwarded-For": "198.51.100.1"})
    ended_later(behind)
    number = viewers(server, operator)["sessions"][0]["id"]
    told = server.run("viewer", "kick", str(number)).stdout
    assert "Their session is over. Their address is not kept out" in told and "LINEUP_TRUSTED_PROXIES" in told
    wait_until(lambda: not behind.is_running, "the stream to end", 20)
    assert requests.head(server.url + "/stream/main", timeout=5).status_code == 200
    closed = 'lineup_viewer_sessions_closed_total{channel="main",protocol="ts",reason="kicked"} 2'
    wait_until(lambda: closed in server.get("/metrics").text, "the sessions in the metrics", 20)
    assert "# TYPE lineup_viewer_sessions_opened_total counter" in server.get("/metrics").text

    publisher.stop()
    server.wait_for_queue()
    history = server.url + "/api/v1/channels/main/queue/history"
    entry = wait_until(lambda: next((one for one in operator.get(history, timeout=5).json()["entries"] if "viewersPeak" in one), None),
                       "the slot's viewers in the history", 40)
    assert entry["viewersPeak"] == 4 and 0 < entry["viewersAverage"] <= 4 and entry["viewerMinutes"] > 0
    rows = operator.get(history + ".csv", timeout=5).text.splitlines()
    assert rows[0].endswith("viewersPeak,viewersAverage,viewerMinutes") and ",4," in rows[1]


def test_the_list_survives_any_name_and_leads_to_what_plays(make_server, folder):
    server = make_server(LINEUP_PUBLIC_URL="https://tv.example.org", LINEUP_VIEWER_ACCESS="token")
    token = json.loads(server.run("token", "create", "--role", "operator", "--name", "e2e", "--json").stdout)["token"]
    operator = {"Authorization": "Bearer " + token}
    listing = {"title": 'A "B", C', "group": "Music, live", "number": 7, "logo": "https://tv.example.org/l.png", "allowedRegions": ["GB"]}
    answer = requests.put(server.url + "/api/v1/channels/main/listing", json=listing, headers=operator, timeout=5)
    assert answer.status_code == 200, answer.text
    bad = requests.put(server.url + "/api/v1/channels/main/listing", json={"number": 0}, headers=operator, timeout=5)
    assert bad.status_code == 422

    assert server.get("/playlist.m3u?region=GB").status_code == 401
    for way in ("/stream/main", "/audio/main", "/hls/main/index.m3u8", "/hls/main/index.m3u8?viewer=v.AAAA.BBBB", "/dash/main/manifest.mpd"):
        answer = server.get(way)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="lineup"', way
        assert answer.json()["type"] == "/problems/viewer-token" and "no-store" in answer.headers["Cache-Control"], way
    link = requests.get(server.url + "/api/v1/channels/main/play-token", headers=operator, timeout=5).json()
    path = link["playlist"].removeprefix("https://tv.example.org") + "&region=gb"
    first = server.get(path)
    assert first.status_code == 200 and first.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert first.text == server.get(path).text and first.text.startswith("#EXTM3U ")
    assert token not in first.text
    head = first.text.splitlines()[0]
    assert head == '#EXTM3U url-tvg="https://tv.example.org/epg.xml?region=GB" x-tvg-url="https://tv.example.org/epg.xml?region=GB"'
    assert '<channel id="main">' in server.get("/epg.xml?region=GB").text and "<channel" not in server.get("/epg.xml").text

    parsed = ipytv.playlist.loads(first.text)
    assert parsed.length() == 3 and [channel.name for channel in parsed] == ['A "B", C', 'A "B", C [MPEG-TS]', 'A "B", C [Audio]']
    assert parsed[0].attributes == {"tvg-id": "main", "tvg-name": "A ”B”, C", "tvg-logo": "https://tv.example.org/l.png",
                                    "group-title": "Music, live", "channel-number": "7"}
    addresses = [channel.url for channel in parsed]
    assert all(one.startswith("https://tv.example.org/") for one in addresses)
    stream = requests.get(addresses[1].replace("https://tv.example.org", server.url), stream=True, timeout=20)
    assert stream.status_code == 200
    stream.close()
    # Filters.
    assert ipytv.playlist.loads(server.get(path + "&variants=no").text).length() == 1
    for hidden in ("/playlist.m3u?region=US", "/playlist.m3u", "/playlist.m3u?region=GB&ids=8", "/playlist.m3u?region=GB&group=news"):
        assert server.get(hidden).text.count("\n") == 1, hidden
    # A proxy that knows the country says it in a header; what the address says counts more.
    for url, headers, count in ((path.replace("&region=gb", ""), {"X-Region": "GB"}, 3), (path.replace("=gb", "=US"), {"X-Region": "GB"}, 0)):
        assert ipytv.playlist.loads(requests.get(server.url + url, headers=headers, timeout=5).text).length() == count
    assert server.get("/playlist.m3u?region=England").status_code == 400


WATCHED = "document.querySelector('#player video').currentTime"


def shows(page, url, pattern, seconds=40):
    """Opens `url` and waits until the player says what matches; answers the page."""
    page.goto(url)
    wait_until(lambda: re.search(pattern, page.inner_text("#player .player-message")), f"{pattern} in words", seconds)
    return page


def plays(page, url, seconds=40):
    page.goto(url)
    page.wait_for_selector('#player[data-phase="playing"]', timeout=seconds * 1000)
    start = page.evaluate(WATCHED)
    wait_until(lambda: page.evaluate(WATCHED) > start + 1, "the picture to move", 20)
    return page


def invited_server(make_server, publish):
    server = make_server(LINEUP_VIEWER_ACCESS="token")
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    token = json.loads(server.run("token", "create", "--role", "operator", "--name", "e2e", "--json").stdout)["token"]
    operator = requests.Session()
    operator.headers["Authorization"] = "Bearer " + token
    return server, operator


@pytest.mark.browser
def test_an_invited_viewer_watches_on_the_pages_and_others_read_what_to_do(make_server, publish, open_page, folder):
    server, operator = invited_server(make_server, publish)
    link = operator.get(server.url + "/api/v1/channels/main/play-token", timeout=5).json()
    token = link["token"]
    assert link["watch"] == f"{server.url}/watch/main?viewer={token}"
    embedded = link["watch"].replace("/watch/", "/embed/")
    uninvited = "for invited viewers.*link|for invited viewers.*address"

    page = plays(open_page(), link["watch"])
    assert page.locator("#player").get_attribute("data-feed") == "mse"
    page.locator("summary").click()
    assert page.inner_text("#address code").endswith("/index.m3u8?viewer=" + token)
    assert token not in page.inner_text("#embed-code") and page.is_visible("#invited-hint")
    page.screenshot(path=folder / "invited.png", full_page=True)
    inner = plays(open_page(640, 480), embedded)
    assert inner.get_attribute("#watch-link", "href") == "/watch/main?viewer=" + token
    inner.screenshot(path=folder / "invited-embed.png")
    # The address for other players is one that plays.
    assert requests.get(page.inner_text("#address code"), timeout=5).status_code == 200

    for name, url in (("watch", server.url + "/watch/main"), ("embed", server.url + "/embed/main"), ("bad", link["watch"][:-1] + "~")):
        page = shows(open_page(), url, uninvited)
        assert "Trying again" not in page.inner_text("#player") and page.is_hidden(".player-controls")
        page.screenshot(path=folder / f"uninvited-{name}.png")
    assert token not in server.log_text()


@pytest.mark.browser
def test_without_playlists_the_page_asks_the_socket_and_the_button_asks_again(make_server, publish, open_page, folder):
    server, operator = invited_server(make_server, publish)
    server.run("queue", "set", "outputs=ws")
    wait_until(lambda: server.get("/hls/main/index.m3u8").status_code == 404, "no playlists", 20)
    asked = []
    page = open_page()
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(server.url + "/watch/main")
    page.wait_for_selector('#player[data-phase="uninvited"]', timeout=30_000)
    assert "ask its operator for a link" in page.inner_text("#player")
    page.screenshot(path=folder / "uninvited-socket.png")
    # Nothing but the button asks again; it is of no use without another link.
    asked.clear()
    page.wait_for_timeout(5000)
    assert "/ws/main" not in asked
    page.get_by_role("button", name="Look again").click()
    wait_until(lambda: page.locator('#player[data-phase="uninvited"]').count() and asked.count("/ws/main") == 1, "one more look", 10)
    plays(page, operator.get(server.url + "/api/v1/channels/main/play-token", timeout=5).json()["watch"])


@pytest.mark.browser
def test_who_is_sent_away_reads_so_and_is_let_in_again_by_itself(make_server, publish, open_page, folder):
    server, operator = invited_server(make_server, publish)
    page = plays(open_page(), operator.get(server.url + "/api/v1/channels/main/play-token", timeout=5).json()["watch"])
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    session = wait_until(lambda: viewers(server, operator)["sessions"], "the viewer", 20)[0]
    assert operator.delete(f"{server.url}/api/v1/channels/main/viewers/{session['id']}?seconds=20", timeout=5).status_code == 200
    page.wait_for_selector('#player[data-phase="sentAway"]', timeout=20_000)
    assert "sent you away" in page.inner_text("#player") and page.evaluate(WATCHED) == 0
    page.screenshot(path=folder / "sent-away.png")
    page.wait_for_timeout(2000)
    asked.clear()
    page.wait_for_timeout(8000)
    assert not [path for path in asked if path.startswith(("/hls/", "/ws/"))], "it waits"
    page.wait_for_selector('#player[data-phase="playing"]', timeout=60_000)


@pytest.mark.browser
def test_a_viewers_address_is_told_to_no_other_site_and_the_operator_finds_the_link(make_server, publish, open_page, folder):
    server, operator = invited_server(make_server, publish)
    link = operator.get(server.url + "/api/v1/channels/main/play-token", timeout=5).json()
    told = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            told.append((self.path, self.headers.get("Referer")))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>other</title>")

        def log_message(self, *_):
            pass

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        for kind in ("watch", "embed"):
            page = open_page()
            said = []
            page.on("console", lambda message: said.append(message.text))
            page.goto(link["watch"].replace("/watch/", f"/{kind}/"))
            page.evaluate("url => { const a = document.createElement('a'); a.href = url; document.body.append(a); a.click(); }",
                          f"http://localhost:{other.server_port}/{kind}")
            wait_until(lambda: (f"/{kind}", None) in told, "a visit without a referrer", 10)
            assert not [text for text in said if link["token"] in text]
        assert link["token"] not in str(told) and server.url not in str(told), told
    finally:
        other.shutdown()

    with requests.get(f"{server.url}/stream/main?viewer={link['token']}", stream=True, timeout=10) as short:
        assert next(short.iter_content(188))
    page = open_page()
    log_in(page, server, "/admin", "operator")
    page.get_by_role("tab", name="Viewers").click()
    page.get_by_role("button", name="Make a link for an invited viewer").click()
    shown = page.locator(".notice-good code")
    wait_until(lambda: shown.count() == 2, "two links", 10)
    page.get_by_text("Who left lately").click()
    expect(page.get_by_role("region", name="Viewers who left lately")).to_contain_text("ts, ")
    page.screenshot(path=folder / "invite.png", full_page=True)
    watch, playlist = shown.all_inner_texts()
    assert server.get(playlist.removeprefix(server.url)).status_code == 200
    plays(open_page(), watch)


@pytest.mark.browser
def test_an_operator_says_on_the_page_how_the_channel_stands_in_lists(server, open_page, folder):
    page = open_page()
    log_in(page, server, "/admin", "operator")
    page.get_by_role("tab", name="Viewers").click()
    page.get_by_label("Title").fill('Night "live", all week')
    page.get_by_label("Number").fill("7")
    page.get_by_label("Only for these countries").fill("de, at")
    page.get_by_label("Address of a logo").fill("logo.png")
    page.get_by_role("button", name="Save").click()
    logo = page.get_by_label("Address of a logo")
    expect(logo).to_have_attribute("aria-invalid", "true")
    expect(logo).to_be_focused()
    logo.fill("https://tv.example.org/l.png")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Only for these countries")).to_have_value("DE, AT")
    page.screenshot(path=folder / "listing.png", full_page=True)
    parsed = ipytv.playlist.loads(server.get("/playlist.m3u?region=AT").text)
    assert parsed[0].name == 'Night "live", all week' and parsed[0].attributes["channel-number"] == "7"
    assert parsed[0].attributes["tvg-logo"] == "https://tv.example.org/l.png"
    assert ipytv.playlist.loads(server.get("/playlist.m3u?region=US").text).length() == 0
    page.get_by_label("Only for these countries").fill("")
    length = lambda: ipytv.playlist.loads(server.get("/playlist.m3u?region=AT").text).length()  # noqa: E731
    page.get_by_label("In lists until").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Save").click()
    # While the answer is under way nobody types: the answer's drawing would take it away.
    page.get_by_label("In lists until").fill("")
    assert length() == 0, "listed no more"
    page.get_by_role("button", name="Save").click()
    wait_until(lambda: length() == 3, "the channel back in lists")


def test_behind_nginx_only_invited_viewers_get_media(make_server, publish, folder):
    """As docs/nginx.conf has it for invited viewers: nothing kept, and the proxy declared."""
    server = make_server(LINEUP_VIEWER_ACCESS="token", LINEUP_TRUSTED_PROXIES="127.0.0.1")
    publish(server, server.make_dj("DJ A"), clips.A)
    server.wait_for_on_air("DJ A")
    token = json.loads(server.run("token", "create", "--role", "operator", "--name", "e2e", "--json").stdout)["token"]
    server.planted.append(token)
    operator = {"Authorization": "Bearer " + token}
    play = requests.get(server.url + "/api/v1/channels/main/play-token", headers=operator, timeout=5).json()["token"]
    with nginx.before(server, folder, ("proxy_cache lineup;", "proxy_cache off;")) as root:
        invited, stranger = at("127.0.0.2"), at("127.0.0.3")
        medium = urljoin(root + "/hls/main/", f"media.m3u8?viewer={play}")
        playlist = wait_until(lambda: (answer := invited.get(medium, timeout=10)).status_code == 200 and answer, "a playlist", 30)
        assert "private" in playlist.headers["Cache-Control"]
        segment = urljoin(medium, [line for line in playlist.text.splitlines() if line.endswith(".m4s")][-1])
        answer = invited.get(segment, timeout=10)
        assert answer.status_code == 200 and "private" in answer.headers["Cache-Control"]
        for path in (medium.split("?")[0], segment, root + "/hls/main/index.m3u8", root + "/stream/main", root + "/dash/main/manifest.mpd"):
            answer = stranger.get(path, timeout=10)
            assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="lineup"', path
        # Blocked requests do not wait for each other.
        number = int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", invited.get(medium, timeout=10).text)[1]) + 90
        assert invited.get(f"{medium}&_HLS_msn={number}", timeout=10).status_code == 400
        viewer = websocket.create_connection(f"{root.replace('http', 'ws')}/ws/main?viewer={play}", timeout=20)
        assert viewer.recv()
        viewer.close()
        # A kick meets the address behind the proxy, and nobody else's.
        one = next(one for one in requests.get(server.url + "/api/v1/channels/main/viewers", headers=operator, timeout=5).json()["sessions"]
                   if one["address"] == "127.0.0.2")
        requests.delete(f"{server.url}/api/v1/channels/main/viewers/{one['id']}", headers=operator, timeout=5)
        assert [viewer.get(segment, timeout=10).status_code for viewer in (invited, at("127.0.0.2"))] == [403, 403]
        other = requests.get(server.url + "/api/v1/channels/main/play-token", headers=operator, timeout=5).json()["token"]
        assert stranger.get(medium.replace(play, other), timeout=10).status_code == 200


class From(requests.adapters.HTTPAdapter):
    """Connects from another address of this machine."""

    def __init__(self, address):
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


def at(address):
    client = requests.Session()
    client.mount("http://", From(address))
    return client
