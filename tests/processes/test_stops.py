"""SIGTERM and SIGINT: the process ends in time and cleanly, and keeps what it acknowledged."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.processes.crowd import Acknowledged, acknowledged, check, crowd
from tests.server import callers, request, running

STOP_S = 10.0
"""A stop is promised to take less (fault F46)."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_under_load_and_loses_nothing(hall: Path, data: Path, number: signal.Signals) -> None:
    known = Acknowledged()
    async with running(hall, data) as server, crowd(server, known):
        await acknowledged(known, 100)
        server.process.send_signal(number)
        assert await server.ended(STOP_S) == 0
    assert server.log.read_text("utf-8").endswith("closed.\n")
    check(data, known)
    async with running(hall, data):
        check(data, known)


async def test_an_open_stream_does_not_hold_it(hall: Path, data: Path) -> None:
    known = Acknowledged()
    async with running(hall, data) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request("GET", "/api/v1/events?after=0"))
        async with crowd(server, known):
            await acknowledged(known, 20)
            await reader.readuntil(b'"type": "ticket.issued"')
            server.process.send_signal(signal.SIGTERM)
            assert await server.ended(STOP_S) == 0
        rest = await reader.read()
        writer.close()
    assert rest.endswith(b"0\r\n\r\n"), "the stream was cut, not ended"
    check(data, known)


async def test_an_idle_connection_does_not_hold_it(hall: Path, data: Path) -> None:
    async with running(hall, data) as server, callers(server.port, 2) as (idle, _silent):
        assert (await idle.ask("GET", "/healthz"))[0] == 200
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended(STOP_S) == 0
