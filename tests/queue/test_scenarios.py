"""The bars that a rule has to reach, on the given days and on days that nobody has tuned it on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import pytest

from edge.queue import generate
from edge.queue.metrics import Figures, measure
from edge.queue.policies import POLICIES
from edge.queue.replay import replay
from edge.queue.scenario import Scenario, days
from tests.bench.report import mark, show

DAYS = Path(__file__).parents[1] / "days"


@dataclass(frozen=True)
class Bar:
    """Upper bounds: mean wait over pooled, p95 over plain order, minutes of the strict class."""

    ratio: float
    p95: float
    strict_min: float
    load: float
    """Of the given days' visitors, so that fresh days are as crowded as those the bars are for: in plain order their
    visitors wait 10, 27 and 26 minutes."""


BARS = {
    "normal": Bar(1.45, 1.10, 2.0, 0.98),
    "rush": Bar(1.09, 1.06, 2.0, 1.05),
    "shortage": Bar(1.24, 1.04, 2.2, 0.99),
}
NOISE_MIN = 3.5
"""Standard deviation of one visitor's wait in the strict class, of whom there are ten a day."""
NOISE_VARIATION = 0.035
"""Standard deviation, from day to day, of how unevenly windows of the same skills work."""


def fresh(kind: str, number: int) -> list[Scenario]:
    given, load = generate.intensities(days(DAYS / kind)), BARS[kind].load
    walk_ins = {half: mean * load for half, mean in given.walk_ins.items()}
    booked = {slot: mean * load for slot, mean in given.booked.items()}
    busy = replace(given, walk_ins=walk_ins, booked=booked)
    return [generate.fresh(busy, 77_000 + nth) for nth in range(number)]


def figures(found: Sequence[Scenario], rule: str) -> list[Figures]:
    return [measure(day, replay(day, POLICIES[rule])) for day in found]


def mean(found: Sequence[Figures], classes: str = "NAEDM") -> float:
    return fmean(wait for each in found for cls in classes for wait in each.by_class.get(cls, ()))


def reached(found: Sequence[Scenario], bar: Bar) -> dict[str, tuple[float, float]]:
    """Figure -> what came out, and its bound."""
    ours, order = figures(found, "backlog"), figures(found, "order")
    return {
        "ratio": (mean(ours) / mean(figures(found, "pooled")), bar.ratio),
        "order_min": (mean(order), math.inf),
        "p95": (fmean(each.p95_min for each in ours) / fmean(each.p95_min for each in order), bar.p95),
        "longest": (fmean(each.longest_min for each in ours) / fmean(each.longest_min for each in order), 1.30),
        "strict": (mean(ours, "M"), bar.strict_min + 2 * NOISE_MIN / math.sqrt(10 * len(found))),
        "priority": (mean(ours, "ED") / mean(ours, "N"), 0.55),
        "overtakes": (max(each.overtakes for each in ours), 0.0),
        "unserved": (sum(each.unserved for each in ours), 0.0),
        "unfair": (1 - fmean(each.jain for each in ours), 0.015),
        "uneven": (fmean(each.variation for each in ours), 0.10 + 2 * NOISE_VARIATION / math.sqrt(len(found))),
    }


def missed(found: Sequence[Scenario], bar: Bar) -> dict[str, tuple[float, float]]:
    return {name: it for name, it in reached(found, bar).items() if it[0] > it[1]}


@pytest.mark.req("QUE-01", "QUE-02", "QUE-09")
@pytest.mark.parametrize("kind", BARS)
def test_the_given_days(kind: str) -> None:
    assert missed(days(DAYS / kind), BARS[kind]) == {}


@pytest.mark.req("QUE-01", "QUE-02")
@pytest.mark.parametrize("kind", BARS)
def test_days_that_nobody_has_tuned_it_on(kind: str) -> None:
    assert missed(fresh(kind, 30), BARS[kind]) == {}


@pytest.mark.bench
@pytest.mark.parametrize("kind", BARS)
def test_many_days_that_nobody_has_tuned_it_on(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = reached(fresh(kind, 200), BARS[kind])
    rows = [[name, f"{it:.3f}", f"{bound:.3f}", mark(it <= bound)] for name, (it, bound) in found.items()]
    show(capsys, f"{kind}: 200 fresh days", rows, ["", "reached", "bar", ""])


@pytest.mark.bench
def test_a_hall_of_300_windows(capsys: pytest.CaptureFixture[str]) -> None:
    (large,) = days(DAYS / "large")
    ours, pooled = (figures([large], name) for name in ("backlog", "pooled"))
    rows = [["ratio", f"{mean(ours) / mean(pooled):.3f}", "1.18"], ["CV", f"{ours[0].variation:.3f}", "0.10"]]
    show(capsys, "large: 100,000 tickets", rows, ["", "reached", "bar"])


@pytest.mark.parametrize("kind", BARS)
def test_it_beats_every_rule_it_is_compared_with(kind: str) -> None:
    found = days(DAYS / kind)
    ours = mean(figures(found, "backlog"))
    assert {name for name in POLICIES if mean(figures(found, name)) < ours} == {"pooled"}
