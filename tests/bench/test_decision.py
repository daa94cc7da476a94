"""What a decision costs: one call among 300 windows, the day of 100,000 tickets, a forecast. Figures, no bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.hall import Balance
from edge.queue import balance
from edge.queue.replay import replay
from edge.queue.scenario import days, load
from tests import judge
from tests.bench.report import mark, show

pytestmark = pytest.mark.bench

DAYS = Path(__file__).parents[1] / "days"
DECISION_US, DAY_S, FORECAST_MS = 50.0, 10.0, 1.0


def microseconds(what: Callable[[], object], times: int = 2_000) -> float:
    """Of one, the best of five rounds, in this process's own time."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(times):
            what()
        best = min(best, (time.process_time() - begun) / times * 1e6)
    return best


def row(name: str, value: float, unit: str, bar: float) -> list[str]:
    return [name, f"{value:,.2f}", unit, f"{value / bar:.2f}", mark(value <= bar)]


def test_a_decision(capsys: pytest.CaptureFixture[str]) -> None:
    heads = [balance.Head(f"t{n}", n, n * 60_000, n * 60_000, None, f"s{n}", n % 7 + 1, 1.0 + n % 5) for n in range(24)]
    armed = [balance.Armed(no, no, no % 9 + 1, no % 13) for no in range(300)]
    rule = Balance()
    large = load(DAYS / "large" / "01")
    begun = time.process_time()
    replay(large)
    day = time.process_time() - begun
    rows = [
        row(
            "a free window among 24 lines", microseconds(lambda: balance.choose(heads, 0, rule, 1e5)), "µs", DECISION_US
        ),
        row("an arrival among 300 free windows", microseconds(lambda: balance.best_armed(armed)), "µs", DECISION_US),
        row("each of the large day's, all told", day / len(large.tickets) * 1e6, "µs", DECISION_US),
        row("the day of 100,000 tickets, 300 windows", day, "s", DAY_S),
        row("a forecast at 12 windows", forecast_ms(), "ms", FORECAST_MS),
    ]
    show(capsys, "decisions, of this process's own time", rows, ["", "cost", "", "of the bar", ""])


def forecast_ms() -> float:
    """The mean over a rush's issues, less what its replay costs."""
    (day,) = days(DAYS / "rush" / "01")
    times = []
    for what in (lambda: judge.guesses(day), lambda: replay(day)):
        times.append(microseconds(what, 1) / 1000)
    return (times[0] - times[1]) / len(day.tickets)
