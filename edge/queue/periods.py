"""The period log: what a visit's time went to, and what statistics fall out of it.

A row of `ticket_period` is written by the move that ends it; the one that still runs is the ticket's own state since
`since`. The time a window needs between a visitor and the next (wrap_up) follows from both: it runs from the finish to
the window's next call, or to the moment it said that it is ready, pauses or is left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

from edge.statements import Statements

Kind = Literal["waiting", "called", "serving", "held", "missed", "wrap_up"]
AWAY_MS = 600_000
"""Who needs longer after a visitor was not wrapping up."""


class Period(NamedTuple):
    ticket: str
    kind: Kind
    service: str
    window: int | None
    """None where it costs no window any time: waiting, missed, held without papers."""
    clerk: str | None
    start: int
    """UTC, milliseconds."""
    end: int | None
    """None: it still runs."""


class Ready(NamedTuple):
    """A moment at which a window had done with its last visitor."""

    window: int
    at: int
    """UTC, milliseconds."""


@dataclass(frozen=True, slots=True)
class Times:
    """What visits took, in milliseconds; only what has ended counts."""

    visits: int = 0
    """Services that came to a window: begun to be served, held ones once."""
    waiting: int = 0
    called: int = 0
    serving: int = 0
    held: int = 0
    missed: int = 0
    wrap_up: int = 0

    @property
    def handling(self) -> int:
        """Of the window: from the call to its being ready again."""
        return self.called + self.serving + self.wrap_up


def of_day(connection: Statements, day: str) -> list[Period]:
    """Every period of the tickets of a business day, each ticket's in their order; the running ones last of theirs."""
    found = connection.exec_driver_sql(DAY_SQL, (day, day)).all()
    return [Period._make(row[:7]) for row in found]


DAY_SQL = """
SELECT p.ticket, p.kind, p.service, p.window, p.clerk, p.start, p.end, p.seq
FROM ticket t JOIN ticket_period p ON p.ticket = t.id WHERE t.day = ?
UNION ALL
SELECT id, state, service, iif(state='missed' OR state='held' AND hold='without_papers', NULL, window),
  iif(state IN ('called', 'serving'), (SELECT staff FROM window WHERE no = ticket.window), NULL),
  coalesce(since, taken_at), NULL, 1 << 62 FROM ticket WHERE day = ? AND state NOT IN ('finished', 'cancelled')
ORDER BY 1, 8
"""
READY = ("window.armed", "window.paused", "window.closed", "window.signed_out")
READY_SQL = f"""
SELECT json_extract(data, '$.window'), at FROM journal WHERE type IN {READY} AND day = :day
  AND at >= (SELECT min(taken_at) FROM ticket WHERE day = :day)
ORDER BY seq
"""  # noqa: S608  our own words


def ready(connection: Statements, day: str) -> list[Ready]:
    """When windows said that they are ready, paused, or were left."""
    return [Ready(*row) for row in connection.exec_driver_sql(READY_SQL, {"day": day})]


def wrap_ups(periods: Iterable[Period], moments: Iterable[Ready]) -> list[Period]:
    """The time after each service until its window was ready, called, or took up another; none where that is open."""
    at_windows = [each for each in periods if each.window is not None and each.kind in ("called", "serving")]
    ends: dict[int | None, list[int]] = defaultdict(list)
    for window, at in sorted(chain(((each.window, each.start) for each in at_windows), moments)):
        ends[window].append(at)
    found = []
    for each in at_windows:
        if each.kind == "serving" and each.end is not None:
            following = ends[each.window][bisect_left(ends[each.window], each.end) :][:1]
            found += [each._replace(kind="wrap_up", start=each.end, end=at) for at in following]
    return found


def times(periods: Iterable[Period], by: Literal["service", "window", "clerk"]) -> Mapping[object, Times]:
    """What was spent for each service, or at each window or by each clerk (None: at none, such as waiting)."""
    spent: dict[object, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    visits: dict[object, set[tuple[str, str]]] = defaultdict(set)
    for each in periods:
        if each.end is None:
            continue
        key = getattr(each, by)
        spent[key][each.kind] += each.end - each.start
        if each.kind == "serving":
            visits[key].add((each.ticket, each.service))
    return {key: Times(len(visits[key]), **kinds) for key, kinds in spent.items()}
