"""A person gives a device another link: it holds at once, after a restart, and until it is taken back."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal import broken_at
from simulators.escpos import SIMULATOR
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

NEW = "mdns://New._pdl-datastream._tcp"


async def device(hall: Running, id_: str) -> Any:
    return next(each for each in (await hall.get("/devices"))["devices"] if each["id"] == id_)


async def link_of(hall: Running, id_: str = "printer-1") -> tuple[str, bool]:
    shown = await device(hall, id_)
    return shown["link"], shown["bound_by_hand"]


async def unbind(hall: Running, id_: str, expect: int = 200) -> Any:
    answer = await hall.api.delete(f"/api/v1/devices/{id_}/link")
    assert answer.status_code == expect, answer.text
    return answer.json()


def slips(world: World, printer: str) -> list[Any]:
    return list(world.simulator(printer).slips)


def text(slip: Any) -> str:
    return "".join(span.text for item in slip.items for span in getattr(item, "spans", ()))


def with_another(folder: Path) -> World:
    """The demo hall, and on its network a printer that its file does not know."""
    world = World(folder)
    other = SIMULATOR("other", {"paper_mm": 80})
    world.devices["other"] = replace(world.devices["printer-1"], id="other", link=NEW, simulator=other)
    return world


async def prints(hall: Running, device: str) -> str:
    """Takes a number and returns it once its slip has come out of this printer, and of no other."""
    world, done = hall.world, len(hall.events("print.done"))
    before = {each: len(slips(world, each)) for each in ("printer-1", "other")}
    number: str = (await hall.issue(kiosk="1"))["number"]
    await hall.until(lambda: len(hall.events("print.done")) > done)
    came = {each: len(slips(world, each)) - before[each] for each in before}
    assert came == {"printer-1": 0, "other": 0} | {device: 1}
    assert number in text(slips(world, device)[-1])
    return number


async def test_the_device_is_reached_by_its_new_link_at_once_and_after_a_restart(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    old = world.devices["printer-1"].link
    async with running(world) as hall:
        await hall.up("printer-1")
        assert await link_of(hall) == (old, False)
        answer = await hall.post("/devices/printer-1/link", link=NEW)
        assert answer == {"id": "printer-1", "link": NEW, "bound_by_hand": True}
        assert await link_of(hall) == (NEW, True)
        await hall.until(lambda: "other" in world.wires, within=1)
        await hall.up("printer-1")
        await prints(hall, "other")
        assert [(event.data["device"], event.data["link"]) for event in hall.events("device.bound")] == [
            ("printer-1", NEW)
        ]
        assert not hall.events("device.down"), "nothing was wrong"
    async with running(world) as hall:
        assert await link_of(hall) == (NEW, True)
        await hall.up("printer-1")
        await prints(hall, "other")
        assert await unbind(hall, "printer-1") == {"id": "printer-1", "link": old, "bound_by_hand": False}
        await prints(hall, "printer-1")
    async with running(world) as hall:
        assert await link_of(hall) == (old, False)
        await hall.up("printer-1")
        await prints(hall, "printer-1")
        with hall.parts.database.read() as connection:
            assert broken_at(connection) is None


async def test_a_device_that_waits_for_its_next_try_is_tried_at_once(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    async with running(world) as hall:
        await hall.up("printer-1")
        await world.cut("printer-1")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        await asyncio.sleep(300)
        await hall.post("/devices/printer-1/link", link=NEW)
        await hall.until(lambda: "other" in world.wires, within=0.2)
        await hall.until(lambda: hall.parts.hub.able("printer-1"), within=5)


async def test_what_was_wrong_with_the_old_one_is_not_said_of_the_new(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    async with running(world) as hall:
        await hall.up("printer-1")
        world.simulator("printer-1").set_paper("out")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        ticket = await hall.issue(kiosk="1")
        await hall.post("/devices/printer-1/link", link=NEW)
        await hall.until(lambda: hall.events("print.done"))
        assert ticket["number"] in text(slips(world, "other")[0])
        shown = await device(hall, "printer-1")
        assert (shown["severity"], shown["conditions"]) == ("ok", [])
        assert [event.data["device"] for event in hall.events("device.up")].count("printer-1") == 2


@settings(max_examples=12, deadline=None)
@given(st.floats(0, 0.2), st.booleans())
async def test_a_slip_on_its_way_comes_out_whole_and_once(after: float, trickle: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = with_another(Path(folder))
        world.devices["printer-1"].faults.trickle = trickle
        async with running(world) as hall:
            await hall.up("printer-1")
            numbers = [(await hall.issue(kiosk="1"))["number"] for _ in range(3)]
            await asyncio.sleep(after)
            await hall.post("/devices/printer-1/link", link=NEW)
            await hall.until(lambda: len(hall.events("print.")) == 3, within=60)
            assert len(hall.events("print.done")) == 3
            came = slips(world, "printer-1") + slips(world, "other")
            assert all(slip.cut not in (None, "torn") for slip in came)
            assert [sum(number in text(slip) for slip in came) for number in numbers] == [1, 1, 1]


@pytest.mark.parametrize("turns", range(12))
async def test_a_link_that_changes_while_the_service_ends_does_not_hold_it_up(tmp_path: Path, turns: int) -> None:
    world = with_another(tmp_path)
    async with asyncio.timeout(60):
        async with running(world) as hall:
            await hall.up("printer-1")
            hall.parts.hub.relink("printer-1", NEW)
            for _ in range(turns):
                await asyncio.sleep(0)


WRONG = [
    "",
    "10.0.0.21:9100",
    "http://10.0.0.21:9100",
    "program:sh?arg=-c",
    "inbound:",
    "tcp://10.0.0.21",
    "tcp://10.0.0.21:0",
    "tcp://10.0.0.21:99999",
    "tcp://10.0.0.21:port",
    "tcp://[10.0.0.21:9100",
    "tcp://user:secret@10.0.0.21:9100",
    "tcp://10.0.0.21:9100?secret=1",
    "tcp://10.0.0.21:9100/x",
    "tcp://10.0.0.21:9100#x",
    "tcp://10.0.0.21:9100\n",
    "mdns://Printer-1",
    "mdns://Printer 1._pdl-datastream._tcp",
    "mdns://P._pdl-datastream._tcp/x",
    "serial://host/dev/ttyS0",
    "serial:///dev/../etc/passwd",
    "serial:dev",
    "usb://",
    "usb:///x",
    "mdns://" + "x" * 300 + "._pdl-datastream._tcp",
]
GOOD = [
    "tcp://10.0.0.21:9100",
    "tcp://printer.hall.lan:9100",
    "tcp://[fd00::21]:9100",
    "mdns://HP%20no.2._pdl-datastream._tcp?interface=10.0.0.1",
    "serial:///dev/hall/printer-1?baud=9600&flow=xonxoff",
    "usb://0416:5011/serial-number",
]


async def test_only_a_link_is_taken(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        old = await link_of(hall)
        seen = len(hall.events("device.bound"))
        for wrong in WRONG:
            answer = await hall.api.post("/api/v1/devices/printer-1/link", json={"link": wrong})
            assert answer.status_code == 422, wrong
            assert "secret" not in json.dumps([event.data for event in hall.events()])
        assert await link_of(hall) == old
        assert len(hall.events("device.bound")) == seen
        for good in GOOD:
            assert (await hall.post("/devices/printer-1/link", link=good))["link"] == good


async def test_a_link_leads_to_one_device_only(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    first, second = world.devices["printer-1"].link, world.devices["printer-2"].link
    async with running(world) as hall:
        await hall.post("/devices/printer-1/link", 409, link=second)
        await hall.post("/devices/printer-1/link", link=NEW)
        await hall.post("/devices/printer-2/link", 409, link=NEW)
        await hall.post("/devices/printer-2/link", link=first)
        await unbind(hall, "printer-1", 409)
        await unbind(hall, "printer-2")
        await unbind(hall, "printer-1")
        assert [await link_of(hall, each) for each in ("printer-1", "printer-2")] == [(first, False), (second, False)]


async def test_what_changes_nothing_is_no_event(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    async with running(world) as hall:
        await unbind(hall, "printer-1")
        for _ in range(2):
            await hall.post("/devices/printer-1/link", link=NEW)
        for _ in range(2):
            await unbind(hall, "printer-1")
        await hall.post("/devices/nobody/link", 404, link=NEW)
        await unbind(hall, "nobody", 404)
        changes = [event for event in hall.events("device.") if event.type.endswith("bound")]
        assert [(event.type, event.key, event.actor) for event in changes] == [
            ("device.bound", "device:printer-1", "ops"),
            ("device.unbound", "device:printer-1", "ops"),
        ]


async def test_an_old_press_that_is_sent_again_does_not_bring_the_old_link_back(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    key = {"Idempotency-Key": "one"}
    async with running(world) as hall:
        await hall.post("/devices/printer-1/link", link="tcp://10.0.0.21:9100", headers=key)
        await hall.post("/devices/printer-1/link", link=NEW)
        await hall.post("/devices/printer-1/link", link="tcp://10.0.0.21:9100", headers=key)
        assert await link_of(hall) == (NEW, True)
        await hall.until(lambda: hall.parts.hub.able("printer-1"))
        await prints(hall, "other")


async def test_a_device_that_left_the_hall_file_leaves_its_row_alone(tmp_path: Path) -> None:
    world = with_another(tmp_path)
    async with running(world) as hall:
        await hall.post("/devices/printer-1/link", link=NEW)
    async with running(World(tmp_path, without_devices)) as hall:
        assert (await hall.get("/devices"))["devices"] == []
        await hall.post("/devices/printer-1/link", 404, link=NEW)
    async with running(with_another(tmp_path)) as hall:
        assert await link_of(hall) == (NEW, True)
