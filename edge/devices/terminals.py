"""Attendance terminals: their records are stored before they are acknowledged, and a wrong clock is set right."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import ClockRead, Condition, Discarded, Punched
from edge import hall as halls
from edge.attendance import desk
from edge.clock import Clock
from edge.database import Database, Writer
from edge.devices.handlers import Answer
from edge.notices.outputs import SetClock

SETTING_MS = 60_000


class Terminals:
    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database, self._writer, self._clock = database, writer, clock

    def bookmark(self, device: str) -> str:
        with self._database.read() as connection:
            return desk.bookmark(connection, device)

    async def __call__(self, config: halls.Device, event: Punched | ClockRead | Discarded) -> Sequence[Answer]:
        """Returns after the commit."""
        if isinstance(event, Punched):
            record = desk.Punch(
                config.id,
                event.person,
                event.clock,
                event.sequence,
                event.bookmark,
                event.direction,
                event.mode,
                event.live,
            )
            await self._writer.do(desk.punch, record)
            return []
        if isinstance(event, Discarded):
            await self._writer.do(desk.drop, desk.Dropped(config.id, event.count))
            return []
        wrong = await self._writer.do(desk.measure, desk.Measured(config.id, round(event.offset_s * 1000)))
        told: list[Answer] = [Condition("wrong_clock", wrong)]
        return [*told, SetClock(config.id, 0, self._clock.now().at + SETTING_MS)] if wrong else told
