"""The FF 68 bus: what is typed before a key, how long a frame may be, and keys that stick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Condition, DeviceEvent, Graded, KeyPressed
from drivers.call_bus import LONGEST, MAX_REPEATS, CallBus, key
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame.raw for frame in golden.load("call_bus")}
CALL, GRADE = GOLDEN["call key, box 3"], GOLDEN["grade 3, evaluator 3"]
RECALL = bytes.fromhex("FF 68 03 03 68 03 00 0D 10 16")
CALL_OF_4 = bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16")
# Their sums are 16 hex, the byte that ends a frame.
SIGN_IN = bytes.fromhex("FF 68 07 07 68 03 00 01 00 00 03 0F 16 16")
SIGN_OUT = bytes.fromhex("FF 68 04 04 68 03 00 04 0F 16 16")
NAMES = {"call", "recall", "finish", "cancel", "pause", "transfer", "miss", "hold", "resume", "sign_in", "sign_out"}


async def opened(**options: Any) -> tuple[CallBus, End]:
    link, wire = pair()

    async def opener() -> End:
        return link

    bus = CallBus(opener, options)
    await bus.__aenter__()
    return bus, wire


async def heard(wire: End) -> bytes:
    """Everything the host says until it is silent."""
    data = b""
    try:
        while True:
            async with asyncio.timeout(0.1):
                data += await wire.read()
    except TimeoutError:
        return data


class Listener:
    """Takes each event as soon as it is told, with its time."""

    def __init__(self, bus: CallBus) -> None:
        self.told: list[tuple[float, DeviceEvent]] = []
        self._task = asyncio.create_task(self._listen(bus))

    async def _listen(self, bus: CallBus) -> None:
        async for event in bus.events():
            self.told.append((now(), event))

    @property
    def events(self) -> list[DeviceEvent]:
        return [event for _, event in self.told]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


Talk = Callable[[CallBus, End, Listener], Awaitable[None]]


def on_the_line(**options: Any) -> Callable[[Talk], Callable[[], Awaitable[None]]]:
    def decorate(talk: Talk) -> Callable[[], Awaitable[None]]:
        @pytest.mark.looptime
        async def test() -> None:
            bus, wire = await opened(**options)
            listener = Listener(bus)
            try:
                await talk(bus, wire, listener)
            finally:
                await listener.stop()
                await bus.hang_up()

        test.__doc__ = talk.__doc__
        return test

    return decorate


# ---- codec


@pytest.mark.parametrize(
    ("data", "name", "digits"),
    [
        ("01 00 00 03 0F", "sign_in", (1, 0, 0, 3)),
        ("00 00 0F", "sign_in", (0, 0)),
        ("04 04 0F", "sign_in", (4, 4)),
        ("09 09 09 09 09 09 09 09 09 0F", "sign_in", (9,) * 9),
        ("04 0F", "sign_out", ()),
        ("09 0F", "key_0F", (9,)),
        ("0F", "key_0F", ()),
        ("01 0A 00 03 0F", "key_0F", ()),
        ("0F 0F", "key_0F", ()),
        ("0A 0C", "key_0C", ()),
        ("FF 0A", "key_0A", ()),
        ("0C 0C", "key_0C", ()),
        ("00 04 0F", "sign_in", (0, 4)),
    ],
)
def test_what_is_typed_before_an_slz_key(data: str, name: str, digits: tuple[int, ...]) -> None:
    assert key("slz", bytes.fromhex(data)) == (name, digits)


@pytest.mark.parametrize("data", ["01 00 00 03 0F", "00 00 0F", "04 0F", "0A 0F", "06 06 0F"])
def test_a_hall_box_signs_nobody_in(data: str) -> None:
    assert key("hall", bytes.fromhex(data))[0] == "key_0F"


@given(st.sampled_from(["hall", "slz"]), st.binary(min_size=1, max_size=12))
def test_any_key_has_a_name_and_its_digits_are_digits(profile: str, data: bytes) -> None:
    name, digits = key(profile, data)
    assert name in NAMES or name == f"key_{data[-1]:02X}"
    assert max(digits, default=0) <= 9
    assert digits in ((), tuple(data[:-1]))


# ---- frames


@on_the_line(keys="slz")
async def test_a_sign_in_and_a_sign_out_are_echoed_and_told(bus: CallBus, wire: End, listener: Listener) -> None:
    await wire.write(SIGN_IN[:7])
    await wire.write(SIGN_IN[7:] + SIGN_OUT)
    assert await heard(wire) == SIGN_IN + SIGN_OUT
    assert listener.events == [KeyPressed(3, "sign_in", (1, 0, 0, 3)), KeyPressed(3, "sign_out")]


def typed(digits: int) -> bytes:
    """The call key of box 3 after so many nines."""
    body = bytes([3, 0, *[9] * digits, 0x0C])
    return bytes([0xFF, 0x68, len(body), len(body), 0x68, *body, sum(body) & 0xFF, 0x16])


async def longest(wire: End, listener: Listener, digits: int) -> None:
    """So many can be typed, and no more."""
    await wire.write(typed(digits + 1))
    assert (await heard(wire), listener.events) == (b"", [])
    await asyncio.sleep(1)
    await wire.write(typed(digits))
    assert (await heard(wire), listener.events) == (typed(digits), [KeyPressed(3, "call", (9,) * digits)])


@on_the_line()
async def test_a_hall_box_types_as_many_digits_as_its_display_has(bus: CallBus, wire: End, listener: Listener) -> None:
    await longest(wire, listener, 6)


@on_the_line(keys="slz")
async def test_an_slz_box_types_a_longer_staff_number(bus: CallBus, wire: End, listener: Listener) -> None:
    await longest(wire, listener, 9)


@on_the_line(keys="slz", max_length=5)
async def test_the_length_is_an_option(bus: CallBus, wire: End, listener: Listener) -> None:
    await longest(wire, listener, 2)


def test_the_longest_frames_are_of_these_maps() -> None:
    assert LONGEST == {"hall": 9, "slz": 12}


@on_the_line()
async def test_own_numbers_that_come_back_are_no_keys(bus: CallBus, wire: End, listener: Listener) -> None:
    """They are as long as six digits and a key; fails when a line that returns them, unknown to the file, types."""
    await bus.show_number(3, 1, 0)
    await wire.write(await wire.read())
    await asyncio.sleep(0.1)
    assert (listener.events, await heard(wire)) == ([], b"")


# ---- keys that stick


async def hold(wire: End, frame: bytes, seconds: float) -> float:
    """The key is down and repeats ten times a second; when it comes up."""
    until = now() + seconds
    while now() < until:
        await wire.write(frame)
        await asyncio.sleep(0.1)
    return now()


@on_the_line()
async def test_a_stuck_key_is_told_after_ten_seconds_and_over_when_let_go(
    bus: CallBus, wire: End, listener: Listener
) -> None:
    """One press, one condition, and no more echoes than a box that did not hear us can need."""
    began = now()
    up = await hold(wire, CALL, 30)
    await asyncio.sleep(1)
    assert listener.events == [KeyPressed(3, "call"), Condition("stuck_key_3", True), Condition("stuck_key_3", False)]
    (_, pressed), (told, _), (over, _) = [(at, event) for at, event in listener.told]
    assert pressed == KeyPressed(3, "call")
    assert 10 <= told - began < 10.2
    assert 0.3 < over - up < 0.6
    assert await heard(wire) == CALL * (1 + MAX_REPEATS)
    await wire.write(CALL)
    await asyncio.sleep(0.1)
    assert listener.events[3:] == [KeyPressed(3, "call")], "let go, it works again"


@on_the_line()
async def test_a_key_that_is_held_down_for_less_is_not_stuck(bus: CallBus, wire: End, listener: Listener) -> None:
    await hold(wire, CALL, 9.8)
    await asyncio.sleep(2)
    assert listener.events == [KeyPressed(3, "call")]


@on_the_line()
async def test_another_key_of_the_box_ends_it(bus: CallBus, wire: End, listener: Listener) -> None:
    await hold(wire, CALL, 11)
    await wire.write(RECALL)
    await asyncio.sleep(0.6)
    assert listener.events[1:] == [
        Condition("stuck_key_3", True),
        KeyPressed(3, "recall"),
        Condition("stuck_key_3", False),
    ]


@on_the_line()
async def test_the_other_boxes_are_heard_while_one_is_stuck(bus: CallBus, wire: End, listener: Listener) -> None:
    for _ in range(4):
        await hold(wire, CALL, 5)
        await wire.write(CALL_OF_4)
    await asyncio.sleep(1)
    assert listener.events.count(KeyPressed(4, "call")) == 4
    assert listener.events.count(KeyPressed(3, "call")) == 1
    conditions = [event for event in listener.events if isinstance(event, Condition)]
    assert conditions == [Condition("stuck_key_3", True), Condition("stuck_key_3", False)]


@on_the_line(evaluator_offset=0x80)
async def test_an_evaluator_that_sticks_is_told_by_its_box(bus: CallBus, wire: End, listener: Listener) -> None:
    """Nobody knows a window by 131."""
    await hold(wire, GOLDEN["grade 3, evaluator 80 + 3"], 12)
    await asyncio.sleep(1)
    assert listener.events == [Graded(3, 3), Condition("stuck_key_3", True), Condition("stuck_key_3", False)]


@on_the_line(evaluator_offset=0x80)
async def test_a_box_and_its_evaluator_that_both_stick(bus: CallBus, wire: End, listener: Listener) -> None:
    """What is over for one is told anew for the other."""
    grade = GOLDEN["grade 3, evaluator 80 + 3"]
    await hold(wire, CALL + grade, 12)
    await hold(wire, grade, 2)
    await asyncio.sleep(1)
    conditions = [event.active for event in listener.events if isinstance(event, Condition)]
    assert conditions == [True, False, True, False]
    assert listener.events[:2] == [KeyPressed(3, "call"), Graded(3, 3)]
