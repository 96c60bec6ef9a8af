"""A server whose descriptors are all taken: it waits, costs little, and goes on once there are some again."""

import os
import socket
import subprocess
import time

import pytest

import processes
from waiting import wait_until


@pytest.mark.parametrize("door", ["rtmp_port", "http_port"])
def test_a_server_without_descriptors_waits_and_goes_on(make_server, door):
    server = make_server(LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS=4096)
    pid = server.process.pid
    held = len(os.listdir(f"/proc/{pid}/fd"))
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={held + 20}:4096"], check=True)
    strangers = []
    try:
        for _ in range(60):
            stranger = socket.socket()
            stranger.setblocking(False)
            stranger.connect_ex(("127.0.0.1", getattr(server, door)))
            strangers.append(stranger)
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= held + 19, "the descriptors to be taken")
        before = processes.cpu_seconds(pid)
        time.sleep(3)
        spent = processes.cpu_seconds(pid) - before
    finally:
        for stranger in strangers:
            stranger.close()
    assert server.process.poll() is None, f"the server ended with {server.process.returncode}"
    # It spun with a core to itself before accepting paused.
    assert spent < 1.5, f"{spent:.1f} s of CPU in 3 s"
    print(f"without descriptors: {spent:.2f} s of CPU in 3 s")
    wait_until(lambda: server.ready().status_code == 200, "the server to answer again")
    assert server.run("queue", "list", "--json").returncode == 0
    refusals = [line for line in server.log_text().splitlines() if "connections cannot be accepted" in line]
    assert any(("HTTP" in line) == (door == "http_port") for line in refusals), refusals
