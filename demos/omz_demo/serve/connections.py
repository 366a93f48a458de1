"""Connections that do not wait forever for a client, as uvicorn's do between two requests."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """Connection that ends where its client neither goes on with a request nor takes its answer.

    While a request is read or worked on, the limits of the gate hold.
    """

    patience: ClassVar[float] = 20.0
    """Seconds without progress, up to twice as many of which end a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to look after the connection."""
        super().connection_made(transport)
        self._before: tuple[object, int] | None = None
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End that."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Abort the connection if nothing has moved since the last look; bytes of a request's head do not count."""
        now = (self.cycle, self.transport.get_write_buffer_size())
        is_at_work = bool(self.cycle) and not self.cycle.response_complete
        if now == self._before and not is_at_work:
            self.transport.abort()
        self._before = now
        self._next_look = self.loop.call_later(self.patience, self._look)
