"""How long it takes. Pure: the present queue is played on with mean times through the rule that really decides.

What such a rollout is usually wrong by is kept in a table that goes on learning. Always a range, never a promise.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge.hall import Balance
from edge.queue import balance


@dataclass(frozen=True, slots=True)
class Estimate:
    """Minutes until the call."""

    low: int
    high: int
    minutes: int


STEP = 5
"""Minutes; a range begins and ends on a multiple, as people read it."""


def estimate(ahead: int, mean_minutes: float, windows: int) -> Estimate:
    """`windows` are those open for the service now; with none open, one is assumed to come back."""
    minutes = math.ceil(ahead * mean_minutes / max(1, windows))
    return Estimate(low=int(minutes * 0.7) // 5 * 5, high=math.ceil((minutes * 1.3 + 1) / 5) * 5, minutes=minutes)


# ---- the rollout


class Desk(NamedTuple):
    """A window as the rollout sees it; times are seconds from now."""

    skills: tuple[str, ...]
    free_s: float
    """When it is expected to be done with whom it has; 0 when idle."""
    on: tuple[tuple[float, float], ...]
    """Attendance still to come, as far as it is known."""


class Waiting(NamedTuple):
    ticket: str
    service: str
    rank: int
    """UTC, milliseconds, less its lead."""
    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known beforehand."""

    rule: Balance
    handling_ms: float
    mean_s: Mapping[str, float]
    """Service -> mean time of a visitor at a window."""


PAUSE_S = 600.0
"""How long a pause is expected to last that no roster knows."""
SPENT, LEFT = 0.6, 0.5
"""What a second of service takes off the mean time, and the share of it that is always still to come."""


def remaining_s(mean_s: float, elapsed_s: float) -> float:
    """Of a service that has lasted so long. Times are skewed: one that lasts is likely to be a long one."""
    return max(mean_s - SPENT * elapsed_s, LEFT * mean_s)


def rollout(plan: Plan, desks: Sequence[Desk], waiting: Sequence[Waiting], at: int) -> dict[str, float]:
    """Ticket -> seconds from `at` (UTC, milliseconds) until its call, if nobody else came and everyone took the mean.

    Who would not be called while anybody is on is left out.
    """
    lines = _lines(waiting)
    ready = [(_comes(desk, desk.free_s), nth) for nth, desk in enumerate(desks)]
    events = [each for each in ready if each[0] < math.inf]
    heapq.heapify(events)
    opened = {nth for nth, desk in enumerate(desks) if _comes(desk, 0.0) == 0.0}
    capacity, called = _capacity(desks, opened), dict[str, float]()
    while events and lines:
        time, nth = heapq.heappop(events)
        if nth not in opened:
            opened.add(nth)
            capacity = _capacity(desks, opened)
        head = _choose(plan, lines, desks[nth], capacity, at + int(time * 1000))
        if head is None:
            continue
        called[head.ticket] = time
        lines[head.service].pop()
        if not lines[head.service]:
            del lines[head.service]
        done = time + plan.mean_s[head.service]
        again = _comes(desks[nth], done)
        if again > done:
            opened.discard(nth)
            capacity = _capacity(desks, opened)
        if again < math.inf:
            heapq.heappush(events, (again, nth))
    return called


Lines = dict[str, list[Waiting]]


def _choose(plan: Plan, lines: Lines, desk: Desk, capacity: Mapping[str, float], at: int) -> balance.Head | None:
    heads = []
    for skill in desk.skills:
        line = lines.get(skill)
        if line:
            ticket, _, rank, position = line[-1]
            heads.append(balance.Head(ticket, position, rank, rank, None, skill, len(line), capacity[skill]))
    chosen = balance.choose(heads, at, plan.rule, plan.handling_ms)
    return chosen[0] if chosen else None


def _lines(waiting: Sequence[Waiting]) -> Lines:
    """Service -> who waits for it, the first one last."""
    lines: Lines = {}
    for each in sorted(waiting, key=lambda it: (it.rank, it.position), reverse=True):
        lines.setdefault(each.service, []).append(each)
    return lines


def _comes(desk: Desk, time: float) -> float:
    """When it can call at or after `time`."""
    return next((max(start, time) for start, end in desk.on if time < end), math.inf)


def _capacity(desks: Sequence[Desk], opened: set[int]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for nth in opened:
        for skill in desks[nth].skills:
            found[skill] += 1 / len(desks[nth].skills)
    return found


# ---- what the rollout is usually wrong by

Residuals = dict[str, list[float]]
"""Band -> actual less expected minutes, the newest last. JSON-ready."""

BANDS = (0, 1, 5, 10, 15, 20, 30, 40, 55, 75, 100)
KEPT, ENOUGH = 600, 40
"""How many errors of a band are kept, and from how many on they are believed."""


class Expected(NamedTuple):
    """Minutes until the call, by two ways to reckon."""

    rollout: float
    by_mean: float
    """Those ahead in the same line x mean time / windows open for it."""


class Range(NamedTuple):
    """Minutes, as quantiles of what may come."""

    p10: float
    p50: float
    p90: float


def _bands(it: Expected) -> tuple[str, str]:
    """By the rollout's minutes and how far the other way agrees, and by the minutes alone."""
    wide = str(BANDS[bisect_right(BANDS, it.rollout) - 1])
    return f"{wide} x{min(4, int(2 * it.by_mean / max(1.0, it.rollout)))}", wide


def learn(residuals: Residuals, expected: Expected, actual: float) -> None:
    """Adds what a rollout was wrong by; the oldest of its band is forgotten."""
    for band in _bands(expected):
        errors = residuals.setdefault(band, [])
        errors.append(round(actual - expected.rollout, 1))
        del errors[:-KEPT]


def spread(residuals: Residuals, expected: Expected) -> Range:
    """What to expect; before enough is learnt, a guess about the rollout."""
    known = (residuals[band] for band in _bands(expected) if len(residuals.get(band, ())) >= ENOUGH)
    errors = sorted(next(known, ()))
    if not errors:
        return Range(expected.rollout * 0.7, expected.rollout, expected.rollout * 1.4 + STEP)
    low, middle, high = (expected.rollout + errors[int(len(errors) * share)] for share in (0.1, 0.5, 0.9))
    return Range(max(0.0, low), max(0.0, middle), max(0.0, high))


def readable(it: Range) -> Estimate:
    """Rounded to what people read; never narrower than the range."""
    low = int(it.p10 // STEP) * STEP
    return Estimate(low, max(low + STEP, math.ceil(it.p90 / STEP) * STEP), math.ceil(it.p50))


def words(it: Estimate) -> str:
    """`约20–35分钟`"""
    return f"约{it.low}–{it.high}分钟" if it.low else f"{it.high}分钟内"
