"""The hall's day as this database knows it: days entered at ops, and how far the present day has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from edge.calendar import Base, Override, Shift, unknown_year_ahead
from edge.clock import Now, rfc3339
from edge.database import Session
from edge.hall import Hall, Service
from edge.hallday import (
    ANY,
    HallDay,
    Opening,
    Phase,
    Rules,
    Taking,
    cut_off_words,
    next_open,
    of_shifts,
    taking,
    taking_words,
    taking_words_en,
)
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements


def with_calendar(hall: Hall, base: Base | None, filed: Mapping[date, Override]) -> Hall:
    """The hall with one calendar: the attendance profile's hours where it says none, and the days of its file."""
    table, days = hall.timetable, {each.day: each for each in hall.timetable.days} | dict(filed)
    hours = of_shifts(base.shifts) if table.hours is None and base is not None else table.hours
    weekend = table.weekend or (base.weekend if base is not None else "off")
    more = {"hours": hours, "weekend": weekend, "days": tuple(days.values())}
    return hall.model_copy(update={"timetable": table.model_copy(update=more)})


def entered(connection: Statements) -> dict[date, Override]:
    """The days that were entered at ops."""
    rows = connection.exec_driver_sql("SELECT day, kind, name, shifts FROM calendar_day")
    return {(own := _override(row)).day: own for row in rows}


def _override(row: Any) -> Override:
    day, kind, name, shifts = row
    hours = tuple(Shift.model_validate(each) for each in json.loads(shifts))
    return Override(day=date.fromisoformat(day), kind=kind, name=name, shifts=hours)


def day_on(connection: Statements, hall: Hall, on: str) -> HallDay:
    """What this business day is to the public."""
    row = connection.exec_driver_sql("SELECT day, kind, name, shifts FROM calendar_day WHERE day=?", (on,)).first()
    return hall.find_day(date.fromisoformat(on), _override(row) if row is not None else None)


def following(connection: Statements, hall: Hall, on: str) -> Opening | None:
    """The first opening for everybody of a later day."""
    own = entered(connection)
    return next_open(lambda day: hall.find_day(day, own.get(day)), date.fromisoformat(on))


# ---- taking numbers


def rules_of(service: Service | None) -> Rules:
    return ANY if service is None else Rules(service.hours, service.cut_off)


def number_now(connection: Statements, hall: Hall, now: Now, service: Service, *, booked: bool = False) -> Taking:
    """A clock that went back, perhaps by days, cannot tell the hour: then numbers are given, for people are there."""
    if not now.ok:
        return Taking("open")
    day = day_on(connection, hall, now.day)
    return taking(hall.timetable, day, now.at, hall.zone_info, rules_of(service), booked=booked)


def now_taken(connection: Statements, hall: Hall, now: Now) -> Taking:
    """The hall as a whole, whatever a single service's hours are."""
    if not now.ok:
        return Taking("open")
    return taking(hall.timetable, day_on(connection, hall, now.day), now.at, hall.zone_info)


def why_not(connection: Statements, hall: Hall, now: Now, found: Taking) -> tuple[str, str]:
    """Why there is no number now, and when there is one again: in Chinese and English, empty while there is one."""
    after = None if found.ok or found.opens is not None else following(connection, hall, now.day)
    zone = hall.zone_info
    return taking_words(found, after, date.fromisoformat(now.day), zone), taking_words_en(found, after, zone)


def check_calling(connection: Statements, hall: Hall, now: Now) -> None:
    """Raises Refused (409) when `calls_are_over`."""
    if calls_are_over(connection, hall, now):
        raise Refused("after_hours", "已到下班时间，只办结手头业务；请为还在等候的人说明原因并改约")


def calls_are_over(connection: Statements, hall: Hall, now: Now) -> bool:
    """After closing, where only the cases in hand are finished then."""
    if hall.timetable.at_close == "serve_waiting" or not now.ok:
        return False
    return day_on(connection, hall, now.day).phase(now.at) == "after"


def is_calling(connection: Statements, hall: Hall, now: Now) -> bool:
    """Whether the windows should be calling those who wait: not before the doors open, nor on a day off."""
    phase = day_on(connection, hall, now.day).phase(now.at)
    return phase not in ("before", "off") and not calls_are_over(connection, hall, now)


# ---- how far the day has come


def view(connection: Statements, hall: Hall, now: Now) -> dict[str, Any]:
    """JSON-ready: `day kind name phase openings [{from to booked_only}] take {state gives opens ends} words`,
    and `unknown_year` when the official plan of a near year is missing. Times are RFC 3339."""
    day, zone = day_on(connection, hall, now.day), hall.zone_info
    found = now_taken(connection, hall, now)
    times = {key: rfc3339(getattr(found, key), zone) for key in ("gives", "opens", "ends")}
    return _told(hall, day) | {
        "phase": day.phase(now.at),
        "take": {"state": found.state} | times,
        "words": why_not(connection, hall, now, found)[0],
        "until": list(cut_off_words(found, zone)),
        "unknown_year": unknown_year_ahead(date.fromisoformat(now.day)),
    }


def date_view(connection: Statements, hall: Hall, on: date) -> dict[str, Any]:
    """JSON-ready: `day kind name always openings`, of any date."""
    return _told(hall, day_on(connection, hall, on.isoformat()))


def _told(hall: Hall, day: HallDay) -> dict[str, Any]:
    zone = hall.zone_info
    return {
        "day": day.on.isoformat(),
        "kind": day.kind,
        "name": day.name,
        "always": day.always,
        "openings": [
            {"from": rfc3339(each.start, zone), "to": rfc3339(each.end, zone), "booked_only": each.booked_only}
            for each in day.openings
        ],
    }


def known_phase(connection: Statements, day: str) -> tuple[Phase, int] | None:
    """What the journal was last told of the day, and when."""
    row = connection.exec_driver_sql("SELECT phase, since FROM hall_day WHERE day=?", (day,)).first()
    return (row[0], row[1]) if row else None


EVENTS: Mapping[Phase, str] = {
    "before": "hall.awaited",
    "open": "hall.opened",
    "noon": "hall.paused",
    "after": "hall.closed",
    "off": "hall.off",
}


@dataclass(frozen=True, slots=True)
class Turn:
    phase: Phase
    at: int
    """When that was so: UTC, milliseconds."""


def turn(session: Session, hall: Hall, now: Now, command: Turn) -> bool:
    """Tells, once, that the day has come so far: screens, centre and people follow the journal."""
    changed = session.connection.exec_driver_sql(
        "INSERT INTO hall_day (day, phase, since) VALUES (?, ?, ?) ON CONFLICT (day) DO UPDATE"
        " SET phase=excluded.phase, since=excluded.since WHERE phase <> excluded.phase",
        (now.day, command.phase, command.at),
    ).rowcount
    day = day_on(session.connection, hall, now.day)
    if changed and not day.always:
        told = {"phase": command.phase, "kind": day.kind, "name": day.name}
        append(session, hall, now, EVENTS[command.phase], "hall", "clock", day=now.day, **told)
    return bool(changed)


def open_days(connection: Statements, before: str) -> list[str]:
    """Earlier days that nobody has closed: of a service that was off at midnight."""
    wanted = "SELECT day FROM hall_day WHERE day < ? AND closed_at IS NULL ORDER BY day"
    rows = connection.exec_driver_sql(wanted, (before,))
    return [row[0] for row in rows]


def closed(session: Session, now: Now, day: str) -> None:
    session.connection.exec_driver_sql("UPDATE hall_day SET closed_at=? WHERE day=?", (now.at, day))
