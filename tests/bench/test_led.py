"""From the key of a call box to the text on the LED screen, over the real wires of the demo hall; only reported.

The simulated devices are in this process, on their pty and their TCP ports; the service is in its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.call_bus import KEYS, CallBus
from simulators.central import Central, CentralServer
from simulators.hall import Caller as Calls
from simulators.hall import SimulatedHall, read
from simulators.onbon import Onbon
from simulators.port import serve
from tests.bench.report import Figures, show
from tests.server import Caller, callers, free_port, running

pytestmark = pytest.mark.bench

FILE = Path(__file__).resolve().parents[2] / "config" / "demo.toml"
BESIDE = (1, 2, 11, 12, 21, 22, 23, 31, 41, 42)
PRESSES = 60
APART_S = 0.35
"""A second press of the same key within 0.3 s counts as the same press."""


@contextlib.asynccontextmanager
async def devices(hall: SimulatedHall, data: Path) -> AsyncIterator[tuple[CallBus, Onbon]]:
    """The counter's bus and the screen of window 1, while all devices and the centre are served."""
    async with contextlib.AsyncExitStack() as stack:
        for each in hall.devices.values():
            if not isinstance(each.simulator, Calls):
                await stack.enter_async_context(serve(each.link, each.simulator, each.faults))
        central = Central(data / "received.jsonl")
        await stack.enter_async_context(CentralServer(hall.central_port or 0, central))
        bus, screen = hall.devices["counter"].simulator, hall.devices["led-1"].simulator
        assert isinstance(bus, CallBus)
        assert isinstance(screen, Onbon)
        yield bus, screen


async def shown_at(screen: Onbon, since: float, number: str, *, there: bool = True) -> float:
    """The loop time after `since` from which `number` can be read there, or can be no more. Raises TimeoutError."""
    async with asyncio.timeout(5):
        while True:
            for each in screen.history:
                if each.at > since and (number in each.text) == there:
                    return each.at
            await asyncio.sleep(0.001)


async def one_visitor(kiosk: Caller, bus: CallBus, screen: Onbon, found: dict[str, Figures]) -> None:
    loop = asyncio.get_running_loop()
    status, ticket = await kiosk.ask("POST", "/api/v1/tickets", {"service": "pension"})
    assert status == 201
    pressed = loop.time()
    assert await bus.press(1, KEYS["call"])
    found["key to echo"].latencies.append((loop.time() - pressed) * 1000)
    shown = await shown_at(screen, pressed, ticket["number"])
    found["key to LED"].latencies.append((shown - pressed) * 1000)
    assert await bus.press(1, KEYS["finish"])
    await shown_at(screen, shown, ticket["number"], there=False)
    await asyncio.sleep(max(0.0, APART_S - (loop.time() - pressed)))


async def calls_over_http(kiosk: Caller, screen: Onbon, figures: dict[str, Figures]) -> None:
    """The same call without the bus: what the press costs beside it."""
    loop = asyncio.get_running_loop()
    for _ in range(PRESSES):
        _, ticket = await kiosk.ask("POST", "/api/v1/tickets", {"service": "pension"})
        asked = loop.time()
        status, _ = await kiosk.ask("POST", "/api/v1/windows/1/call-next")
        assert status == 200
        figures["call over HTTP"].latencies.append((loop.time() - asked) * 1000)
        shown = await shown_at(screen, asked, ticket["number"])
        figures["call over HTTP to LED"].latencies.append((shown - asked) * 1000)
        await kiosk.ask("POST", "/api/v1/windows/1/finish", {"ticket": ticket["id"]})
        await shown_at(screen, shown, ticket["number"], there=False)


async def test_key_to_led(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port, data = free_port(*BESIDE), tmp_path / "data"
    found = {name: Figures() for name in ("key to echo", "call over HTTP", "key to LED", "call over HTTP to LED")}
    async with (
        devices(read(FILE, port=port, data=data), tmp_path) as (bus, screen),
        running(FILE, data, port=port),
    ):
        await shown_at(screen, 0.0, "综合窗口")
        async with callers(port, 1) as (kiosk,):
            for _ in range(PRESSES):
                await one_visitor(kiosk, bus, screen, found)
            await calls_over_http(kiosk, screen, found)
    rows = [[name, f"{each.percentile(50):.1f}", f"{each.percentile(99):.1f}"] for name, each in found.items()]
    assert all(len(each.latencies) == PRESSES for each in found.values())
    show(capsys, f"Wires of the demo hall, {PRESSES} visitors", rows, ["", "p50 ms", "p99 ms"])
