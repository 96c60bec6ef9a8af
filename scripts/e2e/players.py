"""Real players, without a screen: each plays the programme for some seconds and is asked how far it came."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import processes
from waiting import wait_until


class MPV:
    """mpv with its JSON socket."""

    def __init__(self, url, folder, arguments=()):
        self.log = folder / "mpv.log"
        # Short: a Unix socket's path holds 107 bytes.
        self._place = Path(tempfile.mkdtemp(prefix="mpv-"))
        self._socket = self._place / "s"
        self._output = open(self.log, "wb")
        self._process = subprocess.Popen(
            ["mpv", "--no-config", "--no-terminal", "--vo=null", "--ao=null", f"--log-file={folder / 'mpv-full.log'}",
             f"--input-ipc-server={self._socket}", *arguments, url],
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, preexec_fn=processes.die_with_parent)
        self._full = folder / "mpv-full.log"

    def position(self):
        """Seconds on the programme's timeline, or None before the first picture."""
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(2)
                peer.connect(str(self._socket))
                peer.sendall(b'{"command": ["get_property", "playback-time"]}\n')
                for line in peer.makefile():
                    answer = json.loads(line)
                    if "error" in answer:
                        return answer.get("data")
        except (OSError, ValueError):
            return None

    def complaints(self):
        """Lines of level error and fatal. Left out: that a question of ours was given up before its answer."""
        lines = self._full.read_text(errors="replace").splitlines() if self._full.exists() else []
        return [line for line in lines if ("][e]" in line or "][f]" in line) and "[ipc_" not in line]

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._output.close()
        shutil.rmtree(self._place, ignore_errors=True)


class FFplay:
    """FFmpeg's own player, its window and sound going nowhere; its clock is that of the sound."""

    def __init__(self, url, folder):
        self.log = folder / "ffplay.log"
        self._position, self._lines = None, []
        self._process = subprocess.Popen(
            ["ffplay", "-hide_banner", "-loglevel", "level+info", "-stats", url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", preexec_fn=processes.die_with_parent,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        # Thirty times a second "  12.34 A-V: 0.001 fd= 0 …", ended by a carriage return, which reading text takes for a line's end.
        for line in self._process.stderr:
            match = re.search(r"(-?\d+\.\d+) A-V:", line)
            if match:
                self._position = float(match[1])
            elif line.strip():
                self._lines.append(line.strip())

    def position(self):
        """Seconds on the programme's timeline, or None before the first."""
        return self._position

    def complaints(self):
        return [line for line in self._lines if "[error]" in line or "[fatal]" in line]

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._thread.join(10)
        self.log.write_text("\n".join(self._lines))


class VLC:
    """cvlc, which refuses to run as root: as root it runs as nobody. Asked through its rc interface on a Unix socket."""

    def __init__(self, url, folder):
        self.log = folder / "vlc.log"
        self._place = Path(tempfile.mkdtemp(prefix="vlc-"))
        self._socket = self._place / "rc"
        prefix = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._place, nobody.pw_uid, nobody.pw_gid)
            prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--pdeathsig", "KILL"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._place), "XDG_RUNTIME_DIR": str(self._place), "LANG": "C.UTF-8"}
        self._output = open(self.log, "wb")
        self._process = subprocess.Popen(
            [*prefix, "cvlc", "-v", "--no-color", "--intf", "oldrc", "--rc-unix", str(self._socket), "--rc-fake-tty",
             "--vout", "dummy", "--aout", "dummy", "--no-video-title-show", url],
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, env=environment)

    def _ask(self, command, end=rb"(?m)^[> ]*\d+\r?$"):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(3)
            peer.connect(str(self._socket))
            peer.sendall(command.encode() + b"\n")
            answer, deadline = b"", time.monotonic() + 2
            while time.monotonic() < deadline and not re.search(end, answer):
                part = peer.recv(4096)
                if not part:
                    break
                answer += part
            return answer.decode(errors="replace")

    def position(self):
        """Seconds played, or None before the first picture."""
        try:
            # Other lines tell of changes of state, with addresses in them.
            lines = [line.strip("> \r") for line in self._ask("get_time").splitlines()]
            return next((int(line) for line in lines if line.isdigit()), None)
        except OSError:
            return None

    def pictures(self):
        """How many were shown. Its position stands still and then jumps where its clock begins anew, while pictures go on."""
        try:
            match = re.search(r"frames displayed *: +(\d+)", self._ask("stats", rb"end of statistical"))
            return int(match[1]) if match and int(match[1]) else None
        except OSError:
            return None

    def complaints(self):
        """Error lines that mean trouble with the programme.

        Left out: what a machine without a desktop lacks, and what VLC's own decoder and clock say whenever they start anew
        behind an EXT-X-DISCONTINUITY (one late picture).
        """
        harmless = ("dbus", "x11", "xcb", "vdpau", "pulse", "alsa", "lua", "interface", "globalhotkeys", "inhibit", "va-api",
                    "gl ", "timestamp", "is called too late")
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if " error: " in line and not any(word in line.lower() for word in harmless)]

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        shutil.rmtree(self._place, ignore_errors=True)


class GStreamer:
    """playbin3 into sinks that keep the clock's time and say what comes."""

    def __init__(self, url, folder):
        self.log = folder / "gstreamer.log"
        self._errors = open(self.log, "wb")
        self._position, self._lines = None, []
        self._process = subprocess.Popen(
            ["gst-launch-1.0", "-v", "playbin3", "flags=0x3", f"uri={url}", "video-sink=fakesink name=video sync=true silent=false",
             "audio-sink=fakesink name=audio sync=true"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, text=True, errors="replace",
            preexec_fn=processes.die_with_parent)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        begun, last, base = None, None, 0.0
        for line in self._process.stdout:
            if "last-message" not in line:
                if "ERROR" in line or "WARNING" in line:
                    self._lines.append(line.strip())
                continue
            match = re.search(r"chain .* pts: (\d+):(\d\d):(\d\d\.\d+)", line)
            if not match:
                continue
            shown = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            begun = shown if begun is None else begun
            # A new segment of the timeline may begin anew: what counts is how much was shown.
            if last is not None and not 0 <= shown - last < 2:
                base += last - begun
                begun = shown
            last = shown
            self._position = base + shown - begun

    def position(self):
        """Seconds of pictures shown, or None before the first."""
        return self._position

    def complaints(self):
        return [line for line in self._lines if "ERROR" in line]

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(10)
        self._errors.close()


class Chromium:
    """The browser's own HLS player, in a page of its own."""

    PAGE = """<video muted autoplay src="{url}"></video>"""

    def __init__(self, url, page):
        self._page = page
        page.goto(url.rsplit("/", 2)[0] + "/none")
        page.set_content(self.PAGE.format(url=url))

    def position(self):
        return self._page.evaluate("document.querySelector('video').currentTime") or None

    def complaints(self):
        error = self._page.evaluate("document.querySelector('video').error?.message ?? null")
        return [error] if error else []

    def stop(self):
        self._page.close()


class Standstills:
    """Looks at players ten times a second and notes the longest time each showed nothing new."""

    def __init__(self, players):
        self._players = players
        self._seen = {name: (None, None) for name in players}
        self.longest = dict.fromkeys(players, 0.0)

    def look(self):
        now = time.monotonic()
        for name, player in self._players.items():
            position = getattr(player, "pictures", player.position)()
            last, since = self._seen[name]
            if position is None:
                continue
            if last is None or position != last:
                self._seen[name] = (position, now)
            if since is not None:
                self.longest[name] = max(self.longest[name], now - since)


def plays_on(player, seconds, what):
    """Waits until the player's position has moved on by `seconds`."""
    start = wait_until(player.position, f"{what} to show a first position", 30)
    wait_until(lambda: (player.position() or 0) >= start + seconds, f"{what} to play {seconds} s", seconds * 3 + 20, every=0.25)
