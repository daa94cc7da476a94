"""The simulated six-byte boxes against the frames of a public queue system, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.box_six_byte import Deframer, SixByteLine
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

NEXT = bytes.fromhex("01 03 00 73 73 FF")
SHOW_327 = bytes.fromhex("03 01 01 03 1B FF")  # worked out: 3 hundreds and 27


@contextlib.asynccontextmanager
async def line(**options: Any) -> AsyncIterator[tuple[SixByteLine, End]]:
    simulator = SixByteLine("boxes", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes) -> bytes:
    """What the line says to this within a second."""
    for piece in pieces:
        await link.write(piece)
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                heard += await link.read()
    return heard


async def press(simulator: SixByteLine, name: str) -> None:
    pressing = simulator.control(name)
    assert pressing is not None
    await pressing


@pytest.mark.parametrize(
    ("key", "frame"),
    [
        ("next", NEXT),
        ("recall", bytes.fromhex("01 03 02 73 73 FF")),
        ("login", bytes.fromhex("01 03 06 0A 01 FF")),  # staff 1001
        ("login_ff", bytes.fromhex("01 03 06 FF 63 FF")),  # staff 25599
        ("logout", bytes.fromhex("01 03 1A 73 73 FF")),
    ],
)
async def test_keys_say_the_published_frames(key: str, frame: bytes) -> None:
    async with line() as (simulator, link):
        await press(simulator, f"{key}:3")
        assert await said(link) == frame


async def test_the_host_shows_a_number_and_the_waiting_count() -> None:
    async with line(addresses=[3, 4]) as (simulator, link):
        assert await said(link, SHOW_327, bytes.fromhex("04 01 1C 00 0C FF")) == b""
        boxes = simulator.state()["boxes"]
        assert (boxes["3"]["number"], boxes["3"]["waiting"]) == (327, None)
        assert (boxes["4"]["number"], boxes["4"]["waiting"]) == (None, 12)
        words = "".join(ElementTree.fromstring(simulator.picture()).itertext())
        assert "  327" in words
        assert "等候 12" in words


@pytest.mark.parametrize(("command", "login"), [("05", "accepted"), ("07", "refused")])
async def test_a_login_is_asked_for_and_answered(command: str, login: str) -> None:
    async with line() as (simulator, link):
        assert await simulator.sign_in(3, 42)
        assert await said(link) == bytes.fromhex("01 03 06 00 2A FF")
        assert simulator.boxes[3].login == "asked"
        await said(link, bytes.fromhex(f"03 01 {command} 00 00 FF"))
        assert simulator.boxes[3].login == login
        await press(simulator, "logout:3")
        assert simulator.boxes[3].login == ""


async def test_an_ff_inside_is_data_both_ways() -> None:
    async with line() as (simulator, link):
        await simulator.sign_in(3, 25599)
        assert await said(link) == bytes.fromhex("01 03 06 FF 63 FF")
        await said(link, bytes.fromhex("03 01 01 FF 05 FF") + SHOW_327[:3], SHOW_327[3:])
        assert [what for _, _, what in simulator.history] == ["key login", "show 25505", "show 327"]


@pytest.mark.parametrize(
    "bad",
    [
        bytes.fromhex("03 01 01 03 1B FE"),
        bytes.fromhex("05 01 01 03 1B FF"),  # nobody's address
        bytes.fromhex("03 02 01 03 1B FF"),  # not from the host
        bytes.fromhex("03 01 09 03 1B FF"),
        bytes.fromhex("03 01 01 03 64 FF"),  # a remainder of 100
        SHOW_327[:5],
    ],
)
async def test_a_wrong_frame_shows_nothing_and_the_next_one_does(bad: bytes) -> None:
    async with line() as (simulator, link):
        await said(link, bad)
        assert simulator.boxes[3].number is None
        await said(link, SHOW_327)
        assert simulator.boxes[3].number == 327


async def test_unplugged_and_power_cycled() -> None:
    async with line() as (simulator, link):
        await said(link, SHOW_327)
        simulator.control("power_cycle")
        assert simulator.boxes[3].number is None
        simulator.control("unplug")
        await said(link, SHOW_327)
        assert simulator.boxes[3].number is None
        assert await simulator.press(3, "next") is False
        with pytest.raises(KeyError):
            simulator.control("next:4")


@given(noise=st.binary(max_size=60), data=st.binary(min_size=2, max_size=2), pieces=st.integers(1, 5))
def test_no_bytes_break_it_and_a_frame_after_a_silence_is_found(noise: bytes, data: bytes, pieces: int) -> None:
    deframer = Deframer(frozenset({3}))
    deframer.feed(noise)
    deframer.forget()
    frame = b"\x03\x01\x01" + data + b"\xff"
    assert deframer.feed(frame[:pieces]) + deframer.feed(frame[pieces:]) == [frame]
