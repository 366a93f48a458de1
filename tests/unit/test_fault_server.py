from __future__ import annotations

import gzip
import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
from helpers.fault_server import (
    PATIENCE,
    Always,
    ChangedETag,
    Cut,
    Drip,
    Fault,
    FaultServer,
    Gzip,
    Html,
    IgnoreRange,
    Long,
    LyingRange,
    NoLength,
    NoReply,
    Redirect,
    Short,
    Stall,
    Status,
    Wrong,
    WrongRange,
    tls_context,
)

CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)


@contextmanager
def connected(server: FaultServer, tls: ssl.SSLContext | None = None) -> Iterator[http.client.HTTPConnection]:
    host = urlsplit(server.url("/")).netloc
    connection = (
        http.client.HTTPSConnection(host, timeout=PATIENCE, context=tls)
        if tls
        else http.client.HTTPConnection(host, timeout=PATIENCE)
    )
    try:
        yield connection
    finally:
        connection.close()


Reply = tuple[int, Mapping[str, str], bytes]


def ask(connection: http.client.HTTPConnection, method: str = "GET", path: str = "/net.bin", **headers: str) -> Reply:
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as response:
        return response.status, response.headers, response.read()


def ask_faulty(fault: Fault, **headers: str) -> Reply:
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [fault]}) as server, connected(server) as connection:
        return ask(connection, **headers)


def test_good_answers_on_one_connection() -> None:
    with FaultServer({"/net.bin": CONTENT}) as server, connected(server) as connection:
        status, headers, body = ask(connection)
        assert (status, body, headers["Content-Length"]) == (200, CONTENT, str(SIZE))
        assert headers["Accept-Ranges"] == "bytes"
        etag, date = headers["ETag"], headers["Last-Modified"]
        first_socket = connection.sock
        status, headers, body = ask(connection, "HEAD", Range="bytes=3-")
        assert (status, body, headers["Content-Length"], headers["ETag"]) == (200, b"", str(SIZE), etag)
        for if_range in (etag, date):
            status, headers, body = ask(connection, Range="bytes=1003-", If_Range=if_range)
            assert (status, body) == (206, CONTENT[1003:])
            assert headers["Content-Range"] == f"bytes 1003-{SIZE - 1}/{SIZE}"
        assert ask(connection, Range="bytes=3-", If_Range='"other"')[::2] == (200, CONTENT)
        status, headers, body = ask(connection, Range=f"bytes={SIZE}-")
        assert (status, headers["Content-Range"], body) == (416, f"bytes */{SIZE}", b"")
        assert ask(connection, path="/other")[0] == 404
        assert ask(connection, path="/%6eet.bin?token=1")[0] == 200
        assert connection.sock is first_socket
    assert [(request.method, request.start, request.sent, request.status) for request in server.requests] == [
        ("GET", 0, SIZE, 200),
        ("HEAD", 0, 0, 200),
        ("GET", 1003, SIZE - 1003, 206),
        ("GET", 1003, SIZE - 1003, 206),
        ("GET", 0, SIZE, 200),
        ("GET", 0, 0, 416),
        ("GET", 0, 0, 404),
        ("GET", 0, SIZE, 200),
    ]
    assert (server.requests[2].range, server.requests[2].if_range) == ("bytes=1003-", etag)


def test_etag_can_be_left_out() -> None:
    with FaultServer({"/net.bin": CONTENT}, etag=False) as server, connected(server) as connection:
        assert "ETag" not in ask(connection)[1]


def test_faults_come_in_order_and_end() -> None:
    faults = [Status(503, {"Retry-After": "7"}, b"busy"), Html(), Redirect("file:///etc/passwd", 301)]
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": faults}) as server, connected(server) as connection:
        status, headers, body = ask(connection)
        assert (status, headers["Retry-After"], body) == (503, "7", b"busy")
        status, headers, body = ask(connection)
        assert (status, headers.get_content_type()) == (200, "text/html")
        assert b"<html>" in body
        status, headers, _ = ask(connection)
        assert (status, headers["Location"]) == (301, "file:///etc/passwd")
        assert ask(connection)[::2] == (200, CONTENT)


def test_always_does_not_end() -> None:
    faults = {"/loop": [Status(500), Always(Redirect("/loop"))]}
    with FaultServer({}, faults) as server, connected(server) as connection:
        assert [ask(connection, path="/loop")[0] for _ in range(4)] == [500, 302, 302, 302]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Short(5), CONTENT[:-5]),
        (Short(SIZE + 5), b""),
        (Long(5), CONTENT + b"+++++"),
        (Wrong(), bytes(255 - value for value in CONTENT)),
        (Drip(SIZE // 3, 0.01), CONTENT),
    ],
)
def test_length_announced_is_the_length_sent(fault: Fault, expected: bytes) -> None:
    status, headers, body = ask_faulty(fault)
    assert (status, headers["Content-Length"]) == (200, str(len(expected)))
    assert body == expected


@pytest.mark.parametrize("after", [0, 1, 100_000])
def test_cut(after: int) -> None:
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Cut(after)]}) as server, connected(server) as connection:
        with pytest.raises(http.client.IncompleteRead) as cut:
            ask(connection)
        assert cut.value.partial == CONTENT[:after]
        assert cut.value.expected == SIZE - after
        assert server.requests[0].sent == after
        connection.close()
        assert ask(connection, Range=f"bytes={after}-")[::2] == (206, CONTENT[after:])


def test_cut_by_reset() -> None:
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask_faulty(Cut(100, reset=True))


def test_no_reply() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        ask_faulty(NoReply())


@pytest.mark.parametrize(
    ("fault", "status", "claimed", "expected"),
    [
        (IgnoreRange(), 200, None, CONTENT),
        (WrongRange(-10), 206, 990, CONTENT[990:]),
        (WrongRange(10), 206, 1010, CONTENT[1010:]),
        (LyingRange(-10), 206, 1000, CONTENT[990:-10]),
        (LyingRange(10), 206, 1000, CONTENT[1010:] + CONTENT[:10]),
        (Short(5), 206, 1000, CONTENT[1000:-5]),
    ],
)
def test_wrong_part(fault: Fault, status: int, claimed: int | None, expected: bytes) -> None:
    answer, headers, body = ask_faulty(fault, Range="bytes=1000-")
    assert (answer, headers["Content-Length"]) == (status, str(len(expected)))
    assert body == expected
    if claimed is not None:
        end = claimed + len(expected)
        assert headers["Content-Range"] == f"bytes {claimed}-{end - 1}/{end}"


def test_changed_content_stays() -> None:
    faults = {"/net.bin": [Fault(), ChangedETag(b"new")]}
    with FaultServer({"/net.bin": CONTENT}, faults) as server, connected(server) as connection:
        old = ask(connection)[1]
        for _ in range(2):
            status, headers, body = ask(connection, Range="bytes=1-", If_Range=old["ETag"])
            assert (status, body) == (200, b"new")
            assert all(headers[name] != old[name] for name in ("ETag", "Last-Modified"))


def test_gzip_decodes_back() -> None:
    status, headers, body = ask_faulty(Gzip(), Accept_Encoding="identity", Range="bytes=3-")
    assert (status, headers["Content-Encoding"], headers["Content-Length"]) == (200, "gzip", str(len(body)))
    assert gzip.decompress(body) == CONTENT != body


def test_no_length() -> None:
    status, headers, body = ask_faulty(NoLength())
    assert (status, headers["Transfer-Encoding"], body) == (200, "chunked", CONTENT)
    assert "Content-Length" not in headers


def test_server_stops_at_once_with_idle_stalled_dripping_and_deaf_clients() -> None:
    tls, trusting = tls_context()
    files = {"/net.bin": CONTENT, "/slow": CONTENT, "/big": bytes(50_000_000)}
    faults = {"/net.bin": [Stall(1000)], "/slow": [Drip(1, 10 * PATIENCE)]}
    before = {*threading.enumerate()}
    with ExitStack() as clients:
        with FaultServer(files, faults, tls) as server:
            stalled, dripping, deaf, idle = (clients.enter_context(connected(server, trusting)) for _ in range(4))
            stalled.request("GET", "/net.bin")
            dripping.request("GET", "/slow")
            deaf.request("GET", "/big")
            idle.connect()
            first, second, _ = (clients.enter_context(client.getresponse()) for client in (stalled, dripping, deaf))
            assert first.read(1000) == CONTENT[:1000]
            assert second.read(1) == CONTENT[:1]
            stalled.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                first.read(1)
        assert {*threading.enumerate()} <= before  # none of those that send waits for its client, or for its pause
    assert {request.path: request.sent for request in server.requests if request.path != "/big"} == {
        "/net.bin": 1000,
        "/slow": 1,
    }


def test_client_may_go_away() -> None:
    with FaultServer({"/net.bin": bytes(50_000_000)}) as server:
        with connected(server) as connection:
            connection.request("GET", "/net.bin")
            with connection.getresponse() as response:
                response.read(10)
        with connected(server) as connection:
            assert ask(connection, Range="bytes=49999999-")[2] == b"\0"
    assert server.requests[0].sent < 50_000_000


def test_tls() -> None:
    tls, trusting = tls_context()
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Cut(10)]}, tls=tls) as server:
        assert server.url("/net.bin").startswith("https://localhost:")
        with connected(server, ssl.create_default_context()) as connection, pytest.raises(ssl.SSLCertVerificationError):
            ask(connection)
        with connected(server, trusting) as connection, pytest.raises(http.client.IncompleteRead):
            ask(connection)
        with connected(server, trusting) as connection:
            assert ask(connection)[::2] == (200, CONTENT)
    assert len(server.requests) == 2
