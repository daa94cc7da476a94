"""Rows F29 to F32 of the fault matrix that a terminal or the machine's own clock brings about."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from drivers.base import ClockRead
from tests.attendance.test_terminals import with_gate
from tests.faults.halls import in_the_hall
from tests.hall import DAY_S, MORNING, Running, World, running, without_devices

pytestmark = pytest.mark.looptime


def ours(world: World) -> datetime:
    return datetime.fromtimestamp(world.wall(), world.hall.zone_info).replace(tzinfo=None)


async def told(hall: Running, offset_s: float) -> object:
    """What the handler makes of a terminal's clock."""
    config = hall.parts.hall.device["gate-1"]
    return await hall.parts.hub._handlers.terminal(config, ClockRead(offset_s))


@in_the_hall(with_gate)
async def test_f30_a_step_back_of_ours_sets_no_terminal_wrong(world: World, hall: Running) -> None:
    """Fails when a terminal is held against a clock that is known to be behind."""
    await hall.up("gate-1")
    await hall.until(lambda: hall.events("attendance.clock_wrong"))  # the simulated one was, and has been set
    await asyncio.sleep(60)
    await hall.issue()
    before = len(hall.events("attendance.clock_wrong"))
    world.wall.at -= 3600
    await asyncio.sleep(120)
    await hall.issue()
    assert len(hall.events("attendance.clock_wrong")) == before
    assert await told(hall, 3600.0) == []
    first, second = hall.events("ticket.issued")
    assert (first.clock_ok, second.clock_ok) == (True, False)
    assert second.seq > first.seq
    assert second.day == first.day


@in_the_hall(without_devices)
async def test_f30_a_day_ahead_and_back_again_opens_no_old_day(world: World, hall: Running) -> None:
    numbers = [(await hall.issue())["number"]]
    world.wall.at += DAY_S
    numbers.append((await hall.issue())["number"])
    world.wall.at -= DAY_S
    numbers.append((await hall.issue())["number"])
    assert numbers == ["A001", "A001", "A002"]
    days = [each.day for each in hall.events("ticket.issued")]
    assert days == sorted(days)
    assert [each.clock_ok for each in hall.events("ticket.issued")] == [True, True, False]


async def test_f31_booted_in_1970_it_opens_and_says_that_its_times_are_wrong(tmp_path: Path) -> None:
    """And goes on in order when a time server has been reached, on a fresh database too."""
    world = World(tmp_path, without_devices)
    world.wall.at = 0.0
    async with running(world) as hall:
        assert (await hall.issue())["number"] == "A001"
        world.wall.at += MORNING
        await hall.until(lambda: hall.events("ticket.cancelled"))
        assert (await hall.issue())["number"] == "A001"
        wrong, right = hall.events("ticket.issued")
        assert (wrong.clock_ok, right.clock_ok) == (False, True)
        assert (wrong.day, right.day) == ("1970-01-01", "2026-03-02")


@in_the_hall(without_devices)
async def test_f32_midnight_with_people_waiting(world: World, hall: Running) -> None:
    """One new series, once; who waited is cancelled with a reason, and no number means two visitors."""
    world.wall.at += (datetime.fromisoformat("2026-03-02T23:59:58") - ours(world)).total_seconds()
    for _ in range(3):
        await hall.issue()
    await hall.until(lambda: len(hall.events("ticket.cancelled")) == 3)
    assert {each.data["why"] for each in hall.events("ticket.cancelled")} == {"day_closed"}
    assert (await hall.issue())["number"] == "A001"
    await asyncio.sleep(10)
    assert (await hall.issue())["number"] == "A002"
    assert [each.day for each in hall.events("ticket.issued")] == ["2026-03-02"] * 3 + ["2026-03-03"] * 2
