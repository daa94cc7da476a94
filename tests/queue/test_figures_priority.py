"""What an early call cost: by hand, and against the same line without its reasons."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.queue.figures_priority import Jump, Stay, jumps, report

MINUTE = 60_000


def stay(ticket: str, position: int, start: int, end: int, reason: str | None = None, window: int | None = 1) -> Stay:
    """In minutes."""
    return Stay(ticket, "S", position, start * MINUTE, end * MINUTE, window, reason, reason and "card")


def cost(*stays: Stay) -> list[tuple[str, list[tuple[str, int]]]]:
    return [(each.stay.ticket, [(loss.ticket, loss.ms // MINUTE) for loss in each.whom]) for each in jumps(stays)]


def test_who_was_passed_would_have_had_the_moments_before() -> None:
    passed = (stay("a", 1, 0, 20), stay("b", 2, 1, 30), stay("late", 4, 5, 25))
    assert cost(stay("p", 3, 2, 10, "senior"), *passed) == [("p", [("a", 10), ("b", 10)])]


def test_two_early_ones_share_what_they_cost() -> None:
    line = (stay("a", 1, 0, 30), stay("p", 2, 1, 10, "senior"), stay("q", 3, 2, 20, "military"))
    assert cost(*line) == [("p", [("a", 10)]), ("q", [("a", 10)])]
    told = report(line)
    assert (told["overtaken"], told["minutes"]) == (1, 20.0)
    assert [(each["reason"], each["overtaken"], each["minutes"]) for each in told["reasons"]] == [
        ("military", 1, 10.0),
        ("senior", 1, 10.0),
    ]


def test_a_soldier_passes_the_old_too() -> None:
    line = (stay("a", 1, 0, 30), stay("old", 2, 1, 20, "senior"), stay("soldier", 3, 2, 10, "military"))
    assert cost(*line) == [("soldier", [("a", 10), ("old", 10)]), ("old", [("a", 10)])]


def test_only_who_stood_in_the_same_line_then_was_passed() -> None:
    others = (
        stay("later", 4, 3, 20),
        stay("not yet", 1, 11, 20),
        stay("gone", 1, 0, 5),
        stay("elsewhere", 1, 0, 20)._replace(service="T"),
    )
    assert cost(stay("p", 3, 2, 10, "senior"), *others) == []
    assert cost(stay("p", 3, 2, 10), stay("a", 1, 0, 20)) == []  # without a reason nobody asks


def test_who_was_never_called_lost_the_time_to_the_last_call() -> None:
    early, called = stay("p", 3, 2, 10, "senior"), stay("a", 1, 0, 20)
    stays_on, gives_up = stay("left", 2, 1, 500, window=None), stay("gone", 2, 1, 15, window=None)
    assert cost(early, called, stays_on) == [("p", [("a", 10), ("left", 0)])]
    assert cost(early, stay("later", 4, 3, 20), stays_on) == [("p", [("left", 10)])]
    assert cost(early, called, gives_up) == [("p", [("a", 10)])]


# ---- against the line without its reasons

PEOPLE = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, None, "senior"])), min_size=1, max_size=12)
GAPS = st.lists(st.integers(0, 6), min_size=1, max_size=14)


def served(people: list[tuple[int, str | None]], gaps: list[int], *, reasons: bool) -> list[Stay]:
    """A line in which reasons count, or not: at each moment the first of those who are there is called."""
    arrivals, at = [], 0
    for nth, (gap, reason) in enumerate(people):
        at += gap
        arrivals.append(Stay(str(nth), "S", nth, at, 0, None, reason, reason and "card"))
    found, waiting, at = [], list(arrivals), 0
    for gap in gaps:
        at += gap + 1
        here = [each for each in waiting if each.start <= at]
        if here:
            first = min(here, key=lambda it: (reasons and it.reason is None, it.position))
            waiting.remove(first)
            found.append(first._replace(end=at, window=1))
    return found + [each._replace(end=max(at, each.start)) for each in waiting]


@pytest.mark.req("QUE-28")
@given(PEOPLE, GAPS)
def test_the_losses_are_the_difference_to_the_line_without_reasons(
    people: list[tuple[int, str | None]], gaps: list[int]
) -> None:
    as_it_was, without = (served(people, gaps, reasons=each) for each in (True, False))
    found = jumps(as_it_was)
    fair = {each.ticket: each.end for each in without if each.window}
    last = max(fair.values(), default=0)
    change: dict[str, int] = defaultdict(int)
    for jump in found:
        change[jump.stay.ticket] -= sum(loss.ms for loss in jump.whom)
        for loss in jump.whom:
            change[loss.ticket] += loss.ms
    for each in as_it_was:
        if each.start <= last:
            was = each.end if each.window else last
            assert change[each.ticket] == was - fair.get(each.ticket, last)


@given(PEOPLE, GAPS)
def test_nobody_is_passed_by_who_came_before(people: list[tuple[int, str | None]], gaps: list[int]) -> None:
    found: list[Jump] = jumps(served(people, gaps, reasons=True))
    for each in found:
        assert each.stay.reason is not None
        assert all(int(loss.ticket) < each.stay.position and loss.ms >= 0 for loss in each.whom)
