"""The event stream with many who follow it: made once for all, and nobody waits for anybody else."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.tokens import Identity, Role
from edge.app import make_app
from edge.database import Database
from edge.feed.routes import PING_S, events, follow
from edge.journal import RECENT, Journal, append
from edge.schema import TABLES
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime


def asked_by(hall: Running, role: Role) -> Request:
    request = Request({"type": "http", "app": make_app(hall.parts), "headers": []})
    request.state.identity = Identity(role, "reader")
    return request


async def happen(hall: Running, type_: str, count: int = 1) -> None:
    """So many events in one commit."""

    def run(session: Any, known: Any, now: Any, _command: None) -> None:
        for _ in range(count):
            append(session, known, now, type_, "it", "hall")

    await hall.parts.writer.do(run, None)


async def test_who_may_see_the_same_gets_the_same_object(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue()
        got = {}
        for role in ("screen", "kiosk", "anyone", "window", "desk", "ops"):
            stream = events(asked_by(hall, role), after=0)
            got[role] = await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]
    assert got["screen"] is got["kiosk"] is got["anyone"]
    assert got["window"] is got["desk"]
    assert len({id(each) for each in got.values()}) == 3


async def test_what_a_reader_may_not_see_does_not_stand_for_a_ping(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall, asyncio.timeout(4 * PING_S):
        stream = events(asked_by(hall, "screen"))
        pings = asyncio.ensure_future(_take(stream, 2))
        while not pings.done():
            await asyncio.sleep(PING_S / 2)
            await happen(hall, "access.enrolled")
        assert [each.event for each in await pings] == ["ping", "ping"]
        await stream.aclose()  # type: ignore[attr-defined]


async def _take(stream: Any, count: int) -> list[Any]:
    return [await anext(stream) for _ in range(count)]


async def test_who_acts_is_answered_before_the_screens(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        stream = events(asked_by(hall, "screen"))
        order: list[str] = []

        async def watch() -> None:
            await anext(stream)
            order.append("screen")

        watching = asyncio.create_task(watch())
        await asyncio.sleep(1)
        await happen(hall, "ticket.issued")
        order.append("answered")
        await watching
        await stream.aclose()  # type: ignore[attr-defined]
    assert order == ["answered", "screen"]


async def test_a_screen_that_stops_reading_holds_nobody_and_misses_nothing(tmp_path: Path) -> None:
    """It is behind by more than what is kept in memory, and goes on from the disk."""
    async with running(World(tmp_path, without_devices)) as hall:
        open_, stuck = asyncio.Event(), asyncio.Event()
        quick: list[bytes] = []
        slow: list[bytes] = []

        async def to_quick(message: Any) -> None:
            quick.append(message.get("body", b""))

        async def to_slow(message: Any) -> None:
            slow.append(message.get("body", b""))
            if len(slow) == 3:
                stuck.set()
                await open_.wait()

        readers = [asyncio.create_task(_serve(hall, send)) for send in (to_quick, to_slow)]
        await asyncio.sleep(1)
        for _ in range(3):
            await happen(hall, "ticket.issued", RECENT // 2)
            await asyncio.sleep(1)
        assert stuck.is_set()
        assert (len(quick), len(slow)) == (1 + 3 * RECENT // 2, 3)
        open_.set()
        await asyncio.sleep(1)
        assert slow == quick
        hall.parts.journal.close()
        await asyncio.gather(*readers)


async def _serve(hall: Running, send: Any) -> None:
    async def receive() -> Any:
        await asyncio.Event().wait()

    response = await follow(asked_by(hall, "screen"), None, None)
    await response({"type": "http"}, receive, send)


def _empty_journal() -> Journal:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "hall.sqlite", TABLES)
        journal = Journal(database, "hall", "epoch")
        database.close()
        return journal


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=12), st.lists(st.floats(0.01, 5), max_size=12))
async def test_a_wait_ends_in_the_second_after_its_time(waits: list[float], pauses: list[float]) -> None:
    """However many wait, from whatever moment on."""
    journal, loop = _empty_journal(), asyncio.get_running_loop()

    async def wait(seconds: float) -> float:
        until = loop.time() + seconds
        assert await journal.after(0, until) == []
        return loop.time() - until

    waiting = []
    for seconds, pause in zip(waits, [*pauses, *([0.0] * len(waits))], strict=False):
        waiting.append(asyncio.create_task(wait(seconds)))
        await asyncio.sleep(pause)
    assert all(0 <= each <= 1 for each in await asyncio.gather(*waiting))
