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
_WORK = ("/api/remove", "/v1/mattes")
_OPEN = ("/healthz", "/readyz", "/api", "/docs", "/openapi.json", "/")


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
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise UsageError(f"--api_key_file {path} cannot be read: {os_reason(error)}; name a text file") from error
        keys = filter(None, map(str.strip, lines))
        self._digests = [_digest(key) for key in keys if not key.startswith("#")]
        if not self._digests:
            raise UsageError(f"--api_key_file {path} has no key; write one on each line")

    def check(self, headers: Headers) -> None:
        """Raise :class:`RefusedError` for a request without a key, or with a wrong one."""
        if self._digests is None:
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
        digest = _digest(given)
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
        counted = _Counted(send)
        started = time.perf_counter()
        try:
            await self._checked(scope, receive, counted)
        finally:
            path = scope["path"] if scope["path"] in (*_WORK, *_OPEN, "/v1/models", "/metrics") else "other"
            self._metrics.ended(path, counted.status, time.perf_counter() - started)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, is_work = Headers(scope=scope), scope["path"] in _WORK
        try:
            if scope["path"] not in _OPEN:
                self._keys.check(headers)
            self._check_length(headers)
            if is_work:
                self._queue.admit()
        except RefusedError as error:
            await _drain(receive)
            await answer_of(error)(scope, receive, send)
            return
        try:
            await self._app(scope, _Limited(receive, self._limits), send)
        finally:
            if is_work:
                self._queue.leave()

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.content:
            raise RefusedError(413, _too_long(self._limits.content))


class _Counted:
    """Passes messages on, and keeps the status."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class _Limited:
    """Passes a request on while it keeps to its limits. Raises :class:`HTTPException` where it does not."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._end = time.monotonic() + limits.seconds
        self._read, self._is_whole = 0, False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._end - time.monotonic()))
        except asyncio.TimeoutError:
            raise HTTPException(408, f"the upload has taken {self._limits.seconds:g} s; send less, or faster") from None
        self._read += len(message.get("body", b""))
        if self._read > self._limits.content:
            raise HTTPException(413, _too_long(self._limits.content))
        self._is_whole = not message.get("more_body", False)
        return message


async def _drain(receive: Receive) -> None:
    """Read what comes of a refused request in the next seconds."""
    end = time.monotonic() + _DRAINED
    while (left := end - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left)
        except asyncio.TimeoutError:
            return
        if not message.get("more_body", False):
            return


def _too_long(limit: int) -> str:
    return f"the request has more than {limit / 1e6:g} MB; send a smaller file"


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
