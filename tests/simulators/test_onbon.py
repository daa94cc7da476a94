"""The simulated Onbon card against frames of the vendor's own client and of field devices, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.onbon import Onbon
from simulators.onbon_line import crc16, unescape, wrap
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

START = "A5 A5 A5 A5 A5 A5 A5 A5 "
# source: an STM32 display gateway in public code
PING = bytes.fromhex(START + "01 00 00 80 00 00 00 00 00 00 FE 02 05 00 A2 00 01 00 00 68 F8 5A")
STATUS = bytes.fromhex(START + "01 00 00 80 00 00 00 00 00 00 FE 02 05 00 A1 02 01 00 00 2D 40 5A")
CLOCK = bytes.fromhex(
    START + "01 00 00 80 00 00 00 00 00 00 FE 02 0D 00 A2 03 01 08 00 13 20 01 25 11 17 26 05 B0 3F 5A"
)
DELETE_ALL = bytes.fromhex(START + "01 00 00 80 00 00 00 00 00 00 FE 02 07 00 A3 06 01 02 00 FF 00 67 CC 5A")
BRIGHTNESS = bytes.fromhex(START + "01 00 00 80 00 00 00 00 00 00 FE 02 07 00 A3 02 01 02 00 01 0C 26 2D 5A")
ACK = bytes.fromhex(START + "00 80 01 00 00 00 00 00 00 00 FE 02 05 00 A0 00 00 00 00 64 DC 5A")
# source: the vendor's Java client
ON = bytes.fromhex(START + "FE FF 00 80 00 00 00 00 00 00 FE 02 06 00 A3 00 01 00 00 01 5D F1 5A")
OFF = bytes.fromhex(START + "FE FF 00 80 00 00 00 00 00 00 FE 02 06 00 A3 00 01 00 00 02 1D F0 5A")
CLEAR = bytes.fromhex(START + "FE FF 00 80 00 00 00 00 00 00 FE 02 05 00 A3 10 01 00 00 75 DC 5A")
ESCAPES = bytes.fromhex(START + "FE FF 00 80 00 00 00 00 00 00 FE 02 04 00 A6 02 A6 01 5B 02 5B 01 B5 40 5A")
TEXT_5K = bytes.fromhex(
    START
    + """FE FF 00 80 00 00 00 00 00 00 FE 02 35 00 A3 06 01 00 00 00 01 2C 00 00 00 00 00 00 10 00 10 00
    00 00 00 05 00 00 00 00 02 01 02 00 00 08 11 00 00 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA 28 61 5A"""
)
TEXT_VOICE_6K = bytes.fromhex(
    START
    + """FE FF 00 80 00 00 00 00 00 00 FE 02 51 00 A3 06 01 00 00 00 01 48 00 00 00 00 00 00 80 00 10 00
    00 00 00 05 00 02 10 0A 05 15 00 00 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA B0 EC C0 ED
    00 00 02 01 02 00 00 08 11 00 00 00 C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA 11 AA 5A"""
)
# source: a Python telemetry server in public code
TEMPERATURE = bytes.fromhex(
    START
    + """01 00 00 80 00 00 00 00 00 00 FE 02 35 00 A3 06 02 00 00 00 01 2C 00 00 00 00 0C 00 40 00 0C 00
    01 0A 01 02 00 00 00 00 01 01 01 00 17 02 11 00 00 00 5C 46 4F 30 30 30 54 45 4D 50 45 52 3A 32 31 A1 E6 82 DA 5A"""
)
EVERY = [PING, STATUS, CLOCK, DELETE_ALL, BRIGHTNESS, ACK, ON, OFF, CLEAR, ESCAPES, TEXT_5K, TEXT_VOICE_6K, TEMPERATURE]
CALL = "请A001号到3号窗口"


@contextlib.asynccontextmanager
async def card(**options: Any) -> AsyncIterator[tuple[Onbon, End]]:
    simulator = Onbon("led", {"width": 128, "height": 32, "generation": "6K"} | options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def heard(link: End, *chunks: bytes) -> bytes | None:
    """What comes back within a second, or None."""
    for chunk in chunks:
        await link.write(chunk)
    try:
        async with asyncio.timeout(1):
            return await link.read()
    except TimeoutError:
        return None


def error_of(answer: bytes | None) -> int:
    assert answer is not None
    body = unescape(answer.strip(b"\xa5")[:-1])
    assert body is not None
    assert body[14:16] == b"\xa0\x01", "no NACK"
    return body[16]


def with_byte(frame: bytes, at: int, value: int, *, good_crc: bool = True) -> bytes:
    """The frame with one byte of header or data changed; `at` counts from the first byte after the A5 run."""
    body = bytearray(unescape(frame.strip(b"\xa5")[:-1]) or b"")
    body[at] = value
    return wrap(bytes(body[:-2])) if good_crc else frame[: 8 + at] + bytes([value]) + frame[9 + at :]


@pytest.mark.parametrize("frame", EVERY)
async def test_the_crc_and_escapes_of_every_published_frame_are_right(frame: bytes) -> None:
    body = unescape(frame[8:-1])
    assert body is not None
    assert crc16(body[:-2]) == int.from_bytes(body[-2:], "little")
    assert wrap(body[:-2]) == frame


@pytest.mark.parametrize("frame", [PING, CLOCK, DELETE_ALL, BRIGHTNESS, ON, OFF, CLEAR])
async def test_a_command_is_acknowledged_with_the_published_bytes(frame: bytes) -> None:
    async with card() as (_, link):
        assert await heard(link, frame) == ACK


@pytest.mark.parametrize(("frame", "generation"), [(TEXT_5K, "5K"), (TEXT_VOICE_6K, "6K")])
async def test_text_is_shown_in_the_units_of_its_generation(frame: bytes, generation: str) -> None:
    async with card(generation=generation) as (simulator, link):
        assert await heard(link, frame) == ACK
        assert simulator.shown == {1: CALL}
        assert simulator.cards[1].areas[0].w == 128
        assert [(each.screen, each.text) for each in simulator.history] == [(1, CALL)]


async def test_voice_text_is_kept_apart_from_what_is_shown() -> None:
    async with card() as (simulator, link):
        await heard(link, TEXT_VOICE_6K)
        assert simulator.state()["screens"]["1"]["spoken"] == ["请A001号到3号窗口办理"]


async def test_a_field_frame_that_wants_no_answer_is_shown_in_silence() -> None:
    async with card() as (simulator, link):
        assert await heard(link, TEMPERATURE) is None
        assert simulator.shown == {1: "TEMPER:21℃"}


async def test_the_status_tells_the_clock_that_was_set_and_the_areas() -> None:
    async with card() as (_, link):
        await heard(link, CLOCK)
        await heard(link, BRIGHTNESS)
        await heard(link, TEXT_VOICE_6K)
        answer = await heard(link, STATUS)
    assert answer is not None
    body = unescape(answer[8:-1])
    assert body is not None
    assert body[:4] == bytes.fromhex("00 80 01 00")
    data = body[14:-2]
    assert data[:7] == bytes.fromhex("A1 02 00 00 00 01 0C")
    assert data[7:15] == bytes.fromhex("13 20 01 25 11 17 26 05")
    assert data[15:20] == bytes(5)  # no programs
    assert data[20:24] == bytes([1, 1, 1, 0])  # one dynamic area: number 0
    assert len(data) == 24 + 16 + 12


@pytest.mark.parametrize("run", [1, 2, 20])
async def test_any_run_of_start_bytes_and_junk_between_frames_is_taken(run: int) -> None:
    async with card() as (_, link):
        assert await heard(link, b"\x00junk\x5a", b"\xa5" * run + PING[8:]) == ACK
        assert await heard(link, PING[:14], PING) == ACK


async def test_a_frame_byte_by_byte_is_the_same_frame() -> None:
    async with card() as (simulator, link):
        assert await heard(link, *(bytes([byte]) for byte in TEXT_VOICE_6K)) == ACK
        assert simulator.shown == {1: CALL}


async def test_a_bad_crc_is_error_5_or_silence() -> None:
    broken = with_byte(TEXT_VOICE_6K, 60, 0x42, good_crc=False)
    async with card() as (simulator, link):
        assert error_of(await heard(link, broken)) == 5
        assert simulator.shown == {1: ""}
    async with card(bad_crc="silent") as (_, link):
        assert await heard(link, broken) is None


async def test_a_wrong_data_length_is_a_bad_frame() -> None:
    async with card() as (_, link):
        assert error_of(await heard(link, with_byte(PING, 12, 6))) == 5


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (with_byte(PING, 14, 0xA9), 1),  # unknown group
        (with_byte(PING, 15, 0x77), 2),  # unknown command
        (with_byte(TEXT_VOICE_6K, 21, 0x47), 8),  # area length too small
        (with_byte(TEXT_VOICE_6K, 28, 0x81), 8),  # one pixel wider than the panel
        (with_byte(TEXT_VOICE_6K, 24, 0x01), 8),  # starts one pixel further right
        (with_byte(TEXT_VOICE_6K, 23, 0x10), 10),  # a bitmap area
        (with_byte(CLOCK, 21, 0x13), 14),  # month 13
        (with_byte(ON, 19, 0x03), 8),
        (with_byte(BRIGHTNESS, 20, 0x10), 8),  # level 16
    ],
)
async def test_what_a_card_cannot_do_is_refused_and_changes_nothing(frame: bytes, error: int) -> None:
    async with card() as (simulator, link):
        assert error_of(await heard(link, frame)) == error
        assert simulator.shown == {1: ""}


async def test_a_5k_frame_is_too_small_and_a_6k_frame_too_wide_for_the_other_generation() -> None:
    async with card(generation="5K") as (_, link):
        assert error_of(await heard(link, TEXT_VOICE_6K)) == 8
    async with card(generation="6K") as (simulator, link):
        await heard(link, TEXT_5K)
        assert simulator.state()["screens"]["1"]["cut"] is True  # 16 pixels wide: one character can be read


async def test_only_the_card_that_is_addressed_obeys() -> None:
    async with card(screens=[1, 2]) as (simulator, link):
        assert await heard(link, with_byte(TEXT_VOICE_6K, 0, 0x02)) is None  # 0xFF02 is nobody
        two = with_byte(with_byte(TEXT_VOICE_6K, 0, 0x02), 1, 0x00)
        answer = await heard(link, two)
        assert answer is not None
        assert answer[10:12] == b"\x02\x00"
        assert simulator.shown == {1: "", 2: CALL}


async def test_a_wildcard_reaches_every_card_but_several_answers_cannot_be_read() -> None:
    async with card(screens=[1, 2]) as (simulator, link):
        assert await heard(link, TEXT_VOICE_6K) is None
        assert simulator.shown == {1: CALL, 2: CALL}


@pytest.mark.parametrize("frame", [DELETE_ALL, CLEAR])
async def test_areas_are_kept_by_id_until_deleted(frame: bytes) -> None:
    async with card() as (simulator, link):
        await heard(link, TEXT_VOICE_6K)
        await heard(link, with_byte(TEMPERATURE, 16, 0x01))
        assert simulator.shown == {1: f"{CALL}\nTEMPER:21℃"}
        await heard(link, TEXT_VOICE_6K)  # the same id replaces
        assert sorted(simulator.cards[1].areas) == [0, 1]
        await heard(link, frame)
        assert simulator.shown == {1: ""}


async def test_a_delete_list_takes_only_the_areas_it_names() -> None:
    async with card() as (simulator, link):
        await heard(link, TEXT_VOICE_6K)
        await heard(link, TEMPERATURE)
        body = bytes.fromhex("01 00 00 80 00 00 00 00 00 00 FE 02 08 00 A3 06 01 00 00 01 00 00")
        assert await heard(link, wrap(body)) == ACK
        assert simulator.shown == {1: "TEMPER:21℃"}


async def test_power_cycle_loses_the_areas_and_is_dark_while_it_starts() -> None:
    async with card() as (simulator, link):
        await heard(link, TEXT_VOICE_6K)
        simulator.control("power_cycle")
        assert simulator.shown == {1: ""}
        assert await heard(link, PING) is None
        await asyncio.sleep(2)
        assert await heard(link, PING) == ACK
        assert simulator.state()["screens"]["1"]["areas"] == []


async def test_an_area_with_a_timeout_is_dropped_after_it() -> None:
    async with card() as (simulator, link):
        await heard(link, with_byte(TEXT_VOICE_6K, 34, 0x02))  # run mode 2; the frame's timeout is 5 s
        await asyncio.sleep(4.9)
        assert simulator.shown == {1: CALL}
        await asyncio.sleep(0.2)
        assert simulator.shown == {1: ""}


async def test_busy_missing_font_and_unplugged_are_as_rude_as_the_real_thing() -> None:
    async with card() as (simulator, link):
        simulator.control("busy")
        assert error_of(await heard(link, TEXT_VOICE_6K)) == 3
        simulator.control("busy")
        simulator.control("no_font")
        assert error_of(await heard(link, TEXT_VOICE_6K)) == 12
        simulator.control("unplug")
        assert await heard(link, PING) is None
        simulator.control("unplug")
        assert await heard(link, PING) == ACK
        with pytest.raises(KeyError):
            simulator.control("nothing")


async def test_switched_off_shows_nothing_and_on_shows_it_again() -> None:
    async with card() as (simulator, link):
        await heard(link, TEXT_VOICE_6K)
        await heard(link, OFF)
        assert simulator.shown == {1: ""}
        await heard(link, ON)
        assert simulator.shown == {1: CALL}


def with_text(raw: bytes) -> bytes:
    """The published 6K frame without its voice part, with another text: area 0, 128 x 16, wrapped."""
    area = bytes.fromhex("00 00 00 00 00 80 00 10 00 00 00 00 05 00 00 00 00 02 02 02 00 00 08")
    area += len(raw).to_bytes(4, "little") + raw
    data = bytes.fromhex("A3 06 01 00 00 00 01") + len(area).to_bytes(2, "little") + area
    return wrap(bytes.fromhex("FE FF 00 80 00 00 00 00 00 00 FE 02") + len(data).to_bytes(2, "little") + data)


async def test_text_is_read_as_bytes_with_escapes_and_only_the_characters_of_the_font() -> None:
    async with card() as (simulator, link):
        await heard(link, with_text(rb"\C1" + "号".encode("gbk") + rb"\nOK\FE001<&>"))
        assert simulator.shown == {1: "号\nOK<&>"}
        backslash_inside = "乗".encode("gbk")
        assert backslash_inside[1:] == b"\\"
        await heard(link, with_text(backslash_inside + b"n"))
        assert simulator.shown == {1: "□n"}  # GBK only: a GB2312 card lacks it
    async with card(charset="gbk") as (simulator, link):
        await heard(link, with_text(backslash_inside + b"n"))
        assert simulator.shown == {1: "乗n"}


async def test_a_text_wider_than_the_panel_turns_its_pages_and_the_picture_follows() -> None:
    async with card() as (simulator, link):
        await heard(link, with_text("一二三四五六七八九".encode("gbk")))
        first = simulator.picture()
        assert "共 2 页" in first
        assert "八" in first
        assert "九" not in first
        await asyncio.sleep(4)  # a page stays 8 half seconds
        second = simulator.picture()
        assert "九" in second
        assert "八" not in second
        ElementTree.fromstring(second)


async def test_the_picture_escapes_what_is_on_the_panel() -> None:
    async with card() as (simulator, link):
        await heard(link, with_text(b"<a&b>"))
        assert "".join(ElementTree.fromstring(simulator.picture()).itertext()).startswith("<a&b>")


@given(noise=st.binary(max_size=200), at=st.integers(0, len(TEXT_VOICE_6K)), value=st.integers(0, 255))
def test_no_bytes_break_the_card_and_a_good_frame_still_gets_through(noise: bytes, at: int, value: int) -> None:
    async def run() -> None:
        mangled = TEXT_VOICE_6K[:at] + bytes([value]) + TEXT_VOICE_6K[at + 1 :]
        async with card() as (simulator, link):
            await link.write(noise + mangled)
            await link.write(b"\x5a" + DELETE_ALL)
            await link.write(TEXT_VOICE_6K)
            for _ in range(100):  # turns of the loop that the card may need
                await asyncio.sleep(0)
            assert simulator.shown == {1: CALL}
            assert simulator.picture()

    asyncio.run(run())
