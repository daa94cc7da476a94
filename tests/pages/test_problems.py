"""One list for ops: who calls for help comes before what is ill, each with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hall import World, running

pytestmark = pytest.mark.looptime


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
