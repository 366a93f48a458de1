"""A web server for tests of downloads: it serves bytes, and does wrong what it is told to do wrong."""

from __future__ import annotations

import gzip
import hashlib
import re
import socket
import socketserver
import ssl
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import ClassVar
from urllib.parse import unquote

import trustme

PIECE = 1 << 16
PATIENCE = 60.0
"""Seconds after which a machine is not slow, but something hangs."""


@dataclass
class Request:
    """What was asked, and what came of it; names in ``headers`` are in lower case.

    ``start`` is the offset that the body's first byte has in the file. ``sent`` counts the body's bytes handed to the
    socket and is never behind what the client has got. ``status`` 0: no answer.
    """

    method: str
    path: str
    range: str | None
    if_range: str | None
    headers: Mapping[str, str]
    start: int = 0
    sent: int = 0
    status: int = 0


@dataclass(frozen=True)
class Answer:
    """What goes over the wire, before a fault spoils its sending."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    start: int = 0


def _whole(content: bytes, validators: Mapping[str, str]) -> Answer:
    return Answer(200, {**validators, "Accept-Ranges": "bytes"}, content)


def _from_wanted(
    content: bytes, validators: Mapping[str, str], request: Request, claim: int = 0, lie: int = 0
) -> Answer:
    """Answer as asked; a part's offset is off by ``claim``, and its bytes by ``lie`` without telling."""
    match = re.fullmatch(r"bytes=(\d+)-", request.range or "")
    current = request.if_range is None or request.if_range in validators.values()
    if request.method != "GET" or match is None or not current:
        return _whole(content, validators)
    size, start = len(content), int(match[1])
    if start >= size:
        return Answer(416, {"Content-Range": f"bytes */{size}"})
    start = min(max(start + claim, 0), size - 1)
    true_start = (start + lie) % size
    body = (content[true_start:] + content[:true_start])[: size - start]
    headers = {**_whole(content, validators).headers, "Content-Range": f"bytes {start}-{size - 1}/{size}"}
    return Answer(206, headers, body, true_start)


@dataclass(frozen=True)
class Fault:
    """No fault at all: a good answer, of which each kind of fault spoils a step."""

    chunked: ClassVar[bool] = False

    def alter(self, content: bytes) -> bytes:
        return content

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return _from_wanted(self.alter(content), validators, request)

    def pieces(self, body: bytes, stopped: Event) -> Iterator[bytes]:
        """Yield what is sent of a body; the connection is closed where that is not all."""
        for offset in range(0, len(body), PIECE):
            yield body[offset : offset + PIECE]


@dataclass(frozen=True)
class Always(Fault):
    """The fault, for this request and every later one."""

    fault: Fault


@dataclass(frozen=True)
class Short(Fault):
    """The file lacks its last bytes, and all lengths agree on that; the ETag stays."""

    bytes_left_out: int

    def alter(self, content: bytes) -> bytes:
        return content[: max(len(content) - self.bytes_left_out, 0)]


@dataclass(frozen=True)
class Long(Fault):
    """The file has more bytes at its end, and all lengths agree on that; the ETag stays."""

    extra: int

    def alter(self, content: bytes) -> bytes:
        return content + b"+" * self.extra


class Wrong(Fault):
    """Every byte is another one, in the right number; the ETag stays."""

    def alter(self, content: bytes) -> bytes:
        return bytes(value ^ 0xFF for value in content)


@dataclass(frozen=True)
class Cut(Fault):
    """The connection ends (FIN) after some bytes of the body; with ``reset`` (RST) some of these may be lost."""

    after: int
    reset: bool = False

    def pieces(self, body: bytes, stopped: Event) -> Iterator[bytes]:
        yield from super().pieces(body[: self.after], stopped)


@dataclass(frozen=True)
class Status(Fault):
    """An answer with this status, whether the file exists or not."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return Answer(self.code, self.headers, self.body)


@dataclass(frozen=True)
class Drip(Fault):
    """The body comes in chunks with a pause of so many seconds between them."""

    chunk: int
    pause: float

    def pieces(self, body: bytes, stopped: Event) -> Iterator[bytes]:
        for offset in range(0, len(body), self.chunk):
            if offset and stopped.wait(self.pause):
                return
            yield body[offset : offset + self.chunk]


@dataclass(frozen=True)
class Stall(Fault):
    """After some bytes of the body nothing more comes, but the connection stays open until the server stops."""

    after: int

    def pieces(self, body: bytes, stopped: Event) -> Iterator[bytes]:
        yield from super().pieces(body[: self.after], stopped)
        stopped.wait()


@dataclass(frozen=True)
class Redirect(Fault):
    """The client is sent to ``to``, which is given as it is in Location."""

    to: str
    code: int = 302

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return Answer(self.code, {"Location": self.to})


class IgnoreRange(Fault):
    """The whole file (200), also when a part is asked."""

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return _whole(content, validators)


@dataclass(frozen=True)
class CutFromStart(Cut):
    """The whole file whatever part is asked for, and the connection cut on the way."""

    answer = IgnoreRange.answer


@dataclass(frozen=True)
class WrongRange(Fault):
    """A part from another offset than asked, as Content-Range tells; a good answer when no part is asked."""

    shift: int

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return _from_wanted(content, validators, request, claim=self.shift)


@dataclass(frozen=True)
class LyingRange(Fault):
    """Bytes from another offset (round the end) than Content-Range tells; a good answer when no part is asked."""

    shift: int

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return _from_wanted(content, validators, request, lie=self.shift)


@dataclass(frozen=True)
class ChangedETag(Fault):
    """From this request on the path has other content, with its own ETag and date."""

    content: bytes


class Gzip(Fault):
    """The whole file (200), compressed on the way, whatever the client accepts or asks."""

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return Answer(200, {**validators, "Content-Encoding": "gzip"}, gzip.compress(content, mtime=0))


class Html(Fault):
    """A login page (200) in place of the file."""

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        page = b"<!DOCTYPE html><html><title>Log in</title><body><form>Please log in</form></body></html>\n"
        return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page)


class NoLength(Fault):
    """A good answer in chunked encoding, without Content-Length."""

    chunked = True


class NoReply(Fault):
    """The connection is closed without an answer."""

    def answer(self, content: bytes, validators: Mapping[str, str], request: Request) -> Answer | None:
        return None


def tls_context() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts for a server on localhost and 127.0.0.1 and for clients; these trust only that server's CA."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


class FaultServer(ThreadingHTTPServer):
    """Serve ``files`` (path to content) while the ``with`` block runs.

    The 1st, 2nd, ... request of a path meets the 1st, 2nd, ... of its ``faults``; later ones are answered well.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        files: Mapping[str, bytes],
        faults: Mapping[str, Sequence[Fault]] | None = None,
        tls: ssl.SSLContext | None = None,
        etag: bool = True,
    ) -> None:
        self.requests: list[Request] = []
        self.stopped = Event()
        self._files = dict(files)
        self._faults = {path: list(listed) for path, listed in (faults or {}).items()}
        self._tls, self._etag = tls, etag
        self._lock = Lock()
        self._connections: list[tuple[Thread, socket.socket]] = []
        self._errors: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self._loop = Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def url(self, path: str) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.server_address[1]}{path}"

    def __enter__(self) -> FaultServer:
        self._loop.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stopped.set()
        self.shutdown()
        self._loop.join()
        for _, connection in self._connections:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not TLS's own: it unsettles a reading thread
        for thread, _ in self._connections:
            thread.join(PATIENCE)
        self.server_close()
        assert not any(thread.is_alive() for thread, _ in self._connections)
        if kind is None and self._errors:
            raise self._errors[0]

    def meet(self, path: str, *faults: Fault) -> None:
        """Forget the requests so far, and have the next ones of ``path`` meet these faults."""
        with self._lock:
            self.requests.clear()
            self._faults[path] = list(faults)

    def await_sent(self, path: str, count: int) -> None:
        """Wait until ``count`` bytes of ``path`` were sent to one client, or more."""
        ends = time.monotonic() + PATIENCE
        while not any(request.path == path and request.sent >= count for request in [*self.requests]):
            assert time.monotonic() < ends, f"nobody has asked for {count} bytes of {path}"
            time.sleep(0.001)

    def take(self, request: Request) -> tuple[Fault, bytes, Mapping[str, str]]:
        """Note a request; return the fault that it meets, the content of its path, and the content's validators."""
        path = unquote(request.path.partition("?")[0])
        with self._lock:
            self.requests.append(request)
            if waiting := self._faults.get(path):
                fault = waiting[0].fault if isinstance(waiting[0], Always) else waiting.pop(0)
            else:
                fault = Fault() if path in self._files else Status(404)
            if isinstance(fault, ChangedETag):
                self._files[path] = fault.content
            content = self._files.get(path, b"")
        digest = hashlib.sha256(content).hexdigest()
        validators = {"Last-Modified": formatdate(1_500_000_000 + int(digest[:6], 16), usegmt=True)}
        return fault, content, {**validators, "ETag": f'"{digest}"'} if self._etag else validators

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own asks the name service

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: socket.socket, client_address: object) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections.append((thread, request))
        thread.start()

    def shutdown_request(self, request: socket.socket) -> None:
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        self._errors.append(sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultServer

    def handle(self) -> None:
        with suppress(OSError):  # the client went away, or does not trust us
            super().handle()

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers.get("range"), headers.get("if-range"), headers)
        fault, content, validators = self.server.take(request)
        answer = fault.answer(content, validators, request)
        if answer is None:
            self.close_connection = True
            return
        request.status, request.start = answer.status, answer.start
        self.send_response(answer.status)
        length = {"Transfer-Encoding": "chunked"} if fault.chunked else {"Content-Length": str(len(answer.body))}
        for name, value in {"Content-Type": "application/octet-stream", **length, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(fault, answer.body, request)

    def _send_body(self, fault: Fault, body: bytes, request: Request) -> None:
        for piece in fault.pieces(body, self.server.stopped):
            request.sent += len(piece)
            try:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if fault.chunked else piece)
            except OSError:
                request.sent -= len(piece)
                raise
        if fault.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if request.sent < len(body):
            self.close_connection = True
        if isinstance(fault, Cut) and fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
