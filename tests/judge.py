"""How good the forecasts are: each ticket's estimate at its issue, against the wait that the replay then gives it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean
from typing import NamedTuple

from edge.queue import forecast
from edge.queue.policies import POLICIES
from edge.queue.replay import Day, Place, Visit, replay
from edge.queue.scenario import NEVER_SHOWS, Scenario, planned


class Guess(NamedTuple):
    """Minutes at the issue of one ticket, and what came of it."""

    expected: forecast.Expected
    actual: float


def guesses(scenario: Scenario) -> list[Guess]:
    """Of every walk-in or appointment that was called, under the default rule, in the order of issue."""
    plan = forecast.Plan(
        POLICIES["backlog"].rule,
        scenario.handling_s * 1000,
        {each.id: each.mean_s + scenario.walk_mean_s for each in scenario.services},
    )
    made: dict[str, tuple[float, float, float]] = {}

    def watch(at: float, day: Day, visit: Visit) -> None:
        if visit.nth == 0 and visit.attempt == 1:
            made[visit.ticket.id] = (at, *_guess(plan, day, visit, at))

    trace = replay(scenario, watch=watch)
    clocks = {each.id: each.clock_s for each in scenario.tickets if each.kind != NEVER_SHOWS}
    first = [each for each in trace if each.visit == 0 and each.attempt == 1 and each.id in clocks]
    called = {each.id: each.called_s for each in first}
    return [
        Guess(
            forecast.Expected(max(0.0, at + rollout - clocks[id_]) / 60, by_mean / 60),
            max(0.0, called[id_] - clocks[id_]) / 60,
        )
        for id_, (at, rollout, by_mean) in made.items()
        if id_ in called
    ]


def _guess(plan: forecast.Plan, day: Day, visit: Visit, at: float) -> tuple[float, float]:
    """Seconds until the call: by rollout, and by the mean time of those ahead."""
    waiting = [
        forecast.Waiting(f"{each.ticket.id} {each.nth}", each.service, each.rank, each.position)
        for line in day.waiting.values()
        for _, _, each in line
    ]
    me = forecast.Waiting("me", visit.service, visit.rank, visit.position)
    desks = [desk_of(plan, place, at) for place in day.places]
    called = forecast.rollout(plan, desks, [*waiting, me], round(at * 1000))
    ahead = sum(rank < visit.rank for rank, _, _ in day.waiting.get(visit.service, ()))
    opened = sum(each.on for each in day.able[visit.service])
    return called.get("me", 0.0), ahead * plan.mean_s[visit.service] / max(1, opened)


def desk_of(plan: forecast.Plan, place: Place, at: float) -> forecast.Desk:
    """A window as the service would know it: its roster, since when it serves or pauses, not for how long."""
    free = 0.0
    if place.visit is not None:
        free = forecast.remaining_s(plan.mean_s[place.visit.service], at - place.since)
    on = [(start - at, end - at) for start, end in planned(place.window) if end > at]
    if place.window.drain and (on or place.on):
        on[-1:] = [(on[-1][0] if on else 0.0, math.inf)]
    if on and on[0][0] < 0 and not place.on:
        on[0] = (max(forecast.PAUSE_S / 10, place.off_s + forecast.PAUSE_S - at), on[0][1])
    return forecast.Desk(place.window.skills, free, tuple(on))


class Score(NamedTuple):
    """Of forecasts, minutes."""

    error: float
    """Mean absolute error of the median."""
    error_by_mean: float
    """The same of the plain mean time of those ahead."""
    covered: float
    """Share that was called no later than the 90th percentile."""
    width: float
    """From the 10th to the 90th percentile."""


def score(scenarios: Iterable[Scenario], residuals: forecast.Residuals) -> Score:
    """Each day is judged with what was learnt before it, and then learnt itself."""
    found: list[Score] = []
    for scenario in scenarios:
        day = guesses(scenario)
        for expected, actual in day:
            it = forecast.spread(residuals, expected)
            late = abs(expected.by_mean - actual)
            found.append(Score(abs(it.p50 - actual), late, float(actual <= it.p90), it.p90 - it.p10))
        for each in day:
            forecast.learn(residuals, *each)
    return Score(*(fmean(column) for column in zip(*found, strict=True)))
