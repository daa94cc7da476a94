"""Use cases of attendance: a terminal's record is stored once, its clock is measured, and what it must not send is
only counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.statements import Statements

WRONG_CLOCK_MS = 30_000
"""From this on a terminal's clock is wrong: flagged, corrected for, and set."""


@dataclass(frozen=True, slots=True)
class Punch:
    device: str
    person: str
    clock: datetime
    """As the terminal showed it: local time, no zone."""
    sequence: str
    bookmark: str
    direction: str
    mode: str
    live: bool


def punches(session: Session, hall: Hall, now: Now, command: tuple[Punch, ...]) -> int:
    """Stores records of one terminal, oldest first; how many were not there. One that is read again after a correction
    keeps its first time."""
    *_, last = command
    clock = _clock(session, last.device)
    new = sum(_stored(session, hall, now, each, clock) for each in command)
    session.connection.exec_driver_sql(
        "INSERT INTO terminal (device, bookmark) VALUES (?, ?)"
        " ON CONFLICT (device) DO UPDATE SET bookmark=excluded.bookmark",
        (last.device, last.bookmark),
    )
    return new


def punch(session: Session, hall: Hall, now: Now, command: Punch) -> bool:
    """As `punches`, for one; False when it was there already."""
    return bool(punches(session, hall, now, (command,)))


def _stored(session: Session, hall: Hall, now: Now, command: Punch, clock: _Clock) -> bool:
    here = command.clock.replace(tzinfo=hall.zone_info)
    offset = clock.offset if command.live else clock.offset_of(int(here.timestamp() * 1000))
    local = here - timedelta(milliseconds=offset)
    at = int(local.timestamp() * 1000)
    shown, day = command.clock.isoformat(timespec="seconds"), local.date().isoformat()
    stored = session.connection.exec_driver_sql(
        "INSERT INTO punch (id, device, person, shown, sequence, at, offset_ms, day, direction, mode, live, stored_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, person, shown, sequence) DO NOTHING",
        (
            session.new_id(),
            command.device,
            command.person,
            shown,
            command.sequence,
            at,
            offset,
            day,
            command.direction,
            command.mode,
            int(command.live),
            now.at,
        ),
    ).rowcount
    if stored:
        actor = f"device:{command.device}"
        data = {"staff": command.person, "device": command.device, "at": at, "direction": command.direction}
        key = f"staff:{command.person}"
        append(session, hall, now, "attendance.punched", key, actor, **data, mode=command.mode, corrected_ms=offset)
    return bool(stored)


class _Clock(NamedTuple):
    """A terminal's clock now, and how it was wrong before it was set right; all in milliseconds."""

    offset: int = 0
    """By how much it is ahead."""
    right_at: int = 0
    """When it was last found to be right."""
    was: int = 0
    was_from: int = 0
    was_until: int = 0

    def offset_of(self, shown: int) -> int:
        """Of a record in memory: made while the clock was wrong before, before it went wrong, or since."""
        if self.was and self.was_from < shown - self.was <= self.was_until:
            return self.was
        return 0 if shown <= self.right_at else self.offset


def _clock(session: Session, device: str) -> _Clock:
    row = session.connection.exec_driver_sql(
        "SELECT offset_ms, right_at, was_ms, was_from, was_until FROM terminal WHERE device=?", (device,)
    ).first()
    return _Clock(*row) if row else _Clock()


@dataclass(frozen=True, slots=True)
class Measured:
    device: str
    offset_ms: int
    """Positive when the terminal is ahead."""


def measure(session: Session, hall: Hall, now: Now, command: Measured) -> bool:
    """Notes how far the clock is off; True when that is wrong. A small difference corrects nothing.

    In whole seconds, as the terminal shows them, and rounded up: the correction makes nobody late.
    """
    wrong = abs(command.offset_ms) >= WRONG_CLOCK_MS
    before, offset = _clock(session, command.device), -(-command.offset_ms // 1000) * 1000 if wrong else 0
    after = before._replace(offset=offset, right_at=before.right_at if wrong else now.at)
    if before.offset and not wrong:
        after = after._replace(was=before.offset, was_from=before.right_at, was_until=now.at)
    session.connection.exec_driver_sql(
        "INSERT INTO terminal (device, measured_at, offset_ms, right_at, was_ms, was_from, was_until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE SET measured_at=excluded.measured_at,"
        " offset_ms=excluded.offset_ms, right_at=excluded.right_at, was_ms=excluded.was_ms,"
        " was_from=excluded.was_from, was_until=excluded.was_until",
        (command.device, now.at, *after),
    )
    if wrong:
        key = f"device:{command.device}"
        append(session, hall, now, "attendance.clock_wrong", key, key, device=command.device, offset_ms=offset)
    return wrong


@dataclass(frozen=True, slots=True)
class Dropped:
    device: str
    count: int


def drop(session: Session, _hall: Hall, _now: Now, command: Dropped) -> None:
    session.connection.exec_driver_sql(
        "INSERT INTO terminal (device, discarded) VALUES (?, ?)"
        " ON CONFLICT (device) DO UPDATE SET discarded = discarded + excluded.discarded",
        (command.device, command.count),
    )


def bookmark(connection: Statements, device: str) -> str:
    """Where its memory was read to; "" when nothing of it is stored."""
    row = connection.exec_driver_sql("SELECT bookmark FROM terminal WHERE device=?", (device,)).first()
    return str(row[0]) if row else ""
