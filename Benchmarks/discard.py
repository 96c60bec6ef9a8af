"""A crowd of HTTP readers that throw away what they get inside the kernel, so that the server is what is full.

    python discard.py URL SECONDS     prints answers per second

Readers that copy what they read need as much of a core as the server does; where that is short, it is they who are measured.
"""

import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

READERS = 32


class Reader:
    def __init__(self, host, port, path):
        self.socket = socket.create_connection((host, port))
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self._left = None
        self.socket.sendall(self._request)

    def read(self, scrap):
        """What is there; `True` when an answer is whole and the next one asked for."""
        if self._left is None:
            start = self.socket.recv(4096, socket.MSG_PEEK)
            end = start.find(b"\r\n\r\n") + 4
            if end < 4:
                assert 0 < len(start) < 4096, "no head of an answer"
                return False
            head = self.socket.recv(end).lower()
            assert head.startswith(b"http/1.1 200"), head
            self._left = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(start) == end:
                return False
        # tcp(7): discards, and says how much.
        taken = self.socket.recv_into(scrap, min(self._left, len(scrap)), socket.MSG_TRUNC)
        assert taken, "the server closed"
        self._left -= taken
        if self._left:
            return False
        self._left = None
        self.socket.sendall(self._request)
        return True


def main():
    url, seconds = urlsplit(sys.argv[1]), float(sys.argv[2])
    poll, scrap, count = selectors.EpollSelector(), bytearray(2 << 20), 0
    for _ in range(READERS):
        reader = Reader(url.hostname, url.port, url.path)
        poll.register(reader.socket, selectors.EVENT_READ, reader)
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        for key, _ in poll.select(1):
            count += key.data.read(scrap)
    print(count / (time.monotonic() - begin))


if __name__ == "__main__":
    main()
