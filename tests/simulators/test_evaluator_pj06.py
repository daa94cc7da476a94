"""The simulated PJ06 against the frames of a public point-of-sale system, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.evaluator_pj06 import Deframer, Pj06
from tests.frames_toml import splits
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

TIMEOUT_30 = bytes.fromhex("55 AA 03 13 1E 00 1A")
STARS_4 = bytes.fromhex("55 AA 02 15 04 1A")
WELCOME = bytes.fromhex("55 AA 02 1F 00 1A")
ASK = bytes.fromhex("55 AA 02 20 00 1A")
EVERY = [TIMEOUT_30, STARS_4, WELCOME, ASK]


@contextlib.asynccontextmanager
async def evaluator() -> AsyncIterator[tuple[Pj06, End]]:
    simulator = Pj06("pad", {})
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes) -> bytes:
    """What it says to this within a second."""
    for piece in pieces:
        await link.write(piece)
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                heard += await link.read()
    return heard


async def test_the_published_frames_are_obeyed_in_silence() -> None:
    async with evaluator() as (simulator, link):
        assert await said(link, *EVERY) == b""
        state = simulator.state()
        assert (state["timeout"], state["stars"], state["welcomes"], state["asked"]) == (30, 4, 1, 1)
        assert [what for _, what in simulator.history] == ["welcome", "ask"]


async def test_the_visitor_is_asked_until_a_key_or_the_timeout() -> None:
    async with evaluator() as (simulator, link):
        await said(link, TIMEOUT_30, ASK)
        await asyncio.sleep(28)
        assert simulator.state()["asking"] is True
        await asyncio.sleep(2)
        assert simulator.state()["asking"] is False
        await said(link, ASK)
        assert simulator.state()["asking"] is True
        assert await simulator.press(5)
        assert simulator.state()["asking"] is False
        assert await said(link) == b"\x05"


@pytest.mark.parametrize("key", range(1, 7))
async def test_a_key_is_one_bare_byte_also_when_nobody_asked_and_twice(key: int) -> None:
    async with evaluator() as (simulator, link):
        pressing = simulator.control(f"key:{key}")
        assert pressing is not None
        await pressing
        assert await said(link) == bytes([key])
        pressing = simulator.control(f"twice:{key}")
        assert pressing is not None
        await pressing
        assert await said(link) == bytes([key, key])


@pytest.mark.parametrize(
    "bad",
    [
        bytes.fromhex("55 AA 03 20 00 1A"),  # L
        bytes.fromhex("55 AA 03 20 00 00 1A"),
        bytes.fromhex("55 AA 02 13 1E 00 1A"),
        bytes.fromhex("55 AA 02 13 1E 1A"),
        bytes.fromhex("55 AA 02 20 00 1B"),
        bytes.fromhex("AA 55 02 20 00 1A"),
        bytes.fromhex("55 AA 02 21 00 1A"),
        ASK[:-1],
    ],
)
async def test_a_wrong_frame_is_ignored_and_the_next_one_is_not(bad: bytes) -> None:
    async with evaluator() as (simulator, link):
        await said(link, bad)
        assert (simulator.asked, simulator.timeout) == (0, 10)
        await said(link, ASK)
        assert simulator.asked == 1


async def test_half_a_frame_is_forgotten() -> None:
    async with evaluator() as (simulator, link):
        await said(link, ASK[:3])
        await said(link, ASK[3:])
        assert simulator.asked == 0


async def test_stars_beyond_five_are_ignored() -> None:
    async with evaluator() as (simulator, link):
        await said(link, STARS_4, bytes.fromhex("55 AA 02 15 06 1A"))
        assert simulator.stars == 4


async def test_unplugged_and_power_cycled() -> None:
    async with evaluator() as (simulator, link):
        await said(link, STARS_4, ASK)
        simulator.control("power_cycle")
        assert (simulator.asking, simulator.stars) == (False, 4)
        simulator.control("unplug")
        await said(link, ASK)
        assert not simulator.asking
        assert await simulator.press(3) is False
        assert await said(link) == b""
        with pytest.raises(KeyError):
            simulator.control("key:7")
    assert await simulator.press(3) is False


async def test_the_picture_asks_and_shows_the_stars() -> None:
    async with evaluator() as (simulator, link):
        before = simulator.picture()
        assert "谢谢光临" in before
        await said(link, STARS_4, ASK)
        after = simulator.picture()
        assert "请您评价" in after
        assert after.count('fill="#3a444d"') == before.count('fill="#3a444d"') - 4
        ElementTree.fromstring(after)


def test_any_split_gives_the_same_frames() -> None:
    for pieces in splits(b"".join(EVERY)):
        deframer = Deframer()
        found = [body for piece in pieces for body in deframer.feed(piece)]
        assert found == [frame[3:-1] for frame in EVERY]


@given(st.binary(max_size=60))
def test_no_bytes_break_it_and_a_frame_after_a_silence_is_found(noise: bytes) -> None:
    deframer = Deframer()
    deframer.feed(noise)
    deframer.forget()
    assert deframer.feed(ASK) == [b"\x20\x00"]
