"""What a day of the queue came to: the figures of its services, windows, clerks and hours, out of the period log. Pure.

Numbers and ids only, JSON-ready. Minutes have one decimal, shares and indexes three. What still runs counts until `at`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import fmean, median
from typing import Any, NamedTuple

from edge.queue.metrics import jain, quantile, same_skill_variation, variation
from edge.queue.periods import AWAY_MS, Period, times
from edge.queue.tickets import OUTCOME_WORDS

Figures = dict[str, Any]
Span = tuple[int, int]
"""UTC, milliseconds."""
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LAST_HOUR = 47
"""What ends later still, after a clock ran wild, counts here."""
COUNTS = ("issued", "moved_in", "moved_out", "served", "missed", "cancelled", "waiting", "in_hand", "held")


class Ticket(NamedTuple):
    id: str
    state: str
    window: int | None
    taken_at: int
    ended_at: int | None
    outcome: str | None


class Moment(NamedTuple):
    """A window said that it is there (signed in, armed, opened, resumed), or that it is not (out, paused, closed)."""

    window: int
    there: bool
    at: int


@dataclass(frozen=True, slots=True)
class Day:
    """A business day as the tables have it. Times are UTC, milliseconds."""

    at: int
    midnight: int
    openings: Sequence[Span]
    """When the hall serves the public; () where it has no hours, or none today."""
    tickets: Sequence[Ticket]
    log: Sequence[Period]
    """Of these tickets, each one's in their order: `periods.of_day`."""
    wraps: Sequence[Period]
    """`periods.wrap_ups` of the log."""
    moments: Sequence[Moment]
    waits_from: Mapping[tuple[str, int], int]
    """(ticket, start of a wait) -> from when on it counts: a booked time to come, or a delay that was agreed."""
    services: Sequence[str]
    skills: Mapping[int, frozenset[str]]
    """Of each window of the hall."""


def figures(day: Day) -> Figures:
    """`total services windows clerks hours balance outcomes`.

    A wait is of one visit to a line: from standing in it to the first call; who was missed and came back waits no
    second time. A case is a service begun at a window. A window is busy from a call until it is ready again, and open
    from its first sign of work, within the hall's hours, unless it is paused, left or closed; always while busy.
    """
    lines, windows = _lines(day), _windows(day)
    return {
        "total": _row(_together(lines.values())),
        "services": [{"id": id_} | _row(line) for id_, line in lines.items()],
        "windows": [{"no": no} | row for no, row in windows.items()],
        "clerks": _clerks(day),
        "hours": _hours(day),
        "balance": _balance(day, windows),
        "outcomes": dict(Counter(each.outcome for each in day.tickets if each.outcome in OUTCOME_WORDS)),
    }


def minutes(milliseconds: float) -> float:
    return round(milliseconds / MINUTE_MS, 1)


# ---- services


@dataclass(slots=True)
class _Line:
    counts: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)
    cases: int = 0
    handling: int = 0


def _lines(day: Day) -> dict[str, _Line]:
    lines: dict[str, _Line] = defaultdict(_Line, {each: _Line() for each in day.services})
    states = {each.id: each.state for each in day.tickets}
    for ticket, each in groupby(day.log, key=attrgetter("ticket")):
        spent = list(each)
        lines[spent[0].service].counts["issued"] += 1
        lines[spent[-1].service].counts[_fate(states[ticket], spent[-1])] += 1
        for one, then in pairwise(spent):
            if one.service != then.service:
                lines[one.service].counts["moved_out"] += 1
                lines[then.service].counts["moved_in"] += 1
        for wait in _waits(spent):
            counts_from = day.waits_from.get((ticket, wait.start), wait.start)
            lines[wait.service].waits.append(max(0, (wait.end or wait.start) - counts_from))
    for service, spent_there in times([*day.log, *_wrapping(day)], "service").items():
        line = lines[str(service)]
        line.cases, line.handling = spent_there.visits, spent_there.handling
    return lines


FATES = {"called": "in_hand", "serving": "in_hand", "finished": "served"}


def _fate(state: str, last: Period) -> str:
    """Who was missed and did not come back is missed, also when the day has been closed."""
    return "missed" if (state, last.kind) == ("cancelled", "missed") else FATES.get(state, state)


def _waits(spent: Sequence[Period]) -> Iterable[Period]:
    """Those that a call ended: whoever leaves while waiting has no period after it."""
    before = ""
    for one, then in pairwise(spent):
        if one.kind == "waiting" and then.kind != "waiting" and before != "missed":
            yield one
        before = one.kind


def _wrapping(day: Day) -> list[Period]:
    return [each for each in day.wraps if each.end is not None and each.end - each.start <= AWAY_MS]


def _together(lines: Iterable[_Line]) -> _Line:
    every = _Line()
    for each in lines:
        every.counts += each.counts
        every.waits += each.waits
        every.cases += each.cases
        every.handling += each.handling
    return every


def _row(line: _Line) -> Figures:
    waits = sorted(line.waits)
    return {name: line.counts[name] for name in COUNTS} | {
        "cases": line.cases,
        "waits": len(waits),
        "wait_mean": minutes(fmean(waits)) if waits else None,
        "wait_median": minutes(median(waits)) if waits else None,
        "wait_p90": minutes(quantile(waits, 0.9)) if waits else None,
        "wait_max": minutes(waits[-1]) if waits else None,
        "handling_mean": minutes(line.handling / line.cases) if line.cases else None,
    }


# ---- windows and clerks


def _busy(day: Day, whose: Callable[[Period], Any]) -> dict[Any, list[Span]]:
    """When each window, or clerk, had a visitor or what a visitor left to do."""
    spans: dict[Any, list[Span]] = defaultdict(list)
    for each in (*day.log, *_wrapping(day)):
        if each.kind in ("called", "serving", "wrap_up") and whose(each) is not None:
            spans[whose(each)].append((each.start, _end(day, each)))
    return {key: union(found) for key, found in spans.items()}


def _end(day: Day, period: Period) -> int:
    return max(period.start, day.at) if period.end is None else period.end


def union(spans: Iterable[Span]) -> list[Span]:
    """In order, what touches or overlaps as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _windows(day: Day) -> dict[int, Figures]:
    busy = _busy(day, attrgetter("window"))
    there = _there(day, busy)
    cases = times([each for each in day.log if each.kind == "serving"], "window")
    outcomes: dict[int | None, Counter[str]] = defaultdict(Counter)
    for each in day.tickets:
        if each.outcome in OUTCOME_WORDS:
            outcomes[each.window][each.outcome] += 1
    return {
        no: _window(
            cases[no].visits if no in cases else 0,
            length(busy.get(no, ())),
            length(union([*there.get(no, ()), *busy.get(no, ())])),
            dict(outcomes[no]),
        )
        for no in sorted(day.skills.keys() | busy.keys())
    }


def _window(cases: int, busy_ms: int, open_ms: int, outcomes: dict[str, int]) -> Figures:
    return {
        "cases": cases,
        "busy": minutes(busy_ms),
        "open": minutes(open_ms),
        "cases_per_open_hour": round(cases / open_ms * HOUR_MS, 2) if open_ms else None,
        "busy_share": round(busy_ms / open_ms, 3) if open_ms else None,
        "outcomes": outcomes,
    }


def _there(day: Day, busy: Mapping[int, Sequence[Span]]) -> dict[int, list[Span]]:
    """When windows were open beside being busy; also the first call is a sign of work."""
    calls = (Moment(no, True, start) for no, spans in busy.items() for start, _ in spans)
    since: dict[int, int] = {}
    spans: dict[int, list[Span]] = defaultdict(list)
    for no, there, at in sorted([*day.moments, *calls], key=attrgetter("at")):
        if there:
            since.setdefault(no, at)
        elif no in since:
            spans[no].append((since.pop(no), at))
    for no, at in since.items():
        spans[no].append((at, max(at, day.at)))
    hours = day.openings or [(day.midnight, _work_ends(day, busy))]
    return {no: [*_within(each, hours)] for no, each in spans.items()}


def _within(spans: Iterable[Span], hours: Iterable[Span]) -> Iterable[Span]:
    for start, end in spans:
        for opens, closes in hours:
            if max(start, opens) < min(end, closes):
                yield max(start, opens), min(end, closes)


def _work_ends(day: Day, busy: Mapping[int, Sequence[Span]]) -> int:
    """The hall's last sign of work: where there are no hours, who forgot to sign out is not open all night."""
    ends = [spans[-1][1] for spans in busy.values()]
    return max([*ends, *(each.taken_at for each in day.tickets)], default=day.midnight)


def _clerks(day: Day) -> list[Figures]:
    busy = _busy(day, attrgetter("clerk"))
    cases = times([each for each in day.log if each.kind == "serving"], "clerk")
    return [
        {"staff": clerk, "cases": cases[clerk].visits if clerk in cases else 0, "busy": minutes(length(spans))}
        for clerk, spans in sorted(busy.items())
    ]


# ---- the hours


def _hours(day: Day) -> list[Figures]:
    """From the first hour in which somebody came to the last in which somebody came or was served."""

    def hour(at: int) -> int:
        return min(LAST_HOUR, max(0, (at - day.midnight) // HOUR_MS))

    arrivals = Counter(hour(each.taken_at) for each in day.tickets)
    served = Counter(
        hour(each.ended_at) for each in day.tickets if each.state == "finished" and each.ended_at is not None
    )
    shown = sorted(arrivals | served)
    peaks = _peaks([(each.start, _end(day, each)) for each in day.log if each.kind == "waiting"], hour)
    return [
        {"hour": each, "arrivals": arrivals[each], "waiting_peak": peaks[each], "served": served[each]}
        for each in (range(shown[0], shown[-1] + 1) if shown else ())
    ]


def _peaks(spans: Iterable[Span], hour: Callable[[int], int]) -> Counter[int]:
    """Hour -> the most that stood at one time."""
    steps = sorted(step for start, end in spans if start < end for step in ((start, 1), (end, -1)))
    peaks: Counter[int] = Counter()
    before, standing = 0, 0
    for at, change in steps:
        for each in range(before, hour(at) + 1) if standing else ():
            peaks[each] = max(peaks[each], standing)
        before, standing = hour(at), standing + change
        peaks[before] = max(peaks[before], standing)
    return peaks


# ---- how even


def _balance(day: Day, windows: Mapping[int, Figures]) -> Figures:
    """Jain's index of the busy share, and cases per open hour among windows of the same skills."""
    opened = {no: row for no, row in windows.items() if row["busy_share"] is not None}
    groups: dict[frozenset[str], list[int]] = defaultdict(list)
    for no in opened:
        if no in day.skills:
            groups[day.skills[no]].append(no)
    equal = {skills: of for skills, of in groups.items() if len(of) > 1}
    rates = [(skills, opened[no]["cases_per_open_hour"]) for skills, of in equal.items() for no in of]
    shares = [row["busy_share"] for row in opened.values()]
    return {
        "jain": round(jain(shares), 3) if len(shares) > 1 else None,
        "variation": round(same_skill_variation(rates), 3) if rates else None,
        "groups": [
            _group(skills, of, [opened[no]["cases_per_open_hour"] for no in of]) for skills, of in equal.items()
        ],
    }


def _group(skills: frozenset[str], windows: Sequence[int], rates: Sequence[float]) -> Figures:
    return {
        "windows": list(windows),
        "services": sorted(skills),
        "cases_per_open_hour": list(rates),
        "variation": round(variation(rates), 3),
        "ratio": round(max(rates) / min(rates), 2) if min(rates) else None,
    }
