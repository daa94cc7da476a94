"""Which days count: the national plan of 2026, the hall's own days over it, and years that nobody has planned yet."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from edge.attendance.calendar import day_of, deadline
from edge.attendance.duty import Entry, duty_cover
from edge.attendance.profile import Span
from edge.attendance.profilefile import load_overrides
from edge.calendar import Override, Shift, UnknownYear, unknown_year_ahead
from edge.hallfile import HallFileError
from tests.attendance.days import MONDAY, ZONE, at, profile, result, span, told

YIMEN = profile("yimen")
WORKING_WEEKENDS = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]


@pytest.mark.req("ATT-01")
def test_five_days_a_week_and_the_working_weekends_of_the_year() -> None:
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    found = [str(on) for on in year if on.weekday() > 4 and day_of(YIMEN, {}, on).kind == "working"]
    assert found == WORKING_WEEKENDS
    assert [day_of(YIMEN, {}, MONDAY + timedelta(days=n)).kind for n in range(7)] == ["working"] * 5 + ["day_off"] * 2


@pytest.mark.req("ATT-01", "ATT-05")
@pytest.mark.parametrize("hall", ["yimen", "county_xx"])
def test_nothing_is_expected_on_a_public_holiday(hall: str) -> None:
    day = result(hall, "", on=date(2026, 10, 1))
    assert (told(day), day.findings[0].evidence.note) == (["day_off"], "National Day")


def test_an_unknown_year_is_open_and_blames_nobody() -> None:
    for on in (date(2027, 3, 1), date(2027, 10, 1), date(2027, 3, 6)):
        assert day_of(YIMEN, {}, on).open
        assert told(result("yimen", "09:30", on=on)) == ["provisional"]


@pytest.mark.parametrize(
    ("kind", "on", "kind_then"),
    [
        ("closed", MONDAY, "day_off"),
        ("off", MONDAY, "day_off"),
        ("working", date(2026, 11, 28), "working"),
        ("extended", MONDAY, "working"),
        ("duty", date(2026, 10, 1), "duty"),
        ("working", date(2027, 3, 1), "working"),
    ],
)
def test_the_hall_knows_its_own_days_better(kind: str, on: date, kind_then: str) -> None:
    own = {on: Override(day=on, kind=kind, name="停电")}  # type: ignore[arg-type]
    day = day_of(YIMEN, own, on)
    assert (day.kind, day.name, day.source) == (kind_then, "停电", "hall")


def test_an_extended_day_has_its_own_hours() -> None:
    longer = (Shift(start="08:30", end="12:00"), Shift(start="14:30", end="20:00"))  # type: ignore[arg-type]
    own = {MONDAY: Override(day=MONDAY, kind="extended", shifts=longer)}
    assert told(result("county_xx", "08:20 12:01 14:25 18:02", overrides=own)) == ["early 118"]
    assert told(result("county_xx", "08:20 12:01 14:25 20:00", overrides=own)) == []
    once = {MONDAY: Override(day=MONDAY, kind="extended", shifts=longer[:1])}
    assert told(result("county_xx", "08:20 12:01", overrides=once)) == []


@pytest.mark.req("APPT-06")
def test_on_a_weekend_by_appointment_only_the_roster_is_expected() -> None:
    saturday = date(2026, 11, 28)
    hall = profile("cq_registry")
    assert (day_of(hall, {}, saturday).kind, day_of(YIMEN, {}, saturday).kind) == ("duty", "day_off")
    entry = duty_cover(hall, Entry("roster-1", "li", "day_off", span("09:00", "12:00", saturday)))
    unseen, seen = (result("cq_registry", said, on=saturday, covers=(entry,)) for said in ("", "09:00"))
    assert [told(each) for each in (unseen, seen)] == [["day_off", "on_duty"]] * 2
    assert [each.findings[0].for_person for each in (unseen, seen)] == [True, False]
    assert not result("cq_registry", "", on=saturday).findings[0].for_person


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("calendar_day", date(2026, 11, 20), "2026-11-23T00:00:00+08:00"),
        ("working_day", date(2026, 11, 20), "2026-11-25T00:00:00+08:00"),
        ("working_day", date(2026, 9, 30), "2026-10-10T00:00:00+08:00"),
        ("working_day", date(2026, 10, 9), "2026-10-13T00:00:00+08:00"),
    ],
)
def test_a_span_says_which_days_it_counts(unit: str, start: date, end: str) -> None:
    limit = Span(within=2, unit=unit)  # type: ignore[arg-type]
    assert deadline(YIMEN, {}, limit, start, ZONE).isoformat() == end


def test_working_days_of_an_unknown_year_are_not_guessed() -> None:
    with pytest.raises(UnknownYear, match="2027"):
        deadline(YIMEN, {}, Span(within=2, unit="working_day"), date(2026, 12, 31), ZONE)
    own = {date(2027, 1, n): Override(day=date(2027, 1, n), kind="working") for n in (4, 5)}
    own |= {date(2027, 1, n): Override(day=date(2027, 1, n), kind="off") for n in (1, 2, 3)}
    limit = Span(within=2, unit="working_day")
    assert deadline(YIMEN, own, limit, date(2026, 12, 31), ZONE) == at("00:00", date(2027, 1, 6))


def test_the_alarm_comes_thirty_days_before_an_unknown_year() -> None:
    assert [unknown_year_ahead(date(2026, 12, n)) for n in (1, 2)] == [None, 2027]
    assert unknown_year_ahead(date(2027, 6, 1)) == 2027


GOOD_DAYS = """
[[day]]
day = 2026-12-04
kind = "closed"
name = "停电"

[[day]]
day = 2026-12-05
kind = "extended"
shifts = [{ start = "08:30", end = "20:00" }]
"""


def test_the_days_of_a_hall_are_read(tmp_path: Path) -> None:
    file = tmp_path / "days.toml"
    file.write_text(GOOD_DAYS, "utf-8")
    days = load_overrides(file)
    assert [(str(on), each.kind, each.name) for on, each in days.items()] == [
        ("2026-12-04", "closed", "停电"),
        ("2026-12-05", "extended", ""),
    ]


@pytest.mark.parametrize(
    ("meant", "written", "line", "says"),
    [
        ("2026-12-05", "2026-12-04", 8, "twice"),
        ('"closed"', '"shut"', 4, "kind"),
        ('"closed"', '"extended"', 4, "gives its shifts"),
        ('name = "停电"', 'nmae = "停电"', 5, "unknown key"),
    ],
)
def test_a_wrong_day_is_named_by_its_line(tmp_path: Path, meant: str, written: str, line: int, says: str) -> None:
    file = tmp_path / "days.toml"
    file.write_text(GOOD_DAYS.replace(meant, written), "utf-8")
    with pytest.raises(HallFileError) as error:
        load_overrides(file)
    assert [(each.line, says in each.what) for each in error.value.problems] == [(line, True)]
