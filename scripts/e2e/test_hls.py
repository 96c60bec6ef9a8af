"""Low-latency HLS: the server's side of draft-pantos-hls-rfc8216bis, section by section, on a real programme with hand-overs.

One server and one change of DJs serve the whole file: `stage`, in which DJ A plays, hands over to DJ Tall and stops.
"""

import concurrent.futures
import json
import socket
import subprocess
import threading
import time

import pytest
import requests
import websocket

import clips
import llhls
import nginx
from publishers import Publisher
from recording import watch_for
from server import Server
from waiting import wait_until

# One stage for all of them, made once.
pytestmark = pytest.mark.xdist_group("hls")

TIMEOUT = 30


class Follower(threading.Thread):
    """A player's playlist loop: blocking reload for the next part, delta updates every other time."""

    def __init__(self, base, name, hold=None):
        super().__init__(daemon=True)
        self.base, self.name_, self.versions, self.error = base, name, [], None
        self.waits, self.gap = [], 0.0
        self._stopped = threading.Event()
        self.session = requests.Session()
        self.start()

    def get(self, query=""):
        answer = self.session.get(f"{self.base}/{self.name_}{query}", timeout=TIMEOUT)
        assert answer.status_code == 200, f"{query}: {answer.status_code} {answer.text}"
        return llhls.parse(answer.text)

    def run(self):
        try:
            audio = self.name_ == "audio.m3u8"
            whole = self.get()
            llhls.check(whole, audio)
            self.versions.append(whole)
            while not self._stopped.is_set():
                number, part = whole.last
                skip = "&_HLS_skip=YES" if len(self.versions) % 2 else ""
                update = self.get(f"?_HLS_msn={number}&_HLS_part={part + 1}{skip}")
                llhls.check(update, audio)
                llhls.check_update(whole, update)
                assert update.last > (number, part), "§6.2.5.2: answered before the part was there"
                if update.skipped:
                    segments = llhls.apply_delta(whole, update)
                    update.segments, update.skipped = segments, 0
                whole = update
                self.versions.append(whole)
        except Exception as error:  # noqa: BLE001: shown by the test
            self.error = error

    def stop(self):
        self._stopped.set()
        self.join(TIMEOUT)
        if self.error:
            raise self.error
        return self.versions


@pytest.fixture(scope="module")
def stage():
    """(server, versions of the main and of the audio playlist) through slate, two DJs and slate again."""
    server = Server().start()
    publishers = []
    try:
        base = server.url + "/hls/main"
        first, second = server.make_dj('DJ "A"'), server.make_dj("DJ Tall")
        publishers.append(Publisher(server.publish_url(first.key), clips.A))
        server.wait_for_on_air('DJ "A"')
        followers = [Follower(base, name) for name in ("media.m3u8", "audio.m3u8")]
        publishers.append(Publisher(server.publish_url(second.key), clips.TALL_B_FRAMES))
        server.wait_for_queue('DJ "A"', "DJ Tall")
        watch_for(3)
        publishers[0].stop()
        server.wait_for_on_air("DJ Tall")
        watch_for(22)
        yield server, base, followers
    finally:
        for publisher in publishers:
            publisher.stop()
        server.remove()


def media(base, query="", name="media.m3u8"):
    return requests.get(f"{base}/{name}{query}", timeout=TIMEOUT)


def test_every_version_keeps_the_rules_through_a_hand_over(stage):
    _, _, followers = stage
    versions, sound = (follower.stop() for follower in followers)
    assert len(versions) > 30 and len(sound) > 30
    joins = [s for s in versions[-1].segments if s.discontinuous]
    assert joins, "the second DJ's format differs"
    assert all(s.parts[0].independent for v in versions for s in v.segments if s.discontinuous and s.parts)
    names = {r["X-DJ"]: r for v in versions for r in v.date_ranges}
    assert set(names) == {"DJ \u201dA\u201d", "DJ Tall"}
    # The one is on air until the other is, not until somebody decided so.
    assert names["DJ \u201dA\u201d"]["END-DATE"] == names["DJ Tall"]["START-DATE"] and "PLANNED-DURATION" in names["DJ Tall"]
    # The renditions cut alike.
    numbers = [{s.number: s.discontinuous for s in v[-1].segments} for v in (versions, sound)]
    common = numbers[0].keys() & numbers[1].keys()
    assert len(common) > 3 and all(numbers[0][n] == numbers[1][n] for n in common)


def test_delta_updates_leave_out_segments_and_date_ranges(stage):
    _, base, _ = stage
    whole = llhls.parse(media(base).text)
    delta = media(base, "?_HLS_skip=YES").text
    both = media(base, "?_HLS_skip=v2").text
    assert llhls.parse(delta).skipped > 0 and llhls.parse(delta).date_ranges
    assert len(delta) < len(whole.text)
    assert "RECENTLY-REMOVED-DATERANGES" in both and "#EXT-X-VERSION:10" in both
    assert llhls.parse(media(base, "?_HLS_skip=nonsense").text).skipped == 0


def test_directives_are_answered_waited_for_or_refused(stage):
    _, base, _ = stage
    number, part = llhls.parse(media(base).text).last
    assert media(base, "?_HLS_part=1").status_code == 400
    for query in (f"?_HLS_msn={number + 4}", f"?_HLS_msn={number + 1}&_HLS_part=40", "?_HLS_msn=x", "?_HLS_msn=-1"):
        assert media(base, query).status_code == 400, query
    begun = time.monotonic()
    # A part behind its segment's end is part 0 of the next.
    answer = media(base, f"?_HLS_msn={number - 1}&_HLS_part=30")
    assert answer.status_code == 200
    answer = media(base, f"?_HLS_msn={number + 1}")
    newest = llhls.parse(answer.text)
    assert any(s.number == number + 1 and s.uri for s in newest.segments)
    assert time.monotonic() - begun < TIMEOUT
    assert answer.headers["Cache-Control"] == "public, max-age=24"


def test_a_promised_part_is_sent_as_soon_as_it_exists(stage):
    _, base, _ = stage
    for name in ("media.m3u8", "audio.m3u8"):
        hint = llhls.parse(media(base, name=name).text).hint
        answer = media(base, name=hint)
        assert answer.status_code == 200 and answer.content[4:8] in (b"moof", b"styp", b"ftyp")
        assert answer.headers["Cache-Control"].endswith("immutable")
        # Listed by then, and again the same.
        assert hint in media(base, name=name).text
        assert media(base, name=hint).content == answer.content
    number, part = llhls.parse(media(base).text).last
    assert media(base, name=f"part-{number}.{part + 90}.m4s").status_code == 404


def test_a_segment_is_its_parts_and_every_probe_reads_it(stage, folder):
    _, base, _ = stage
    playlist = llhls.parse(media(base).text)
    segment = [s for s in playlist.segments if s.uri and s.parts][-1]
    body = media(base, name=segment.uri).content
    assert b"".join(media(base, name=part.uri).content for part in segment.parts) == body
    (folder / "one.mp4").write_bytes(media(base, name=segment.map).content + body)
    sound = [s for s in llhls.parse(media(base, name="audio.m3u8").text).segments if s.number == segment.number][0]
    (folder / "sound.mp4").write_bytes(media(base, name=sound.map).content + media(base, name=sound.uri).content)
    (folder / "one.ts").write_bytes(media(base, name=f"segment-{segment.number}.ts").content)
    for file, kinds in (("one.mp4", ["video", "audio"]), ("sound.mp4", ["audio"]), ("one.ts", ["video", "audio"])):
        probe = json.loads(subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type:packet=codec_type,pts_time,dts_time,flags",
             "-of", "json", str(folder / file)], capture_output=True, check=True, timeout=60).stdout)
        assert sorted(s["codec_type"] for s in probe["streams"]) == sorted(kinds)
        pictures = [p for p in probe["packets"] if p["codec_type"] == "video"]
        if pictures:
            assert "K" in pictures[0]["flags"]
            assert len(pictures) == round(segment.duration * 30)
        complaints = subprocess.run(["ffmpeg", "-v", "warning", "-i", str(folder / file), "-f", "null", "-"],
                                    capture_output=True, text=True, timeout=60).stderr
        assert complaints == "", file


def test_the_transport_stream_follows_a_change_of_the_sound(stage, folder):
    """In one unbroken file, as a box sees it; tables, counters and ADTS say the change themselves."""
    server, base, _ = stage
    text = media(base, name="ts.m3u8").text
    assert "#EXT-X-VERSION:3\n" in text and "#EXT-X-MAP" not in text and "#EXT-X-PART" not in text
    names = [line for line in text.splitlines() if not line.startswith("#")]
    file = folder / "programme.ts"
    file.write_bytes(b"".join(media(base, name=name).content for name in names))
    whole = subprocess.run(["ffmpeg", "-v", "warning", "-i", str(file), "-f", "null", "-"],
                           capture_output=True, text=True, timeout=120)
    assert "Continuity" not in whole.stderr and "corrupt" not in whole.stderr
    assert media(base, name="index-ts.m3u8").text.splitlines()[-1].split("?")[0] == "ts.m3u8"


@pytest.fixture
def proxy(stage, folder):
    server, _, _ = stage
    with nginx.before(server, folder) as root:
        base = f"{root}/hls/main"
        wait_until(lambda: requests.get(base + "/index.m3u8", timeout=5).status_code == 200, "a playlist")
        yield base


def blocked_or_answered(server):
    """Requests for HLS the server itself has seen."""
    lines = server.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines
               if line.startswith("lineup_http_requests_total") and "/hls/" in line)


def test_behind_nginx_blocked_requests_collapse_into_one(stage, proxy):
    server, base, followers = stage
    # They ask the server itself, for as long as nobody has stopped them.
    for follower in followers:
        follower.stop()
    number, _ = llhls.parse(media(base).text).last
    before = blocked_or_answered(server)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda i: media(proxy, f"?_HLS_msn={number + 1}&_HLS_part=1&viewer=v{i}"), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    # One blocked request; others in the meantime are /metrics and nothing of ours.
    assert blocked_or_answered(server) - before <= 3
    hint = llhls.parse(media(proxy).text).hint
    assert media(proxy, name=hint).status_code == 200
    assert media(proxy, f"?_HLS_msn={number + 90}").status_code == 400


def test_behind_nginx_nobody_puts_a_wrong_answer_before_all(stage, proxy):
    """One question must not be another's place in the cache: arguments said twice, or in the wrong case."""
    _, base, _ = stage
    number = llhls.parse(media(base).text).last[0] + 1
    asked = f"_HLS_msn={number}&_HLS_part=0"
    wrong = [media(proxy, f"?{asked}&_HLS_msn=0&_HLS_part=0&viewer=a"), media(proxy, f"?{asked.lower()}&_HLS_msn=0&viewer=a"),
             media(proxy, f"?{asked}&_HLS_msn=0")]
    assert [answer.status_code for answer in wrong] == [400, 200, 400]
    answers = [media(proxy, query) for query in (f"?viewer=b&{asked}", f"?{asked}")]
    assert {answer.status_code for answer in answers} == {200}
    assert all(llhls.parse(answer.text).last >= (number, 0) for answer in answers), "the question was answered"


def test_behind_nginx_a_restart_is_seen_by_nobody(make_server, folder):
    """ffmpeg and hls.js end at the second or third refusal of a list."""
    server = make_server()
    with nginx.before(server, folder) as root:
        base = root + "/hls/main"
        wait_until(lambda: media(base).status_code == 200, "a playlist")
        before = llhls.parse(media(base).text).last
        server.kill()
        assert [media(base).status_code for _ in range(3)] == [200] * 3
        server.start()
        wait_until(lambda: llhls.parse(media(base).text).last > before, "the playlist to go on")


def test_behind_nginx_nobody_waits_for_what_is_one_viewers_alone(stage, proxy):
    site = proxy.removesuffix("/hls/main")

    def fetch(path):
        begin = time.monotonic()
        answer = requests.get(site + path, timeout=20)
        return time.monotonic() - begin, answer.status_code

    for path in ("/hls/main/index.m3u8", "/hls/main/index.m3u8?viewer=abc", "/dash/main/manifest.mpd", "/dash/main/time"):
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            told = list(pool.map(fetch, [path] * 60))
        assert {status for _, status in told} == {200}, path
        assert max(seconds for seconds, _ in told) < 1.5, f"{path}: they waited for each other"


def test_behind_nginx_the_watch_page_has_its_picture_and_the_list_its_port(stage, proxy):
    site = proxy.removesuffix("/hls/main")
    viewer = websocket.create_connection(site.replace("http", "ws") + "/ws/main", timeout=20)
    assert viewer.recv()
    viewer.close()
    assert f"{site}/hls/main/index.m3u8" in requests.get(site + "/playlist.m3u", timeout=5).text


def descriptors(server):
    import os
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_slow_and_vanished_readers_leave_nothing_behind(stage):
    """A reader that never reads, one at a byte a time, 400 that vanish while they wait: the others see nothing."""
    server, base, _ = stage
    before = descriptors(server)
    playlist = llhls.parse(media(base).text)
    number, _ = playlist.last
    segment = [s for s in playlist.segments if s.uri][-1].uri
    open_sockets = []

    def ask(path):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        peer.connect(("127.0.0.1", server.http_port))
        peer.sendall(f"GET /hls/main/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        open_sockets.append(peer)
        return peer

    for _ in range(5):
        ask(segment)
    slow = ask(segment)
    for _ in range(400):
        ask(f"media.m3u8?_HLS_msn={number + 1}")
    assert slow.recv(1) == b"H"
    follower = Follower(base, "media.m3u8")
    slow.recv(1)
    for peer in open_sockets[6:]:
        peer.close()
    wait_until(lambda: len(follower.versions) > 8 or follower.error, "a good reader to be served meanwhile", 30)
    follower.stop()
    for peer in open_sockets:
        peer.close()
    wait_until(lambda: descriptors(server) <= before + 40, "the descriptors to come back", 30)
