"""Use cases of what is entered: each correction is a new row with who and why, and the newest of a ref holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.entries import ENTRY, Entry, Leave
from edge.attendance.roster import people
from edge.calendar import ONE_DAY, Override
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements

Source = Literal["central", "csv", "ops"]


@dataclass(frozen=True, slots=True)
class Enter:
    entries: tuple[Entry, ...]
    source: Source
    by: str
    why: str = ""
    """Needed where it changes what was entered before, by somebody else than the feed that brought it."""


def enter(session: Session, hall: Hall, now: Now, command: Enter) -> int:
    """Stores them all or none; how many are new or changed. The same once more changes nothing."""
    known = {each.id for each in people(session.connection)}
    if strangers := sorted({each.person for each in command.entries} - known):
        raise Refused("no_such_person", "名册里没有这些人员，请先导入人员名册", ", ".join(strangers), 422)
    changed = 0
    for each in command.entries:
        changed += _write(session, hall, now, each, command, withdrawn=False)
    return changed


@dataclass(frozen=True, slots=True)
class Withdraw:
    ref: str
    source: Source
    by: str
    why: str


def withdraw(session: Session, hall: Hall, now: Now, command: Withdraw) -> None:
    """Takes an entry back; it stays to be seen, with who and why. Raises Refused (404, 422)."""
    row = _newest(session.connection, command.ref)
    if row is None:
        raise Refused("no_such_entry", "没有这条记录", command.ref, 404)
    told = Enter((), command.source, command.by, command.why)
    _write(session, hall, now, ENTRY.validate_json(row[0]), told, withdrawn=True)


def _newest(connection: Statements, ref: str) -> tuple[str, int, str] | None:
    """(body, withdrawn, source)"""
    found: tuple[str, int, str] | None = connection.exec_driver_sql(
        "SELECT body, withdrawn, source FROM attendance_entry WHERE ref=? ORDER BY seq DESC LIMIT 1", (ref,)
    ).first()
    return found


def _write(session: Session, hall: Hall, now: Now, entry: Entry, command: Enter, *, withdrawn: bool) -> bool:
    body, before = entry.model_dump_json(), _newest(session.connection, entry.ref)
    if before is not None and (before[0], before[1]) == (body, int(withdrawn)):
        return False
    if before is not None:
        _may_change(entry, before, command)
    session.connection.exec_driver_sql(
        'INSERT INTO attendance_entry (ref, kind, person, first, last, body, withdrawn, source, "by", why, at)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(entry.ref, entry.kind, entry.person, _ms(entry.start), _ms(_end(entry)), body, int(withdrawn)),
            *(command.source, command.by, command.why, now.at),
        ),
    )
    type_ = "attendance.withdrawn" if withdrawn else "attendance.corrected" if before else "attendance.entered"
    data = {"staff": entry.person, "kind": entry.kind, "ref": entry.ref, "why": command.why, "source": command.source}
    append(session, hall, now, type_, f"staff:{entry.person}", command.by, **data)
    return True


def _may_change(entry: Entry, before: tuple[str, int, str], command: Enter) -> None:
    old = ENTRY.validate_json(before[0])
    if (old.kind, old.person) != (entry.kind, entry.person):
        raise Refused("ref_taken", f"编号 {entry.ref} 已用于另一条记录，请换一个", f"{old.kind} of {old.person}", 409)
    if not command.why and command.source != before[2]:
        raise Refused("why_missing", "更正已有的记录请写明原因", entry.ref, 422)


def _end(entry: Entry) -> datetime:
    """A leave that was overstayed reaches until its return."""
    returned = entry.returned_at if isinstance(entry, Leave) else None
    return max(entry.end, returned) if returned else entry.end


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def entries(connection: Statements, start: datetime, end: datetime) -> Iterator[Entry]:
    """What holds and touches this time, by ref."""
    rows = connection.exec_driver_sql(
        "SELECT body FROM attendance_entry WHERE seq IN (SELECT max(seq) FROM attendance_entry GROUP BY ref)"
        " AND withdrawn=0 AND first < ? AND last >= ? ORDER BY ref",
        (_ms(end), _ms(start)),
    )
    return (ENTRY.validate_json(row[0]) for row in rows)


# ---- the calendar


@dataclass(frozen=True, slots=True)
class SetDays:
    days: tuple[Override, ...]
    by: str


def set_days(session: Session, hall: Hall, now: Now, command: SetDays) -> int:
    """Days on which this hall differs; the last word on each holds."""
    if wrong := [str(each.day) for each in command.days if not each.fits]:
        raise Refused(
            "shifts_unfit", "延时开放日必须写明时段；半天开放的工作日也写时段；休息日不写", ", ".join(wrong), 422
        )
    for each in command.days:
        shifts = json.dumps([shift.model_dump(mode="json") for shift in each.shifts])
        session.connection.exec_driver_sql(
            "INSERT INTO calendar_day (day, kind, name, shifts, changed_at, changed_by) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (day) DO UPDATE SET kind=excluded.kind, name=excluded.name, shifts=excluded.shifts,"
            " changed_at=excluded.changed_at, changed_by=excluded.changed_by",
            (each.day.isoformat(), each.kind, each.name, shifts, now.at, command.by),
        )
    if command.days:
        first, last = min(each.day for each in command.days), max(each.day for each in command.days)
        data = {"first": first.isoformat(), "last": last.isoformat(), "days": len(command.days)}
        append(session, hall, now, "attendance.calendar_changed", "calendar", command.by, **data)
    return len(command.days)


def year_table(year: int, off: Iterable[date], working: Iterable[date]) -> tuple[Override, ...]:
    """Every day of the year, from the official notice: what is off beside weekends, and which of these are worked.

    Raises ValueError for a day of another year, or one that is both.
    """
    free, worked = set(off), set(working)
    if strange := sorted(each for each in free | worked if each.year != year):
        raise ValueError(f"{strange[0]} 不在 {year} 年内")
    if both := sorted(free & worked):
        raise ValueError(f"{both[0]} 不能既放假又上班")
    days, on = [], date(year, 1, 1)
    while on.year == year:
        weekend = on.weekday() >= 5
        rest = on in free or (weekend and on not in worked)
        name = "放假" if on in free else "调休上班" if on in worked else "周末" if weekend else "工作日"
        days.append(Override(day=on, kind="off" if rest else "working", name=name))
        on += ONE_DAY
    return tuple(days)


def day_bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first moment of one day to the last of the other, aware."""
    start = datetime.combine(first, datetime.min.time(), zone)
    return start, datetime.combine(last + ONE_DAY, datetime.min.time(), zone)
