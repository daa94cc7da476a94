"""The hall as it stands, played on: who is called when, and when anybody who came now would be. Reads only.

One outlook is made for all who ask at about the same time, outside the transactions of the queue.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from itertools import chain, pairwise
from typing import NamedTuple

from edge.clock import Now, local
from edge.hall import Hall, Window
from edge.hallday import HallDay, Timetable, clock_words
from edge.queue import balance, forecast
from edge.queue.forecast import Desk, Expected, Unsaid, Waiting
from edge.queue.rows import CLAIM
from edge.queue.work import Work, work
from edge.statements import Statements
from edge.timetable import days
from edge.windows import noon
from edge.windows.skills import effective

AT_MOST = 1_000
"""Who waits behind so many is not looked at, but expected at the pace of those before."""
EACH, AT_LEAST = 16, 200
"""Calls that are played on: so many for each open window, two hours or three. What follows goes on at their pace."""
IDLE_S = 180.0
"""A window that is open and has called nobody for so long, while somebody waits for it, has nobody behind it."""
PACE_FROM = 3
"""A line of so many shows by itself how fast it moves."""
NEAR_MS = 30_000
"""Leads that differ by less are the same: the outlook is a little older than the ticket."""

Spans = tuple[tuple[float, float], ...]
EVER: Spans = ((0.0, math.inf),)


class Newcomer(NamedTuple):
    """Somebody who would join a line now."""

    lead: int
    """Milliseconds by which they count as having come earlier."""
    ahead: int
    seconds: float | None
    """Until their call, from the outlook's time; None: not as far as is known."""


class Recess(NamedTuple):
    """The break that it is now, or the next of today."""

    begins: int
    ends: int
    """UTC, milliseconds."""
    words: str
    """When it goes on: `下午14:30继续`."""
    words_en: str


@dataclass(frozen=True, slots=True)
class Line:
    mean_s: float
    open: int
    """Windows for it that can call now."""
    newcomers: tuple[Newcomer, ...]
    """Those without a lead first."""
    pace_s: float
    """How many window-seconds one more ahead takes."""
    work: Work
    reached: Newcomer | None
    """Whoever would be next when the queue was played on as far as it is; None: it was to its end."""
    why: Unsaid
    """Why nothing can be said, where that is so."""
    rests: bool = False
    """No window serves it over the break."""


@dataclass(frozen=True, slots=True)
class Outlook:
    seq: int
    """The journal's when it was made."""
    at: int
    """UTC, milliseconds."""
    day: str
    waiting: int
    rank: int
    """Of who comes now without a lead."""
    called: Mapping[str, float]
    """Ticket -> seconds from `at`."""
    recess: Recess | None
    lines: Mapping[str, Line]
    residuals: forecast.Residuals


class Place(NamedTuple):
    """A waiting ticket, as far as its forecast needs it."""

    ticket: str
    service: str
    rank: int
    ahead: int
    sent: bool = False
    """To one window or clerk."""


def expected(outlook: Outlook, place: Place, at: int) -> Expected | Unsaid:
    """Minutes until its call. A ticket that is newer than the outlook counts as the newcomer that it was."""
    line = outlook.lines.get(place.service)
    if line is None:
        return "no_window"
    seconds = outlook.called.get(place.ticket)
    if seconds is None and place.sent:
        return "sent"
    if seconds is None:
        seconds = _as_newcomer(line, max(0, outlook.rank - place.rank), place.ahead)
    if seconds is None:
        return line.why
    passed = max(0, at - outlook.at) / 1000
    return Expected(max(0.0, seconds - passed) / 60, place.ahead * line.mean_s / 60 / max(1, line.open))


def _as_newcomer(line: Line, lead: int, ahead: int) -> float | None:
    near = [each for each in line.newcomers if each.lead <= lead + NEAR_MS]
    it = near[-1] if near else line.newcomers[0]
    if it.seconds is None and line.reached is not None:
        it = line.reached
    if it.seconds is None or ahead == it.ahead:
        return it.seconds
    return line.work.moment(line.work.done(it.seconds) + (ahead - it.ahead) * line.pace_s)


# ---- made from the rows


def make(
    connection: Statements, hall: Hall, now: Now, seq: int, mean_s: Mapping[str, float], residuals: forecast.Residuals
) -> Outlook:
    """`hall` is that of the file; its windows count as they are now."""
    hall = effective(connection, hall)
    windows = _windows(connection, hall, now)
    waiting, since = _waiting(connection, hall)
    desks = [_desk(hall, now, row, mean_s, since, spans) for row, spans in windows]
    rank = max([now.at, *(each.rank + 1 for each in waiting)])
    coming = {
        each.id: [
            Waiting(f"+{each.id}+{lead}", each.id, rank - lead, balance.STRICT, claimed=lead > 0)
            for lead in _leads(hall)
        ]
        for each in hall.services
        if not each.steps
    }
    plan = forecast.Plan(hall.balance, hall.handling_ms, mean_s)
    most = max(AT_LEAST, EACH * sum(row.state == "open" for row, _ in windows))
    called = forecast.rollout(plan, desks, waiting, now.at, list(chain(*coming.values())), most)
    recess = _recess(connection, hall, now)
    rest = ((recess.begins - now.at) / 1000, (recess.ends - now.at) / 1000) if recess is not None else (0.0, 0.0)
    known = _known(mean_s, desks, waiting, called, max(called.values()) if len(called) == most else None, rest)
    lines = {service: _line(known, service, rank, newcomers) for service, newcomers in coming.items()}
    return Outlook(seq, now.at, now.day, len(waiting), rank, called, recess, lines, residuals)


def _recess(connection: Statements, hall: Hall, now: Now) -> Recess | None:
    day = days.day_on(connection, hall, now.day)
    found = day.recess(now.at)
    if found is None:
        return None
    words, clock = clock_words(found[1], hall.zone_info), f"{local(found[1], hall.zone_info):%H:%M}"
    if day.phase(now.at) == "before":
        return Recess(*found, f"{words}开始", f"begins at {clock}")
    return Recess(*found, f"{words}继续", f"goes on at {clock}")


def _leads(hall: Hall) -> list[int]:
    head_starts = {int(minutes * balance.MINUTE_MS) for minutes in hall.priority.head_start.values()}
    return sorted({0, *head_starts, *([balance.STRICT] if hall.priority.strict else [])})


class _Known(NamedTuple):
    mean_s: Mapping[str, float]
    able: Mapping[str, list[Desk]]
    open: Mapping[str, int]
    waiting: Mapping[str, list[Waiting]]
    """Service -> who waits, in their order."""
    called: Mapping[str, float]
    end: float | None
    """Of the calls, in seconds, where others were to follow."""
    serving: Collection[str]
    """The services that some window serves over the break."""


def _known(
    mean_s: Mapping[str, float],
    desks: Iterable[Desk],
    waiting: Iterable[Waiting],
    called: Mapping[str, float],
    end: float | None,
    rest: tuple[float, float],
) -> _Known:
    here = [desk for desk in desks if desk.on]
    able = defaultdict[str, list[Desk]](list)
    for desk in here:
        for skill in desk.skills:
            able[skill].append(desk)
    opened = Counter(skill for desk in here if forecast.comes(desk, 0.0) == 0.0 for skill in desk.skills)
    lines: dict[str, list[Waiting]] = defaultdict(list)
    for each in waiting:
        lines[each.service].append(each)
    serving = {skill for desk in here if forecast.comes(desk, rest[0]) < rest[1] for skill in desk.skills}
    return _Known(mean_s, able, opened, lines, called, end, serving)


def _line(known: _Known, service: str, rank: int, newcomers: Iterable[Waiting]) -> Line:
    here, mean, opened = known.waiting.get(service, []), known.mean_s[service], known.open[service]
    ranks = [each.rank for each in here]
    found = [
        Newcomer(rank - each.rank, bisect_right(ranks, each.rank), known.called.get(each.ticket)) for each in newcomers
    ]
    able = work(known.able[service])
    times = [known.called[each.ticket] for each in here if each.ticket in known.called and not each.own]
    spent = able.done(max(times)) - able.done(min(times)) if len(times) >= PACE_FROM else 0.0
    pace = spent / (len(times) - 1) if spent else mean
    reached = None
    if known.end is not None:
        following = able.moment(able.done(max(times)) + pace if times else able.done(known.end))
        reached = Newcomer(0, len(times), None if following is None else max(following, known.end))
    why: Unsaid = "too_late" if known.able[service] else "no_window"
    return Line(mean, opened, tuple(found), pace, able, reached, why, service not in known.serving)


WAITING_SQL = f"""
SELECT id, service, rank, position, for_window, {CLAIM}, coalesce(since, taken_at) FROM ticket
WHERE state='waiting' AND for_window IS NOT 0 ORDER BY rank, position LIMIT ?
"""  # noqa: S608  our own words


def _waiting(connection: Statements, hall: Hall) -> tuple[list[Waiting], dict[str, int]]:
    """Who may be called now, and since when the first waits in each line."""
    found: list[Waiting] = []
    first: dict[str, int] = {}
    for ticket, service, rank, position, window, claimed, since in connection.exec_driver_sql(WAITING_SQL, (AT_MOST,)):
        if service not in hall.service or (window is not None and window not in hall.window):
            continue
        each = Waiting(ticket, service, rank, position, _own(window), bool(claimed))
        found.append(each)
        line = each.own or service
        first[line] = min(since, first.get(line, since))
    return found, first


def _own(window: int | None) -> str:
    """The line of those who were sent to this window; no service has such an id."""
    return "" if window is None else f"={window}"


# ---- windows

WINDOW_SQL = """
SELECT w.no, w.state, w.sign, w.resume, w.since, w.armed_at IS NOT NULL, w.staff, w.staff_since,
  t.service, iif(t.held_at IS NULL, t.called_at, t.since),
  iif(t.id IS NULL AND w.state='open' AND w.armed_at IS NULL,
    (SELECT max(since) FROM ticket INDEXED BY ticket_window WHERE day=? AND window=w.no), NULL)
FROM window w LEFT JOIN ticket t ON t.window = w.no AND t.state IN ('called', 'serving') ORDER BY w.no
"""


class Standing(NamedTuple):
    """A window's row and what it has in hand; times are UTC, milliseconds."""

    no: int
    state: str
    sign: str | None
    resume: str | None
    since: int
    armed: bool
    staff: str | None
    """Who has signed in, and since when."""
    staff_since: int | None
    service: str | None
    """Of the ticket in hand."""
    begun: int | None
    left: int | None
    """When its last visitor of today left, where nobody is in hand."""


def _windows(connection: Statements, hall: Hall, now: Now) -> list[tuple[Standing, Spans]]:
    day = days.day_on(connection, hall, now.day)
    rows = [Standing._make(row) for row in connection.exec_driver_sql(WINDOW_SQL, (now.day,))]
    breaks = [before.end for before, after in pairwise(day.openings) if after.start > now.at]
    on_duty = noon.on_duty(connection, max(now.at, breaks[0])) if breaks else ()
    return [(row, serving_spans(hall.timetable, day, now.at, row, on_duty)) for row in rows if row.no in hall.window]


def serving_spans(table: Timetable, day: HallDay, at: int, window: Standing, on_duty: Collection[str] = ()) -> Spans:
    """When the hall lets this window call, as seconds from `at`: no service before the opening, none over noon.

    Noon is served by the windows of the hall file, and by those whose clerk is `on_duty` then.

    A window that serves although the hall does not is taken at its word, but one that goes on its break when the case
    in its hand has ended.
    """
    if day.always or not day.openings:
        return EVER
    spans = [((each.start - at) / 1000, (each.end - at) / 1000) for each in day.openings if each.end > at]
    through = window.no in table.noon_windows or window.staff in on_duty
    if len(spans) > 1 and table.noon == "clear":
        del spans[1:]
    elif len(spans) > 1 and through:
        spans = [(spans[0][0], spans[-1][1])]
    last = not spans or spans[-1][1] == (day.openings[-1].end - at) / 1000
    if last and table.at_close == "serve_waiting":
        spans[-1:] = [(spans[-1][0] if spans else 0.0, math.inf)]
    at_work = window.service is not None
    if day.phase(at) == "noon":
        at_work = through or (window.state == "open" and window.since >= (day.ended_before(at) or 0))
    if spans and at_work:
        spans[0] = (min(0.0, spans[0][0]), spans[0][1])
    return tuple(spans)


def _desk(
    hall: Hall, now: Now, row: Standing, mean_s: Mapping[str, float], since: Mapping[str, int], spans: Spans
) -> Desk:
    window = hall.window[row.no]
    free, mean = 0.0, mean_s.get(row.service or "")
    if mean is not None and row.begun is not None:
        free = forecast.remaining_s(mean, max(0, now.at - row.begun) / 1000)
    back = _unattended_s(window, row, now, since, spans) if row.state == "open" else paused_s(row, now, hall)
    on = tuple((max(start, back), end) for start, end in spans if end > back)
    return Desk(window.skills, free, on, _own(row.no), window.green)


def _unattended_s(window: Window, row: Standing, now: Now, since: Mapping[str, int], spans: Spans) -> float:
    """When somebody is expected behind an open window; 0 for now."""
    first = min([since[line] for line in (*window.skills, _own(row.no)) if line in since], default=None)
    if first is None or row.armed or row.service is not None or not spans or spans[0][0] > 0:
        return 0.0
    idle = min((now.at - max(first, row.since, row.left or 0, row.staff_since or 0)) / 1000, -spans[0][0] or math.inf)
    return forecast.back_s(idle) if idle > IDLE_S else 0.0


CLOCK = re.compile(r"(\d{1,2}):(\d{2})$")
NOT_BACK = ("closed", "go_to")


def paused_s(row: Standing, now: Now, hall: Hall) -> float:
    """When a paused window is expected back: at the time on its sign, and a while later when that has passed."""
    back = _clock_time(row, now, hall)
    if back is not None and back > now.at:
        return (back - now.at) / 1000
    if back is None and row.sign in NOT_BACK:
        return math.inf
    return forecast.back_s(max(0, now.at - max(row.since, back or 0)) / 1000)


def _clock_time(row: Standing, now: Now, hall: Hall) -> int | None:
    """What stands on the sign, `14:30` or `下午14:30`, and was put up today."""
    found = CLOCK.search(row.resume or "")
    today = local(now.at, hall.zone_info).date()
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or local(row.since, hall.zone_info).date() != today:
        return None
    moment = datetime.combine(today, time(int(found[1]), int(found[2])), hall.zone_info)
    return int(moment.timestamp() * 1000)
