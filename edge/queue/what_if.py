"""What one more window would change: the day played on with and without it, with the same visitors. Pure.

What is known stays as it is; what is not, the rest of the day and how long those who wait will take, is drawn, the same
for both sides. So the same question about the same hall has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean
from typing import NamedTuple

from edge.queue.plot import crowd
from edge.queue.policies import Policy
from edge.queue.replay import Call, replay
from edge.queue.scenario import NEVER_SHOWS, Scenario, Service, Ticket, Window

CV = 0.6
"""Of handling times, which are skewed; the same for every service."""
REPLAYED = 12_000
"""Tickets that all runs of both sides have together, so that an answer takes about a second."""
RUNS = 12
STEP_S = 300
EXTRA = "extra"


class Question(NamedTuple):
    """One more window, of an ordinary speed."""

    skills: tuple[str, ...]
    start_s: float
    end_s: float | None
    """None: until nobody is left at closing."""


class Coming(NamedTuple):
    """Visitors that are expected, spread evenly over a time."""

    service: str
    start_s: float
    end_s: float
    mean: float
    next: tuple[str, ...] = ()
    """The later steps of their visit."""


@dataclass(frozen=True, slots=True)
class Known:
    """A hall's day as far as it is known. Times are seconds since midnight."""

    day: Scenario
    """Every visitor so far, and every window with its attendance, past and planned."""
    open: frozenset[str]
    """The tickets of `day` whose handling time is not known yet."""
    coming: tuple[Coming, ...]
    policy: Policy
    closes_s: float


class Visit(NamedTuple):
    service: str
    start_s: float
    called_s: float
    """Of who was never called: when they left, or the hall closed."""
    called: bool


@dataclass(frozen=True, slots=True)
class Waits:
    """Minutes; of several runs the mean, of whole people the nearest."""

    people: int
    mean: float
    p90: float
    longest: float
    left: int
    """Never called."""


class Point(NamedTuple):
    at_s: float
    before: float
    after: float
    """How many wait."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the visits that were not called before the window opened; pairs are without it and with it.

    `line` has all of them.
    """

    services: Mapping[str, tuple[Waits, Waits]]
    asked: tuple[Waits, Waits]
    """Those that the window may serve."""
    line: tuple[Point, ...]
    runs: int


def answer(known: Known, question: Question, breathe: Callable[[], None] = lambda: None) -> Answer:
    """`breathe` is called with every arrival, so that whoever shares the processor gets a turn."""
    certain = not (known.open or known.coming)
    size = max(1, len(known.day.tickets) + sum(each.mean for each in known.coming))
    runs = 1 if certain else max(2, min(RUNS, int(REPLAYED / size / 2)))
    extra = Window(EXTRA, question.skills, 1.0, ((question.start_s, question.end_s or known.closes_s),), True)
    if question.end_s is not None:
        extra = extra._replace(drain=False)
    sides: tuple[list[list[Visit]], list[list[Visit]]] = ([], [])
    for seed in range(runs):
        day = drawn(known, seed)
        for side, windows in zip(sides, (day.windows, (*day.windows, extra)), strict=True):
            played = replace(day, windows=windows)
            trace = replay(played, known.policy, lambda _at, _day, _visit: breathe())
            side.append(list(_visits(played, trace, known.closes_s)))
    before, after = ([_touched(run, question.start_s) for run in side] for side in sides)
    ids = [each.id for each in known.day.services if any(it.service == each.id for run in before for it in run)]
    return Answer(
        {id_: (_waits(_of(before, {id_})), _waits(_of(after, {id_}))) for id_ in ids},
        (_waits(_of(before, question.skills)), _waits(_of(after, question.skills))),
        tuple(_line(_of(sides[0], question.skills), _of(sides[1], question.skills), question.start_s)),
        runs,
    )


# ---- what is drawn


def drawn(known: Known, seed: int) -> Scenario:
    """One way the day may go. A ticket's time depends on the seed and itself alone."""
    random = Random(f"coming {seed}")  # noqa: S311  repeatable, nothing secret
    tickets = [
        each._replace(work_s=_work(Random(f"{seed} {each.id}"), known.day.service[each.service]))  # noqa: S311
        if each.id in known.open
        else each
        for each in known.day.tickets
    ]
    for nth, group in enumerate(known.coming):
        for more in range(_poisson(random, group.mean)):
            arrive = random.uniform(group.start_s, group.end_s)
            service, *then = (known.day.service[each] for each in (group.service, *group.next))
            after = tuple((each.id, _work(random, each)) for each in then)
            tickets.append(_plain(f"{nth}.{more}", arrive, service.id, _work(random, service), after))
    return replace(known.day, tickets=tuple(sorted(tickets, key=lambda each: each.arrive_s)))


def _plain(id_: str, arrive_s: float, service: str, work_s: float, after: tuple[tuple[str, float], ...]) -> Ticket:
    return Ticket(id_, arrive_s, service, "", None, work_s, 0.0, 0, 0.0, None, after)


def _work(random: Random, service: Service) -> float:
    """Lognormal about the service's mean."""
    sigma = math.sqrt(math.log(1 + service.cv**2))
    return service.mean_s * random.lognormvariate(-sigma * sigma / 2, sigma)


def _poisson(random: Random, mean: float) -> int:
    count, passed = 0, random.expovariate(1.0)
    while passed < mean:
        count, passed = count + 1, passed + random.expovariate(1.0)
    return count


# ---- what came of it


def _visits(day: Scenario, trace: Iterable[Call], closes_s: float) -> Iterator[Visit]:
    """Each visit's wait for its first call; of a visit's later steps only those that came to be called."""
    tickets, ended = {each.id: each for each in day.tickets}, dict[tuple[str, int], float]()
    for call in trace:
        ended[call.id, call.visit] = call.end_s
        if call.attempt > 1:
            continue
        ticket = tickets[call.id]
        service = ticket.next[call.visit - 1][0] if call.visit else ticket.service
        yield Visit(service, ended[call.id, call.visit - 1] if call.visit else ticket.arrive_s, call.called_s, True)
    for ticket in day.tickets:
        if (ticket.id, 0) not in ended and ticket.kind != NEVER_SHOWS:
            left = closes_s if ticket.patience_s is None else ticket.arrive_s + ticket.patience_s
            yield Visit(ticket.service, ticket.arrive_s, max(ticket.arrive_s, left), False)


def _touched(run: Iterable[Visit], start_s: float) -> list[Visit]:
    """Whom the window could have served: what was over before it opened is the same on both sides."""
    return [each for each in run if each.called_s >= start_s]


def _of(runs: Sequence[Sequence[Visit]], services: Iterable[str]) -> list[list[Visit]]:
    wanted = set(services)
    return [[each for each in run if each.service in wanted] for run in runs]


def _waits(runs: Sequence[Sequence[Visit]]) -> Waits:
    waits = [sorted((each.called_s - each.start_s) / 60 for each in run) or [0.0] for run in runs]
    every = sorted(wait for run in waits for wait in run)
    return Waits(
        round(fmean(map(len, runs))),
        round(fmean(every), 1),
        round(every[int(len(every) * 0.9)], 1),
        round(fmean(run[-1] for run in waits), 1),
        round(fmean(sum(not each.called for each in run) for run in runs)),
    )


def _line(before: Sequence[Sequence[Visit]], after: Sequence[Sequence[Visit]], start_s: float) -> Iterator[Point]:
    """From an hour before until the last call."""
    ends = [each.called_s for side in (before, after) for run in side for each in run if each.called_s >= start_s]
    if not ends:
        return
    first = int((start_s - 3600) // STEP_S) * STEP_S
    times = range(first, int(max(ends)) + 1, STEP_S)
    counts = [
        [crowd([(each.start_s, each.called_s) for each in run], times) for run in side] for side in (before, after)
    ]
    for nth, time in enumerate(times):
        without, with_it = (round(fmean(run[nth] for run in side), 1) for side in counts)
        yield Point(time, without, with_it)


# ---- words


def words(names: Sequence[str], question: Question, found: tuple[Waits, Waits]) -> str:
    """`社保 10:00起多开一个窗口：平均等候 24→11 分钟，最长 52→28 分钟`"""
    before, after = found
    end = f"至{hhmm(question.end_s)}" if question.end_s is not None else "起"
    head = f"{_named(names)} {hhmm(question.start_s)}{end}多开一个窗口"
    if not before.people:
        return f"{head}：没有人要等，不用多开"
    left = f"，没等到叫号的 {before.left}→{after.left} 人" if before.left or after.left else ""
    mean, longest = (f"{one:.0f}→{other:.0f}" for one, other in zip(*map(_shown, found), strict=True))
    return f"{head}：平均等候 {mean} 分钟，最长 {longest} 分钟{left}"


def _shown(waits: Waits) -> tuple[float, float]:
    return waits.mean, waits.longest


def _named(names: Sequence[str]) -> str:
    return "、".join(names) if len(names) <= 3 else f"{names[0]}等{len(names)}项"


def hhmm(at_s: float) -> str:
    return f"{int(at_s // 3600):02d}:{int(at_s % 3600 // 60):02d}"
