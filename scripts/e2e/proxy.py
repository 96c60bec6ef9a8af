"""A TCP proxy between a DJ and the server that does to the connection what bad networks do.

It needs no rights and shapes nothing but its own connections: throttles, stalls, resets, half-closes and goes silent.
"""

import select
import socket
import struct
import threading
import time

CHUNK = 16_384


class Proxy:
    """Listens on a port of its own and relays each connection to `target` (host, port) until `stop`.

    What is set holds for the connections there are and for later ones. Every method may be called from any thread.
    """

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._links = []
        self._stopped = False
        self._rate = None
        self._stall_until = 0.0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    # -- what it does to them

    def throttle(self, bytes_per_second):
        """Relays at most so much towards the server, from now on; None lifts it."""
        self._rate = bytes_per_second

    def stall(self, seconds):
        """Reads nothing more from the publisher for a while. What it sends meanwhile waits in its own buffers."""
        self._stall_until = time.monotonic() + seconds

    def reset(self):
        """Ends every connection with RST on both sides."""
        for link in self._take():
            link.end(reset=True)

    def close(self):
        """Ends every connection with FIN on both sides, in the middle of whatever was being said."""
        for link in self._take():
            link.end(reset=False)

    def half_open(self):
        """The publisher's side is gone and nothing says so: the server's socket stays open and silent for ever."""
        with self._lock:
            for link in self._links:
                link.go_silent()

    def stop(self):
        self._stopped = True
        self._listener.close()
        self.close()
        self._thread.join(5)

    # -- relaying

    def _take(self):
        with self._lock:
            links, self._links = self._links, []
        return links

    def _accept(self):
        while not self._stopped:
            try:
                publisher, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                publisher.close()
                continue
            link = _Link(self, publisher, server)
            with self._lock:
                self._links = [other for other in self._links if other.is_open] + [link]
            link.start()

    def pause_needed(self):
        """Seconds for which nothing may be relayed now."""
        return max(0.0, self._stall_until - time.monotonic())

    @property
    def rate(self):
        return self._rate


class _Link:
    """One relayed connection; a thread of its own."""

    def __init__(self, proxy, publisher, server):
        self._proxy, self._publisher, self._server = proxy, publisher, server
        self._silent = False
        self.is_open = True
        for end in (publisher, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def end(self, reset):
        """Wakes the thread, which then ends by itself."""
        self.is_open = False
        for end in (self._publisher, self._server):
            try:
                if reset:
                    # Linger of zero: close() sends RST.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                else:
                    end.shutdown(socket.SHUT_RDWR)
                    end.close()
            except OSError:
                # It ended by itself first.
                pass

    def go_silent(self):
        self._silent = True
        try:
            self._publisher.close()
        except OSError:
            pass

    def _run(self):
        try:
            while self.is_open and not self._proxy._stopped:
                if self._silent:
                    # Only the server may end it now.
                    ready, _, _ = select.select([self._server], [], [], 0.2)
                    if ready and not self._server.recv(CHUNK):
                        return
                    continue
                pause = self._proxy.pause_needed()
                watched = [self._server] if pause > 0 else [self._publisher, self._server]
                ready, _, _ = select.select(watched, [], [], min(0.2, pause) if pause > 0 else 0.2)
                for end in ready:
                    if not self._relay(end):
                        return
        except (OSError, ValueError):
            # A socket that was closed under it: ended, reset or silenced by the test.
            if self._silent:
                self._outlive()
        finally:
            if self.is_open:
                self.end(reset=False)

    def _outlive(self):
        while self.is_open and not self._proxy._stopped:
            try:
                ready, _, _ = select.select([self._server], [], [], 0.2)
                if ready and not self._server.recv(CHUNK):
                    return
            except (OSError, ValueError):
                return

    def _relay(self, end):
        rate = self._proxy.rate
        towards_server = end is self._publisher
        size = CHUNK if rate is None or not towards_server else max(256, min(CHUNK, int(rate / 20)))
        data = end.recv(size)
        if not data:
            return False
        (self._server if towards_server else self._publisher).sendall(data)
        if rate is not None and towards_server:
            time.sleep(len(data) / rate)
        return True
