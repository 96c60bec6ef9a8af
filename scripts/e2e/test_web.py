"""The pages in Chromium: watch, sign up, publish, skip (issue 2, Web). Screenshots go to the artefacts."""

import re
import secrets
import signal

import pytest
from playwright.sync_api import expect

import clips
from publishers import Publisher
from test_database_away import signal_database
from test_queue import three_in_line
from test_queue_api import Machine
from waiting import wait_until

pytestmark = pytest.mark.browser


def current_time(page):
    return page.evaluate("document.querySelector('video').currentTime")


def colour_of_video(page):
    """The colour in the lower middle of the picture that the <video> shows now, as [r, g, b]."""
    return page.evaluate("""() => {
        const video = document.querySelector('video'), canvas = document.createElement('canvas');
        canvas.width = canvas.height = 8;
        const context = canvas.getContext('2d');
        context.drawImage(video, 0, 0, 8, 8);
        return Array.from(context.getImageData(4, 6, 1, 1).data.slice(0, 3));
    }""")


def test_watch_page_plays_across_a_hand_over(server, publish, open_page, folder):
    _, (first, *_) = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    page = open_page()
    page.goto(server.url + "/watch/main")
    wait_until(lambda: current_time(page) > 0, "the video's time to advance", 40)
    wait_until(lambda: colour_of_video(page)[0] > 150, "DJ A's red in the picture", 30)
    begin = current_time(page)
    page.screenshot(path=folder / "watch-a.png")
    first.stop()
    wait_until(lambda: colour_of_video(page)[1] > 150, "DJ B's green in the picture", 40)
    wait_until(lambda: current_time(page) > begin + 5, "the video's time to advance across the hand-over", 40)
    expect(page.locator("body")).to_contain_text("DJ B")
    page.screenshot(path=folder / "watch-b.png")
    assert page.evaluate("document.querySelector('video').error") is None


def test_dj_signs_up_gets_a_key_once_and_sees_the_place(server, open_page, folder, ended_later):
    page = open_page()
    page.goto(server.url + "/dj")
    form = page.locator("section", has_text="New here? Sign up").locator("form")
    password = "pw-" + secrets.token_hex(8)
    # An error first: too short a password stays on the form with words.
    form.get_by_label("DJ name").fill("Ωmega DJ")
    form.get_by_label("E-mail").fill("omega@example.org")
    form.get_by_label("Password").fill("short")
    form.get_by_role("button", name="Sign up").click()
    expect(form).to_contain_text(re.compile("8", re.I))
    page.screenshot(path=folder / "dj-form-error.png")
    form.get_by_label("Password").fill(password)
    form.get_by_role("button", name="Sign up").click()
    page.get_by_role("button", name="Make my stream key").click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()
    expect(page.locator("body")).to_contain_text(f"rtmp://127.0.0.1:{server.rtmp_port}/live")
    key = page.evaluate(
        "[...document.querySelectorAll('.notice-good code, .notice-good input, .notice-good output')]"
        ".map(e => e.value || e.textContent).find(text => text.startsWith('lk_'))")
    if not key:
        key = re.search(r"lk_[a-z2-7]+", page.locator(".notice-good").inner_text()).group(0)
    page.screenshot(path=folder / "dj-key.png", full_page=True)

    ended_later(Publisher(server.publish_url(key), clips.B))
    expect(page.get_by_role("status").filter(has_text=re.compile("on air", re.I)).first).to_be_visible(timeout=20_000)
    page.screenshot(path=folder / "dj-on-air.png", full_page=True)
    page.reload()
    expect(page.get_by_role("button", name="Replace")).to_be_visible()
    assert key not in page.content(), "the key is shown once"


def test_admin_skips_the_head_and_a_dj_may_not(server, publish, open_page, folder):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    email, password = server.make_user("Boss", "admin")
    page = open_page(390, 844)
    page.goto(server.url + "/admin")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Skip DJ A").click()
    page.screenshot(path=folder / "admin-confirm.png")
    page.get_by_role("dialog").get_by_role("button", name="Skip DJ A").click()
    expect(page.get_by_role("button", name="Skip DJ B")).to_be_visible(timeout=20_000)
    server.wait_for_on_air("DJ B")
    page.screenshot(path=folder / "admin-phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off on a phone"

    dj = server.make_dj("Just a DJ")
    other = open_page()
    other.goto(server.url + "/admin")
    other.get_by_label("E-mail").fill(dj.email)
    other.get_by_label("Password").fill(dj.password)
    other.get_by_role("button", name="Log in").click()
    expect(other.locator("body")).to_contain_text("takes an operator or an admin")
    expect(other.get_by_role("button", name=re.compile("^Skip DJ"))).to_have_count(0)


def test_pages_follow_the_queue_and_say_when_the_server_is_away(server, publish, open_page, folder):
    page = open_page(390, 844)
    page.goto(server.url + "/")
    page.screenshot(path=folder / "home-empty.png", full_page=True)
    dj = server.make_dj("DJ A")
    publish(server, dj, reconnect=True)
    expect(page.locator("main")).to_contain_text("DJ A", timeout=20_000)
    server.kill()
    connection = page.locator("#connection")
    expect(connection).not_to_have_text(re.compile("^Live", re.I), timeout=20_000)
    page.screenshot(path=folder / "home-offline.png", full_page=True)
    server.start()
    expect(connection).to_have_text(re.compile("live", re.I), timeout=40_000)
    expect(page.locator("main")).to_contain_text("DJ A")
    page.screenshot(path=folder / "home-live.png", full_page=True)


def log_in(page, server, path, role="admin"):
    email, password = server.make_user("Boss " + secrets.token_hex(2), role)
    page.goto(server.url + path)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_operator_runs_the_queue_from_one_page(server, publish, open_page, folder):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    page = open_page()
    log_in(page, server, "/admin", "operator")
    page.get_by_role("button", name="Move DJ C to place 1").click()
    server.wait_for_queue("DJ A", "DJ C", "DJ B")
    page.get_by_role("button", name="Pass DJ C over until released").click()
    expect(page.locator(".queue-entry", has_text="DJ C")).to_contain_text("Held")
    page.get_by_role("button", name="Five minutes more for DJ A").click()
    wait_until(lambda: server.view()["entries"][0]["remainingSeconds"] > 3600, "the longer slot")
    page.get_by_role("button", name="Close the queue").click()
    expect(page.locator("body")).to_contain_text("closed to newcomers")
    page.screenshot(path=folder / "admin-acts.png", full_page=True)

    # Somebody else moves first while this page's request is on its way: nothing is done, and the page says so.
    def late(route):
        server.run("queue", "open")
        route.continue_()

    page.route("**/queue/move", late)
    page.get_by_role("button", name="Move DJ B to place 1").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed the queue first")
    assert server.queue() == ["DJ A", "DJ C", "DJ B"]
    page.screenshot(path=folder / "admin-conflict.png", full_page=True)


def test_admin_page_says_that_the_database_is_away_and_that_all_is_written(server, publish, open_page, folder):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    page = open_page()
    log_in(page, server, "/admin", "operator")
    expect(page.get_by_role("button", name="Hold: Pass DJ B over until released")).to_be_visible(timeout=20_000)
    alert = page.get_by_role("alert").filter(has_text="The database does not answer")
    expect(alert).to_have_count(0)
    signal_database(server, signal.SIGSTOP)
    try:
        # The lease's next renewal, at most 5 s away, and its deadline of 10 s.
        expect(alert).to_be_visible(timeout=40_000)
        server.run("queue", "hold", "DJ B")
        expect(alert).to_contain_text(re.compile(r"[1-9]\d* changes? waits? to be written"), timeout=20_000)
        expect(page.locator(".queue-entry", has_text="DJ B")).to_contain_text("Held")
        page.screenshot(path=folder / "admin-database-away.png", full_page=True)
    finally:
        signal_database(server, signal.SIGCONT)
    expect(alert).to_have_count(0, timeout=30_000)


def test_operator_bans_clears_and_sets_from_the_page(server, publish, open_page, folder):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    page = open_page()
    log_in(page, server, "/admin", "operator")
    operator = Machine(server)

    def press(name, sure=None):
        page.get_by_role("button", name=name, exact=True).click()
        if sure:
            page.get_by_role("dialog").get_by_role("button", name=sure, exact=True).click()

    press("Ban DJ B", "Ban")
    server.wait_for_queue("DJ A", "DJ C")
    expect(page.locator(".queue-entry", has_text="DJ B")).to_contain_text("banned")
    page.get_by_label("While a dropped DJ has the slot, show").select_option("next")
    page.get_by_label("End a slot after 10 s without picture or 20 s without sound").check()
    page.get_by_label("A dropped DJ on air keeps the slot for").fill("5 m")
    page.get_by_label("Delay of the programme").fill("3.5 s")
    press("Save settings")
    expected = {"coverDrop": "next", "deadAfter": True, "graceOnAirSeconds": 300}
    wait_until(lambda: expected.items() <= operator.call("GET", "/api/v1/channels/main/settings").json().items(), "the settings")
    assert operator.call("GET", "/api/v1/channels/main/settings").json()["output"]["programmeDelay"] == "3.5s"
    page.screenshot(path=folder / "admin-settings.png", full_page=True)
    page.get_by_label("Delay of the programme").fill("40")
    press("Save settings")
    expect(page.locator(".field-error", has_text="programmeDelay must be 0 to 30 s")).to_be_visible()
    page.get_by_label("Delay of the programme").fill("")
    page.get_by_label("Places in the queue").fill("many")
    press("Save settings")
    expect(page.locator(".field-error", has_text="maximumLength")).to_be_visible()
    press("Unban: Let DJ B join again")
    expect(page.locator("body")).to_contain_text("Nobody is banned")
    press("Clear the queue: Take everybody who waits out of the queue", "Clear the queue")
    server.wait_for_queue("DJ A")


def test_overlays_show_queue_and_timer_without_a_reload(server, publish, open_page, folder):
    queue, timer = open_page(600, 400), open_page(600, 200)
    queue.goto(server.url + "/queue-list?size=48")
    timer.goto(server.url + "/timer-page")
    expect(timer.locator("#timer")).to_be_empty()
    three_in_line(server, publish)
    expect(queue.locator("#queue li")).to_have_text(["DJ A", "DJ B", "DJ C"], timeout=20_000)
    server.wait_for_on_air("DJ A")
    expect(timer.locator("#timer")).to_have_text(re.compile(r"^\d+:\d\d(:\d\d)?$"))
    assert queue.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
    queue.screenshot(path=folder / "overlay-queue.png", omit_background=True)
    timer.screenshot(path=folder / "overlay-timer.png", omit_background=True)
    # As OBS does it: the operator's own style in the page.
    queue.add_style_tag(content="body { color: rgb(1, 2, 3) }")
    assert queue.evaluate("getComputedStyle(document.body).color") == "rgb(1, 2, 3)"
