"""The simulated window strips against frames worked out from their host's public code, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import reduce
from io import BytesIO
from operator import xor
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simulators import pixels
from simulators.strip_a090 import Deframer, StripLine
from tests.frames_toml import splits
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

CALL = bytes.fromhex("A0 90 01 A5 00 0E C7 EB 00 41 00 30 00 30 00 31 00 BA C5 00 89")
SHOW_STORED = bytes.fromhex("A0 90 01 A1 00 00 A0")
DONE = bytes.fromhex("A0 90 01 A5 AA")


def frame(command: int, data: bytes, length: bytes | None = None, address: int = 1) -> bytes:
    body = bytes([address, command]) + (length or len(data).to_bytes(2, "big")) + data
    return b"\xa0\x90" + body + bytes([reduce(xor, body)])


@contextlib.asynccontextmanager
async def line(**options: Any) -> AsyncIterator[tuple[StripLine, End]]:
    simulator = StripLine("strips", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes) -> bytes | None:
    for piece in pieces:
        await link.write(piece)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            return await link.read()
    return None


async def test_the_published_frame_is_shown_in_red_and_answered() -> None:
    async with line() as (simulator, link):
        assert await said(link, CALL) == DONE
        assert simulator.shown == {1: "请A001号"}
        assert simulator.state()["strips"]["1"]["colours"] == [0] * 6
        assert [(shown.address, shown.text) for shown in simulator.history] == [(1, "请A001号")]


async def test_each_character_has_its_own_colour() -> None:
    async with line() as (simulator, link):
        await said(link, frame(0xA5, "号".encode("gbk") + b"\x02A\x01B\x00"))
        assert simulator.state()["strips"]["1"]["colours"] == [2, 1, 0]
        with Image.open(BytesIO(simulator.png())) as picture:
            lit = {f"#{bytes(colour).hex()}" for _, colour in picture.getcolors() or [] if isinstance(colour, tuple)}
        assert {pixels.YELLOW, pixels.GREEN, pixels.RED} <= lit
        text = ElementTree.fromstring(simulator.picture())
        assert {pixels.YELLOW, pixels.GREEN, pixels.RED} <= {each.get("fill") for each in text.iter()}


async def test_a_stored_text_is_shown_on_command_and_survives_the_power() -> None:
    async with line() as (simulator, link):
        assert await said(link, frame(0xA2, b"O\x01K\x01")) == DONE
        assert simulator.shown == {1: ""}
        await said(link, CALL)
        simulator.control("power_cycle")
        assert simulator.shown == {1: ""}
        assert await said(link, SHOW_STORED) == DONE
        assert simulator.shown == {1: "OK"}


@pytest.mark.parametrize(
    "bad",
    [
        CALL[:-1] + b"\x88",  # XOR
        b"\xa1" + CALL[1:],
        frame(0xA4, b"A\x00"),  # command
        frame(0xA5, b"A\x00", address=2),
        frame(0xA5, b"A\x03"),  # colour
        frame(0xA5, b"A\x00\xba"),  # half a Hanzi
        frame(0xA5, b"\xba\xc5"),  # no colour
        frame(0xA5, b"\xff\xff\x00"),  # not GBK
        frame(0xA5, b"\x07\x00"),
        frame(0xA1, b"A\x00"),  # data where there is none
    ],
)
async def test_a_wrong_frame_is_neither_shown_nor_answered(bad: bytes) -> None:
    async with line() as (simulator, link):
        assert await said(link, bad) is None
        assert simulator.shown == {1: ""}
        assert await said(link, CALL) == DONE


@pytest.mark.parametrize("count", [127, 128, 200])
@pytest.mark.parametrize("divisor", [255, 256])
async def test_long_texts_are_read_with_both_divisors(count: int, divisor: int) -> None:
    data = b"A\x01" * count
    async with line() as (simulator, link):
        assert await said(link, frame(0xA5, data, bytes(divmod(len(data), divisor)))) == DONE
        assert simulator.shown == {1: "A" * count}
        assert simulator.state()["strips"]["1"]["cut"] is True


async def test_half_a_frame_is_forgotten() -> None:
    async with line() as (simulator, link):
        await link.write(CALL[:9])
        await asyncio.sleep(0.2)
        assert await said(link, CALL[9:]) is None
        assert await said(link, CALL) == DONE
        assert simulator.shown == {1: "请A001号"}


async def test_mute_strips_show_and_unplugged_ones_do_not() -> None:
    async with line() as (simulator, link):
        simulator.control("mute")
        assert await said(link, CALL) is None
        assert simulator.shown == {1: "请A001号"}
        simulator.control("mute")
        simulator.control("power_cycle")
        simulator.control("unplug")
        assert await said(link, CALL) is None
        assert simulator.shown == {1: ""}
        with pytest.raises(KeyError):
            simulator.control("nothing")


def test_any_split_gives_the_same_frame() -> None:
    [whole] = Deframer().feed(CALL)
    for pieces in splits(CALL):
        deframer = Deframer()
        assert [found for piece in pieces for found in deframer.feed(piece)] == [whole]


GLYPHS = st.lists(st.tuples(st.sampled_from("请号口A0 ，"), st.integers(0, 2)), max_size=60)


@given(glyphs=GLYPHS, noise=st.binary(max_size=50))
def test_every_text_with_its_colours_comes_through_after_a_silence(glyphs: list[tuple[str, int]], noise: bytes) -> None:
    deframer = Deframer()
    deframer.feed(noise)
    deframer.forget()
    data = b"".join(char.encode("gbk") + bytes([colour]) for char, colour in glyphs)
    [found] = deframer.feed(frame(0xA5, data))
    assert found.text is not None
    assert [(glyph.char, glyph.colour) for glyph in found.text] == glyphs
