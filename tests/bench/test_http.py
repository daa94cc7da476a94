"""Issue and call over HTTP with durable commits, beside their floors of the same run. No speed is asserted.

The load runs in a process of its own; on two cores it takes one, and its share is shown. Rounds alternate between
floor and service; of each the best round is shown, because a neighbour on the machine can only slow one down.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.bench.client import SERVICES
from tests.bench.load import floors, load
from tests.bench.report import Figures, row, show
from tests.server import hall_text, running

pytestmark = pytest.mark.bench

ROUNDS = 5
COUNTS = {1: 600, 16: 2_500}
SCENARIOS = {"bare route": "/noop", "bare route + 1 commit": "/commit", "issue": "/api/v1/tickets", "call": "call"}
Key = tuple[str, int]


def commits_alone(path: Path, count: int = 2_000) -> Figures:
    """One durable row at a time, with nothing around it."""
    figures = Figures()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=1000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        began = time.perf_counter()
        for _ in range(count):
            at = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t (text) VALUES (?)", ("x" * 100,))
            connection.execute("COMMIT")
            figures.latencies.append((time.perf_counter() - at) * 1000)
        figures.rate = count / (time.perf_counter() - began)
    return figures


async def test_issue_and_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hall = tmp_path / "hall.toml"
    hall.write_text(hall_text(windows=16, services=SERVICES), "utf-8")
    found: dict[Key, list[Figures]] = defaultdict(list)
    async with running(hall, tmp_path / "data") as server, floors(hall, tmp_path / "floors") as floor_port:
        for _ in range(ROUNDS):
            for name, scenario in SCENARIOS.items():
                port = floor_port if name.startswith("bare") else server.port
                for clients, count in COUNTS.items():
                    found[name, clients].append(await load(port, clients, count, scenario))
    best = {key: max(rounds, key=lambda each: each.rate) for key, rounds in found.items()}
    rows = [
        row(name, clients, best[name, clients], best["bare route", clients], goals=name in ("issue", "call"))
        for name in SCENARIOS
        for clients in COUNTS
    ]
    alone = row("one commit alone", "", commits_alone(tmp_path / "alone.sqlite"), None, goals=False)
    title = f"Over HTTP, durable, best of {ROUNDS} (call: a window calls and finishes in turn; the calls are timed)"
    show(capsys, title, [alone, *rows])
