"""The database stops answering, and an event stream outlives a crash (design §4, Persistence; I5, I6)."""

import os
import signal

import processes
import requests
from rtmp_push import Push
from test_queue_api import Listener, Machine
from waiting import wait_until

QUEUE = "/api/v1/channels/main/queue"


def in_line(server, ended_later, *names):
    """DJs with places, the first on air; answers their encoders."""
    djs, pushes = [server.make_dj(name) for name in names], []
    for count, dj in enumerate(djs, start=1):
        pushes.append(ended_later(Push("127.0.0.1", server.rtmp_port, dj.key).start()))
        server.wait_for_queue(*names[:count])
        # Whoever is ready first goes on air: the others come when that is settled.
        server.wait_for_on_air(names[0])
    return djs, pushes


def signal_database(server, how):
    for pid, _ in processes.descendants(server.process.pid):
        if "postgres" in processes.name(pid):
            os.kill(pid, how)


def test_a_frozen_database_stops_neither_the_programme_nor_acts_nor_known_djs(server, ended_later):
    (_, second), (_, push) = in_line(server, ended_later, "DJ A", "DJ B")
    operator = Machine(server)
    push.stop()
    server.wait_for_queue("DJ A")
    signal_database(server, signal.SIGSTOP)
    try:
        answers = []
        wait_until(lambda: answers.append(server.ready()) or answers[-1].status_code == 503, "/readyz to name the database", 40)
        assert None not in [answer.status_code for answer in answers], "an answer was late"
        checks = {check["name"]: check.get("cause", "") for check in answers[-1].json()["checks"] if not check["ok"]}
        assert "database" in checks.get("queue", "") and set(checks) <= {"queue", "database"}, checks
        ended_later(Push("127.0.0.1", server.rtmp_port, second.key).start())
        server.wait_for_queue("DJ A", "DJ B", timeout=30)
        server.run("queue", "hold", "DJ B")
        assert server.on_air() == "DJ A"
        # Whose token it is nobody can say now.
        assert operator.call("POST", QUEUE + "/release", {"entry": "DJ B"}).status_code == 503
    finally:
        signal_database(server, signal.SIGCONT)
    wait_until(lambda: server.ready().status_code == 200, "/readyz to be fine again", 30)
    records = wait_until(lambda: operator.call("GET", QUEUE + "/audit?limit=5").json()["records"], "the act in the audit log")
    assert records[0]["action"] == "queue.hold" and records[0]["after"]["held"] is True


def test_an_event_stream_goes_on_after_kill_minus_nine_where_it_was(server, ended_later):
    in_line(server, ended_later, "DJ A", "DJ B")
    operator = Machine(server)
    listener = ended_later(Listener(server, operator.headers))
    for act in ("hold", "release"):
        operator.act(act, entry="DJ B")
    mark, _ = listener.next("queue.held")
    missed, _ = listener.next("queue.released")
    listener.stop()
    server.kill()
    server.start()
    resumed = ended_later(Listener(server, {"Last-Event-ID": mark, **operator.headers}))
    assert resumed.next()[0] == missed, "the first one missed comes first"
    wait_until(lambda: all(entry["connected"] for entry in server.view()["entries"]), "both back")
    operator.act("hold", entry="DJ B")
    last, _ = resumed.next("queue.held")
    places = [tuple(int(part) for part in text.split("-")) for text in [mark, *resumed.ids]]
    for (epoch, sequence), following in zip(places, places[1:]):
        assert following in ((epoch, sequence + 1), (epoch + 1, 1)), places
    assert places[-1][0] > places[0][0] and last == resumed.ids[-1]


def test_an_act_that_was_answered_survives_a_kill_in_the_same_moment(server, ended_later):
    in_line(server, ended_later, "DJ A", "DJ B")
    operator = Machine(server)
    for name in ("hold", "release", "hold"):
        answer = operator.act(name, entry="DJ B")
        server.kill()
        server.launch()
        wait_until(lambda: server.ready().status_code == 200, "/readyz", 30)
        entries = requests.get(server.url + QUEUE, headers=operator.headers, timeout=10).json()["entries"]
        held = {entry["name"]: entry["held"] for entry in entries}
        assert held == {"DJ A": False, "DJ B": name == "hold"}, answer["version"]
