"""What goes wrong around a break: clocks that step, power that was off, windows opened in it, days changed in it."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.__main__ import main
from tests.hall import DAY_S, DEMO, Running, World, running
from tests.timetable.test_day import go, set_clock, timetable, window
from tests.timetable.test_hallday import MONDAY, SATURDAY, spans, table

looptime = pytest.mark.looptime
CLEAR = timetable('noon = "clear"', "take_from = 60")


async def states(hall: Running) -> list[str]:
    return [(await window(hall, no))["state"] for no in (1, 2, 3)]


async def state(hall: Running, ticket: str) -> str:
    found: str = (await hall.get(f"/tickets/{ticket}"))["state"]
    return found


# ---- off and on again


@looptime
async def test_a_break_that_the_service_slept_through_ends_the_morning_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, CLEAR)
    async with running(world) as hall:
        morning = await hall.issue()
        await asyncio.sleep(3)
    set_clock(world, "14:40:00")
    async with running(world) as hall:
        await asyncio.sleep(3)
        afternoon = await hall.issue()
        await asyncio.sleep(3)
        assert [await state(hall, each["id"]) for each in (morning, afternoon)] == ["cancelled", "waiting"]
        assert await states(hall) == ["open"] * 3


@looptime
async def test_a_restart_in_a_break_ends_no_number_of_the_afternoon_and_windows_still_go_on(tmp_path: Path) -> None:
    world = World(tmp_path, CLEAR)
    async with running(world) as hall:
        await go(hall, "12:00:10")
        set_clock(hall, "13:40:00")
        ticket = await hall.issue()
    async with running(world) as hall:
        await asyncio.sleep(3)
        assert await state(hall, ticket["id"]) == "waiting"
        assert await states(hall) == ["paused"] * 3
        await go(hall, "14:30:05")
        assert await states(hall) == ["open"] * 3
        assert [each.type for each in hall.events("hall.")] == ["hall.opened", "hall.paused", "hall.opened"]


@looptime
async def test_who_was_sent_on_with_a_delay_yesterday_is_called_by_no_window_after_a_night_off(tmp_path: Path) -> None:
    world = World(tmp_path, timetable())
    async with running(world) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/1/call-next")
        await hall.post("/windows/1/transfer", ticket=ticket["id"], service="medical", delay_minutes=20)
        await hall.post("/windows/3/call-next", 204)
    set_clock(world, "08:00:00", "2026-03-03")
    async with running(world) as hall:
        await asyncio.sleep(3)
        assert await state(hall, ticket["id"]) == "cancelled"
        assert len(hall.events("ticket.called")) == 1


# ---- opened in the break


@looptime
async def test_what_somebody_opens_in_the_break_stays_open(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await hall.post("/windows/2/pause", sign="away", place="开会")
        await go(hall, "12:00:10")
        await hall.post("/windows/2/resume")
        await hall.post("/windows", 201, no=9, name="临时窗口", zone="f1", skills=["pension"], reason="人多")
        await asyncio.sleep(3)
        assert await states(hall) == ["paused", "open", "paused"]
        assert (await window(hall, 9))["state"] == "open"


@looptime
async def test_a_day_that_is_extended_at_noon_goes_on_at_once(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await go(hall, "12:30:00")
        shifts = [{"start": "08:30", "end": "19:00"}]
        day = {"day": "2026-03-02", "kind": "extended", "name": "延时服务", "shifts": shifts}
        await hall.post("/attendance/calendar/days", days=[day])
        await asyncio.sleep(3)
        assert await states(hall) == ["open"] * 3
        set_clock(hall, "18:30:00")
        await hall.issue()


# ---- clocks that step


@looptime
async def test_a_clock_that_steps_back_over_noon_turns_nothing_twice(tmp_path: Path) -> None:
    async with running(World(tmp_path, CLEAR)) as hall:
        await go(hall, "12:10:00")
        await go(hall, "11:50:00")
        ticket = await hall.issue()
        assert await states(hall) == ["paused"] * 3
        await go(hall, "12:15:00")
        assert await state(hall, ticket["id"]) == "waiting"
        assert len(hall.events("hall.paused")) == 1


@looptime
@pytest.mark.parametrize("ahead", [DAY_S, 10 * DAY_S])
async def test_a_clock_that_was_days_ahead_and_is_put_right_shuts_nobody_out(tmp_path: Path, ahead: float) -> None:
    """The business day never goes back, so the hours of its date say nothing about now."""
    async with running(World(tmp_path, timetable('at_close = "case_in_hand"'))) as hall:
        hall.world.wall.at += ahead
        await asyncio.sleep(3)
        hall.world.wall.at -= ahead
        ticket = await hall.issue()
        assert (await hall.get("/services"))["units"][0]["services"][0]["open"]
        assert (await hall.post("/windows/1/call-next"))["ticket"]["id"] == ticket["id"]


# ---- the hours of a day


def test_hours_for_who_has_booked_take_none_of_the_hours_for_everybody() -> None:
    early = {"days": ["mon", "sat"], "hours": [{"from": "07:30", "to": "20:00"}], "booked_only": True}
    assert spans(table(extended=[early]), MONDAY) == [
        *("07:30-08:30*", "08:30-12:00", "12:00-14:30*", "14:30-18:00", "18:00-20:00*")
    ]
    assert spans(table(extended=[early]), SATURDAY) == ["07:30-20:00*"]


def test_a_day_may_have_one_opening_and_end_at_midnight() -> None:
    hours = table(hours=[{"from": "08:30", "to": "24:00"}])
    assert spans(hours, date(2026, 12, 31)) == ["08:30-00:00"]


# ---- the hall file


WRONG = [
    ("# noon_windows = [3]", "noon_windows = [3, 7]", "there is no window 7; known are 1, 2, 3", "noon_windows"),
    ("# extended = [", 'day = [{ day = 2026-10-11, kind = "extended" }]\n# extended = [', "has shifts", "day = ["),
]


@pytest.mark.parametrize(("meant", "written", "says", "place"), WRONG)
def test_a_timetable_that_leads_nowhere_is_named_by_its_line(
    tmp_path: Path, meant: str, written: str, says: str, place: str
) -> None:
    text = DEMO.read_text("utf-8").replace(meant, written)
    file = tmp_path / "hall.toml"
    file.write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["check", str(file)])
    line = text[: text.index(f"\n{place}")].count("\n") + 2
    assert result.exit_code == 2
    assert [each for each in result.output.splitlines() if f"line {line}: " in each and says in each], result.output
