"""The queue by API, command line and its older names (issue 4): acts, guards, live events, history, who may do what."""

import csv
import io
import json
import time

import pytest
import requests

import clips
from publishers import Publisher
from test_queue import three_in_line
from waiting import wait_until

QUEUE = "/api/v1/channels/main/queue"


class Machine:
    """A script with a bearer token."""

    def __init__(self, server, role="operator"):
        made = json.loads(server.run("token", "create", "--role", role, "--name", f"e2e {role}", "--json").stdout)
        server.planted.append(made["token"])
        self.server, self.id, self.token = server, made["id"], made["token"]

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def call(self, method, path, body=None, **headers):
        return requests.request(method, self.server.url + path, json=body, headers={**self.headers, **headers}, timeout=10)

    def act(self, name, status=200, **body):
        answer = self.call("POST", f"{QUEUE}/{name}", body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def operator(server):
    return Machine(server)


def names(view, state=None):
    return [entry["name"] for entry in view["entries"] if state in (None, entry["state"])]


def all_ready(server):
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all in line ready")


def test_every_act_by_api_changes_the_order_and_stands_in_the_audit_log(server, publish, operator):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    all_ready(server)
    assert names(operator.act("move", entry="DJ C", position=1)) == ["DJ A", "DJ C", "DJ B"]
    assert names(operator.act("move", entry="DJ C", position=1)) == ["DJ A", "DJ C", "DJ B"], "may be repeated"
    held = operator.act("hold", entry="DJ C")
    assert [entry["held"] for entry in held["entries"]] == [False, True, False]
    operator.act("skip")
    server.wait_for_on_air("DJ B")
    operator.act("release", entry="DJ C")
    left = operator.act("remaining", seconds=600)["entries"][0]["remainingSeconds"]
    assert 590 < left <= 600
    assert operator.act("extend", seconds=60)["entries"][0]["remainingSeconds"] == pytest.approx(left + 60, abs=5)
    operator.act("put-on-air", entry="DJ C")
    server.wait_for_on_air("DJ C")
    operator.act("close")
    assert operator.call("GET", QUEUE).json()["isOpen"] is False
    operator.act("open")
    operator.act("auto-advance", enabled=False)
    operator.act("clear", includingOnAir=True)
    server.wait_for_queue()

    records = operator.call("GET", QUEUE + "/audit?limit=100").json()["records"]
    done = [record["action"] for record in reversed(records)]
    for action in ("queue.move", "queue.hold", "queue.skip", "queue.release", "queue.setRemaining", "queue.extend",
                   "queue.putOnAir", "queue.setOpen", "queue.setAutoAdvance", "queue.clear"):
        assert action in done, done
    assert all(record["actor"]["kind"] == "token" and record["actor"]["id"] == operator.id for record in records)
    assert all(record["at"] and (record["before"] or record["after"]) for record in records), records


def test_two_operators_cannot_undo_each_other_unseen(server, publish, operator):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    all_ready(server)
    seen = operator.call("GET", QUEUE)
    tag = seen.headers["ETag"]
    assert tag == f'"{seen.json()["version"]}"'
    operator.act("move", entry="DJ C", position=1)
    stale = operator.call("POST", QUEUE + "/move", {"entry": "DJ B", "position": 2}, **{"If-Match": tag})
    assert stale.status_code == 409
    assert stale.headers["content-type"] == "application/problem+json"
    assert names(stale.json()["queue"]) == ["DJ A", "DJ C", "DJ B"]
    command = server.run("queue", "move", "DJ B", "2", "--if-version", tag.strip('"'), check=False)
    assert command.returncode == 1 and "the queue has moved" in command.stderr
    assert server.queue() == ["DJ A", "DJ C", "DJ B"]


def test_roles_and_tokens_decide_who_may(server, operator):
    assert requests.post(server.url + QUEUE + "/close", timeout=5).status_code == 401
    assert Machine(server, "dj").call("POST", QUEUE + "/close").status_code == 403
    assert operator.call("GET", "/api/v1/tokens").status_code == 403
    admin = Machine(server, "admin")
    assert operator.id in admin.call("GET", "/api/v1/tokens").text
    assert admin.call("DELETE", f"/api/v1/tokens/{operator.id}").status_code == 204
    wait_until(lambda: operator.call("POST", QUEUE + "/close").status_code == 401, "the revoked token to be out", 1)
    other = Machine(server)
    server.run("token", "revoke", other.id)
    wait_until(lambda: other.call("POST", QUEUE + "/close").status_code == 401, "the revoked token to be out", 1)
    listed = server.run("token", "list", "--json").stdout
    assert not any(machine.token in listed + server.log_text() for machine in (operator, admin, other))


def test_command_line_chooses_by_place_name_and_id(server, publish):
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    queue = json.loads(server.run("queue", "list", "--json").stdout)
    server.run("queue", "hold", "1")
    server.run("queue", "move", queue["entries"][2]["id"], "1")
    assert server.queue() == ["DJ A", "DJ C", "DJ B"]
    server.run("queue", "release", "dj b")
    server.run("queue", "remove", "DJ C")
    assert server.queue() == ["DJ A", "DJ B"]
    left = json.loads(server.run("queue", "remaining", "--to", "10m", "--json").stdout)["entries"][0]["remainingSeconds"]
    less = json.loads(server.run("queue", "extend", "--by", "-5m", "--json").stdout)["entries"][0]["remainingSeconds"]
    assert less == pytest.approx(left - 300, abs=5)
    unknown = server.run("queue", "remove", "Nobody", check=False)
    assert unknown.returncode == 1 and "not in the queue" in unknown.stderr
    listed = server.run("queue", "list").stdout
    assert "0. DJ A  (on air" in listed and "1. DJ B" in listed


def test_command_line_works_without_a_server(server):
    server.stop()
    server.run("queue", "close")
    server.run("queue", "set", "slotLength=20m")
    queue = json.loads(server.run("queue", "list", "--json").stdout)
    assert queue["isOpen"] is False and queue["slotSeconds"] == 1200
    server.start()
    assert server.view()["isOpen"] is False


def test_banning_ends_the_live_connection_within_a_second(server, publish, operator, ended_later):
    (first, *_), (one, *_) = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    begin = time.monotonic()
    operator.act("ban", user=first.name, seconds=3600, reason="too loud")
    # ffmpeg finds the closed connection at its next write, a picture later.
    wait_until(lambda: not one.running, "the banned DJ's connection to end", 1.0 + 0.5)
    print(f"\nbanned -> ffmpeg gone after {time.monotonic() - begin:.2f} s")
    assert "DJ A" not in server.queue()
    again = ended_later(Publisher(server.publish_url(first.key)))
    assert again.end() != 0
    assert "banned" in again.said() and "too loud" in again.said()
    operator.act("unban", user=first.name)
    publish(server, first)
    wait_until(lambda: "DJ A" in server.queue(), "the DJ to be back")


def test_disabling_ends_the_live_connection_within_a_second(server, publish, ended_later):
    (_, second, _), (_, two, _) = three_in_line(server, publish)
    begin = time.monotonic()
    server.run("user", "disable", second.name)
    wait_until(lambda: not two.running, "the disabled DJ's connection to end", 1.0 + 0.5)
    print(f"\ndisabled -> ffmpeg gone after {time.monotonic() - begin:.2f} s")
    again = ended_later(Publisher(server.publish_url(second.key)))
    assert again.end() != 0
    assert "This account is disabled" in again.said()
    server.run("user", "enable", second.name)
    publish(server, second, clips.B)
    wait_until(lambda: "DJ B" in server.queue(), "the enabled DJ to be back")


class Listener:
    """Reads /api/v1/events; `next(kind)` answers the id and data of the next event of that kind."""

    def __init__(self, server, headers=None):
        self._answer = requests.get(server.url + "/api/v1/events", headers=headers or {}, stream=True, timeout=20)
        assert self._answer.status_code == 200
        self._lines = self._answer.iter_lines(chunk_size=1, decode_unicode=True)
        self.ids, self.kinds = [], []

    def next(self, *kinds):
        event = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            done, event = event, {}
            if "event" not in done:
                continue
            self.kinds.append(done["event"])
            if "id" in done:
                self.ids.append(done["id"])
            if not kinds or done["event"] in kinds:
                return done.get("id"), json.loads(done["data"])
        raise AssertionError(f"the stream ended before {kinds}: {self.kinds}")

    def stop(self):
        self._answer.close()


def test_change_reaches_a_listener_at_once_and_a_break_leaves_no_hole(server, publish, operator, ended_later):
    listener = ended_later(Listener(server))
    _, first = listener.next("queue")
    three_in_line(server, publish)
    wait_until(lambda: all(entry["ready"] for entry in server.view()["entries"]), "all three ready")
    mine = operator.call("GET", QUEUE).json()["version"]
    begin = time.monotonic()
    changed = operator.act("close")["version"]
    while listener.next("queue")[1]["version"] < changed:
        pass
    took = time.monotonic() - begin
    print(f"\nchange -> listener after {took * 1000:.0f} ms, the request included")
    assert took < 5 and changed > mine >= first["version"]

    mark = listener.ids[0]
    listener.stop()
    operator.act("open")
    operator.act("move", entry="DJ C", position=1)
    # From the stored events, then live: each once, in order, without a gap.
    resumed = ended_later(Listener(server, {"Last-Event-ID": mark, **operator.headers}))
    resumed.next("queue")
    operator.act("hold", entry="DJ C")
    resumed.next("queue.held")
    epoch, sequence = mark.split("-")
    assert resumed.ids == [f"{epoch}-{int(sequence) + step}" for step in range(1, len(resumed.ids) + 1)]
    assert "reset" not in resumed.kinds and "queue.moved" in resumed.kinds

    lost = ended_later(Listener(server, {"Last-Event-ID": "0-99999"}))
    lost.next("queue")
    assert lost.kinds == ["reset", "queue"]


def test_strangers_see_names_and_states_and_no_health(server, publish, operator):
    three_in_line(server, publish)
    for entry in server.view()["entries"]:
        assert {"name", "state", "since"} <= entry.keys()
        assert not {"missing", "user"} & entry.keys()
    for entry in operator.call("GET", QUEUE).json()["entries"]:
        assert "missing" in entry and "user" in entry
    server.wait_for_on_air("DJ A")
    wait_until(lambda: all(entry.get("estimatedStart") for entry in server.view()["entries"][1:]), "estimated starts")


def test_history_has_times_and_reasons_as_json_and_csv(server, publish, operator):
    djs, publishers = three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    operator.act("remove", entry="DJ C")
    operator.act("skip")
    wait_until(lambda: "DJ A" not in server.queue(), "A to have left")
    publishers[1].stop()
    server.wait_for_queue()
    page = wait_until(lambda: (page := operator.call("GET", QUEUE + "/history").json()) and len(page["entries"]) >= 3 and page,
                      "three past entries")
    reasons = {entry["name"]: entry["reason"] for entry in page["entries"]}
    assert reasons == {"DJ A": "skipped", "DJ B": "finished", "DJ C": "removed"}
    first = operator.call("GET", QUEUE + "/history?limit=2").json()
    rest = operator.call("GET", f"{QUEUE}/history?limit=2&cursor={first['next']}").json()
    assert [entry["id"] for entry in first["entries"] + rest["entries"]] == [entry["id"] for entry in page["entries"]]
    table = list(csv.DictReader(io.StringIO(operator.call("GET", QUEUE + "/history", Accept="text/csv").text)))
    assert [row["entry"] for row in table] == [entry["id"] for entry in page["entries"]]
    assert requests.get(server.url + QUEUE + "/history", timeout=5).status_code == 401


def test_older_names_answer_as_they_did(server, publish, operator):
    assert server.get("/timer-data").json() == {"remaining_time": None}
    three_in_line(server, publish)
    server.wait_for_on_air("DJ A")
    assert server.get("/queue-json").json() == {"stream_queue": ["DJ A", "DJ B", "DJ C"]}
    page = server.get("/queue-list")
    assert page.headers["content-type"].startswith("text/html") and "DJ B" in page.text
    assert server.get("/timer-page").headers["content-type"].startswith("text/html")

    used = 3600 - server.get("/timer-data").json()["remaining_time"]
    assert operator.call("POST", "/update-timer/600?reset_time=false").status_code == 200
    left = server.get("/timer-data").json()["remaining_time"]
    assert left == pytest.approx(600 - used, abs=5) and left < 600
    assert operator.call("POST", "/update-timer/600?reset_time=true").status_code == 200
    assert server.get("/timer-data").json()["remaining_time"] == pytest.approx(600, abs=3)
    for path in ("/update-timer/0", "/update-timer/-5"):
        assert operator.call("POST", path).status_code == 400
    assert requests.post(server.url + "/update-timer/60", timeout=5).status_code == 401

    assert operator.call("POST", "/update-block-toggle/").json() == {"block": True}
    assert operator.call("POST", "/update-block-toggle/?block=true").json() == {"block": True}
    assert operator.call("GET", QUEUE + "/settings").json()["blockAfterTurn"] == "untilSomeoneElsePlayed"
    assert operator.call("POST", "/update-block-toggle/").json() == {"block": False}
