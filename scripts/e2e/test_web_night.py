"""The pages of a night (issue 7): the desk, the console, the player and the overlays, in Chromium, wide and on a phone.

Pictures of each stand in `.build/test-logs/screenshots`: they are there to be looked at.
"""

import re
import secrets

import pytest
from playwright.sync_api import expect

import clips
from places import SCREENSHOTS
from publishers import Publisher
from test_queue import three_in_line
from test_queue_api import Machine
from test_web import colour_of_video, current_time, log_in
from waiting import wait_until

pytestmark = pytest.mark.browser

WIDE, PHONE = (1280, 900), (360, 780)


@pytest.fixture
def shoot():
    """Keeps a picture of a page; nothing may be cut off at its side."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def shot(page, name, full=True):
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: something is cut off"

    return shot


def own_place(page):
    return page.locator("section", has=page.get_by_role("heading", name="Your place"))


def facts(page):
    return page.locator(".player-facts").text_content()


def test_player_is_live_follows_formats_and_comes_back(server, publish, open_page, shoot):
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    playing = publish(server, first)
    server.wait_for_on_air("DJ A")
    publish(server, second, clips.TALL_B_FRAMES)
    page = open_page(*WIDE)
    page.goto(server.url + "/watch/main")
    wait_until(lambda: colour_of_video(page)[0] > 150, "DJ A's red in the picture", 40)
    assert page.locator("#player").get_attribute("data-feed") == "mse"
    wait_until(lambda: re.search(r"360p · \d\.\d s behind", facts(page)), "quality and latency read out", 20)
    expect(page.locator("#viewers")).to_have_text(re.compile(r"\d+ viewers?"), timeout=30_000)
    page.locator("#player").hover()
    shoot(page, "watch")
    # Keys: the picture stands, and goes on at the live edge.
    page.locator("body").press("k")
    expect(page.locator("#player")).to_have_attribute("data-phase", "paused")
    page.locator("body").press("k")
    page.locator("body").press("m")
    assert page.evaluate("document.querySelector('video').muted") is False
    wait_until(lambda: page.locator("#player").get_attribute("data-phase") == "playing", "playing again", 20)
    # The next DJ sends another size and profile: the same player goes on.
    playing.stop()
    wait_until(lambda: colour_of_video(page)[1] > 150, "DJ B's green in the picture", 40)
    wait_until(lambda: "720p" in facts(page), "the new size read out", 20)
    # On another site: the same player.
    other = open_page(640, 480)
    other.goto(server.url + "/embed/main")
    wait_until(lambda: colour_of_video(other)[1] > 150, "DJ B's green in the framed player", 40)
    expect(other.locator("#now")).to_contain_text("DJ B")
    shoot(other, "embed")
    other.close()
    # The server dies and comes back; nobody touches the page.
    begin = current_time(page)
    server.kill()
    expect(page.locator("#player")).not_to_have_attribute("data-phase", "playing", timeout=30_000)
    server.start()
    wait_until(lambda: page.locator("#player").get_attribute("data-phase") == "playing" and current_time(page) != begin,
               "the picture after the restart", 60)


def test_new_djs_from_sign_up_to_on_air_and_off(server, open_page, shoot, ended_later):
    for kind, size, name in (("wide", WIDE, "Nova"), ("phone", PHONE, "Stella")):
        page = open_page(*size)
        page.goto(server.url + "/dj")
        form = page.locator("section", has_text="New here? Sign up").locator("form")
        form.get_by_label("DJ name").fill(name)
        form.get_by_label("E-mail").fill(name.lower() + "@example.org")
        form.get_by_label("Password").fill("pw-" + secrets.token_hex(8))
        shoot(page, f"dj-sign-up-{kind}")
        form.get_by_role("button", name="Sign up").click()
        page.get_by_role("button", name="Make my stream key").click()
        expect(page.get_by_text("It is shown this once")).to_be_visible()
        key = re.search(r"lk_[a-z2-7]+", page.locator(".notice-good").inner_text()).group(0)
        encoder = ended_later(Publisher(server.publish_url(key), clips.B))
        place = own_place(page)
        expect(place).to_contain_text("You are on air.", timeout=20_000)
        expect(place.locator(".desk-clock")).to_have_text(re.compile(r"^\d+:\d\d"))
        expect(page).to_have_title(re.compile("^ON AIR"), timeout=20_000)
        # Only now, so that no picture keeps a key.
        page.reload()
        expect(place).to_contain_text("You are on air.", timeout=20_000)
        assert key not in page.content()
        shoot(page, f"dj-on-air-{kind}")
        page.get_by_role("button", name="End my slot").click()
        page.get_by_role("dialog").get_by_role("button", name="End my slot").click()
        expect(place).to_contain_text("You left the queue.", timeout=20_000)
        encoder.end()
        expect(page.locator(".history-entry")).to_have_count(1, timeout=20_000)
        shoot(page, f"dj-after-{kind}")


def drag_to_the_end(page, entries):
    """Takes the first of `entries` behind the last by its handle. Who misses, since something new made room for itself, aims again."""
    def aim():
        (x, y, first), (*_, last) = page.evaluate("""(entries) => [...document.querySelectorAll(entries)].map((entry) => {
            const handle = entry.querySelector('.drag-handle').getBoundingClientRect();
            return [handle.x + 10, handle.y + 10, entry.getBoundingClientRect().bottom];
        })""", entries)
        page.mouse.move(x, y)
        page.mouse.down()
        if page.locator(entries).first.evaluate("entry => entry.classList.contains('is-dragged')"):
            return x, first, last
        page.mouse.up()
        return None
    x, first, last = wait_until(aim, "the handle under the pointer")
    page.mouse.move(x, first, steps=4)
    page.mouse.move(x, last - 4, steps=4)
    page.mouse.up()


def heights(page, selector):
    return page.locator(selector).evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")


def test_nothing_moves_under_an_operators_finger(server, publish, open_page):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    page, stills = open_page(*PHONE), []
    page.route("**/still.jpg*", lambda route: stills.append(route))
    log_in(page, server, "/admin")
    expect(page.locator(".queue-entry-operated")).to_have_count(2, timeout=20_000)
    hold = page.get_by_role("button", name="Pass DJ C over")
    hold.hover()
    # Routes are told of while the page is asked something.
    wait_until(lambda: page.title() and len(stills) >= 2, "stills asked for", 20)
    reserved = heights(page, ".still-place")
    # A picture has its place before it is there.
    for still in stills:
        still.continue_()
    page.unroute("**/still.jpg*")
    expect(page.locator(".queue-entry-operated .still img")).to_have_count(2)
    wait_until(lambda: all(image.is_visible() for image in page.locator(".queue-entry-operated .still img").all()), "both pictures", 20)
    assert heights(page, ".still-place") == reserved
    # What comes while a button is pressed waits for its release, and the press counts.
    page.get_by_label("Text of the slate").focus()
    hold.hover()
    page.mouse.down()
    Machine(server, "admin").call("PATCH", "/api/v1/channels/main/settings", {"isOpen": False}).raise_for_status()
    expect(page.get_by_label("DJs may join the queue")).not_to_be_checked(timeout=20_000)
    expect(page.get_by_text("The queue is closed to newcomers.")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_text("The queue is closed to newcomers.")).to_be_visible(timeout=20_000)
    expect(page.locator(".queue-entry-operated", has_text="DJ C")).to_contain_text("Held", timeout=20_000)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_admin_runs_a_night(server, publish, open_page, shoot, size, request):
    kind = request.node.callspec.id
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    page = open_page(*size)
    log_in(page, server, "/admin")
    entries = page.locator(".queue-entry-operated")
    expect(entries).to_have_count(2, timeout=20_000)
    shoot(page, f"admin-night-{kind}")
    # By keyboard, then by mouse or finger.
    handle = page.get_by_role("button", name=re.compile("^DJ C, place"))
    handle.focus()
    handle.press("ArrowUp")
    server.wait_for_queue("DJ A", "DJ C", "DJ B")
    expect(page.get_by_role("button", name="DJ C, place 1")).to_be_focused()
    drag_to_the_end(page, ".queue-entry-operated")
    server.wait_for_queue("DJ A", "DJ B", "DJ C")
    # What the channel shows and takes; what is wrong is said at its field, and nothing is lost of what was typed.
    page.get_by_label("Text of the slate").fill("Back at nine\nBring water")
    page.get_by_label("Largest picture").fill("wide")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("maximumSize must be like 1920x1080")).to_be_visible(timeout=20_000)
    page.get_by_label("Largest picture").fill("1280x720")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved.")).to_be_visible(timeout=20_000)
    output = Machine(server).call("GET", "/api/v1/channels/main/queue/settings").json()["output"]
    assert (output["slateText"], output["maximumSize"]) == ("Back at nine\nBring water", "1280x720")
    # The output, whoever is on air.
    page.get_by_role("button", name="Show the slate at once").click()
    page.get_by_role("dialog").get_by_role("button", name="Slate now").click()
    expect(page.get_by_text("viewers see the slate")).to_be_visible(timeout=20_000)
    shoot(page, f"admin-emergency-{kind}", full=False)
    page.get_by_role("button", name="Give the output back").click()
    expect(page.get_by_text("viewers see the slate")).to_have_count(0, timeout=20_000)
    # A second admin sees what the first one did.
    other = open_page(*PHONE)
    log_in(other, server, "/admin")
    page.get_by_role("button", name="Skip DJ A").click()
    page.get_by_role("dialog").get_by_role("button", name="Skip DJ A").click()
    expect(other.get_by_role("button", name="Skip DJ B")).to_be_visible(timeout=20_000)
    for tab, words in (("People", "DJ A"), ("Deliveries", "Nobody is told yet"), ("Log", "skipped"), ("Viewers", "at most"),
                       ("System", "All is well")):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel", name=tab)).to_contain_text(words, timeout=20_000)
        shoot(page, f"admin-{tab.lower()}-{kind}")
    page.get_by_role("tab", name="People").click()
    page.get_by_label("Search").fill("dj-b@")
    expect(page.get_by_role("tabpanel", name="People").locator(".person-entry")).to_have_count(1)


def test_overlays_and_colours_and_a_dj_who_lets_one_go_first(server, publish, open_page, shoot):
    pages = {kind: open_page(600, 160) for kind in ("queue", "timer", "now", "next")}
    for kind, page in pages.items():
        page.goto(f"{server.url}/overlay/{kind}?size=44&colour=00ff88&accent=gold&align=center&font=DejaVu%20Sans")
    djs, _ = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    expect(pages["now"].locator("#line")).to_have_text(re.compile("DJ A"), timeout=20_000)
    expect(pages["next"].locator("#line")).to_have_text(re.compile("DJ B"), timeout=20_000)
    expect(pages["queue"].locator("#queue li")).to_have_count(3)
    expect(pages["timer"].locator("#timer")).to_have_text(re.compile(r"\d+:\d\d"))
    for kind, page in pages.items():
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 255, 136)"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
        page.screenshot(path=SCREENSHOTS / f"overlay-{kind}.png")

    page = open_page(*PHONE)
    page.goto(server.url + "/dj")
    page.get_by_label("E-mail").first.fill(djs[1].email)
    page.get_by_label("Password").first.fill(djs[1].password)
    page.get_by_role("button", name="Log in").click()
    expect(own_place(page)).to_contain_text("You are next.", timeout=20_000)
    shoot(page, "dj-waits-phone")
    page.get_by_role("button", name="Let one go first").click()
    expect(own_place(page)).to_contain_text("number 2", timeout=20_000)
    assert server.queue() == ["DJ A", "DJ C", "DJ B"]
    expect(pages["next"].locator("#line")).to_have_text(re.compile("DJ C"), timeout=20_000)

    page = open_page(320, 640, color_scheme="light")
    page.goto(server.url + "/")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(246, 247, 249)"
    shoot(page, "home-light-320")
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate(ground) == "rgb(14, 17, 22)"
    page.reload()
    wait_until(lambda: page.evaluate(ground) == "rgb(14, 17, 22)", "the choice to be kept")
