"""Rows F18 to F20 of the fault matrix: numbers and calls wanted at the same instant, and requests that are retried."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.halls import in_the_hall, papers, quiet, unmarked, with_fallback
from tests.hall import Running, World, running, without_devices

SERVICES = ("pension", "medical", "household")
PREFIXES = {"pension": "A", "medical": "C", "household": "F"}


def two_kiosks(text: str) -> str:
    """The second has a printer of its own."""
    text = with_fallback(text).replace('fallback = "printer-3"\n', "")
    return text + '\n[[kiosk]]\nid = "2"\nname = "2号取号机"\nzone = "guide"\nprinter = "printer-3"\n'


# ---- F18


@pytest.mark.req("QUE-05")
@in_the_hall(two_kiosks)
async def test_f18_two_kiosks_take_numbers_at_the_same_instant(world: World, hall: Running) -> None:
    """No number twice, none left out, and each is printed once, where it was taken."""
    wanted = [(kiosk, service) for _ in range(4) for service in SERVICES for kiosk in ("1", "2")]
    taken = await asyncio.gather(*(hall.issue(service, kiosk=kiosk) for kiosk, service in wanted))
    for service, prefix in PREFIXES.items():
        numbers = [ticket["number"] for ticket, (_, other) in zip(taken, wanted, strict=True) if other == service]
        assert sorted(numbers) == [f"{prefix}{nth:03d}" for nth in range(1, 9)]
    printers = {"1": "printer-1", "2": "printer-3"}
    await hall.until(lambda: sum(len(papers(world, each)) for each in printers.values()) == len(wanted), within=120)
    for ticket, (kiosk, _) in zip(taken, wanted, strict=True):
        assert unmarked(world, ticket["number"], printers[kiosk]) == 1


# ---- F19


@pytest.mark.req("QUE-05", "WIN-03")
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from(SERVICES), max_size=6),
    st.lists(st.lists(st.sampled_from([1, 1, 2, 3, 3]), min_size=2, max_size=5), min_size=1, max_size=4),
)
@pytest.mark.looptime
async def test_f19_windows_call_at_the_same_instant(coming: list[str], presses: list[list[int]]) -> None:
    """Each ticket goes to one window, the first of a line first; a press more of a window that has one is refused."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(World(Path(folder), without_devices)) as hall:
            lines: dict[str, list[str]] = {service: [] for service in SERVICES}
            for service in coming:
                lines[service].append((await hall.issue(service))["id"])
            for windows in presses:
                answers = await asyncio.gather(*(hall.api.post(f"/api/v1/windows/{no}/call-next") for no in windows))
                called = await _called(hall, windows, answers)
                for line in lines.values():
                    gone = [ticket for ticket in line if ticket in called]
                    assert gone == line[: len(gone)]
                    del line[: len(gone)]
                await asyncio.gather(
                    *(hall.post(f"/windows/{no}/finish", ticket=ticket) for ticket, no in called.items())
                )


async def _called(hall: Running, windows: list[int], answers: list[httpx.Response]) -> dict[str, int]:
    """Which ticket came to which window: one each, as the hall itself sees it."""
    pressed = zip(windows, answers, strict=True)
    called = [(answer.json()["ticket"]["id"], no) for no, answer in pressed if answer.status_code == 200]
    assert Counter(answer.status_code for answer in answers).keys() <= {200, 204, 409}
    assert len(dict(called)) == len({no for _, no in called}) == len(called)
    held = {each["ticket"]["id"]: each["no"] for each in (await hall.get("/windows"))["windows"] if each["ticket"]}
    assert held == dict(called)
    return held


@in_the_hall(without_devices)
async def test_f19_one_ticket_that_two_windows_want(world: World, hall: Running) -> None:
    """One gets it; the other is told that nobody waits, and gets whoever comes next."""
    first = await hall.issue()
    answers = await asyncio.gather(*(hall.api.post(f"/api/v1/windows/{no}/call-next") for no in (1, 3)))
    assert sorted(each.status_code for each in answers) == [200, 204]
    won = next(each.json()["ticket"] for each in answers if each.status_code == 200)
    assert won["id"] == first["id"]
    second = await hall.issue()
    assert {won["window"], second["window"]} == {1, 3}


# ---- F20


class LosesAnswers(httpx.AsyncBaseTransport):
    """A line that is cut when the request has been served and the answer is under way."""

    def __init__(self, door: httpx.AsyncBaseTransport) -> None:
        self.door = door

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.door.handle_async_request(request)
        raise httpx.ReadError("connection reset", request=request)


async def lost(hall: Running, path: str, key: str, **body: Any) -> None:
    door = hall.api._transport  # the same, behind a bad line
    async with httpx.AsyncClient(transport=LosesAnswers(door), base_url="http://127.0.0.1") as api:
        with pytest.raises(httpx.ReadError):
            await api.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key})


@in_the_hall()
async def test_f20_a_number_whose_answer_was_lost_is_given_and_printed_once(world: World, hall: Running) -> None:
    """However often and however late the kiosk asks again, also at the same instant."""
    wanted = {"service": "pension", "kiosk": "1"}
    await lost(hall, "/tickets", "k", **wanted)
    await lost(hall, "/tickets", "k", **wanted)
    await hall.until(lambda: papers(world))
    headers = {"Idempotency-Key": "k"}
    again = await asyncio.gather(*(hall.post("/tickets", 201, headers, **wanted) for _ in range(3)))
    await asyncio.sleep(30)
    assert {each["number"] for each in again} == {"A001"}
    assert len(papers(world)) == unmarked(world, "A001") == 1
    assert len(hall.events("ticket.issued")) == 1
    assert (await hall.issue("pension"))["number"] == "A002"


@in_the_hall(quiet)
async def test_f20_a_call_whose_answer_was_lost_calls_nobody_else(world: World, hall: Running) -> None:
    first = await hall.issue()
    await hall.issue()
    await lost(hall, "/windows/3/call-next", "k")
    again = await hall.post("/windows/3/call-next", headers={"Idempotency-Key": "k"})
    assert again["ticket"]["id"] == first["id"]
    assert len(hall.events("ticket.called")) == 1


@pytest.mark.looptime
async def test_f20_a_number_whose_answer_was_lost_with_the_service_is_the_same_afterwards(tmp_path: Path) -> None:
    """It went down after the number was stored; the kiosk asks the service that came up again."""
    world = World(tmp_path, quiet)
    async with running(world) as hall:
        await hall.up("printer-1")
        await lost(hall, "/tickets", "k", service="pension", kiosk="1")
    async with running(world) as hall:
        await hall.up("printer-1")
        again = await hall.post("/tickets", 201, {"Idempotency-Key": "k"}, service="pension", kiosk="1")
        await asyncio.sleep(30)
        assert again["number"] == "A001"
        assert unmarked(world, "A001") == len(hall.events("ticket.issued")) == 1
