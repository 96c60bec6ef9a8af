"""A DJ's OBS: the real program under Xvfb with a profile of its own, steered over obs-websocket."""

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import obsws_python

import clips
import processes
from waiting import wait_until

PROFILE = "dj"

# What OBS 29 writes for a user who only typed the server and the key: the advanced page is never opened.
BASIC = """[General]
Name={profile}
[Output]
Mode={mode}
Reconnect=true
RetryDelay=2
MaxRetries=25
[SimpleOutput]
StreamEncoder=x264
VBitrate=800
ABitrate=128
UseAdvanced=true
Preset={preset}
x264Settings={x264}
[AdvOut]
Encoder=obs_x264
[Video]
BaseCX={width}
BaseCY={height}
OutputCX={width}
OutputCY={height}
FPSType=0
FPSCommon={fps}
[Audio]
SampleRate={sample_rate}
ChannelSetup=Stereo
"""


def is_installed():
    return all(shutil.which(program) for program in ("obs", "Xvfb"))


class OBS:
    """One OBS with one scene that plays `clip`. Software rendering: keep the picture small."""

    def __init__(self, server_url, key, clip=clips.A, width=640, height=360, fps=30, key_frame_seconds=None,
                 preset="ultrafast", sample_rate=48_000, scenes=None):
        """`key_frame_seconds` None leaves OBS's default of 250 frames. `scenes` is a scene collection instead of the clip's."""
        # Not beside the server's folder: OBS's own files hold the key.
        self.home = Path(tempfile.mkdtemp(prefix="lineup-obs-", dir="/tmp"))
        self.log = self.home / "obs.log"
        self._password = secrets.token_hex(8)
        self._port = _free_port()
        self._clip = clip
        # The simple page has no key-frame setting; its x264 options do.
        x264 = f"keyint={round(fps * key_frame_seconds)}" if key_frame_seconds else ""
        self._write("basic/profiles/dj/basic.ini", BASIC.format(
            profile=PROFILE, mode="Simple", preset=preset, x264=x264, width=width, height=height, fps=fps,
            sample_rate=sample_rate))
        self._write("basic/profiles/dj/service.json", json.dumps(
            {"type": "rtmp_custom", "settings": {"server": server_url, "key": key, "use_auth": False, "bwtest": False}}))
        self._write("basic/scenes/dj.json", json.dumps(scenes or _scenes(clips.path_of(clip))))
        self._write("global.ini", "[General]\nFirstRun=true\nLastVersion=486539264\nEnableAutoUpdates=false\n"
                    "[Basic]\nProfile=dj\nProfileDir=dj\nSceneCollection=dj\nSceneCollectionFile=dj\nConfigOnNewProfile=false\n"
                    "[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\n")
        self._display = self._start_display()
        self.start()

    def start(self):
        """OBS itself: on the port and with the password it has from the first time on."""
        self._process = self._start_obs()
        self.requests = wait_until(self._connect, f"obs-websocket of OBS (log: {self.log})", 40, every=0.2)

    def _write(self, name, text):
        file = self.home / ".config" / "obs-studio" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _start_display(self):
        read, write = os.pipe()
        process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"], pass_fds=[write],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=processes.die_with_parent)
        os.close(write)
        with os.fdopen(read) as answer:
            self._display_name = ":" + answer.readline().strip()
        return process

    def _start_obs(self):
        closed = "http://127.0.0.1:9"
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "DISPLAY": self._display_name,
            "XDG_RUNTIME_DIR": str(self.home), "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb",
            # OBS asks its makers for a list of services at start.
            "http_proxy": closed, "https_proxy": closed}
        with open(self.log, "wb") as log:
            return subprocess.Popen(
                ["obs", "--multi", "--minimize-to-tray", "--disable-updater", "--profile", PROFILE, "--collection", PROFILE,
                 "--websocket_port", str(self._port), "--websocket_password", self._password],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=processes.die_with_parent)

    def _connect(self):
        assert self._process.poll() is None, f"OBS ended with {self._process.returncode}: {self.said()[-2000:]}"
        try:
            return obsws_python.ReqClient(host="127.0.0.1", port=self._port, password=self._password, timeout=5)
        except (OSError, obsws_python.error.OBSSDKError):
            return None

    # -- what a DJ does and sees

    def start_streaming(self):
        self.requests.start_stream()

    def stop_streaming(self):
        self.requests.stop_stream()

    def status(self):
        return self.requests.get_stream_status()

    @property
    def is_streaming(self):
        return self.status().output_active

    @property
    def is_reconnecting(self):
        return self.status().output_reconnecting

    def screenshot(self, file):
        """What is on OBS's display, with any message box."""
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "x11grab", "-video_size", "1280x800", "-i", self._display_name,
             "-frames:v", "1", str(file)], check=True, timeout=20)

    def kill(self):
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        for process in (self._process, self._display):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _scenes(clip):
    media = {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "clip", "volume": 1.0, "enabled": True,
             "mixers": 255, "settings": {"local_file": str(clip), "looping": True, "restart_on_activate": False}}
    item = {"name": "clip", "id": 1, "visible": True, "align": 5, "pos": {"x": 0.0, "y": 0.0},
            "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0}
    scene = {"id": "scene", "versioned_id": "scene", "name": "Scene", "settings": {"items": [item], "id_counter": 1}}
    return {"name": PROFILE, "current_scene": "Scene", "current_program_scene": "Scene",
            "scene_order": [{"name": "Scene"}], "sources": [scene, media], "transitions": []}


class StudioOBS(OBS):
    """The collective's OBS, as Lineup steers it: the scenes Boot, Live and Slate, a text DJ, and the programme as a media input."""

    def __init__(self, programme):
        """`programme` is the URL of its media input."""
        super().__init__("rtmp://127.0.0.1:1/nowhere", "none", scenes=_studio_scenes(programme))

    @property
    def settings(self):
        """What the server is told of it."""
        return {"OBS_HOST": "127.0.0.1", "OBS_PORT": self._port, "OBS_PASSWORD": self._password,
                "LINEUP_OBS_SCENE_LIVE": "Live", "LINEUP_OBS_SCENE_SLATE": "Slate", "LINEUP_OBS_TEXT_DJ": "DJ"}

    @property
    def password(self):
        return self._password

    def listen(self, heed):
        """Calls `heed` with each event of the media input's actions; answers what ends that."""
        client = obsws_python.EventClient(host="127.0.0.1", port=self._port, password=self._password,
                                          subs=obsws_python.Subs.MEDIAINPUTS)
        client.callback.register(heed)
        return client

    def shows(self):
        """(scene, text) of its programme."""
        scene = self.requests.get_current_program_scene().current_program_scene_name
        return scene, self.requests.get_input_settings("DJ").input_settings.get("text", "")

    def picture(self, source="Live"):
        """Mean (red, green, blue) of what a source shows, from OBS's own screenshot."""
        image = self.requests.get_source_screenshot(source, "png", 64, 36, -1).image_data
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", "-", "-vf", "scale=1:1:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
            input=base64.b64decode(image.split(",", 1)[1]), capture_output=True, check=True, timeout=20).stdout
        return tuple(raw[:3])


def _studio_scenes(programme):
    media = {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "programme", "volume": 1.0, "enabled": True,
             "mixers": 255, "settings": {"is_local_file": False, "input": programme, "restart_on_activate": False,
                                         "reconnect_delay_sec": 1, "buffering_mb": 1, "close_when_inactive": False}}
    text = {"id": "text_ft2_source", "versioned_id": "text_ft2_source_v2", "name": "DJ", "enabled": True,
            "settings": {"text": "nobody yet"}}

    def item(name, number):
        return {"name": name, "id": number, "visible": True, "align": 5, "pos": {"x": 0.0, "y": 0.0},
                "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 2, "bounds": {"x": 640.0, "y": 360.0}} if name == "programme" else \
               {"name": name, "id": number, "visible": True, "align": 5, "pos": {"x": 8.0, "y": 320.0},
                "scale": {"x": 0.2, "y": 0.2}, "bounds_type": 0}

    def scene(name, *sources):
        items = [item(source, number + 1) for number, source in enumerate(sources)]
        return {"id": "scene", "versioned_id": "scene", "name": name, "settings": {"items": items, "id_counter": len(items)}}

    return {"name": PROFILE, "current_scene": "Boot", "current_program_scene": "Boot",
            "scene_order": [{"name": name} for name in ("Boot", "Live", "Slate")],
            "sources": [scene("Boot"), scene("Live", "programme", "DJ"), scene("Slate"), media, text], "transitions": []}
