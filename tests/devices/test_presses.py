"""Every press of a call box and of an evaluator, by its bytes, in a whole hall: it has its move, and it is answered.

A box is answered by its number, the new one or the same once more, or by a beep that this cannot be done now.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import KeyPressed
from edge.database import Unstored
from edge.notices.outputs import Again
from simulators.call_bus import KEY, build
from tests.devices.counters import Counter, counters, with_options
from tests.faults.halls import in_the_hall, shown
from tests.hall import Running, World, running

Step = tuple[str, str, list[str]]
"""(digits and key, what the display shows in answer, the events)"""


async def play(counter: Counter, steps: list[Step]) -> None:
    for nth, (data, answer, events) in enumerate(steps):
        before = len(counter.hall.events())
        answers = await counter.press(data)
        assert (answers, counter.happened(before)) == ([answer], events), f"step {nth}: {data}"


def refused(*presses: str) -> list[Step]:
    return [(data, "beep", []) for data in presses]


# ---- the two maps


HALL: list[Step] = [
    *refused("0D", "0B", "06 0F", "00 0F", "03 0F", "01 13", "0E"),  # nobody has been called
    ("0C", "   001", ["ticket.called"]),
    ("0D", "   001", ["ticket.recalled"]),
    *refused("0C", "02 0C"),  # 001 is in hand
    ("00 0F", "002   ", ["ticket.held"]),
    ("03 0F", "   001", ["ticket.resumed"]),
    *refused("0D", "06 0F", "03 0F"),  # who is being served cannot be missed
    ("0B", "002   ", ["ticket.finished", "evaluation.invited"]),
    ("0C", "   002", ["ticket.called"]),
    ("06 0F", "001   ", ["ticket.missed"]),
    *refused("00 0C", "01 0C", "07 0C"),  # finished, or never given
    ("02 0C", "   002", ["ticket.returned", "ticket.called"]),
    ("12", "   002", ["window.paused"]),
    ("12", "   002", ["window.resumed"]),
    *refused("13", "03 13", "09 13", "00 13"),  # to nowhere
    ("06 0F", "001   ", ["ticket.missed"]),
    ("12", "001   ", ["window.paused"]),
    *refused("0C", "03 0C", "03 0F"),  # the window is closed
    ("12", "001   ", ["window.resumed"]),
    ("00 00 03 0C", "   003", ["ticket.called"]),  # typed as the display shows it
    ("0B", "000   ", ["ticket.finished", "evaluation.timed_out", "evaluation.invited"]),
    ("0C", "000   ", ["window.armed"]),
    ("0C", "000   ", []),  # it waits already
    ("0E", "000   ", ["window.disarmed"]),
    *refused("0E"),
    *refused("0F", "05 0F", "01 06 0F", "11", "0A", "00", "1F", "FF"),  # no such key
    *refused("01 0D", "01 0B", "01 12", "01 0E", "0A 0C", "FF 0C", "09 09 09 09 09 09 0C"),  # no such digits
]


@in_the_hall(counters)
async def test_every_key_of_the_hall_map(world: World, hall: Running) -> None:
    """Also that who takes a number after a cancelled wait is not called."""
    counter = Counter(world, hall)
    await counter.arrive("pension", "pension", "pension")
    await play(counter, HALL)
    before = len(hall.events())
    await counter.arrive("pension")
    assert counter.happened(before) == ["ticket.issued"]


SLZ: list[Step] = [
    *refused("0D", "0B", "0E", "05 0F", "01 0A", "03 0C"),
    ("0C", "   001", ["ticket.called"]),
    ("0D", "   001", ["ticket.recalled"]),
    *refused("0A", "09 0A", "03 0A"),
    ("05 0F", "001   ", ["ticket.missed"]),
    ("00 00 01 0C", "   001", ["ticket.returned", "ticket.called"]),  # typed as the display shows it
    ("0B", "001   ", ["ticket.finished", "evaluation.invited"]),
    ("00 00 00 00 00 00 00 00 02 0C", "   002", ["ticket.called"]),  # as many digits as fit
    ("05 0F", "000   ", ["ticket.missed"]),
    ("00 0F", "000   ", ["window.paused"]),
    ("00 0F", "000   ", ["window.resumed"]),
    ("01 00 00 03 0F", "000   ", ["window.signed_in"]),
    ("01 00 00 03 0F", "000   ", []),
    ("01 00 00 01 0F", "000   ", ["window.signed_in"]),  # another clerk takes over
    *refused("01 00 0F", "00 00 0F", "01 00 00 0A 0F"),
    ("04 0F", "000   ", ["window.signed_out"]),
    ("04 0F", "000   ", []),
    *refused("00 0B", "05 0B", "06 0F", "07 0F", "08 0F", "09 0F", "0F", "12", "13", "11", "01 0D"),
]


@pytest.mark.req("WIN-25")
@in_the_hall(with_options('keys = "slz"'))
async def test_every_key_of_the_slz_map(world: World, hall: Running) -> None:
    counter = Counter(world, hall)
    await counter.arrive("pension", "pension")
    await play(counter, SLZ)


@in_the_hall(with_options('keys = "slz"'))
async def test_a_clerk_who_signs_in_elsewhere_has_left(world: World, hall: Running) -> None:
    counter = Counter(world, hall)
    await counter.press("01 00 00 03 0F", box=3)
    before = len(hall.events())
    assert await counter.press("01 00 00 03 0F", box=1) == ["000   "]
    told = [(event.type, event.data["window"], event.data["staff"]) for event in hall.events()[before:]]
    assert told == [("window.signed_out", 3, "1003"), ("window.signed_in", 1, "1003")]
    assert [(await hall.get(f"/windows/{no}"))["staff"] for no in (1, 3)] == ["1003", None]


# ---- chosen numbers and transfers


@in_the_hall(counters)
async def test_of_two_with_the_same_number_the_one_who_waits_longest(world: World, hall: Running) -> None:
    """1 is A001 and C001; whoever waits goes before who was missed."""
    counter = Counter(world, hall)
    for digit, services in (("01", ("medical", "pension")), ("02", ("pension", "medical"))):
        for number in await counter.arrive(*services):
            await counter.press(f"{digit} 0C")
            assert await in_hand(hall, 3) == number
            await counter.press("0B")
        assert await counter.press(f"{digit} 0C") == ["beep"]
    missed = await counter.arrive("pension")
    await counter.press("0C")
    await counter.press("06 0F")
    for number in await counter.arrive("medical") + missed:
        await counter.press("03 0C")
        assert await in_hand(hall, 3) == number
        await counter.press("0B")


async def in_hand(hall: Running, window: int) -> str | None:
    ticket = (await hall.get(f"/windows/{window}"))["ticket"]
    return ticket and str(ticket["number"])


async def sent_on(world: World, hall: Running, key: str) -> None:
    """Window 2 has no pensions; the one who was sent there goes before whoever took a number later."""
    counter = Counter(world, hall)
    first, later = await counter.arrive("pension", "transfer")
    await counter.press("0C", box=3)
    await play(counter, refused(key, f"03 {key}", f"09 {key}", f"00 {key}"))  # to nowhere
    assert await counter.press(f"02 {key}", box=3) != ["beep"]
    assert await in_hand(hall, 3) is None
    await counter.press("0C", box=3)
    assert await in_hand(hall, 3) is None, "nobody else gets them"
    for number in (first, later):
        assert await counter.press("0C", box=2) == ["   001"]
        assert await in_hand(hall, 2) == number
        await counter.press("0B", box=2)


@pytest.mark.req("QUE-16")
@in_the_hall(counters)
async def test_who_is_sent_to_another_window_keeps_the_place(world: World, hall: Running) -> None:
    await sent_on(world, hall, "13")


@pytest.mark.req("QUE-16")
@in_the_hall(with_options('keys = "slz"'))
async def test_who_is_sent_by_an_slz_box_keeps_the_place(world: World, hall: Running) -> None:
    await sent_on(world, hall, "0A")


@in_the_hall(counters)
async def test_a_window_that_waits_gets_at_once_whom_another_sends(world: World, hall: Running) -> None:
    counter = Counter(world, hall)
    await counter.press("0C", box=2)
    await counter.arrive("pension")
    await counter.press("0C", box=3)
    before = len(counter.said)
    assert await counter.press("02 13", box=3) == ["000   "]
    assert await counter.answer(2, before) == ["   001"]
    assert await in_hand(hall, 2) == "A001"


# ---- what nobody has configured


@in_the_hall(counters)
async def test_a_box_at_an_address_of_no_window(world: World, hall: Running) -> None:
    """It beeps, and a person is told where to look; the window whose box it should be goes on."""
    counter = Counter(world, hall)
    assert await counter.press("0C", box=9) == ["beep"]
    told = await shown(hall, "counter")
    assert (told["severity"], told["conditions"]) == ("warn", ["unknown_address_9"])
    assert told["why"] == "9号地址没有分给任何窗口"
    assert "地址" in told["advice"]
    assert (await hall.get("/devices"))["presses"]["strangers"] == 1
    await counter.grade(4, box=8)
    assert (await shown(hall, "counter"))["conditions"] == ["unknown_address_8", "unknown_address_9"]
    assert not hall.events("evaluation") + hall.events("window")


def three_keys(text: str) -> str:
    """An evaluator that has three keys: its grades 0, 1 and 2."""
    place = 'evaluator = { device = "counter", address = 3'
    return counters(text).replace(place, f"{place}, levels = [1, 3, 5]")


@pytest.mark.req("EVAL-03")
@in_the_hall(three_keys)
async def test_a_grade_that_has_no_level(world: World, hall: Running) -> None:
    """It is acknowledged, and a person is told; it is no rating, so the visitor can still give one."""
    counter = Counter(world, hall)
    await counter.arrive("pension")
    await counter.press("0C")
    await counter.press("0B")
    await counter.grade(3)
    told = await shown(hall, "counter")
    assert (told["conditions"], told["why"]) == (["unknown_grade_3"], "3号评价键没有对应的等级")
    assert not hall.events("evaluation.rated")
    await counter.grade(2)
    assert [event.data["level"] for event in hall.events("evaluation.rated")] == [5]


# ---- a key that sticks, and two boxes


@in_the_hall(counters)
async def test_a_key_that_sticks_is_told_to_a_person(world: World, hall: Running) -> None:
    """Half a minute of one key is one call; after 10 s ops shows it, until it is let go."""
    counter, frame = Counter(world, hall), build(3, KEY, [0x0C])
    await counter.arrive("pension", "pension")

    async def conditions() -> list[str]:
        return list((await shown(hall, "counter"))["conditions"])

    for nth in range(300):
        await counter.wire.write(frame)
        await asyncio.sleep(0.1)
        if nth % 50 == 20:
            assert await conditions() == (["stuck_key_3"] if nth > 100 else [])
    told = await shown(hall, "counter")
    assert (told["severity"], told["why"]) == ("warn", "3号键一直按着")
    await asyncio.sleep(1)
    assert await conditions() == []
    assert len(hall.events("ticket.called")) == 1
    told_of = [(event.data["condition"], event.data["active"]) for event in hall.events("device.condition")]
    assert told_of == [("stuck_key_3", True), ("stuck_key_3", False)]


def two_boxes(text: str) -> str:
    box = '{ device = "counter", address = 3 }'
    return counters(text).replace(f"call_box = {box}", f"call_box = [{box}, {box.replace('3', '4')}]")


async def both(counter: Counter, data: str) -> list[list[str]]:
    """The answers to the same key of both boxes, pressed at once."""
    *digits, key = bytes.fromhex(data)
    before = len(counter.said)
    assert await asyncio.gather(*(counter.bus.press(box, key, digits) for box in (3, 4))) == [True, True]
    return list(await asyncio.gather(*(counter.answer(box, before) for box in (3, 4))))


@in_the_hall(two_boxes)
async def test_two_boxes_of_one_window_pressed_at_once(world: World, hall: Running) -> None:
    """One move, and both clerks are answered. Fails when the second press is swallowed."""
    counter = Counter(world, hall)
    await counter.arrive("pension", "pension")
    first, second = await both(counter, "0D")
    assert first == ["beep"]
    assert second
    assert await both(counter, "0C") == [["   001"], ["   001"]]
    assert await both(counter, "12") == [["   001"], ["   001"]]
    assert (await hall.get("/windows/3"))["state"] == "paused"
    assert counter.happened()[-2:] == ["ticket.called", "window.paused"]


# ---- an answer always


@in_the_hall(two_boxes)
async def test_a_slow_disk_makes_no_second_press_of_one(world: World, hall: Running) -> None:
    """Until the first press is stored, which takes a second here, and a blink more, the same key is the same press."""
    do = hall.parts.writer.do

    async def slow(use_case: Any, command: Any) -> Any:
        await asyncio.sleep(1)
        return await do(use_case, command)

    async def pause(after_s: float, box: int) -> list[Any]:
        await asyncio.sleep(after_s)
        return await hall.parts.presses(world.hall.device["counter"], KeyPressed(box, "pause"))

    with mock.patch.object(hall.parts.writer, "do", slow):
        answers = await asyncio.gather(pause(0, 3), pause(0.5, 4), pause(1.2, 4))
    assert list(answers) == [[Again("counter", box)] for box in (3, 4, 4)]
    assert [event.type for event in hall.events("window")] == ["window.paused"]


@in_the_hall(counters)
async def test_what_could_not_be_stored_is_answered_when_that_is_known(world: World, hall: Running) -> None:
    """Fails when the beep has a time that begins with the press: a locked database says no after five seconds."""
    counter = Counter(world, hall)

    async def locked(_use_case: Any, _command: Any) -> Any:
        await asyncio.sleep(5)
        raise Unstored("database is locked")

    with mock.patch.object(hall.parts.writer, "do", locked):
        assert await counter.press("12") == []
        before = len(counter.said)
        await asyncio.sleep(4.6)
        assert await counter.answer(3, before) == ["beep"]


@in_the_hall(with_options("max_length = 60"))
async def test_a_number_longer_than_any(world: World, hall: Running) -> None:
    """Fails when it reaches the database, which has no room for it, and the service ends."""
    counter = Counter(world, hall)
    await counter.arrive("pension")
    before = len(counter.said)
    await counter.wire.write(build(3, KEY, [9] * 50 + [0x0C]))
    assert await counter.answer(3, before) == ["beep"]
    assert await counter.press("00 00 00 00 00 00 00 00 01 0C") == ["   001"]


KEYS = st.sampled_from([*range(0x0A, 0x15), 0x00, 0xFF])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 3]), st.lists(st.integers(0, 10), max_size=2), KEYS), max_size=25))
@pytest.mark.looptime
async def test_no_press_without_an_answer(made: list[tuple[int, list[int], int]]) -> None:
    """Whatever is pressed, whatever state the window is in: a beep, or the number that stands there now."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), counters)
        async with running(world) as hall:
            await hall.up()
            counter = Counter(world, hall)
            for nth, (box, digits, key) in enumerate(made):
                if nth % 3 == 0:
                    await counter.arrive(["pension", "medical", "transfer"][nth % 5 % 3])
                answers = await counter.press(bytes([*digits, key]).hex(), box)
                view = await hall.get(f"/windows/{box}")
                number = f"   {view['ticket']['number'][1:]}" if view["ticket"] else f"{view['waiting']:03d}   "
                assert answers in (["beep"], [number])
                assert counter.bus.boxes[box].digits == number
