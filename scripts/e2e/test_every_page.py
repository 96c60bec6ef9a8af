"""Every page in both themes, wide and at 320 px, judged by axe (WCAG 2.2 AA); pictures stand in `.build/test-logs/screenshots`.

One night stands behind all of them, so that the pages have something to show.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from places import SCREENSHOTS
from test_people import Person, png
from test_queue import three_in_line
from waiting import wait_until

pytestmark = pytest.mark.browser

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, "resultTypes": ["violations"]}
ADMIN_TABS = ("Night", "People", "Deliveries", "Log", "Viewers", "System")


@pytest.mark.extended
def test_every_page_is_for_everybody_in_both_themes_and_at_320_pixels(server, publish, open_page):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    dj = Person(server, "Mira Mondlicht").sign_up()
    dj.call("PUT", "/account/picture", data=png(), headers={"Content-Type": "image/png"})
    dj.call("POST", "/keys", {"label": "Studio"})
    email, password = server.make_user("Boss", role="admin")
    boss = Person(server).log_in(email, password)
    boss.call("POST", "/invitations", {"note": "the band"})
    boss.call("POST", "/tokens", {"name": "deck", "role": "operator"})
    boss.call("POST", "/targets", {"name": "Chat", "kind": "discord", "url": "https://discord.com/api/webhooks/1/x", "enabled": False})
    djs, publishers = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    publishers[0].stop()
    server.wait_for_on_air("DJ B", 30)
    faults = []

    def look(page, name):
        page.wait_for_load_state("load")
        page.screenshot(path=SCREENSHOTS / f"page-{name}.png", full_page=True)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            faults.append(f"{name}: something is cut off at the side")
        for fault in Axe().run(page, options=WCAG).response["violations"]:
            faults.append(f"{name}: {fault['id']}: {[node['target'] for node in fault['nodes']][:4]} {fault['nodes'][0]['failureSummary'][:200]}")

    def visit(page, path, words):
        page.goto(server.url + path)
        expect(page.locator("body")).to_contain_text(words, timeout=20_000)

    def logged_in(person, theme, size):
        page = open_page(*size, color_scheme=theme)
        page.context.add_cookies([{"name": "lineup", "value": person.http.cookies["lineup"], "url": server.url}])
        return page

    for theme in ("dark", "light"):
        for kind, size in (("wide", (1280, 900)), ("320", (320, 640))):
            name = f"{theme}-{kind}"
            page = open_page(*size, color_scheme=theme)
            for path, title, words in (("/", "home", "DJ B"), ("/watch/main", "watch", "DJ B"), ("/embed/main", "embed", "DJ B"), ("/dj", "sign-in", "Sign up"),
                                       ("/account#forgot", "forgot", "Send me a link"), ("/account#reset=" + "a" * 52, "reset", "Choose a new password"),
                                       ("/no-such-page", "missing", "")):
                page.goto("about:blank")
                visit(page, path, words)
                look(page, f"{title}-{name}")
            mine = logged_in(dj, theme, size)
            visit(mine, "/account", "Where you are logged in")
            expect(mine.get_by_text("this one")).to_be_visible()
            look(mine, f"account-{name}")
            visit(mine, "/dj", "Mira Mondlicht")
            look(mine, f"desk-{name}")
            console = logged_in(boss, theme, size)
            visit(console, "/admin", "DJ C")
            for tab in ADMIN_TABS:
                console.get_by_role("tab", name=tab).click()
                part = console.get_by_role("tabpanel", name=tab)
                expect(part.get_by_text("Loading…")).to_have_count(0, timeout=20_000)
                look(console, f"admin-{tab.lower()}-{name}")
            if name == "light-320":
                # The server dies: each page says so, keeps what it showed, and a form says what became of it.
                page.goto(server.url + "/")
                expect(page.locator("body")).to_contain_text("DJ B")
                form = logged_in(dj, theme, size)
                visit(form, "/account", "Where you are logged in")
                server.kill()
                for opened, title in ((page, "home"), (mine, "desk"), (console, "admin")):
                    expect(opened.locator("#connection")).to_contain_text("What you see may be old", timeout=30_000)
                    look(opened, f"{title}-away")
                form.get_by_role("button", name="Save").click()
                expect(form.get_by_text("The server cannot be reached.")).to_be_visible()
                look(form, "account-away")
            for opened in (page, mine, console):
                opened.context.close()
    assert faults == [], "\n".join(faults)


@pytest.mark.extended
def test_a_new_dj_and_an_admin_need_no_mouse(server, publish, open_page, ended_later):
    page = open_page(1280, 900)
    page.goto(server.url + "/dj")
    form = page.locator("section", has_text="New here? Sign up")
    expect(form.get_by_label("DJ name")).to_be_visible()
    for label, text in (("DJ name", "Keys Only"), ("E-mail", "keys@example.org"), ("Password", "kaffee um vier")):
        tab_to(page, form.get_by_label(label))
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    make = page.get_by_role("button", name="Make my stream key")
    expect(make).to_be_visible()
    tab_to(page, make)
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is shown this once")).to_be_visible()

    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    email, password = server.make_user("Boss", role="admin")
    console = open_page(1280, 900)
    console.goto(server.url + "/admin")
    expect(console.get_by_label("E-mail")).to_be_visible()
    for label, text in (("E-mail", email), ("Password", password)):
        tab_to(console, console.get_by_label(label))
        console.keyboard.type(text)
    console.keyboard.press("Enter")
    skip = console.get_by_role("button", name="Skip DJ A")
    expect(skip).to_be_visible(timeout=20_000)
    tab_to(console, skip)
    console.keyboard.press("Enter")
    # What is safe has the focus; Escape is no.
    expect(console.get_by_role("button", name="Keep it as it is")).to_be_focused()
    console.keyboard.press("Escape")
    expect(console.get_by_role("dialog")).to_have_count(0)
    expect(skip).to_be_focused()
    assert server.on_air() == "DJ A"
    console.keyboard.press("Enter")
    console.keyboard.press("Shift+Tab")
    expect(console.get_by_role("dialog").get_by_role("button", name="Skip DJ A")).to_be_focused()
    console.keyboard.press("Enter")
    server.wait_for_on_air("DJ B", 30)
    tab_to(console, console.get_by_role("tab", name="Night"), "Shift+Tab")
    console.keyboard.press("ArrowRight")
    expect(console.get_by_role("tabpanel", name="People")).to_contain_text("Keys Only", timeout=20_000)


def tab_to(page, wanted, key="Tab"):
    """Steps there; whatever has the focus on the way shows it."""
    for _ in range(80):
        page.keyboard.press(key)
        seen = page.evaluate("(() => { const at = document.activeElement; return at === document.body || getComputedStyle(at).outlineStyle !== 'none'; })()")
        assert seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"no way to {wanted} by keyboard")
