"""The player of the watch page and of the frame for other sites: what it plays, what it says, and what is over the picture, in Chromium."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import clips
import pytest
from playwright.sync_api import expect
from recording import watch_for
from test_web import current_time
from waiting import wait_until

pytestmark = pytest.mark.browser

PLAYER = "#player"


def plays(page, feed, timeout=40):
    """Waits until `feed` (`mse` or `hls`) plays."""
    page.wait_for_selector(f'{PLAYER}[data-phase="playing"][data-feed="{feed}"]', timeout=timeout * 1000)


def says(page, words, timeout=20):
    expect(page.locator(".player-message")).to_contain_text(words, timeout=timeout * 1000)


def looks(page):
    """Has the page ask how the channel is offered, as it does by itself every 15 s."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def is_paused(page):
    return page.evaluate("document.querySelector('video').paused")


def is_muted(page):
    return page.evaluate("document.querySelector('video').muted")


def height(page, selector):
    return page.locator(selector).bounding_box()["height"]


def seen(page):
    """How opaque the controls are."""
    return float(page.evaluate("getComputedStyle(document.querySelector('.player-controls')).opacity"))


@pytest.mark.extended
def test_low_latency_comes_back_after_an_outage_and_when_it_is_offered_again(server, publish, open_page):
    publish(server, server.make_dj("DJ A"), clips.A, reconnect=True)
    server.wait_for_on_air("DJ A")
    page = open_page()
    page.goto(server.url + "/watch/main")
    plays(page, "mse")
    wait_until(lambda: current_time(page) > 0, "the picture to move", 20)
    server.kill()
    says(page, "No connection to the server")
    # Long enough for more tries than a proxy that blocks would be given.
    watch_for(13)
    server.start()
    plays(page, "mse")
    server.run("channel", "set", "main", "outputs=hls")
    plays(page, "hls")
    expect(page.locator(".player-facts")).to_contain_text("some seconds behind", timeout=20_000)
    server.run("channel", "set", "main", "outputs=all")
    plays(page, "mse")


def test_a_page_says_why_nothing_plays_and_takes_the_other_way_in(make_server, open_page):
    server = make_server(LINEUP_STREAM_MAX_VIEWERS=0)
    page = open_page()
    page.goto(server.url + "/watch/main")
    plays(page, "hls")
    server.run("channel", "set", "main", "outputs=ws")
    page.goto(server.url + "/watch/main")
    says(page, "As many people watch this way as the server lets in: try again later.")
    server.run("channel", "set", "main", "outputs=audio")
    page.goto(server.url + "/embed/main")
    says(page, "offers nothing just now")
    server.run("channel", "set", "main", "outputs=hls")
    looks(page)
    plays(page, "hls")


def test_the_controls_leave_the_picture_alone(server, publish, open_page):
    publish(server, server.make_dj("DJ A"))
    server.wait_for_on_air("DJ A")
    touch = {"has_touch": True, "is_mobile": True}
    pages = [open_page(390, 760, **touch), open_page(320, 240, **touch), open_page()]
    for page, path in zip(pages, ("/watch/main", "/embed/main", "/watch/main")):
        page.goto(server.url + path)
    for page in pages:
        plays(page, "mse")
        wait_until(lambda: seen(page) == 0, "the controls to go", 10)
    for page in pages[:2]:
        assert height(page, ".player-controls") < height(page, PLAYER) / 2, "one row"
        # The hidden bar is part of the picture.
        box = page.locator(".player-button").first.bounding_box()
        page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
        wait_until(lambda: seen(page) == 1, "the controls to come")
        assert not is_paused(page)
        box = page.locator(PLAYER).bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        wait_until(lambda: is_paused(page), "the second tap to pause")
    page = pages[2]
    page.hover(PLAYER)
    wait_until(lambda: seen(page) == 1, "the controls to come")
    wait_until(lambda: seen(page) == 0, "the controls to go from under a resting mouse", 10)
    page.keyboard.press("f")
    cursor = "getComputedStyle(document.querySelector('video')).cursor"
    wait_until(lambda: page.evaluate(f"document.fullscreenElement !== null && {cursor} === 'none'"), "the pointer to go", 10)
    page.keyboard.press("f")
    # Letters are the player's only where nothing else has the keyboard.
    page.get_by_role("link", name="Join as a DJ").focus()
    for key in ("m", "k", "f"):
        page.keyboard.press(key)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Shift+M")
    page.keyboard.press("Shift+K")
    assert is_muted(page) and not is_paused(page)
    page.keyboard.press("m")
    assert not is_muted(page)
    for again in pages[:2]:
        assert seen(again) == 1, "nothing goes while paused"


class Framing(BaseHTTPRequestHandler):
    """Another site, whose page frames the player without an origin, in the size that is offered."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        frame = f'<!doctype html><iframe sandbox="allow-scripts" src="{self.server.address}" width="640" height="480"></iframe>'
        self.wfile.write(frame.encode())

    def log_message(self, *_):
        pass


def test_a_sandboxed_frame_plays_and_fits_the_picture(server, open_page):
    page = open_page()
    page.goto(server.url + "/watch/main")
    assert 'width="640" height="480"' in page.locator("#embed-code").text_content()
    with HTTPServer(("127.0.0.1", 0), Framing) as site:
        site.address = server.url + "/embed/main"
        threading.Thread(target=site.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{site.server_port}/")
        frame = page.frame_locator("iframe")
        expect(frame.locator(PLAYER)).to_have_attribute("data-phase", "playing", timeout=30_000)
        box = frame.locator(PLAYER).bounding_box()
        assert (box["width"], box["height"]) == (640, 360)
        assert frame.locator("body").evaluate("body => body.scrollHeight <= innerHeight"), "nothing is cut off"
        site.shutdown()
