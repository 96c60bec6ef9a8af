"""Somebody else's HTTP servers: they take what Lineup sends, or behave as badly as the test wants."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # A peer that went away is what many tests are about.


class Receiver:
    """Answers each request as `behave(receiver, handler)` says; the port outlives `stop` and `start`."""

    def __init__(self, behave):
        self.behave, self.port = behave, 0
        self.lock = threading.Lock()
        self.requests = []
        self.start()

    def start(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self):
                self.text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.behave(receiver, self)

            do_POST = do_PATCH = do_GET = _take

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"


class Webhook(Receiver):
    """Takes signed events. `arrived` has their global ids in the order they came, repeated ones too."""

    def __init__(self, secret):
        self.secret, self.arrived, self.wrong = secret, [], []
        super().__init__(Webhook.take)

    def take(self, handler):
        stamp = handler.headers["X-Lineup-Timestamp"]
        code = hmac.new(self.secret.encode(), stamp.encode() + b"." + handler.text, hashlib.sha256).hexdigest()
        body = json.loads(handler.text)
        events = body if isinstance(body, list) else [body]
        with self.lock:
            if handler.headers["X-Lineup-Signature"] != "sha256=" + code or abs(time.time() - int(stamp)) > 60:
                self.wrong.append(handler.text)
            self.requests.append((time.monotonic(), dict(handler.headers), body))
            self.arrived += [event["channel"] + "/" + event["id"] for event in events]
        handler.answer(204)

    @property
    def firsts(self):
        """Each id once, as a receiver that leaves out repeated ones sees them."""
        with self.lock:
            return list(dict.fromkeys(self.arrived))


# -- bad ones

def hang(_, handler):
    handler.connection.settimeout(60)
    try:
        handler.connection.recv(1)  # Until the client has had enough.
    except OSError:
        pass
    handler.close_connection = True


def endless(_, handler):
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True


def drip(_, handler):
    try:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 9999:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)
    except OSError:
        handler.close_connection = True


def redirect(_, handler):
    handler.answer(302, Location="http://169.254.169.254/latest/")


def broken(_, handler):
    handler.wfile.write(b"220 smtp ready\r\n" * 10)
    handler.close_connection = True


def websocket_flood(_, handler):
    """Takes the upgrade and says Hello as obs-websocket does, then sends messages for as long as they are read."""
    code = hashlib.sha1((handler.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()

    def frame(text):
        return bytes([0x81, 126]) + len(text).to_bytes(2, "big") + text

    handler.connection.settimeout(60)
    try:
        handler.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Accept: " + base64.b64encode(code) + b"\r\n\r\n")
        handler.wfile.write(frame(b'{"op":0,"d":{"obsWebSocketVersion":"5.1.0","rpcVersion":1}}'.ljust(130)))
        handler.wfile.write(frame(b'{"op":2,"d":{"negotiatedRpcVersion":1}}'.ljust(130)))
        event = frame(b'{"op":5,"d":{"eventType":"InputVolumeMeters","eventData":{}}}'.ljust(130)) * 500
        while True:
            handler.wfile.write(event)
    except OSError:
        handler.close_connection = True


def reset(_, handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True
