"""A PostgreSQL of a test's own, beside the server and not below it: to ask it directly, and to kill it while the server runs."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import processes
from waiting import wait_until

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]


class Database:
    """One cluster on a Unix socket in a folder of its own; `remove` ends and deletes it. Durable, as in production."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lineup-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.process = None
        self.starts = 0
        # PostgreSQL refuses to run as root.
        self._as = (["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "KILL"]
                    if os.getuid() == 0 else [])
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "lineup", "-E", "UTF8", "--locale=C", "--no-sync")

    @property
    def url(self):
        """For DATABASE_URL."""
        return f"postgresql://lineup@/postgres?host={self.folder}"

    def _program(self, name):
        assert PROGRAMS, "PostgreSQL's programs are not installed"
        return str(PROGRAMS[0] / name)

    def _run(self, name, *arguments, **options):
        answer = subprocess.run([*self._as, self._program(name), *arguments], capture_output=True, text=True, cwd="/tmp",
                                timeout=60, **options)
        assert answer.returncode == 0, f"{name}: {answer.stderr.strip()[-500:]}"
        return answer.stdout

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self._as, self._program("postgres"), "-D", str(self.data), "-k", str(self.folder),
                 "-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=40"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/tmp", start_new_session=True,
                preexec_fn=None if self._as else processes.die_with_parent)
        self.starts += 1
        wait_until(self._answers, f"PostgreSQL (log: {self.log})", 30)
        return self

    def _answers(self):
        return subprocess.run([self._program("pg_isready"), "-q", "-h", str(self.folder), "-U", "lineup"], cwd="/tmp",
                              timeout=10).returncode == 0

    def kill(self, how=signal.SIGQUIT):
        """Ends it at once: SIGQUIT drops everything, as a crash does, SIGINT disconnects everybody and writes first, SIGKILL
        leaves its children to find out."""
        below = processes.descendants(self.process.pid)
        self.process.send_signal(how)
        self.process.wait(20)
        wait_until(lambda: not processes.alive(below), "PostgreSQL's processes to end", 20)

    def ask(self, sql):
        """The JSON of a query's one value."""
        answer = subprocess.run(
            [self._program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "lineup",
             "-d", "postgres"], input=sql, capture_output=True, text=True, cwd="/tmp", timeout=30)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
