"""What a day comes to, hall by hall: the figures of each hall's own rules, with the number itself and one beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge.attendance.calendar import day_of
from edge.attendance.profile import Expected
from edge.attendance.punches import Punch
from edge.attendance.rules import Denied, Facts, OffPost, day_result
from tests.attendance.days import MONDAY, ZONE, at, leave, profile, punches, result, span, told

GOOD = "08:20 12:01 14:25 18:02"
LATER = {"kind": "out", "shift": -1, "deadline": "17:40"}
req = pytest.mark.req

DAYS = [
    # (hall, punches, findings beside what was in time)
    pytest.param("yimen", "07:55 14:20", [], marks=req("ATT-02", "ATT-03"), id="yimen-good"),
    pytest.param("yimen", "08:00 14:30", [], marks=req("ATT-02", "ATT-03"), id="yimen-on-the-dot"),
    pytest.param("yimen", "08:15 14:30", [], marks=req("ATT-03"), id="yimen-after-the-deadline-before-the-shift"),
    pytest.param("yimen", "08:31 14:30", ["late 1"], marks=req("ATT-02"), id="yimen-late-from-the-shift"),
    pytest.param("yimen", "07:55 14:42", ["late 12"], marks=req("ATT-02"), id="yimen-late-afternoon"),
    pytest.param("yimen", "07:55", ["missing_punch"], marks=req("ATT-03"), id="yimen-one-punch"),
    pytest.param("yimen", "07:55 12:05", [], id="yimen-no-way-to-tell-going-from-coming-back"),
    pytest.param("yimen", "07:55 >12:05", ["missing_punch"], id="yimen-a-departure-is-no-arrival"),
    pytest.param("yimen", "", ["absent 0.5", "absent 0.5"], marks=req("ATT-18"), id="yimen-nobody-came"),
    pytest.param("county_xx", GOOD, [], marks=req("ATT-05", "ATT-06"), id="county-good"),
    pytest.param("county_xx", "08:30 12:00 14:30 18:00", [], marks=req("ATT-06"), id="county-on-the-dot"),
    pytest.param("county_xx", "08:31 12:00 14:30 18:00", ["late 1"], marks=req("ATT-06"), id="county-late"),
    pytest.param("county_xx", "08:30 11:59 14:30 18:00", ["early 1"], marks=req("ATT-06"), id="county-early"),
    pytest.param("county_xx", "08:30 12:00 14:31 17:58", ["late 1", "early 2"], marks=req("ATT-06"), id="county-both"),
    pytest.param("county_xx", "08:20 14:25 18:02", ["one_sided"], marks=req("ATT-08"), id="county-no-departure"),
    pytest.param("county_xx", "12:01 14:25 18:02", ["one_sided"], marks=req("ATT-08"), id="county-no-arrival"),
    pytest.param("county_xx", "08:20 12:01", ["absent 0.5"], marks=req("ATT-14"), id="county-no-afternoon"),
    pytest.param("county_xx", "", ["absent 0.5", "absent 0.5"], marks=req("ATT-14"), id="county-nobody-came"),
    pytest.param("county_xx", "10:30 12:01 14:25 18:02", ["late 120"], id="county-two-hours-late"),
    pytest.param("county_xx", "08:20 12:03 13:05 18:02", [], id="county-both-noon-punches-before-its-middle"),
    pytest.param("county_xx", "08:20 14:00 14:25 18:02", [], id="county-stayed-over-noon"),
    pytest.param("county_xx", "08:20 08:22 12:01 14:25 18:02 18:03", [], id="county-touched-twice"),
    pytest.param("county_xx", "08:20 08:25 14:25 18:02", ["one_sided"], id="county-twice-is-no-departure"),
    pytest.param("county_xx", "08:20 08:30 14:25 18:02", ["one_sided"], id="county-ten-minutes-are-still-one-touch"),
    pytest.param("county_xx", "08:20 08:31 14:25 18:02", ["early 209"], id="county-eleven-are-two"),
    pytest.param("yuanzhou", "09:05 17:30", [], marks=req("ATT-09"), id="yuanzhou-five-minutes-are-not-late"),
    pytest.param("yuanzhou", "09:05:01 17:30", ["late 6"], marks=req("ATT-09"), id="yuanzhou-more-than-five-are"),
    pytest.param("yuanzhou", "09:00 17:25", ["early 5"], marks=req("ATT-09"), id="yuanzhou-five-minutes-are-early"),
    pytest.param("yuanzhou", "09:00 17:25:01", [], marks=req("ATT-09"), id="yuanzhou-less-is-not"),
    pytest.param("yuanzhou", "09:59 17:30", ["late 59"], marks=req("ATT-11"), id="yuanzhou-59-minutes"),
    pytest.param("yuanzhou", "10:00 17:30", ["late 60", "absent 0.5"], marks=req("ATT-11"), id="yuanzhou-an-hour"),
    pytest.param("yuanzhou", "14:00 17:30", ["late 210", "absent 0.5"], id="yuanzhou-the-break-is-not-work"),
    pytest.param("yuanzhou", "09:00", ["missing_punch"], marks=req("ATT-19"), id="yuanzhou-arrival-only"),
    pytest.param("yuanzhou", "", ["absent 1"], marks=req("ATT-19"), id="yuanzhou-nobody-came"),
    pytest.param("nanshan_jinan", "09:00 17:00", [], marks=req("ATT-07"), id="nanshan-good"),
    pytest.param("nanshan_jinan", "09:01 16:59", ["late 1", "early 1"], marks=req("ATT-07"), id="nanshan-both"),
    pytest.param("xingguo", "09:00", ["missing_punch"], marks=req("ATT-20"), id="xingguo-both-ways"),
    pytest.param("xingguo", "09:00 17:30", [], marks=req("ATT-20"), id="xingguo-good"),
]


@pytest.mark.parametrize(("hall", "said", "expected"), DAYS)
def test_a_day(hall: str, said: str, expected: list[str]) -> None:
    assert told(result(hall, said)) == expected


@req("ATT-03")
def test_a_punch_between_deadline_and_shift_is_in_time_and_shown() -> None:
    first = result("yimen", "08:15 14:30").findings[0]
    assert (first.kind, "08:00" in first.evidence.note) == ("on_time", True)
    in_time = (*result("yimen", "08:00 14:30").findings, *result("county_xx", GOOD).findings)
    assert {(each.kind, each.evidence.note) for each in in_time} == {("on_time", "")}


def test_lateness_may_count_from_the_punch_deadline() -> None:
    hall = profile("yimen")
    strict = hall.model_copy(update={"attendance": hall.attendance.model_copy(update={"late_base": "punch_deadline"})})
    facts = Facts(punches=punches("08:15 14:30"))
    day = day_result(strict, day_of(strict, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
    assert told(day) == ["late 15"]


@req("ATT-08")
def test_a_one_sided_punch_is_for_a_person_and_absence_only_where_the_hall_says_so() -> None:
    (mild,) = result("county_xx", "08:20 14:25 18:02").of("one_sided")
    hall = profile("county_xx")
    rule = hall.attendance.one_sided
    assert rule is not None
    strict = rule.model_copy(update={"precedence": "one_sided_absent"})
    harsh = hall.model_copy(update={"attendance": hall.attendance.model_copy(update={"one_sided": strict})})
    facts = Facts(punches=punches("08:20 14:25 18:02"))
    day = day_result(harsh, day_of(harsh, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
    assert (mild.for_person, mild.absent_days, day.absent_days) == (True, 0, 0.5)


@req("ATT-08")
def test_a_valid_leave_stands_for_the_punch_that_is_not_there() -> None:
    assert told(result("county_xx", "08:20 14:25 18:02", covers=(leave("10:00", "12:00"),))) == []
    assert told(result("county_xx", "08:20 14:25 18:02", covers=(leave("09:00", "10:00"),))) == ["missing_punch"]


@pytest.mark.parametrize(
    ("hall", "said", "away", "expected"),
    [
        ("county_xx", GOOD, ("09:00", "11:00"), ["off_post 120"]),
        ("county_xx", GOOD, ("09:00", "11:01"), ["off_post 121", "absent 0.5"]),
        ("yuanzhou", "09:00 17:30", ("10:00", "11:00"), ["off_post 60"]),
        ("yuanzhou", "09:00 17:30", ("10:00", "11:01"), ["off_post 61", "absent 0.5"]),
        ("yuanzhou", "09:00 17:30", ("11:30", "14:00"), ["off_post 60"]),
        ("yimen", "07:55 14:20", ("09:00", "12:00"), ["off_post 180"]),
        ("yuanzhou", "09:50 17:30", ("09:00", "11:00"), ["late 50", "off_post 70", "absent 0.5"]),
        ("yuanzhou", "10:00 17:30", ("09:00", "10:00"), ["late 60", "absent 0.5"]),
        ("yuanzhou", "", ("09:00", "17:30"), ["absent 1"]),
    ],
)
@req("ATT-11", "ATT-12", "WIN-07")
def test_off_post_is_absence_only_beyond_the_number(
    hall: str, said: str, away: tuple[str, str], expected: list[str]
) -> None:
    reports = (OffPost(span(*away), "empty_window"), OffPost(span(*away), "roll_call"))
    assert told(result(hall, said, off_post=reports)) == expected


@pytest.mark.parametrize(("hall", "row"), [("yuanzhou", "ATT-11"), ("county_xx", "ATT-12"), ("yimen", "ATT-02")])
def test_off_post_names_the_number_or_the_hours(hall: str, row: str) -> None:
    day = result(hall, "08:00 18:00", off_post=(OffPost(span("10:00", "10:05"), "patrol"),))
    assert [row in each.evidence.clause.source for each in day.of("off_post")] == [True]


@req("ATT-22")
def test_a_roll_call_shows_presence_but_is_no_arrival() -> None:
    seen, hall = Punch("li", at("10:00"), "unknown", "roll_call"), profile("county_xx")
    for said, expected in (("14:25 18:02", []), ("", ["absent 0.5"])):
        facts = Facts(punches=(*punches(said), seen))
        day = day_result(hall, day_of(hall, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
        assert told(day) == ["missing_punch", "missing_punch", *expected]


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        pytest.param("not_approved", "ATT-15", marks=req("ATT-15")),
        pytest.param("overstayed", "ATT-16", marks=req("ATT-16")),
        pytest.param("deceived", "ATT-17", marks=req("ATT-17")),
        pytest.param("no_substitute", "LEAVE-30", marks=req("LEAVE-30")),
    ],
)
def test_an_absence_names_the_leave_that_did_not_stand(reason: str, source: str) -> None:
    denied = Denied(span("08:30", "12:00"), "request-7", reason)  # type: ignore[arg-type]
    (absent,) = result("county_xx", "14:25 18:02", denied=(denied,)).of("absent")
    assert (source in absent.evidence.clause.source, absent.evidence.refs) == (True, ("request-7",))


@req("ATT-25")
def test_a_study_missed_without_a_reason_is_half_a_day() -> None:
    assert told(result("yuanzhou", "09:00 17:30", study_missed=("study-3",))) == ["absent 0.5"]
    assert told(result("county_xx", GOOD, study_missed=("study-3",))) == []


def test_reports_that_follow_each_other_are_one_time_away() -> None:
    away = (OffPost(span("10:00", "10:40"), "patrol"), OffPost(span("10:40", "11:20"), "empty_window"))
    assert told(result("yuanzhou", "09:00 17:30", off_post=away)) == ["off_post 80", "absent 0.5"]


def test_a_departure_has_its_own_deadline_where_the_hall_gives_one() -> None:
    hall = profile("yuanzhou")
    ways = tuple(Expected.model_validate(each) for each in ({"kind": "in", "shift": 0}, LATER))
    longer = hall.model_copy(update={"attendance": hall.attendance.model_copy(update={"punches": ways})})
    facts = Facts(punches=punches("09:00 17:30"))
    day = day_result(longer, day_of(longer, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
    assert told(day) == ["early 10"]


def test_a_day_is_never_more_than_a_day_absent() -> None:
    away = tuple(OffPost(span(*each), "patrol") for each in (("10:30", "11:45"), ("14:00", "15:30")))
    day = result("yuanzhou", "10:00 17:30", off_post=away, study_missed=("study-3",))
    assert (len(day.of("absent")), day.absent_days) == (4, 1.0)


@pytest.mark.parametrize(("moment", "expected"), [("19:00", ["late 5"]), ("23:59", ["late 5"])])
def test_until_the_day_is_over_nothing_is_missing_and_nobody_left_early(moment: str, expected: list[str]) -> None:
    hall = profile("county_xx")
    facts = Facts(punches=punches("08:35 >11:00"))
    assert told(day_result(hall, day_of(hall, {}, MONDAY), ZONE, "li", facts, at(moment))) == expected
    over = day_result(hall, day_of(hall, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
    assert told(over) == ["late 5", "early 60", "absent 0.5"]


@req("ATT-22")
@pytest.mark.parametrize(
    ("moment", "expected"), [("10:00", ["off_post"]), ("12:30", []), ("15:00", [])], ids=["away", "noon", "on-leave"]
)
def test_who_is_away_at_a_roll_call_is_shown_to_a_person(moment: str, expected: list[str]) -> None:
    day = result(
        "nanshan_jinan",
        "09:00 17:00",
        covers=(leave("14:30", "15:30"),),
        off_post=(OffPost(span(moment, moment), "roll_call"),),
    )
    assert told(day) == expected
    assert all(each.for_person for each in day.of("off_post"))


def test_punches_of_others_and_of_other_days_do_not_count() -> None:
    other = (Punch("wu", at("08:20"), "in", "face"), Punch("li", at("08:20") - timedelta(days=1), "in", "face"))
    hall = profile("yimen")
    facts = Facts(punches=(*punches("14:20"), *other))
    day = day_result(hall, day_of(hall, {}, MONDAY), ZONE, "li", facts, at("00:00") + timedelta(days=1))
    assert told(day) == ["missing_punch"]
