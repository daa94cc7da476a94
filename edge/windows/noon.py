"""The break at noon: windows that are not on duty say when they go on, and go on by themselves; the others serve on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Service
from edge.hallday import Taking
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days
from edge.windows.desk import REOPEN, tell, tell_paused

IDLE = """
SELECT no, staff FROM window w WHERE state='open' AND since < ? AND NOT EXISTS (
  SELECT 1 FROM ticket t WHERE t.window=w.no AND t.state IN ('called', 'serving'))
"""
BACK = "SELECT no, other FROM window WHERE state='paused' AND sign='noon' AND since=noon_at"
"""Those that the clock put on their break, and nobody touched since."""


@dataclass(frozen=True, slots=True)
class Noon:
    began: int
    """UTC, milliseconds."""
    words: str
    """When service goes on: `下午14:30`."""
    on_duty: frozenset[str] = frozenset()
    """工号 of who is on the noon duty's roster today."""


ON_DUTY = """
SELECT person FROM attendance_entry e WHERE kind='duty' AND json_extract(body, '$.duty')='noon' AND withdrawn=0
  AND first BETWEEN :at - 2678400000 AND :at AND last >= :at
  AND NOT EXISTS (SELECT 1 FROM attendance_entry WHERE ref=e.ref AND seq > e.seq)
"""
"""No duty is for longer than a month: what is older need not be looked at."""


def on_duty(connection: Statements, at: int) -> frozenset[str]:
    """工号 of who is on the noon duty's roster at this moment (UTC, milliseconds)."""
    return frozenset(row[0] for row in connection.exec_driver_sql(ON_DUTY, {"at": at}))


def duty_windows(connection: Statements, hall: Hall, on_duty: frozenset[str], *, paused: bool = False) -> list[int]:
    """The windows that serve through the break (WIN-15): those of the hall file, and where the roster's people are.

    `paused`: those too that are not open now.
    """
    rows = connection.exec_driver_sql("SELECT no, staff FROM window WHERE state='open' OR ? ORDER BY no", (paused,))
    return [no for no, staff in rows if no in hall.timetable.noon_windows or staff in on_duty]


class Due(NamedTuple):
    leaving: list[int]
    """They should go on their break now. One with a case in hand goes when that has ended."""
    turning: list[int]
    """They are on it, and their signs send people to a window that is on duty no more, or not the first."""
    other: int | None
    """Where their signs should send people."""


def due(connection: Statements, hall: Hall, noon: Noon) -> Due:
    serving = duty_windows(connection, hall, noon.on_duty)
    leaving = [row[0] for row in connection.exec_driver_sql(IDLE, (noon.began,)) if row[0] not in serving]
    other = serving[0] if serving else None
    return Due(leaving, [no for no, before in connection.exec_driver_sql(BACK) if before != other], other)


def begin(session: Session, hall: Hall, now: Now, command: Noon) -> int:
    """Those that were open when it began: what somebody opens in the break goes on serving. How many."""
    leaving, turning, other = due(session.connection, hall, command)
    for no in leaving:
        session.connection.exec_driver_sql(
            "UPDATE window SET state='paused', sign='noon', resume=?, contact=NULL, other=?, place=NULL, armed_at=NULL,"
            " since=?, noon_at=? WHERE no=?",
            (command.words, other, now.at, now.at, no),
        )
    for no in turning:
        session.connection.exec_driver_sql("UPDATE window SET other=? WHERE no=?", (other, no))
    for no in (*leaving, *turning):
        if no in hall.window:
            tell_paused(session, hall, now, no, "clock", "noon", command.words)
    return len(leaving)


def on_break(connection: Statements) -> bool:
    return connection.exec_driver_sql(BACK).first() is not None


def end(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """The break is over: who was sent on it by the clock goes on. How many."""
    back = [row[0] for row in session.connection.exec_driver_sql(BACK).all()]
    for no in back:
        session.connection.exec_driver_sql(REOPEN, (now.at, no))
        if no in hall.window:
            tell(session, hall, now, "window.resumed", no, "clock")
    return len(back)


# ---- numbers


def number_now(connection: Statements, hall: Hall, now: Now, service: Service, *, booked: bool = False) -> Taking:
    """As `days.number_now`; in the break there are numbers too, for what the windows on duty serve (不打烊)."""
    found = days.number_now(connection, hall, now, service, booked=booked)
    if found.state != "noon" or service.hours:
        return found
    serving = duty_windows(connection, hall, on_duty(connection, now.at))
    return Taking("open") if set(serving).intersection(hall.able[service.id]) else found


def check_taking(connection: Statements, hall: Hall, now: Now, service: Service, *, booked: bool) -> None:
    """Raises Refused (409) outside the hours in which this service's numbers are given."""
    found = number_now(connection, hall, now, service, booked=booked)
    if not found.ok:
        why, why_en = days.why_not(connection, hall, now, found)
        raise Refused("not_now", why, f"{found.state}, service {service.id}", title_en=why_en)
