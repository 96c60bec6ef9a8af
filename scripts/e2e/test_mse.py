"""Chromium plays the WebSocket through Media Source Extensions, across a hand-over (issue 6, must 3)."""

import pytest

import clips
from test_handover import show
from test_web import colour_of_video, current_time
from waiting import wait_until

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><video muted autoplay></video><script>
const video = document.querySelector('video'), source = new MediaSource(), queue = [];
let buffer = null; window.formats = []; window.failure = null;
video.src = URL.createObjectURL(source);
video.onerror = () => { window.failure = video.error.message; };
const pump = () => {
    if (!buffer || buffer.updating || !queue.length) return;
    const next = queue.shift();
    try { next.type ? buffer.changeType(next.type) : buffer.appendBuffer(next.data); } catch (error) { window.failure = String(error); }
    if (next.type) pump();
};
source.onsourceopen = () => {
    const socket = new WebSocket('ws://127.0.0.1:PORT/ws/main');
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (message) => {
        if (typeof message.data === 'string') {
            const format = JSON.parse(message.data);
            window.formats.push(format);
            if (buffer) queue.push({type: format.mime});
            else { buffer = source.addSourceBuffer(format.mime); buffer.onupdateend = pump; }
        } else queue.push({data: message.data});
        pump();
        const ranges = video.buffered, end = ranges.length ? ranges.end(ranges.length - 1) : 0;
        if (end - video.currentTime > 1.5) video.currentTime = end - 0.3;
        if (video.paused) video.play().catch(() => {});
    };
};
</script>"""


@pytest.mark.extended
def test_chromium_plays_the_socket_across_a_hand_over(make_server, publish, open_page):  # noqa: F811
    server = make_server(LINEUP_PROGRAMME_DELAY=0)
    first, second = server.make_dj("DJ A"), server.make_dj("DJ Tall")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    publish(server, second, clips.TALL_B_FRAMES)
    server.wait_for_queue("DJ A", "DJ Tall")
    page = open_page()
    page.set_content(PAGE.replace("PORT", str(server.http_port)))
    wait_until(lambda: current_time(page) > 1, "the page to play", 30)
    wait_until(lambda: colour_of_video(page)[0] > 150, "red to be seen", 20)
    a.stop()
    show(server, "DJ Tall", 2)
    wait_until(lambda: colour_of_video(page)[1] > 150 and colour_of_video(page)[0] < 100, "green to be seen", 40)
    place = current_time(page)
    wait_until(lambda: current_time(page) > place + 1, "the page to play on", 30)
    assert page.evaluate("window.failure") is None
    formats = page.evaluate("window.formats")
    assert len(formats) >= 2 and (formats[-1]["width"], formats[-1]["height"]) == (1280, 720)
