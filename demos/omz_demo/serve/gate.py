"""The gate: what a request has to be before it is read, and how much of it is read."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omz.errors import UsageError, os_reason
from omz_demo.serve.answers import RefusedError, answer_of
from omz_demo.serve.metrics import Metrics
from omz_demo.serve.work import WorkQueue

_DRAINED = 2.0  # seconds in which the rest of a refused request is read: who still sends does not see the answer
_OPEN = ("/healthz", "/readyz", "/api", "/docs", "/openapi.json", "/")
_LIGHT = (*_OPEN, "/v1/models", "/metrics")
_WORK = ("/api/remove", "/v1/mattes")


@dataclass(frozen=True)
class Limits:
    """Most bytes of a request, and most seconds in which it comes."""

    content: int
    seconds: float


class Keys:
    """Keys of clients, one a line of a file; without a file, everyone may ask. Raises :class:`UsageError`."""

    def __init__(self, path: Path | None) -> None:
        self._digests: list[bytes] | None = None
        if path is None:
            return
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, ValueError) as error:
            raise UsageError(f"--api_key_file {path} cannot be read: {os_reason(error)}; name a text file") from error
        keys = filter(None, map(str.strip, lines))
        self._digests = [_digest(key.encode()) for key in keys if not key.startswith("#")]
        if not self._digests:
            raise UsageError(f"--api_key_file {path} has no key; write one on each line")

    def check(self, headers: Headers) -> None:
        """Raise :class:`RefusedError` for a request without a key, or with a wrong one."""
        if self._digests is None:
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
        digest = _digest(given.encode("latin-1"))  # the bytes that were sent
        matches = [hmac.compare_digest(digest, each) for each in self._digests]
        if not any(matches):
            wrong = "the key is wrong" if given else "a key is needed"
            text = f"{wrong}; send Authorization: Bearer KEY, or X-API-Key: KEY"
            raise RefusedError(401, text, {"WWW-Authenticate": "Bearer"})


class Gate:
    """Middleware that checks keys and limits, gives out the places of the queue, and counts."""

    def __init__(self, app: ASGIApp, keys: Keys, limits: Limits, queue: WorkQueue, metrics: Metrics) -> None:
        self._app, self._keys, self._limits, self._queue, self._metrics = app, keys, limits, queue, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._limits, Headers(scope=scope))
        started = time.perf_counter()
        try:
            await self._checked(scope, exchange)
        finally:
            path = scope["path"] if scope["path"] in (*_WORK, *_LIGHT) else "other"
            self._metrics.ended(path, exchange.status, time.perf_counter() - started)

    async def _checked(self, scope: Scope, exchange: _Exchange) -> None:
        # Routers take several texts for one path. One that is not known here is of work, and needs a key.
        path, headers = scope["path"], Headers(scope=scope)
        try:
            if path not in _OPEN:
                self._keys.check(headers)
            self._check_length(headers)
            if path not in _LIGHT:
                self._queue.admit()
        except RefusedError as error:
            await answer_of(error)(scope, exchange.receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            if path not in _LIGHT:
                self._queue.leave()

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.content:
            raise RefusedError(413, _too_long(self._limits.content))


class _Exchange:
    """Passes a request on while it keeps to its limits, and the answer, of which it keeps the ``status``."""

    def __init__(self, receive: Receive, send: Send, limits: Limits, headers: Headers) -> None:
        self._receive, self._send, self._limits = receive, send, limits
        self._end = time.monotonic() + limits.seconds
        self._read, self._is_whole = 0, False
        self._waits_for_us = headers.get("expect", "").lower() == "100-continue"
        self.status = 500

    async def receive(self) -> Message:
        """Return the next part of the request. Raises :class:`HTTPException` where it breaks a limit."""
        if self._is_whole:
            return await self._receive()
        try:
            message = await self._part(self._end - time.monotonic())
        except asyncio.TimeoutError:
            raise HTTPException(408, f"the upload has taken {self._limits.seconds:g} s; send less, or faster") from None
        self._read += len(message.get("body", b""))
        if self._read > self._limits.content:
            raise HTTPException(413, _too_long(self._limits.content))
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on; one that comes before the end of the request ends the connection, too."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            await self._drain()
            if not self._is_whole:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await self._send(message)

    async def _part(self, seconds: float) -> Message:
        self._waits_for_us = False
        message = await asyncio.wait_for(self._receive(), max(0.0, seconds))
        self._is_whole = not message.get("more_body", False)
        return message

    async def _drain(self) -> None:
        """Read what comes of the request in the next seconds; not of one that is only sent once it is asked for."""
        end = time.monotonic() + _DRAINED
        while not self._is_whole and not self._waits_for_us:
            try:
                await self._part(end - time.monotonic())
            except asyncio.TimeoutError:
                return


def _too_long(limit: int) -> str:
    return f"the request has more than {limit / 1e6:g} MB; send a smaller file"


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
