"""The simulated pad on a real WebSocket: it calls, calls again, and can be half open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from simulators import pad as pads
from simulators.pad import Pad

ASK = '{"code":40001,"state":0,"msg":"请发送工号"}'
WELCOME = '{"code":40001,"state":1}'


class Service:
    """Logs every pad in, and keeps the connections."""

    def __init__(self) -> None:
        self.lines: list[ServerConnection] = []
        self.heard: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def __call__(self, line: ServerConnection) -> None:
        self.lines.append(line)
        await line.send(ASK)
        async for message in line:
            self.heard.put_nowait(json.loads(message))
            await line.send(WELCOME)


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


@pytest.fixture
async def called(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Pad, Service]]:
    monkeypatch.setattr(pads, "RETRY_S", 0.02)
    pad, service = Pad("pad-3", {"work_no": "1003", "key": "secret"}), Service()
    async with serve(service, "127.0.0.1", 0, ping_interval=0.05, ping_timeout=0.1, close_timeout=0.1) as server:
        calling = asyncio.create_task(pad.call(f"ws://127.0.0.1:{port_of(server)}/pads"))
        async with asyncio.timeout(10):
            await service.heard.get()
            await until(pad, signed_in=True)
            yield pad, service
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling


async def until(pad: Pad, **wanted: object) -> None:
    while pad.state() | wanted != pad.state():  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.005)


async def test_it_calls_and_logs_in_and_calls_again_when_the_line_is_lost(called: tuple[Pad, Service]) -> None:
    pad, service = called
    await service.lines[0].close()
    assert await service.heard.get() == {"code": 40001, "data": {"work_no": "1003", "key": "secret"}}
    done = pad.control("reconnect")
    assert done is not None
    await done
    await service.heard.get()
    assert len(service.lines) == 3


async def test_half_open_it_answers_no_ping_and_is_given_up(called: tuple[Pad, Service]) -> None:
    pad, service = called
    await asyncio.sleep(0.3)
    assert service.lines[0].close_code is None, "a pad that listens answers pings"
    pad.control("half_open")
    async with asyncio.timeout(3):
        await service.lines[0].wait_closed()
    assert pad.state()["connected"] is True, "it does not know"
    pad.control("half_open")
    await service.heard.get()
    assert len(service.lines) == 2


async def test_a_service_that_is_not_there_is_called_until_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pads, "RETRY_S", 0.02)
    pad, service = Pad("pad-3", {}), Service()
    async with serve(service, "127.0.0.1", 0) as server:
        port = port_of(server)
    calling = asyncio.create_task(pad.call(f"ws://127.0.0.1:{port}/"))
    async with asyncio.timeout(10):
        while "连不上" not in pad.said:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.005)
        async with serve(service, "127.0.0.1", port):
            await until(pad, signed_in=True)
            calling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await calling
