"""Duty at noon, swaps, service after closing, overtime, and being somebody's substitute."""

from __future__ import annotations

import pytest

from edge.attendance.calendar import day_of
from edge.attendance.duty import Entry, duty_cover, noon_spans, unmanned
from edge.attendance.leave import Request, SubstitutePost, judge, substitute_cover
from edge.attendance.rules import Cover
from tests.attendance.days import LEAVE, MONDAY, ZONE, at, profile, result, span, told

req = pytest.mark.req


def open_noon(hall: str, *entries: Entry) -> list[str]:
    found = unmanned(profile(hall), day_of(profile(hall), {}, MONDAY), ZONE, entries)
    return [f"{each.start:%H:%M}-{each.end:%H:%M}" for each in found]


@req("WIN-15", "WIN-16")
def test_noon_is_manned_where_the_hall_says_so() -> None:
    assert open_noon("nanshan_jinan") == ["12:00-13:20"]
    assert open_noon("guandu") == ["12:00-13:30"]
    assert open_noon("yimen") == []
    half = Entry("roster-1", "li", "noon", span("12:00", "12:40"))
    assert open_noon("nanshan_jinan", half) == ["12:40-13:20"]
    rest = Entry("roster-2", "wu", "noon", span("12:40", "13:30"))
    assert open_noon("nanshan_jinan", rest, half) == []


def test_nobody_is_on_noon_duty_on_a_day_off() -> None:
    hall = profile("nanshan_jinan")
    assert noon_spans(hall, day_of(hall, {}, MONDAY.replace(day=22)), ZONE) == ()


@req("WIN-16", "WIN-19")
def test_noon_duty_stands_for_the_punches_of_the_break_and_a_swap_for_the_one_who_took_it() -> None:
    entry = Entry("roster-1", "li", "noon", span("12:00", "14:30"), swapped_from="wu")
    day = result("county_xx", "08:20 18:02", covers=(duty_cover(profile("county_xx"), entry),))
    assert told(day) == ["on_duty"]
    assert (entry.person, entry.swapped_from) == ("li", "wu")


@req("WIN-20")
@pytest.mark.parametrize(
    ("hall", "reported", "doubtful"),
    [
        ("nanshan_jinan", "16:50", False),
        ("nanshan_jinan", "17:00", False),
        ("nanshan_jinan", "17:10", True),
        ("nanshan_jinan", None, True),
        ("yimen", None, False),
    ],
)
def test_overtime_is_reported_beforehand(hall: str, reported: str | None, doubtful: bool) -> None:
    entry = Entry("o-1", "li", "overtime", span("17:00", "19:00"), at(reported) if reported else None)
    cover = duty_cover(profile(hall), entry)
    assert cover.for_person == doubtful
    day = result(hall, "", covers=(cover,))
    assert [each.for_person for each in day.of("on_duty")] == [doubtful]


@req("WIN-13", "WIN-14")
def test_service_goes_on_until_the_case_is_finished() -> None:
    duty = profile("guandu").duty
    assert (duty.extended_until_finished, duty.coordinated_by) == (True, "comprehensive_window")
    entry = Entry("e-1", "li", "extended", span("17:30", "18:10"))
    day = result("guandu", "09:00", covers=(duty_cover(profile("guandu"), entry),))
    assert told(day) == ["on_duty"]
    assert "WIN-13" in day.of("on_duty")[0].evidence.clause.source


def test_a_substitute_is_expected_like_everybody() -> None:
    cover = Cover("substitute", span("08:30", "18:00"), "request-1", LEAVE)
    assert told(result("yimen", "", covers=(cover,))) == ["absent 0.5", "absent 0.5", "substitute"]


@req("LEAVE-30")
@pytest.mark.parametrize(("on_post", "start"), [("08:00", "08:30"), ("09:10", "09:10"), ("18:00", None), (None, None)])
def test_a_substitute_stands_in_from_being_on_post_on(on_post: str | None, start: str | None) -> None:
    stands_in = SubstitutePost("wu", at("08:00"), at(on_post) if on_post else None)
    asked = Request("r-1", "li", "clerk", "personal", span("08:30", "18:00"), at("08:00"), substitute=stands_in)
    cover = substitute_cover(judge(profile("county_xx"), {}, ZONE, asked))
    assert (f"{cover.span.start:%H:%M}" if cover else None) == start
    assert cover is None or "LEAVE-29" in cover.clause.source
