"""Viewers with a connection of their own: readers of an endless body and of a WebSocket, each in a thread."""

import json
import socket
import threading
import time

import m3u8
import requests
import websocket

from waiting import wait_until


class BodyReader:
    """Reads an endless HTTP body into a file."""

    def __init__(self, url, file, headers=None):
        self.file = file
        self.answer = requests.get(url, stream=True, timeout=20, headers=headers)
        assert self.answer.status_code == 200, self.answer.text
        self.type = self.answer.headers["Content-Type"]
        self.bytes = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.bytes > 0, f"the first bytes of {url}", 20)

    def _run(self):
        with open(self.file, "wb") as file:
            try:
                for part in self.answer.iter_content(65536):
                    file.write(part)
                    file.flush()
                    self.bytes += len(part)
                    if self._stopped:
                        break
            except (requests.RequestException, AttributeError, OSError):
                pass

    @property
    def is_running(self):
        return self._thread.is_alive()

    def stop(self):
        self._stopped = True
        self._thread.join(10)
        self.answer.close()
        return self.file


class SocketReader:
    """Reads a WebSocket: text messages are kept with their place, binary ones with the moment they came."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url.replace("http", "ws", 1), timeout=20)
        self.formats, self.messages, self.arrivals = [], [], []
        self.close_code = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: len(self.messages) > 1, f"the first messages of {url}", 20)

    def _run(self):
        while not self._stopped:
            try:
                opcode, data = self.socket.recv_data()
            except (websocket.WebSocketException, OSError):
                return
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self.formats.append((len(self.messages), json.loads(data)))
            elif opcode == websocket.ABNF.OPCODE_BINARY:
                self.messages.append(data)
                self.arrivals.append(time.time())
            elif opcode == websocket.ABNF.OPCODE_CLOSE:
                self.close_code = int.from_bytes(data[:2], "big")
                return

    def stop(self):
        self._stopped = True
        try:
            self.socket.close(timeout=2)
        except (websocket.WebSocketException, OSError):
            pass
        self._thread.join(10)
        return self.messages


def decode_seconds(fragment):
    """The decoding time of a fragment's first picture in seconds of the programme; None when it has sound alone."""
    track = fragment.index(b"tfhd") + 8
    if int.from_bytes(fragment[track:track + 4], "big") != 1:
        return None
    at = fragment.index(b"tfdt")
    wide = fragment[at + 4] == 1
    return int.from_bytes(fragment[at + 8:at + (16 if wide else 12)], "big") / 90_000


def programme_zero(server):
    """What the wall clock showed at the programme's time zero, as the HLS playlist says it."""
    master = m3u8.loads(server.get("/hls/main/index.m3u8").text, uri=server.playlist)
    address = master.playlists[0].absolute_uri
    playlist = m3u8.loads(requests.get(address, timeout=5).text, uri=address)
    # The newest one is parts only, without a URI, until it is whole.
    segment = [segment for segment in playlist.segments if segment.uri][-1]
    body = requests.get(segment.absolute_uri, timeout=5).content
    return segment.program_date_time.timestamp() - decode_seconds(body)


def silent_reader(port, path, receive_buffer=4096):
    """Asks for a stream and never reads it."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.connect(("127.0.0.1", port))
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return peer


def is_closed(peer):
    """Whether the server has ended the connection, however much of its answer lies unread."""
    state = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state != 1  # TCP_ESTABLISHED


def gauge(server, name):
    """The sum of a metric's series."""
    lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith((name + " ", name + "{"))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
