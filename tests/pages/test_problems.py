"""One list for ops: who calls for help comes before what is ill, each with what to do."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.visits import move, page, words

pytestmark = pytest.mark.looptime
Usage = namedtuple("Usage", "total used free")


@pytest.mark.req("WIN-22")
async def test_who_calls_for_help_comes_first_and_everything_says_what_to_do(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up("printer-1")
        assert (await hall.get("/problems"))["problems"] == []
        world.centre.away = True
        await world.cut("printer-1")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        await hall.until(lambda: hall.parts.relay.status()["state"] == "away", within=60)
        alert = await hall.post("/windows/3/alert", kind="emergency", words="有人晕倒")
        found = (await hall.get("/problems"))["problems"]
        assert [(each["name"], each["severity"]) for each in found] == [
            ("3号窗口", "bad"),
            ("1号取号机的小票打印机", "bad"),
            ("发往中心", "warn"),
        ]
        assert all(each["why"] and each["advice"] for each in found)
        emergency = next(each for each in found if each["name"] == "3号窗口")
        assert "有人晕倒" in emergency["why"]
        await hall.post(f"/alerts/{alert['id']}/acknowledge", by="王主任")
        taken = next(each for each in (await hall.get("/problems"))["problems"] if each["name"] == "3号窗口")
        assert (taken["severity"], taken["advice"]) == ("warn", "王主任已响应，处理完请登记结果")


async def of_the_machine(hall: Running) -> dict[str, Any]:
    found = (await hall.get("/problems"))["problems"]
    assert all(each["advice"] for each in found)
    return {each["id"]: each for each in found if each["name"] == "这台机器"}


@pytest.mark.parametrize(("free", "severity"), [(300 * 1024**3, None), (10**9, "warn"), (10**7, "bad")])
async def test_the_disk_is_told_before_it_is_full(
    hall: Running, free: int, severity: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(400 * 1024**3, 0, free))
    found = await of_the_machine(hall)
    assert found.get("disk", {}).get("severity") == severity
    assert words(await page(hall, "/ops")).count("共 400 GB") == 1, "either in the list or below it"


async def test_a_clock_that_went_back_is_told(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        assert "clock" not in await of_the_machine(hall)
        hall.world.wall.at -= 3600
        clock = (await of_the_machine(hall))["clock"]
    assert (clock["severity"], clock["why"]) == ("bad", "时钟08:00，往回走过")


async def test_the_plan_of_the_next_year_is_asked_for_in_december(hall: Running) -> None:
    assert "calendar" not in await of_the_machine(hall)
    move(hall, "2026-12-01 09:00")
    calendar = (await of_the_machine(hall))["calendar"]
    assert (calendar["severity"], calendar["why"]) == ("warn", "日历2027年的放假安排还没有")
    text = await page(hall, "/ops")
    assert 'href="/ops/attendance/calendar">录入放假安排' in text
    assert words(text).count("放假安排还没有") == 1
