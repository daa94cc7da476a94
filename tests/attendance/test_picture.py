"""The picture of a month: every kind of day has its mark, the gravest is shown, and nobody is named."""

from __future__ import annotations

from datetime import date
from typing import get_args
from xml.etree import ElementTree

import pytest

from edge.attendance.picture import KINDS, MARKS, mark_of, month_svg
from edge.attendance.rules import DayResult, Denied, Kind, OffPost
from tests.attendance.days import MONDAY, leave, result, span

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
GOOD = "08:20 12:01 14:25 18:02"


def test_every_kind_of_finding_has_a_mark() -> None:
    every = {kind for part in get_args(Kind) for kind in get_args(part)}
    assert every == {*KINDS, "late", "absent"}
    assert set(KINDS.values()) <= MARKS.keys()


def test_no_two_marks_look_the_same_without_colours() -> None:
    signs = [(each.sign, each.solid, each.ink) for name, each in MARKS.items() if not name.startswith("late_")]
    assert len(set(signs)) == len(signs) - 1  # a day off is hatched, and a normal day is plain


@pytest.mark.parametrize(
    ("day", "mark"),
    [
        (result("county_xx", GOOD), "normal"),
        (result("county_xx", "08:40 12:01 14:25 18:02"), "late"),
        (result("county_xx", "08:41 12:01 14:25 18:02"), "late_10"),
        (result("county_xx", "09:01 12:01 14:25 18:02"), "late_30"),
        (result("county_xx", "09:01 12:01 14:25 17:00"), "late_30"),
        (result("county_xx", "08:20 12:01 14:25 17:59"), "early"),
        (result("county_xx", "09:01 14:25 18:02"), "missing"),
        (result("county_xx", "08:20 12:01"), "half"),
        (result("county_xx", "08:20 12:01", covers=(leave("14:30", "18:00"),)), "leave"),
        (result("county_xx", "", covers=(leave("14:30", "18:00"),)), "half"),
        (result("county_xx", ""), "absent"),
        (result("county_xx", "", denied=(Denied(span("08:30", "18:00"), "l", "not_approved"),)), "absent"),
        (result("county_xx", GOOD, off_post=(OffPost(span("09:00", "10:00"), "patrol"),)), "off_post"),
        (result("county_xx", "", on=date(2026, 11, 22)), "off"),
        (result("county_xx", "", on=date(2026, 11, 22), covers=(leave("08:30", "18:00", date(2026, 11, 22)),)), "off"),
    ],
)
def test_a_day_shows_the_gravest(day: DayResult, mark: str) -> None:
    assert mark_of(day) == mark


def test_it_is_well_formed_whatever_the_units_are_called() -> None:
    name = '<script>alert("1")</script> & 公安局'
    svg = month_svg(name, FIRST, LAST, [(name, [[result("county_xx", "")]])])
    root = ElementTree.fromstring(svg)
    assert name in [each.text for each in root.iter()]
    assert name in root.attrib["aria-label"]
    assert "script" not in {each.tag.rpartition("}")[2] for each in root.iter()}
    assert not [key for each in root.iter() for key in each.attrib if key.startswith("on") or "href" in key]


def test_nobody_is_named_and_equal_days_give_equal_pictures() -> None:
    days = [result("county_xx", GOOD), result("county_xx", "", on=date(2026, 11, 24))]
    svg = month_svg("考勤", FIRST, LAST, [("公安局", [days])])
    assert svg == month_svg("考勤", FIRST, LAST, [("公安局", [list(days)])])
    assert days[0].person not in "".join(each.text or "" for each in ElementTree.fromstring(svg).iter())


def test_a_cell_stands_under_its_day_and_beside_its_neighbours() -> None:
    """MONDAY is the 23rd: its cell begins 22 steps from the left; days on end are one line."""
    step = (960 - 2 * 16 - 2 * 20) / 3 / 30
    one = month_svg("考勤", FIRST, LAST, [("公安局", [[result("county_xx", "", on=MONDAY)]])])
    assert f"M{16 + 22 * step:.1f} 99.8h{step:.1f}" in one
    three = [result("county_xx", "", on=date(2026, 11, n)) for n in (23, 24, 26)]
    path = month_svg("考勤", FIRST, LAST, [("公安局", [three])])
    assert f"M{16 + 22 * step:.1f} 99.8h{2 * step:.1f}M{16 + 25 * step:.1f} 99.8h{step:.1f}" in path


def test_people_who_were_not_there_and_units_without_people_leave_room() -> None:
    empty = month_svg("考勤", FIRST, LAST, [("公安局", [[], []]), ("税务局", [])])
    assert [each.fill in empty for each in MARKS.values() if each.fill not in ("#fff", "url(#off)")] == [False] * 11
    ElementTree.fromstring(month_svg("考勤", FIRST, LAST, []))
