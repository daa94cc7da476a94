"""Rows F21 to F25 of the fault matrix: paper that runs out, jobs that come late, printers that say nothing, crashes.

Throughout: a ticket has its number once, and at most one slip that does not say 补打.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.escpos import Escpos, Status
from tests.faults.halls import blind, in_the_hall, papers, quiet, shown, trusted, unmarked, with_fallback
from tests.hall import Running, World, running

JOB = 4096
"""Bytes: more than a slip of the demo hall, less than two of them with a picture."""


async def slip_state(hall: Running, ticket: str) -> str:
    return str((await hall.get(f"/tickets/{ticket}"))["print"])


# ---- F21


@pytest.mark.req("QUE-14")
@in_the_hall()
async def test_f21_no_paper_before_the_print(world: World, hall: Running) -> None:
    """The kiosk is told, with the number to show on its screen; the ticket is valid, and printed once, later.

    Fails when a job is sent to a printer without paper, or when the ticket waits for its slip.
    """
    printer = world.simulator("printer-1")
    printer.set_paper("out")
    await hall.until(lambda: not hall.parts.hub.able("printer-1"))
    ticket = await hall.issue(kiosk="1")
    assert (ticket["number"], ticket["state"], ticket["print"]) == ("A001", "waiting", "wanted")
    assert ticket["printer_ok"] is False
    await asyncio.sleep(60)
    assert printer.state()["buffered_bytes"] == 0
    printer.set_paper("ok")
    await hall.until(lambda: hall.events("print.done"))
    await asyncio.sleep(60)
    assert (len(papers(world)), unmarked(world, "A001")) == (1, 1)
    assert (await hall.post("/windows/3/call-next"))["ticket"]["id"] == ticket["id"]


@in_the_hall()
async def test_f21_no_paper_since_a_moment(world: World, hall: Running) -> None:
    """The roll ends between two looks at it: the printer is asked again before a byte of the job goes out."""
    printer = world.simulator("printer-1")
    printer.set_paper("out")
    ticket = await hall.issue(kiosk="1")
    await asyncio.sleep(60)
    assert await slip_state(hall, ticket["id"]) == "wanted"
    assert printer.state()["buffered_bytes"] == 0
    printer.set_paper("ok")
    await hall.until(lambda: hall.events("print.done"))
    assert (len(papers(world)), unmarked(world, "A001")) == (1, 1)


TROUBLES: list[Callable[[Escpos], None]] = [
    lambda printer: printer.set_paper("out"),
    lambda printer: printer.set_cover(True),
    lambda printer: printer.set_offline(True),
]


@in_the_hall(with_fallback)
async def test_f21_the_other_printer_takes_over(world: World, hall: Running) -> None:
    """What waited and what comes goes to the fallback, once; with paper again the first printer repeats none of it.

    Fails when a job is handed over and kept, or when the fallback's jobs go back.
    """
    for trouble in TROUBLES:
        printer = world.simulator("printer-1")
        trouble(printer)
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        ticket = await hall.issue(kiosk="1")
        assert ticket["printer_ok"] is True
        number = ticket["number"]
        await hall.until(lambda number=number: unmarked(world, number, "printer-3"))  # type: ignore[misc]
        printer.set_paper("ok")
        printer.set_cover(False)
        printer.set_offline(False)
        await hall.until(lambda: hall.parts.hub.able("printer-1"))
        await asyncio.sleep(60)
    assert papers(world) == []
    assert [unmarked(world, f"A00{n}", "printer-3") for n in (1, 2, 3)] == [1, 1, 1]
    await hall.issue(kiosk="1")
    await hall.until(lambda: unmarked(world, "A004"))


@in_the_hall(with_fallback)
async def test_f21_the_paper_goes_while_jobs_wait(world: World, hall: Running) -> None:
    """Five take a number as the roll ends: the first slip is torn, each of the others comes out whole somewhere."""
    world.simulator("printer-1").paper_after(3)
    numbers = [(await hall.issue(kiosk="1"))["number"] for _ in range(5)]
    await asyncio.sleep(120)
    assert [unmarked(world, number, "printer-1", "printer-3") for number in numbers] == [0, 1, 1, 1, 1]
    assert papers(world) == []


# ---- F22


@in_the_hall()
async def test_f22_the_paper_ends_in_mid_ticket(world: World, hall: Running) -> None:
    """The job is `unknown` and not printed again blindly; with paper in, its slip comes once more, marked 补打.

    Fails when the job is wanted again, or when nothing comes for the visitor with half a slip.
    """
    printer = world.simulator("printer-1")
    printer.paper_after(3)
    ticket = await hall.issue(kiosk="1")
    await hall.until(lambda: hall.events("print.unknown"), within=60)
    assert await slip_state(hall, ticket["id"]) == "unknown"
    await asyncio.sleep(60)
    assert not hall.events("print.wanted")
    printer.set_paper("ok")
    await asyncio.sleep(60)
    assert printer.slips[0].cut == "torn"
    copies = [text for text in papers(world) if "补打" in text]
    assert len(copies) == 1
    assert ticket["number"] in copies[0]
    assert unmarked(world, ticket["number"]) == 0, "what the printer still held is the torn slip's tail"
    assert await slip_state(hall, ticket["id"]) == "printed"


# ---- F23


def honest(_world: World) -> None:
    """It says that it has no paper."""


def lying(world: World) -> None:
    """A paper sensor that always says there is paper."""
    world.simulator("printer-1")._status = _Blithe()


class _Blithe(Status):
    def real_time(self, n: int) -> bytes:
        return b"\x12" if n <= 4 else b""


@pytest.mark.parametrize("printer_is", [honest, lying])
@pytest.mark.looptime
async def test_f23_a_printer_that_prints_all_it_holds_at_once(tmp_path: Path, printer_is: Callable[..., None]) -> None:
    """It holds at most one job, however long it takes and however many wait: the next waits for its word.

    So there is no flood at the refill: each of the five numbers comes out once. Fails when a job follows one that was
    not confirmed, on the same or on the next connection.
    """
    world = World(tmp_path, quiet)
    async with running(world) as hall:
        await hall.up()
        printer_is(world)
        printer = world.simulator("printer-1")
        printer.paper_after(4)
        tickets = [await hall.issue(kiosk="1") for _ in range(5)]
        await asyncio.sleep(150)
        assert not hall.events("print.done")
        assert printer.state()["buffered_bytes"] < JOB
        assert papers(world) == []
        printer.set_paper("ok")
        await asyncio.sleep(150)
        slips = papers(world)
        first = int(printer_is is honest)  # its copy; where nobody heard of the refill, none
        assert [sum(each["number"] in text for text in slips) for each in tickets] == [first, 1, 1, 1, 1]
        assert [unmarked(world, each["number"]) for each in tickets] == [0, 1, 1, 1, 1]
        states = [await slip_state(hall, each["id"]) for each in tickets]
        assert states == ["printed" if printer_is is honest else "unknown"] + ["printed"] * 4


# ---- F24


@in_the_hall(blind)
async def test_f24_a_printer_without_a_status_channel(world: World, hall: Running) -> None:
    """It prints, in its own time, and its jobs are `unknown`: never a success that nobody saw. It is not taken to be
    down, the next visitor does not wait, and a person who sees no slip asks for a copy.

    Fails when silence is counted as success, or as a device that is away.
    """
    printer = world.simulator("printer-1")
    printer.mute = True
    first, second = await hall.issue(kiosk="1"), await hall.issue(kiosk="1")
    await hall.until(lambda: len(papers(world)) == 2, within=30)
    await hall.until(lambda: len(hall.events("print.unknown")) == 2, within=30)
    assert not hall.events("print.done")
    assert await slip_state(hall, second["id"]) == "unknown"
    printer.set_paper("out")
    third = await hall.issue(kiosk="1")
    await asyncio.sleep(60)
    assert await slip_state(hall, third["id"]) == "unknown"
    assert (await shown(hall, "printer-1"))["state"] == "up"
    printer.set_paper("ok")
    await hall.post(f"/tickets/{first['id']}/print")
    await hall.until(lambda: any("补打" in text and first["number"] in text for text in papers(world)), within=30)
    assert unmarked(world, first["number"]) == 1


@in_the_hall(trusted)
async def test_f24_trust_is_the_operators_word(world: World, hall: Running) -> None:
    """With `trust_blind` in the hall file the same jobs end `printed`, not before the time that printing takes."""
    world.simulator("printer-1").mute = True
    ticket = await hall.issue(kiosk="1")
    await hall.until(lambda: papers(world), within=30)
    assert await slip_state(hall, ticket["id"]) == "sent"
    await hall.until(lambda: hall.events("print.done"), within=30)


# ---- F25


@settings(max_examples=8, deadline=None)
@given(st.floats(0, 1.5))
@pytest.mark.looptime
async def test_f25_a_crash_at_any_moment_of_a_print(after: float) -> None:
    """The number stays; its slip comes out at most once, and where it may not have come out the job says `unknown`."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), quiet)
        async with running(world) as hall:
            await hall.up()
            ticket = await hall.issue(kiosk="1")
            await asyncio.sleep(after)
        async with running(world) as hall:
            await hall.up()
            await asyncio.sleep(60)
            again = await hall.get(f"/tickets/{ticket['id']}")
            assert (again["number"], again["state"]) == (ticket["number"], "waiting")
            count = unmarked(world, ticket["number"])
            assert (count, again["print"]) in ((1, "printed"), (1, "unknown"), (0, "unknown"))
            assert len(papers(world)) == count
            assert (await hall.issue())["number"] == "A002"


@pytest.mark.looptime
async def test_f25_a_crash_between_commit_and_print(tmp_path: Path) -> None:
    """What was only wanted is printed after the restart, unmarked. Fails when jobs live in memory."""
    world = World(tmp_path, quiet)
    world.cut_off.add("printer-1")
    async with running(world) as hall:
        ticket = await hall.issue(kiosk="1")
    world.cut_off.clear()
    async with running(world) as hall:
        await hall.until(lambda: hall.events("print.done"))
        assert unmarked(world, ticket["number"]) == 1


@pytest.mark.looptime
async def test_f25_a_crash_between_print_and_its_mark(tmp_path: Path) -> None:
    """The slip is on paper and nobody wrote it down: it is `unknown`, the operator is asked, a copy says 补打.

    Fails when a job that was sent is wanted again at the restart.
    """
    world = World(tmp_path, quiet)
    printer = world.simulator("printer-1")
    say = printer.say
    async with running(world) as hall:
        await hall.up()
        with mock.patch.object(printer, "say", lambda data: None if printer.slips else say(data)):
            ticket = await hall.issue(kiosk="1")
            await hall.until(lambda: papers(world))
    async with running(world) as hall:
        await hall.up()
        await hall.until(lambda: hall.events("print.unknown"))
        await asyncio.sleep(60)
        assert len(papers(world)) == 1
        assert await slip_state(hall, ticket["id"]) == "unknown"
        await hall.post(f"/tickets/{ticket['id']}/print")
        await hall.until(lambda: len(papers(world)) == 2)
        assert unmarked(world, ticket["number"]) == 1
        assert all(ticket["number"] in text for text in papers(world))
