"""What holds for every day: the order of punches, replays, what leave may do, and what evidence names."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from edge.attendance.calendar import day_of
from edge.attendance.profile import Direction
from edge.attendance.punches import Punch, Span
from edge.attendance.rules import Cover, DayResult, Facts, Kind, OffPost, day_result
from tests.attendance.days import LEAVE, LOADED, MONDAY, ZONE, at, profile

HALLS = st.sampled_from(sorted(LOADED))
MOMENTS = st.builds(lambda minute: at("06:00") + timedelta(minutes=minute), st.integers(0, 15 * 60))
SOURCES = st.sampled_from(["face", "fingerprint", "card", "manual", "roll_call"])
PUNCHES = st.lists(st.builds(Punch, st.just("li"), MOMENTS, st.sampled_from(get_args(Direction)), SOURCES), max_size=7)
SPANS = st.builds(lambda one, two: Span(min(one, two), max(one, two) + timedelta(minutes=1)), MOMENTS, MOMENTS)
LEAVES = st.builds(Cover, st.just("on_leave"), SPANS, st.text("abc", min_size=1, max_size=3), st.just(LEAVE))
AWAY = st.lists(st.builds(OffPost, SPANS, st.just("patrol")), max_size=2)
DAYS = st.sampled_from([MONDAY, date(2026, 11, 22), date(2027, 3, 1)])


def of(hall: str, facts: Facts, on: date = MONDAY) -> DayResult:
    over: datetime = at("00:00", on + timedelta(days=1))
    return day_result(profile(hall), day_of(profile(hall), {}, on), ZONE, "li", facts, over)


@given(HALLS, PUNCHES, st.lists(LEAVES, max_size=2), AWAY, st.randoms())
def test_neither_the_order_nor_a_replay_of_punches_changes_a_day(
    hall: str, punches: list[Punch], leaves: list[Cover], away: list[OffPost], random: object
) -> None:
    first = of(hall, Facts(tuple(punches), tuple(leaves), (), tuple(away)))
    again = [*punches, *punches[:3]]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert of(hall, Facts(tuple(again), tuple(reversed(leaves)), (), tuple(reversed(away)))) == first


def badness(day: DayResult) -> dict[str, float]:
    """Absence, seconds of each kind, and how many punches are wanting; one absence may stand for two of them."""

    def length(kind: Kind) -> float:
        return sum(each.length.total_seconds() for each in day.of(kind))

    one_sided = len(day.of("one_sided"))
    wanting = len(day.of("missing_punch")) + one_sided + 2 * len(day.of("absent"))
    known: dict[str, float] = {"absent": day.absent_days, "wanting": wanting, "one_sided": one_sided}
    return known | {"late": length("late"), "early": length("early"), "off_post": length("off_post")}


@given(HALLS, PUNCHES, st.lists(LEAVES, max_size=2), LEAVES, AWAY)
def test_one_more_valid_leave_never_makes_a_day_worse(
    hall: str, punches: list[Punch], leaves: list[Cover], more: Cover, away: list[OffPost]
) -> None:
    before = badness(of(hall, Facts(tuple(punches), tuple(leaves), (), tuple(away))))
    after = badness(of(hall, Facts(tuple(punches), (*leaves, more), (), tuple(away))))
    assert {key: (before[key], after[key]) for key in before if after[key] > before[key]} == {}


@given(HALLS, PUNCHES, st.lists(LEAVES, max_size=2), AWAY, DAYS)
def test_evidence_always_names_the_rule_and_where_it_stands(
    hall: str, punches: list[Punch], leaves: list[Cover], away: list[OffPost], on: date
) -> None:
    day = of(hall, Facts(tuple(punches), tuple(leaves), (), tuple(away), ("study-1",)), on)
    assert day.findings or on == MONDAY
    for each in day.findings:
        clause = each.evidence.clause
        assert "." in clause.key
        assert clause.source
        assert "(-)" not in clause.source
        assert set(each.evidence.punches) <= set(punches)
        assert each.proposal == (each.kind in ("absent",)) or each.kind == "one_sided"


@given(HALLS, PUNCHES, AWAY, st.sampled_from([date(2026, 11, 22), date(2026, 10, 1), date(2027, 3, 1)]))
def test_on_a_day_off_and_in_an_unknown_year_nobody_is_blamed(
    hall: str, punches: list[Punch], away: list[OffPost], on: date
) -> None:
    moved = tuple(Punch("li", datetime.combine(on, each.at.timetz()), each.direction, each.source) for each in punches)
    day = of(hall, Facts(moved, (), (), tuple(away)), on)
    assert [each.kind for each in day.findings] in (["day_off"], ["provisional"])
    assert day.absent_days == 0
