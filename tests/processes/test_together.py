"""Many kiosks and windows at the same instant against one real process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.server import Caller, callers, running, service_ids

SERVICES = service_ids(4)


async def issue(caller: Caller, service: str, kiosk: int = 1) -> dict[str, Any]:
    status, ticket = await caller.ask("POST", "/api/v1/tickets", {"service": service, "kiosk": str(kiosk)})
    assert status == 201, ticket
    assert isinstance(ticket, dict)
    return ticket


async def call_next(caller: Caller, no: int) -> dict[str, Any] | None:
    status, called = await caller.ask("POST", f"/api/v1/windows/{no}/call-next")
    assert status in (200, 204), called
    return None if called is None else called["ticket"]


async def finish(caller: Caller, no: int, ticket: str) -> None:
    status, answer = await caller.ask("POST", f"/api/v1/windows/{no}/finish", {"ticket": ticket})
    assert status == 200, answer


@pytest.mark.req("QUE-05")
async def test_sixteen_kiosks_issue_a_thousand_tickets(hall: Path, data: Path) -> None:
    orders = [(kiosk, SERVICES[n % 4]) for n, kiosk in enumerate([*range(1, 17)] * 63)][:1000]
    waiting = iter(orders)
    numbers: dict[str, list[str]] = defaultdict(list)
    ids: set[str] = set()

    async def kiosk(caller: Caller) -> None:
        for no, service in waiting:
            ticket = await issue(caller, service, no)
            numbers[service].append(ticket["number"])
            ids.add(ticket["id"])

    async with running(hall, data) as server, callers(server.port, 16) as kiosks:
        await asyncio.gather(*map(kiosk, kiosks))
    assert len(ids) == 1000
    for letter, service in zip("ABCD", SERVICES, strict=True):
        assert sorted(numbers[service]) == [f"{letter}{n:03d}" for n in range(1, 251)]


@pytest.mark.req("QUE-05")
async def test_eight_windows_call_at_the_same_instant(hall: Path, data: Path) -> None:
    """Every ticket goes to one window, in order of arrival; who finds nobody is told so."""
    async with running(hall, data) as server, callers(server.port, 8) as windows:
        tickets = [(await issue(windows[0], SERVICES[n % 4]))["id"] for n in range(100)]
        left = list(tickets)
        while left:
            answers = await asyncio.gather(*(call_next(caller, no) for no, caller in enumerate(windows, 1)))
            called = [each["id"] for each in answers if each is not None]
            assert sorted(called) == sorted(left[:8])
            assert answers.count(None) == 8 - len(called)
            at = [(caller, no, each) for no, (caller, each) in enumerate(zip(windows, answers, strict=True), 1) if each]
            assert all(each["window"] == no for _, no, each in at)
            await asyncio.gather(*(finish(caller, no, each["id"]) for caller, no, each in at))
            left = left[8:]
        assert await asyncio.gather(*(call_next(caller, no) for no, caller in enumerate(windows, 1))) == [None] * 8


async def test_one_ticket_that_eight_windows_want_goes_to_one(hall: Path, data: Path) -> None:
    async with running(hall, data) as server, callers(server.port, 8) as windows:
        for n in range(20):
            ticket = await issue(windows[0], SERVICES[n % 4])
            answers = await asyncio.gather(*(call_next(caller, no) for no, caller in enumerate(windows, 1)))
            winners = [no for no, each in enumerate(answers, 1) if each is not None]
            assert len(winners) == 1
            await finish(windows[0], winners[0], ticket["id"])
            await asyncio.gather(*(disarm(caller, no) for no, caller in enumerate(windows, 1)))


async def disarm(caller: Caller, no: int) -> None:
    """A pause takes back the window's wish for the next arrival."""
    assert (await caller.ask("POST", f"/api/v1/windows/{no}/pause", {}))[0] == 200
    assert (await caller.ask("POST", f"/api/v1/windows/{no}/resume"))[0] == 200
