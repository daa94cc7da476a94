"""The simulated digit boards against frames of the Modbus specifications and of pymodbus, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU

from simulators.modbus import ModbusLine
from simulators.seven_segment import PATTERNS
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

# source: examples of a public Modbus tutorial (unit 17); this board has no register 0001
WRITE_ONE = bytes.fromhex("11 06 00 01 00 03 9A 9B")
WRITE_MANY = bytes.fromhex("11 10 00 01 00 02 04 00 0A 01 02 C6 F0")
# source: pymodbus 3.16.1, write_register(0, 27, device_id=1)
SHOW_27 = bytes.fromhex("01 06 00 00 00 1B C9 C1")


def rtu(text: str) -> bytes:
    """Unit and PDU with the stranger's CRC."""
    body = bytes.fromhex(text)
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


@contextlib.asynccontextmanager
async def line(**options: Any) -> AsyncIterator[tuple[ModbusLine, End]]:
    simulator = ModbusLine("digits", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes, gap: float = 0.0) -> bytes | None:
    """The answer to what is sent piece by piece; None when the line stays silent for a second."""
    for nth, piece in enumerate(pieces):
        await asyncio.sleep(gap if nth else 0)
        await link.write(piece)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            return await link.read()
    return None


async def test_a_written_number_is_echoed_and_shown_to_the_right() -> None:
    async with line() as (simulator, link):
        assert await said(link, SHOW_27) == SHOW_27
        assert simulator.shown == {1: "  27"}
        assert [(shown.unit, shown.text) for shown in simulator.history] == [(1, "  27")]


async def test_what_the_map_does_not_have_is_refused_with_exception_2_and_other_functions_with_1() -> None:
    async with line(addresses=[17]) as (simulator, link):
        assert await said(link, WRITE_ONE) == rtu("11 86 02")
        assert await said(link, WRITE_MANY) == rtu("11 90 02")
        assert await said(link, rtu("11 06 00 70 41 42")) == rtu("11 86 02")  # text is for function 16
        assert await said(link, rtu("11 10 00 00 00 01 02 00 1B")) == rtu("11 90 02")  # a value is for function 6
        assert await said(link, rtu("11 03 00 00 00 01")) == rtu("11 83 01")
        assert simulator.shown == {17: "    "}


@pytest.mark.parametrize(
    "frame",
    [
        SHOW_27[:-1] + b"\xc0",  # CRC
        SHOW_27[:-2] + bytes.fromhex("C1 C9"),  # CRC high byte first
        rtu("02 06 00 00 00 1B"),  # another unit
        SHOW_27 + SHOW_27,  # two frames without a silence
        SHOW_27[:-1],
        b"\x00" + SHOW_27,
        b"",
    ],
)
async def test_a_board_is_silent_about_what_is_no_frame_for_it(frame: bytes) -> None:
    async with line() as (simulator, link):
        assert await said(link, frame) is None
        assert simulator.shown == {1: "    "}
        assert await said(link, SHOW_27) == SHOW_27


async def test_a_frame_may_come_in_pieces_but_not_with_a_silence_inside() -> None:
    async with line() as (_, link):
        pieces = [SHOW_27[at : at + 1] for at in range(len(SHOW_27))]
        assert await said(link, *pieces, gap=0.0015) == SHOW_27
        assert await said(link, SHOW_27[:4], SHOW_27[4:], gap=0.005) is None


@pytest.mark.parametrize(
    ("value", "point", "text"),
    [
        (0, 0, "   0"),
        (-5, 0, "  -5"),
        (9999, 0, "9999"),
        (10000, 0, "----"),
        (-1000, 0, "----"),
        (1234, 1, "123.4"),
        (5, 2, " 0.05"),
        (1234, 3, "1.234"),
        (-5, 2, "-0.05"),
    ],
)
async def test_numbers_and_their_decimal_point(value: int, point: int, text: str) -> None:
    async with line() as (simulator, link):
        await said(link, rtu(f"01 06 00 04 00 {point:02X}"))
        await said(link, rtu(f"01 06 00 00 {value & 0xFFFF:04X}"))
        assert simulator.shown == {1: text}


async def test_a_decimal_point_moves_in_the_number_that_is_shown_and_is_0_to_3() -> None:
    async with line() as (simulator, link):
        await said(link, SHOW_27)
        assert await said(link, rtu("01 06 00 04 00 01")) == rtu("01 06 00 04 00 01")
        assert simulator.shown == {1: "  2.7"}
        assert await said(link, rtu("01 06 00 04 00 04")) == rtu("01 86 03")


async def test_text_segments_and_floats_are_written_many_at_a_time() -> None:
    async with line() as (simulator, link):
        assert await said(link, rtu("01 10 00 70 00 02 04 41 30 30 31")) == rtu("01 10 00 70 00 02")
        makers = bytes.fromhex("01 10 00 70 00 06 0C 50 32 2E 33 00 00 00 00 00 00 00 00 3B 25")
        assert await said(link, makers) == bytes.fromhex("01 10 00 70 00 06 41 D0")  # quoted in the maker's demo code
        assert await said(link, rtu("01 10 00 70 00 02 04 41 30 30 31")) == rtu("01 10 00 70 00 02")
        assert simulator.shown == {1: "A001"}
        # source: the set-up tool's table: H 76, E 79, L 38
        assert await said(link, rtu("01 10 00 80 00 02 04 76 79 38 B8")) == rtu("01 10 00 80 00 02")
        assert simulator.shown == {1: "HELL."}
        pdu = "01 10 00 90 00 02 04 " + struct.pack(">f", 12.5).hex()
        assert await said(link, rtu(pdu)) == rtu("01 10 00 90 00 02")
        assert simulator.shown == {1: "12.50"}
        await said(link, rtu("01 10 00 90 00 02 04 7F C0 00 00"))  # not a number
        assert simulator.shown == {1: "----"}


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("10 00 70 00 02 04 41 30 30", 3),  # fewer bytes than it says
        ("10 00 70 00 02 03 41 30 30", 3),  # bytes do not go with registers
        ("10 00 70 00 00 00", 3),
        ("10 00 70 00 01 02 41 80", 3),  # not ASCII
        ("10 00 70 00 07 0E 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E", 2),  # beyond the twelve bytes of text
        ("10 00 90 00 01 02 41 48", 3),  # half a float
        ("06 00 00 00", 3),
        ("06 00 02 00 00", 3),  # unit 0 is for all
        ("06 00 02 00 F8", 3),
        ("06 00 03 00 09", 3),
    ],
)
async def test_values_that_cannot_be_are_refused(pdu: str, code: int) -> None:
    async with line() as (simulator, link):
        function = int(pdu[:2], 16) | 0x80
        assert await said(link, rtu(f"01 {pdu}")) == rtu(f"01 {function:02X} {code:02X}")
        assert simulator.shown == {1: "    "}


async def test_a_new_unit_id_counts_from_the_next_frame_on_and_survives_the_power() -> None:
    async with line() as (simulator, link):
        assert await said(link, rtu("01 06 00 02 00 07")) == rtu("01 06 00 02 00 07")
        assert await said(link, SHOW_27) is None
        assert await said(link, rtu("07 06 00 00 00 1B")) == rtu("07 06 00 00 00 1B")
        simulator_done = simulator.control("power_cycle")
        assert simulator_done is not None
        await simulator_done
        assert simulator.shown == {7: "    "}
        assert await said(link, rtu("07 06 00 00 00 1B")) is not None


async def test_a_board_at_another_baud_rate_hears_nothing_until_the_host_follows() -> None:
    async with line() as (simulator, link):
        assert await said(link, rtu("01 06 00 03 00 05")) == rtu("01 06 00 03 00 05")
        assert await said(link, SHOW_27) is None
        simulator.baud = 19200
        assert await said(link, SHOW_27) == SHOW_27


async def test_unit_0_is_for_all_boards_and_nobody_answers() -> None:
    async with line(addresses=[1, 2], digits=3) as (simulator, link):
        assert await said(link, rtu("00 06 00 00 00 1B")) is None
        assert simulator.shown == {1: " 27", 2: " 27"}
        assert await said(link, rtu("02 06 00 02 00 01")) is not None  # now two have unit 1
        assert await said(link, SHOW_27) is None


async def test_busy_and_unplugged() -> None:
    async with line() as (simulator, link):
        simulator.control("busy")
        assert await said(link, SHOW_27) == rtu("01 86 06")
        simulator.control("busy")
        simulator.control("unplug")
        assert await said(link, SHOW_27) is None
        simulator.control("unplug")
        assert await said(link, SHOW_27) == SHOW_27
        with pytest.raises(KeyError):
            simulator.control("nothing")


async def test_the_picture_lights_the_segments_of_each_board() -> None:
    async with line(addresses=[1, 2], digits=3) as (simulator, link):
        dark = simulator.picture().count("#ff4030")
        await said(link, rtu("01 06 00 00 00 08"))
        picture = simulator.picture()
        assert (dark, picture.count("#ff4030")) == (0, 7)
        assert "2 号牌" in "".join(ElementTree.fromstring(picture).itertext())


def test_no_two_characters_look_the_same() -> None:
    assert len(set(PATTERNS.values())) == len(PATTERNS)
    assert PATTERNS["0"] == 0x3F  # source: the set-up tool's table
    assert PATTERNS["4"] == 0x66


# ---- TCP

# source: pymodbus 3.16.1 over TCP, write_register(0, 27, device_id=1)
TCP_27 = bytes.fromhex("00 01 00 00 00 06 01 06 00 00 00 1B")


async def test_over_tcp_the_transaction_comes_back_and_pieces_do_not_matter() -> None:
    async with line(framing="tcp") as (simulator, link):
        assert await said(link, *[TCP_27[at : at + 1] for at in range(len(TCP_27))], gap=0.5) == TCP_27
        assert simulator.shown == {1: "  27"}
        await link.write(TCP_27 + b"\x00\x02" + TCP_27[2:])
        assert [await link.read(), await link.read()] == [TCP_27, b"\x00\x02" + TCP_27[2:]]


async def test_over_tcp_a_unit_that_nobody_has_is_exception_11() -> None:
    async with line(framing="tcp") as (_, link):
        wrong = TCP_27[:6] + b"\x09" + TCP_27[7:]
        assert await said(link, wrong) == bytes.fromhex("00 01 00 00 00 03 09 86 0B")


@pytest.mark.parametrize("head", ["00 01 00 01 00 06", "00 01 00 00 00 01", "00 01 00 00 01 00"])
async def test_over_tcp_a_head_that_cannot_be_ends_the_connection(head: str) -> None:
    async with line(framing="tcp") as (_, link):
        await link.write(bytes.fromhex(head) + TCP_27[6:])
        with pytest.raises(Exception, match="closed"):
            await link.read()


async def test_over_tcp_a_power_cycle_ends_the_connection() -> None:
    async with line(framing="tcp") as (simulator, link):
        await simulator.power_cycle()
        with pytest.raises(Exception, match="closed"):
            await link.read()


@given(noise=st.binary(max_size=300), value=st.integers(0, 9999))
def test_no_bytes_break_the_line_and_a_good_frame_after_a_silence_gets_through(noise: bytes, value: int) -> None:
    async def run() -> None:
        frame = rtu(f"01 06 00 00 {value:04X}")
        simulator = ModbusLine("digits", {})
        simulator.receive_rtu(noise)
        assert simulator.receive_rtu(frame) == frame
        assert int(simulator.shown[1]) == value

    asyncio.run(run())


@given(st.binary(min_size=1, max_size=40))
def test_every_request_with_a_right_crc_is_answered_or_refused(pdu: bytes) -> None:
    async def run() -> bytes | None:
        return ModbusLine("digits", {}).receive_rtu(rtu((b"\x01" + pdu).hex()))

    answer = asyncio.run(run())
    assert answer is not None
    assert answer == rtu(answer[:-2].hex())
    assert answer[1] in (pdu[0], pdu[0] | 0x80)
