"""Accounts end to end: mail, pages in Chromium, roles behind a proxy, secrets in the database (issue 7)."""

import os
import secrets
import socket
import struct
import subprocess
import sys
import time
import uuid
import zlib
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

import processes
from mailbox import Mailbox
from waiting import wait_until


def png(width=300, height=200):
    """A picture of one colour on the left and another on the right."""
    row = b"\0" + bytes([200, 30, 30]) * (width // 2) + bytes([30, 30, 200]) * (width - width // 2)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


class Person:
    """Somebody with a session, as their browser would ask."""

    def __init__(self, server, name=None, root=None, **headers):
        self.server, self.root = server, root or server.url
        self.http = requests.Session()
        self.http.headers.update({"Origin": self.root, **headers})
        self.name = name or "DJ " + secrets.token_hex(3)
        self.email = f"{secrets.token_hex(5)}@example.org"
        self.password = "pw-" + secrets.token_hex(12)
        server.planted.append(self.password)

    def call(self, method, path, body=None, **options):
        if body is not None:
            options["json"] = body
        return self.http.request(method, self.root + "/api/v1" + path, timeout=20, **options)

    def open(self, answer):
        assert answer.status_code in (200, 201), answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrfToken"]
        self.server.planted += [answer.json()["csrfToken"], *self.http.cookies.values()]
        return self

    def sign_up(self, **more):
        return self.open(self.call("POST", "/signup", {"name": self.name, "email": self.email, "password": self.password, **more}))

    def log_in(self, email=None, password=None):
        return self.open(self.call("POST", "/login", {"email": email or self.email, "password": password or self.password}))


def admin_of(server):
    """Logged in as an admin that the command line made."""
    email, password = server.make_user("Boss", role="admin")
    return Person(server).log_in(email, password)


@pytest.fixture
def mailbox(ended_later):
    return ended_later(Mailbox())


def test_a_new_dj_signs_up_gets_a_key_and_finds_back_by_mail_on_a_phone(make_server, mailbox, open_page, folder, ended_later):  # noqa: F811
    from publishers import Publisher

    server = make_server(start=False, LINEUP_SMTP_URL=f"smtp://lineup:secret@127.0.0.1:{mailbox.port}",
                         LINEUP_MAIL_FROM="Lineup <lineup@example.org>", LINEUP_PUBLIC_URL="http://127.0.0.1:1")
    server.planted.append("lineup:secret")
    server.start()
    page = open_page(360, 740)
    page.goto(server.url + "/dj")
    form = page.locator("section", has_text="New here? Sign up")
    form.get_by_label("DJ name").fill("Phone DJ")
    form.get_by_label("E-mail").fill("phone@example.org")
    form.get_by_label("Password").fill("password1")
    form.get_by_role("button", name="Sign up").click()
    expect(form.get_by_text("among the first that are tried")).to_be_visible()
    form.get_by_label("Password").fill("kaffee um vier")
    form.get_by_role("button", name="Sign up").click()
    page.get_by_role("button", name="Make my stream key").click()
    expect(page.get_by_text("This is your new key.")).to_be_visible()
    key = page.locator(".secret-text").nth(1).inner_text()
    page.screenshot(path=folder / "key.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
    ended_later(Publisher(server.publish_url(key)))
    server.wait_for_queue("Phone DJ")

    to, link = mailbox.link("verify")
    assert to == "phone@example.org"
    page.goto(server.url + "/account" + link[link.index("#"):])
    expect(page.get_by_text("Your address is confirmed.")).to_be_visible()
    expect(page.locator(".badge", has_text="confirmed")).to_be_visible()
    assert "#" not in page.url, "the token leaves the address bar"
    page.screenshot(path=folder / "account.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Log out", exact=True).first.click()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill("phone@example.org")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("a mail with a link is on its way")).to_be_visible()
    _, link = mailbox.link("reset")
    page.goto("about:blank")
    page.goto(server.url + "/account" + link[link.index("#"):])
    page.get_by_label("New password").fill("kuchen um fünf")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your new password holds.")).to_be_visible()
    page.screenshot(path=folder / "reset.png", full_page=True)
    page.get_by_label("E-mail").fill("phone@example.org")
    page.get_by_label("Password").fill("kuchen um fünf")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Where you are logged in")).to_be_visible()
    _, notice = mailbox.next()
    assert notice["Subject"] == "Your password was changed"
    # Once is once.
    again = Person(server).call("POST", "/password-reset", {"token": link.split("=")[1], "password": "tee um sechs uhr"})
    assert again.status_code == 410


def test_account_page_changes_what_it_says(server, open_page, folder):  # noqa: F811
    person = Person(server, "Old Name").sign_up()
    page = open_page(1100, 900)
    page.goto(server.url + "/account")
    form = page.locator("section", has_text="Log in").first
    form.get_by_label("E-mail").fill(person.email)
    form.get_by_label("Password").fill(person.password)
    form.get_by_role("button", name="Log in").click()
    profile = page.locator("section", has=page.get_by_role("heading", name="Profile"))
    profile.get_by_label("DJ name").fill("New Name")
    profile.get_by_role("button", name="Save").click()
    expect(page.locator(".person")).to_contain_text("New Name")
    page.locator("#picture-file").set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": png()})
    picture = page.locator("img.picture")
    expect(picture).to_be_visible(timeout=20000)
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") == 200, "the picture to be a square of 200 pixels", 20)
    page.screenshot(path=folder / "account.png", full_page=True)
    address = picture.get_attribute("src")
    made = requests.get(server.url + address, timeout=5)
    assert made.headers["Content-Type"] == "image/jpeg" and made.content.startswith(b"\xff\xd8\xff")
    for wrong in (b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n" + os.urandom(2000), b"\xff\xd8\xff" + os.urandom(2000),
                  b"RIFF\x10\0\0\0WEBP" + os.urandom(500)):
        answer = person.call("PUT", "/account/picture", data=wrong, headers={"Content-Type": "image/png"})
        assert answer.status_code == 422, answer.text
    assert person.call("PUT", "/account/picture", data=b"\0" * (4 * 1024 * 1024 + 1), headers={"Content-Type": "image/png"}).status_code == 413
    assert requests.get(server.url + address, timeout=5).content == made.content, "a refused picture changes nothing"
    # Two sessions: the page ends the other one.
    expect(page.get_by_text("this one")).to_be_visible()
    page.get_by_role("button", name="Log out everywhere else").click()
    wait_until(lambda: person.call("GET", "/me").json()["account"] is None, "the other session to end", 20)


def test_a_new_djs_first_entry_waits_for_an_operator(make_server, publish, ended_later):
    from publishers import Publisher

    server = make_server(LINEUP_SIGN_UP="approval")
    person = Person(server, "New DJ").sign_up()
    assert person.call("GET", "/me").json()["account"]["approved"] is False
    key = person.call("POST", "/keys", {"label": "OBS"}).json()["key"]
    server.planted.append(key)
    first = ended_later(Publisher(server.publish_url(key)))
    entry = lambda: next((e for e in server.whole_view()["entries"] if e["name"] == "New DJ"), None)  # noqa: E731
    wait_until(lambda: entry() and entry()["held"] and entry()["ready"], "the new DJ's entry, held and ready", 30)
    assert server.view()["showing"] == "slate"
    server.run("queue", "release", "New DJ")
    server.wait_for_on_air("New DJ")
    wait_until(lambda: person.call("GET", "/me").json()["account"]["approved"], "the DJ to be let through", 20)
    first.stop()
    wait_until(lambda: server.queue() == [], "the entry to end", 30)
    ended_later(Publisher(server.publish_url(key)))
    server.wait_for_on_air("New DJ", 30)


def test_a_stream_is_tested_without_joining_the_queue(server, open_page, folder, ended_later):  # noqa: F811
    from publishers import Publisher

    person = Person(server, "Careful DJ").sign_up()
    made = person.call("POST", "/keys", {"label": "OBS"}).json()
    server.planted.append(made["key"])
    assert person.call("GET", "/account/test-stream").json() == {"stream": None}
    page = open_page(1100, 900)
    page.goto(server.url + "/dj")
    form = page.locator("section", has_text="Log in").first
    form.get_by_label("E-mail").fill(person.email)
    form.get_by_label("Password").fill(person.password)
    form.get_by_role("button", name="Log in").click()
    page.get_by_text("Test my stream first").click()
    expect(page.get_by_text("Nothing arrives yet")).to_be_visible()
    first = ended_later(Publisher(server.publish_url(made["key"], "test")))
    stream = lambda: person.call("GET", "/account/test-stream").json()["stream"]  # noqa: E731
    wait_until(lambda: stream() and stream()["missing"] == [] and stream().get("bitsPerSecond"), "a stream that is fine", 30)
    expect(page.get_by_text("Your stream is fine.")).to_be_visible(timeout=20000)
    page.screenshot(path=folder / "tested.png", full_page=True)
    assert server.queue() == [] and server.view()["showing"] == "slate"
    # A newer encoder is the one that is looked at; a revoked key ends it within a second.
    second = ended_later(Publisher(server.publish_url(made["key"], "test")))
    assert first.end(20) != 0
    wait_until(lambda: stream() and stream()["missing"] == [], "the newer test to be fine", 30)
    person.call("DELETE", f"/keys/{made['info']['id']}")
    assert second.end(10) != 0
    wait_until(lambda: stream() is None, "no test to be left", 20)
    assert server.queue() == []


def test_admins_hand_links_on_where_no_mail_is_sent(server):
    person, admin = Person(server).sign_up(), admin_of(server)
    assert Person(server).call("POST", "/password-reset/request", {"email": person.email}).json() == {"sendsMail": False}
    mine = lambda: next(u for u in admin.call("GET", "/users").json()["users"] if u["email"] == person.email)  # noqa: E731
    wait_until(lambda: mine().get("resetRequestedAt"), "the request in the admin's list", 20)
    link = admin.call("POST", f"/users/{mine()['id']}/reset-link", {}).json()["link"]
    token = link.split("=")[1]
    server.planted.append(token)
    assert Person(server).call("POST", "/password-reset", {"token": token, "password": "neues wort 77"}).status_code == 204
    assert person.call("GET", "/me").json()["account"] is None, "every session has ended"
    person.log_in(password="neues wort 77")
    assert "resetRequestedAt" not in mine()


def test_behind_nginx_addresses_scheme_and_cookies_are_right(make_server, folder, ended_later):
    port = free_port()
    server = make_server(LINEUP_TRUSTED_PROXIES="127.0.0.1")
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {server.url}; proxy_http_version 1.1; proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}""")
    proxy = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-p", folder], preexec_fn=processes.die_with_parent)
    try:
        root = f"http://127.0.0.1:{port}"
        wait_until(lambda: reachable(root), "nginx", 20)
        # The client lies about itself; nginx adds whom it saw.
        person = Person(server, root=root, **{"X-Forwarded-For": "198.51.100.7", "Origin": f"http://127.0.0.1:{port}"})
        answer = person.call("POST", "/signup", {"name": person.name, "email": person.email, "password": person.password})
        assert answer.status_code == 201, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-lineup=") and "Secure" in cookie
        # requests does not send a Secure cookie over plain HTTP: as the browser in front of nginx would.
        headers = {"Cookie": cookie.split(";")[0]}
        sessions = requests.get(root + "/api/v1/account/sessions", headers=headers, timeout=5).json()["sessions"]
        assert [session["address"] for session in sessions] == ["198.51.100.7"], "nginx is trusted, and so is 127.0.0.1 behind it"
    finally:
        proxy.terminate()
        proxy.wait(10)
    stranger = make_server()
    untrusted = Person(stranger, **{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}).sign_up()
    assert [s["address"] for s in untrusted.call("GET", "/account/sessions").json()["sessions"]] == ["127.0.0.1"]


def reachable(url):
    try:
        return requests.get(url + "/healthz", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.extended
def test_unknown_and_known_accounts_take_the_same_time(server):
    """Medians of wrong log-ins by turns; an answer without a hash would be 20 times faster."""
    email, _ = server.make_user("DJ A")
    known, unknown = [], []
    for turn in range(9):
        for address, times in ((email, known), (f"nobody{turn}@example.org", unknown)):
            start = time.monotonic()
            answer = requests.post(server.url + "/api/v1/login", json={"email": address, "password": "not this one"}, timeout=20)
            # Past the free attempts it is told to wait, which is no log-in to time.
            if answer.status_code == 401:
                times.append(time.monotonic() - start)
    middle = lambda times: sorted(times)[len(times) // 2]  # noqa: E731
    assert len(known) >= 4 and len(unknown) >= 4
    assert 1 / 3 < middle(known) / middle(unknown) < 3, (known, unknown)


def test_no_secret_is_in_the_database_or_the_api(make_server):
    mail, hook, header, own = (secrets.token_hex(12) for _ in range(4))
    server = make_server(start=False, LINEUP_SMTP_URL=f"smtp://lineup:{mail}@127.0.0.1:1", LINEUP_MAIL_FROM="lineup@example.org",
                         LINEUP_PUBLIC_URL="http://127.0.0.1:1", DISCORD_WEBHOOK_URL=f"https://discord.com/api/webhooks/1/{own}",
                         LINEUP_VIEWER_ACCESS="token", LINEUP_TARGETS_ALLOW_NETWORKS="127.0.0.0/8")
    server.planted += [mail, hook, header, own]
    server.start()
    person, admin = Person(server).sign_up(), admin_of(server)
    target = admin.call("POST", "/targets", {"name": "hook", "kind": "webhook", "url": f"https://127.0.0.1:1/in/{hook}?key={hook}",
                                             "headers": {"Authorization": f"Bearer {header}"}}).json()
    server.planted.append(target["secret"])
    admin.call("POST", f"/targets/{target['id']}/test", {})
    admin.call("POST", "/password-reset/request", {"email": person.email})
    play = admin.call("GET", "/channels/main/play-token").json()["token"]
    server.planted.append(play)
    server.get(f"/hls/main/index.m3u8?token={play}")
    server.get(f"/stream/nothing?token={play}")
    server.planted.append(person.call("POST", "/keys", {"label": "OBS"}).json()["key"])
    server.planted.append(admin.call("POST", "/tokens", {"name": "deck", "role": "operator"}).json()["token"])
    server.planted.append(admin.call("POST", "/invitations", {}).json()["link"].split("=")[1])
    setup = person.call("POST", "/account/second-factor", {"password": person.password}).json()
    server.planted.append(setup["seed"])
    user = person.call("GET", "/me").json()["account"]["id"]
    server.planted.append(admin.call("POST", f"/users/{user}/reset-link", {}).json()["link"].split("=")[1])
    read = "\n".join(
        who.call("GET", path).text for who in (person, admin) for path in (
            "/account/export", "/account/sessions", "/keys", "/users", "/tokens", "/invitations", "/audit", "/server",
            "/channels/main/queue", "/channels/main/queue/history", "/targets", f"/targets/{target['id']}", f"/targets/{target['id']}/failures",
            "/channels/main/viewers", "/channels/main/settings"))
    read += "".join(server.get(path).text for path in ("/", "/dj", "/admin", "/account", "/readyz", "/healthz", "/playlist.m3u", "/api/openapi.json"))
    own = person.http.headers["X-CSRF-Token"], admin.http.headers["X-CSRF-Token"]
    dump = dump_of(server)
    assert person.email in dump, "the dump is one of the accounts"
    texts = {"log": server.log_text(), "metrics": server.get("/metrics").text, "api": read, "database": dump}
    for place, text in texts.items():
        for secret in server.planted:
            assert secret not in text and secret.encode().hex() not in text, f"a planted secret is in the {place}"
    assert all(token in server.planted for token in own)


def test_no_answer_of_the_api_is_kept_by_a_cache(server):
    """But the document itself, and pictures, which are asked for again by their tag."""
    admin = admin_of(server)
    asked = 0
    for path, methods in requests.get(server.url + "/api/openapi.json", timeout=10).json()["paths"].items():
        if "get" not in methods or not path.startswith("/api/v1/") or path.endswith(("/events", "/picture")):
            continue
        answer = admin.call("GET", path.removeprefix("/api/v1").replace("{channel}", "main").replace("{id}", str(uuid.uuid4())).replace("{entry}", str(uuid.uuid4())))
        asked += answer.status_code == 200
        assert "no-store" in answer.headers.get("Cache-Control", ""), (path, answer.status_code, answer.headers)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert asked > 20


def dump_of(server):
    """The private database in plain text, by PostgreSQL's own tool."""
    roots = [server.data / "postgres", Path("/var/lib/lineup")]
    sockets = [path for root in roots if root.exists() for path in root.rglob(".s.PGSQL.*") if path.suffix != ".lock"]
    where = max(sockets, key=lambda path: path.stat().st_mtime)
    tool = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dumpall"))[-1]
    command = [str(tool), "-h", str(where.parent), "-p", where.name.rsplit(".", 1)[1], "-U", "lineup"]
    owner = where.stat()
    if os.getuid() == 0 and owner.st_uid != 0:
        command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.extended
def test_the_api_is_what_its_document_says(server, folder):
    """schemathesis against the running server, as an admin with a session, and as nobody where that would end the session (it tries
    ids that it was told); with values that the document allows, and with those that it does not.
    scripts/check-api runs it for longer."""
    seconds = int(os.environ.get("LINEUP_API_SECONDS", "25"))
    admin = admin_of(server)
    headers = ["--header", f"Cookie: lineup={admin.http.cookies['lineup']}",
               "--header", f"X-CSRF-Token: {admin.http.headers['X-CSRF-Token']}"]
    ends_sessions = "((login|logout|signup|account/delete|account/password|log-out|api/v1/events)$|account/sessions/)"
    for arguments in ([*headers, "--exclude-path-regex", ends_sessions, "--max-time", str(seconds)],
                      ["--include-path-regex", "(login|logout|signup)$", "--max-time", str(max(5, seconds // 5))]):
        done = run_schemathesis(server.url, folder, arguments, seconds)
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert admin.call("GET", "/me").json()["account"], "the session lasted: every route was asked as an admin"
    assert server.ready().status_code == 200


def run_schemathesis(url, folder, arguments, seconds):
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection"
    # The one channel there is, so that the questions reach further than 404.
    (folder / "schemathesis.toml").write_text('[parameters]\nchannel = "main"\n')
    return subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "run", url + "/api/openapi.json", "--header", f"Origin: {url}",
         "--checks", checks, "--phases", "examples,coverage,fuzzing", "--mode", "all", "--continue-on-failure",
         "--max-examples", "200" if seconds > 60 else "8", "--workers", "1",
         "--request-timeout", "20", "--seed", "7", "--generation-with-security-parameters", "false",
         "--suppress-health-check", "all", "--no-color", *arguments],
        capture_output=True, text=True, timeout=seconds * 4 + 120, cwd=folder, env={**os.environ, "COLUMNS": "160"})
