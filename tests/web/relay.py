"""A wire between a database and who asks it."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from sqlalchemy.engine import make_url


def relayed(url: str) -> tuple[Relay, str]:
    """A wire to a database, and its URL over this wire."""
    far = make_url(url)
    if far.port is None:
        pytest.skip("SQLite has no server")
    relay = Relay(far.port)
    return relay, far.set(port=relay.port).render_as_string(hide_password=False)


class Relay:
    """A wire to a server that can be cut or held, on a port of its own."""

    def __init__(self, port: int) -> None:
        self._far = port
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._near = socket.create_server(("127.0.0.1", 0))
        self.port = self._near.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._near.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._far))
            self._open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                self._flows.wait()
                target.sendall(part)

    def cut(self) -> None:
        for one in (self._near, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def hold(self) -> None:
        """Carry nothing on; connections are still taken, and nobody is told."""
        self._flows.clear()

    def release(self) -> None:
        self._flows.set()

    def mend(self) -> None:
        self._near = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
