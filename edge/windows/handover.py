"""A hands the window over to B, face to face: A asks, B confirms at the same window, and back the same way (WIN-09/10).

Whoever is signed in holds the window; until B confirms that is A. From then on B answers for it, signed in or not,
until it is handed back or A signs in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.clock import Now, rfc3339
from edge.database import Session
from edge.hall import Hall
from edge.refusal import Refused
from edge.statements import Statements
from edge.windows.desk import known_clerk, leave_others, tell, window_row


@dataclass(frozen=True, slots=True)
class _Row:
    staff: str | None
    to: str | None
    asked_at: int | None
    principal: str | None
    deputy: str | None


def _row(connection: Statements, no: int) -> _Row:
    fields = "staff, handing_to, handing_at, principal, deputy"
    return _Row(*connection.exec_driver_sql(f"SELECT {fields} FROM window WHERE no=?", (no,)).one())  # noqa: S608  our own words


@dataclass(frozen=True, slots=True)
class Ask:
    window: int
    to: str
    """工号"""
    actor: str


def ask(session: Session, hall: Hall, now: Now, command: Ask) -> None:
    """Who is signed in asks another to take over; asking another instead withdraws the first. Raises Refused."""
    window_row(session, hall, command.window)
    known_clerk(hall, command.to)
    row = _row(session.connection, command.window)
    if row.staff is None:
        raise Refused("nobody_signed_in", "窗口没有人登录，请先登录再交接")
    if command.to == row.staff:
        raise Refused("same_staff", "不能交接给自己", status=422)
    if command.to == row.to:
        return
    session.connection.exec_driver_sql(
        "UPDATE window SET handing_to=?, handing_at=? WHERE no=?", (command.to, now.at, command.window)
    )
    who = {"staff": row.staff, "to": command.to}
    tell(session, hall, now, "window.hand_over_asked", command.window, command.actor, **who)


@dataclass(frozen=True, slots=True)
class Answer:
    window: int
    staff: str
    """Who answers, by 工号."""
    actor: str


def confirm(session: Session, hall: Hall, now: Now, command: Answer) -> None:
    """B has taken over, and is signed in here and nowhere else. Raises Refused (409) for anybody who was not asked."""
    row = _asked(session, hall, command)
    if command.staff != row.to:
        raise _not_asked(hall, row)
    leave_others(session, hall, now, command.window, command.staff, command.actor)
    back = row.principal == command.staff
    session.connection.exec_driver_sql(
        "UPDATE window SET staff=?, staff_day=?, staff_since=?, principal=?, deputy=?, handing_to=NULL,"
        " handing_at=NULL WHERE no=?",
        (
            command.staff,
            now.day,
            now.at,
            None if back else row.principal or row.staff,
            None if back else command.staff,
            command.window,
        ),
    )
    who = {"staff": command.staff, "before": row.staff, "asked_at": row.asked_at, "back": back}
    tell(session, hall, now, "window.handed_over", command.window, command.actor, **who)


def refuse(session: Session, hall: Hall, now: Now, command: Answer) -> None:
    """B does not take over, or A asks no more; A still holds the window. Raises Refused (409) for anybody else."""
    row = _asked(session, hall, command)
    if command.staff not in (row.to, row.staff):
        raise _not_asked(hall, row)
    session.connection.exec_driver_sql(
        "UPDATE window SET handing_to=NULL, handing_at=NULL WHERE no=?", (command.window,)
    )
    who = {"staff": row.staff, "to": row.to, "asked_at": row.asked_at, "by": command.staff}
    tell(session, hall, now, "window.hand_over_refused", command.window, command.actor, **who)


def _asked(session: Session, hall: Hall, command: Answer) -> _Row:
    window_row(session, hall, command.window)
    row = _row(session.connection, command.window)
    if row.to is None:
        raise Refused("no_hand_over", "现在没有等待确认的交接", f"window {command.window}")
    return row


def _not_asked(hall: Hall, row: _Row) -> Refused:
    asked = hall.clerk.get(row.to or "")
    return Refused("not_asked", f"请由{asked.name if asked else row.to}本人确认交接", f"staff {row.to} was asked")


def standing(connection: Statements, hall: Hall, no: int) -> dict[str, Any]:
    """The hand-over that is asked for, and the one in force. JSON-ready."""
    row = _row(connection, no)
    asked = None if row.to is None else {"from": row.staff, "to": row.to, "at": rfc3339(row.asked_at, hall.zone_info)}
    return {"asked": asked, "principal": row.principal, "deputy": row.deputy}
