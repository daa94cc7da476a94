"""How long it takes: the rollout, what is learnt of its errors, and the words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hall import Balance
from edge.queue import forecast, generate
from edge.queue.balance import STRICT
from edge.queue.forecast import Desk, Expected, Plan, Range, Waiting
from edge.queue.scenario import days
from tests import judge

DAYS = Path(__file__).parents[1] / "days"
AT, EVER = 1_800_000_000_000, ((0.0, math.inf),)
PLAN = Plan(Balance(), 100_000, {"a": 100.0, "b": 100.0})


def waiting(*services: str) -> list[Waiting]:
    return [Waiting(f"t{nth}", service, AT + nth, nth) for nth, service in enumerate(services)]


def desk(*skills: str, free_s: float = 0.0, on: tuple[tuple[float, float], ...] = EVER) -> Desk:
    return Desk(skills, free_s, on)


def rollout(desks: list[Desk], queue: list[Waiting]) -> dict[str, float]:
    return forecast.rollout(PLAN, desks, queue, AT)


def test_those_ahead_take_the_mean_time() -> None:
    assert rollout([desk("a", free_s=40)], waiting("a", "a", "a")) == {"t0": 40, "t1": 140, "t2": 240}
    assert rollout([desk("a"), desk("a", free_s=30)], waiting("a", "a", "a")) == {"t0": 0, "t1": 30, "t2": 100}


def test_it_knows_the_lunch_break() -> None:
    on = ((0.0, 150.0), (1000.0, 2000.0))
    assert rollout([desk("a", on=on)], waiting("a", "a", "a")) == {"t0": 0, "t1": 100, "t2": 1000}
    assert rollout([desk("a", on=((-50.0, 150.0),))], waiting("a", "a", "a")) == {"t0": 0, "t1": 100}


def test_it_follows_the_rule_that_decides() -> None:
    queue = waiting("b", "a", "a", "a")
    assert rollout([desk("a", "b")], queue) == {"t1": 0, "t2": 100, "t0": 200, "t3": 300}
    soldier = Waiting("m", "a", AT - STRICT, 9)
    assert rollout([desk("a", "b")], [*queue, soldier])["m"] == 0


def test_nobody_is_promised_a_call_that_no_window_can_make() -> None:
    assert rollout([desk("b")], waiting("a")) == {}
    assert rollout([], waiting("a")) == {}


@given(st.lists(st.sampled_from("ab"), max_size=12), st.integers(1, 3))
def test_everyone_is_called_once_and_more_windows_never_delay_the_last(services: list[str], windows: int) -> None:
    few, more = ([desk("a", "b")] * number for number in (windows, windows + 1))
    called = rollout(few, waiting(*services))
    assert set(called) == {each.ticket for each in waiting(*services)}
    assert max(called.values(), default=0) >= max(rollout(more, waiting(*services)).values(), default=0)


@given(st.floats(1, 1000), st.floats(0, 5000), st.floats(0, 5000))
def test_what_has_begun_is_never_expected_to_be_over(mean: float, one: float, other: float) -> None:
    assert 0 < forecast.remaining_s(mean, one) <= mean
    assert forecast.remaining_s(mean, min(one, other)) >= forecast.remaining_s(mean, max(one, other))


# ---- what is learnt


def test_the_table_learns_forgets_and_survives_a_restart() -> None:
    table: forecast.Residuals = {}
    expected = Expected(12.0, 12.0)
    for error in range(100):
        forecast.learn(table, expected, 12.0 + error / 10)
    assert forecast.spread(table, expected) == Range(13.0, 17.0, 21.0)
    assert json.loads(json.dumps(table)) == table
    for _ in range(forecast.KEPT):
        forecast.learn(table, expected, 10.0)
    assert forecast.spread(table, expected) == Range(10.0, 10.0, 10.0)
    assert max(map(len, table.values())) == forecast.KEPT


@given(st.floats(0, 300), st.floats(0, 300), st.lists(st.floats(0, 300), max_size=80))
def test_a_range_is_ordered_and_never_negative(rollout: float, by_mean: float, actual: list[float]) -> None:
    table: forecast.Residuals = {}
    for each in actual:
        forecast.learn(table, Expected(rollout, by_mean), each)
    low, middle, high = forecast.spread(table, Expected(rollout, by_mean))
    assert 0 <= low <= middle <= high


@given(st.floats(0, 200), st.floats(0, 60), st.floats(0, 60))
def test_a_printed_range_is_rounded_and_never_narrower(p10: float, up: float, more: float) -> None:
    printed = forecast.readable(Range(p10, p10 + up, p10 + up + more))
    assert printed.low % 5 == printed.high % 5 == 0
    assert printed.low <= p10 <= p10 + up + more <= printed.high
    assert printed.low < printed.high


@pytest.mark.req("QUE-03")
@pytest.mark.parametrize(
    ("it", "words"),
    [
        (Range(21, 27, 33), "约20–35分钟"),
        (Range(2, 6, 9.5), "10分钟内"),
        (Range(0, 0, 0), "5分钟内"),
        (Range(5, 5, 5), "约5–10分钟"),
    ],
)
def test_it_reads_as_people_say_it(it: Range, words: str) -> None:
    assert forecast.words(forecast.readable(it)) == words


# ---- the bars


@pytest.mark.req("QUE-03")
def test_it_beats_the_mean_time_of_those_ahead_on_days_it_has_not_seen() -> None:
    table: forecast.Residuals = {}
    given = [generate.intensities(days(DAYS / kind)) for kind in ("normal", "rush", "shortage")]
    judge.score((generate.fresh(each, 500 + nth) for nth in range(7) for each in given), table)
    score = judge.score((generate.fresh(each, 900 + nth) for nth in range(7) for each in given), table)
    assert score.error <= 0.47 * score.error_by_mean
    assert 0.88 <= score.covered <= 0.93
