"""Bytes that are no RTMP on the RTMP port: the server survives and others keep playing (I8)."""

import os
import random
import socket
import ssl
import time

import pytest

import clips
import processes
import rawrtmp
from recording import SegmentReader
from waiting import wait_until


def connect(server):
    peer = socket.create_connection(("127.0.0.1", server.rtmp_port), timeout=15)
    return peer


def closed_by_server(peer, limit=15):
    """True when the server ends the connection within `limit` seconds."""
    peer.settimeout(limit)
    try:
        while peer.recv(65536):
            pass
        return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    except socket.timeout:
        return False


def garbage(seed):
    generator = random.Random(seed)
    return bytes(generator.randrange(256) for _ in range(20_000))


HOSTILE = {
    "garbage": lambda: garbage(1),
    "version 3, then garbage": lambda: b"\x03" + garbage(2),
    "HTTP": lambda: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 4000,
    "handshake, then a chunk of a gigabyte": lambda: b"\x03" + bytes(1536) + bytes(1536) + b"\x03\x00\x00\x00\xff\xff\xff\x14\x00\x00\x00\x00" + b"\x02" * 4000,
    "handshake, then chunk size 2^31-1": lambda: b"\x03" + bytes(1536) + bytes(1536) + b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x7f\xff\xff\xff" + garbage(3),
    "handshake, then type 3 first": lambda: b"\x03" + bytes(1536) + bytes(1536) + b"\xc7" + garbage(4),
}


@pytest.fixture
def playing(server, publish, ended_later):
    """A server with a DJ on air and a viewer who reads every segment."""
    dj = server.make_dj("DJ A")
    publisher = publish(server, dj, clips.A)
    server.wait_for_on_air("DJ A")
    return server, publisher, ended_later(SegmentReader(server.playlist))


def unharmed(server, publisher, reader):
    """The same process still plays the same connection, and new segments come."""
    assert server.process.poll() is None and publisher.running
    assert server.on_air() == "DJ A"
    reader.wait_for_segments(1, timeout=15)
    assert reader.problems == []


def test_survives_hostile_bytes_while_others_play(playing):
    server, publisher, reader = playing
    for name, make in HOSTILE.items():
        with connect(server) as peer:
            try:
                peer.sendall(make())
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert closed_by_server(peer), f"{name}: the connection stays open"
    unharmed(server, publisher, reader)


def test_survives_a_tls_hello(playing):
    server, publisher, reader = playing
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(server) as peer:
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(peer)
    unharmed(server, publisher, reader)


def test_a_hundred_half_open_connections_cost_little(playing):
    server, publisher, reader = playing
    before = processes.resident_kilobytes(server.process.pid)
    peers = []
    # From several loopback addresses, so that the limit per address is not what is measured.
    for number in range(100):
        peer = socket.socket()
        peer.bind((f"127.0.1.{number % 10 + 1}", 0))
        peer.settimeout(15)
        peer.connect(("127.0.0.1", server.rtmp_port))
        peer.sendall(b"\x03" + os.urandom(1536))
        peers.append(peer)
    wait_until(lambda: all(peer.recv(1) for peer in peers), "S0 on every connection")
    grown = processes.resident_kilobytes(server.process.pid) - before
    print(f"\n100 half-open connections: {grown} KiB more")
    assert grown < 64 * 1024
    for peer in peers:
        peer.close()
    unharmed(server, publisher, reader)


def slow_byte(peer):
    """One more byte of a handshake that never ends; False once the server has closed."""
    try:
        peer.send(b"\x03")
        peer.setblocking(False)
        return peer.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        peer.settimeout(15)


def test_handshakes_that_never_end_are_closed_at_the_deadline(playing):
    """Silent, after C0, after C0 and C1, and a byte a second: none holds a connection for ever."""
    server, publisher, reader = playing
    peers = [connect(server) for _ in range(3)]
    peers[1].sendall(b"\x03")
    peers[2].sendall(b"\x03" + bytes(1536))
    slow, begin = connect(server), time.monotonic()
    while slow_byte(slow):
        assert time.monotonic() - begin < 20, "the connection is still open"
        time.sleep(1)
    print(f"\nslow handshake closed after {time.monotonic() - begin:.1f} s")
    assert time.monotonic() - begin > 8
    assert all(closed_by_server(peer, 10) for peer in peers)
    unharmed(server, publisher, reader)


def test_survives_resets_in_the_middle(playing):
    server, publisher, reader = playing
    dj = server.make_dj("DJ B")
    whole = rawrtmp.publish_bytes(dj.key)
    for length in range(1, len(whole), 101):
        with connect(server) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            peer.sendall(whole[:length])
    unharmed(server, publisher, reader)


def test_a_connect_of_sixteen_megabytes_grows_nothing(playing):
    server, publisher, reader = playing
    before = processes.resident_kilobytes(server.process.pid)
    for _ in range(5):
        with connect(server) as peer:
            try:
                peer.sendall(rawrtmp.HANDSHAKE + b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0" + b"\x02" * (16 << 20))
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert closed_by_server(peer)
    grown = processes.resident_kilobytes(server.process.pid) - before
    print(f"\n5 connects of 16 MB: {grown} KiB more")
    assert grown < 16 * 1024
    unharmed(server, publisher, reader)
