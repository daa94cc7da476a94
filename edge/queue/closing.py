"""What noon and closing mean for those who wait, and how a day of the queue ends."""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.queue import appointments, figure_views, moves, rows
from edge.queue.tickets import IN_HAND
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days
from edge.windows.desk import KEEP_MS

LEFT = "SELECT count(*), min(taken_at) FROM ticket WHERE day=? AND state IN ('waiting', 'held')"


def still_here(connection: Statements, day: str) -> tuple[int, int | None]:
    """How many of today hold a number that has not ended, and since when the first of them."""
    count, since = connection.exec_driver_sql(LEFT, (day,)).one()
    return count, since


def clear_noon(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Ends what waits when the morning does, in a hall whose numbers are of the morning or the afternoon. How many."""
    ended = days.day_on(session.connection, hall, now.day).ended_before(now.at)
    if hall.timetable.noon == "keep" or ended is None:
        return 0
    of_morning = "state IN ('waiting','missed') AND day=? AND taken_at < ?"
    return _end(session, hall, now, of_morning, (now.day, ended), "noon_cleared")


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Ends what is left of earlier business days, so that no number means two visitors. How many.

    A case in hand goes on over midnight; `KEEP_MS` after its call, or after it was taken up again, it was forgotten.
    """
    left = _end(session, hall, now, "state IN ('waiting','missed','held') AND day < ?", (now.day,), "day_closed")
    stale = "state IN ('called','serving') AND day < ? AND coalesce(since, called_at) < ?"
    return left + _end(session, hall, now, stale, (now.day, now.at - KEEP_MS), "day_closed")


def _end(session: Session, hall: Hall, now: Now, where: str, values: tuple[object, ...], why: str) -> int:
    left = session.connection.exec_driver_sql(
        f"SELECT {rows.FIELDS} FROM ticket WHERE {where}",  # noqa: S608  our own words
        values,
    ).all()
    for ticket in (rows.Ticket(*row) for row in left):
        move = "finish" if ticket.state == "serving" else "cancel"
        at = ticket.window if ticket.state in IN_HAND else None
        moves.make(session, hall, now, move, ticket, "hall", at, why=why)
    return len(left)


def finish_day(session: Session, hall: Hall, now: Now, day: str) -> None:
    """The day is over: what it came to is written down once, and told."""
    figure_views.close_figures(session, hall, now, day)
    days.closed(session, now, day)


# ---- who could not be served


@dataclass(frozen=True, slots=True)
class Rebook:
    ticket: str
    actor: str
    staff: str
    """工号 of who answers for it."""
    reason: str
    booking: appointments.Book


def rebook(session: Session, hall: Hall, now: Now, command: Rebook) -> str:
    """Who holds a number and cannot be served today gets another time and a reason; nobody is cleared silently.

    Returns the booking's id. Raises Refused: 404 for an unknown ticket or clerk, 409 when it has ended or is
    being served, 422 without a reason.
    """
    if command.staff not in hall.clerk:
        raise Refused("no_such_staff", "没有这个工号", f"staff {command.staff!r}", 404)
    if not command.reason.strip():
        raise Refused("no_reason", "请写明今天不能办理的原因", status=422)
    ticket = rows.ticket_by_id(session, command.ticket)
    told = {"why": "rebooked", "reason": command.reason.strip(), "staff": command.staff}
    moves.make(session, hall, now, "cancel", ticket, command.actor, ticket.window, **told)
    return appointments.book(session, hall, now, command.booking)
