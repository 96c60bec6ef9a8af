"""Sign up, log in, keys and CSRF over HTTP; and that no secret is ever written (I9)."""

import secrets

import pytest
import requests

from recording import SegmentReader, watch_for
from test_queue import three_in_line


@pytest.fixture
def browser(server):
    session = requests.Session()
    session.headers.update({"Origin": server.url})
    return session


def sign_up(server, browser, name="DJ Web"):
    password = "pw-" + secrets.token_hex(12)
    server.planted.append(password)
    answer = browser.post(server.url + "/api/v1/signup",
                          json={"name": name, "email": f"{secrets.token_hex(4)}@example.org", "password": password}, timeout=10)
    assert answer.status_code in (200, 201), answer.text
    token = browser.get(server.url + "/api/v1/me", timeout=5).json()["csrfToken"]
    server.planted += [token, *browser.cookies.values()]
    return token


def test_signs_up_makes_a_key_and_publishes_with_it(server, browser, publish, ended_later):
    from publishers import Publisher

    token = sign_up(server, browser)
    made = browser.post(server.url + "/api/v1/keys", json={"label": "Studio"}, headers={"X-CSRF-Token": token}, timeout=10)
    assert made.status_code in (200, 201), made.text
    key = made.json()["key"]
    server.planted.append(key)
    assert key not in browser.get(server.url + "/api/v1/keys", timeout=5).text, "a key is shown once"
    publisher = ended_later(Publisher(server.publish_url(key)))
    server.wait_for_queue("DJ Web")

    key_id = browser.get(server.url + "/api/v1/keys", timeout=5).json()
    key_id = (key_id["keys"] if isinstance(key_id, dict) else key_id)[0]["id"]
    rotated = browser.post(f"{server.url}/api/v1/keys/{key_id}/rotate", json={}, headers={"X-CSRF-Token": token}, timeout=10)
    assert rotated.status_code in (200, 201), rotated.text
    server.planted.append(rotated.json()["key"])
    assert publisher.end(5) != 0, "the old key's connection ends"


def test_writes_without_token_or_from_elsewhere_are_refused(server, browser):
    token = sign_up(server, browser)
    post = lambda **options: browser.post(server.url + "/api/v1/keys", timeout=5, **options)  # noqa: E731
    assert post(json={"label": "x"}).status_code == 403
    assert post(json={"label": "x"}, headers={"X-CSRF-Token": "wrong"}).status_code == 403
    assert post(json={"label": "x"}, headers={"X-CSRF-Token": token, "Origin": "https://evil.example"}).status_code == 403
    assert post(data="label=x", headers={"X-CSRF-Token": token,
                                         "Content-Type": "application/x-www-form-urlencoded"}).status_code in (403, 415)
    assert post(json={"label": "x"}, headers={"X-CSRF-Token": token}).status_code in (200, 201)


def test_nobody_without_the_role_skips(server, browser):
    skip = server.url + "/api/v1/channels/main/queue/skip"
    assert requests.post(skip, json={}, timeout=5).status_code in (401, 403)
    token = sign_up(server, browser)
    assert browser.post(skip, json={}, headers={"X-CSRF-Token": token}, timeout=5).status_code == 403


def test_wrong_password_and_unknown_address_get_the_same_answer(server, browser):
    email, password = server.make_user("DJ A")
    log_in = lambda mail, word: browser.post(server.url + "/api/v1/login", json={"email": mail, "password": word}, timeout=10)  # noqa: E731
    wrong, unknown = log_in(email, "not this one"), log_in("nobody@example.org", password)
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["type"] == unknown.json()["type"]
    assert log_in(email, password).status_code == 200


def test_no_secret_is_in_logs_metrics_pages_or_playlists(server, browser, publish, ended_later):
    from publishers import Publisher

    token = sign_up(server, browser)
    key = browser.post(server.url + "/api/v1/keys", json={"label": "Studio"}, headers={"X-CSRF-Token": token}, timeout=10).json()["key"]
    server.planted += [key, "lk_wrong" + "z" * 24, "hunter2hunter2"]
    browser.post(server.url + "/api/v1/login", json={"email": "a@example.org", "password": "hunter2hunter2"}, timeout=10)
    browser.get(server.url + "/?key=" + key, timeout=5)
    three_in_line(server, publish)
    for url in (server.publish_url("lk_wrong" + "z" * 24), server.publish_url(key, "other"), server.publish_url(key) + "?token=hunter2hunter2"):
        publisher = Publisher(url)
        ended_later(publisher)
    watch_for(2)
    reader = ended_later(SegmentReader(server.playlist))
    pages = [server.get(path).text for path in (
        "/", "/dj", "/admin", "/watch/main", "/queue-json", "/readyz", "/metrics", "/api/v1/channels/main/queue",
        "/api/v1/server", "/hls/main/index.m3u8")]
    places = {"log": server.log_text(), "pages": "\n".join(pages), "playlist": requests.get(reader.media_url, timeout=5).text}
    assert "lineup_" in places["pages"], "the metrics are among the pages"
    assert len(places["log"]) > 1000
    for place, text in places.items():
        for secret in server.planted:
            assert secret not in text, f"a planted secret is in the {place}"


def test_doctor_version_and_accounts_answer_with_and_without_a_server(server):
    server.make_user("DJ A")
    assert server.run("version").stdout.strip()
    running = server.run("user", "list", "--json").stdout
    assert "DJ A" in running and "pw-" not in running and "argon2" not in running
    assert server.run("doctor", "--json", check=False).stdout.strip().startswith(("[", "{"))
    server.stop()
    assert server.run("user", "list", "--json").stdout == running
    _, key = server.make_key("DJ A")
    server.run("queue", "set", "slotLength=5m")
    server.start()
    assert server.view()["slotSeconds"] == 300
    assert key not in server.run("key", "list", "--user", "DJ A", "--json").stdout
