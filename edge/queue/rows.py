"""A ticket's row as the moves of this room read it, inside their transaction."""

from __future__ import annotations

import functools
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


def by_ordinal(session: Session, day: str, services: tuple[str, ...], window: int, ordinal: int) -> Ticket | None:
    """The ticket of that number that waits for this window, or was missed; the oldest of several."""
    marks = ",".join("?" * len(services))
    where = "day=? AND ordinal=? AND state IN ('waiting','missed') AND (for_window=? OR"
    where += f" for_window IS NULL AND service IN ({marks})) ORDER BY state DESC, position"
    return _ticket(session, where, day, ordinal, window, *services)


def last_held(session: Session, day: str, window: int) -> Ticket | None:
    return _ticket(session, "day=? AND window=? AND state='held' ORDER BY held_at DESC", day, window)


FIRST = """
SELECT * FROM (SELECT id, position, taken_at, rank, priority FROM ticket {}
  WHERE state='waiting' AND {} ORDER BY rank, position LIMIT 1)
"""
SENT_HERE = FIRST.format("INDEXED BY ticket_for", "for_window=?")
OF_SERVICE = FIRST.format("INDEXED BY ticket_order", "service=? AND (for_window IS NULL OR for_window=?)")
EARLIER = """
SELECT count(*) FROM ticket t JOIN ticket b ON b.state='waiting' AND b.service=t.service AND b.position < t.position
WHERE t.id=?
"""


@functools.cache
def _heads_sql(services: int) -> str:
    return " UNION ALL ".join([SENT_HERE, *[OF_SERVICE] * services])


def heads(session: Session, services: tuple[str, ...], window: int) -> list[balance.Head]:
    """The first who waits for each service, as balance orders them, and the first who was sent to this window.

    One statement: a window that does everything would need dozens. It reads what the choice needs and no more.
    """
    values = [window, *(value for service in services for value in (service, window))]
    found = session.connection.exec_driver_sql(_heads_sql(len(services)), tuple(values)).all()
    return [
        balance.Head(row[0], row[1], row[2], row[3], row[4], _earlier(session, row[0]) if row[4] else 0)
        for row in found
    ]


def _earlier(session: Session, ticket: str) -> int:
    """How many who wait for the same service came before."""
    found: int = session.connection.exec_driver_sql(EARLIER, (ticket,)).scalar_one()
    return found
