"""The relay against a centre that is away, slow, rude or picky: every event arrives once, in order of its key."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.central import outbox
from edge.central.relay import LONGEST_ASKED_S
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

RUDE = ["away", "lost answer", "500", "503", "408", "429", "429 later", "409"]


def calm(folder: Path) -> World:
    return World(folder, without_devices)


def answers(code: int, **headers: str) -> Callable[[dict[str, Any]], httpx.Response]:
    return lambda _event: httpx.Response(code, headers=headers)


def rude(world: World, moods: list[str]) -> Callable[[dict[str, Any]], httpx.Response | None]:
    """Answers the next attempts as `moods` say, then well."""
    left = iter(moods)

    def judge(event: dict[str, Any]) -> httpx.Response | None:
        mood = next(left, "")
        if mood == "away":
            raise httpx.ConnectError("nobody listens")
        if mood in ("lost answer", "409"):
            world.centre.central.receive(event)
        if mood == "lost answer":
            raise httpx.ReadTimeout("no answer")
        headers = {"Retry-After": "7"} if mood == "429 later" else {}
        return httpx.Response(int(mood.split()[0]), headers=headers) if mood else None

    return judge


async def arrived(hall: Running, within: float = 3600) -> None:
    central = hall.world.centre.central
    await hall.until(lambda: central.received == hall.parts.journal.last, within)
    assert [event["seq"] for event in central.events] == [event.seq for event in hall.events()]
    assert central.order_errors == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(RUDE), max_size=12))
async def test_every_event_arrives_once_and_in_order(moods: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = calm(Path(folder))
        async with running(world) as hall:
            world.centre.judge = rude(world, moods)
            for service in ("pension", "household", "pension"):
                await hall.issue(service)
            await hall.post("/windows/1/call-next")
            await arrived(hall)
            tried: dict[int, set[str]] = {}
            for event in world.centre.tried:
                tried.setdefault(event["seq"], set()).add(event["id"])
            assert all(len(ids) == 1 for ids in tried.values()), "a repeat has the id of the first"


async def test_while_the_centre_is_away_the_hall_works_and_counts(tmp_path: Path) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        await hall.issue()
        await arrived(hall)
        world.centre.away = True
        first = await hall.issue()
        await hall.issue()
        world.wall.at += 10 * 3600
        await asyncio.sleep(300)
        status = await hall.get("/outbox")
        assert (status["state"], status["waiting"], status["since"]) == ("away", 2, first["taken_at"])
        assert (status["delivered"], status["parked"]) == (1, [])
        world.centre.away = False
        await arrived(hall, within=61)
        await asyncio.sleep(1)
        status = await hall.get("/outbox")
        assert (status["state"], status["waiting"], status["since"]) == ("ok", 0, None)


async def test_a_slow_centre_slows_nobody_but_itself(tmp_path: Path) -> None:
    world = calm(tmp_path)
    world.centre.slow_s = 5.0
    async with running(world) as hall:
        loop = asyncio.get_running_loop()
        before = loop.time()
        for _ in range(10):
            await hall.issue()
        assert loop.time() - before < 1
        await arrived(hall)


@pytest.mark.parametrize(
    ("after", "least", "most"), [("30", 30, 31), ("9" * 400, LONGEST_ASKED_S, LONGEST_ASKED_S + 1)]
)
async def test_a_pause_is_kept_when_asked_for(tmp_path: Path, after: str, least: float, most: float) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        times: list[float] = []

        def judge(_event: dict[str, Any]) -> httpx.Response | None:
            times.append(asyncio.get_running_loop().time())
            return httpx.Response(429, headers={"Retry-After": after}) if len(times) == 1 else None

        world.centre.judge = judge
        await hall.issue()
        await arrived(hall)
        assert least <= times[1] - times[0] <= most


@pytest.mark.parametrize("after", [b"-1", b"soon", b"\xb2", b"Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_pause_that_is_no_number_is_passed_over(tmp_path: Path, after: bytes) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        pending = [httpx.Response(503, headers=[(b"Retry-After", after)])]
        world.centre.judge = lambda _event: pending.pop() if pending else None
        await hall.issue()
        await arrived(hall, within=10)


@pytest.mark.parametrize("code", [401, 403, 301])
async def test_a_centre_that_lets_nobody_in_is_no_fault_of_the_event(tmp_path: Path, code: int) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        world.centre.judge = answers(code, Location="http://127.0.0.1/elsewhere")
        await hall.issue()
        await asyncio.sleep(600)
        status = await hall.get("/outbox")
        assert (status["state"], status["waiting"], status["parked"]) == ("refused", len(hall.events()), [])
        assert str(code) in status["last_error"]
        world.centre.judge = lambda _event: None
        await arrived(hall, within=61)


async def test_a_poisoned_event_is_parked_with_those_behind_it_and_the_others_flow(tmp_path: Path) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        poison = await hall.issue("pension")
        await arrived(hall)
        world.centre.judge = lambda event: httpx.Response(400) if event["type"] == "ticket.called" else None
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/miss", ticket=poison["id"])
        other = await hall.issue("household")
        await hall.until(lambda: hall.parts.relay.delivered == hall.parts.journal.last)
        status = await hall.get("/outbox")
        called, missed = (event.seq for event in hall.events() if event.key == poison["id"] and event.seq > 1)
        assert [each["seq"] for each in status["parked"]] == [called, missed]
        assert "HTTP 400" in status["parked"][0]["error"]
        assert status["waiting"] == 0
        assert world.centre.central.events[-1]["key"] == other["id"]
        assert missed not in [event["seq"] for event in world.centre.tried], "order: it waits behind the first"

        assert await hall.post(f"/outbox/{called}/retry") == {"sent": 0}, "still poisoned"
        world.centre.judge = lambda _event: None
        assert await hall.post(f"/outbox/{called}/retry") == {"sent": 2}
        assert (await hall.get("/outbox"))["parked"] == []
        await hall.post(f"/tickets/{poison['id']}/return")
        await hall.until(lambda: world.centre.central.received == hall.parts.journal.last)
        assert world.centre.central.order_errors == []
        assert (await hall.post(f"/outbox/{called}/retry", 404))["type"] == "/problems/not_parked"


async def test_what_was_sent_but_not_noted_is_sent_again_and_known_there(tmp_path: Path) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        await hall.issue()
        await hall.issue()
        await arrived(hall)
        await asyncio.sleep(1)
        await hall.parts.writer.do(outbox.delivered, 1)  # as after a power cut before the note was kept
    async with running(world) as hall:
        await hall.issue()
        await arrived(hall)
        assert world.centre.central.duplicates == 1


async def test_parked_events_stay_parked_over_a_restart(tmp_path: Path) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        world.centre.judge = answers(400)
        ticket = await hall.issue()
        await hall.until(lambda: hall.parts.relay.delivered == 1)
        await asyncio.sleep(1)
    world.centre.judge = lambda _event: None
    async with running(world) as hall:
        await hall.post(f"/tickets/{ticket['id']}/cancel")
        await hall.until(lambda: hall.parts.relay.delivered == 2)
        assert len((await hall.get("/outbox"))["parked"]) == 2
        assert await hall.post("/outbox/1/retry") == {"sent": 2}
        await arrived(hall)


async def test_a_closed_journal_leaves_the_disk_alone(tmp_path: Path) -> None:
    world = calm(tmp_path)
    async with running(world) as hall:
        await hall.issue()
        await arrived(hall)
        await asyncio.sleep(1)
        hall.parts.journal.close()
        before = hall.parts.writer.commits
        await asyncio.sleep(5)
        assert hall.parts.writer.commits - before < 3


async def test_without_a_centre_events_wait(tmp_path: Path) -> None:
    world = World(
        tmp_path, lambda text: "".join(without_devices(text).split('url = "http://127.0.0.1:{port+2}/events"'))
    )
    async with running(world) as hall:
        await hall.issue()
        status = await hall.get("/outbox")
        assert (status["state"], status["waiting"]) == ("off", 1)
