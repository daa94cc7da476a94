"""The hall's day as figures: openings, when numbers are given, and the words for it. Dates of 2026 by the State
Council's notice: 10 February to 23 February round the spring festival (14 and 28 February worked), 1 to 7 October."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.calendar import Override
from edge.hallday import Rules, Timetable, cut_off_words, hall_day, next_open, taking, taking_words, taking_words_en

req = pytest.mark.req
ZONE = ZoneInfo("Asia/Shanghai")
HOURS = [{"from": "08:30", "to": "12:00"}, {"from": "14:30", "to": "18:00"}]
MONDAY, SATURDAY = date(2026, 3, 2), date(2026, 3, 7)


def table(**more: Any) -> Timetable:
    return Timetable.model_validate({"hours": HOURS} | more)


def at(clock: str, on: date = MONDAY) -> int:
    return int(datetime.fromisoformat(f"{on}T{clock}:00+08:00").timestamp() * 1000)


def spans(found: Timetable, on: date, *own: Override) -> list[str]:
    day = hall_day(found, {each.day: each for each in own}, on, ZONE)
    local = [[datetime.fromtimestamp(ms / 1000, ZONE) for ms in (each.start, each.end)] for each in day.openings]
    return [
        f"{start:%H:%M}-{end:%H:%M}" + "*" * each.booked_only
        for (start, end), each in zip(local, day.openings, strict=True)
    ]


WORKED = ["08:30-12:00", "14:30-18:00"]


@req("ATT-05")
def test_a_working_day_has_the_hours_of_the_hall() -> None:
    assert spans(table(), MONDAY) == WORKED
    assert spans(table(), SATURDAY) == []
    assert spans(Timetable(), SATURDAY) == ["00:00-00:00"]  # a hall that says nothing never closes


def test_a_saturday_that_is_worked_instead_of_a_holiday_is_open_and_a_holiday_is_not() -> None:
    worked, holiday = date(2026, 2, 14), date(2026, 10, 1)
    assert (worked.weekday(), spans(table(), worked)) == (5, WORKED)
    assert (holiday.weekday(), spans(table(), holiday)) == (3, [])


def test_half_a_day_closes_when_its_own_hours_end() -> None:
    half = Override(day=MONDAY, kind="working", name="半天", shifts=({"start": "08:30", "end": "11:00"},))  # type: ignore[arg-type]
    assert spans(table(), MONDAY, half) == ["08:30-11:00"]
    assert spans(table(hours="always"), MONDAY, half) == ["08:30-11:00"]


def test_a_day_that_the_hall_closes_is_closed_even_where_it_is_always_open() -> None:
    shut = Override(day=MONDAY, kind="closed", name="停电")
    assert spans(table(), MONDAY, shut) == spans(table(hours="always"), MONDAY, shut) == []


def test_extended_hours_are_of_their_weekdays_and_not_of_holidays() -> None:
    more = table(
        extended=[
            {"days": ["sat"], "hours": [{"from": "09:00", "to": "12:00"}], "booked_only": True},
            {"days": ["mon"], "hours": [{"from": "17:00", "to": "20:00"}]},
        ]
    )
    assert spans(more, SATURDAY) == ["09:00-12:00*"]
    assert spans(more, MONDAY) == [*WORKED, "18:00-20:00"]
    assert spans(more, date(2026, 10, 3)) == []


def test_a_weekend_by_appointment_is_for_who_has_booked() -> None:
    assert spans(table(weekend="by_appointment"), SATURDAY) == [each + "*" for each in WORKED]


# ---- numbers


def state(found: Timetable, clock: str, *, booked: bool = False, rules: Rules | None = None) -> str:
    day = hall_day(found, {}, MONDAY, ZONE)
    return taking(found, day, at(clock), ZONE, rules or Rules(), booked=booked).state


@req("QUE-24")
def test_numbers_are_given_until_closing_unless_a_cut_off_is_configured() -> None:
    assert [state(table(), clock) for clock in ("08:29", "08:30", "11:59", "12:00", "14:30", "17:59", "18:00")] == [
        *("early", "open", "open", "noon", "open", "open", "closed")
    ]
    cut = table(cut_off=30)
    assert [state(cut, clock) for clock in ("11:59", "17:29", "17:30", "18:00")] == [
        "open",
        "open",
        "cut_off",
        "closed",
    ]


def test_numbers_may_be_given_before_service_begins_but_not_before_the_last_one_ended() -> None:
    early = table(take_from=60)
    assert [state(early, clock) for clock in ("07:29", "07:30", "13:29", "13:30")] == ["early", "open", "noon", "open"]
    assert state(table(take_from=240), "12:00") == "open"  # the whole break is less than that


def test_where_noon_clears_the_cut_off_is_before_each_end() -> None:
    assert [state(table(noon="clear", cut_off=30), clock) for clock in ("11:29", "11:30")] == ["open", "noon"]


def test_who_has_booked_gets_a_number_after_the_cut_off() -> None:
    assert state(table(cut_off=60), "17:30", booked=True) == "open"
    assert state(table(cut_off=60), "18:00", booked=True) == "closed"


def test_a_service_may_have_hours_and_a_cut_off_of_its_own() -> None:
    morning = Rules(({"from": "09:00", "to": "11:00"},), 10)  # type: ignore[arg-type]
    rules = Rules(table(hours=[{"from": "09:00", "to": "11:00"}]).hours, morning.cut_off)  # type: ignore[arg-type]
    found = [state(table(), clock, rules=rules) for clock in ("08:45", "09:00", "10:49", "10:50", "11:00", "15:00")]
    assert found == ["early", "open", "open", "cut_off", "closed", "closed"]


WORDS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("07:00", {}, "今天上午8:30开始办理"),
    ("07:00", {"take_from": 30}, "今天上午8:30开始办理，8:00起取号"),
    ("12:30", {}, "下午14:30继续"),
    ("12:30", {"take_from": 15}, "下午14:30继续，14:15起取号"),
    ("17:45", {"cut_off": 30}, "今天取号到下午17:30为止，明天上午8:30开门"),
    ("19:00", {}, "现在不在服务时间，明天上午8:30开门"),
)


ENGLISH: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("07:00", {"take_from": 30}, "Opens at 08:30, numbers from 08:00"),
    ("12:30", {}, "Goes on at 14:30"),
    ("17:45", {"cut_off": 30}, "No more numbers since 17:30, opens 03 March 08:30"),
    ("19:00", {}, "Closed now, opens 03 March 08:30"),
)


@pytest.mark.parametrize(("clock", "more", "said"), ENGLISH)
def test_and_in_english(clock: str, more: dict[str, Any], said: str) -> None:
    hours = table(**more)
    found = taking(hours, hall_day(hours, {}, MONDAY, ZONE), at(clock), ZONE)
    after = next_open(lambda on: hall_day(hours, {}, on, ZONE), MONDAY)
    assert taking_words_en(found, after, ZONE) == said


@req("QUE-24")
def test_while_numbers_are_given_the_cut_off_is_shown() -> None:
    day = hall_day(table(cut_off=30), {}, MONDAY, ZONE)
    found = taking(table(cut_off=30), day, at("15:00"), ZONE)
    assert cut_off_words(found, ZONE) == ("，取号到下午17:30", ", numbers until 17:30")
    assert cut_off_words(taking(table(), day, at("12:30"), ZONE), ZONE) == ("", "")


@pytest.mark.parametrize(("clock", "more", "said"), WORDS)
def test_the_words_say_when_there_is_a_number_again(clock: str, more: dict[str, Any], said: str) -> None:
    hours = table(**more)
    found = taking(hours, hall_day(hours, {}, MONDAY, ZONE), at(clock), ZONE)
    after = next_open(lambda on: hall_day(hours, {}, on, ZONE), MONDAY)
    assert taking_words(found, after, MONDAY, ZONE) == said


def test_before_a_long_holiday_the_day_is_named() -> None:
    eve = date(2026, 9, 30)
    after = next_open(lambda on: hall_day(table(), {}, on, ZONE), eve)
    closed = taking(table(), hall_day(table(), {}, eve, ZONE), at("19:00", eve), ZONE)
    assert taking_words(closed, after, eve, ZONE) == "现在不在服务时间，10月8日（星期四）上午8:30开门"


def test_a_day_for_bookings_alone_is_no_day_to_come_back_on() -> None:
    hours = table(extended=[{"days": ["sat"], "hours": HOURS, "booked_only": True}])
    friday = MONDAY + timedelta(days=4)
    closed = taking(hours, hall_day(hours, {}, friday, ZONE), at("19:00", friday), ZONE)
    after = next_open(lambda on: hall_day(hours, {}, on, ZONE), friday)
    assert taking_words(closed, after, friday, ZONE) == "现在不在服务时间，3月9日（星期一）上午8:30开门"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"hours": [{"from": "12:00", "to": "08:30"}]}, "from must be before to"),
        ({"hours": [HOURS[1], HOURS[0]]}, "must follow each other"),
        ({"hours": [{"from": "24:30", "to": "25:00"}]}, "pattern"),
        ({"cutoff": 5}, "Extra inputs"),
        ({"extended": [{"days": ["sunday"], "hours": HOURS}]}, "mon"),
    ],
)
def test_a_timetable_that_cannot_be_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        table(**wrong)


def test_the_next_break_is_the_one_it_is_now_or_the_next_of_today() -> None:
    day = hall_day(table(), {}, MONDAY, ZONE)
    noon = (at("12:00"), at("14:30"))
    assert [day.recess(at(clock)) for clock in ("08:30", "11:59")] == [noon, noon]
    assert [day.recess(at(clock)) for clock in ("12:00", "13:00")] == [noon, (at("13:00"), at("14:30"))]
    assert [day.recess(at(clock)) for clock in ("14:30", "18:00", "20:00")] == [None, None, None]
    assert day.recess(at("07:00")) == (at("07:00"), at("08:30"))


# ---- what always holds

CLOCKS = st.integers(0, 24 * 60 - 1)


@given(st.lists(CLOCKS, min_size=2, max_size=8, unique=True), CLOCKS, st.integers(0, 240), st.integers(0, 240))
def test_a_number_is_given_or_it_is_said_when(edges: list[int], minute: int, take_from: int, cut_off: int) -> None:
    ordered = sorted(edges[: len(edges) // 2 * 2])
    words = [f"{each // 60:02}:{each % 60:02}" for each in ordered]
    pairs = list(zip(words[::2], words[1::2], strict=True))
    hours = table(hours=[{"from": a, "to": b} for a, b in pairs], take_from=take_from, cut_off=cut_off)
    day, moment = hall_day(hours, {}, MONDAY, ZONE), at("00:00") + minute * 60_000
    found = taking(hours, day, moment, ZONE)
    ends = day.openings[-1].end
    assert found.ok == (taking_words(found, None, MONDAY, ZONE) == "")
    assert not (found.ok and moment >= ends)
    if found.state in ("early", "noon"):
        assert found.gives is not None
        assert moment < found.gives <= ends
        assert taking(hours, day, found.gives, ZONE).state in ("open", "cut_off", "closed", "noon")
    serving = any(each.start <= moment < each.end for each in day.openings)
    assert day.phase(moment) == ("open" if serving else day.phase(moment))
    if serving and cut_off == 0:
        assert found.ok
