"""kill -9 while tickets are issued and called: what was acknowledged is there, nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from tests.processes.crowd import Acknowledged, acknowledged, check, crowd
from tests.server import READY_S, free_port, running


async def kill_while_busy(hall: Path, data: Path, port: int, known: Acknowledged, random: Random) -> None:
    """One start, which must be ready in time and have lost nothing, and one kill between two commits or inside one."""
    async with running(hall, data, port=port, ready_within=READY_S) as server:
        if known.issued:  # before anyone else has opened the file: the service itself must have mended it
            check(data, known)
        async with crowd(server, known):
            await acknowledged(known, random.randrange(5, 150))
            await asyncio.sleep(random.uniform(0, 0.004))
            await server.kill()


async def kills(hall: Path, data: Path, times: int) -> None:
    known, random, port = Acknowledged(), Random(times), free_port()
    for _ in range(times):
        await kill_while_busy(hall, data, port, known, random)
    async with running(hall, data, port=port, ready_within=READY_S):
        check(data, known)
    assert not known.refused
    assert known.called
    assert known.finished


@pytest.mark.req("QUE-05")
async def test_what_was_acknowledged_survives_kill_9(hall: Path, data: Path) -> None:
    await kills(hall, data, 5)


@pytest.mark.soak
async def test_what_was_acknowledged_survives_kill_9_two_hundred_times(hall: Path, data: Path) -> None:
    await kills(hall, data, 200)


# ---- the check itself


DAMAGES = {
    "a lost ticket": "DELETE FROM ticket WHERE ordinal = 2 AND prefix = 'A'",
    "a gap": "UPDATE ticket SET ordinal = 9999 WHERE ordinal = 2 AND prefix = 'A'",
    "a changed event": "UPDATE journal SET at = at + 1 WHERE seq = 3",
    "a call that is there twice": "INSERT INTO journal SELECT seq + 100000, at, day, clock_ok, type, key, actor, data,"
    " hash FROM journal WHERE type = 'ticket.called' LIMIT 1",
}


async def test_the_check_sees_what_must_not_be(hall: Path, data: Path) -> None:
    known, file = Acknowledged(), data / "hall.sqlite"
    while not known.called:
        await kill_while_busy(hall, data, free_port(), known, Random(1))
    check(data, known)  # the last one to close it: the file is then whole without its WAL
    good = shutil.copy(file, data / "good.sqlite")
    for name, damage in DAMAGES.items():
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            assert connection.execute(damage).rowcount == 1, name
        with pytest.raises(AssertionError):
            check(data, known)
        shutil.copy(good, file)
    check(data, known)
