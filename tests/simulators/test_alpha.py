"""The simulated Alpha signs against frames that public clients sent, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simulators import pixels
from simulators.alpha import Alpha, Deframer
from tests.frames_toml import splits
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

NULS = bytes(5)
# source: alphasignpy 0.1.1, type f (215C), address 01
CONFIGURE = NULS + bytes.fromhex(
    "01 66 30 31 02 45 24 41 41 55 30 31 30 30 46 46 46 46 03 30 33 31 45 04"
)  # A: TEXT, unlocked, 256 bytes, always
TEXT = NULS + bytes.fromhex("01 66 30 31 02 41 41 1B 26 62 1C 31 41 30 30 31 20 2D 3E 20 33 03 30 33 32 37 04")
PRIORITY = NULS + bytes.fromhex(
    "01 66 30 31 02 41 30 1B 26 63 41 30 30 31 20 57 49 4E 44 4F 57 20 33 03 30 34 33 37 04"
)
# source: readerboard 0.7.0, type ^ (BetaBrite), broadcast
SLOT = bytes(6) + bytes.fromhex("01 5E 30 30 02 41 41 1B 20 62") + b"A001 window 3\x04"
RUN_ORDER = bytes(6) + bytes.fromhex("01 5E 30 30 02 45 2E 53 55 41 04")
ALERT = bytes(6) + bytes.fromhex("01 5E 30 30 02 41 30 1B 20 62") + b"A001 -> 3\x04"


def packet(*blocks: bytes, type_code: bytes = b"f", address: bytes = b"01") -> bytes:
    return NULS + b"\x01" + type_code + address + b"".join(b"\x02" + block for block in blocks) + b"\x04"


def summed(inside: bytes) -> bytes:
    """A block without its STX, with its checksum by the document's rule."""
    return inside + b"\x03" + f"{sum(inside) + 5:04X}".encode()


@contextlib.asynccontextmanager
async def line(**options: Any) -> AsyncIterator[tuple[Alpha, End]]:
    simulator = Alpha("sign", {"type": "f", **options})
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes) -> bytes:
    """What the line says to this within half a second."""
    for piece in pieces:
        await link.write(piece)
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                heard += await link.read()
    return heard


async def test_a_text_is_shown_once_its_file_was_allocated_and_nothing_is_answered() -> None:
    async with line() as (simulator, link):
        assert await said(link, TEXT) == b""
        assert simulator.shown == {1: ""}
        assert simulator.state()["signs"]["01"]["errors"] == "20"
        assert await said(link, CONFIGURE, TEXT) == b""
        assert simulator.shown == {1: "A001 -> 3"}
        assert [(shown.address, shown.text) for shown in simulator.history] == [(1, "A001 -> 3")]


async def test_a_priority_text_needs_no_file_and_hides_the_others_until_it_is_released() -> None:
    async with line() as (simulator, link):
        await said(link, CONFIGURE, TEXT, PRIORITY)
        assert simulator.shown == {1: "A001 WINDOW 3"}
        await said(link, packet(b"A0"))
        assert simulator.shown == {1: "A001 -> 3"}


async def test_another_clients_frames_without_sums_to_all_addresses() -> None:
    async with line(type="^", addresses=[1, 2]) as (simulator, link):
        await said(link, packet(b"E$AAU0040FFFFBAU0040FFFF", type_code=b"Z", address=b"00"))
        await said(link, SLOT, RUN_ORDER)
        assert simulator.shown == {1: "A001 window 3", 2: "A001 window 3"}
        await said(link, packet(b"E.SUB", type_code=b"Z", address=b"02"))
        assert simulator.shown == {1: "A001 window 3", 2: ""}
        await said(link, ALERT)
        assert simulator.shown == {1: "A001 -> 3", 2: "A001 -> 3"}


@pytest.mark.parametrize(
    "frame",
    [
        PRIORITY[1:],  # four NULs
        b"\0\0\0\0A\0" + PRIORITY[5:],
        packet(b"A0hello", type_code=b"^"),
        packet(b"A0hello", address=b"02"),
        packet(b"A0hello", address=b"?2"),
        packet(b"A0hello", address=b"0x"),
        PRIORITY[:-1],  # no EOT
    ],
)
async def test_what_is_not_for_the_sign_is_not_shown(frame: bytes) -> None:
    async with line(ack=True) as (simulator, link):
        assert await said(link, frame) == b""
        assert simulator.shown == {1: ""}


@pytest.mark.parametrize("address", [b"00", b"01", b"??", b"0?", b"?1"])
async def test_wildcards_and_more_nuls_reach_it(address: bytes) -> None:
    async with line() as (simulator, link):
        await said(link, bytes(20) + packet(b"A0hello", address=address))
        assert simulator.shown == {1: "hello"}


async def test_several_blocks_in_one_packet() -> None:
    async with line(ack=True) as (simulator, link):
        blocks = [summed(b"E$AAU0100FFFFBBL00100000"), summed(b"GB007"), summed(b"AANo. \x10B")]
        assert await said(link, packet(*blocks)) == b"\x06\x40"
        assert simulator.shown == {1: "No. 007"}
        wrong = b"GB008\x030000"
        assert await said(link, packet(wrong, summed(b"A0now"))) == b"\x15\x50"
        assert simulator.shown == {1: "now"}
        await said(link, packet(b"A0"))
        assert simulator.shown == {1: "No. 007"}


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"AB", 0x60),  # not allocated
        (b"GA", 0x60),  # a TEXT file
        (b"A0\x1b b", 0x40),
        (b"A0\x1b \x07", 0x60),  # no such mode
        (b"A0\x1b ", 0x60),
        (b"A0" + b"x" * 126, 0x48),
        (b"X", 0x60),
        (b"Ezz", 0x60),
        (b"E$AAU010", 0x60),
        (b"E$0AU0100FFFF", 0x60),
        (b"E$AAU0100FFFFAAU0100FFFF", 0x60),
        (b"E$AAU7801FFFF", 0x48),
        (b"E 2460", 0x60),
        (b"E.XUA", 0x60),
        (b"", 0x60),
        (b"AA\x03000", 0x50),
    ],
)
async def test_what_is_refused_is_said_in_the_status_byte(block: bytes, status: int) -> None:
    async with line(ack=True) as (_, link):
        await said(link, CONFIGURE)
        ack = b"\x06" if status == 0x40 else b"\x15"
        assert await said(link, packet(block)) == ack + bytes([status])


async def test_acknowledging_is_switched_and_counts_from_the_next_packet_on() -> None:
    async with line() as (_, link):
        assert await said(link, packet(b"Es1")) == b""
        assert await said(link, CONFIGURE) == b"\x06\x40"
        assert await said(link, packet(b"Es0")) == b"\x06\x40"
        assert await said(link, TEXT) == b""


async def test_too_long_a_text_is_cut_off() -> None:
    async with line() as (simulator, link):
        await said(link, packet(b"E$AAU0005FFFF", b"AA1234567"))
        assert simulator.shown == {1: "12345"}


async def test_a_new_memory_configuration_erases_every_file() -> None:
    async with line() as (simulator, link):
        await said(link, CONFIGURE, TEXT, CONFIGURE)
        assert simulator.shown == {1: ""}


async def test_general_information_is_answered_with_the_write_code_and_a_sum() -> None:
    async with line() as (_, link):
        await said(link, CONFIGURE, packet(b"E 0905"))
        answer = await said(link, packet(b'F"'))
        nuls, _, rest = answer.partition(b"\x01")
        assert set(nuls) == {0}
        assert len(nuls) >= 5
        assert rest[:5] == b"000\x02E"
        inside, _, tail = rest[4:].partition(b"\x03")
        assert inside[1:2] == b'"'
        assert b"0905M00" in inside
        assert inside.endswith(b"7800,7700")  # 256 bytes are taken
        assert tail == f"{sum(inside) + 5:04X}".encode() + b"\x04"


@pytest.mark.parametrize(
    ("read", "answer"),
    [(b"BA", b"AA\x1b&b\x1c1A001 -> 3"), (b"F.", b"E.SUA"), (b"F$", b"E$AAU0100FFFF"), (b"F*", b"E*`"), (b"B0", b"A0")],
)
async def test_files_and_tables_are_read_back(read: bytes, answer: bytes) -> None:
    async with line() as (_, link):
        await said(link, CONFIGURE, TEXT, packet(b"E.SUA"), packet(b"X"))
        assert summed(answer) in await said(link, packet(read))


async def test_several_signs_that_answer_at_once_cannot_be_read() -> None:
    async with line(addresses=[1, 2]) as (_, link):
        assert await said(link, packet(b'F"', address=b"00")) == b""
        assert await said(link, packet(b'F"', address=b"02")) != b""


async def test_on_a_seven_bit_line_hanzi_become_garbage() -> None:
    async with line() as (simulator, link):
        await said(link, packet(b"A0" + "请1".encode("gbk")))
        assert simulator.shown == {1: "Gk1"}
    async with line(bits=8) as (simulator, link):
        await said(link, packet(b"A0" + "请1".encode("gbk")))
        assert simulator.shown == {1: "□□1"}


async def test_a_packet_that_stops_is_forgotten_and_flagged() -> None:
    async with line(ack=True) as (simulator, link):
        await link.write(PRIORITY[:15])
        await asyncio.sleep(1.1)
        assert await said(link, PRIORITY[15:]) == b"\x15\x44"
        assert await said(link, PRIORITY) == b"\x06\x40"
        assert simulator.shown == {1: "A001 WINDOW 3"}


async def test_a_packet_without_end_is_an_overflow() -> None:
    async with line(ack=True) as (_, link):
        assert await said(link, packet(b"A0" + b"x" * 5000)) == b"\x15\x48"


async def test_control_codes_are_no_text_and_lines_and_pages_break_it() -> None:
    async with line() as (simulator, link):
        text = b"\x1an\x05\x31a\x1d\x31\x31b\x0dc\x0cd\x15\x07\x31e\x0b8f\x13"
        await said(link, packet(b"E 1307"), packet(b"A0\x1b na" + text))
        assert simulator.shown == {1: "ab\nc\ndef13:07"}


async def test_power_refusal_battery_and_plug() -> None:
    async with line(ack=True) as (simulator, link):
        await said(link, CONFIGURE, TEXT, PRIORITY)
        simulator.control("power_cycle")
        assert simulator.shown == {1: ""}
        assert await said(link, TEXT) == b""
        await asyncio.sleep(2)
        assert simulator.shown == {1: "A001 -> 3"}  # memory stays, the priority text goes
        simulator.control("refuse")
        assert await said(link, TEXT) == b"\x15\x60"
        simulator.control("refuse")
        simulator.control("lose_memory")
        assert await said(link, TEXT) == b"\x15\x60"
        simulator.control("unplug")
        assert await said(link, TEXT) == b""
        with pytest.raises(KeyError):
            simulator.control("nothing")


async def test_the_picture_turns_the_pages_of_a_long_text_in_its_colours() -> None:
    async with line(width=64) as (simulator, link):
        await said(link, CONFIGURE, packet(b"AA\x1b b\x1c2GREENISH\x1c1red"))
        titles, colours = set(), set()
        for _ in range(4):
            picture = ElementTree.fromstring(simulator.picture())
            titles.add(picture[0].text)
            colours |= {each.get("fill") for each in picture.iter()}
            await asyncio.sleep(3)
        assert titles == {"GREENISH", "red"}
        assert {pixels.GREEN, pixels.RED} <= colours
        with Image.open(BytesIO(simulator.png())) as picture_png:
            assert picture_png.size == (64 * 4, 16 * 4)


def test_any_split_gives_the_same_packet() -> None:
    for pieces in splits(TEXT):
        deframer = Deframer(0x7F)
        [found] = [packet for piece in pieces for packet in deframer.feed(piece)]
        assert (found.type, found.address, found.body) == (b"f", b"01", TEXT[9:-1])


@given(noise=st.binary(max_size=200))
def test_no_bytes_break_it_and_a_packet_after_a_silence_gets_through(noise: bytes) -> None:
    async def run() -> None:
        simulator = Alpha("sign", {"type": "f", "ack": True})
        deframer = Deframer(0x7F)
        for each in deframer.feed(NULS + b"\x01Z00\x02" + noise + b"\x04" + noise):
            simulator.receive(each)
        assert simulator.picture()
        deframer.forget()
        simulator.signs[1].dark_until = 0
        [found] = deframer.feed(PRIORITY)
        simulator.receive(found)
        assert simulator.shown == {1: "A001 WINDOW 3"}

    asyncio.run(run())
