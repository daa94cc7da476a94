"""The simulated speech board against frames of the datasheet and a public driver, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import reduce
from operator import xor
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.speech_syn6288 import PER_CHARACTER, Deframer, Syn6288
from tests.frames_toml import splits
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

CALL = bytes.fromhex("FD 00 14 01 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA EE")
STOP, PAUSE, RESUME = (bytes.fromhex(f"FD 00 02 {rest}") for rest in ("02 FD", "03 FC", "04 FB"))
STATUS, SLEEP = bytes.fromhex("FD 00 02 21 DE"), bytes.fromhex("FD 00 02 88 77")
CALLED = "请A001号到3号窗口"
LASTS = len(CALLED) * PER_CHARACTER


def frame(*body: int, text: bytes = b"") -> bytes:
    head = b"\xfd" + (len(body) + len(text) + 1).to_bytes(2, "big") + bytes(body) + text
    return head + bytes([reduce(xor, head)])


def speak(text: str, encoding: str = "gbk", parameter: int = 1) -> bytes:
    return frame(1, parameter, text=text.encode(encoding))


@contextlib.asynccontextmanager
async def board(**options: Any) -> AsyncIterator[tuple[Syn6288, End]]:
    simulator = Syn6288("voice", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes) -> bytes:
    """What the board says to this within 0.15 s."""
    for piece in pieces:
        await link.write(piece)
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.15):
            while True:
                heard += await link.read()
    return heard


async def test_the_published_call_is_accepted_spoken_and_reported_as_finished_after_its_time() -> None:
    loop = asyncio.get_running_loop()
    async with board() as (simulator, link):
        began = loop.time()
        assert await said(link, CALL) == b"\x41"
        assert simulator.speaking == CALLED
        assert await said(link, STATUS) == b"\x41\x4e"
        assert await link.read() == b"\x4f"
        assert loop.time() - began == pytest.approx(LASTS, abs=0.01)
        assert await said(link, STATUS) == b"\x41\x4f"
        assert [each.text for each in simulator.spoken] == [CALLED]
        assert simulator.speaking == ""


async def test_a_pause_takes_time_and_a_stop_ends_it() -> None:
    async with board() as (simulator, link):
        await said(link, CALL)
        assert await said(link, PAUSE) == b"\x41"
        assert (simulator.mode, await said(link, STATUS)) == ("paused", b"\x41\x4e")
        await asyncio.sleep(60)
        began = asyncio.get_running_loop().time()
        assert await said(link, RESUME) == b"\x41"
        assert await link.read() == b"\x4f"
        assert asyncio.get_running_loop().time() - began == pytest.approx(LASTS - 0.15, abs=0.02)
        await said(link, CALL)
        assert await said(link, STOP) == b"\x41"
        assert await said(link, STATUS) == b"\x41\x4f"
        await asyncio.sleep(60)
        assert await said(link) == b""  # what was stopped does not finish


async def test_a_new_text_replaces_the_old_one_or_is_refused() -> None:
    async with board() as (simulator, link):
        await said(link, CALL)
        assert await said(link, speak("请稍候")) == b"\x41"
        assert simulator.speaking == "请稍候"
        await asyncio.sleep(60)
        assert await said(link) == b"\x4f"
    async with board(when_busy="refuse") as (simulator, link):
        await said(link, CALL)
        assert await said(link, speak("请稍候")) == b"\x4e"
        assert [each.text for each in simulator.spoken] == [CALLED]


BAD = [
    CALL[:-1] + b"\xef",  # XOR
    b"\xfd\x00\x13" + CALL[3:],  # length
    frame(5),  # command
    frame(1, 4, text=b"A"),  # encoding
    frame(1, 0),  # no text
    frame(1, 0, text=b"A" * 201),
    frame(0x31, 3),  # baud
    frame(2, 0),  # a stop with data
    CALL[:-3],  # the rest never comes
]


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_frame_is_called_one_or_nothing_is_said(bad: bytes) -> None:
    async with board() as (simulator, link):
        assert (await said(link, bad))[:1] == b"\x45"
        await asyncio.sleep(1)
        await said(link)
        assert await said(link, STATUS) == b"\x41\x4f"
        assert not simulator.spoken
    async with board(bad_frame="silent") as (_, link):
        assert await said(link, bad) == b""


async def test_two_hundred_bytes_are_spoken() -> None:
    async with board() as (simulator, link):
        assert await said(link, frame(1, 0, text=b"A" * 200)) == b"\x41"
        assert simulator.speaking == "A" * 200


@pytest.mark.parametrize(("parameter", "encoding"), [(0, "gb2312"), (1, "gbk"), (2, "big5"), (3, "utf-16-be")])
async def test_the_parameter_says_the_encoding_and_the_music(parameter: int, encoding: str) -> None:
    async with board() as (simulator, link):
        await said(link, speak("三口", encoding, parameter | 5 << 3))
        assert [(each.text, each.background) for each in simulator.spoken] == [("三口", 5)]


async def test_what_is_no_character_of_the_encoding_is_heard_as_a_box() -> None:
    async with board() as (simulator, link):
        await said(link, speak("龘A", "gbk", 0))  # GBK only
        assert "□" in simulator.spoken[-1].text
        await said(link, speak("请", "utf-8", 0))
        assert simulator.spoken[-1].text != "请"


async def test_tags_are_not_read_aloud_and_hold_until_they_are_changed() -> None:
    async with board() as (simulator, link):
        await said(link, speak("[v16][t3]请[n1]001[m4]号"))
        await said(link, speak("到[v17]口"))
        first, second = simulator.spoken
        assert (first.text, first.raw) == ("请001号", "[v16][t3]请[n1]001[m4]号")
        assert (first.volume, first.speed, first.music) == (16, 3, 4)
        assert (second.text, second.volume) == ("到[v17]口", 16)  # there is no such volume


async def test_asleep_it_is_silent_and_the_frame_that_wakes_it_is_lost() -> None:
    async with board() as (simulator, link):
        await said(link, CALL)
        assert await said(link, SLEEP) == b"\x41"
        assert simulator.mode == "asleep"
        assert await said(link, b"\xfd\x00\x02\x21\x00") == b""
        assert await said(link, CALL) == b""
        assert await said(link, CALL) == b"\x41"
        assert len(simulator.spoken) == 2


async def test_a_power_cycle_ends_the_speech_and_may_be_told() -> None:
    async with board(power_up=True) as (simulator, link):
        await said(link, CALL)
        simulator.control("power_cycle")
        assert await said(link) == b"\x4a"
        await asyncio.sleep(60)
        assert await said(link, STATUS) == b"\x41\x4f"


async def test_at_another_baud_rate_it_hears_nothing_until_the_power_was_off() -> None:
    async with board() as (simulator, link):
        assert await said(link, frame(0x31, 1)) == b"\x41"
        assert await said(link, STATUS) == b""
        simulator.control("power_cycle")
        assert await said(link, STATUS) == b"\x41\x4f"


async def test_mute_and_unplugged() -> None:
    async with board() as (simulator, link):
        simulator.control("mute")
        assert await said(link, CALL) == b""
        assert simulator.speaking == CALLED
        simulator.control("mute")
        simulator.control("unplug")
        assert await said(link, STOP) == b""
        assert simulator.speaking == CALLED
        with pytest.raises(KeyError):
            simulator.control("nothing")


async def test_the_picture_shows_what_is_said_and_whether() -> None:
    async with board() as (simulator, link):
        assert "还没有播报" in simulator.picture()
        await said(link, speak("<号>"))
        words = "".join(ElementTree.fromstring(simulator.picture()).itertext())
        assert "正在播报" in words
        assert "<号>" in words
        await asyncio.sleep(60)
        assert "空闲" in simulator.picture()


def test_any_split_gives_the_same_frame() -> None:
    for pieces in splits(CALL):
        deframer = Deframer()
        assert [found for piece in pieces for found in deframer.feed(piece)] == [CALL[3:-1]]


@given(noise=st.binary(max_size=60), text=st.text("请号口A0", min_size=1, max_size=100))
def test_no_bytes_break_it_and_a_text_after_a_silence_is_heard(noise: bytes, text: str) -> None:
    deframer = Deframer()
    deframer.feed(noise)
    deframer.forget()
    assert deframer.feed(speak(text)) == [b"\x01\x01" + text.encode("gbk")]
