"""Rows F11, F13, F16, F17, F27 and F28 of the fault matrix at the counter: no rating is lost, doubled, or another's."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from edge.database import Unstored
from simulators.call_bus import build
from tests.devices.counters import Counter, counters
from tests.faults.halls import in_the_hall, shown
from tests.hall import Running, World

CALL, FINISH, MISS = "0C", "0B", "06 0F"
GRADE = 0x11
INVITATION_S, GRACE_S = 60, 10


async def served(counter: Counter, box: int = 3) -> str:
    """One visitor more, called and finished by the keys of this box: the number."""
    (number,) = await counter.arrive("pension")
    await counter.press(CALL, box)
    await counter.press(FINISH, box)
    return number


def ratings(counter: Counter) -> list[tuple[str, str, int | None]]:
    """(number, what became of its invitation, level) in the order of the services."""
    sql = "SELECT t.number, e.state, e.level FROM evaluation e JOIN ticket t ON t.id = e.ticket ORDER BY e.seq"
    return counter.rows(sql)


def strays(counter: Counter) -> int:
    [(presses,)] = counter.rows("SELECT coalesce(sum(presses), 0) FROM evaluation_stray")
    return int(presses)


async def back(world: World, hall: Running) -> Counter:
    """The line is plugged in again."""
    world.cut_off.clear()
    await hall.until(lambda: hall.parts.hub.able("counter"), within=35)
    return Counter(world, hall)


# ---- F11


@in_the_hall(counters)
async def test_f11_an_evaluator_unplugged_in_mid_frame_and_back_in_time(world: World, hall: Running) -> None:
    """Half a press is none; the visitor is asked again, and rates. Fails when the invitation dies with the line."""
    counter = Counter(world, hall)
    number = await served(counter)
    await counter.wire.write(build(3, GRADE, [0])[:8])
    await world.cut("counter")
    await hall.until(lambda: not hall.parts.hub.able("counter"), within=3)
    await asyncio.sleep(10)
    counter.bus.boxes[3].until.clear()  # its power was off
    counter = await back(world, hall)
    await asyncio.sleep(0.1)
    assert counter.bus.state()["boxes"]["3"]["evaluation"]
    await counter.grade(4)
    assert ratings(counter) == [(number, "rated", 5)]


@in_the_hall(counters)
async def test_f11_an_evaluator_that_was_away_the_whole_time(world: World, hall: Running) -> None:
    """Nobody could press: that is the device's fault, no level, and who presses later rates nobody."""
    counter = Counter(world, hall)
    await world.cut("counter")
    await hall.until(lambda: not hall.parts.hub.able("counter"), within=3)
    ticket = await hall.issue()
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/finish", ticket=ticket["id"])
    await asyncio.sleep(INVITATION_S + 2)
    assert ratings(counter) == [(ticket["number"], "device_fault", None)]
    counter = await back(world, hall)
    await counter.grade(0)
    assert ratings(counter) == [(ticket["number"], "device_fault", None)]
    assert strays(counter) == 1


# ---- F13


@pytest.mark.req("EVAL-03")
@in_the_hall(counters)
async def test_f13_noise_in_a_grade_is_no_grade(world: World, hall: Running) -> None:
    """Whichever bit of the frame the line turns: no rating is made of it, nothing is answered; the true one counts."""
    counter, frame = Counter(world, hall), build(3, GRADE, [3])
    number = await served(counter)
    before = len(counter.said)
    for bit in range(8 * len(frame)):
        wrong = bytearray(frame)
        wrong[bit // 8] ^= 1 << bit % 8
        await counter.wire.write(bytes(wrong))
        await asyncio.sleep(0.6)
    assert (ratings(counter), counter.said[before:]) == ([(number, "invited", None)], [])
    await counter.grade(3)
    assert ratings(counter) == [(number, "rated", 4)]
    assert (await shown(hall, "counter"))["counters"]["bad_frames"] > 0


# ---- F16


@in_the_hall(counters)
async def test_f16_an_evaluator_that_never_stops(world: World, hall: Running) -> None:
    """A grade every 40 ms, never the same twice: one rating, the others counted; the boxes on the line are served."""
    counter = Counter(world, hall)
    number = await served(counter)

    async def babble() -> None:
        for nth in range(200):
            await counter.wire.write(build(3, GRADE, [nth % 5]))
            await asyncio.sleep(0.04)

    babbling = asyncio.create_task(babble())
    await counter.arrive("pension")
    assert await counter.press(CALL, box=1) == ["   002"]
    await babbling
    await asyncio.sleep(1)
    assert (ratings(counter), strays(counter)) == ([(number, "rated", 1)], 199)


# ---- F17


@in_the_hall(counters)
async def test_f17_a_grade_that_bounces_or_sticks(world: World, hall: Running) -> None:
    """However long it is down it is one press, also when the next visitor is asked meanwhile; a person is told."""
    counter, frame = Counter(world, hall), build(3, GRADE, [0])

    async def stick() -> None:
        for _ in range(200):
            await counter.wire.write(frame)
            await asyncio.sleep(0.1)

    first = await served(counter)
    sticking = asyncio.create_task(stick())
    await asyncio.sleep(0.1)
    second = await served(counter)
    await asyncio.sleep(12)
    assert ratings(counter) == [(first, "rated", 1), (second, "invited", None)]
    assert (await shown(hall, "counter"))["conditions"] == ["stuck_key_3"]
    await sticking
    await asyncio.sleep(1)
    assert (await shown(hall, "counter"))["conditions"] == []
    await counter.grade(4)
    assert (ratings(counter)[1], strays(counter)) == ((second, "rated", 5), 0)


# ---- F27


@pytest.mark.req("EVAL-02")
@in_the_hall(counters)
async def test_f27_a_press_after_the_next_call(world: World, hall: Running) -> None:
    """It is of the service before: a clerk cannot call a bad rating away, and the calls made meanwhile are counted."""
    counter = Counter(world, hall)
    number = await served(counter)
    await counter.arrive("pension", "pension")
    await counter.press(CALL)
    await counter.press(MISS)
    await counter.press(CALL)
    await asyncio.sleep(INVITATION_S - 3)
    await counter.grade(0)
    assert ratings(counter) == [(number, "rated", 1)]
    assert counter.rows("SELECT calls FROM evaluation") == [(2,)]
    await counter.grade(4)
    await counter.press(FINISH)
    assert (ratings(counter)[1][1:], strays(counter)) == (("invited", None), 1)


@in_the_hall(counters)
async def test_f27_a_press_after_the_next_service_has_begun(world: World, hall: Running) -> None:
    """Within its grace it is of the service before; after that it is counted, and never of the new one."""
    counter = Counter(world, hall)
    numbers = [await served(counter)]
    for wait, level in ((GRACE_S - 1, 2), (GRACE_S + 1, None)):
        await counter.arrive("pension")
        await counter.press(CALL)
        held = (await hall.get("/windows/3"))["ticket"]
        await hall.post("/windows/3/start", ticket=held["id"])
        await asyncio.sleep(wait)
        await counter.grade(1)
        assert ratings(counter)[-1] == (numbers[-1], "rated" if level else "timed_out", level)
        await counter.press(FINISH)
        numbers.append(held["number"])
    assert [each[0] for each in ratings(counter)] == numbers
    assert (ratings(counter)[-1][1:], strays(counter)) == (("invited", None), 1)


# ---- F28


@pytest.mark.req("EVAL-02")
@in_the_hall(counters)
async def test_f28_pressed_twice_and_for_two(world: World, hall: Running) -> None:
    """The first press of a service is kept, the second is counted; the next service has its own."""
    counter = Counter(world, hall)
    numbers = []
    for first, second in ((0, 4), (3, 1)):
        numbers.append(await served(counter))
        await counter.grade(first)
        await counter.grade(second)
    assert ratings(counter) == [(numbers[0], "rated", 1), (numbers[1], "rated", 4)]
    assert strays(counter) == 2


@in_the_hall(counters)
async def test_f28_a_press_that_could_not_be_stored_is_pressed_again(world: World, hall: Running) -> None:
    """It is not acknowledged, so the evaluator says so; the visitor presses once more, and that is the one rating."""
    counter = Counter(world, hall)
    number = await served(counter)
    with mock.patch.object(hall.parts.writer, "do", mock.AsyncMock(side_effect=Unstored("disk full"))):
        assert not await counter.bus.grade(3, 2)
    counter = await back(world, hall)
    assert ratings(counter) == [(number, "invited", None)]
    await counter.grade(2)
    assert (ratings(counter), strays(counter)) == ([(number, "rated", 3)], 0)
