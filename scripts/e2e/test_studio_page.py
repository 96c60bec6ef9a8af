"""The console's OBS panel in Chromium, and a real OBS that records by rule (issue 8)."""

import pytest
from playwright.sync_api import expect

from places import SCREENSHOTS
from rtmp_push import Push
from test_queue_api import Listener, Machine
from test_studio import change_rules, connection
from test_web import log_in
from waiting import wait_until

obs = pytest.importorskip("obs", reason="obsws-python is missing")
pytestmark = [pytest.mark.obs, pytest.mark.browser,
              pytest.mark.skipif(not obs.is_installed(), reason="obs-studio or xvfb is missing")]

PHONE = (360, 780)


def test_admin_sees_steers_and_records_with_an_obs(make_server, ended_later, open_page):
    studio = ended_later(obs.StudioOBS("rtmp://127.0.0.1:1/play/main"))
    server = make_server(LINEUP_PROGRAMME_DELAY="1", **studio.settings)
    server.planted.append(studio.password)
    machine, admin = Machine(server), Machine(server, "admin")
    wait_until(lambda: connection(machine)["state"] == "fine", "OBS connected", 20)
    ended_later(Push("127.0.0.1", server.rtmp_port, server.make_dj("DJ A").key).start())
    wait_until(lambda: studio.shows() == ("Live", "DJ A"), "OBS to show DJ A", 30)

    page = open_page()
    log_in(page, server, "/admin")
    page.get_by_role("tab", name="OBS").click()
    panel = page.get_by_role("tabpanel", name="OBS")
    expect(panel).to_contain_text("studio", timeout=20_000)
    panel.get_by_role("button", name="Test studio").click()
    expect(panel).to_contain_text("Scenes: ", timeout=20_000)
    shoot(page, "admin-obs-test")
    panel.get_by_role("button", name="What studio is sent when a DJ goes on air").click()
    expect(panel).to_contain_text("SetCurrentProgramScene", timeout=20_000)
    panel.get_by_role("button", name="Show what studio shows").click()
    wait_until(lambda: panel.locator("img").evaluate("image => image.naturalWidth") > 100, "OBS's picture on the page", 20)
    shoot(page, "admin-obs-wide")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    shoot(page, "admin-obs-phone")
    # Added on the page, wrong on purpose: it says so, and goes again.
    panel.get_by_text("Add an OBS").click()
    panel.get_by_label("Name", exact=True).fill("spare")
    panel.get_by_label("Host").fill("127.0.0.1")
    panel.get_by_label("Port").fill("1")
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(panel).to_contain_text("127.0.0.1:1", timeout=20_000)
    wait_until(lambda: [row["state"] for row in machine.call("GET", "/api/v1/obs").json()["connections"]] == ["fine", "away"],
               "the spare one to be away", 20)
    panel.get_by_role("button", name="Remove spare").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(panel).not_to_contain_text("127.0.0.1:1", timeout=20_000)
    assert studio.password not in page.content()

    records_by_rule(server, studio, machine, admin, ended_later)


def records_by_rule(server, studio, machine, admin, ended_later):
    """What a rule began is begun again when somebody stops it, and the stop is told."""
    rules = [{"on": ["settings.changed"], "requests": [{"requestType": "StartRecord"}]}]
    change_rules(machine, admin, rules)
    machine.call("PATCH", "/api/v1/channels/main/queue/settings", {"slotLength": 1234})
    wait_until(lambda: studio.requests.get_record_status().output_active, "OBS to record", 10)
    wait_until(lambda: connection(machine).get("recording"), "the API to say so", 15)
    listener = ended_later(Listener(server, machine.headers))
    listener.next("queue")
    studio.requests.stop_record()
    told = listener.next("obs.outputStopped")[1]
    assert told["payload"] == {"name": "studio", "output": "record"}, told
    wait_until(lambda: studio.requests.get_record_status().output_active, "OBS to record again", 20)


def shoot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: something is cut off"
