"""A terminal in a running hall: its punches are stored once, also those made while nobody listened."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy.exc import DBAPIError

from edge.attendance import desk
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
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
            found = connection.exec_driver_sql("SELECT person, mode, live FROM punch ORDER BY stored_at, at").all()
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


def rows(hall: Running) -> list[tuple[object, ...]]:
    with hall.parts.database.read() as connection:
        found = connection.exec_driver_sql("SELECT person, shown, sequence, at FROM punch ORDER BY 1, 2, 3").all()
    return [tuple(row) for row in found]


@pytest.mark.req("ATT-08")
async def test_f29_a_week_that_is_told_again_adds_nothing(tmp_path: Path) -> None:
    """Nobody of it is on the roster: the records are kept as such."""
    world = World(tmp_path, with_gate)
    world.simulator("gate-1").remember(20)
    everything = len(world.simulator("gate-1").memory.records)
    assert everything > 256, "more than one transaction"
    async with running(world) as hall:
        week = await stored(hall, everything)
        before, told = rows(hall), len(hall.events("attendance.punched"))
        assert told == len(week) == everything
        commits = hall.parts.writer.commits
    with contextlib.closing(sqlite3.connect(tmp_path / "hall.sqlite")) as database, database:
        database.execute("UPDATE terminal SET bookmark=''")
    async with running(world) as hall:
        await punch(world, "1001", "face")
        await stored(hall, everything + 1)
        assert set(before) < set(rows(hall))
        assert len(hall.events("attendance.punched")) == everything + 1
    assert commits < everything / 4, "they are stored together"


async def test_records_that_could_not_be_stored_together_are_read_again(tmp_path: Path) -> None:
    world = World(tmp_path, with_gate)
    world.simulator("gate-1").remember(20)
    everything, calls = len(world.simulator("gate-1").memory.records), 0

    def full(session: Session, hall: Hall, now: Now, command: tuple[desk.Punch, ...]) -> int:
        nonlocal calls
        calls += 1
        done = punches(session, hall, now, command)
        if calls == 2:
            raise DBAPIError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
        return done

    punches = desk.punches
    with mock.patch.object(desk, "punches", full):
        async with running(world) as hall:
            await hall.until(lambda: calls == 2, within=60)
            assert len(await stored(hall, 256)) == 256
            assert len(await stored(hall, everything)) == everything
            assert len(hall.events("attendance.punched")) == everything
