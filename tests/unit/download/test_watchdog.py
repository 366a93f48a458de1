"""Servers that are busy without end, and send nothing of the file: raw sockets, for no library writes such answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from helpers.fault_server import tls_context

from omz.download.answer import Retryable
from omz.download.policy import Policy
from omz.download.transport import Transport

POLICY = Policy(patience=0.7, connect_timeout=0.6)
LIMIT = POLICY.patience + POLICY.connect_timeout
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def endless(first: bytes, then: bytes, tls=None) -> Iterator[str]:
    """Serve ``first`` and then ``then`` again and again, a tenth of a second apart, to any number of connections."""
    listening = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as talking:
            talking.recv(65536)
            talking.sendall(first)
            while not stopped.wait(0.1):
                talking.sendall(then)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}/f"
    finally:
        stopped.set()
        listening.close()


def seconds_of(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Retryable, match="sends nothing of the file"):
        act()
    return time.monotonic() - began


def take(url: str) -> None:
    with Transport(POLICY, ()) as transport, transport.open(url, 0, None, None) as answer:
        for _ in answer.chunks:
            pass


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        (b"", b"H"[:1] + b""),
        (HEAD, b"X"),
        (HEAD + b"X-A: ", b"a"),
        (HEAD, b"X: y\r\n"),
        (b"HTTP/1.1 302 Found\r\nLocation: /g\r\n", b"X: y\r\n"),
        (CHUNKED + b"4;x=", b"y"),
        (CHUNKED, b"0"),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=range(10),
)
def test_a_server_that_is_busy_with_nothing_is_cut_off(first, then):
    with endless(first, then) as url:
        assert seconds_of(lambda: take(url)) < LIMIT + 2


def test_also_over_tls(monkeypatch):
    server, client = tls_context()
    monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda **_: client)
    with endless(HEAD, b"X: y\r\n", tls=server) as url:
        assert seconds_of(lambda: take(url)) < LIMIT + 2


def test_the_time_of_who_takes_the_body_does_not_count():
    with (
        endless(CHUNKED, b"1\r\na\r\n") as url,
        Transport(POLICY, ()) as transport,
        transport.open(url, 0, None, None) as answer,
    ):
        next(answer.chunks)
        time.sleep(LIMIT + 0.5)
        assert next(answer.chunks)
