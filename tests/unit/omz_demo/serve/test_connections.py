"""Connections: those whose clients do not go on are ended, and those that do are kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from omz_demo.serve.connections import Connection

PATIENCE = 0.3
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 8 << 20  # bytes: more than fits between two sockets


class Patient(Connection):
    patience = PATIENCE


async def answer(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer with much, after a while that is longer than a connection is patient."""
    await asyncio.sleep(3 * PATIENCE)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(answer, http=Patient, ws="none", lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listening.getsockname(), limit=1 << 16)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends the connection, in whatever way, before a test has lasted too long."""
    try:
        return not await asyncio.wait_for(reader.read(1), 20)
    except ConnectionError:
        return True


@pytest.mark.parametrize("head", [b"", b"GET / HT"])
def test_a_silent_client_is_left(head):
    async def run() -> None:
        async with connected() as (reader, writer):
            writer.write(head)
            assert await is_ended(reader)

    asyncio.run(run())


def test_a_head_that_comes_letter_by_letter_is_not_waited_for():
    async def run() -> None:
        async with connected() as (reader, writer):
            ended = asyncio.create_task(is_ended(reader))
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            while not ended.done():
                writer.write(b"a")
                await asyncio.sleep(PATIENCE / 4)
            assert await ended

    asyncio.run(run())


def test_who_waits_for_an_answer_and_reads_it_gets_all_of_it():
    async def run() -> None:
        async with connected() as (reader, writer):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            read = 0
            while read < LARGE:
                read += len(await reader.read(1 << 20))
                await asyncio.sleep(PATIENCE / 100)

    asyncio.run(run())


def test_who_does_not_read_an_answer_is_left():
    async def run() -> None:
        async with connected() as (reader, writer):
            writer.write(REQUEST)
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(6 * PATIENCE)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(LARGE), 20)

    asyncio.run(run())
