"""After a restart the hall goes on where it stood: numbers, queue, paper, invitations, the day."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from edge.journal import broken_at
from edge.queue import prints
from tests.hall import DAY_S, World, running, without_devices

pytestmark = pytest.mark.looptime


async def test_numbers_queue_and_windows_go_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        first, second = await hall.issue(), await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/1/pause", sign="suspended")
        epoch = hall.events()[0].id.rsplit("/", 1)[0]
    async with running(world) as hall:
        assert (await hall.issue())["number"] == "A003"
        windows = {each["no"]: each for each in (await hall.get("/windows"))["windows"]}
        assert (windows[3]["ticket"]["id"], windows[1]["state"]) == (first["id"], "paused")
        await hall.up()
        await hall.until(lambda: world.simulator("led-3").shown[1] == "请A001号到一楼3号社保窗口")
        await hall.until(lambda: world.simulator("led-1").shown[1] == "此窗口暂停服务")
        await hall.post("/windows/3/finish", ticket=first["id"])
        assert (await hall.post("/windows/3/call-next"))["ticket"]["id"] == second["id"]
        assert [event.id for event in hall.events()] == [f"{epoch}/{n + 1}" for n in range(len(hall.events()))]
        with hall.parts.database.read() as connection:
            assert broken_at(connection) is None


async def test_a_job_that_was_on_its_way_is_unknown_and_not_sent_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cut_off.add("printer-1")
    async with running(world) as hall:
        ticket = await hall.issue(kiosk="1")
        claimed = await hall.parts.writer.do(prints.claim_print, "printer-1")
        assert claimed is not None
    world.cut_off.clear()
    async with running(world) as hall:
        await hall.up()
        await hall.until(lambda: hall.events("print.unknown"))
        await asyncio.sleep(30)
        assert world.simulator("printer-1").slips == []
        assert (await hall.get(f"/tickets/{ticket['id']}"))["print"] == "unknown"


async def test_a_job_that_was_only_wanted_is_printed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cut_off.add("printer-1")
    async with running(world) as hall:
        await hall.issue(kiosk="1")
    world.cut_off.clear()
    async with running(world) as hall:
        await hall.until(lambda: hall.events("print.done"))
        assert len(world.simulator("printer-1").slips) == 1


async def test_a_clock_that_stepped_back_keeps_the_day_and_is_marked(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        await hall.issue()
    world.wall.at -= 2 * DAY_S
    async with running(world) as hall:
        assert (await hall.issue())["number"] == "A002"
        before, after = hall.events("ticket.issued")
        assert (before.clock_ok, after.clock_ok) == (True, False)
        assert after.day == before.day
        assert after.at < before.at
        await hall.until(lambda: world.centre.central.received == 2)
        assert [event["clockok"] for event in world.centre.central.events] == [True, False]
    world.wall.at += 2 * DAY_S + 60
    async with running(world) as hall:
        await hall.issue()
        assert hall.events("ticket.issued")[-1].clock_ok


async def test_a_new_day_starts_anew_and_leaves_nobody_over(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        left = await hall.issue()
        world.wall.at += DAY_S
        (cancelled,) = await hall.until(lambda: hall.events("ticket.cancelled"))
        assert (cancelled.data["ticket"], cancelled.data["why"]) == (left["id"], "day_closed")
        assert (await hall.issue())["number"] == "A001"


async def test_a_restart_right_after_a_service_leaves_its_visitor_the_whole_time(tmp_path: Path) -> None:
    """What reacts to the last minute is told again: it must not cut short the invitation now open."""
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/start", ticket=ticket["id"])
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        await hall.until(lambda: hall.events("evaluation.invited"))
        shown = await hall.get("/windows/3/evaluation")
    async with running(world) as hall:
        await asyncio.sleep(15)
        assert await hall.get("/windows/3/evaluation") == shown
        assert len(hall.events("evaluation.")) == 1


@pytest.mark.req("SEC-04")
async def test_what_a_visitor_wrote_does_not_leave_the_hall(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        invited = await hall.until(lambda: hall.events("evaluation.invited"))
        await hall.post(f"/evaluations/{invited[0].data['evaluation']}", level=1, comment="我叫王小明 13800138000")
        await hall.until(lambda: world.centre.central.received == len(hall.events()))
        assert "王小明" not in json.dumps(list(world.centre.central.events), ensure_ascii=False)
        assert "evaluation.rated" in world.centre.central.by_type
