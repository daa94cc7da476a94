"""Fresh days of the same kind as given ones: the same intensities, other people. Pure; the same seed, the same day."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import NormalDist
from typing import TypeVar

from edge.queue.scenario import (
    COMES_BACK,
    NEVER_SHOWS,
    ROSTER_GAP_S,
    Scenario,
    Service,
    Ticket,
    Window,
    planned,
)

Value = TypeVar("Value", int, float, str)

HALF_HOUR_S = 1800
SPEED = NormalDist(1.0, 0.12)
SLOWEST, FASTEST = 0.75, 1.3
WALK = (0.3, 1.7)
"""Share of the mean walk, evenly."""
EARLY_S = NormalDist(480.0, 360.0)
"""How long before a booked time people check in."""
AWAY_S = (120.0, 600.0)
FOLLOW_UP = 0.6
"""Work of a follow-up, of its service's mean."""
LONGER = {"E": 1.25, "D": 1.25}
"""Class -> work, of its service's mean."""


@dataclass(frozen=True, slots=True)
class Intensities:
    """What given days of one kind have in common; counts are means a day."""

    days: Sequence[Scenario]
    walk_ins: dict[int, float]
    """Half hour of the day -> arrivals."""
    booked: dict[float, float]
    """Slot -> appointments."""
    classes: dict[str, float]
    """Of walk-ins."""
    kinds: dict[int, float]
    follow_up: float
    """Share of visits with one."""
    pauses: tuple[tuple[float, ...], ...]
    """The unplanned pauses of each window and day, seconds."""


def intensities(days: Sequence[Scenario]) -> Intensities:
    tickets = [each for day in days for each in day.tickets]
    walk_ins = [each for each in tickets if each.slot_s is None]
    return Intensities(
        days,
        _per(len(days), (int(each.arrive_s // HALF_HOUR_S) for each in walk_ins)),
        _per(len(days), (each.slot_s for each in tickets if each.slot_s is not None)),
        _per(len(walk_ins), (each.cls for each in walk_ins)),
        _per(len(tickets), (each.kind for each in tickets)),
        sum(bool(each.next) for each in tickets) / len(tickets),
        tuple(tuple(_pauses(each)) for day in days for each in day.windows),
    )


def _per(total: int, values: Iterable[Value]) -> dict[Value, float]:
    counts = Counter(values)
    return {value: counts[value] / total for value in sorted(counts)}


def _pauses(window: Window) -> list[float]:
    gaps = [after[0] - before[1] for before, after in pairwise(window.on)]
    return [gap for gap in gaps if gap < ROSTER_GAP_S]


def fresh(given: Intensities, seed: int) -> Scenario:
    """One more day: the roster of one of the given days, with its own clerks, pauses and visitors."""
    random = Random(f"{given.days[0].name} {seed}")  # noqa: S311  repeatable, nothing secret
    base = random.choice(given.days)
    windows = tuple(_window(random, each, random.choice(given.pauses)) for each in base.windows)
    tickets = [
        _walk_in(random, given, base, half) for half, mean in given.walk_ins.items() for _ in _poisson(random, mean)
    ]
    tickets += [
        _booked(random, given, base, slot) for slot, mean in given.booked.items() for _ in _poisson(random, mean)
    ]
    tickets.sort(key=lambda each: each.arrive_s)
    named = tuple(each._replace(id=f"{nth:06d}") for nth, each in enumerate(tickets))
    return Scenario(base.name, seed, base.noshow_s, base.walk_mean_s, base.services, base.classes, windows, named)


def _poisson(random: Random, mean: float) -> range:
    """As many as come at this mean."""
    count, passed = 0, random.expovariate(1.0)
    while passed < mean:
        count, passed = count + 1, passed + random.expovariate(1.0)
    return range(count)


def _window(random: Random, window: Window, pauses: Sequence[float]) -> Window:
    speed = round(min(FASTEST, max(SLOWEST, SPEED.inv_cdf(random.random()))), 3)
    on = planned(window)
    for length in pauses:
        nth = random.choices(range(len(on)), [end - start for start, end in on])[0]
        start, end = on[nth]
        if end - start > length + 2 * HALF_HOUR_S:
            begin = round(random.uniform(start + HALF_HOUR_S, end - HALF_HOUR_S - length))
            on[nth : nth + 1] = [(start, begin), (begin + length, end)]
    return window._replace(speed=speed, on=tuple(on))


def _walk_in(random: Random, given: Intensities, base: Scenario, half: int) -> Ticket:
    arrive = round((half + random.random()) * HALF_HOUR_S, 1)
    return _ticket(random, given, base, arrive, _drawn(random, given.classes), None)


def _booked(random: Random, given: Intensities, base: Scenario, slot: float) -> Ticket:
    opens = min(start for each in base.windows for start, _ in each.on) - HALF_HOUR_S
    arrive = round(max(opens, slot - EARLY_S.inv_cdf(random.random())), 1)
    return _ticket(random, given, base, arrive, "A", slot)


def _ticket(random: Random, given: Intensities, base: Scenario, arrive: float, cls: str, slot: float | None) -> Ticket:
    shares = {each.id: each.share for each in base.services}
    service, kind = base.service[_drawn(random, shares)], _drawn(random, given.kinds)
    follow = base.service[_drawn(random, shares)] if random.random() < given.follow_up else None
    walk = round(base.walk_mean_s * random.uniform(*WALK), 1)
    back = round(random.uniform(*AWAY_S), 1) if kind == COMES_BACK else 0.0
    after = ((follow.id, _work(random, follow, FOLLOW_UP)),) if follow and kind != NEVER_SHOWS else ()
    return Ticket(
        "", arrive, service.id, cls, slot, _work(random, service, LONGER.get(cls, 1.0)), walk, kind, back, None, after
    )


def _work(random: Random, service: Service, scale: float) -> float:
    """Lognormal about the service's mean, with its coefficient of variation."""
    sigma = math.sqrt(math.log(1 + service.cv**2))
    return round(max(10.0, service.mean_s * scale * random.lognormvariate(-sigma * sigma / 2, sigma)), 1)


def _drawn(random: Random, shares: Mapping[Value, float]) -> Value:
    return random.choices(list(shares), list(shares.values()))[0]
