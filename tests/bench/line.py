"""One simulated device on a line of its own speed, in a process of its own.

`python -m tests.bench.line URL BAUD SIMULATOR OPTIONS`: BAUD 0 is as fast as it can, OPTIONS is JSON. Says `ready`.
N bytes hold the line for N * 10 / BAUD seconds, in one direction at a time, as on RS485.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time

from simulators.port import Simulator, Wire, serve

BITS = 10
"""Of a byte on the line: start, eight of data, stop."""


class PacedWire:
    """What the device thinks takes no time: its answer starts when the line had carried the question."""

    def __init__(self, wire: Wire, baud: int) -> None:
        self._wire, self._baud = wire, baud
        self._free_at = 0.0

    async def read(self) -> bytes:
        data = await self._wire.read()
        self._free_at = max(self._free_at, time.monotonic())
        self._carry(len(data))
        return data

    async def write(self, data: bytes) -> None:
        self._carry(len(data))
        await self._wire.write(data)

    async def close(self) -> None:
        await self._wire.close()

    def _carry(self, count: int) -> None:
        self._free_at += count * BITS / self._baud
        # Blocks on purpose: nothing else is in this process, and the event loop's clock ticks too coarsely.
        time.sleep(max(0.0, self._free_at - time.monotonic()))


class Paced:
    def __init__(self, simulator: Simulator, baud: int) -> None:
        self._simulator, self._baud = simulator, baud

    async def talk(self, wire: Wire) -> None:
        await self._simulator.talk(PacedWire(wire, self._baud) if self._baud else wire)


async def main(url: str, baud: int, name: str, options: str) -> None:
    simulator: Simulator = importlib.import_module(f"simulators.{name}").SIMULATOR(name, json.loads(options))
    async with serve(url, Paced(simulator, baud)):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until its parent is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
