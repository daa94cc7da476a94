"""Kiosks and windows that never stop, what the service acknowledged to them, and what then stands in its database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from edge.journal import broken_at
from tests.server import Caller, Server, callers, service_ids

SERVICES = service_ids(4)
KIOSKS, WINDOWS = 8, 4


@dataclass(slots=True)
class Acknowledged:
    """What the crowd was told, over several starts of the service."""

    issued: dict[str, str] = field(default_factory=dict)
    """id -> number."""
    called: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    """By journal type: asked for, and not answered when the service went."""
    refused: Counter[int] = field(default_factory=Counter)
    """Answers that are neither a success nor expected, by status."""
    growing: asyncio.Event = field(default_factory=asyncio.Event)


class Crowd:
    """Runs until the service has gone."""

    def __init__(self, known: Acknowledged) -> None:
        self.known = known

    async def _ask(self, caller: Caller, type_: str, path: str, body: object = None) -> tuple[int, Any]:
        try:
            return await caller.ask("POST", path, body)
        except ConnectionError:
            self.known.in_flight[type_] += 1
            raise

    async def kiosk(self, caller: Caller, no: int) -> None:
        while True:
            service = SERVICES[(no + len(self.known.issued)) % 4]
            body = {"service": service, "kiosk": str(no)}
            status, ticket = await self._ask(caller, "ticket.issued", "/api/v1/tickets", body)
            if status == 201:
                self.known.issued[ticket["id"]] = ticket["number"]
                self.known.growing.set()
            else:
                self.known.refused[status] += 1

    async def window(self, caller: Caller, no: int) -> None:
        while True:
            status, answer = await self._ask(caller, "ticket.called", f"/api/v1/windows/{no}/call-next")
            if status == 200:
                self.known.called.append(answer["ticket"]["id"])
                await self._finish(caller, no, answer["ticket"]["id"])
            elif status == 409:  # called to this window by itself, or before a restart
                seen = await caller.ask("GET", f"/api/v1/windows/{no}")
                await self._finish(caller, no, seen[1]["ticket"]["id"])
            elif status != 204:
                self.known.refused[status] += 1

    async def _finish(self, caller: Caller, no: int, ticket: str) -> None:
        path = f"/api/v1/windows/{no}/finish"
        status, _ = await self._ask(caller, "ticket.finished", path, {"ticket": ticket})
        if status == 200:
            self.known.finished.append(ticket)
        else:
            self.known.refused[status] += 1


@contextlib.asynccontextmanager
async def crowd(server: Server, known: Acknowledged) -> AsyncIterator[None]:
    """Busy while entered; leaving waits until each has seen that the service has gone."""
    at_work = Crowd(known)

    async def until_gone(working: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await working

    async with callers(server.port, KIOSKS + WINDOWS) as made, asyncio.TaskGroup() as group:
        for no, caller in enumerate(made[:KIOSKS], 1):
            group.create_task(until_gone(at_work.kiosk(caller, no)))
        for no, caller in enumerate(made[KIOSKS:], 1):
            group.create_task(until_gone(at_work.window(caller, no)))
        yield


async def acknowledged(known: Acknowledged, more: int) -> None:
    """Until so many more tickets have been acknowledged."""
    wanted = len(known.issued) + more
    while len(known.issued) < wanted:
        known.growing.clear()
        await known.growing.wait()


# ---- what is stored


def check(data: Path, known: Acknowledged) -> None:
    """acknowledged <= stored <= acknowledged + in flight, no number twice, the chain whole, the file sound."""
    path = data / "hall.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        stored = dict(connection.execute("SELECT id, number FROM ticket"))
        places = connection.execute("SELECT day, prefix, ordinal FROM ticket ORDER BY day, prefix, ordinal").fetchall()
        events = [(type_, json.loads(body)) for type_, body in connection.execute("SELECT type, data FROM journal")]
    assert known.issued.items() <= stored.items()
    assert len(stored) <= len(known.issued) + known.in_flight["ticket.issued"]
    _gap_free(places)
    happened = {
        wanted: Counter(body["ticket"] for type_, body in events if type_ == wanted)
        for wanted in ("ticket.issued", "ticket.called", "ticket.finished")
    }
    assert all(count == 1 for counted in happened.values() for count in counted.values())
    assert happened["ticket.issued"].keys() == stored.keys()
    assert set(known.called) <= happened["ticket.called"].keys()
    assert len(set(known.called)) == len(known.called)
    assert set(known.finished) <= happened["ticket.finished"].keys() <= happened["ticket.called"].keys()
    assert len(happened["ticket.finished"]) <= len(known.finished) + known.in_flight["ticket.finished"]
    assert chain_broken_at(path) is None


def _gap_free(places: list[tuple[str, str, int]]) -> None:
    """Every day and prefix counts 1, 2, 3 ... without a gap and without a double."""
    seen: Counter[tuple[str, str]] = Counter()
    for day, prefix, ordinal in places:
        seen[day, prefix] += 1
        assert ordinal == seen[day, prefix], f"{day} {prefix}: {ordinal} where {seen[day, prefix]} is next"


def chain_broken_at(path: Path) -> int | None:
    engine = create_engine(f"sqlite+pysqlite:///{path}")
    try:
        with engine.connect() as connection:
            return broken_at(connection)
    finally:
        engine.dispose()
