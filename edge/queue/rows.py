"""A ticket's row as the moves of this room read it, inside their transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

from edge.database import Session
from edge.queue import balance, tickets
from edge.refusal import Refused


class Ticket(NamedTuple):
    """A row of the ticket table, as far as moves need it."""

    id: str
    number: str
    service: str
    state: tickets.State
    position: int
    window: int | None
    taken_at: int
    kiosk: str | None
    day: str


FIELDS = "id, number, service, state, position, window, taken_at, kiosk, day"


def _ticket(session: Session, where: str, *values: Any) -> Ticket | None:
    row = session.connection.exec_driver_sql(f"SELECT {FIELDS} FROM ticket WHERE {where} LIMIT 1", values).first()  # noqa: S608  our own words
    return Ticket(*row) if row else None


def ticket_by_id(session: Session, ticket: str) -> Ticket:
    """Raises Refused (404)."""
    found = _ticket(session, "id=?", ticket)
    if found is None:
        raise Refused("no_such_ticket", "没有这张号票", status=404)
    return found


def in_hand(session: Session, window: int) -> Ticket | None:
    return _ticket(session, "window=? AND state IN ('called','serving')", window)


def by_ordinal(session: Session, day: str, services: tuple[str, ...], ordinal: int) -> Ticket | None:
    """The ticket of that number that waits, or was missed, for one of these services; the oldest of several."""
    marks = ",".join("?" * len(services))
    where = f"day=? AND ordinal=? AND service IN ({marks}) AND state IN ('waiting','missed')"
    return _ticket(session, f"{where} ORDER BY state DESC, position", day, ordinal, *services)


def last_held(session: Session, day: str, window: int) -> Ticket | None:
    return _ticket(session, "day=? AND window=? AND state='held' ORDER BY held_at DESC", day, window)


HEAD_SQL = """
SELECT t.id, t.position, t.taken_at, t.rank, t.priority, CASE WHEN t.priority IS NULL THEN 0 ELSE (
  SELECT count(*) FROM ticket b WHERE b.state='waiting' AND b.service=t.service AND b.position < t.position) END
FROM ticket t WHERE t.state='waiting' AND
"""


def head(session: Session, where: str, *values: Any) -> list[balance.Head]:
    """The first who waits, as balance orders them; empty when nobody does."""
    found = session.connection.exec_driver_sql(f"{HEAD_SQL} {where} ORDER BY t.rank, t.position LIMIT 1", values)
    return [balance.Head(*row) for row in found]
