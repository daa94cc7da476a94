"""Devices that call us with one request after the other: each is a driver's read, and its answer the driver's write."""

from __future__ import annotations

import asyncio
from collections import deque

from drivers.base import Unreachable

ANSWER_S = 30.0
LINE = 8
"""Requests of one device that may wait for their answer."""
MOST_STRANGERS = 32


class Exchanges:
    """The link of one such device; it stays while its driver does."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[bytes] = asyncio.Queue(LINE)
        self._answers: deque[asyncio.Future[bytes]] = deque()
        self.over = asyncio.Event()

    async def ask(self, request: bytes) -> bytes:
        """The driver's answer. Raises `Unreachable` when none comes in time: then nothing may be taken as received."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            self._asked.put_nowait(request)
            self._answers.append(answer)
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except (asyncio.QueueFull, TimeoutError) as error:
            raise Unreachable("its driver is busy") from error

    async def read(self) -> bytes:
        if self.over.is_set():
            raise Unreachable("the link is closed")
        return await self._asked.get()

    async def write(self, data: bytes) -> None:
        if self._answers:
            answer = self._answers.popleft()
            if not answer.done():
                answer.set_result(data)

    async def close(self) -> None:
        self.over.set()
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(Unreachable("the link is closed"))
        self._answers.clear()


class Callers:
    """Who calls us by a serial number: the links of those in the hall file, and a short list of the others for ops."""

    def __init__(self) -> None:
        self._links: dict[str, Exchanges] = {}
        self.strangers: dict[str, int] = {}
        """serial -> when it called last, UTC milliseconds."""

    def link(self, device: str) -> tuple[Exchanges, bool]:
        """The device's link, and whether it is a new one that the hub must be told of."""
        known = self._links.get(device)
        if known is not None and not known.over.is_set():
            return known, False
        self._links[device] = Exchanges()
        return self._links[device], True

    def stranger(self, serial: str, at: int) -> None:
        self.strangers.pop(serial, None)
        self.strangers[serial] = at
        while len(self.strangers) > MOST_STRANGERS:
            del self.strangers[next(iter(self.strangers))]
