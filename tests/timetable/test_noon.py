"""The break at noon, where some windows serve on: numbers, forecasts, signs, and what one more window would do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running
from tests.timetable.test_day import go, sign, timetable

pytestmark = pytest.mark.looptime
req = pytest.mark.req


async def staffed(hall: Running) -> None:
    for no, staff in ((1, "1001"), (2, "1002"), (3, "1003")):
        await hall.post(f"/windows/{no}/sign-in", staff=staff)


async def on_menu(hall: Running) -> dict[str, Any]:
    units = (await hall.get("/services"))["units"]
    return {each["id"]: each for unit in units for each in unit["services"]}


async def test_only_lines_that_rest_say_when_they_go_on(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("noon_windows = [3]"))) as hall:
        await staffed(hall)
        await go(hall, "11:50:00")
        for service, rests in (("pension", False), ("household", True), ("transfer", True)):
            last = [await hall.issue(service) for _ in range(5)][-1]
            assert ("，下午14:30继续" in last["estimate"]["words"]) == rests, service
            assert ("goes on at 14:30" in last["estimate"]["words_en"]) == rests
        called = (await hall.post("/windows/3/call-next"))["ticket"]
        await go(hall, "11:58:00")
        sent = await hall.post("/windows/3/transfer", ticket=called["id"], window=1, place="last")
        assert "继续" in sent["ticket"]["estimate"]["words"], "window 1 rests, whatever its line does"


async def test_a_window_that_rests_after_its_case_is_not_counted_on_before(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("noon_windows = [3]"))) as hall:
        await staffed(hall)
        await go(hall, "11:55:00")
        for service in ("household", "household", "pension"):
            waits = await hall.issue(service)
        await hall.post("/windows/1/call-next")
        await go(hall, "12:05:00")
        menu = await on_menu(hall)
        assert menu["household"]["estimate"]["minutes"] >= 145
        assert menu["pension"]["estimate"]["minutes"] < 30
        assert "继续" in menu["household"]["estimate"]["words"]
        assert (await hall.get(f"/tickets/{waits['id']}"))["estimate"]["minutes"] < 10


async def test_before_the_doors_open_service_begins_and_does_not_go_on(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("take_from = 30"))) as hall:
        await go(hall, "08:10:00", "2026-03-03")
        said = (await hall.issue("pension"))["estimate"]
        assert said["words"].endswith("，上午8:30开始")
        assert said["words_en"].endswith(", begins at 08:30")


@req("WIN-15")
async def test_in_the_break_there_are_numbers_for_what_the_windows_on_duty_serve(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("noon_windows = [3]"))) as hall:
        await go(hall, "12:05:00")
        menu = await on_menu(hall)
        assert {id_ for id_, each in menu.items() if each["open"]} == {"pension", "medical"}
        assert (menu["pension"]["why"], menu["household"]["why"]) == (None, "下午14:30继续")
        await hall.post("/windows/3/call-next", 204)
        assert (await hall.issue("pension"))["window"] == 3
        assert (await hall.post("/tickets", 409, service="household"))["title"] == "下午14:30继续"
        await hall.post("/windows/3/pause", sign="suspended")
        assert (await hall.post("/tickets", 409, service="pension"))["title"] == "下午14:30继续"


async def test_a_service_with_hours_of_its_own_has_no_numbers_in_its_own_break(tmp_path: Path) -> None:
    own = 'hours = [{ from = "08:30", to = "11:00" }, { from = "15:00", to = "17:00" }]'

    def change(text: str) -> str:
        return timetable("noon_windows = [3]")(text).replace('prefix = "A"\n', f'prefix = "A"\n{own}\n')

    async with running(World(tmp_path, change)) as hall:
        await go(hall, "12:05:00")
        assert (await hall.post("/tickets", 409, service="pension"))["title"] == "下午15:00继续"


@req("WIN-15")
async def test_signs_follow_the_window_on_duty(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable("noon_windows = [2, 3]"))) as hall:
        await go(hall, "12:00:30")
        assert sign(hall, 1) == "午休 请到2号窗口"
        await hall.post("/windows/2/pause", sign="suspended")
        await asyncio.sleep(3)
        assert (sign(hall, 1), sign(hall, 2)) == ("午休 请到3号窗口", "此窗口暂停服务")
        await hall.post("/windows/3/pause", sign="suspended")
        await asyncio.sleep(3)
        assert sign(hall, 1) == "午休 下午14:30继续"
        told = len(hall.events("window.paused"))
        await asyncio.sleep(10)
        assert len(hall.events("window.paused")) == told
        await go(hall, "14:30:05")
        assert sign(hall, 1) == "1号 综合窗口"


@req("WIN-15")
@pytest.mark.parametrize(("serving", "rests"), [((), True), (("noon_windows = [3]",), False)])
async def test_what_one_more_window_would_do_knows_who_serves_on(
    tmp_path: Path, serving: tuple[str, ...], rests: bool
) -> None:
    async with running(World(tmp_path, timetable(*serving))) as hall:
        await staffed(hall)
        await go(hall, "11:58:00")
        for _ in range(4):
            await hall.issue("pension")
        asked: dict[str, Any] = {"services": ["pension"], "from": "14:30"}
        longest = (await hall.post("/what-if", **asked))["asked"]["before"]["longest"]
        assert (longest > 150) == rests


async def test_what_one_more_window_would_do_is_asked_in_the_break_too(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        await staffed(hall)
        for _ in range(6):
            await hall.issue("pension")
        await go(hall, "12:10:00")
        asked: dict[str, Any] = {"services": ["pension"], "from": "14:30"}
        found = await hall.post("/what-if", **asked)
        assert "现有3个窗口" in found["based_on"]
        assert found["asked"]["before"]["left"] == 0
