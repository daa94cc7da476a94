"""The hall's day over the service: opening, noon, closing, midnight, and a start after days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.notices.signs import sign_text
from edge.queue import board
from tests.hall import DAY_S, Running, World, running, without_devices

pytestmark = pytest.mark.looptime
req = pytest.mark.req
HOURS = 'hours = [{ from = "08:30", to = "12:00" }, { from = "14:30", to = "18:00" }]'


def timetable(*more: str) -> Callable[[str], str]:
    lines = "\n".join([HOURS, *more])

    def change(text: str) -> str:
        head, rest = text.split('hours = "always"', 1)
        return without_devices(head + lines + rest[rest.index("\n") :])

    return change


def set_clock(hall: Running | World, clock: str, day: str = "2026-03-02") -> None:
    world = hall.world if isinstance(hall, Running) else hall
    world.wall.at += datetime.fromisoformat(f"{day}T{clock}+08:00").timestamp() - world.wall()


async def go(hall: Running, clock: str, day: str = "2026-03-02") -> None:
    set_clock(hall, clock, day)
    await asyncio.sleep(3)


async def window(hall: Running, no: int) -> Any:
    return next(each for each in (await hall.get("/windows"))["windows"] if each["no"] == no)


def sign(hall: Running, no: int) -> str:
    with hall.parts.database.read() as connection:
        (view,) = board.windows(connection, hall.parts.hall, {no})
    return sign_text(hall.parts.hall, view)


@req("WIN-15")
async def test_at_noon_windows_say_when_they_go_on_and_where_to_go_meanwhile(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("noon_windows = [3]"))) as hall:
        await hall.issue("pension")
        served = (await hall.post("/windows/1/call-next"))["ticket"]
        waits = await hall.issue("pension")
        await go(hall, "12:00:30")
        assert (await window(hall, 2))["paused"]["sign"] == "noon"
        assert sign(hall, 2) == "午休 请到3号窗口"
        assert (await window(hall, 3))["state"] == "open"
        assert (await window(hall, 1))["state"] == "open"  # with a case in hand (WIN-13)
        await hall.post("/windows/1/finish", ticket=served["id"])
        await asyncio.sleep(3)
        assert (await window(hall, 1))["paused"]["resume"] == "下午14:30"
        assert (await hall.get(f"/tickets/{waits['id']}"))["state"] == "waiting"
        await go(hall, "14:30:00")
        assert [(await window(hall, no))["state"] for no in (1, 2, 3)] == ["open"] * 3
        assert (await hall.post("/windows/1/call-next"))["ticket"]["id"] == waits["id"]
        assert [each.type for each in hall.events("hall.")] == ["hall.opened", "hall.paused", "hall.opened"]


async def test_without_a_duty_window_the_sign_says_when_it_goes_on(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await go(hall, "12:01:00")
        assert sign(hall, 1) == "午休 下午14:30继续"
        day = await hall.get("/day")
        assert (day["phase"], day["words"], day["take"]["state"]) == ("noon", "下午14:30继续", "noon")
        service = (await hall.get("/services"))["units"][0]["services"][0]
        assert (service["open"], service["why"], service["take"]) == (False, "下午14:30继续", "noon")
        refused = await hall.post("/tickets", 409, service="pension")
        assert refused["title"] == "下午14:30继续"


async def test_a_wait_that_goes_over_noon_says_when_service_goes_on(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        set_clock(hall, "11:50:00")
        for no in (1, 3):
            await hall.post(f"/windows/{no}/sign-in", staff=hall.parts.hall.staff[no - 1].id)
        for _ in range(6):
            last = await hall.issue("pension")
        assert last["estimate"]["words"].endswith("，下午14:30继续")
        assert last["estimate"]["words_en"].endswith("goes on at 14:30")
        set_clock(hall, "14:31:00")
        assert "继续" not in (await hall.issue("pension"))["estimate"]["words"]


@req("WIN-15")
async def test_the_noon_roster_says_which_windows_serve_through_the_break(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        clerk = hall.parts.hall.staff[0].id
        await hall.post("/windows/2/sign-in", staff=clerk)
        person = {"id": clerk, "name": "王敏", "unit": "rs", "since": "2026-01-01"}
        await hall.post("/attendance/people", people=[person | {"posts": [{"window": 2, "part": "A"}]}])
        duty = {"kind": "duty", "ref": "D1", "person": clerk, "duty": "noon"}
        span = {"start": "2026-03-02T12:00:00+08:00", "end": "2026-03-02T14:30:00+08:00"}
        await hall.post("/attendance/entries", entries=[duty | span])
        await go(hall, "12:00:30")
        assert [(await window(hall, no))["state"] for no in (1, 2, 3)] == ["paused", "open", "paused"]
        assert sign(hall, 1) == "午休 请到2号窗口"


async def test_a_clerk_who_opens_again_at_noon_stays_open_and_a_pause_of_their_own_stays(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await go(hall, "12:00:30")
        await hall.post("/windows/1/resume")
        await hall.post("/windows/2/resume")
        await hall.post("/windows/2/pause", sign="away", place="开会")
        await go(hall, "12:30:00")
        assert (await window(hall, 1))["state"] == "open"
        await go(hall, "14:30:05")
        assert (await window(hall, 2))["paused"]["sign"] == "away"
        assert (await window(hall, 3))["state"] == "open"


async def test_where_noon_clears_who_waits_is_ended_with_the_reason(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable('noon = "clear"'))) as hall:
        waits = await hall.issue("pension")
        await go(hall, "12:00:10")
        assert (await hall.get(f"/tickets/{waits['id']}"))["state"] == "cancelled"
        (event,) = hall.events("ticket.cancelled")
        assert event.data["why"] == "noon_cleared"


# ---- closing


@req("QUE-24", "WIN-13")
async def test_who_holds_a_number_at_closing_is_served_and_ops_sees_them(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("cut_off = 30"))) as hall:
        await go(hall, "17:29:00")
        waits = await hall.issue("pension")
        await go(hall, "17:30:00")
        refused = await hall.post("/tickets", 409, service="pension")
        assert refused["title"] == "今天取号到下午17:30为止，明天上午8:30开门"
        await go(hall, "18:05:00")
        found = [each for each in (await hall.get("/problems"))["problems"] if each["id"] == "after_hours"]
        assert [(each["why"], each["advice"]) for each in found] == [("还有1人等候", "请窗口办完再下班")]
        assert (await hall.post("/windows/1/call-next"))["ticket"]["id"] == waits["id"]
        await hall.post("/windows/1/finish", ticket=waits["id"])
        assert not [each for each in (await hall.get("/problems"))["problems"] if each["id"] == "after_hours"]


async def test_where_only_cases_in_hand_are_finished_the_others_are_booked_anew_by_a_named_clerk(
    tmp_path: Path,
) -> None:
    async with running(World(tmp_path, timetable('at_close = "case_in_hand"'))) as hall:
        clerk = hall.parts.hall.staff[0].id
        await hall.issue("pension")
        served = (await hall.post("/windows/1/call-next"))["ticket"]
        waits = await hall.issue("pension")
        await go(hall, "18:00:05")
        await hall.post("/windows/1/finish", ticket=served["id"])
        refused = await hall.post("/windows/1/call-next", 409)
        assert refused["title"] == "已到下班时间，只办结手头业务；请为还在等候的人说明原因并改约"
        assert (await hall.get(f"/tickets/{waits['id']}"))["state"] == "waiting"  # never cleared silently
        slot = {"day": "2026-03-03", "from": "09:00", "to": "10:00"}
        path = f"/tickets/{waits['id']}/rebook"
        assert (await hall.post(path, 422, staff=clerk, reason=" ", appointment=slot))["title"]
        await hall.post(path, 404, staff="nobody", reason="系统故障", appointment=slot)
        booked = await hall.post(path, staff=clerk, reason="系统故障", appointment=slot)
        assert (booked["appointment"]["day"], booked["appointment"]["time"]) == ("2026-03-03", "09:00–10:00")
        (event,) = hall.events("ticket.cancelled")
        assert (event.data["reason"], event.data["staff"]) == ("系统故障", clerk)
        await hall.post(path, 409, staff=clerk, reason="系统故障", appointment=slot)


# ---- the day's end


async def test_midnight_ends_what_is_left_with_a_reason_and_a_case_in_hand_goes_on(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await hall.post("/windows/1/sign-in", staff=hall.parts.hall.staff[0].id)
        await hall.issue("pension")
        waits = await hall.issue("pension")
        set_clock(hall, "21:00:00")
        served = (await hall.post("/windows/1/call-next"))["ticket"]
        set_clock(hall, "23:59:50")
        await asyncio.sleep(20)
        assert (await hall.get(f"/tickets/{waits['id']}"))["state"] == "cancelled"
        assert (await hall.get(f"/tickets/{served['id']}"))["state"] == "called"
        assert [each.data["day"] for each in hall.events("queue.day_closed")] == ["2026-03-02"]
        await hall.post("/windows/1/finish", ticket=served["id"])
        set_clock(hall, "00:02:00", "2026-03-03")
        await asyncio.sleep(70)
        assert (await window(hall, 1))["staff"] is None


async def test_a_case_that_was_forgotten_ends_in_the_small_hours(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await hall.issue("pension")
        set_clock(hall, "17:00:00")
        served = (await hall.post("/windows/1/call-next"))["ticket"]
        await hall.post("/windows/1/start", ticket=served["id"])
        set_clock(hall, "04:30:00", "2026-03-03")
        await asyncio.sleep(70)
        assert (await hall.get(f"/tickets/{served['id']}"))["state"] == "finished"
        assert not hall.events("evaluation.invited")


async def test_a_day_left_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    world = World(tmp_path, timetable())
    async with running(world) as hall:
        waits = await hall.issue("pension")
        await asyncio.sleep(2)
    world.wall.at += 3 * DAY_S
    async with running(world) as hall:
        await asyncio.sleep(3)
        assert (await hall.get(f"/tickets/{waits['id']}"))["state"] == "cancelled"
        assert [each.data["day"] for each in hall.events("queue.day_closed")] == ["2026-03-02"]
    async with running(world) as hall:
        await asyncio.sleep(3)
        assert len(hall.events("queue.day_closed")) == 1


# ---- one calendar


async def test_half_a_day_entered_at_ops_holds_at_once_for_kiosk_and_windows(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        half = {"day": "2026-03-02", "kind": "working", "name": "半天", "shifts": [{"start": "08:30", "end": "11:00"}]}
        await hall.post("/attendance/calendar/days", days=[half])
        await go(hall, "11:00:00")
        refused = await hall.post("/tickets", 409, service="pension")
        assert refused["title"] == "现在不在服务时间，明天上午8:30开门"
        assert (await hall.get("/day"))["name"] == "半天"


async def test_a_hall_without_hours_of_its_own_has_those_of_its_attendance_profile(tmp_path: Path) -> None:
    def inherits(text: str) -> str:
        return without_devices(text.replace('hours = "always"', "take_from = 0"))

    async with running(World(tmp_path, inherits)) as hall:
        day = await hall.get("/day")
        assert [(each["from"][11:16], each["to"][11:16]) for each in day["openings"]] == [
            *(("08:30", "12:00"), ("14:30", "18:00"))
        ]
        assert (await hall.get("/day?on=2026-03-07"))["openings"] == []
        assert (await hall.get("/day?on=2026-02-28"))["kind"] == "working"  # 调休 Saturday


async def test_the_demo_never_closes(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        set_clock(hall, "03:00:00", "2026-03-08")
        assert (await hall.get("/day"))["always"]
        await hall.issue("pension")
        assert not hall.events("hall.")
