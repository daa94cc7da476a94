"""The boxes' keypads, what people see on them for a moment, and their rudeness, against bytes worked out by hand."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.call_bus import CallBus, Deframer, build
from simulators.call_bus_rude import Rude, collided, slowed
from tests.simulators.test_call_bus import (
    BEEP,
    CALL_KEY,
    FAIL,
    OK,
    RESULT_3,
    RESULT_3_ACK,
    TICKET_001,
    everything,
    hear,
    line,
)
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

# source: the description of the bus, address 4
TICKET_001_AT_4 = bytes.fromhex("FF 68 08 08 68 04 02 0A 0A 0A 00 00 01 25 16")


def operate(bus: CallBus, *names: str) -> None:
    """Throws switches and types digits, which takes no time."""
    for name in names:
        assert bus.control(name) is None


async def pressed(bus: CallBus, link: End, name: str) -> bytes:
    """The frame that a key sends; it is answered as the host does."""
    pressing = bus.control(name)
    assert pressing is not None
    waiting = asyncio.ensure_future(pressing)
    frame = await link.read()
    await link.write(frame)
    await waiting
    return frame


# ---- keys


@pytest.mark.parametrize(
    ("keys", "name", "data"),
    [
        ("hall", "call:3", "0C"),
        ("hall", "recall:3", "0D"),
        ("hall", "finish:3", "0B"),
        ("hall", "key:3:call", "0C"),
        ("hall", "key:3:cancel", "0E"),
        ("hall", "key:3:pause", "12"),
        ("hall", "key:3:transfer", "13"),
        ("hall", "key:3:line", "11"),
        ("hall", "key:3:function", "0F"),
        ("hall", "key:3:miss", "06 0F"),
        ("hall", "key:3:hold", "00 0F"),
        ("hall", "key:3:resume", "03 0F"),
        ("slz", "call:3", "0C"),
        ("slz", "key:3:transfer", "0A"),
        ("slz", "key:3:miss", "05 0F"),
        ("slz", "key:3:pause", "00 0F"),
        ("slz", "key:3:sign_out", "04 0F"),
    ],
)
async def test_every_key_of_both_kinds_of_box(keys: str, name: str, data: str) -> None:
    async with line(boxes=[3], keys=keys) as (bus, link):
        frame = await pressed(bus, link, name)
        assert frame[5:-2] == bytes.fromhex("03 00") + bytes.fromhex(data)
        assert bus.boxes[3].fault == ""


async def test_digits_are_typed_one_by_one_and_go_out_with_the_next_key_only() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "digit:3:1", "digit:3:2")
        assert bus.state()["boxes"]["3"]["typed"] == "12"
        transfer = bytes.fromhex("FF 68 05 05 68 03 00 01 02 13 19 16")
        assert await pressed(bus, link, "key:3:transfer") == transfer
        assert await pressed(bus, link, "call:3") == CALL_KEY
        operate(bus, "digit:3:9", "clear:3")
        assert await pressed(bus, link, "call:3") == CALL_KEY
        operate(bus, "digit:3:6")
        assert await pressed(bus, link, "key:3:function") == bytes.fromhex("FF 68 04 04 68 03 00 06 0F 18 16")


async def test_a_staff_login_is_a_long_frame_and_the_keypad_takes_six_digits() -> None:
    async with line(boxes=[3], keys="slz") as (bus, link):
        operate(bus, *(f"digit:3:{digit}" for digit in "1001"))
        assert await pressed(bus, link, "key:3:function") == bytes.fromhex("FF 68 07 07 68 03 00 01 00 00 01 0F 14 16")
        operate(bus, *(f"digit:3:{digit}" for digit in "12345678"))
        assert bus.boxes[3].typed == "123456"
        frame = await pressed(bus, link, "call:3")
        assert frame == bytes.fromhex("FF 68 09 09 68 03 00 01 02 03 04 05 06 0C 24 16")


async def test_the_boxes_of_halls_take_two_digits_so_that_no_frame_is_longer_than_their_host_takes() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, *(f"digit:3:{digit}" for digit in "123"))
        assert await pressed(bus, link, "key:3:transfer") == bytes.fromhex("FF 68 05 05 68 03 00 01 02 13 19 16")


async def test_each_box_has_its_own_digits() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        operate(bus, "digit:4:7")
        assert await pressed(bus, link, "call:3") == CALL_KEY
        assert bus.boxes[4].typed == "7"


def test_a_key_map_that_nobody_has_is_refused() -> None:
    with pytest.raises(ValueError, match="hall or slz"):
        CallBus("counter", {"keys": "acme"})


@pytest.mark.parametrize("name", ["key:3:sign_out", "digit:3:a", "digit:4:1", "key:3", "key:3:", "stuck:4", "", "rude"])
async def test_names_that_are_no_control(name: str) -> None:
    async with line(boxes=[3]) as (bus, _):
        with pytest.raises(KeyError):
            bus.control(name)


# ---- what is seen for a moment


async def test_lamps_and_the_beeper_go_out_again() -> None:
    async with line(boxes=[3]) as (bus, link):
        dark = bus.picture()
        for frame in (OK, FAIL, BEEP):
            await hear(link, frame)
            assert bus.picture() != dark
            await asyncio.sleep(3.1)
            assert bus.picture() == dark
        assert bus.state()["boxes"]["3"]["ok"] is False


async def test_the_picture_shows_what_is_typed_until_the_key_goes_out() -> None:
    async with line(boxes=[3]) as (bus, link):
        await hear(link, TICKET_001)
        shown = bus.picture()
        operate(bus, "digit:3:8")
        assert bus.picture() != shown
        assert bus.boxes[3].digits == "   001"
        await pressed(bus, link, "call:3")
        await asyncio.sleep(1.1)
        assert bus.picture() == shown


async def test_a_grade_is_thanked_for() -> None:
    async with line(boxes=[3]) as (bus, link):
        grading = asyncio.create_task(bus.grade(3, 3))
        assert await link.read() == RESULT_3
        await link.write(RESULT_3_ACK)
        assert await grading
        assert "谢谢" in bus.picture()
        await asyncio.sleep(3.1)
        assert "谢谢" not in bus.picture()


# ---- rudeness


async def test_a_worn_key_says_everything_twice_within_300_ms() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "bounce")
        began = asyncio.get_running_loop().time()
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        for _ in range(2):
            assert await link.read() == CALL_KEY
            await link.write(CALL_KEY)
        assert await pressing
        assert asyncio.get_running_loop().time() - began < 0.3
        assert await everything(link) == []


async def test_a_stuck_key_repeats_every_100_ms_until_it_is_let_go_also_over_a_new_connection() -> None:
    bus, loop = CallBus("counter", {"boxes": [3]}), asyncio.get_running_loop()
    operate(bus, "stuck:3")
    for _ in range(2):
        link, wire = pair()
        talk = asyncio.create_task(bus.talk(wire))
        times = []
        for _ in range(4):
            assert await link.read() == CALL_KEY
            times.append(loop.time())
        assert [round(b - a, 3) for a, b in pairwise(times)] == [0.1, 0.1, 0.1]
        await link.close()
        await talk
    assert bus.state()["boxes"]["3"]["stuck"] is True
    operate(bus, "stuck:3")
    async with asyncio.timeout(5):
        link, wire = pair()
        talk = asyncio.create_task(bus.talk(wire))
        assert await everything(link) == []
        operate(bus, "stuck:3")
        assert await link.read() == CALL_KEY
        await link.close()
        await talk


async def test_what_sticks_is_the_key_that_was_pressed_last_and_others_still_work() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        await pressed(bus, link, "key:3:miss")
        operate(bus, "stuck:3")
        assert await link.read() == bytes.fromhex("FF 68 04 04 68 03 00 06 0F 18 16")
        pressing = asyncio.create_task(bus.press(4, 0x0C))
        assert await link.read() == bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16")
        await link.write(bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16"))
        assert await pressing


async def test_half_a_frame_and_then_silence() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "half")
        assert await bus.press(3, 0x0C) is False
        assert await everything(link) == [CALL_KEY[:5]]
        assert bus.boxes[3].fault == "无应答"


async def test_noise_breaks_the_first_sending_and_precedes_the_others() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "noise")
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        first, second = await link.read(), await link.read()
        assert CALL_KEY not in first
        assert first.endswith(CALL_KEY[5:])
        assert second.endswith(CALL_KEY)
        assert 1 <= len(second) - len(CALL_KEY) <= 6
        await link.write(CALL_KEY)
        assert await pressing


async def test_a_frame_with_a_wrong_sum_one_with_unequal_lengths_and_then_the_right_one() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "damage")
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        assert await link.read() == bytes.fromhex("FF 68 03 03 68 03 00 0C 0E 16")
        assert await link.read() == bytes.fromhex("FF 68 03 02 68 03 00 0C 0F 16")
        assert await link.read() == CALL_KEY
        await link.write(CALL_KEY)
        assert await pressing


@pytest.mark.parametrize(("sent", "heard"), [("FF", "FE"), ("00", "00 80"), ("55", "66 E6")])
def test_at_half_the_rate_every_bit_counts_twice(sent: str, heard: str) -> None:
    """Worked out by hand: start bit, eight bits from the lowest, stop bit, each one twice; then idle."""
    assert slowed(bytes.fromhex(sent)) == bytes.fromhex(heard)


async def test_at_the_wrong_rate_neither_side_understands_the_other() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "baud")
        await hear(link, TICKET_001)
        assert bus.boxes[3].digits == "      "
        assert await bus.press(3, 0x0C) is False
        heard = await everything(link)
        assert len(heard) == 4
        assert Deframer().feed(b"".join(heard)) == []
        operate(bus, "baud")
        await hear(link, TICKET_001)
        assert bus.boxes[3].digits == "   001"


async def test_a_box_with_anothers_address_speaks_and_hears_as_that_one() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        operate(bus, "other:3")
        await hear(link, TICKET_001)
        assert [bus.boxes[no].digits for no in (3, 4)] == [" " * 6] * 2
        await hear(link, TICKET_001_AT_4)
        assert [bus.boxes[no].digits for no in (3, 4)] == ["   001"] * 2
        assert await pressed(bus, link, "call:3") == bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16")
        operate(bus, "other:3")
        assert await pressed(bus, link, "call:3") == CALL_KEY


async def test_two_boxes_of_one_address_that_are_pressed_at_once_take_one_echo_for_both() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        operate(bus, "other:4")
        pressing = [asyncio.create_task(bus.press(no, 0x0C)) for no in (3, 4)]
        assert [await link.read(), await link.read()] == [CALL_KEY] * 2
        await link.write(CALL_KEY)
        assert await asyncio.gather(*pressing) == [True, True]


async def test_a_box_with_nobodys_address() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        operate(bus, "nobody:3")
        assert await pressed(bus, link, "call:3") == bytes.fromhex("FF 68 03 03 68 7F 00 0C 8B 16")
        assert {each["name"]: each.get("on") for each in bus.controls()}["nobody:3"] is True


async def test_a_box_alone_on_its_line_has_no_other_address_to_take() -> None:
    async with line(boxes=[3]) as (bus, _):
        assert "other:3" not in [each["name"] for each in bus.controls()]


async def test_who_speaks_over_the_host_wrecks_both_and_says_it_again() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "collide:3")
        began = asyncio.get_running_loop().time()
        await link.write(TICKET_001)
        wreck = await link.read()
        assert len(wreck) == len(TICKET_001)
        assert Deframer().feed(wreck) == []
        assert await link.read() == CALL_KEY
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.06, abs=0.001)
        await link.write(CALL_KEY)
        assert await everything(link) == []
        assert bus.boxes[3].digits == "      "
        await hear(link, TICKET_001)
        assert bus.boxes[3].digits == "   001"


def test_a_line_that_either_side_pulls_to_0_is_0() -> None:
    assert collided(bytes.fromhex("FF 68 03"), bytes.fromhex("0F F0")) == bytes.fromhex("0F 60 03")


async def test_a_port_that_is_away_hangs_up_on_everyone_until_it_is_back() -> None:
    async with line(boxes=[3]) as (bus, link):
        leaving = bus.control("gone")
        assert leaving is not None
        await leaving
        with pytest.raises(Exception, match="closed"):
            await link.read()
        again, wire = pair()
        await bus.talk(wire)
        with pytest.raises(Exception, match="closed"):
            await again.read()
        assert await bus.press(3, 0x0C) is False
        returning = bus.control("gone")
        assert returning is not None
        await returning
    bus.boxes[3].fault = ""
    link, wire = pair()
    talk = asyncio.create_task(bus.talk(wire))
    await asyncio.sleep(0)
    assert await pressed(bus, link, "call:3") == CALL_KEY
    await link.close()
    await talk


async def test_the_two_wire_echo_is_a_switch_too() -> None:
    async with line(boxes=[3]) as (bus, link):
        operate(bus, "echo")
        await link.write(BEEP)
        assert await link.read() == BEEP
        operate(bus, "echo")
        await link.write(BEEP)
        assert await everything(link) == []


RUDE = st.builds(Rude, *[st.booleans()] * 5)


@given(RUDE, st.integers(0, 3), st.binary(min_size=1, max_size=7))
def test_whatever_is_wrong_the_last_sendings_are_whole_unless_none_ever_is(rude: Rude, nth: int, data: bytes) -> None:
    frame = build(3, 0, data)
    said = rude.spoilt(frame, nth)
    broken = (rude.damage and nth < 2) or (rude.noise and nth == 0)
    assert said.endswith(frame) is not (rude.half or rude.baud or broken)
