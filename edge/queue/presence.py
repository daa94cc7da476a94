"""When windows are there: what they did today says it, and how they stand now what is to be expected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from edge.clock import Now
from edge.hall import Hall
from edge.queue import forecast, periods
from edge.statements import Statements

Openings = Sequence[tuple[int, int]]
"""When the hall serves on a day: UTC, milliseconds."""

HERE = ("ticket.called", "window.armed", "window.signed_in", "window.resumed", "window.opened")
GONE = ("window.paused", "window.closed", "window.signed_out")
MOVES_SQL = f"""
SELECT json_extract(data, '$.window'), type, at FROM journal WHERE day=? AND at >= ?
  AND type IN ({",".join(f"'{each}'" for each in HERE + GONE)}) ORDER BY seq
"""  # noqa: S608  our own words
STATE_SQL = "SELECT no, state, sign, resume FROM window"


class There(NamedTuple):
    """A window today: when it was there, and from when on it is; None: not any more."""

    spans: tuple[tuple[int, int], ...]
    since: int | None


def stands(connection: Statements, hall: Hall, now: Now, midnight: int) -> dict[int, There]:
    """Every window of the hall. One that stands open and did nothing today is not there, unless none did anything."""
    began, spans = dict[int, int](), defaultdict[int, list[tuple[int, int]]](list)
    for no, type_, at in connection.exec_driver_sql(MOVES_SQL, (now.day, midnight)):
        if type_ in HERE:
            began.setdefault(no, at)
        elif no in began:
            spans[no].append((began.pop(no), at))
    seen, comes = began.keys() | spans.keys(), dict[int, int]()
    for no, state, sign, resume in connection.exec_driver_sql(STATE_SQL):
        if state == "open" and (no in began or not seen):
            comes[no] = now.at
        elif sign == "noon" and (no in seen or not seen):
            comes[no] = now.at  # on its break: it goes on with the next opening
        elif state == "paused" and sign in ("wait_a_moment", "away") and no in seen:
            comes[no] = _resumes(now, resume, midnight)
    for no, start in began.items():
        spans[no].append((start, now.at))
    return {no: There(tuple(each for each in spans[no] if each[0] < each[1]), comes.get(no)) for no in hall.window}


def _resumes(now: Now, resume: str | None, midnight: int) -> int:
    if resume is None:
        return now.at + int(forecast.PAUSE_S * 1000)
    hour, minute = map(int, resume.split(":"))
    return max(now.at, midnight + (hour * 60 + minute) * 60_000)


def was_there(
    connection: Statements, now: Now, there: Mapping[int, There], log: Sequence[periods.Period]
) -> dict[int, list[tuple[int, int]]]:
    """When each window was there until now: gone as soon as a visitor was served after whom it called nobody.

    That is before it left, or where the time after a visitor was too long for wrapping up.
    """
    left = {(no, end) for no, each in there.items() for _, end in each.spans}
    away = defaultdict[int | None, list[tuple[int, int]]](list)
    for each in periods.wrap_ups(log, periods.ready(connection, now.day)):
        if each.end is not None and (each.end - each.start > periods.AWAY_MS or (each.window, each.end) in left):
            away[each.window].append((each.start - 1, each.end))  # or else it would call somebody at its end
    return {no: list(_without(each.spans, sorted(away[no]))) for no, each in there.items()}


def _without(spans: Iterable[tuple[int, int]], gaps: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, end in spans:
        for out, back in gaps:
            if start < out < end:
                yield start, out
                start = min(end, back)
        if start < end:
            yield start, end


def later(there: There, openings: Openings, now: Now, busy_s: float) -> list[tuple[int, int]]:
    """When a window is there from now on."""
    if there.since is None:
        return []
    free = max(there.since, now.at + int(busy_s * 1000))
    return [(max(start, free), end) for start, end in openings if end > free]


def seconds(spans: Iterable[tuple[int, int]], midnight: int) -> tuple[tuple[float, float], ...]:
    """Since midnight, in order; what touches is one."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and (start - midnight) / 1000 <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], (end - midnight) / 1000)
        else:
            found.append(((start - midnight) / 1000, (end - midnight) / 1000))
    return tuple(found)
