"""Use cases of attendance: a terminal's record is stored once, its clock is measured, and what it must not send is
only counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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


def punch(session: Session, hall: Hall, now: Now, command: Punch) -> bool:
    """Stores a record; False when it was there already. Read again after a correction it keeps its first time."""
    offset = _offset(session, command.device)
    local = command.clock.replace(tzinfo=hall.zone_info) - timedelta(milliseconds=offset)
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
    session.connection.exec_driver_sql(
        "INSERT INTO terminal (device, bookmark) VALUES (?, ?)"
        " ON CONFLICT (device) DO UPDATE SET bookmark=excluded.bookmark",
        (command.device, command.bookmark),
    )
    if stored:
        actor = f"device:{command.device}"
        data = {"staff": command.person, "device": command.device, "at": at, "direction": command.direction}
        key = f"staff:{command.person}"
        append(session, hall, now, "attendance.punched", key, actor, **data, mode=command.mode, corrected_ms=offset)
    return bool(stored)


def _offset(session: Session, device: str) -> int:
    row = session.connection.exec_driver_sql("SELECT offset_ms FROM terminal WHERE device=?", (device,)).first()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Measured:
    device: str
    offset_ms: int
    """Positive when the terminal is ahead."""


def measure(session: Session, hall: Hall, now: Now, command: Measured) -> bool:
    """Notes how far the clock is off; True when that is wrong. A small difference corrects nothing."""
    wrong = abs(command.offset_ms) >= WRONG_CLOCK_MS
    offset = command.offset_ms if wrong else 0
    session.connection.exec_driver_sql(
        "INSERT INTO terminal (device, offset_ms, measured_at) VALUES (?, ?, ?) ON CONFLICT (device) DO UPDATE"
        " SET offset_ms=excluded.offset_ms, measured_at=excluded.measured_at",
        (command.device, offset, now.at),
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
