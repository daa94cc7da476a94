"""Keypads and evaluators that are keyboards: the device against a scripted wire in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.base import (
    Condition,
    DeviceEvent,
    Evaluator,
    Graded,
    KeyPressed,
    Link,
    Misconfigured,
    NumberDisplay,
    Unreachable,
)
from drivers.hid import DEVICE, GRADES, KEYS, MOST_DIGITS, PRINTED, Hid
from drivers.usb_hid import open_hid
from tests import frames_toml as golden
from tests.drivers.fake_usb import Bus, Keypad
from tests.wire import End, pair

GOLDEN = {frame.name: frame.raw for frame in golden.load("hid")}
UP = GOLDEN["no key"]


def report(*keys: str) -> bytes:
    """As a keypad says it, from the tables of HID Usage Tables 10: the digits from 59 on, letters from 04 on."""
    usages = {"Enter": 0x58, "+": 0x57, "-": 0x56, "*": 0x55, "/": 0x54, ".": 0x63, "0": 0x62, "Backspace": 0x2A}
    codes = [usages.get(key) or (0x59 + int(key) - 1 if key.isdigit() else 0x04 + ord(key) - ord("A")) for key in keys]
    return bytes([0, 0, *codes]).ljust(8, b"\0")


async def opened(**options: Any) -> tuple[Hid, End]:
    link, wire = pair()

    async def opener() -> End:
        return link

    device = Hid(opener, options)
    await device.__aenter__()
    return device, wire


async def type_(wire: End, *keys: str, each: float = 0.1) -> None:
    """Presses and releases one key after the other."""
    for key in keys:
        await wire.write(report(key))
        await asyncio.sleep(each)
        await wire.write(UP)
        await asyncio.sleep(each)


@contextlib.asynccontextmanager
async def listening(device: Hid) -> AsyncIterator[list[DeviceEvent]]:
    """Everything that is told meanwhile."""
    found: list[DeviceEvent] = []

    async def listen() -> None:
        async with contextlib.aclosing(device.events()) as events:
            async for event in events:
                found.append(event)

    task = asyncio.create_task(listen())
    try:
        yield found
        await asyncio.sleep(0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


KEYPAD = {"use": "keypad"}


def test_it_is_an_evaluator_and_no_display() -> None:
    assert DEVICE is Hid
    assert issubclass(Hid, Evaluator)
    assert not issubclass(Hid, NumberDisplay)
    assert {KeyPressed, Graded} <= set(Hid.TELLS)


# ---- evaluators


@pytest.mark.looptime
async def test_golden_presses_are_grades_in_the_order_of_the_keys() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        for name in ("key 1", "no key", "keypad 5", "no key", "key 4", "no key", "keypad 1", "no key"):
            await wire.write(GOLDEN[name])
            await asyncio.sleep(0.1)
    assert found == [Graded(0, 0), Graded(0, 4), Graded(0, 3), Graded(0, 0)]
    assert (device.ignored, device.counters.frames_in, device.counters.garbage) == (0, 8, 0)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("grades", "keys", "told", "ignored"),
    [
        ("54321", "154", [4, 0, 1], 0),
        ("4321", "1540", [3, 0], 2),
        ("edcba", "AE", [4, 0], 0),
        ("0", "01", [0], 1),
    ],
)
async def test_only_the_keys_of_the_grades_are_told(grades: str, keys: str, told: list[int], ignored: int) -> None:
    device, wire = await opened(grades=grades)
    async with listening(device) as found:
        await type_(wire, *keys)
    assert found == [Graded(0, grade) for grade in told]
    assert device.ignored == ignored


@pytest.mark.looptime
async def test_other_keys_are_counted_and_never_told() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        await type_(wire, "Enter", "+", "9", "A")
        for name in ("key S with shift", "no key", "seven keys", "no key"):
            await wire.write(GOLDEN[name])
            await asyncio.sleep(0.1)
    assert found == []
    assert device.ignored == 5


@pytest.mark.looptime
async def test_two_keys_at_once_are_two_presses_and_a_held_one_is_never_repeated() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        for keys in ("1", "12", "12", "21", "2", "25"):
            await wire.write(report(*keys))
            await asyncio.sleep(0.5)
    assert found == [Graded(0, 0), Graded(0, 1), Graded(0, 4)]


@pytest.mark.looptime
async def test_shift_changes_nothing() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        for raw in (b"\x02" + UP[1:], b"\x02" + GOLDEN["key 1"][1:], GOLDEN["key 1"], UP):
            await wire.write(raw)
            await asyncio.sleep(0.1)
    assert found == [Graded(0, 0)]


@pytest.mark.looptime
async def test_it_is_invited_without_a_byte_and_only_while_it_is_there() -> None:
    device, wire = await opened()
    await device.invite(0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.read(), 1)
    listening = asyncio.create_task(anext(device.events()))
    await asyncio.sleep(0)
    await wire.close()
    with pytest.raises(Unreachable):
        await listening
    with pytest.raises(Unreachable):
        await device.invite(0)


# ---- keypads


@pytest.mark.looptime
async def test_digits_go_before_a_key_that_means_something() -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        await type_(wire, "0", "4", "2", "Enter", "Enter", "1", "2", "/", "+", "-", "*", ".")
    assert found == [
        KeyPressed(0, "call", (0, 4, 2)),
        KeyPressed(0, "call"),
        KeyPressed(0, "transfer", (1, 2)),
        KeyPressed(0, "recall"),
        KeyPressed(0, "finish"),
        KeyPressed(0, "miss"),
        KeyPressed(0, "pause"),
    ]
    assert device.ignored == 0


@pytest.mark.looptime
@pytest.mark.parametrize(("pause", "digits"), [(9.5, (4, 2)), (10.5, ())])
async def test_digits_are_forgotten_after_ten_seconds(pause: float, digits: tuple[int, ...]) -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        await type_(wire, "4", "2")
        await asyncio.sleep(pause - 0.2)
        await type_(wire, "Enter")
    assert found == [KeyPressed(0, "call", digits)]


@pytest.mark.looptime
async def test_any_key_keeps_what_was_typed_and_backspace_takes_a_digit_back() -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        await type_(wire, "4", "3", "Backspace", "2", each=2.0)
        await type_(wire, "A", each=4.0)
        await type_(wire, "Enter", "Backspace")
    assert found == [KeyPressed(0, "call", (4, 2))]
    assert device.ignored == 2


@pytest.mark.looptime
async def test_no_more_than_eight_digits_are_kept() -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        await type_(wire, *"1234567890", "Enter")
    assert found == [KeyPressed(0, "call", (1, 2, 3, 4, 5, 6, 7, 8))]
    assert (MOST_DIGITS, device.ignored) == (8, 2)


@pytest.mark.looptime
async def test_the_keys_can_mean_something_else_digits_too() -> None:
    device, wire = await opened(**KEYPAD, keys={"1": "call", "A": "sign_in", "Enter": "start"})
    async with listening(device) as found:
        await type_(wire, "2", "0", "A", "1", "3", "Enter", "+")
    assert found == [KeyPressed(0, "sign_in", (2, 0)), KeyPressed(0, "call"), KeyPressed(0, "start", (3,))]
    assert device.ignored == 1


# ---- time


@pytest.mark.looptime
async def test_a_contact_that_bounces_is_one_press() -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        for _ in range(5):
            await type_(wire, "Enter", each=0.01)
        await asyncio.sleep(0.05)
        await type_(wire, "Enter")
    assert found == [KeyPressed(0, "call")] * 2


@pytest.mark.looptime
async def test_a_key_that_sticks_is_a_condition_and_one_press() -> None:
    device, wire = await opened(**KEYPAD)
    async with listening(device) as found:
        await wire.write(report("Enter"))
        await asyncio.sleep(9.9)
        assert found == [KeyPressed(0, "call")]
        await asyncio.sleep(0.2)
        assert found[1:] == [Condition("stuck_key", True)]
        await wire.write(report("Enter", "+"))
        await wire.write(report("Enter"))
        await asyncio.sleep(60)
        assert found[2:] == [KeyPressed(0, "recall")]
        await wire.write(UP)
        await asyncio.sleep(0.1)
        assert found[3:] == [Condition("stuck_key", False)]


@pytest.mark.looptime
async def test_two_keys_that_stick_are_one_condition_until_both_are_free() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        await wire.write(report("8", "9"))
        await asyncio.sleep(20)
        await wire.write(report("9"))
        await asyncio.sleep(20)
        assert found == [Condition("stuck_key", True)]
        await wire.write(UP)
        await asyncio.sleep(0.1)
        assert found[1:] == [Condition("stuck_key", False)]


@pytest.mark.looptime
async def test_a_key_that_sticks_while_the_hall_is_busy_is_told_when_it_is_not() -> None:
    device, wire = await opened()
    async with contextlib.aclosing(device.events()) as events:
        await wire.write(report("1"))
        assert await anext(events) == Graded(0, 0)
        await asyncio.sleep(15)
        assert await asyncio.wait_for(anext(events), 0.1) == Condition("stuck_key", True)
        await wire.write(UP)
        assert await asyncio.wait_for(anext(events), 0.1) == Condition("stuck_key", False)


# ---- links


@pytest.mark.looptime
async def test_reports_in_odd_pieces_are_put_together() -> None:
    device, wire = await opened(**KEYPAD)
    stream = b"".join(report(key) + UP for key in "123") + report("Enter") + UP
    async with listening(device) as found:
        for at in range(0, len(stream), 5):
            await wire.write(stream[at : at + 5])
            await asyncio.sleep(0.3)
    assert found == [KeyPressed(0, "call", (1, 2, 3))]
    assert device.counters.bad_frames == 0


@pytest.mark.looptime
async def test_half_a_report_is_given_up_after_a_silence() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        await wire.write(report("1")[:3])
        await asyncio.sleep(0.6)
        await type_(wire, "2")
    assert found == [Graded(0, 1)]
    assert device.counters.bad_frames == 1


@pytest.mark.looptime
async def test_half_a_report_while_a_key_sticks_does_not_hold_up_anything() -> None:
    device, wire = await opened()
    async with listening(device) as found:
        await wire.write(report("1"))
        await asyncio.sleep(9.8)
        await wire.write(UP[:3])
        await asyncio.sleep(5)
        await wire.write(UP)
        await asyncio.sleep(0.1)
    assert found == [Graded(0, 0), Condition("stuck_key", True), Condition("stuck_key", False)]


async def test_over_usb_from_the_key_to_the_event_and_to_the_unplugging() -> None:
    keypad = Keypad()

    async def opener() -> Link:
        return await open_hid("hid://046d:c31c", Bus(keypad))

    async with Hid(opener, KEYPAD) as device, contextlib.aclosing(device.events()) as events:
        asking = asyncio.ensure_future(anext(events))
        for key in ("4", "Enter"):
            keypad.press(report(key), UP)
        assert await asyncio.wait_for(asking, 5) == KeyPressed(0, "call", (4,))
        keypad.unplug()
        with pytest.raises(Unreachable):
            await asyncio.wait_for(anext(events), 5)
        with pytest.raises(Unreachable):
            await device.invite(0)
    assert not keypad.claimed
    assert keypad.handles == 0


# ---- options


@pytest.mark.parametrize(
    ("options", "capability", "address", "why"),
    [
        ({}, Evaluator, 0, None),
        (KEYPAD, KeyPressed, 0, None),
        (KEYPAD, Evaluator, 0, "its options.use is keypad"),
        ({}, KeyPressed, 0, "its options.use is evaluator"),
        ({}, Evaluator, 2, "it is one place, address 0, and not 2"),
    ],
)
def test_what_it_lacks_is_told_before_anything_runs(
    options: dict[str, Any], capability: type, address: int, why: str | None
) -> None:
    assert Hid.lacks(options, capability, address) == why


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"use": "mouse"}, "use is"),
        ({"grades": ""}, "grades has"),
        ({"grades": "11"}, "grades has"),
        ({"grades": "1一"}, "grades has"),
        ({"keys": {"Enter": "call"}}, "keys means nothing"),
        ({"use": "keypad", "grades": "12345"}, "grades means nothing"),
        ({"use": "keypad", "keys": {}}, "keys is a table"),
        ({"use": "keypad", "keys": "call"}, "keys is a table"),
        ({"use": "keypad", "keys": {"Return": "call"}}, "keys knows no Return; known are A, B"),
        ({"use": "keypad", "keys": {"Enter": "dance"}}, "keys makes dance"),
        ({"use": "keypad", "keys": {"Enter": 1}}, "keys makes 1"),
    ],
)
def test_wrong_options_are_misconfigured(options: dict[str, Any], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        Hid(lambda: asyncio.sleep(0, pair()[0]), options)
    with pytest.raises(Misconfigured, match=says):
        Hid.lacks(options, Evaluator, 0)


def test_what_is_meant_without_options() -> None:
    assert GRADES == "12345"
    assert set(KEYS) == {"Enter", "+", "-", "*", "/", "."} <= PRINTED.keys()
