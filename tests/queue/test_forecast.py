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
    ("it", "words", "words_en"),
    [
        (Range(21, 27, 33), "约20到35分钟", "about 20 to 35 minutes"),
        (Range(2, 6, 9.5), "10分钟内", "within 10 minutes"),
        (Range(0, 0, 0), "马上就到", "very soon"),
        (Range(0, 0, 8), "10分钟内", "within 10 minutes"),
        (Range(5, 5, 5), "约5到10分钟", "about 5 to 10 minutes"),
        (Range(47, 50, 62), "约45到70分钟", "about 45 to 70 minutes"),
        (Range(95, 120, 140), "约1.5到2.5小时", "about 1.5 to 2.5 hours"),
    ],
)
def test_it_reads_as_people_say_it(it: Range, words: str, words_en: str) -> None:
    assert forecast.words(forecast.readable(it)) == (words, words_en)


@pytest.mark.parametrize("why", forecast.UNSAID)
def test_where_nothing_can_be_said_no_number_is(why: forecast.Unsaid) -> None:
    assert not any(char.isdigit() for text in forecast.words(why) for char in text)


@given(st.floats(0, 120), st.floats(0, 120))
def test_a_pause_of_unknown_length_ends_in_a_while_or_nobody_knows_when(one: float, more: float) -> None:
    """The longer it has lasted, the sooner; until it has lasted so long that it is none any more."""
    first, later = forecast.back_s(one * 60), forecast.back_s((one + more) * 60)
    assert later == math.inf or forecast.SOON_S <= later <= first <= forecast.PAUSE_S


# ---- who comes now


def test_each_newcomer_is_told_as_if_nobody_else_came() -> None:
    soldier, senior, other = (Waiting(f"+{lead}", "a", AT - lead, 99) for lead in (STRICT, 900_000, 0))
    new = Waiting("+b", "b", AT, 99)
    queue = [Waiting("t", "a", AT - 600_000, 1), Waiting("u", "a", AT - 300_000, 2)]
    called = forecast.rollout(PLAN, [desk("a", free_s=50), desk("b")], queue, AT, [soldier, senior, other, new])
    assert called == {"+b": 0, f"+{STRICT}": 50, "+900000": 50, "t": 50, "u": 150, "+0": 250}


@given(st.lists(st.sampled_from("ab"), max_size=12), st.integers(1, 3))
def test_a_newcomer_is_called_when_they_would_be_if_they_stood_in_line(services: list[str], windows: int) -> None:
    """Where the length of a line does not decide; there it makes its own line one longer."""
    desks, queue = [desk("a", "b")] * windows + [desk("b")], waiting(*services)
    plan = Plan(Balance(rule="head_start"), 100_000, {"a": 100.0, "b": 70.0})
    new = {each: Waiting(f"+{each}", each, AT + 99, 99) for each in "ab"}
    told = forecast.rollout(plan, desks, queue, AT, list(new.values()))
    for each in new.values():
        assert told[each.ticket] == forecast.rollout(plan, desks, [*queue, each], AT)[each.ticket]
    assert {id_: at for id_, at in told.items() if id_[0] != "+"} == forecast.rollout(plan, desks, queue, AT)


def test_who_was_sent_to_a_window_waits_for_it_alone() -> None:
    sent = Waiting("s", "a", AT - 1, 0, "=2")
    both = [desk("a"), Desk(("b",), 30.0, EVER, "=2")]
    assert rollout(both, [*waiting("a", "b"), sent]) == {"t0": 0, "s": 30, "t1": 130}


def test_a_green_desk_takes_those_whom_it_is_for_first() -> None:
    queue = [*waiting("a", "a"), Waiting("old", "b", AT + 9, 9, claimed=True)]
    green = Desk(("a", "b"), 0.0, EVER, green=True)
    assert rollout([green], queue) == {"old": 0, "t0": 100, "t1": 200}
    sent = Waiting("s", "a", AT + 50, 50, "=1")
    assert rollout([green._replace(own="=1")], [*queue, sent]) == {"old": 0, "s": 100, "t0": 200, "t1": 300}


# ---- how long a visitor takes


def test_the_mean_begins_as_given_and_follows_what_is_seen() -> None:
    assert forecast.mean(600, []) == 600
    assert forecast.mean(600, [(0, 20, 20 * 1200.0)]) == 900, "as many as the hall file counts for"
    assert forecast.mean(600, [(0, 2000, 2000 * 1200.0)]) == pytest.approx(1200, rel=0.02)
    assert forecast.mean(600, [(7, 20, 20 * 1200.0)]) == pytest.approx(600 + 600 * 0.478 / 1.478, rel=0.01)


@given(st.floats(1, 1000), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 200), st.floats(1, 1000)), max_size=9))
def test_a_mean_stands_between_what_was_given_and_seen(given_s: float, days_: list[tuple[int, int, float]]) -> None:
    found = forecast.mean(given_s, [(ago, number, number * each) for ago, number, each in days_])
    seen = [given_s, *(each for _, number, each in days_ if number)]
    assert min(seen) * 0.999 <= found <= max(seen) * 1.001


# ---- the bars


@pytest.mark.req("QUE-03")
def test_it_beats_the_mean_time_of_those_ahead_on_days_it_has_not_seen() -> None:
    table: forecast.Residuals = {}
    given = [generate.intensities(days(DAYS / kind)) for kind in ("normal", "rush", "shortage")]
    judge.score((generate.fresh(each, 500 + nth) for nth in range(7) for each in given), table)
    score = judge.score((generate.fresh(each, 900 + nth) for nth in range(7) for each in given), table)
    assert score.error <= 0.47 * score.error_by_mean
    assert 0.88 <= score.covered <= 0.93
