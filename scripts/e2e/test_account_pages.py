"""One's own account in Chromium: one-time codes, the Discord link; what an admin makes: invitations, tokens, targets."""

import base64
import hmac
import re
import struct
import time

import pytest
from playwright.sync_api import expect

from test_people import Person
from test_web import log_in
from waiting import wait_until

pytestmark = pytest.mark.browser


def code(seed, steps=0):
    """RFC 6238: what an authenticator shows, `steps` times 30 s from now."""
    key = base64.b32decode(seed.replace(" ", "").upper() + "=" * (-len(seed.replace(" ", "")) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30 + steps), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def section(page, title):
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def enter(page, person, password=None):
    page.get_by_label("E-mail").first.fill(person.email)
    page.get_by_label("Password").first.fill(password or person.password)
    page.get_by_role("button", name="Log in").click()


def test_one_time_codes_are_set_up_asked_for_and_switched_off(server, open_page, folder):
    person = Person(server).sign_up()
    page = open_page(360, 780)
    page.goto(server.url + "/account")
    enter(page, person)
    codes = section(page, "One-time codes")
    codes.get_by_text("Set them up").click()
    codes.get_by_label("Present password").fill("not this one")
    codes.get_by_role("button", name="Begin").click()
    expect(codes.get_by_text(re.compile("password", re.I)).first).to_be_visible()
    codes.get_by_label("Present password").fill(person.password)
    codes.get_by_role("button", name="Begin").click()
    seed = codes.locator(".secret-text").inner_text()
    server.planted.append(seed)
    assert codes.get_by_role("link", name="Open it in an app").get_attribute("href").startswith("otpauth://totp/")
    codes.get_by_label("Code").fill("000000" if code(seed) != "000000" else "000001")
    codes.get_by_role("button", name="Switch on").click()
    expect(codes.locator(".field-error, .notice-bad").filter(has_text=re.compile("code", re.I))).to_be_visible()
    codes.get_by_label("Code").fill(code(seed))
    codes.get_by_role("button", name="Switch on").click()
    expect(codes.get_by_text("A log-in asks for a code")).to_be_visible()
    page.screenshot(path=folder / "codes.png", full_page=True)
    page.get_by_role("button", name="Log out", exact=True).first.click()

    enter(page, person)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    expect(page.get_by_label("Code")).to_be_focused()
    # The code that switched them on is used up.
    page.get_by_label("Code").fill(code(seed, -1))
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".field-error, .notice-bad").filter(has_text=re.compile("code", re.I))).to_be_visible()
    page.screenshot(path=folder / "code-step.png", full_page=True)
    page.get_by_label("Code").fill(code(seed, 1))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Where you are logged in")).to_be_visible()
    codes.get_by_text("Switch them off").click()
    codes.get_by_label("Present password").fill(person.password)
    codes.get_by_role("button", name="Switch off").click()
    expect(codes.get_by_text("Set them up")).to_be_visible()
    assert seed not in server.log_text()


def test_discord_is_linked_and_unlinked(server, open_page, folder):
    person = Person(server).sign_up()
    page = open_page(360, 780)
    page.goto(server.url + "/account")
    enter(page, person)
    discord = section(page, "Discord")
    discord.get_by_label("Your Discord id").fill("mira#1234")
    discord.get_by_role("button", name="Link it").click()
    expect(discord.get_by_text("5 to 20 digits")).to_be_visible()
    discord.get_by_label("Your Discord id").fill("184405311681986560")
    discord.get_by_role("button", name="Link it").click()
    expect(discord.get_by_text("It is linked.")).to_be_visible()
    assert person.call("GET", "/account/discord").json() == {"id": "184405311681986560"}
    page.reload()
    expect(discord.get_by_text("184405311681986560")).to_be_visible()
    page.screenshot(path=folder / "discord.png", full_page=True)
    discord.get_by_role("button", name="Unlink it").click()
    expect(discord.get_by_text("It is unlinked")).to_be_visible()
    assert person.call("GET", "/account/discord").json() == {"id": None}


@pytest.mark.extended
def test_an_admin_invites_makes_tokens_and_runs_targets(make_server, open_page, folder):
    server = make_server(LINEUP_SIGN_UP="invite")
    page = open_page(360, 780)
    log_in(page, server, "/admin")
    page.get_by_role("tab", name="People").click()
    invitations = section(page, "Invitations")
    invitations.get_by_text("Invite somebody").click()
    invitations.get_by_label("For whom").fill("the band")
    invitations.get_by_role("button", name="Make a link").click()
    link = invitations.locator(".secret-text").inner_text()
    server.planted.append(link.split("=")[1])
    expect(invitations.get_by_text("For one more person")).to_be_visible()
    page.screenshot(path=folder / "invitations.png", full_page=True)

    guest = open_page(360, 780)
    guest.goto(server.url + "/dj")
    expect(guest.get_by_text("Signing up takes an invitation")).to_be_visible()
    guest.goto("about:blank")
    guest.goto(link)
    form = section(guest, "New here? Sign up")
    form.get_by_label("DJ name").fill("The Band")
    form.get_by_label("E-mail").fill("band@example.org")
    form.get_by_label("Password").fill("kaffee um vier")
    form.get_by_role("button", name="Sign up").click()
    expect(guest.get_by_role("button", name="Make my stream key")).to_be_visible()
    assert "#" not in guest.url

    page.get_by_role("tab", name="Deliveries").click()
    tokens = section(page, "Tokens for machines")
    tokens.get_by_text("Make a token").first.click()
    tokens.get_by_label("Name").fill("deck")
    tokens.get_by_label("Role").select_option("operator")
    tokens.get_by_role("button", name="Make a token").click()
    token = tokens.locator(".secret-text").inner_text()
    server.planted.append(token)
    machine = Person(server, Authorization=f"Bearer {token}")
    assert machine.call("GET", "/channels/main/queue/settings").status_code == 200
    tokens.get_by_role("button", name="Revoke deck").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(tokens.get_by_text("There is none.")).to_be_visible()
    assert machine.call("GET", "/channels/main/queue/settings").status_code == 401

    deliveries = section(page, "Deliveries")
    deliveries.get_by_text("Add a Discord channel").click()
    maker = deliveries.locator("details", has_text="Add a Discord channel")
    maker.get_by_label("Name").fill("Chat")
    maker.get_by_label("Webhook URL").fill("https://discord.com/api/webhooks/1/" + "x" * 40)
    maker.get_by_label("What is wrong with the stream").uncheck()
    maker.get_by_label("Words for “On air”").fill("Now: {dj}")
    maker.get_by_role("button", name="Add").click()
    expect(deliveries.get_by_text("It is added.")).to_be_visible()
    target = deliveries.locator(".person-entry", has_text="Chat")
    target.locator("summary", has_text="Change").click()
    expect(target.get_by_label("Words for “On air”")).to_have_value("Now: {dj}")
    expect(target.get_by_label("What is wrong with the stream")).not_to_be_checked()
    page.screenshot(path=folder / "target.png", full_page=True)
    target.get_by_label("The queue was opened or closed").uncheck()
    target.get_by_label("Events are sent there").uncheck()
    target.get_by_role("button", name="Save").click()
    expect(deliveries.get_by_text("Saved.")).to_be_visible()
    expect(target.locator(".badge")).to_have_text("Off")
    page.screenshot(path=folder / "deliveries.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
    wait_until(lambda: "x" * 40 not in server.log_text(), "the webhook's URL to stay out of the log", 1)
