"""Devices that go away, come back, talk nonsense or have no paper: each is its own trouble and nobody else's."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hall import Running, World, running

pytestmark = pytest.mark.looptime

CALL, RECALL = 0x0C, 0x0D


Visit = Callable[[World, Running], Awaitable[None]]


def in_the_hall(visit: Visit) -> Callable[[Path], Awaitable[None]]:
    """Opens a hall with all its devices up; not a fixture, which would be set up in real time."""

    async def test(tmp_path: Path) -> None:
        world = World(tmp_path)
        async with running(world) as hall:
            await hall.up()
            await visit(world, hall)

    return test


def papers(world: World) -> list[str]:
    """The text of each whole slip that came out; a torn piece is none."""
    return [
        "".join(span.text for item in slip.items for span in getattr(item, "spans", ()))
        for slip in world.simulator("printer-1").slips
        if slip.cut not in (None, "torn")
    ]


async def device(hall: Running, id_: str) -> Any:
    return next(each for each in (await hall.get("/devices"))["devices"] if each["id"] == id_)


@in_the_hall
async def test_a_screen_that_comes_back_shows_the_present_and_no_backlog(world: World, hall: Running) -> None:
    led = world.simulator("led-3")
    await world.cut("led-3")
    await hall.until(lambda: not hall.parts.hub.able("led-3"))
    numbers = []
    for _ in range(3):
        ticket = await hall.issue()
        numbers.append(ticket["number"])
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        await asyncio.sleep(10)
    last = await hall.issue()
    await hall.post("/windows/3/call-next")
    seen = len(led.history)
    world.cut_off.clear()
    await hall.until(lambda: last["number"] in led.shown[1], within=60)
    shown = [each.text for each in list(led.history)[seen:]]
    assert not [text for text in shown if any(number in text for number in numbers)]
    assert [event.type for event in hall.events("device.") if event.data["device"] == "led-3"] == [
        "device.up",
        "device.down",
        "device.up",
    ]


@pytest.mark.req("QUE-19")
@in_the_hall
async def test_a_device_that_is_away_holds_up_nobody(world: World, hall: Running) -> None:
    for id_ in ("led-1", "led-2", "printer-1"):
        await world.cut(id_)
    loop = asyncio.get_running_loop()
    ticket = await hall.issue(kiosk="1")
    before = loop.time()
    await world.simulator("counter").press(3, CALL)
    await hall.until(lambda: ticket["number"] in world.simulator("led-3").shown[1])
    await hall.until(lambda: world.simulator("counter").boxes[3].digits == "   001")
    assert loop.time() - before < 1
    lost = await device(hall, "printer-1")
    assert (lost["severity"], lost["why"]) == ("bad", "联系不上")
    assert (await device(hall, "led-3"))["severity"] == "ok"


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=1, max_size=400))
async def test_noise_on_a_wire_is_counted_and_holds_up_nobody(noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        async with running(world) as hall:
            await hall.up()
            for id_ in ("counter", "led-3", "printer-1"):
                await world.wires[id_].write(noise)
            ticket, box = await hall.issue(kiosk="1"), world.simulator("counter")
            await hall.until(lambda: papers(world), within=120)
            await hall.until(lambda: hall.parts.hub.able("counter"), within=120)
            await hall.post("/windows/3/call-next")
            await hall.until(lambda: box.boxes[3].digits == "   001", within=60)
            await hall.until(lambda: ticket["number"] in world.simulator("led-3").shown[1], within=60)
            assert (await device(hall, "counter"))["counters"]["bytes_in"] >= len(noise)
            assert len(papers(world)) == 1


@in_the_hall
async def test_garbage_is_counted(world: World, hall: Running) -> None:
    before = (await device(hall, "counter"))["counters"]["garbage"]
    await world.wires["counter"].write(b"\x00" * 40)
    await asyncio.sleep(1)
    assert (await device(hall, "counter"))["counters"]["garbage"] == before + 40
    assert await world.simulator("counter").press(3, CALL), "the box still gets its echo"


@in_the_hall
async def test_without_paper_the_ticket_exists_and_the_slip_comes_once_after_the_refill(
    world: World, hall: Running
) -> None:
    printer = world.simulator("printer-1")
    printer.set_paper("out")
    await hall.until(lambda: not hall.parts.hub.able("printer-1"))
    ticket = await hall.issue(kiosk="1")
    assert ticket["printer_ok"] is False
    shown = await device(hall, "printer-1")
    assert (shown["severity"], shown["why"]) == ("bad", "缺纸")
    await asyncio.sleep(30)
    assert papers(world) == []
    printer.set_paper("ok")
    await hall.until(lambda: hall.events("print.done"))
    await asyncio.sleep(30)
    assert len(papers(world)) == 1
    assert ticket["number"] in papers(world)[0]
    assert "补打" not in papers(world)[0]
    assert (await device(hall, "printer-1"))["severity"] == "ok"


@in_the_hall
async def test_a_slip_cut_off_is_never_printed_again_unmarked(world: World, hall: Running) -> None:
    printer = world.simulator("printer-1")
    printer.paper_after(3)
    ticket = await hall.issue(kiosk="1")
    await hall.until(lambda: hall.events("print.unknown"), within=60)
    printer.set_paper("ok")
    await asyncio.sleep(60)
    assert printer.slips[0].cut == "torn"
    again = [text for text in papers(world) if ticket["number"] in text]  # not the tail that the printer still held
    assert all("补打" in text for text in again)
    assert len(again) <= 1


@in_the_hall
async def test_a_copy_says_that_it_is_one(world: World, hall: Running) -> None:
    ticket = await hall.issue(kiosk="1")
    await hall.until(lambda: hall.events("print.done"))
    await hall.post(f"/tickets/{ticket['id']}/print")
    await hall.until(lambda: len(papers(world)) == 2)
    first, second = papers(world)
    assert ("补打" in first, "补打" in second) == (False, True)
    assert ticket["number"] in second


@in_the_hall
async def test_a_key_pressed_twice_at_once_counts_once(world: World, hall: Running) -> None:
    box = world.simulator("counter")
    await hall.issue()
    await hall.issue()
    await box.press(3, CALL)
    await asyncio.sleep(0.1)
    await box.press(3, CALL)
    await asyncio.sleep(2)
    assert len(hall.events("ticket.called")) == 1
    assert box.boxes[3].beeps == 0, "the same press is no refused one"
    await box.press(3, CALL)
    await hall.until(lambda: box.boxes[3].beeps == 1)
    assert len(hall.events("ticket.called")) == 1


@in_the_hall
async def test_an_illegal_key_is_answered_with_a_beep(world: World, hall: Running) -> None:
    box = world.simulator("counter")
    await box.press(2, RECALL)
    await hall.until(lambda: box.boxes[2].beeps == 1)
    assert box.boxes[3].beeps == 0
    assert not hall.events("ticket.")


@in_the_hall
async def test_a_press_at_an_address_of_no_window_is_counted(world: World, hall: Running) -> None:
    await world.simulator("counter").press(9, CALL)
    await world.simulator("counter").grade(9, 4)
    await asyncio.sleep(1)
    assert (await hall.get("/devices"))["presses"]["strangers"] == 2
    assert not hall.events("evaluation.")


@in_the_hall
async def test_a_screen_that_refuses_is_asked_again(world: World, hall: Running) -> None:
    led = world.simulator("led-3")
    led.busy = True
    ticket = await hall.issue()
    await hall.post("/windows/3/call-next")
    await asyncio.sleep(5)
    assert ticket["number"] not in led.shown[1]
    led.busy = False
    await hall.until(lambda: ticket["number"] in led.shown[1])
    assert (await device(hall, "led-3"))["counters"]["rejected"] >= 1


@in_the_hall
async def test_paper_that_came_while_the_link_was_away_is_noticed(world: World, hall: Running) -> None:
    await hall.up("printer-1")
    printer = world.simulator("printer-1")
    printer.set_paper("out")
    await hall.until(lambda: "paper_out" in hall.parts.hub.health["printer-1"].conditions)
    await world.cut("printer-1")
    await hall.until(lambda: hall.parts.hub.health["printer-1"].state == "down")
    printer.set_paper("ok")
    world.cut_off.clear()
    await hall.until(lambda: hall.parts.hub.able("printer-1"), within=90)
    told = [event.data["active"] for event in hall.events("device.condition") if event.data["condition"] == "paper_out"]
    assert told == [True, False]
