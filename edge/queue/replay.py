"""A day of a hall in virtual time: who is called where and when under a rule. Pure and deterministic.

The choices are those of `edge.queue.balance`, which the service makes too. At equal times: end of service, window off,
window on, arrival, abandonment.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast

from edge.queue import balance
from edge.queue.policies import POLICIES, Policy, priority, rank_ms
from edge.queue.scenario import COMES_BACK, NEVER_SHOWS, Scenario, Ticket, Window

END, OFF, ON, ARRIVAL, ABANDON = range(5)


class Call(NamedTuple):
    """One row of the trace."""

    id: str
    visit: int
    """0 for the ticket, 1.. for its follow-ups."""
    attempt: int
    window: str
    called_s: float
    end_s: float
    outcome: Literal["served", "absent"]


class Visit(NamedTuple):
    ticket: Ticket
    nth: int
    service: str
    work_s: float
    rank: int
    position: int
    attempt: int = 1


class Place:
    """A window while the day runs."""

    __slots__ = ("calls", "lines", "off_s", "on", "open_s", "opened_s", "share", "since", "visit", "window")

    def __init__(self, window: Window, lines: tuple[str, ...]) -> None:
        self.window, self.lines = window, lines
        self.share = 1 / len(window.skills)
        self.on, self.visit = False, cast("Visit | None", None)
        self.since = self.opened_s = self.open_s = self.off_s = 0.0
        self.calls = 0

    def rate(self, at: float) -> float:
        """Calls per open hour."""
        return self.calls / max(1.0, self.open_s + at - self.opened_s) * 3600

    def comes(self, at: float) -> bool:
        """It is on, or will be."""
        return self.on or self.window.on[-1][1] > at


class Day:
    """The state between two events."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self.scenario, self.policy = scenario, policy
        self.rules, self.handling_ms = priority(scenario.classes), scenario.handling_s * 1000
        self.events: list[tuple[float, int, int, Callable[..., Any], Any]] = []
        self.calls: list[Call] = []
        self.waiting: dict[str, list[tuple[int, int, Visit]]] = {}
        self.places = [Place(each, self._lines(each)) for each in scenario.windows]
        self.able: dict[str, list[Place]] = {}
        for place in self.places:
            for line in place.lines:
                self.able.setdefault(line, []).append(place)
        self.capacity = dict.fromkeys(self.able, 0.0)
        self._seq = 0
        self._fill()

    def _lines(self, window: Window) -> tuple[str, ...]:
        return {"service": window.skills, "hall": ("",), "window": (window.id,)}[self.policy.lines]

    def _fill(self) -> None:
        for ticket in self.scenario.tickets:
            self.at(ticket.arrive_s, ARRIVAL, self.arrive, self.visit(ticket, 0, ticket.service, ticket.work_s))
        for place in self.places:
            for start, end in place.window.on:
                self.at(start, ON, self.open, place)
                self.at(end, OFF, self.close, place)

    def at(self, time: float, order: int, act: Callable[..., Any], what: Any) -> None:
        self._seq += 1
        heapq.heappush(self.events, (time, order, self._seq, act, what))

    def visit(self, ticket: Ticket, nth: int, service: str, work_s: float, start_s: float | None = None) -> Visit:
        start = ticket.arrive_s if start_s is None else start_s
        rank = rank_ms(self.policy, self.scenario, self.rules, ticket, start)
        return Visit(ticket, nth, service, work_s, rank, self._seq)

    # ---- what happens

    def arrive(self, at: float, visit: Visit) -> None:
        line = self._line(at, visit)
        place = self._free(at, line)
        if place is not None:
            self.call(at, place, visit)
            return
        heapq.heappush(self.waiting.setdefault(line, []), (visit.rank, visit.position, visit))
        if visit.ticket.patience_s is not None and visit.attempt == 1 and visit.nth == 0:
            self.at(visit.ticket.clock_s + visit.ticket.patience_s, ABANDON, self.abandon, (line, visit))

    def abandon(self, _at: float, what: tuple[str, Visit]) -> None:
        line, visit = what
        entry = (visit.rank, visit.position, visit)
        if entry in self.waiting[line]:
            self.waiting[line].remove(entry)
            heapq.heapify(self.waiting[line])

    def open(self, at: float, place: Place) -> None:
        place.on, place.opened_s, place.since = True, at, at
        self._weigh(place)
        self.ask(at, place)

    def close(self, at: float, place: Place) -> None:
        if place.window.drain and at >= place.window.on[-1][1]:
            return
        place.on, place.off_s = False, at
        place.open_s += at - place.opened_s
        self._weigh(place)
        if self.policy.lines == "window" and not place.comes(at):
            left, self.waiting[place.window.id] = self.waiting.get(place.window.id, []), []
            for _, _, visit in sorted(left):
                self.arrive(at, visit)

    def end(self, at: float, what: tuple[Place, Visit, bool]) -> None:
        place, visit, served = what
        place.visit, place.since = None, at
        ticket = visit.ticket
        if served and visit.nth < len(ticket.next):
            service, work_s = ticket.next[visit.nth]
            self.at(at, ARRIVAL, self.arrive, self.visit(ticket, visit.nth + 1, service, work_s, at))
        elif not served and ticket.kind == COMES_BACK:
            self.at(at + ticket.back_s, ARRIVAL, self.arrive, visit._replace(attempt=2))
        self.ask(at, place)

    # ---- what is decided

    def ask(self, at: float, place: Place) -> None:
        """A free window asks for work."""
        if not place.on or place.visit:
            return
        heads = [self._head(line, self.waiting[line]) for line in place.lines if self.waiting.get(line)]
        chosen = balance.choose(heads, round(at * 1000), self.policy.rule, self.handling_ms)
        if chosen is not None:
            self.call(at, place, heapq.heappop(self.waiting[chosen[0].service])[2])

    def _head(self, line: str, waiting: list[tuple[int, int, Visit]]) -> balance.Head:
        rank, position, visit = waiting[0]
        return balance.Head(visit.ticket.id, position, rank, rank, None, line, len(waiting), self.capacity[line])

    def call(self, at: float, place: Place, visit: Visit) -> None:
        ticket = visit.ticket
        absent = visit.nth == 0 and (ticket.kind == NEVER_SHOWS or (ticket.kind == COMES_BACK and visit.attempt == 1))
        lasts = self.scenario.noshow_s if absent else ticket.walk_s + visit.work_s / place.window.speed
        place.visit, place.since = visit, at
        place.calls += 1
        outcome: Literal["served", "absent"] = "absent" if absent else "served"
        self.calls.append(Call(ticket.id, visit.nth, visit.attempt, place.window.id, at, at + lasts, outcome))
        self.at(at + lasts, END, self.end, (place, visit, not absent))

    def _line(self, at: float, visit: Visit) -> str:
        if self.policy.lines != "window":
            return visit.service if self.policy.lines == "service" else ""
        able = [each for each in self.places if visit.service in each.window.skills]
        best = [each for each in able if each.on] or [each for each in able if each.comes(at)] or able
        return min(
            best, key=lambda each: len(self.waiting.get(each.window.id, ())) + (each.visit is not None)
        ).window.id

    def _free(self, at: float, line: str) -> Place | None:
        """The window that takes an arrival; who comes while one is free finds nobody before them."""
        free = [each for each in self.able.get(line, ()) if each.on and each.visit is None]
        if len(free) < 2:
            return free[0] if free else None
        if self.policy.arrival == "fastest":
            return max(free, key=lambda each: each.window.speed)
        if self.policy.arrival == "longest_idle":
            return min(free, key=lambda each: each.since)
        armed = [
            balance.Armed(nth, round(each.since * 1000), len(each.window.skills), each.rate(at))
            for nth, each in enumerate(free)
        ]
        best = balance.best_armed(armed)
        assert best is not None
        return free[best]

    def _weigh(self, place: Place) -> None:
        for line in place.lines:
            self.capacity[line] = sum([each.share for each in self.able[line] if each.on])


def replay(
    scenario: Scenario,
    policy: Policy = POLICIES["backlog"],
    watch: Callable[[float, Day, Visit], None] = lambda _at, _day, _visit: None,
) -> list[Call]:
    """Every call of the day, in the order of time. `watch` sees each arrival before it stands in line."""
    day = Day(scenario, policy)
    while day.events:
        at, order, _, act, what = heapq.heappop(day.events)
        if order == ARRIVAL:
            watch(at, day, what)
        act(at, what)
    return day.calls
