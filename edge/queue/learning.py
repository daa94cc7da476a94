"""What the forecast learns, once a minute, from the journal: how long visitors take, and how wrong it was.

Nothing of this stands in the way of a number or a call. What was read is kept beside what was learnt, in one
transaction, so that a restart loses nothing and counts nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.queue import forecast
from edge.statements import Statements

CHUNK = 20_000
"""Events that are read at a time: an old database is learnt from within minutes, without holding the hall up."""
BEFORE = 500
"""Events before these that are looked at for the visitor whom a window had before."""
KEPT = 20_000
"""Forecasts that are kept to learn from."""
DAYS = 60
"""After so many a day counts for nothing."""
LONGEST = 10.0
"""Of a service's mean in the hall file: one that lasts longer was forgotten to be finished, and counts as so long."""


def learn(session: Session, hall: Hall, now: Now, _command: None) -> bool:
    """Learns from what was written since the last time. False: nothing new."""
    connection = session.connection
    last = connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM journal").scalar_one()
    start = _read_to(connection)
    end = min(last, start + CHUNK)
    if end <= start:
        return False
    span = {"before": start - BEFORE, "start": start, "end": end}
    _add_times(session, hall, connection.exec_driver_sql(TURNS_SQL, span), start)
    connection.exec_driver_sql(CALLED_SQL, span)
    connection.exec_driver_sql(FORGET_SQL, (KEPT,))
    connection.exec_driver_sql(READ_SQL, (str(end),))
    return True


READ_SQL = """
INSERT INTO meta (name, value) VALUES ('forecast_read_to', ?) ON CONFLICT (name) DO UPDATE SET value=excluded.value
"""


def _read_to(connection: Statements) -> int:
    row = connection.exec_driver_sql("SELECT value FROM meta WHERE name='forecast_read_to'").first()
    return int(row[0]) if row else 0


# ---- how long visitors take

TURNS_SQL = """
SELECT j.seq, j.type, j.day, json_extract(j.data, '$.window'), p.kind, p.service, p.start, p.end
FROM journal j LEFT JOIN ticket_period p ON p.ticket = j.key AND p.seq = j.seq
WHERE j.seq > :before AND j.seq <= :end AND j.clock_ok AND (p.seq IS NOT NULL
  OR j.type IN ('window.armed', 'window.paused', 'window.closed', 'window.signed_out'))
ORDER BY j.seq
"""


class Turn(NamedTuple):
    """An event that begins or ends a visitor's time at a window, or is the window's own."""

    seq: int
    type: str
    day: str
    window: int | None
    kind: str | None
    """Of the period that it ended; None for an event of the window."""
    service: str
    start: int
    end: int
    """UTC, milliseconds."""


@dataclass(slots=True)
class Spent:
    """Of one service on one day; milliseconds."""

    calls: int = 0
    at_window: int = 0
    """From the call to the end, of those who did not come too."""
    wraps: int = 0
    """How often the next visitor waited already when one left: the time between is the window's work."""
    wrapping: int = 0


def spent(turns: Iterable[Turn], after: int) -> dict[tuple[str, str], Spent]:
    """(day, service) -> what the events after this seq add."""
    found: dict[tuple[str, str], Spent] = defaultdict(Spent)
    left: dict[int | None, Turn] = {}
    for turn in turns:
        if turn.type == "ticket.called":
            before = left.pop(turn.window, None)
            if turn.seq > after:
                found[turn.day, turn.service].calls += 1
            if turn.seq > after and before is not None and turn.start <= before.end:
                mine = found[turn.day, before.service]
                mine.wraps, mine.wrapping = mine.wraps + 1, mine.wrapping + turn.end - before.end
        elif turn.kind in ("called", "serving"):
            if turn.seq > after:
                found[turn.day, turn.service].at_window += turn.end - turn.start
            if turn.type != "ticket.started":
                left[turn.window] = turn
        elif turn.kind is None:
            left.pop(turn.window, None)
    return found


ADD_SQL = """
INSERT INTO service_time (day, service, calls, at_window_ms, wraps, wrapping_ms) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (day, service) DO UPDATE SET calls=calls + excluded.calls, wraps=wraps + excluded.wraps,
  at_window_ms=at_window_ms + excluded.at_window_ms, wrapping_ms=wrapping_ms + excluded.wrapping_ms
"""


def _add_times(session: Session, hall: Hall, rows: Iterable[Any], after: int) -> None:
    turns = _at_most(hall, (Turn._make(row) for row in rows))
    for (day, service), it in spent(turns, after).items():
        values = (day, service, it.calls, it.at_window, it.wraps, it.wrapping)
        session.connection.exec_driver_sql(ADD_SQL, values)


def _at_most(hall: Hall, turns: Iterable[Turn]) -> Iterator[Turn]:
    for turn in turns:
        service = hall.service.get(turn.service)
        most = LONGEST * service.mean_minutes * 60_000 if service else 0
        if service and turn.kind in ("called", "serving") and turn.end - turn.start > most:
            yield turn._replace(start=turn.end - int(most))
        else:
            yield turn


TIMES_SQL = "SELECT day, service, calls, at_window_ms, wraps, wrapping_ms FROM service_time WHERE day > date(?, ?)"


def mean_s(connection: Statements, hall: Hall, day: str) -> dict[str, float]:
    """Service -> seconds that a window needs for a visitor of it who is called, until it can call the next.

    Begins with the hall file's `mean_minutes`; see `forecast.mean` for what a day counts.
    """
    today = date.fromisoformat(day)
    visits: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    wraps: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    for on, service, calls, at_window, wrapped, wrapping in connection.exec_driver_sql(
        TIMES_SQL, (day, f"-{DAYS} day")
    ):
        ago = (today - date.fromisoformat(on)).days
        visits[service].append((ago, calls, at_window / 1000))
        wraps[service].append((ago, wrapped, wrapping / 1000))
    return {
        each.id: forecast.mean(each.mean_minutes * 60, visits[each.id]) + forecast.mean(0.0, wraps[each.id])
        for each in hall.services
    }


# ---- how wrong forecasts were

CALLED_SQL = """
INSERT OR IGNORE INTO forecast_residual (seq, rollout, by_mean, actual)
SELECT j.seq, t.expected, t.by_mean, (p.end - p.start) / 60000.0
FROM journal j JOIN ticket t ON t.id = j.key JOIN ticket_period p ON p.ticket = t.id AND p.seq = j.seq
WHERE j.type = 'ticket.called' AND j.seq > :start AND j.seq <= :end AND j.clock_ok
  AND t.expected IS NOT NULL AND t.priority IS NOT 'urgent'
  AND p.seq = (SELECT min(seq) FROM ticket_period WHERE ticket = t.id)
"""
"""The first call of a ticket; who was urged on by a supervisor says nothing about the forecast."""
FORGET_SQL = """
DELETE FROM forecast_residual WHERE seq <= (SELECT seq FROM forecast_residual ORDER BY seq DESC LIMIT 1 OFFSET ?)
"""


def errors(connection: Statements, after: int) -> list[tuple[int, forecast.Expected, float]]:
    """(seq, what was expected at the issue, minutes that it took) of each call after this seq, in their order."""
    found = connection.exec_driver_sql(
        "SELECT seq, rollout, by_mean, actual FROM forecast_residual WHERE seq > ? ORDER BY seq", (after,)
    )
    return [(row[0], forecast.Expected(row[1], row[2]), row[3]) for row in found]


def in_order(residuals: Mapping[str, list[float]]) -> forecast.Residuals:
    """The same to read from: `forecast.spread` sorts, which what is sorted costs nothing."""
    return {band: sorted(each) for band, each in residuals.items()}
