"""An in-memory pair of wires: a driver's `Link` and a simulator's `Wire`. No sockets, no time of its own."""

from __future__ import annotations

import asyncio

from drivers.base import Unreachable
from simulators.port import Gone


class End:
    """One end. `error` is what this side raises when the pair is closed."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = asyncio.Event()
        self.other: End

    async def read(self) -> bytes:
        getting = asyncio.ensure_future(self._inbox.get())
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({getting, closing}, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            raise self._error("closed")
        finally:
            for task in (getting, closing):
                task.cancel()
            await asyncio.gather(getting, closing, return_exceptions=True)

    async def write(self, data: bytes) -> None:
        if self._closed.is_set():
            raise self._error("closed")
        if data:
            self.other._inbox.put_nowait(bytes(data))

    async def close(self) -> None:
        self._closed.set()
        self.other._closed.set()


def pair() -> tuple[End, End]:
    """(the driver's link, the simulator's wire)"""
    link, wire = End(Unreachable), End(Gone)
    link.other, wire.other = wire, link
    return link, wire


class Scripted:
    """A peer that reads a request at a time and answers with the next of the scripted bytes; b"" is silence."""

    def __init__(self, wire: End, *answers: bytes) -> None:
        self.wire, self.answers = wire, answers
        self.heard: list[bytes] = []

    async def run(self) -> None:
        for answer in self.answers:
            self.heard.append(await self.wire.read())
            await self.wire.write(answer)


async def closed(wire: End) -> bool:
    """Whether the driver hung up; what it said before is read away."""
    try:
        async with asyncio.timeout(0.1):
            while True:
                await wire.read()
    except Gone:
        return True
    except TimeoutError:
        return False
