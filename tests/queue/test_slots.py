"""The slots of a day: they cover its openings and nothing else, and none is ever booked beyond its quota."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.calendar import Override
from edge.hallday import HallDay, Hours, Opening, Timetable, hall_day
from edge.queue import slots
from edge.queue.slots import Span, moment

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY, SATURDAY, SUNDAY = date(2026, 3, 2), date(2026, 3, 7), date(2026, 3, 8)
MINUTE = 60_000


def hours(*pairs: str) -> tuple[Hours, ...]:
    return tuple(Hours(**dict(zip(("from", "to"), each.split("-"), strict=True))) for each in pairs)


def table(**more: object) -> Timetable:
    return Timetable.model_validate({"hours": hours("08:30-12:00", "14:30-18:00")} | more)


def words(spans: list[Span], on: date = MONDAY) -> list[str]:
    return [f"{slots.hhmm(each.start, on, ZONE)}-{slots.hhmm(each.end, on, ZONE)}" for each in spans]


# ---- openings


@pytest.mark.req("APPT-04", "APPT-06")
def test_extended_hours_and_weekends_by_appointment_can_be_booked() -> None:
    late = {"days": ["mon"], "hours": hours("18:00-19:00")}
    weekend = {"days": ["sat"], "hours": hours("09:00-10:00"), "booked_only": True}
    ours = table(extended=[late, weekend])
    monday = slots.slots(slots.offered(hall_day(ours, {}, MONDAY, ZONE), (), ZONE), 60)
    assert words(monday)[-1] == "18:00-19:00"
    saturday = slots.slots(slots.offered(hall_day(ours, {}, SATURDAY, ZONE), (), ZONE), 30)
    assert words(saturday, SATURDAY) == ["09:00-09:30", "09:30-10:00"]
    assert slots.offered(hall_day(ours, {}, SUNDAY, ZONE), (), ZONE) == []
    duty = hall_day(table(weekend="by_appointment"), {}, SUNDAY, ZONE)
    assert words(slots.offered(duty, (), ZONE), SUNDAY) == ["08:30-12:00", "14:30-18:00"]


def test_a_day_off_has_none_and_a_service_has_its_own_hours() -> None:
    closed = hall_day(table(), {MONDAY: Override(day=MONDAY, kind="closed")}, MONDAY, ZONE)
    assert slots.offered(closed, (), ZONE) == []
    open_day = hall_day(table(), {}, MONDAY, ZONE)
    assert words(slots.offered(open_day, hours("11:00-15:00"), ZONE)) == ["11:00-12:00", "14:30-15:00"]
    assert slots.offered(open_day, hours("12:00-14:30"), ZONE) == []


def test_a_hall_that_never_closes_has_slots_to_midnight() -> None:
    grid = slots.slots(slots.offered(hall_day(Timetable(hours="always"), {}, MONDAY, ZONE), (), ZONE), 30)
    assert (len(grid), words(grid)[0], words(grid)[-1]) == (48, "00:00-00:30", "23:30-24:00")
    assert moment(MONDAY, "24:00", ZONE) == moment(date(2026, 3, 3), "00:00", ZONE)


@pytest.mark.parametrize(
    ("opening", "minutes", "found"),
    [
        ("08:30-12:00", 60, ["08:30-09:30", "09:30-10:30", "10:30-11:30", "11:30-12:00"]),
        ("09:00-10:10", 30, ["09:00-09:30", "09:30-10:10"]),
        ("09:00-09:10", 30, ["09:00-09:10"]),
    ],
)
def test_what_an_opening_has_left_over_is_shared_out(opening: str, minutes: int, found: list[str]) -> None:
    start, end = opening.split("-")
    assert words(slots.slots([slots.span(MONDAY, start, end, ZONE)], minutes)) == found


def test_a_zone_with_another_offset_has_its_own_hours() -> None:
    there = ZoneInfo("Asia/Urumqi")
    assert moment(MONDAY, "09:00", there) - moment(MONDAY, "09:00", ZONE) == 120 * MINUTE
    assert slots.hhmm(moment(MONDAY, "09:00", there), MONDAY, there) == "09:00"


def test_a_slot_that_has_begun_is_not_offered() -> None:
    grid = slots.slots([slots.span(MONDAY, "09:00", "10:00", ZONE)], 30)
    for at, left in (("08:59", 2), ("09:00", 1), ("09:29", 1), ("09:30", 0)):
        assert len(slots.free(grid, [], 1, moment(MONDAY, at, ZONE))) == left


# ---- any day

MINUTES = st.integers(0, 24 * 60)
START = moment(MONDAY, "00:00", ZONE)


@st.composite
def day_spans(draw: st.DrawFn) -> list[Span]:
    edges = sorted(draw(st.sets(MINUTES, min_size=2, max_size=6)))
    return [Span(START + a * MINUTE, START + b * MINUTE) for a, b in zip(edges[::2], edges[1::2], strict=False)]


STEPS = st.integers(5, 240)


@given(day_spans(), STEPS)
def test_slots_cover_the_openings_and_nothing_else(spans: list[Span], minutes: int) -> None:
    found = slots.slots(spans, minutes)
    for each in spans:
        inside = [slot for slot in found if each.holds(slot)]
        assert (inside[0].start, inside[-1].end) == each
        assert all(a.end == b.start for a, b in pairwise(inside))
        assert all(slot.end - slot.start == minutes * MINUTE for slot in inside[:-1])
        if len(inside) > 1:
            assert minutes / 2 <= (inside[-1].end - inside[-1].start) / MINUTE < minutes * 1.5
    assert len(found) == sum(any(each.holds(slot) for each in spans) for slot in found)


@given(day_spans(), STEPS, st.integers(1, 3), st.lists(st.tuples(MINUTES, MINUTES), max_size=30))
def test_no_order_of_bookings_overbooks_a_slot(
    spans: list[Span], minutes: int, quota: int, wishes: list[tuple[int, int]]
) -> None:
    grid, booked = slots.slots(spans, minutes), list[Span]()
    for a, b in wishes:
        wanted = Span(START + a * MINUTE, START + b * MINUTE)
        before = sum(each.left for each in slots.free(grid, booked, quota, 0))
        if a < b and any(each.holds(wanted) for each in spans) and slots.room(wanted, grid, booked, quota):
            booked.append(wanted)
            assert sum(each.left for each in slots.free(grid, booked, quota, 0)) < before
    assert all(sum(map(slot.touches, booked)) <= quota for slot in grid)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@given(day_spans(), st.lists(st.tuples(MINUTES, MINUTES), max_size=3))
def test_offered_is_what_hall_and_service_share(spans: list[Span], pairs: list[tuple[int, int]]) -> None:
    """Minute by minute."""
    day = HallDay(MONDAY, "working", "", tuple(Opening(*each) for each in spans))
    own = hours(*(f"{clock(a)}-{clock(b)}" for a, b in pairs if a < b))
    found = slots.offered(day, own, ZONE)
    for minute in range(0, 24 * 60, 7):
        at = Span(START + minute * MINUTE, START + minute * MINUTE + 1)
        both = any(each.holds(at) for each in spans) and (
            not own or any(each.start <= clock(minute) < each.end for each in own)
        )
        assert any(each.holds(at) for each in found) == both
