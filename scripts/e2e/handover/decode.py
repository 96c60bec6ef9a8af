"""Decodes a stretch of the programme as a player does, while it comes, and says of each picture and second of sound when it is.

ffmpeg decodes; one process for each init section, fed with the segments as they appear.
"""

import os
import queue
import re
import subprocess
import threading

import numpy

from handover import coded

RATE = 48_000
# Envelope of the tone, over 5 ms, as a share of its level.
_WINDOW = RATE // 200
_LEVEL = 0.5 * 32_000 / 2**0.5
_PTS = re.compile(r"\bpts: *(-?\d+)")


class Decoder:
    """One ffmpeg. `feed` never blocks; `pictures` and `tones` grow as it decodes; after `finish` they are complete.

    - pictures: (PTS in seconds, colour, number) in the order of display.
    - dips: seconds at which the sound's level fell, which it does at the start of each second of a clip.
    - tones: (seconds, Hz) of windows of 40 ms, each 20 ms; 0 is silence.
    """

    def __init__(self, initialization, timescale, kind="mp4"):
        self._timescale = timescale
        self.pictures, self.dips, self.tones, self.complaints = [], [], [], []
        self._sound_start = None
        video_read, video_write = os.pipe()
        audio_read, audio_write = os.pipe()
        # It ends with its input, so it needs no other end; one bound to the thread that starts it would come too early.
        self._process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-nostats", "-v", "level+info", "-copyts", "-probesize", "200000", "-f", kind, "-i", "pipe:0",
             "-map", "0:v", "-vf", f"scale={coded.WIDTH}:{coded.HEIGHT}:flags=area,format=yuv420p,showinfo=checksum=0",
             "-vsync", "passthrough", "-f", "rawvideo", f"pipe:{video_write}",
             "-map", "0:a", "-ac", "1", "-ar", str(RATE), "-f", "s16le", f"pipe:{audio_write}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(video_write, audio_write))
        os.close(video_write)
        os.close(audio_write)
        self._times = queue.Queue()
        self._bytes = queue.Queue()
        self._threads = [
            threading.Thread(target=work, args=arguments, daemon=True)
            for work, arguments in ((self._write, ()), (self._hear, (audio_read,)), (self._look, (video_read,)), (self._listen, ()))
        ]
        for thread in self._threads:
            thread.start()
        self._bytes.put(initialization)

    def feed(self, segment, sound_start=None):
        """A segment's bytes; `sound_start` in seconds is the first frame's time."""
        if self._sound_start is None and sound_start is not None:
            self._sound_start = sound_start
        self._bytes.put(segment)

    def finish(self, timeout=60):
        """No more comes; waits until all is decoded."""
        self._bytes.put(None)
        for thread in self._threads:
            thread.join(timeout)
        if self._process.poll() is None:
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.complaints.append("the decoder did not end")
                self._process.wait()

    def _write(self):
        try:
            while (data := self._bytes.get()) is not None:
                self._process.stdin.write(data)
                self._process.stdin.flush()
            self._process.stdin.close()
        except BrokenPipeError:
            self.complaints.append("the decoder ended early")

    def _listen(self):
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            if "showinfo" in text:
                if found := _PTS.search(text):
                    self._times.put(int(found.group(1)))
            elif "non monotonically increasing dts to muxer" in text:
                # The raw output counts in the first source's frame rate; the times are taken before it.
                continue
            elif "[error]" in text or "[fatal]" in text or ("[warning]" in text and "corrupt" in text):
                self.complaints.append(text)
        self._times.put(None)

    def _look(self, descriptor):
        with open(descriptor, "rb") as pipe:
            while len(data := pipe.read(coded.PICTURE_BYTES)) == coded.PICTURE_BYTES:
                time = self._times.get()
                if time is None:
                    return
                self.pictures.append((time / self._timescale, *coded.read(data)))

    def _hear(self, descriptor):
        """Works on a second at a time, with what belongs to the next one kept."""
        rest, done, was_low, last_fall = numpy.zeros(0), 0, True, -1.0
        with open(descriptor, "rb") as pipe:
            while data := pipe.read(RATE * 2):
                samples = numpy.concatenate([rest, numpy.frombuffer(data[:len(data) // 2 * 2], "<i2").astype(float)])
                count = (len(samples) - 1920) // 960 * 960
                if count <= 0:
                    rest = samples
                    continue
                start = self._sound_start or 0.0
                for index in range(0, count, 960):
                    self.tones.append((start + (done + index + 960) / RATE, _frequency(samples[index:index + 1920])))
                power = numpy.cumsum(numpy.concatenate([[0.0], samples**2]))
                envelope = numpy.sqrt((power[_WINDOW:] - power[:-_WINDOW]) / _WINDOW) / _LEVEL
                # Downward crossings of one half with more than the level's greater part 20 ms before.
                low = envelope[:count] < 0.5
                falls = numpy.flatnonzero(low[1:] & ~low[:-1]) + 1
                for fall in falls:
                    time = start + (done + fall + _WINDOW / 2) / RATE
                    ahead = envelope[fall + RATE // 100:fall + RATE // 25]
                    if time - last_fall > 0.5 and len(ahead) and ahead.max() < 0.4:
                        self.dips.append(time)
                        last_fall = time
                rest = samples[count:]
                done += count


def _frequency(samples):
    if numpy.sqrt(numpy.mean(samples**2)) < 64:
        return 0.0
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.argmax(spectrum) * RATE / len(samples))
