"""What operators and DJs see and hear of those who wait: stills and levels, decoded only while somebody looks."""

import json
import os
import re
import signal
import subprocess

import requests

import processes
from test_queue import three_in_line
from test_queue_api import Machine, all_ready
from waiting import wait_until

ENTRIES = "/api/v1/channels/main/entries/"


def metric(server, name):
    """The sum of a metric's series; 0 before the first."""
    text = server.get("/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.MULTILINE))


def decode_workers(server):
    """The pids of decode workers below the server."""
    return [pid for pid, _ in processes.descendants(server.process.pid) if "worker decode" in processes.name(pid)]


def middle(jpeg):
    """(r, g, b) of a picture's middle, and its width and height."""
    pixel = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "image2pipe", "-i", "-", "-vf", "crop=8:8,scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        input=jpeg, capture_output=True, check=True, timeout=30).stdout[:3]
    size = subprocess.run(
        ["ffprobe", "-v", "error", "-f", "image2pipe", "-i", "-", "-show_entries", "stream=width,height", "-of", "csv=p=0"],
        input=jpeg, capture_output=True, check=True, timeout=30).stdout
    return tuple(pixel), tuple(int(number) for number in size.strip().rstrip(b",").split(b",")[:2])


def test_stills_show_each_djs_colour_and_are_made_only_for_who_looks(server, publish):
    djs, _ = three_in_line(server, publish)
    operator = Machine(server)
    server.wait_for_on_air("DJ A")
    all_ready(server)
    # The sound of who is on air and of the next two (design §5); no picture, since nobody looks.
    wait_until(lambda: metric(server, "lineup_sound_decodes_total") > 3, "sound to be decoded", 20)
    assert metric(server, "lineup_sound_feeds") == 3
    assert metric(server, "lineup_stills_total") == 0
    entries = {entry["name"]: entry["id"] for entry in server.view()["entries"]}
    begin = metric(server, "lineup_stills_total")
    for name, colour in (("DJ A", 0), ("DJ B", 1), ("DJ C", 2)):
        answer = operator.call("GET", f"{ENTRIES}{entries[name]}/still.jpg")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "image/jpeg" and answer.headers["Cache-Control"] == "no-store"
        pixel, size = middle(answer.content)
        assert size == (480, 270), size
        assert pixel[colour] > 180 and all(pixel[other] < 80 for other in range(3) if other != colour), (name, pixel)
        # Asked for again at once: the same.
        assert operator.call("GET", f"{ENTRIES}{entries[name]}/still.jpg").content == answer.content
    assert metric(server, "lineup_stills_total") - begin == 3
    assert requests.get(f"{server.url}{ENTRIES}{entries['DJ A']}/still.jpg", timeout=5).status_code == 401
    # As loud as the clip: a sine of an eighth, at half its volume, on both sides.
    with requests.get(f"{server.url}{ENTRIES}{entries['DJ C']}/level", headers=operator.headers, stream=True, timeout=10) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith(b"data: "))
        levels = [json.loads(next(lines)[6:]) for _ in range(6)]
    assert all(len(level["channels"]) == 2 and abs(level["peak"] + 27) < 2 for level in levels[2:]), levels
    # A worker that is killed is replaced, and nothing else notices.
    workers = decode_workers(server)
    assert workers, "no decode worker runs"
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    before = metric(server, "lineup_sound_decodes_total")
    wait_until(lambda: metric(server, "lineup_decode_workers_lost_total") >= 1, "the loss to be noticed", 20)
    wait_until(lambda: metric(server, "lineup_sound_decodes_total") > before + 2, "sound to be decoded again", 20)
    assert server.on_air() == "DJ A"
