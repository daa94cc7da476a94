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
