"""How long it takes. Pure: the present queue is played on with mean times through the rule that really decides.

What such a rollout is usually wrong by is kept in a table that goes on learning. Always a range, never a promise.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from edge.hall import Balance
from edge.queue import balance

# ---- the rollout


class Desk(NamedTuple):
    """A window as the rollout sees it; times are seconds from now."""

    skills: tuple[str, ...]
    free_s: float
    """When it is expected to be done with whom it has; 0 when idle."""
    on: tuple[tuple[float, float], ...]
    """Attendance still to come, as far as it is known."""
    own: str = ""
    """The line of those who were sent to it alone."""
    green: bool = False
    """For those who are served before others; it takes the rest while nobody of these waits for it."""


class Waiting(NamedTuple):
    ticket: str
    service: str
    rank: int
    """UTC, milliseconds, less its lead."""
    position: int
    own: str = ""
    """Sent to the one desk that has this line; its service still says how long it takes."""
    claimed: bool = False
    """A green desk is for them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known beforehand."""

    rule: Balance
    handling_ms: float
    mean_s: Mapping[str, float]
    """Service -> mean time of a visitor at a window."""


PAUSE_S = 600.0
"""How long a pause is expected to last that no roster knows."""
SOON_S, GONE_S = 60.0, 1200.0
"""When a pause that has lasted longer is expected to end; and from when on nobody knows."""
SPENT, LEFT = 0.6, 0.5
"""What a second of service takes off the mean time, and the share of it that is always still to come."""


def remaining_s(mean_s: float, elapsed_s: float) -> float:
    """Of a service that has lasted so long. Times are skewed: one that lasts is likely to be a long one."""
    return max(mean_s - SPENT * elapsed_s, LEFT * mean_s)


def back_s(away_s: float) -> float:
    """When a window that has been away for so long, nobody said until when, is expected back; inf: it may never be."""
    return max(SOON_S, PAUSE_S - away_s) if away_s < GONE_S else math.inf


def rollout(
    plan: Plan,
    desks: Sequence[Desk],
    waiting: Sequence[Waiting],
    at: int,
    newcomers: Sequence[Waiting] = (),
    most: int | None = None,
) -> dict[str, float]:
    """Ticket -> seconds from `at` (UTC, milliseconds) until its call, if nobody else came and everyone took the mean.

    Each newcomer is told as if nobody else came after those who wait: none of them takes a window's time. Who would not
    be called while anybody is on is left out, and who comes after the first `most` who are called.
    """
    opened = {nth for nth, desk in enumerate(desks) if comes(desk, 0.0) == 0.0}
    lines, called = _Lines(waiting, newcomers, _capacity(desks, opened)), dict[str, float]()
    ready = [(comes(desk, desk.free_s), nth) for nth, desk in enumerate(desks)]
    events = [each for each in ready if each[0] < math.inf]
    heapq.heapify(events)
    while events and lines.heads and len(called) != most:
        time, nth = heapq.heappop(events)
        if nth not in opened:
            opened.add(nth)
            lines.weigh(_capacity(desks, opened))
        head = _choose(plan, lines, desks[nth], at + int(time * 1000))
        if head is None:
            continue
        called[head.ticket] = time
        service = lines.take(head)
        done = time + plan.mean_s[service] if service else time
        again = comes(desks[nth], done)
        if again > done:
            opened.discard(nth)
            lines.weigh(_capacity(desks, opened))
        if again < math.inf:
            heapq.heappush(events, (again, nth))
    return called


class _Lines:
    """Who waits, as the desks see it: the head of each line, made anew only when something before it changes."""

    def __init__(self, waiting: Sequence[Waiting], newcomers: Sequence[Waiting], capacity: Mapping[str, float]) -> None:
        self._stacks: dict[str, _Stacks] = defaultdict(lambda: ([], [], []))
        for each in sorted(waiting, key=_ORDER, reverse=True):
            self._stacks[each.own or each.service][0 if each.claimed else 1].append(each)
        for each in sorted(newcomers, key=_ORDER, reverse=True):
            self._stacks[each.service][2].append(each)
        self.heads: dict[str, balance.Head] = {}
        self.claims: dict[str, balance.Head] = {}
        """The same of those whom a green desk is for."""
        self.weigh(capacity)

    def weigh(self, capacity: Mapping[str, float]) -> None:
        """Other windows are open now."""
        self._capacity = capacity
        for line in self._stacks:
            self._show(line)

    def take(self, head: balance.Head) -> str | None:
        """Who was called leaves the line. The service that the desk is busy with; None for a newcomer."""
        stacks = self._stacks[head.service]
        stack = next(each for each in stacks if each and each[-1].ticket == head.ticket)
        left = stack.pop()
        self._show(head.service)
        return None if stack is stacks[2] else left.service

    def _show(self, line: str) -> None:
        stacks = self._stacks[line]
        tops = [stack[-1] for stack in stacks if stack]
        if not tops:
            self.heads.pop(line, None)
            self.claims.pop(line, None)
            return
        self.heads[line] = self._head(line, stacks, min(tops, key=_ORDER))
        claimed = [each for each in tops if each.claimed]
        if claimed:
            self.claims[line] = self._head(line, stacks, min(claimed, key=_ORDER))
        else:
            self.claims.pop(line, None)

    def _head(self, line: str, stacks: _Stacks, first: Waiting) -> balance.Head:
        claimed, plain, new = stacks
        number = len(claimed) + len(plain) + bool(new and new[-1] is first)
        # A line that nobody is on for is asked by no desk, and needs no true weight.
        capacity = self._capacity.get(line) or 1.0
        return balance.Head(first.ticket, first.position, first.rank, first.rank, None, line, number, capacity)


_Stacks = tuple[list[Waiting], list[Waiting], list[Waiting]]
"""Of one line: those whom a green desk is for, the others, and the newcomers; of each the first one last."""
_ORDER = attrgetter("rank", "position")


def _choose(plan: Plan, lines: _Lines, desk: Desk, at: int) -> balance.Head | None:
    sent = lines.heads.get(desk.own)
    heads = [head for skill in desk.skills if (head := lines.claims.get(skill))] if desk.green else []
    if not heads and not (desk.green and sent):
        heads = [head for skill in desk.skills if (head := lines.heads.get(skill))]
    if sent is not None:  # weighs as much as the longest line: see rows.heads
        longest = max(heads, key=lambda it: it.waiting / it.capacity, default=sent)
        heads.insert(0, sent._replace(waiting=longest.waiting, capacity=longest.capacity))
    chosen = balance.choose(heads, at, plan.rule, plan.handling_ms)
    return chosen[0] if chosen else None


def comes(desk: Desk, time: float) -> float:
    """When it can call at or after `time`; inf: not as far as is known."""
    for start, end in desk.on:
        if time < end:
            return max(start, time)
    return math.inf


def _capacity(desks: Sequence[Desk], opened: set[int]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for nth in opened:
        for skill in desks[nth].skills:
            found[skill] += 1 / len(desks[nth].skills)
    return found


# ---- how long a visitor takes

TRUST, FADE = 20.0, 0.9
"""The hall file's mean counts as so many visitors of today; a visitor of each day before counts so much less."""


def mean(given: float, days: Iterable[tuple[int, int, float]]) -> float:
    """Of (how many days ago, how many, their sum), begun with what the hall file says. Half as much after a week."""
    weight, total = TRUST, TRUST * given
    for ago, number, spent in days:
        fresh = FADE ** max(0, ago)
        weight += fresh * number
        total += fresh * spent
    return total / weight


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
        return Range(expected.rollout * 0.7, expected.rollout, expected.rollout * 1.4 + 5.0)
    low, middle, high = (expected.rollout + errors[int(len(errors) * share)] for share in (0.1, 0.5, 0.9))
    return Range(max(0.0, low), max(0.0, middle), max(0.0, high))


# ---- as people read it


@dataclass(frozen=True, slots=True)
class Estimate:
    """Minutes until the call."""

    low: int
    high: int
    minutes: int


STEP, STEP_HOUR, STEP_HOURS = 5, 10, 30
"""Minutes; a range begins and ends on a multiple: up to an hour, up to two, and above."""
HOURS_FROM = 120


def readable(it: Range) -> Estimate:
    """Rounded to what people read; never narrower than the range."""
    step = _step(it.p90)
    first = step if step == STEP_HOURS else _step(it.p10)
    low = int(it.p10 // first) * first
    return Estimate(low, max(low + first, math.ceil(it.p90 / step) * step), math.ceil(it.p50))


def _step(minutes: float) -> int:
    return STEP if minutes <= 60 else STEP_HOUR if minutes <= HOURS_FROM else STEP_HOURS


Unsaid = Literal["no_window", "too_late", "sent"]
"""Why nothing can be said: no window for it is open; those who wait fill the day; it waits for one that is away."""
UNSAID: Mapping[Unsaid, tuple[str, str]] = {
    "no_window": ("窗口暂停，时间未定", "no window is open now"),
    "sent": ("要等指定的窗口，时间未定", "not known, for one window only"),
    "too_late": ("今天可能轮不到", "perhaps too late today"),
}


def words(it: Estimate | Unsaid) -> tuple[str, str]:
    """`约10到15分钟`, and the same in English. The one place where they are made."""
    if not isinstance(it, Estimate):
        return UNSAID[it]
    if it.minutes == 0 and it.high <= STEP:
        return "马上就到", "very soon"
    hours = it.high > HOURS_FROM
    high, unit, unit_en = (f"{it.high / 60:g}", "小时", "hours") if hours else (str(it.high), "分钟", "minutes")
    if it.low == 0:
        return f"{high}{unit}内", f"within {high} {unit_en}"
    low = f"{it.low / 60:g}" if hours else str(it.low)
    return f"约{low}到{high}{unit}", f"about {low} to {high} {unit_en}"
