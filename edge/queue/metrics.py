"""What a day was like: waits, and how evenly the windows worked. Pure, from a trace alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from edge.queue.replay import Call
from edge.queue.scenario import NEVER_SHOWS, PRESENT, Scenario, Ticket


def jain(shares: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all are equal, 1/n when one has everything."""
    squares = sum(each * each for each in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def variation(values: Sequence[float]) -> float:
    """Coefficient of variation: standard deviation / mean."""
    mean = fmean(values)
    return pstdev(values) / mean if mean else 0.0


def quantile(values: Sequence[float], share: float) -> float:
    """The one at this share of sorted values, at least one of them: 0.9 of ten is the last."""
    return values[min(len(values) - 1, int(len(values) * share))]


def same_skill_variation(rates: Iterable[tuple[frozenset[str], float]]) -> float:
    """Of (skills, cases per open hour) of each window: the variation inside groups of equal skills, by group size."""
    groups: Mapping[frozenset[str], list[float]] = defaultdict(list)
    for skills, rate in rates:
        groups[skills].append(rate)
    shared = [group for group in groups.values() if len(group) > 1]
    total = sum(map(len, shared))
    return sum(len(group) * variation(group) for group in shared) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Minutes, of one day."""

    mean_min: float
    p95_min: float
    longest_min: float
    by_class: dict[str, list[float]]
    """Class -> every wait."""
    overtakes: float
    """Share of walk-ins called before an earlier ticket of the same service and class."""
    unserved: int
    """Tickets of people who were there and were never served."""
    jain: float
    """Of busy seconds per rostered second over the windows."""
    variation: float
    """Of cases per rostered hour among windows of the same skills."""

    @property
    def waits(self) -> list[float]:
        return [wait for waits in self.by_class.values() for wait in waits]


def measure(scenario: Scenario, trace: Sequence[Call]) -> Figures:
    by_class = waits_by_class(scenario, trace)
    every = sorted(wait for each in by_class.values() for wait in each) or [0.0]
    rostered = {each.id: sum(end - start for start, end in each.on) for each in scenario.windows}
    busy, cases = dict.fromkeys(rostered, 0.0), dict.fromkeys(rostered, 0)
    for call in trace:
        busy[call.window] += call.end_s - call.called_s
        cases[call.window] += 1
    served = {call.id for call in trace if call.visit == 0 and call.outcome == "served"}
    there = [each for each in scenario.tickets if each.kind != NEVER_SHOWS and each.patience_s is None]
    return Figures(
        fmean(every),
        quantile(every, 0.95),
        every[-1],
        by_class,
        overtakes(scenario, trace),
        sum(each.id not in served for each in there),
        jain([busy[each] / rostered[each] for each in rostered]),
        same_skill_variation(
            (frozenset(each.skills), cases[each.id] / rostered[each.id] * 3600) for each in scenario.windows
        ),
    )


def visits(scenario: Scenario, trace: Iterable[Call]) -> Iterator[tuple[float, Ticket, Call]]:
    """Each visit's start (seconds since midnight), its ticket and its first call, but of those who never came."""
    tickets = {each.id: each for each in scenario.tickets}
    ended: dict[tuple[str, int], float] = {}
    for call in trace:
        ended[call.id, call.visit] = call.end_s
        ticket = tickets[call.id]
        if call.attempt == 1 and ticket.kind != NEVER_SHOWS:
            yield ticket.clock_s if call.visit == 0 else ended[call.id, call.visit - 1], ticket, call


def waits_by_class(scenario: Scenario, trace: Iterable[Call]) -> dict[str, list[float]]:
    """Class -> minutes from the start of each visit to its first call."""
    found: dict[str, list[float]] = defaultdict(list)
    for start, ticket, call in visits(scenario, trace):
        found[ticket.cls].append(max(0.0, call.called_s - start) / 60)
    return dict(found)


def overtakes(scenario: Scenario, trace: Iterable[Call]) -> float:
    """Share of present walk-ins who were called before an earlier one of the same service and class."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for _, ticket, call in visits(scenario, trace):
        if call.visit == 0 and ticket.kind == PRESENT and ticket.slot_s is None:
            lines[ticket.service, ticket.cls].append((ticket.arrive_s, call.called_s))
    passed = 0
    for line in lines.values():
        soonest = float("inf")
        for _, called_s in sorted(line, reverse=True):
            passed += called_s > soonest
            soonest = min(soonest, called_s)
    return passed / max(1, sum(map(len, lines.values())))
