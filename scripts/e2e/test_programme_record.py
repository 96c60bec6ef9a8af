"""What is kept of hand-overs, what is told of a DJ's stream, and the channel's own slate and envelope (issue 5)."""

import clips
import judge
from recording import Recording, watch_for
from test_queue_api import Machine
from waiting import wait_until

CHANNEL = "/api/v1/channels/main"


def test_hand_overs_health_slate_and_envelope_are_kept_and_told(server, publish, folder, ended_later):
    operator = Machine(server)
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A", 30)
    b = publish(server, second, clips.B)
    wait_until(lambda: [entry["ready"] for entry in server.view()["entries"]] == [True, True], "both ready", 30)
    operator.act("skip")
    server.wait_for_on_air("DJ B", 30)
    b.vanish()
    server.wait_for_on_air(None, 30)

    def kept():
        return operator.call("GET", f"{CHANNEL}/handovers?limit=10").json()["handovers"]

    wait_until(lambda: len(kept()) >= 3, "three hand-overs in the database")
    records = list(reversed(kept()))
    sides = [((r.get("from") or {}).get("name"), (r.get("to") or {}).get("name"), r.get("cause")) for r in records[:3]]
    assert sides == [(None, "DJ A", None), ("DJ A", "DJ B", "skipped"), ("DJ B", None, "connectionLost")]
    skip = records[1]
    assert skip["reason"] == "ordered" and skip["onAirAt"] >= skip["decidedAt"]
    assert abs(skip["videoGapFrames"]) <= 1 and abs(skip["audioGapMilliseconds"]) <= 24
    assert "DJ A,DJ B" in operator.call("GET", f"{CHANNEL}/handovers.csv").text.replace('"', "")
    print("\n", skip)

    # The slate says something else, at once, and stays so over a restart; one with an impossible file changes nothing.
    server.run("channel", "set", "main", "slateText=Back at nine")
    wait_until(lambda: kept()[0]["reason"] == "slateChanged", "the new slate on air")
    viewer = ended_later(Recording(server.playlist, folder / "slate.ts"))
    watch_for(3)
    assert judge.pictures(viewer.stop()), "the new slate is seen"

    # An envelope that is too small keeps a DJ waiting, with the reason; a larger one lets them on.
    assert operator.call("PATCH", f"{CHANNEL}/settings", {"maximumSize": "320x180"}).status_code == 200
    wait_until(lambda: "RESOLUTION=320x180" in server.get("/hls/main/index.m3u8").text, "the envelope declared to players")
    publish(server, server.make_dj("DJ C"), clips.A)
    wait_until(lambda: any("320x180" in " ".join(entry["missing"]) for entry in operator.call(
        "GET", f"{CHANNEL}/queue").json()["entries"]), "the reason", 30)
    entry = next(e for e in operator.call("GET", f"{CHANNEL}/queue").json()["entries"] if e["name"] == "DJ C")
    wait_until(lambda: "videoResolutionUnsupported" in str(operator.call(
        "GET", f"{CHANNEL}/entries/{entry['id']}/health").json()), "the issue named", 30)
    health = operator.call("GET", f"{CHANNEL}/entries/{entry['id']}/health").json()
    assert health["status"] == "bad" and health["measures"]["width"] == 640
    print("\n", health)
    operator.call("PATCH", f"{CHANNEL}/settings", {"maximumSize": "1920x1080"})
    server.wait_for_on_air("DJ C", 30)
