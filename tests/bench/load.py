"""The processes of a measurement over HTTP: the service, what is changed in it, its floors, and the load on them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench.report import Figures
from tests.server import callers, free_port, running


@contextlib.asynccontextmanager
async def floors(hall: Path, data: Path) -> AsyncIterator[int]:
    """The port of tests.bench.floors, ready."""
    async with _started("tests.bench.floors", hall, data) as port:
        yield port


@contextlib.asynccontextmanager
async def changed(hall: Path, data: Path, change: str | None) -> AsyncIterator[int]:
    """The port of the service, ready."""
    if change is not None:
        async with _started("tests.bench.service", hall, data, change) as port:
            yield port
        return
    async with running(hall, data) as server:
        yield server.port


@contextlib.asynccontextmanager
async def _started(module: str, hall: Path, data: Path, *more: str) -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, str(hall), str(data), str(port), *more)
    try:
        async with asyncio.timeout(15):
            while not await _answers(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        async with callers(port, 1) as (caller,):
            return (await caller.ask("GET", "/readyz"))[0] == 200
    except ConnectionError:
        return False


async def load(port: int, clients: int, count: int, scenario: str) -> Figures:
    """So many requests by so many clients, in a process of their own; every answer is right."""
    command = [sys.executable, "-m", "tests.bench.client", str(port), str(clients), str(count), scenario]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer = json.loads((await process.communicate())[0])
    assert process.returncode == 0
    assert answer["wrong"] == 0
    assert len(answer["latencies"]) == count
    return Figures(answer["per_second"], answer["latencies"], answer["cpu"])
