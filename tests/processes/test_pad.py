"""A pad that calls a real service: it signs in, is told which page to open, and rates there once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulators.pad import Pad
from tests.server import Caller, Server, callers, free_port, hall_text, running

PAD = """
[[device]]
id = "pad-1"
name = "评价平板"
driver = "pad"
link = "inbound:"
options = { page = "http://127.0.0.1:%d/pad/1" }
"""


@contextlib.asynccontextmanager
async def service(folder: Path, change: Callable[[str], str] = lambda text: text) -> AsyncIterator[Server]:
    port, file = free_port(), folder / "hall.toml"
    text = hall_text(windows=1).replace("[[window]]\n", '[[window]]\nevaluator = { device = "pad-1" }\n')
    file.write_text(change(text + PAD % port), "utf-8")
    async with running(file, folder / "data", port=port) as server:
        yield server
        server.process.terminate()
        assert await server.ended(within=8) == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@contextlib.asynccontextmanager
async def calling(server: Server, pad: Pad) -> AsyncIterator[None]:
    call = asyncio.create_task(pad.call(f"ws://127.0.0.1:{server.port}/api/v1/pads/pad-1"))
    try:
        yield
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(8):
        while not true():  # noqa: ASYNC110  pads have nothing to wait on
            await asyncio.sleep(0.02)


async def serve_one(caller: Caller) -> None:
    _, ticket = await caller.ask("POST", "/api/v1/tickets", {"service": "s0", "kiosk": "1"})
    await caller.ask("POST", "/api/v1/windows/1/call-next")
    status, _ = await caller.ask("POST", "/api/v1/windows/1/finish", {"ticket": ticket["id"]})
    assert status == 200


@pytest.mark.req("EVAL-02")
async def test_a_pad_rates_the_service_it_was_asked_about(tmp_path: Path) -> None:
    pad = Pad("pad-1", {})
    async with service(tmp_path) as server, callers(server.port, 1) as (caller,), calling(server, pad):
        await until(lambda: pad.signed_in)
        await serve_one(caller)
        await until(lambda: pad.url)
        pad.double = True
        await pad.rate(2)
        assert [each["code"] for each in pad.answers] == [0, 1]
        _, window = await caller.ask("GET", "/api/v1/windows/1")
        assert window["last_evaluation"] == "rated"


async def test_a_pad_that_calls_again_is_asked_again(tmp_path: Path) -> None:
    first, second = Pad("pad-1", {}), Pad("pad-1", {})
    async with service(tmp_path) as server, callers(server.port, 1) as (caller,):
        async with calling(server, first):
            await until(lambda: first.signed_in)
            await serve_one(caller)
            await until(lambda: first.url)
        async with calling(server, second):
            await until(lambda: second.url == first.url)


async def test_an_unknown_pad_and_a_wrong_key_get_nothing(tmp_path: Path) -> None:
    pad = Pad("pad-1", {"key": "guess"})
    guarded = lambda text: text.replace("demo = true", "demo = false")  # noqa: E731
    async with service(tmp_path, guarded) as server, calling(server, pad):
        await until(lambda: pad.codes.count(40001) == 2)
        assert not pad.signed_in
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(f"ws://127.0.0.1:{server.port}/api/v1/pads/pad-9", proxy=None):
                pass
