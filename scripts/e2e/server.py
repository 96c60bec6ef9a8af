"""A real `lineup serve` with a data folder of its own, on ports the kernel chose."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import requests

import processes
from places import BINARY, REPOSITORY
from waiting import wait_until


@dataclass(frozen=True)
class DJ:
    """An account with a key, made through the command line."""

    name: str
    email: str
    password: str
    key_id: str
    key: str


class Server:
    """Starts, kills, restarts and asks one server. Its folder outlives restarts; `remove` deletes it."""

    def __init__(self, **settings):
        # Reachable for the user the private PostgreSQL runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="lineup-e2e-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o755)
        self.log = self.folder / "server.log"
        self.out = self.folder / "server.out"
        self.settings = {key: str(value) for key, value in settings.items()}
        self.ports = {"LINEUP_HTTP_PORT": "0", "LINEUP_RTMP_PORT": "0"}
        self.process = None
        self.http_port = self.rtmp_port = 0
        # Everything that must never be found in a log, a metric, a page or a playlist.
        self.planted = []

    # -- running

    @property
    def environment(self):
        environment = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp"), "LANG": "C.UTF-8",
            "LINEUP_DATA_DIR": str(self.data), "LINEUP_BIND_ADDRESS": "127.0.0.1",
            "LINEUP_WEB_ROOT": str(REPOSITORY / "web"), "LINEUP_MIGRATIONS_DIR": str(REPOSITORY / "migrations"),
            "LINEUP_LOG_LEVEL": "debug", "SWIFT_BACKTRACE": "enable=no", **self.ports, **self.settings,
        }
        for name in ("LD_LIBRARY_PATH", "DATABASE_URL"):
            if name in os.environ:
                environment.setdefault(name, os.environ[name])
        return environment

    def start(self, timeout=60):
        """Starts it and waits until /readyz is fine. The first start's ports are kept for the later ones."""
        self.launch(timeout)
        wait_until(lambda: self.ready().status_code == 200, "/readyz of the server", timeout)
        # 401: there is one, for viewers with a token. 403: for some regions.
        wait_until(lambda: self.get("/hls/main/index.m3u8").status_code in (200, 401, 403), "a playlist", timeout)
        return self

    def launch(self, timeout=60):
        """Starts it and waits only until it listens: the first moment in which it can be asked."""
        with open(self.log, "ab") as log, open(self.out, "ab") as out:
            self.process = subprocess.Popen(
                [str(BINARY), "serve"], env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                start_new_session=True, preexec_fn=processes.die_with_parent)
        where = wait_until(self._where, f"serve.json of a listening server (log: {self.log})", timeout)
        self.http_port, self.rtmp_port = where["http"], where["rtmp"]
        self.rtmps_port = where.get("rtmps", 0)
        self.ports = {"LINEUP_HTTP_PORT": str(self.http_port), "LINEUP_RTMP_PORT": str(self.rtmp_port)}

    def where(self):
        """The ports it listens on, by name, as its `serve.json` says."""
        return json.loads((self.data / "serve.json").read_text())

    def _where(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.log_text()[-3000:]}"
        try:
            where = json.loads((self.data / "serve.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        # A killed server leaves its file; the new one writes its own.
        return where if where.get("pid") == self.process.pid else None

    def kill(self):
        """kill -9. Answers the processes that were below it."""
        below = processes.descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        return below

    def stop(self, timeout=10):
        """SIGTERM. Answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def remove(self):
        """Ends what still runs and deletes the folder."""
        if self.process and self.process.poll() is None:
            below = processes.descendants(self.process.pid)
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            wait_until(lambda: not processes.alive(below), "the server's processes to end", 15)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- asking

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def playlist(self):
        return self.url + "/hls/main/index.m3u8"

    def publish_url(self, key, application="live"):
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{application}" + (f"/{key}" if key else "")

    def get(self, path):
        try:
            return requests.get(self.url + path, timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            return requests.models.Response()

    def ready(self):
        return self.get("/readyz")

    def queue(self):
        """The names of /queue-json, the head first."""
        return self.get("/queue-json").json()["stream_queue"]

    def view(self):
        """The queue as the API shows it to everybody."""
        return self.get("/api/v1/channels/main/queue").json()

    def whole_view(self):
        """The queue as its operator sees it, with what each entry lacks."""
        return json.loads(self.run("queue", "list", "--json").stdout)

    def on_air(self):
        """The name of the DJ whose pictures leave now; None while the slate does or nobody's have left yet."""
        view = self.view()
        names = [entry["name"] for entry in view["entries"] if entry["state"] == "onAir" and entry.get("onAirSince")]
        return names[0] if view["showing"] == "dj" and names else None

    def wait_for_queue(self, *names, timeout=20):
        wait_until(lambda: self.queue() == list(names), f"the queue to be {list(names)}", timeout)

    def wait_for_on_air(self, name, timeout=20):
        wait_until(lambda: self.on_air() == name, f"{name or 'the slate'} on air", timeout)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # -- the command line

    def run(self, *arguments, stdin="", check=True):
        """One `lineup` command on this server's folder."""
        answer = subprocess.run([str(BINARY), *arguments], env=self.environment, input=stdin, capture_output=True, text=True,
                                timeout=60)
        if check:
            assert answer.returncode == 0, f"lineup {arguments[:2]}: {answer.stderr}"
        return answer

    def make_user(self, name, role="dj"):
        """(email, password) of a new account."""
        email = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + "@example.org"
        password = "pw-" + secrets.token_hex(12)
        self.planted.append(password)
        self.run("user", "create", "--email", email, "--name", name, "--role", role, "--password-stdin", "--json",
                 stdin=password + "\n")
        return email, password

    def make_key(self, name):
        """(id, key) of a new key."""
        answer = json.loads(self.run("key", "create", "--user", name, "--json").stdout)
        self.planted.append(answer["key"])
        return answer["id"], answer["key"]

    def make_dj(self, name):
        email, password = self.make_user(name)
        key_id, key = self.make_key(name)
        return DJ(name, email, password, key_id, key)
