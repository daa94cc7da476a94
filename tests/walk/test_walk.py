"""The whole walk of a visitor, from the number to the rating, over the real wire protocols, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hall import World, running

pytestmark = pytest.mark.looptime

CALL, FINISH = 0x0C, 0x0B
SATISFIED = 3
"""The key 满意 of the evaluator."""


def on_paper(slip: Any) -> str:
    return "\n".join("".join(span.text for span in getattr(item, "spans", ())) for item in slip.items)


@pytest.mark.req("QUE-03", "QUE-14", "QUE-15", "QUE-20")
async def test_a_visit_from_the_number_to_the_rating(tmp_path: Path) -> None:
    world = World(tmp_path)
    box, led, printer = (world.simulator(each) for each in ("counter", "led-3", "printer-1"))
    async with running(world) as hall:
        await hall.up()
        ticket = await hall.issue(kiosk="1")
        assert (ticket["number"], ticket["ahead"], ticket["print"]) == ("A001", 0, "wanted")
        assert [window["no"] for window in ticket["windows"]] == [1, 3]

        slip = on_paper((await hall.until(lambda: printer.slips))[0])
        for words in ("A001", "养老保险", "前面等候：0 人", "一楼3号社保窗口"):
            assert words in slip
        await hall.until(lambda: hall.events("print.done"))
        assert (await hall.get(f"/tickets/{ticket['id']}"))["print"] == "printed"

        assert await box.press(3, CALL)
        await hall.until(lambda: led.shown[1] == "请A001号到一楼3号社保窗口")
        await hall.until(lambda: box.boxes[3].digits == "   001")
        assert [call["text"] for call in (await hall.get("/board"))["calls"]] == ["请A001号到一楼3号社保窗口"]

        await hall.post("/windows/3/start", ticket=ticket["id"])
        await hall.until(lambda: led.shown[1] == "A001号 正在办理")
        assert await box.press(3, FINISH)
        await hall.until(lambda: box.state()["boxes"]["3"]["evaluation"])
        assert not box.state()["boxes"]["1"]["evaluation"]
        assert (await hall.get("/windows/3/evaluation"))["number"] == "A001"

        assert await box.grade(3, SATISFIED)
        (rated,) = hall.events("evaluation.rated")
        assert (rated.data["ticket"], rated.data["level"], rated.actor) == (ticket["id"], 4, "device:counter/3")

        centre = world.centre.central
        await hall.until(lambda: centre.received == len(hall.events()))
        assert [event["seq"] for event in centre.events] == [event.seq for event in hall.events()]
        assert (centre.duplicates, centre.order_errors) == (0, [])


async def test_a_slip_is_printed_only_when_the_printer_has_said_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up()
        world.simulator("printer-1").mute = True
        ticket = await hall.issue(kiosk="1")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"), within=60)
        assert (await hall.get(f"/tickets/{ticket['id']}"))["print"] != "printed"
        assert not hall.events("print.done")


@pytest.mark.req("WIN-02", "WIN-03")
async def test_a_paused_window_says_so_and_gets_nobody(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        led = world.simulator("led-3")
        await hall.up()
        await hall.post("/windows/3/pause", sign="wait_a_moment")
        await hall.until(lambda: led.shown[1] == "对不起，请稍候")
        await hall.post("/windows/3/pause", sign="suspended")
        await hall.until(lambda: led.shown[1] == "此窗口暂停服务")
        await hall.issue("pension")
        refused = await hall.post("/windows/3/call-next", 409)
        assert refused["type"] == "/problems/window_paused"
        assert not hall.events("ticket.called")
        await hall.post("/windows/3/resume")
        await hall.until(lambda: led.shown[1] == "3号 社保窗口")


async def test_an_arrival_is_called_to_the_window_that_waits(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up()
        await world.simulator("counter").press(3, CALL)
        await hall.until(lambda: hall.events("window.armed"))
        ticket = await hall.issue(kiosk="1")
        assert (ticket["state"], ticket["window"]) == ("called", 3)
        await hall.until(lambda: world.simulator("led-3").shown[1] == "请A001号到一楼3号社保窗口")


async def test_who_says_nothing_is_not_rated(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running(world) as hall:
        await hall.up()
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        (ended,) = await hall.until(lambda: hall.events("evaluation.timed_out"), within=62)
        assert ended.data["ticket"] == ticket["id"]
        assert not hall.events("evaluation.rated")
        assert (await hall.get("/windows/3"))["last_evaluation"] == "timed_out"
