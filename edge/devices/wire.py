"""The last bytes that went over a device's wire, in memory alone, for the person who looks for a fault.

Only families whose wire names no person are kept: not cards, attendance terminals, text messages, pads, keyboards. Of
a printer only what it answers, since a slip carries the key by which its visitor rates.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Literal, NamedTuple

from drivers.base import Link

Direction = Literal["in", "out"]
KEPT: dict[str, tuple[Direction, ...]] = {
    "call_bus": ("in", "out"),
    "onbon": ("in", "out"),
    "alpha": ("in", "out"),
    "modbus": ("in", "out"),
    "frame_profile": ("in", "out"),
    "escpos": ("in",),
}
"""Driver -> which bytes are kept; of the other direction only how many they were."""
EXCHANGES, LONGEST = 40, 64
"""Of a device; and of one of them, in bytes."""


class Exchange(NamedTuple):
    at: int
    """UTC, milliseconds."""
    direction: Direction
    size: int
    data: bytes
    """Its first bytes; empty where they are not kept."""


class Wire:
    """What was heard and said, device by device."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._kept: dict[str, deque[Exchange]] = defaultdict(lambda: deque(maxlen=EXCHANGES))

    def last(self, device: str) -> list[Exchange]:
        """The newest first."""
        return list(reversed(self._kept[device])) if device in self._kept else []

    def tap(self, device: str, driver: str, link: Link) -> Link:
        """The same link, whose bytes are kept as far as they may be."""
        return _Tap(link, self._kept[device], KEPT[driver], self._now) if driver in KEPT else link


class _Tap:
    def __init__(self, link: Link, kept: deque[Exchange], shown: tuple[Direction, ...], now: Callable[[], int]) -> None:
        self._link, self._kept, self._shown, self._now = link, kept, shown, now

    async def read(self) -> bytes:
        data = await self._link.read()
        self._keep("in", data)
        return data

    async def write(self, data: bytes) -> None:
        self._keep("out", data)
        await self._link.write(data)

    async def close(self) -> None:
        await self._link.close()

    def _keep(self, direction: Direction, data: bytes) -> None:
        told = bytes(data[:LONGEST]) if direction in self._shown else b""
        self._kept.append(Exchange(self._now(), direction, len(data), told))
