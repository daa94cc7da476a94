"""A terminal's whole memory, 100,000 records, caught up: over TCP, by the driver and the hub, into the database.

Only reported. The floor puts the same rows, in the same batches, with the same pragmas, by plain sqlite3 into tables of
the same shape in the same folder: with the punches alone, and with their events in the journal, which is what is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
import uuid_utils

from drivers.base import Punches
from drivers.link import open_link
from drivers.zkteco import Zkteco
from edge import hall as halls
from edge import hallfile
from edge.access.vault import open_vault
from edge.clock import Clock
from edge.database import Database
from edge.devices.discovery import browse
from edge.parts import Parts
from edge.process import Outside, build
from edge.schema import TABLES
from simulators.port import serve
from simulators.zkteco import Terminal
from simulators.zkteco_packet import stamp
from simulators.zkteco_records import VERIFY, Record
from tests.bench.report import show
from tests.server import free_port, hall_text

pytestmark = pytest.mark.bench

RECORDS = 100_000
TOGETHER = 256
PEOPLE = 300
ROUNDS = 3
BEGAN = datetime(2026, 1, 5, 8)  # noqa: DTZ001  a terminal shows no zone
GATE = '[[device]]\nid = "gate-1"\nname = "打卡机"\ndriver = "zkteco"\nlink = "tcp://127.0.0.1:{port+1}"\n'
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY", "wal_autocheckpoint=1000")


def full_terminal() -> Terminal:
    terminal = Terminal("gate-1", {})
    modes = list(VERIFY.values())
    terminal.memory.records = [
        Record(n % PEOPLE, str(2000 + n % PEOPLE), modes[n % 3], stamp(BEGAN + timedelta(seconds=30 * n)), n % 2)
        for n in range(RECORDS)
    ]
    return terminal


async def read_alone(url: str) -> float:
    """Seconds for the driver, whose records nobody stores."""
    began, count = time.perf_counter(), 0
    async with Zkteco(lambda: open_link(url)) as device, contextlib.aclosing(device.events()) as events:
        async for event in events:
            count += len(event.records) if isinstance(event, Punches) else 0
            if count == RECORDS:
                break
    return time.perf_counter() - began


@contextlib.asynccontextmanager
async def service(hall: halls.Hall, folder: Path) -> AsyncIterator[Parts]:
    """Its writer and its hub."""
    database, executor = Database(folder / "hall.sqlite", TABLES), ThreadPoolExecutor(1)
    async with httpx.AsyncClient() as client:
        clock, new_id = Clock(hall.zone_info), lambda: str(uuid_utils.uuid7())
        outside = Outside(clock, new_id, Random(1), open_link, client, browse)
        parts = build(hall, database, outside, open_vault(folder), executor)
        tasks = [asyncio.create_task(parts.writer.run()), asyncio.create_task(parts.hub.run())]
        try:
            yield parts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            executor.shutdown()
            database.close()


async def caught_up(hall: halls.Hall, folder: Path) -> tuple[float, float]:
    """Seconds from the start to the last commit, and the longest that a use case of somebody else waited meanwhile."""
    async with service(hall, folder) as parts:
        began, longest = time.perf_counter(), 0.0
        while parts.journal.last < RECORDS:
            asked = time.perf_counter()
            await parts.writer.do(lambda _session, _hall, _now, _command: None, None)
            longest = max(longest, time.perf_counter() - asked)
            await asyncio.sleep(0.02)
        return time.perf_counter() - began, longest


def floor(folder: Path, *tables: str) -> float:
    """Seconds to put the rows of these tables into a new file; the best round."""
    with contextlib.closing(sqlite3.connect(folder / "hall.sqlite")) as source:
        made = "SELECT sql FROM sqlite_master WHERE tbl_name=? AND sql IS NOT NULL"
        schema = [sql for name in tables for (sql,) in source.execute(made, (name,))]
        rows = {name: source.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in tables}
    return min(inserted(folder / f"floor-{len(tables)}-{nth}.sqlite", schema, rows) for nth in range(ROUNDS))


def inserted(file: Path, schema: list[str], rows: dict[str, list[tuple[object, ...]]]) -> float:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as target:
        for each in [*(f"PRAGMA {pragma}" for pragma in PRAGMAS), *schema]:
            target.execute(each)
        began = time.perf_counter()
        for at in range(0, RECORDS, TOGETHER):
            target.execute("BEGIN IMMEDIATE")
            for name, batch in ((name, every[at : at + TOGETHER]) for name, every in rows.items()):
                target.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(batch[0]))})", batch)
            target.execute("COMMIT")
        return time.perf_counter() - began


async def test_a_whole_memory_is_caught_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port(1)
    (tmp_path / "hall.toml").write_text(hall_text() + GATE, "utf-8")
    hall = hallfile.load(tmp_path / "hall.toml", data=tmp_path, port=port)
    url = f"tcp://127.0.0.1:{port + 1}"
    async with serve(url, full_terminal()):
        alone = await read_alone(url)
        await asyncio.sleep(0.2)  # the terminal serves one client, and must have noticed that the last one is gone
        whole, longest = await caught_up(hall, tmp_path)
    punches = await asyncio.to_thread(floor, tmp_path, "punch")
    both = await asyncio.to_thread(floor, tmp_path, "punch", "journal")
    with contextlib.closing(sqlite3.connect(tmp_path / "hall.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM punch").fetchone() == (RECORDS,)
    named = {
        "caught up": whole,
        "driver alone": alone,
        "floor: punches": punches,
        "floor: punches, journal": both,
    }
    rows = [[name, f"{s:.1f}", f"{RECORDS / s:,.0f}", f"{whole / s:.1f}"] for name, s in named.items()]
    title = (
        f"{RECORDS:,} records of a terminal, {TOGETHER} together; meanwhile an empty use case waited"
        f" {longest * 1000:.0f} ms at most"
    )
    show(capsys, title, rows, ["", "seconds", "rows a second", "times as long"])
