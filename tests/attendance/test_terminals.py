"""A terminal in a running hall: its punches are stored once, also those made while nobody listened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

GATE = """
[[device]]
id = "gate-1"
name = "一楼打卡机"
driver = "zkteco"
link = "tcp://127.0.0.1:{port+41}"
"""


def with_gate(text: str) -> str:
    return without_devices(text) + GATE


async def punch(world: World, person: str, how: str) -> None:
    acting = world.simulator("gate-1").control(f"punch:{person}:{how}")
    if acting is not None:
        await acting


async def stored(hall: Running, count: int) -> list[tuple[object, ...]]:
    def rows() -> list[tuple[object, ...]]:
        with hall.parts.database.read() as connection:
            found = connection.exec_driver_sql("SELECT person, mode, live FROM punch ORDER BY at").all()
        return [tuple(row) for row in found] if len(found) >= count else []

    found: list[tuple[object, ...]] = await hall.until(rows, within=120)
    return found


@pytest.mark.req("ATT-04", "ATT-08")
async def test_a_punch_is_stored_once_and_read_on_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, with_gate)
    async with running(world) as hall:
        await hall.up("gate-1")
        await punch(world, "1001", "face")
        assert [row[0] for row in await stored(hall, 1)] == ["1001"]
    await punch(world, "1002", "finger")
    async with running(world) as hall:
        await hall.up("gate-1")
        assert [row[0] for row in await stored(hall, 2)] == ["1001", "1002"]
        await asyncio.sleep(700)  # memory is read again meanwhile
        assert len(await stored(hall, 2)) == 2
        assert len(hall.events("attendance.punched")) == 2
