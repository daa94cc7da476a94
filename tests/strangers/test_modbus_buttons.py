"""pymodbus 3.16.1, a public Modbus server, as two button modules that our driver looks at, over TCP and serial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator, Iterator

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.base import KeyPressed, Misconfigured
from drivers.link import open_link
from drivers.modbus import Modbus

KEYS = ["call", "recall", "finish"]


class Modules:
    """Units 11 and 12 with 16 inputs and 16 coils each; `closed` has the bits of the inputs."""

    def __init__(self) -> None:
        self.closed = {11: 0, 12: 0}
        self.looks = asyncio.Semaphore(0)
        self.switched = asyncio.Semaphore(0)
        self.coils: list[tuple[int, int, list[int]]] = []
        """(unit, coil, what was written)"""

    def device(self, unit: int) -> SimDevice:
        async def action(
            function: int, _block: int, address: int, _count: int, bits: list[int], new: list[int] | list[bool] | None
        ) -> None:
            if function == 2:
                bits[0] = self.closed[unit]
                self.looks.release()
            elif new is not None:
                self.coils.append((unit, address, list(new)))
                self.switched.release()

        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        words = [SimData(0, datatype=DataType.REGISTERS)]
        return SimDevice(unit, simdata=(bits, bits, words, words), action=action)

    async def look(self) -> None:
        """Until each has been looked at some times more."""
        async with asyncio.timeout(5):
            for _ in range(6):
                await self.looks.acquire()


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two serial ports that are connected to each other."""
    loop, ends, names = asyncio.get_running_loop(), [], []
    for _ in range(2):
        master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        ends += [master, slave]
        names.append(os.ttyname(slave))
    one, two = ends[0], ends[2]
    for here, there in ((one, two), (two, one)):
        loop.add_reader(here, lambda here=here, there=there: os.write(there, os.read(here, 4096)))  # type: ignore[misc]
    try:
        yield names[0], names[1]
    finally:
        for here in (one, two):
            loop.remove_reader(here)
        for fd in ends:
            os.close(fd)


@contextlib.asynccontextmanager
async def served(framing: str, modules: Modules) -> AsyncIterator[str]:
    """The link: TCP for the one framing, a serial line for the other."""
    devices = [modules.device(unit) for unit in (11, 12)]
    with contextlib.ExitStack() as stack:
        if framing == "rtu":
            theirs, ours = stack.enter_context(cable())
            server: ModbusSerialServer | ModbusTcpServer = ModbusSerialServer(devices, port=theirs, baudrate=9600)
            link = f"serial://{ours}?baud=9600"
        else:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            server = ModbusTcpServer(devices, framer=FramerType.SOCKET, address=("127.0.0.1", port))
            link = f"tcp://127.0.0.1:{port}"
        await server.serve_forever(background=True)
        try:
            yield link
        finally:
            await server.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_its_inputs_are_presses_and_its_coils_sound(framing: str) -> None:
    modules, told = Modules(), list[object]()
    async with served(framing, modules) as link:
        options = {"framing": framing, "inputs": {"11": KEYS, "12": KEYS}, "buzzer": 5, "timeout_s": 2.0}
        async with Modbus(lambda: open_link(link), options) as line:

            async def listen() -> None:
                async with contextlib.aclosing(line.events()) as events:
                    async for event in events:
                        told.append(event)

            listening = asyncio.create_task(listen())
            await modules.look()
            for unit, bit in ((11, 0), (12, 1), (12, 2)):
                modules.closed[unit] = 1 << bit
                await modules.look()
                modules.closed[unit] = 0
                await modules.look()
            await line.beep(12)
            async with asyncio.timeout(5):
                for _ in range(4):
                    await modules.switched.acquire()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert (line.ignored, line.counters.garbage, line.counters.bad_frames) == (0, 0, 0)
    assert told == [KeyPressed(11, "call"), KeyPressed(12, "recall"), KeyPressed(12, "finish")]
    assert sorted(modules.coils[:2]) == [(11, 5, [False]), (12, 5, [False])]
    assert modules.coils[2:] == [(12, 5, [True]), (12, 5, [False])]


async def test_a_coil_that_it_does_not_have_is_misconfigured() -> None:
    async with served("tcp", Modules()) as link:
        options = {"framing": "tcp", "inputs": {"11": KEYS}, "buzzer": 99, "timeout_s": 2.0}
        async with Modbus(lambda: open_link(link), options) as line:
            with pytest.raises(Misconfigured, match=r"illegal_address: unit 11.*has it coil 99"):
                await anext(line.events())
