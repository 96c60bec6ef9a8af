"""Debian's nginx with `docs/nginx.conf` before a server."""

import contextlib
import subprocess

import requests

import processes
from places import REPOSITORY
from test_people import free_port
from waiting import wait_until


@contextlib.contextmanager
def before(server, folder, *changes):
    """Its address, while it runs. `changes`: (what the file says, what is to stand there), beside ports and folders."""
    port = free_port()
    text = (REPOSITORY / "docs" / "nginx.conf").read_text()
    for old, new in (("127.0.0.1:8080", f"127.0.0.1:{server.http_port}"), ("listen 80;", f"listen 127.0.0.1:{port};"),
                     ("/var/cache/nginx/lineup", str(folder / "cache")), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
                                       f"events {{ worker_connections 1024; }}\nhttp {{ access_log off;\n{text}\n}}\n")
    nginx = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], preexec_fn=processes.die_with_parent)
    root = f"http://127.0.0.1:{port}"

    def is_up():
        try:
            return requests.get(root + "/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    try:
        wait_until(is_up, "nginx to answer", 20)
        yield root
    finally:
        nginx.terminate()
        nginx.wait(20)
