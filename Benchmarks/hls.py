#!/usr/bin/env python3
"""What HLS viewers cost the server, against nginx serving the same bytes from tmpfs in the same run.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python Benchmarks/hls.py [--seconds N] [--rounds N] [--blocked N] [--only WORD]

Prints Markdown rows: segments (CPU seconds per GB, nginx with `tcp_nopush off`, its best), playlists (requests per second and
CPU microseconds each), requests that are blocked (resident KB each, milliseconds from the first answer to the last), the time from the
first byte of a part's first picture in over RTMP until a reader who waits for the part has it, at delay 0, and how long a viewer who
comes waits for what a decoder can begin with. The server runs on core 0, the load on core 1: for segments readers that discard what
they get in the kernel (`discard.py`), for playlists Debian's wrk.
"""

import argparse
import http.client
import os
import re
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests
import websocket

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts" / "e2e"))

import dash  # noqa: E402
import load  # noqa: E402
import llhls  # noqa: E402
import places  # noqa: E402
from server import Server  # noqa: E402
from waiting import wait_until  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
# With the sound a mebibyte in two seconds, which is one segment.
LOOP, KILOBITS = places.CLIPS / "noise-4060k.flv", 4060


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Nginx:
    """One worker on core 0 with the playlist and a segment on tmpfs."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lineup-nginx-", dir="/dev/shm"))
        self.folder.chmod(0o755)
        self.take(b"", b"")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.folder / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {self.folder}/pid; error_log /dev/null;\n"
            "events { worker_connections 8192; }\n"
            "http { access_log off; sendfile on; tcp_nopush off; keepalive_requests 100000000;\n"
            f"server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }} }}\n")
        self.process = subprocess.Popen(["taskset", "-c", "0", "nginx", "-p", str(self.folder), "-c", "nginx.conf"])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self._is_up, "nginx")

    def take(self, playlist, segment):
        """Serves these from now on."""
        for name, content in (("media.m3u8", playlist), ("segment.m4s", segment)):
            (self.folder / name).write_bytes(content)

    def _is_up(self):
        try:
            return requests.get(self.url + "/media.m3u8", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def pids(self):
        below = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, below)]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def wrk(url, seconds):
    """Requests per second."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}s", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    count, took = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
    assert "Non-2xx" not in text, text
    return int(count) / float(took)


def discard(url, seconds):
    """Like `wrk`, by readers that cost next to nothing."""
    script = Path(__file__).with_name("discard.py")
    text = subprocess.run(["taskset", "-c", "1", sys.executable, str(script), url, str(seconds)], capture_output=True, text=True,
                          check=True, timeout=seconds + 60).stdout
    return float(text)


def measure(pids, url, seconds, load, idle_rate=0.0):
    before = cpu_seconds(pids)
    rate = load(url, seconds)
    return rate, cpu_seconds(pids) - before - idle_rate * seconds


def blocked(server, base, count):
    """Holds `count` requests for the next part, answers (KB each, idle connections' KB each, spread of the answers in ms)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    address = ("127.0.0.1", server.http_port)
    begin = resident_kb(server.process.pid)
    peers = [socket.create_connection(address) for _ in range(count)]
    time.sleep(2)
    idle = resident_kb(server.process.pid)
    whole = llhls.parse(requests.get(base + "/media.m3u8", timeout=10).text)
    number = whole.last[0] + 1
    request = f"GET /hls/main/media.m3u8?_HLS_msn={number} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for peer in peers:
        peer.sendall(request)
    # A segment is blocked for about two seconds: looked at while they wait.
    time.sleep(0.3)
    held = resident_kb(server.process.pid)
    poll, times = selectors.EpollSelector(), []
    for peer in peers:
        poll.register(peer, selectors.EVENT_READ)
    waiting = len(peers)
    while waiting:
        for key, _ in poll.select(30):
            key.fileobj.recv(65_536)
            times.append(time.monotonic())
            poll.unregister(key.fileobj)
            waiting -= 1
    for peer in peers:
        peer.close()
    times.sort()
    return (held - idle) / count, (idle - begin) / count, (times[int(len(times) * 0.99)] - times[0]) * 1000


class Sender(threading.Thread):
    """Publishes a loop in real time and notes when each picture was handed to the socket."""

    def __init__(self, server, key, path):
        super().__init__(daemon=True)
        self.loop = load.Loop(path)
        frames = [(stamp, kind, body) for kind, stamp, body in load.flv_tags(path.read_bytes())
                  if kind != 18 and body[1] != 0 and (kind == 8 or body[1] == 1)]
        frames.sort(key=lambda frame: frame[0])
        # Sizes of pictures as they stand in a fragment; key frames get their parameter sets, so theirs are another.
        self.sizes = [None if kind == 8 else 0 if body[0] >> 4 == 1 else len(body) - 5 for _, kind, body in frames]
        self.link = load.open_publisher("127.0.0.1", server.rtmp_port, "live", key)
        self.link.setblocking(True)
        self.sent = []
        self._stopped = False

    def run(self):
        self.link.sendall(self.loop.head)
        begin, turn = time.monotonic(), 0
        while not self._stopped:
            for (stamp, data), size in zip(self.loop.turn, self.sizes):
                rest = begin + turn * self.loop.length / 1000 + stamp / 1000 - time.monotonic()
                if rest > 0:
                    time.sleep(rest)
                if self._stopped:
                    return
                if size is not None:
                    self.sent.append((size, time.monotonic()))
                self.link.sendall(data)
            turn += 1

    def moment_of(self, sizes):
        """When the first of these pictures was sent; `None` for pictures of somebody else's."""
        sent = list(self.sent)
        for at in range(len(sent) - len(sizes), max(-1, len(sent) - 400), -1):
            if at >= 0 and all(ours == 0 or ours == size for size, (ours, _) in zip(sizes, sent[at:])):
                return sent[at][1]
        return None

    def stop(self):
        self._stopped = True
        self.join(5)
        self.link.close()


def picture_sizes(fragment):
    """Of the first track's run in each fragment."""
    sizes = []
    for kind, moof in dash.boxes(fragment):
        for name, traf in dash.boxes(moof) if kind == b"moof" else ():
            parts = dict(dash.boxes(traf)) if name == b"traf" else {}
            if parts and int.from_bytes(parts[b"tfhd"][4:8], "big") == 1:
                run = parts[b"trun"]
                flags, count = int.from_bytes(run[1:4], "big"), int.from_bytes(run[4:8], "big")
                at, width = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4), 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
                assert flags & 0x200
                place = at + 4 * bool(flags & 0x100)
                sizes += [int.from_bytes(run[place + i * width:place + i * width + 4], "big") for i in range(count)]
    return sizes


def part_latency(server, sender, seconds):
    """(milliseconds from the first byte sent to the part servable, its length) of each part that was waited for."""
    link = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    end, found = time.monotonic() + seconds, []

    def get(path):
        link.request("GET", "/hls/main/" + path)
        answer = link.getresponse()
        came = time.monotonic()
        return answer.status, answer.read(), came

    while time.monotonic() < end:
        playlist = llhls.parse(get("media.m3u8")[1].decode())
        asked = time.monotonic()
        status, body, came = get(playlist.hint)
        # Who asks late measures nothing.
        if status != 200 or came - asked < 0.1:
            continue
        sizes = picture_sizes(body)
        sent = sender.moment_of(sizes)
        if sent is not None and len(sizes) > 2:
            found.append(((came - sent) * 1000, playlist.part_target * 1000))
    return found


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def joins(server, count=40):
    """Milliseconds until a viewer who comes has an init section and a key frame, by wrapping."""
    base, found = server.url + "/hls/main/", {"HLS": [], "MPEG-TS": [], "WebSocket": []}
    for _ in range(count):
        begin = time.monotonic()
        session = requests.Session()
        media = session.get(base + "index.m3u8", timeout=10).text.splitlines()
        playlist = llhls.parse(session.get(base + [line for line in media if line.startswith("media")][0], timeout=10).text)
        segment = [s for s in playlist.segments if s.parts and s.parts[0].independent][-1]
        session.get(base + segment.map, timeout=10)
        session.get(base + segment.parts[0].uri, timeout=10)
        found["HLS"].append((time.monotonic() - begin) * 1000)
        begin = time.monotonic()
        answer = requests.get(server.url + "/stream/main", stream=True, timeout=10)
        next(answer.iter_content(16_384))
        found["MPEG-TS"].append((time.monotonic() - begin) * 1000)
        answer.close()
        begin = time.monotonic()
        viewer = websocket.create_connection(server.url.replace("http", "ws") + "/ws/main", timeout=10)
        while not (data := viewer.recv()) or isinstance(data, str) or b"moof" not in data[:16]:
            pass
        found["WebSocket"].append((time.monotonic() - begin) * 1000)
        viewer.close()
    return found


def compare(name, server, base, nginx, idle, given):
    """Lineup and nginx in turn with the same bytes; the row has the medians, and the rounds' least and most."""
    found = {"lineup": [], "nginx": []}
    for _ in range(given.rounds):
        # A new one each round: a segment leaves the window after a while.
        playlist = requests.get(base + "/media.m3u8", timeout=10)
        segment = [s for s in llhls.parse(playlist.text).segments if s.uri][-1].uri
        body = requests.get(f"{base}/{segment}", timeout=10).content
        assert abs(len(body) / 2**20 - 1) < 0.2, f"{len(body)} bytes are no mebibyte"
        nginx.take(playlist.text.encode(), body)
        size = len(body) if name == "segment" else len(playlist.text)
        ours, theirs = (f"{base}/{segment}", "/segment.m4s") if name == "segment" else (base + "/media.m3u8", "/media.m3u8")
        for who, pids, url, rest in (("lineup", [server.process.pid], ours, idle), ("nginx", nginx.pids(), nginx.url + theirs, 0)):
            rate, cpu = measure(pids, url, given.seconds, discard if name == "segment" else wrk, rest)
            each = cpu / (rate * given.seconds)
            found[who].append((each / size * 1e9, rate, each * 1e6))
    print(f"\n| {name}, {size} B, {given.rounds} rounds | requests/s | CPU s per GB | least and most | CPU us each |\n|---|---|---|---|---|")
    for who, rounds in found.items():
        cost, rate, each = (sorted(figures)[len(figures) // 2] for figures in zip(*rounds))
        least, most = min(rounds)[0], max(rounds)[0]
        print(f"| {who} | {rate:.0f} | {cost:.3f} | {least:.3f}-{most:.3f} | {each:.1f} |", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--blocked", type=int, default=5000)
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    # No pictures that refer to later ones: a part then has its pictures in the order in which they were sent.
    load.encode_loop(LOOP, KILOBITS, ["-bf", "0"])
    server = Server(LINEUP_LOG_LEVEL="info", LINEUP_PROGRAMME_DELAY="0").start()
    publisher = nginx = None
    try:
        subprocess.run(["taskset", "-a", "-p", "-c", "0", str(server.process.pid)], check=True, capture_output=True)
        os.sched_setaffinity(0, {1})
        dj = server.make_dj("DJ Loud")
        publisher = Sender(server, dj.key, LOOP)
        publisher.start()
        server.wait_for_on_air("DJ Loud")
        base = server.url + "/hls/main"
        time.sleep(10)
        before = cpu_seconds([server.process.pid])
        time.sleep(5)
        idle = (cpu_seconds([server.process.pid]) - before) / 5
        print(f"server with one DJ and no viewer: {idle * 60:.2f} CPU s a minute\n")
        for name in ("segment", "playlist"):
            if not given.only or given.only in name:
                nginx = nginx or Nginx()
                compare(name, server, base, nginx, idle, given)
        if not given.only or given.only in "blocked":
            kb, connection, spread = blocked(server, base, given.blocked)
            print(f"\n{given.blocked} blocked reloads: {kb:.1f} KB each beside {connection:.1f} KB of connection; "
                  f"99 of 100 answered within {spread:.0f} ms of the first")
        if not given.only or given.only in "latency":
            found = part_latency(server, publisher, 60)
            over = [took - part for took, part in found]
            print(f"\n{len(found)} parts: from a part's first byte in to the part servable {percentile([t for t, _ in found], 0.5):.0f} ms in the median; "
                  f"beyond the part target: median {percentile(over, 0.5):.1f}, p99 {percentile(over, 0.99):.1f}, most {max(over):.1f} ms")
        if not given.only or given.only in "join":
            for name, times in joins(server).items():
                print(f"\njoin by {name}: median {percentile(times, 0.5):.0f} ms, p95 {percentile(times, 0.95):.0f} ms, most {max(times):.0f} ms")
    finally:
        if nginx:
            nginx.stop()
        if publisher:
            publisher.stop()
        server.remove()


if __name__ == "__main__":
    main()
