"""Who watches: counted over every protocol, kept with the slot, sent away for good; and the list for television (issue 6, 4 and 5)."""

import json

import ipytv.playlist
import pytest
import requests

import clips
from recording import Recording
from streams import BodyReader, SocketReader
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
    ended_later(SocketReader(server.url + "/ws/main"))
    ended_later(Recording(f"rtmp://127.0.0.1:{server.rtmp_port}/play/main", folder / "play.ts"))
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

    # Sent away: out at once, and it does not get in again, by no protocol.
    answer = operator.delete(f"{server.url}/api/v1/channels/main/viewers/{session['id']}?seconds=3", timeout=5)
    assert answer.status_code == 204
    wait_until(lambda: not stream.is_running, "the stream to end", 20)
    answer = server.get("/stream/main")
    assert answer.status_code == 403 and answer.json()["type"].endswith("/sent-away")
    wait_until(lambda: requests.head(server.url + "/stream/main", timeout=5).status_code == 200, "the time to be over", 20)

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
    assert server.get("/stream/main").status_code == 401
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
