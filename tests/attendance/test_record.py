"""What is entered about people's time: all or nothing, corrected by new rows, and the newest of a ref holds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.attendance import record, roster
from edge.attendance.calendar import day_of
from edge.attendance.record import year_table
from edge.calendar import Override, Shift
from edge.refusal import Refused
from tests.attendance.office import Office, person

PUNCHED = ("2026-03-02 08:20", "2026-03-02 12:05", "2026-03-02 14:20", "2026-03-02 18:01")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def kinds(office: Office, who: str, on: str = "2026-03-02") -> list[str]:
    return [each.kind for each in office.day(who, on).findings]


def test_a_day_in_time(office: Office) -> None:
    office.punch("li", *PUNCHED)
    assert kinds(office, "li") == ["on_time"] * 4


@pytest.mark.req("ATT-14", "LEAVE-20")
def test_a_leave_approved_in_time_covers_the_day_and_one_without_formality_does_not(office: Office) -> None:
    day = ("2026-03-02 08:30", "2026-03-02 18:00")
    told: dict[str, Any] = {"leave": "personal", "asked_at": "2026-03-01 09:00", "papers": ["slip"]}
    approved = [{"by": "hall", "at": "2026-03-01T10:00:00+08:00"}]
    stand_in = {"person": "zhao", "filed_at": "2026-03-01T10:00:00+08:00", "on_post_at": "2026-03-02T08:10:00+08:00"}
    office.enter("leave", "li", *day, ref="slip-1", **told, approvals=approved, substitute=stand_in)
    office.enter("leave", "wang", *day, ref="slip-2", **told)
    assert kinds(office, "li") == ["on_leave"]
    assert [(each.kind, each.evidence.note) for each in office.day("wang", "2026-03-02").findings] == [
        ("absent", "not_approved"),
        ("absent", "not_approved"),
    ]
    assert "substitute" in kinds(office, "zhao")


def test_the_same_again_changes_nothing_and_a_correction_is_a_new_row(office: Office) -> None:
    ten, eleven = "2026-03-02 10:00", "2026-03-02 11:00"
    assert office.enter("off_post", "li", ten, eleven) == 1
    assert office.enter("off_post", "li", ten, eleven) == 0
    assert office.enter("off_post", "li", ten, "2026-03-02 13:00", why="到下午才回来") == 1
    assert office.books.rows("SELECT ref, why FROM attendance_entry ORDER BY seq") == [
        ("r1", ""),
        ("r1", "到下午才回来"),
    ]
    assert [each.type for each in office.books.events("attendance.")][-2:] == [
        "attendance.entered",
        "attendance.corrected",
    ]


def test_another_source_must_say_why_it_corrects(office: Office) -> None:
    office.enter("off_post", "li", "2026-03-02 10:00", "2026-03-02 11:00")
    later = office.entry("off_post", "li", "2026-03-02 10:00", "2026-03-02 10:30")
    with pytest.raises(Refused, match="why_missing"):
        office.books.do(record.enter, record.Enter((later,), "central", "central"))
    assert office.books.do(record.enter, record.Enter((later,), "central", "central", "监控核实")) == 1


def test_a_ref_is_of_one_person_and_kind(office: Office) -> None:
    office.enter("off_post", "li", "2026-03-02 10:00", "2026-03-02 11:00")
    with pytest.raises(Refused, match="ref_taken"):
        office.enter("off_post", "wang", "2026-03-02 10:00", "2026-03-02 11:00")


def test_withdrawn_it_hurts_nobody_and_stays_to_be_seen(office: Office) -> None:
    office.punch("li", *PUNCHED)
    office.enter("off_post", "li", "2026-03-02 09:00", "2026-03-02 11:30")
    assert "off_post" in kinds(office, "li")
    office.books.do(record.withdraw, record.Withdraw("r1", "ops", "ops", "认错了人"))
    assert "off_post" not in kinds(office, "li")
    assert office.books.rows("SELECT withdrawn, why FROM attendance_entry ORDER BY seq") == [(0, ""), (1, "认错了人")]
    with pytest.raises(Refused, match="no_such_entry"):
        office.books.do(record.withdraw, record.Withdraw("r2", "ops", "ops", "无"))


def test_all_or_nothing_of_a_feed(office: Office) -> None:
    good = office.entry("off_post", "li", "2026-03-02 10:00", "2026-03-02 11:00")
    stranger = office.entry("off_post", "nobody", "2026-03-02 10:00", "2026-03-02 11:00", ref="r2")
    with pytest.raises(Refused, match="nobody"):
        office.books.do(record.enter, record.Enter((good, stranger), "central", "central"))
    assert office.books.rows("SELECT count(*) FROM attendance_entry") == [(0,)]


@pytest.mark.req("ATT-22")
def test_a_roll_call_shows_presence_and_its_absence_is_for_a_person(office: Office) -> None:
    office.punch("li", *PUNCHED)
    office.enter("roll_call", "li", "2026-03-02 10:00", "2026-03-02 10:00", present=False)
    (found,) = office.day("li", "2026-03-02").of("off_post")
    assert found.for_person
    assert not found.proposal


@pytest.mark.req("ATT-25")
def test_a_study_missed_without_a_reason_is_half_a_day(tmp_path: Path) -> None:
    office = Office(tmp_path, "yuanzhou")
    office.punch("li", "2026-03-03 08:20", "2026-03-03 12:05", "2026-03-03 14:20", "2026-03-03 18:01")
    office.enter("study", "li", "2026-03-03 15:00", "2026-03-03 17:00", present=False)
    assert office.day("li", "2026-03-03").absent_days == 0.5
    office.enter("study", "li", "2026-03-03 15:00", "2026-03-03 17:00", present=False, reason="出差", why="补登")
    assert office.day("li", "2026-03-03").absent_days == 0


def test_a_person_decides_that_a_finding_does_not_stand(office: Office) -> None:
    """The finding stays to be seen, with whose decision it was; it counts no more."""
    office.punch("li", "2026-03-02 09:20", *PUNCHED[1:])
    assert kinds(office, "li")[0] == "late"
    whole = ("2026-03-02 00:00", "2026-03-02 23:59")
    office.enter("excuse", "li", *whole, ref="x1", finding="late", reason="公交停运，主任核实")
    (late,) = office.day("li", "2026-03-02").of("late")
    assert late.excused == "x1"


def test_a_very_late_arrival_that_is_excused_is_no_absence_either(tmp_path: Path) -> None:
    office = Office(tmp_path, "yuanzhou")
    punched = ("2026-03-03 10:05", "2026-03-03 12:05", "2026-03-03 14:20", "2026-03-03 18:01")
    office.punch("li", *punched)
    assert office.day("li", "2026-03-03").absent_days == 0.5
    whole = ("2026-03-03 00:00", "2026-03-03 23:59")
    office.enter("excuse", "li", *whole, ref="x1", finding="late", reason="公交停运")
    assert office.day("li", "2026-03-03").absent_days == 0


def test_a_manual_punch_stands_for_a_forgotten_one(office: Office) -> None:
    office.punch("li", *PUNCHED[:3])
    assert "on_time" in kinds(office, "li")
    assert len(office.day("li", "2026-03-02").of("on_time")) == 3
    office.enter("manual_punch", "li", "2026-03-02 18:05", "2026-03-02 18:05", direction="out")
    assert kinds(office, "li") == ["on_time"] * 4


# ---- the roster


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"unit": "nowhere"}, "没有单位 nowhere"),
        ({"posts": [{"window": 99}]}, "没有 99 号窗口"),
        ({"terminals": ["gate-9"]}, "没有考勤机 gate-9"),
        ({"until": "2025-01-01"}, "早于到岗日期"),
    ],
)
def test_a_roster_that_does_not_fit_is_refused_whole(office: Office, wrong: dict[str, object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        office.books.do(roster.change, roster.Changed((person("new"), person("sun", **wrong)), "central"))
    with office.books.database.read() as connection:
        assert [each.id for each in roster.people(connection)] == ["li", "wang", "zhao"]


def test_who_is_not_here_on_a_day_is_not_expected(office: Office) -> None:
    office.books.do(roster.change, roster.Changed((person("sun", since="2026-03-03"),), "ops"))
    assert office.day("sun", "2026-03-03").of("absent")
    with pytest.raises(KeyError):
        office.day("sun", "2026-03-02")


@pytest.mark.req("ENR-07", "ENR-08")
def test_a_person_belongs_to_two_organisations_and_may_be_chief_representative(office: Office) -> None:
    chief = person("sun", section="业务科", role="chief_representative")
    assert office.books.do(roster.change, roster.Changed((chief,), "ops")) == 1
    assert office.books.do(roster.change, roster.Changed((chief,), "ops")) == 0
    with office.books.database.read() as connection:
        assert chief in roster.people(connection)


# ---- the calendar


def test_a_year_that_is_not_known_is_provisional_until_its_table_is_entered(office: Office) -> None:
    """And then it is worked as the official notice says."""
    friday = date(2027, 1, 1)
    assert office.day("li", "2027-01-04").findings[0].kind == "provisional"
    table = year_table(2027, [friday], [date(2027, 1, 9)])
    assert len(table) == 365
    assert office.books.do(record.set_days, record.SetDays(table, "ops")) == 365
    with office.books.database.read() as connection:
        overrides = office.rules.overrides(connection)
    found = {str(on): day_of(office.rules.profile, overrides, on).kind for on in (friday, date(2027, 1, 9))}
    assert found == {"2027-01-01": "day_off", "2027-01-09": "working"}
    assert office.day("li", "2027-01-04").of("absent")


def test_an_extended_day_has_its_own_hours(office: Office) -> None:
    shifts = (Shift.model_validate({"start": "09:00", "end": "20:00"}),)
    day = Override(day=date(2026, 3, 2), kind="extended", name="延时开放", shifts=shifts)
    office.books.do(record.set_days, record.SetDays((day,), "ops"))
    office.punch("li", "2026-03-02 08:55", "2026-03-02 20:01")
    assert kinds(office, "li") == ["on_time"] * 2
    with pytest.raises(Refused, match="shifts_unfit"):
        office.books.do(record.set_days, record.SetDays((day.model_copy(update={"shifts": ()}),), "ops"))


@pytest.mark.parametrize(
    ("off", "working"), [([date(2026, 12, 31)], []), ([date(2027, 2, 6)], [date(2027, 2, 6)])], ids=["strange", "both"]
)
def test_a_year_table_that_cannot_be_meant(off: list[date], working: list[date]) -> None:
    with pytest.raises(ValueError, match=r"2026-12-31|2027-02-06"):
        year_table(2027, off, working)
