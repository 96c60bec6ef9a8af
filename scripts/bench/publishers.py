#!/usr/bin/env python3
"""What waiting publishers cost the server: CPU and memory with N DJs connected, one of them on air.

    LINEUP_BINARY=.build/release/lineup .venv-e2e/bin/python scripts/bench/publishers.py [N ...]

Each publisher is an ffmpeg that sends a pre-encoded loop of 2.5 Mbit/s (720p30, key frame each 2 s, AAC) in real time. Prints one row
of Markdown per N: CPU seconds per publisher-minute over a minute, resident memory, and the start's time to listening.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import processes  # noqa: E402
from server import Server  # noqa: E402

MEASURED_SECONDS = 60


def encode_loop(target):
    """A loop of noise: 2.5 Mbit/s of video whatever the encoder thinks of it."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30,noise=alls=12:allf=t",
         "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "24", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "2500k",
         "-minrate", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "60", "-sc_threshold", "0", "-pix_fmt",
         "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ac", "2", str(target)], check=True)


def publish(url, loop):
    return subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(loop), "-c", "copy", "-f", "flv", url],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_time(server):
    """Seconds from the process's start until it listens and says so, its private database included."""
    server.stop()
    running = server.data / "serve.json"
    seen = []

    def watch():
        while not running.exists():
            time.sleep(0.002)
        seen.append(time.monotonic())

    watching = threading.Thread(target=watch, daemon=True)
    begin = time.monotonic()
    watching.start()
    # Not in the other thread: the server dies with the thread that started it.
    server.start()
    watching.join()
    return seen[0] - begin


def measure(count, loop):
    # A server logs less than the tests ask for.
    server = Server(LINEUP_LOG_LEVEL="info")
    server.start()
    senders = []
    try:
        restart = start_time(server)
        for number in range(count):
            key = server.make_dj(f"DJ {number}").key
            senders.append(publish(server.publish_url(key), loop))
        deadline = time.monotonic() + 60
        while len(server.queue()) < count and time.monotonic() < deadline:
            time.sleep(0.2)
        assert len(server.queue()) == count, f"{len(server.queue())} of {count} publishers are in the queue"
        time.sleep(15)
        pid = server.process.pid
        before = processes.cpu_seconds(pid)
        time.sleep(MEASURED_SECONDS)
        cpu = processes.cpu_seconds(pid) - before
        memory = processes.resident_kilobytes(pid) / 1024
        assert len(server.queue()) == count, "a publisher was lost while measuring"
        return cpu, memory, restart
    finally:
        for sender in senders:
            sender.kill()
            sender.wait()
        server.stop()
        server.remove()


def main():
    counts = [int(text) for text in sys.argv[1:]] or [0, 1, 10, 50]
    loop = Path(tempfile.gettempdir()) / f"lineup-bench-{os.getuid()}" / "loop.flv"
    encode_loop(loop)
    print("| publishers | CPU s a minute | per publisher | resident MB | start to listening s |")
    print("|---|---|---|---|---|")
    for count in counts:
        cpu, memory, restart = measure(count, loop)
        share = f"{cpu * 60 / MEASURED_SECONDS / count:.3f}" if count else "-"
        print(f"| {count} | {cpu * 60 / MEASURED_SECONDS:.2f} | {share} | {memory:.0f} | {restart:.2f} |", flush=True)


if __name__ == "__main__":
    main()
