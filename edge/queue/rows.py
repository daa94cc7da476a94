"""A ticket's row as the moves of this room read it, inside their transaction."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall, Window
from edge.hallqueue import Hold
from edge.journal import OF_PLACES
from edge.queue import balance, tickets
from edge.queue.sending import mine
from edge.refusal import Refused
from edge.statements import Statements

HOUR_MS = 3_600_000


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
    since: int
    """When it came into its state: UTC, milliseconds."""
    recalls: int = 0
    returns: int = 0
    hold: Hold | None = None
    visit: str | None = None
    """The service of several steps that it is for; `service` is the present one."""
    step: int = 0


FIELDS = "id, number, service, state, position, window, taken_at, kiosk, day, coalesce(since, taken_at)"
FIELDS += ", recalls, returns, hold, visit, step"


def _ticket(session: Session, where: str, *values: Any) -> Ticket | None:
    row = session.connection.exec_driver_sql(_ticket_sql(where), values).first()
    return Ticket._make(row) if row else None


@functools.cache
def _ticket_sql(where: str) -> str:
    return f"SELECT {FIELDS} FROM ticket WHERE {where} LIMIT 1"  # noqa: S608  our own words


def ticket_by_id(session: Session, ticket: str) -> Ticket:
    """Raises Refused (404)."""
    found = _ticket(session, "id=?", ticket)
    if found is None:
        raise Refused("no_such_ticket", "没有这张号票", status=404)
    return found


def visit_of(connection: Statements, ticket: str) -> tuple[str, str | None]:
    """The service that was asked for, and the mark of whoever did. Raises Refused (404)."""
    sql = "SELECT coalesce(visit, service), mark FROM ticket LEFT JOIN person_ticket ON ticket=id WHERE id=?"
    row = connection.exec_driver_sql(sql, (ticket,)).first()
    if row is None:
        raise Refused("no_such_ticket", "没有这张号票", status=404)
    return row[0], row[1]


def in_hand(session: Session, window: int) -> Ticket | None:
    return _ticket(session, "window=? AND state IN ('called','serving')", window)


def by_ordinal(session: Session, day: str, services: tuple[str, ...], window: int, ordinal: int) -> Ticket | None:
    """The ticket of that number that waits for this window, or was missed; the oldest of several."""
    where = f"day=? AND ordinal=? AND state IN ('waiting','missed') AND {mine(services)} ORDER BY state DESC, position"
    return _ticket(session, where, day, ordinal, window, *services)


def last_held(session: Session, day: str, window: int) -> Ticket | None:
    return _ticket(session, "day=? AND window=? AND state='held' ORDER BY held_at DESC", day, window)


CLAIM = "priority IS NOT NULL AND priority <> 'appointment'"
"""Of those whom a green window is for."""
HEADS = """
WITH skill (service) AS (VALUES {})
SELECT * FROM (SELECT id, position, taken_at, rank, priority, '', 1 FROM ticket INDEXED BY ticket_for
  WHERE state='waiting' AND for_window=? ORDER BY rank, position LIMIT 1)
UNION ALL
SELECT t.id, t.position, t.taken_at, t.rank, t.priority, t.service, line.waiting
FROM skill CROSS JOIN line ON line.service=skill.service AND line.waiting > 0 CROSS JOIN ticket t ON t.rowid = (
  SELECT rowid FROM ticket INDEXED BY ticket_line WHERE state='waiting' AND service=skill.service
    AND (for_window IS NULL OR for_window=?) AND {} ORDER BY rank, position LIMIT 1)
"""
EARLIER = """
SELECT count(*) FROM ticket t JOIN ticket b ON b.state='waiting' AND b.service=t.service AND b.position < t.position
WHERE t.id=?
"""


@functools.cache
def _heads_sql(services: int, condition: str) -> str:
    return HEADS.format(",".join(["(?)"] * services), condition)


def _first(session: Session, window: Window) -> Sequence[Any]:
    """A green window looks for those whom it is for, and takes the others where there is none of them."""
    values, number = (*window.skills, window.no, window.no), len(window.skills)
    run = session.connection.exec_driver_sql
    if window.green and (found := run(_heads_sql(number, CLAIM), values).all()):
        return found
    return run(_heads_sql(number, "1"), values).all()


def heads(session: Session, hall: Hall, window: int) -> list[balance.Head]:
    """The first who was sent to this window, and the first who waits for each service, in its order of preference.

    One statement: a window that does everything would need dozens. What a line weighs is read only where there is a
    choice between two. Who was sent here can go nowhere else, and counts as standing in the longest line.
    """
    found = _first(session, hall.window[window])
    if len(found) < 2 or hall.balance.rule != "backlog":
        return [balance.Head(*row) for row in found]
    # Its own call would find it open: a clerk on a pause sees who would be next.
    opened = session.connection.exec_driver_sql(
        "SELECT no FROM window WHERE state='open' OR no=? ORDER BY no", (window,)
    )
    capacity = hall.capacity(tuple([row[0] for row in opened]))
    if found[0][5]:
        return [balance.Head._make((*row, capacity[row[5]])) for row in found]
    lines = [balance.Head._make((*row, capacity[row[5]])) for row in found[1:]]
    longest = max(lines, key=lambda it: it.waiting / it.capacity)
    return [balance.Head(*found[0])._replace(waiting=longest.waiting, capacity=longest.capacity), *lines]


def earlier(session: Session, ticket: str) -> int:
    """How many who wait for the same service came before."""
    found: int = session.connection.exec_driver_sql(EARLIER, (ticket,)).scalar_one()
    return found


CALLS_SQL = """
SELECT window, min(called_at), count(*) FROM ticket INDEXED BY ticket_window
WHERE day=? AND window IN ({}) AND called_at IS NOT NULL GROUP BY window
"""
GONE = ("window.paused", "window.closed")
MOVES_SQL = f"""
SELECT json_extract(data, '$.window'), at, type IN {GONE} FROM journal WHERE {OF_PLACES} AND key IN ({{}})
  AND type IN {("window.signed_in", "window.resumed", "window.opened", *GONE)}
  AND seq >= (SELECT seq FROM journal WHERE at >= ? ORDER BY at, seq LIMIT 1) ORDER BY seq
"""  # noqa: S608  our own words


def _rates(session: Session, hall: Hall, now: Now, waiting: Sequence[balance.Armed]) -> dict[int, float]:
    """Window -> calls per hour that it was open today: a break is no open time, and ends without a clean slate."""
    run, numbers = session.connection.exec_driver_sql, [it.window for it in waiting]
    marks, keys = ",".join("?" * len(numbers)), [f"window:{no}" for no in numbers]
    midnight = int(local(now.at, hall.zone_info).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    began, calls = {it.window: max(it.since, midnight) for it in waiting}, dict.fromkeys(numbers, 0)
    for no, first, calls[no] in run(CALLS_SQL.format(marks), (now.day, *numbers)):
        began[no] = min(first, began[no])
    opened = dict.fromkeys(numbers, 0)
    for no, at, gone in run(MOVES_SQL.format(marks), (*keys, midnight)):
        began[no] = min(at, began.get(no, at))
        if gone:
            opened[no] += at - began.pop(no)
    return {no: calls[no] / max(1, opened[no] + now.at - began.get(no, now.at)) * HOUR_MS for no in numbers}


def armed(session: Session, hall: Hall, now: Now, able: Collection[int], ticket: str) -> list[balance.Armed]:
    """The windows among `able` that wait for an arrival such as this one; their calls are counted only where that
    decides.
    """
    found = session.connection.exec_driver_sql("SELECT no, armed_at FROM window WHERE armed_at IS NOT NULL").all()
    waiting = [
        balance.Armed(no, at, len(hall.window[no].skills), green=hall.window[no].green)
        for no, at in found
        if no in able
    ]
    if any(each.green for each in waiting):
        claimed = session.connection.exec_driver_sql(f"SELECT 1 FROM ticket WHERE id=? AND {CLAIM}", (ticket,))  # noqa: S608  our own words
        waiting = balance.suited(waiting, claimed=claimed.first() is not None)
    fewest = min((each.skills for each in waiting), default=0)
    best = [each for each in waiting if each.skills == fewest]
    if len(best) < 2:
        return best
    rates = _rates(session, hall, now, best)
    return [each._replace(rate=rates[each.window]) for each in best]
