"""Watchdog of a request: cuts a connection on which a server keeps busy without sending any of the file."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


class Watchdog:
    """Cuts the connection if ``seconds`` pass without an answer, or without a part of its body.

    Time limits of httpx are for a single read. Headers that come a byte at a time, interim answers (1xx) without end,
    and chunks that only announce themselves keep to all of them. Use it in a ``with`` block, pass :attr:`extensions`
    to the request, on a connection of its own, and take its body through :meth:`watched`.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.has_cut = False
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def extensions(self) -> dict[str, Any]:
        """The extensions of a request by which its connection is known."""
        return {"trace": self._trace}

    def watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield ``chunks``; the time that their taker needs does not count."""
        self._end = time.monotonic() + self.seconds
        for chunk in chunks:
            self._end = math.inf
            yield chunk
            self._end = time.monotonic() + self.seconds

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(_CONNECTED):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.has_cut:
                self._cut()

    def _watch(self) -> None:
        while not self._done.wait(min(max(0.0, self._end - time.monotonic()), self.seconds)):
            if time.monotonic() >= self._end:
                self.has_cut = True
                self._cut()
                return

    def _cut(self) -> None:
        for connection in self._sockets:
            with contextlib.suppress(OSError):  # it is closed, or has become one of TLS
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not that of TLS, which talks to the server
