"""What a month of days comes to, hall by hall, and until when a person may object."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from edge.attendance.calendar import day_of
from edge.attendance.months import is_locked, locks_at, may_object, month_result, period, period_results
from edge.attendance.rules import DayResult, Facts, day_result
from tests.attendance.days import ZONE, at, leave, profile, punches, result

req = pytest.mark.req
WORKING = [date(2026, 11, n) for n in range(2, 31) if date(2026, 11, n).weekday() < 5]
GOOD = "08:20 12:01 14:25 18:02"


def month(hall: str, *days: str) -> list[DayResult]:
    return [result(hall, said, on=on) for said, on in zip(days, WORKING, strict=False)]


def proposals(hall: str, *days: str) -> list[tuple[str, float]]:
    found = month_result(profile(hall), "li", month(hall, *days)).proposals
    return [(each.clause.source.rpartition("(")[2].rstrip(")"), each.absent_days) for each in found]


@req("RPT-02")
def test_a_months_rule_is_neither_reached_in_a_week_nor_added_up_over_a_quarter() -> None:
    hall, november = profile("county_xx"), month("county_xx", *[LATE] * 4)
    (week,) = period_results(hall, "weekly", "li", november)
    assert (week.counts["late"], week.proposals) == (4, ())
    december = [result("county_xx", LATE, on=date(2026, 12, day)) for day in (1, 2, 3)]
    quarter = period_results(hall, "quarterly", "li", [*december, *november])
    assert [each.absent_days for each in quarter] == [0.5, 0]


LATE, EARLY = "08:31 12:01 14:25 18:02", "08:20 12:01 14:25 17:59"
ONE, TWO = "08:20 14:25 18:02", "08:20 14:25"
MONTHS = [
    pytest.param("county_xx", [LATE] * 3, [], marks=req("ATT-10"), id="county-late-3"),
    pytest.param("county_xx", [LATE] * 4, [("ATT-10", 0.5)], marks=req("ATT-10"), id="county-late-4"),
    pytest.param("county_xx", [LATE, EARLY] * 2, [("ATT-10", 0.5)], marks=req("ATT-10"), id="county-late-and-early"),
    pytest.param("county_xx", [LATE] * 9, [("ATT-10", 0.5)], id="county-late-9"),
    pytest.param("county_xx", [ONE] * 3, [], marks=req("ATT-13"), id="county-missing-3"),
    pytest.param("county_xx", [ONE] * 4, [("ATT-13", 0.5)], marks=req("ATT-13"), id="county-missing-4"),
    pytest.param("county_xx", [TWO] * 2, [("ATT-13", 0.5)], marks=req("ATT-13"), id="county-missing-2-a-day"),
    pytest.param("county_xx", [ONE] * 7, [("ATT-13", 0.5)], marks=req("ATT-13"), id="county-missing-7"),
    pytest.param("county_xx", [ONE] * 8, [("ATT-13", 1)], marks=req("ATT-13"), id="county-missing-8"),
    pytest.param("yuanzhou", ["09:06 17:30"] * 3 + ["09:00 17:20"], [("ATT-10", 0.5)], marks=req("ATT-10")),
    pytest.param("yuanzhou", ["09:06 17:30"] * 3 + ["10:00 17:30"], [("ATT-11", 0.5)], id="an-hour-counts-once"),
    pytest.param("yuanzhou", ["09:05 17:30"] * 9, [], id="yuanzhou-five-minutes"),
    pytest.param("yimen", ["08:40 14:30"] * 9, [], id="yimen-has-no-conversion"),
    pytest.param("county_xx", [""], [("ATT-14", 0.5), ("ATT-14", 0.5)], marks=req("ATT-14"), id="county-nobody-came"),
]


@pytest.mark.parametrize(("hall", "days", "expected"), MONTHS)
def test_a_month(hall: str, days: list[str], expected: list[tuple[str, float]]) -> None:
    assert proposals(hall, *days) == expected


@req("ATT-10", "ATT-13")
def test_a_proposal_shows_its_cases() -> None:
    (proposal,) = month_result(profile("county_xx"), "li", month("county_xx", *[LATE] * 4)).proposals
    assert [str(on) for on, _ in proposal.cases] == ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"]
    assert all(finding.evidence.punches for _, finding in proposal.cases)


@req("ATT-08")
def test_a_one_sided_punch_that_is_absence_at_once_does_not_count_with_the_missing() -> None:
    hall = profile("county_xx")
    rule = hall.attendance.one_sided
    assert rule is not None
    strict = rule.model_copy(update={"precedence": "one_sided_absent"})
    harsh = hall.model_copy(update={"attendance": hall.attendance.model_copy(update={"one_sided": strict})})
    days = [
        day_result(harsh, day_of(harsh, {}, on), ZONE, "li", Facts(punches(ONE, on)), at("23:59:59", WORKING[-1]))
        for on in WORKING[:4]
    ]
    found = month_result(harsh, "li", days)
    assert (found.absent_days, {each.clause.key for each in found.proposals}) == (2, {"attendance.one_sided"})


def test_a_day_proposes_no_more_than_itself() -> None:
    day = result("yuanzhou", "", study_missed=("study-1", "study-2"))
    found = month_result(profile("yuanzhou"), "li", [day])
    assert [each.absent_days for each in found.proposals] == [1.0]


def test_a_day_given_twice_counts_once_as_it_was_last() -> None:
    days = month("county_xx", *[LATE] * 4)
    on = WORKING[0]
    corrected = result("county_xx", LATE, on=on, covers=(leave("08:30", "09:00", on),))
    assert month_result(profile("county_xx"), "li", [*days, *days]).counts["late"] == 4
    assert month_result(profile("county_xx"), "li", [*days, corrected]).proposals == ()
    assert month_result(profile("county_xx"), "wu", days).counts == {}


@req("ATT-24")
@pytest.mark.parametrize(
    ("hall", "published", "lock"),
    [
        ("yimen", "2026-11-20T17:00+08:00", "2026-11-23T00:00:00+08:00"),
        ("yimen", "2026-11-20T16:30+00:00", "2026-11-24T00:00:00+08:00"),
        ("county_xx", "2026-11-20T17:00+08:00", "2026-11-25T00:00:00+08:00"),
    ],
)
def test_two_days_to_object_and_then_silence_is_assent(hall: str, published: str, lock: str) -> None:
    found = locks_at(profile(hall), {}, datetime.fromisoformat(published), ZONE)
    assert found is not None
    assert found.isoformat() == lock
    just_before = found - timedelta(seconds=1)
    assert (may_object(found, just_before), may_object(found, found)) == (True, False)
    assert [is_locked(found, each, 0) for each in (just_before, found)] == [False, True]
    assert not is_locked(found, found + timedelta(days=9), 1)


@req("ATT-24")
def test_nothing_is_locked_on_a_guess() -> None:
    lock = locks_at(profile("county_xx"), {}, at("17:00", date(2026, 12, 31)), ZONE)
    assert (lock, is_locked(lock, at("00:00", date(2027, 2, 1)), 0)) == (None, False)
    known = locks_at(profile("yimen"), {}, at("17:00", date(2026, 12, 31)), ZONE)
    assert known == at("00:00", date(2027, 1, 3))


@pytest.mark.parametrize(
    ("every", "on", "first", "last"),
    [
        ("weekly", "2026-11-23", "2026-11-23", "2026-11-29"),
        ("weekly", "2026-11-29", "2026-11-23", "2026-11-29"),
        ("monthly", "2026-02-14", "2026-02-01", "2026-02-28"),
        ("monthly", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("quarterly", "2026-01-01", "2026-01-01", "2026-03-31"),
        ("quarterly", "2026-12-31", "2026-10-01", "2026-12-31"),
        ("yearly", "2028-02-29", "2028-01-01", "2028-12-31"),
    ],
)
def test_what_is_published_at_once(every: str, on: str, first: str, last: str) -> None:
    assert tuple(map(str, period(every, date.fromisoformat(on)))) == (first, last)  # type: ignore[arg-type]
