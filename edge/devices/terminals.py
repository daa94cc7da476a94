"""Attendance terminals: their records are stored before they are acknowledged, and a wrong clock is set right."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import Condition, Discarded, Misconfigured, Punched, Punches, Terminal, TerminalEvent
from edge import hall as halls
from edge.attendance import desk
from edge.clock import Clock
from edge.database import Database, Writer
from edge.devices import hub
from edge.devices.handlers import Answer
from edge.notices.outputs import SetClock

SETTING_MS = 60_000


def terminals(hall: halls.Hall) -> tuple[str, ...]:
    """The devices that people punch at, in the order of the hall file."""
    return tuple(each.id for each in hall.devices if _is_terminal(each))


def _is_terminal(config: halls.Device) -> bool:
    try:
        return issubclass(hub.driver_class(config.driver), Terminal)
    except Misconfigured:
        return False


class Terminals:
    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database, self._writer, self._clock = database, writer, clock

    def bookmark(self, device: str) -> str:
        with self._database.read() as connection:
            return desk.bookmark(connection, device)

    async def __call__(self, config: halls.Device, event: TerminalEvent) -> Sequence[Answer]:
        """Returns after the commit."""
        if isinstance(event, Punched | Punches):
            told = event.records if isinstance(event, Punches) else (event,)
            await self._writer.do(desk.punches, tuple(_record(config.id, each) for each in told))
            return []
        if isinstance(event, Discarded):
            await self._writer.do(desk.drop, desk.Dropped(config.id, event.count))
            return []
        if not self._clock.now().ok:
            return []  # it is ours that is wrong
        wrong = await self._writer.do(desk.measure, desk.Measured(config.id, round(event.offset_s * 1000)))
        answers: list[Answer] = [Condition("wrong_clock", wrong)]
        return [*answers, SetClock(config.id, 0, self._clock.now().at + SETTING_MS)] if wrong else answers


def _record(device: str, told: Punched) -> desk.Punch:
    return desk.Punch(
        device, told.person, told.clock, told.sequence, told.bookmark, told.direction, told.mode, told.live
    )
