"""pymodbus 3.16.1, a public Modbus server, as the digit board: our driver writes its registers over real TCP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.base import Rejected
from drivers.link import open_link
from drivers.modbus import Modbus

FRAMERS = {"rtu": FramerType.RTU, "tcp": FramerType.SOCKET}
NUMBER, TEXT = 0x0000, 0x0070


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Boards:
    """Two boards, units 1 and 3, with the number at 0000 and the text at 0070; `seen` is what was written to them."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, list[int]]] = []
        self.written = asyncio.Event()

    def device(self, unit: int) -> SimDevice:
        async def action(
            _function: int, _block: int, address: int, _count: int, _old: list[int], new: list[int] | list[bool] | None
        ) -> None:
            if new is not None:
                self.seen.append((unit, address, list(new)))
                self.written.set()

        registers = [SimData(at, count=size, datatype=DataType.REGISTERS) for at, size in ((NUMBER, 1), (TEXT, 6))]
        return SimDevice(unit, simdata=registers, action=action)


@contextlib.asynccontextmanager
async def hosted(framing: str) -> AsyncIterator[tuple[Boards, Modbus]]:
    boards, port = Boards(), free_port()
    server = ModbusTcpServer(
        [boards.device(unit) for unit in (1, 3)], framer=FRAMERS[framing], address=("127.0.0.1", port)
    )
    await server.serve_forever(background=True)
    options = {"framing": framing, "units": [1, 3], "show_waiting": False, "timeout_s": 5.0, "poll_s": 0.01}
    try:
        async with Modbus(lambda: open_link(f"tcp://127.0.0.1:{port}"), options) as line:
            yield boards, line
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("framing", FRAMERS)
async def test_numbers_and_blanks_arrive(framing: str) -> None:
    async with hosted(framing) as (boards, line):
        await line.show_number(1, 12, 0)
        await line.show_number(3, 1000, 0)
        await line.show_number(1, None, 5)
        assert boards.seen == [(1, NUMBER, [12]), (3, NUMBER, [999]), (1, TEXT, [0x2020, 0x2000, 0, 0, 0, 0])]
        assert (line.ignored, line.counters.garbage, line.counters.bad_frames) == (0, 0, 0)


@pytest.mark.parametrize("framing", FRAMERS)
async def test_the_poll_is_answered(framing: str) -> None:
    async with hosted(framing) as (boards, line):
        await line.show_number(3, 7, 0)
        events = line.events()
        asking = asyncio.create_task(anext(events))
        for _ in range(3):
            boards.written.clear()
            async with asyncio.timeout(5):
                await boards.written.wait()
        assert not asking.done()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert boards.seen == [(3, NUMBER, [7])] * len(boards.seen)


@pytest.mark.parametrize("framing", FRAMERS)
async def test_a_register_the_board_lacks_is_rejected(framing: str) -> None:
    async with hosted(framing) as (boards, line):
        line.options = {**line.options, "register": 0x88}
        with pytest.raises(Rejected) as caught:
            await line.show_number(1, 12, 0)
        assert caught.value.reason == "illegal_address"
        assert boards.seen == []
