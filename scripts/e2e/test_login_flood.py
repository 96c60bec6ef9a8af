"""100 wrong log-ins a second from everywhere while DJs hand over: I3 holds. LINEUP_FLOOD_SECONDS makes it longer (scripts/check-logins)."""

import pytest
import http.client
import json
import os
import random
import threading
import time

import judge
from recording import Recording, watch_for
from test_handover import all_ready
from test_queue import three_in_line

SECONDS = float(os.environ.get("LINEUP_FLOOD_SECONDS", "8"))
RATE = 100


class Flood:
    """Wrong log-ins at a steady rate on eighty connections, to accounts of their own; three quarters of them keep their address, the
    others come from a new one each time, which no limit per address stops."""

    def __init__(self, port):
        self.port, self.answers, self.lock, self.ended = port, {}, threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(80)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        draw = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        due, home = time.monotonic(), self._address(draw)
        while not self.ended.is_set():
            body = json.dumps({"email": f"{draw.randrange(10**9)}@example.org", "password": "wrong password"})
            connection.request("POST", "/api/v1/login", body, {
                "Content-Type": "application/json", "X-Forwarded-For": home if number % 4 else self._address(draw)})
            answer = connection.getresponse()
            answer.read()
            with self.lock:
                self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
            due += len(self.threads) / RATE
            self.ended.wait(max(0, due - time.monotonic()))

    @staticmethod
    def _address(draw):
        return ".".join(str(draw.randrange(1, 255)) for _ in range(4))

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)


@pytest.mark.extended
def test_hand_overs_hold_under_a_flood_of_wrong_log_ins(make_server, publish, folder, ended_later):
    server = make_server(LINEUP_TRUSTED_PROXIES="127.0.0.1", LINEUP_LOG_LEVEL="info")
    _, publishers = three_in_line(server, publish)
    all_ready(server, 3)
    server.wait_for_on_air("DJ A")
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    watch_for(3)
    flood, began = ended_later(Flood(server.http_port)), time.monotonic()
    watch_for(SECONDS / 2)
    publishers[0].stop()
    server.wait_for_on_air("DJ B", 30)
    watch_for(SECONDS / 2)
    publishers[1].stop()
    server.wait_for_on_air("DJ C", 30)
    watch_for(6)
    flood.stop()
    seconds = time.monotonic() - began
    publishers[2].stop()
    file = viewer.stop()
    pictures, packets = judge.pictures(file), judge.packets(file)
    print(f"\nanswers by status: {flood.answers}, {sum(flood.answers.values()) / seconds:.0f} a second")
    assert sum(flood.answers.values()) >= SECONDS * RATE / 4, flood.answers
    assert set(flood.answers) <= {401, 429}, flood.answers
    assert judge.backward_steps(packets) == [], "I2"
    assert judge.picture_gaps(pictures, 2 / 25 + 0.005) == [], "I3: at most one picture is missing at a join"
    assert all(abs(gap) <= 1024 / 48_000 + 0.002 for _, gap in judge.audio_gaps(packets)), "I3: at most one audio frame"
