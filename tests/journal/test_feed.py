"""The event stream: every event once and in order, also over breaks, and nothing that its reader may not see."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.sse import ServerSentEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.tokens import Identity, Role
from edge.app import make_app
from edge.feed.routes import HALL_ROOMS, PING_S, events
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

ANYONE: tuple[Role, ...] = ("anyone", "screen", "kiosk", "window", "pad", "desk")


@contextlib.asynccontextmanager
async def stream(hall: Running, role: Role, **asked: Any) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    request = Request({"type": "http", "app": make_app(hall.parts), "headers": []})
    request.state.identity = Identity(role, "reader")
    found = events(request, **asked)
    try:
        yield found
    finally:
        await found.aclose()  # type: ignore[attr-defined]


async def take(found: AsyncIterator[ServerSentEvent], count: int) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    async with asyncio.timeout(100):
        while len(taken) < count:
            event = await anext(found)
            if event.event == "journal":
                taken.append(json.loads(str(event.raw_data)))
                assert event.id == str(taken[-1]["seq"])
    return taken


async def a_visit(hall: Running, level: int = 2) -> None:
    ticket = await hall.issue()
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/finish", ticket=ticket["id"])
    mine = await hall.until(lambda: [each for each in hall.events("evaluation.invited") if each.key == ticket["id"]])
    await hall.post(f"/evaluations/{mine[0].data['evaluation']}", level=level)


@settings(max_examples=15, deadline=None)
@given(pieces=st.lists(st.integers(1, 5), min_size=1), by_header=st.booleans(), role=st.sampled_from([*ANYONE, "ops"]))
async def test_a_stream_that_breaks_goes_on_without_a_gap(pieces: list[int], by_header: bool, role: Role) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(World(Path(folder))) as hall:
            await hall.up()
            await a_visit(hall)
            await a_visit(hall)
            seen = [each.seq for each in hall.events() if role == "ops" or each.type.startswith(HALL_ROOMS)]
            heard: list[int] = []
            for size in [*pieces, len(seen)]:
                last = heard[-1] if heard else 0
                asked: dict[str, Any] = {"last_event_id": str(last)} if by_header else {"after": last}
                async with stream(hall, role, **asked) as found:
                    heard += [each["seq"] for each in await take(found, min(size, len(seen) - len(heard)))]
            assert heard == seen


async def test_without_a_place_it_starts_now_and_waits(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue()
        async with stream(hall, "screen") as found:
            waiting = asyncio.ensure_future(take(found, 1))
            await asyncio.sleep(5)
            assert not waiting.done()
            ticket = await hall.issue("medical")
            ((event),) = await waiting
            assert (event["type"], event["data"]["number"]) == ("ticket.issued", ticket["number"])


async def test_silence_is_broken_by_a_ping(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall, asyncio.timeout(1000):
        loop = asyncio.get_running_loop()
        async with stream(hall, "screen") as found:
            before = loop.time()
            assert [(await anext(found)).event for _ in range(3)] == ["ping"] * 3
            assert loop.time() - before == pytest.approx(3 * PING_S, abs=1)


@pytest.mark.req("SEC-12")
@pytest.mark.parametrize("role", [*ANYONE, "ops"])
async def test_how_a_visitor_rated_is_for_ops_alone(tmp_path: Path, role: Role) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        await a_visit(hall)
        async with stream(hall, role, after=0) as found:
            count = len([each for each in hall.events() if role == "ops" or each.type.startswith(HALL_ROOMS)])
            heard = {each["type"]: each for each in await take(found, count)}
        assert ("level" in heard["evaluation.rated"]["data"]) == (role == "ops")
        assert ("device.up" in heard) == (role == "ops")
        assert "actor" not in heard["evaluation.rated"]


async def test_a_place_ahead_of_the_journal_starts_now(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue()
        async with stream(hall, "screen", after=10**30) as found:
            waiting = asyncio.ensure_future(take(found, 1))
            await asyncio.sleep(1)
            await hall.issue()
            assert [each["seq"] for each in await waiting] == [2]


async def test_it_ends_when_the_service_does(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall, stream(hall, "screen") as found:
        waiting = asyncio.ensure_future(anext(found, None))
        await asyncio.sleep(1)
        hall.parts.journal.close()
        async with asyncio.timeout(1):
            assert await waiting is None


async def test_on_the_wire_it_is_an_event_stream(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue()
        asyncio.get_running_loop().call_later(1, hall.parts.journal.close)
        answer = await hall.api.get("/api/v1/events?after=0")
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields = dict(line.split(": ", 1) for line in answer.text.strip().splitlines())
        assert (fields["event"], fields["id"]) == ("journal", "1")
        assert json.loads(fields["data"])["type"] == "ticket.issued"
