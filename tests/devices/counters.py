"""A hall with nothing but its counters: call boxes and evaluators on the FF 68 bus, in memory and in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.hall import Running, World

ANSWERED_S = 0.3
"""A press is answered within this."""


def counters(text: str) -> str:
    """The demo hall's file without any other device, and without a centre."""
    tables = re.split(r"(?m)^(?=\[)", text)
    others = [table for table in tables if table.startswith("[[device]]") and 'id = "counter"' not in table]
    kept = "".join(table for table in tables if table not in others and not table.startswith("[central]"))
    for other in others:
        id_ = re.findall(r'id = "(.*?)"', other)[0]
        kept = re.sub(rf'(?m)^\w+ = (?:"{id_}"|\{{ device = "{id_}".*\}}).*\n', "", kept)
    return kept


def with_options(options: str) -> Callable[[str], str]:
    """The same with these options of the line, `keys = "slz"`."""
    return lambda text: re.sub(r'(link = "serial:\S+")', rf"\1\noptions = {{ {options} }}", counters(text))


@dataclass
class Counter:
    """The boxes on the line, and what the host says to them, frame by frame."""

    world: World
    hall: Running
    said: list[tuple[float, bytes]] = field(default_factory=list)
    """(loop time, frame)"""

    def __post_init__(self) -> None:
        self.bus, self.wire = self.world.simulator("counter"), self.world.wires["counter"]
        link = self.wire.other
        write = link.write

        async def heard(data: bytes) -> None:
            self.said.append((now(), data))
            await write(data)

        link.write = heard  # type: ignore[method-assign]

    async def arrive(self, *services: str) -> list[str]:
        """The numbers they take; returns when the displays say how many wait."""
        numbers = [(await self.hall.issue(service))["number"] for service in services]
        await asyncio.sleep(0.1)
        return numbers

    async def press(self, data: str, box: int = 3) -> list[str]:
        """A key, after the digits typed before it, as the box sends them: what is said to the box in answer."""
        *digits, key = bytes.fromhex(data)
        before = len(self.said)
        assert await self.bus.press(box, key, digits), "no echo"
        return await self.answer(box, before)

    async def answer(self, box: int, before: int) -> list[str]:
        """What this display is told within the time of an answer: its six digits, or `beep`."""
        until = now() + ANSWERED_S
        await asyncio.sleep(ANSWERED_S + 0.1)  # the same key sooner would be the same press
        frames = [frame for at, frame in self.said[before:] if at < until and frame[5] == box and frame[6] in (2, 3)]
        return [
            "beep" if frame[6] == 3 else "".join(" " if d == 10 else str(d) for d in frame[7:-2]) for frame in frames
        ]

    async def grade(self, grade: int, box: int = 3) -> None:
        """A visitor's press; returns when the evaluator has its acknowledgement, and the hall has settled."""
        assert await self.bus.grade(box, grade), "no acknowledgement"
        await asyncio.sleep(0.1)

    def rows(self, sql: str) -> list[Any]:
        with self.hall.parts.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def happened(self, since: int = 0) -> list[str]:
        """The types of the events, from the `since`th on."""
        return [event.type for event in self.hall.events()][since:]


def now() -> float:
    return asyncio.get_running_loop().time()
