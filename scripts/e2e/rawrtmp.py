"""A publisher in a few bytes, for tests that need a socket in their own hands: no process, no media library."""

import socket
import struct


def _string(text):
    data = text.encode()
    return b"\x02" + struct.pack(">H", len(data)) + data


def _number(value):
    return b"\x00" + struct.pack(">d", value)


def _object(values):
    body = b"".join(struct.pack(">H", len(name)) + name.encode() + _string(value) for name, value in values.items())
    return b"\x03" + body + b"\x00\x00\x09"


def message(kind, payload, stream=0, chunk_stream=3):
    """One message in chunks of 128 bytes (RTMP 1.0, 5.3.1)."""
    head = bytes([chunk_stream]) + b"\x00\x00\x00" + struct.pack(">I", len(payload))[1:] + bytes([kind])
    head += struct.pack("<I", stream)
    pieces = [payload[at:at + 128] for at in range(0, len(payload), 128)] or [b""]
    return head + bytes([0xC0 | chunk_stream]).join(pieces)


HANDSHAKE = b"\x03" + bytes(1536) + bytes(1536)


def publish_bytes(key, application="live"):
    """Handshake, connect, createStream and publish, without waiting for an answer."""
    return (HANDSHAKE + message(20, _string("connect") + _number(1) + _object({"app": application}))
            + message(20, _string("createStream") + _number(2) + b"\x05")
            + message(20, _string("publish") + _number(3) + b"\x05" + _string(key) + _string("live"), stream=1))


def connect(port, source="127.0.0.1", timeout=15):
    peer = socket.socket()
    peer.settimeout(timeout)
    peer.bind((source, 0))
    peer.connect(("127.0.0.1", port))
    return peer


def read_until(peer, *words):
    """What the server sent, up to one of `words` or its end."""
    received = b""
    while not any(word in received for word in words):
        try:
            piece = peer.recv(65536)
        except ConnectionError:
            break
        if not piece:
            break
        received += piece
    return received


def publish(port, key, application="live", source="127.0.0.1"):
    """(socket, what the server answered): started or refused."""
    peer = connect(port, source)
    peer.sendall(publish_bytes(key, application))
    return peer, read_until(peer, b"NetStream.Publish.Start", b"Denied", b"BadName", b"Rejected")
