"""The simulated counter line against the published sample frames, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.call_bus import CallBus, Deframer, build
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

# source: samples of the published description of the bus, address 3
CALL_KEY = bytes.fromhex("FF 68 03 03 68 03 00 0C 0F 16")
TICKET_001 = bytes.fromhex("FF 68 08 08 68 03 02 0A 0A 0A 00 00 01 24 16")
WAITING_012 = bytes.fromhex("FF 68 08 08 68 03 02 00 01 02 0A 0A 0A 26 16")
BEEP = bytes.fromhex("FF 68 02 02 68 03 03 06 16")
START = bytes.fromhex("FF 68 03 03 68 03 01 0B 0F 16")
RESULT_3 = bytes.fromhex("FF 68 03 03 68 03 11 03 17 16")
RESULT_3_ACK = bytes.fromhex("FF 68 03 03 68 03 01 03 07 16")
SHORT_START = bytes.fromhex("68 02 02 68 03 01 04 16")
OK, FAIL = bytes.fromhex("FF 68 03 03 68 03 02 01 06 16"), bytes.fromhex("FF 68 03 03 68 03 02 00 05 16")
STARS_4 = bytes.fromhex("FF 68 04 04 68 03 02 05 04 0E 16")


@contextlib.asynccontextmanager
async def line(**options: Any) -> AsyncIterator[tuple[CallBus, End]]:
    bus = CallBus("counter", options)
    link, wire = pair()
    talk = asyncio.create_task(bus.talk(wire))
    await asyncio.sleep(0)
    try:
        yield bus, link
    finally:
        await link.close()
        await talk


async def hear(link: End, *chunks: bytes) -> None:
    for chunk in chunks:
        await link.write(chunk)
    await asyncio.sleep(0.001)


async def everything(link: End) -> list[bytes]:
    """All that the line says until it is silent for a second."""
    said = []
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(1):
                said.append(await link.read())
    return said


async def test_the_published_host_frames_change_what_the_counter_shows() -> None:
    async with line() as (bus, link):
        await hear(link, TICKET_001)
        assert bus.boxes[3].digits == "   001"
        await hear(link, WAITING_012)
        assert bus.boxes[3].digits == "012   "
        await hear(link, BEEP, BEEP)
        assert bus.boxes[3].beeps == 2
        await hear(link, OK)
        assert bus.state()["boxes"]["3"]["ok"] is True
        await hear(link, FAIL)
        assert bus.state()["boxes"]["3"]["ok"] is False
        await hear(link, STARS_4)
        assert bus.boxes[3].stars == 4
        await hear(link, START)
        assert bus.state()["boxes"]["3"]["evaluation"] is True
        assert await everything(link) == []


async def test_a_key_is_sent_once_when_its_echo_comes() -> None:
    async with line(boxes=[3]) as (bus, link):
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        assert await link.read() == CALL_KEY
        await asyncio.sleep(0.05)
        await link.write(CALL_KEY)
        assert await pressing is True
        assert bus.boxes[3].fault == ""
        assert await everything(link) == []


async def test_digits_stand_before_the_key() -> None:
    async with line(boxes=[3]) as (bus, link):
        pressing = asyncio.create_task(bus.press(3, 0x0F, [6]))
        assert await link.read() == bytes.fromhex("FF 68 04 04 68 03 00 06 0F 18 16")
        await link.close()
        assert await pressing is False


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        CALL_KEY[:-1] + b"\x17",  # wrong end
        CALL_KEY[:-2] + b"\x10\x16",  # wrong sum
        bytes.fromhex("FF 68 03 03 68 03 00 0D 10 16"),  # another key
        bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16"),  # another box
    ],
)
async def test_a_key_without_its_exact_echo_is_repeated_every_60_ms_and_then_shown_as_a_fault(answer: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with line() as (bus, link):
        began = loop.time()
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        times = []
        for _ in range(4):
            assert await link.read() == CALL_KEY
            times.append(round(loop.time() - began, 3))
            await link.write(answer)
        assert await pressing is False
        assert times == [0, 0.06, 0.12, 0.18]
        assert bus.boxes[3].fault == "无应答"
        assert await everything(link) == []


async def test_an_answered_press_clears_the_fault() -> None:
    async with line(boxes=[3]) as (bus, link):
        bus.unplugged = True
        assert await bus.press(3, 0x0C) is False
        bus.unplugged = False
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        assert await link.read() == CALL_KEY
        assert bus.boxes[3].fault == "无应答"
        await link.write(CALL_KEY)
        assert await pressing is True
        assert bus.boxes[3].fault == ""


async def test_a_press_with_nobody_on_the_line_is_visible() -> None:
    bus = CallBus("counter", {"boxes": [3]})
    pressing = bus.control("call:3")
    assert pressing is not None
    await pressing
    assert bus.state()["boxes"]["3"]["fault"] == "无应答"
    assert "无应答" in bus.picture()


async def test_a_grade_waits_for_its_acknowledgement_and_ends_the_evaluation() -> None:
    async with line(boxes=[3]) as (bus, link):
        await hear(link, START)
        grading = asyncio.create_task(bus.grade(3, 3))
        assert await link.read() == RESULT_3
        await link.write(RESULT_3_ACK)
        assert await grading is True
        assert bus.state()["boxes"]["3"]["evaluation"] is False
        assert await everything(link) == []


async def test_an_echo_is_no_acknowledgement_of_a_grade() -> None:
    async with line(boxes=[3]) as (bus, link):
        grading = asyncio.create_task(bus.grade(3, 3))
        for _ in range(4):
            assert await link.read() == RESULT_3
            await link.write(RESULT_3)
        assert await grading is False
        assert bus.boxes[3].fault == "无应答"


async def test_the_evaluator_asks_for_60_seconds_and_a_late_press_is_still_sent() -> None:
    async with line(boxes=[3]) as (bus, link):
        await hear(link, SHORT_START)
        await asyncio.sleep(59.9)
        assert bus.state()["boxes"]["3"]["evaluation"] is True
        await asyncio.sleep(0.2)
        assert bus.state()["boxes"]["3"]["evaluation"] is False
        grading = asyncio.create_task(bus.grade(3, 3))
        assert await link.read() == RESULT_3
        await link.write(RESULT_3_ACK)
        assert await grading is True


async def test_with_an_offset_the_evaluator_obeys_only_its_own_address() -> None:
    async with line(boxes=[3], evaluator_offset=0x80) as (bus, link):
        await hear(link, START)
        assert bus.state()["boxes"]["3"]["evaluation"] is False
        await hear(link, bytes.fromhex("FF 68 03 03 68 83 01 0B 8F 16"))
        assert bus.state()["boxes"]["3"]["evaluation"] is True
        await hear(link, bytes.fromhex("FF 68 02 02 68 83 03 86 16"))
        assert bus.boxes[3].beeps == 0
        grading = asyncio.create_task(bus.grade(3, 3))
        assert await link.read() == bytes.fromhex("FF 68 03 03 68 83 11 03 97 16")
        await link.write(bytes.fromhex("FF 68 03 03 68 83 01 03 87 16"))
        assert await grading is True


async def test_every_box_reacts_only_to_its_own_address() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        await hear(link, TICKET_001, bytes.fromhex("FF 68 02 02 68 05 03 08 16"))
        assert bus.boxes[3].digits == "   001"
        assert bus.boxes[4].digits == "      "
        assert list(bus.boxes) == [3, 4]


async def test_two_boxes_may_press_at_once_and_each_gets_its_own_echo() -> None:
    async with line(boxes=[3, 4]) as (bus, link):
        three, four = asyncio.create_task(bus.press(3, 0x0C)), asyncio.create_task(bus.press(4, 0x0C))
        frames = {await link.read(), await link.read()}
        assert CALL_KEY in frames
        await hear(link, *(frames - {CALL_KEY}))
        assert (three.done(), four.done()) == (False, True)
        await link.write(CALL_KEY)
        assert await three
        assert await four


async def test_a_two_wire_line_returns_the_hosts_own_bytes() -> None:
    async with line(two_wire_echo=True) as (_, link):
        await link.write(BEEP)
        assert await link.read() == BEEP


async def test_an_unplugged_line_neither_hears_nor_speaks() -> None:
    async with line(boxes=[3]) as (bus, link):
        bus.control("unplug")
        await hear(link, TICKET_001)
        assert await bus.press(3, 0x0C) is False
        assert bus.boxes[3].digits == "      "
        assert await everything(link) == []


async def test_the_page_names_every_key_and_grade_of_every_box() -> None:
    async with line(addresses=[3]) as (bus, link):
        labels = {each["name"]: each["label"] for each in bus.controls()}
        assert labels["call:3"] == "3号 呼叫"
        assert [labels[f"grade:3:{grade}"] for grade in (4, 3, 2, 1, 0)] == [
            "非常满意",
            "满意",
            "基本满意",
            "不满意",
            "非常不满意",
        ]
        pressing = bus.control("grade:3:3")
        assert pressing is not None
        waiting = asyncio.ensure_future(pressing)
        assert await link.read() == RESULT_3
        await link.write(RESULT_3_ACK)
        await waiting
        with pytest.raises(KeyError):
            bus.control("call:4")


async def test_the_picture_shows_digits_and_the_star() -> None:
    async with line(boxes=[3]) as (bus, link):
        dark = bus.picture()
        await hear(link, TICKET_001, START)
        assert "请评价" in bus.picture()
        assert "请评价" not in dark
        ElementTree.fromstring(bus.picture())
    ElementTree.fromstring(CallBus("counter", {}).picture())


HOST_FRAMES = st.lists(st.sampled_from([TICKET_001, WAITING_012, BEEP, START, OK, STARS_4, SHORT_START]), max_size=6)


@given(frames=HOST_FRAMES, cuts=st.lists(st.integers(0, 90), max_size=8))
def test_any_split_gives_the_same_frames(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)
    deframer, found, at = Deframer(), [], 0
    for cut in sorted({*cuts, len(stream)}):
        found += deframer.feed(stream[at:cut])
        at = max(at, cut)
    assert [each.raw for each in found] == frames


@given(noise=st.binary(max_size=60))
def test_noise_delays_but_never_breaks(noise: bytes) -> None:
    deframer = Deframer()
    found = deframer.feed(noise)
    for _ in range(4):  # a cut frame in the noise may claim what follows, but never for long
        found += deframer.feed(TICKET_001)
    assert found[-1].raw == TICKET_001


@given(address=st.integers(0, 255), function=st.integers(0, 255), data=st.binary(max_size=8))
def test_what_is_built_is_found(address: int, function: int, data: bytes) -> None:
    [frame] = Deframer().feed(build(address, function, data))
    assert (frame.address, frame.function, frame.data) == (address, function, data)
