"""The simulated Onbon bitmap card against frames worked out by hand from the manuals, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simulators import pixels
from simulators.onbon import SIMULATOR, Onbon
from simulators.onbon_bitmap import OnbonBitmap
from simulators.onbon_line import unescape, wrap
from tests import frames_toml as golden
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

GOLDEN = {frame.name: frame.raw for frame in golden.load("onbon_bitmap")}
K_STATUS = next(frame.raw for frame in golden.load("onbon") if frame.name == "status, screen 1")
PING, ACK = GOLDEN["ping, screen 1"], GOLDEN["ACK of screen 1"]
FIVE, SIX = GOLDEN["16 x 2, still, 5E, one colour"], GOLDEN["16 x 2, still, 6E, one colour"]
FIVE_RUNS, SIX_RUNS = (GOLDEN[f"16 x 2, two pages running, {name}, one colour"] for name in ("5E", "6E"))
DOTS = {(0, 0), (15, 0), *((x, 1) for x in range(8))}
"""What each of those frames lights: the corners of the first row, the left half of the second."""
SECOND = {*((x, 0) for x in range(8)), (0, 1)}


@contextlib.asynccontextmanager
async def card(**options: Any) -> AsyncIterator[tuple[OnbonBitmap, End]]:
    simulator = SIMULATOR("led", {"width": 16, "height": 2, "generation": "5E"} | options)
    assert isinstance(simulator, OnbonBitmap)
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


def plain(frame: bytes) -> bytes:
    """Header and data."""
    body = unescape(frame.lstrip(b"\xa5")[:-1])
    assert body is not None
    return body[:-2]


def error_of(answer: bytes | None) -> int:
    assert answer is not None
    data = plain(answer)[16:]
    assert data[:5] == bytes.fromhex("00 A0 01 01 00"), "no NACK"
    assert data[6:] == bytes(3)
    return data[5]


def changed(frame: bytes, *changes: tuple[int, int]) -> bytes:
    """The frame with bytes of header (0 to 15) or data (from 16) changed, and a right CRC."""
    body = bytearray(plain(frame))
    for at, value in changes:
        body[at] = value
    return wrap(bytes(body))


def lit(image: Image.Image, colour: str = pixels.RED) -> set[tuple[int, int]]:
    wanted = tuple(bytes.fromhex(colour[1:]))
    return {(x, y) for x in range(image.width) for y in range(image.height) if image.getpixel((x, y)) == wanted}


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_generation_tells_the_families_apart() -> None:
    assert isinstance(SIMULATOR("led", {}), Onbon)
    async with card() as (_, link):
        assert await heard(link, K_STATUS) is None
        assert await heard(link, PING) is not None
    text = SIMULATOR("led", {"generation": "6K"})
    assert text.receive(plain(PING) + b"\0\0") is None


async def test_the_wire_takes_any_run_of_start_bytes_and_any_split() -> None:
    async with card() as (simulator, link):
        assert await heard(link, b"\x00junk\x5a", FIVE[7:]) == ACK
        assert await heard(link, FIVE[:20], *(bytes([byte]) for byte in FIVE)) == ACK
        assert lit(simulator.cards[1].dots(now())) == DOTS


@pytest.mark.parametrize(("frame", "generation"), [(FIVE, "5E"), (SIX, "6E")])
async def test_one_colour_is_red_dots(frame: bytes, generation: str) -> None:
    async with card(generation=generation) as (simulator, link):
        answer = await heard(link, frame)
        assert answer is not None
        assert plain(answer)[16:] == bytes.fromhex("00 A0 00 00 00 00 00 00 00")
        dots = simulator.cards[1].dots(now())
        assert lit(dots) == DOTS
        assert lit(dots, pixels.OFF) | DOTS == {(x, y) for x in range(16) for y in range(2)}
        assert simulator.shown == {1: "点阵：10 点亮"}


@pytest.mark.parametrize(
    ("name", "generation", "colour"),
    [
        ("16 x 2, still, 5E, red of two colours", "5E", pixels.RED),
        ("16 x 2, still, 5E, green of two colours", "5E", pixels.GREEN),
        ("16 x 2, still, 6E, yellow", "6E", pixels.YELLOW),
    ],
)
async def test_two_colours(name: str, generation: str, colour: str) -> None:
    async with card(generation=generation, colour="red") as (simulator, link):
        assert await heard(link, GOLDEN[name]) is not None
        dots = simulator.cards[1].dots(now())
        assert lit(dots, colour) == DOTS
        assert len(lit(dots, pixels.OFF)) == 32 - len(DOTS)
        assert f'fill="{colour}"' in simulator.picture()


@pytest.mark.parametrize(("frame", "generation"), [(FIVE_RUNS, "5E"), (SIX_RUNS, "6E")])
async def test_pages_turn(frame: bytes, generation: str) -> None:
    async with card(generation=generation) as (simulator, link):
        await heard(link, frame)
        (area,) = simulator.cards[1].areas.values()
        assert [(page.mode, page.valid) for page in area.pages] == [(4, 16), (4, 8)]
        assert lit(simulator.cards[1].dots(now())) == DOTS
        assert "1 号屏 ← 共 2 页" in simulator.picture()
        await asyncio.sleep(1.5)
        assert lit(simulator.cards[1].dots(now())) == SECOND
        await asyncio.sleep(1)
        assert lit(simulator.cards[1].dots(now())) == DOTS
        ElementTree.fromstring(simulator.picture())
        assert simulator.png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("mode", "after"),
    [(0, {10.0: DOTS}), (1, {4.5: SECOND}), (2, {9.0: SECOND, 10.5: set()}), (4, {1.5: SECOND, 2.5: set()})],
)
async def test_run_modes(mode: int, after: dict[float, set[tuple[int, int]]]) -> None:
    async with card() as (simulator, link):
        started = now()
        await heard(link, changed(FIVE_RUNS, (26, mode)))  # data: 5 request | 4 length | id | run mode
        for seconds, dots in after.items():
            await asyncio.sleep(started + seconds - now())
            assert lit(simulator.cards[1].dots(now())) == dots


async def test_a_ping_is_answered_with_the_panel() -> None:
    async with card(width=128, height=32, colour="green", generation="6E", screens=[7]) as (_, link):
        answer = await heard(link, changed(PING, (0, 7)))
    assert answer is not None
    body = plain(answer)
    assert body[:12] == bytes.fromhex("00 80 07 00 F0 00 74 01 00 00 00 00")
    assert int.from_bytes(body[12:16], "little") == len(body) - 16
    data = body[16:]
    assert data[:7] == bytes.fromhex("00 A2 80 00 00 00 00")
    assert int.from_bytes(data[7:9], "little") == len(data) - 9
    assert data[9:11] == b"\x74\x01"
    assert data[20:30] == bytes.fromhex("07 00 01 80 00 20 00 03 0F 01")  # number, baud, size, colours, bright, on


async def test_the_manuals_ping_reaches_the_only_card() -> None:
    async with card() as (_, link):
        assert await heard(link, GOLDEN["ping, any screen"]) is not None
    async with card(screens=[1, 2]) as (_, link):
        assert await heard(link, GOLDEN["ping, any screen"]) is None


async def test_a_bad_crc_is_error_5_or_silence() -> None:
    broken = FIVE[:-2] + bytes([FIVE[-2] ^ 1]) + FIVE[-1:]
    async with card() as (simulator, link):
        assert error_of(await heard(link, broken)) == 5
        assert simulator.shown == {1: ""}
    async with card(bad_crc="silent") as (_, link):
        assert await heard(link, broken) is None


# bytes of the frame: header 16 | 16 RtnReq | 17 group | 18 cmd | 19 0 0 | 21 AreaDataLen 4 | 25 id | 26 run mode |
# 27 time-out 2 | 29 all | 30 programs 2 | 32 at once | 33 0 x4 | 37 type | 38 X 2 | 40 Y 2 | 42 W 2 | 44 H 2 |
# 46 frame | 47 pages 2 | 49 PageDataLen 4 | 53 style | 54 mode | ... | 60 valid 2 | 62 0 x4 | 66 dots
REFUSALS = [
    ((12, 0x35), 5, "data length"),
    ((13, 0x01), 5, "data length"),
    ((17, 0xA9), 1, "group"),
    ((18, 0x55), 2, "command"),
    ((6, 0x54), 17, "another card's type"),
    ((21, 0x2C), 8, "area length, short"),
    ((21, 0x2E), 8, "area length, long"),
    ((24, 0x01), 8, "area length, very long"),
    ((25, 4), 4, "a fifth area"),
    ((26, 5), 8, "run mode"),
    ((30, 1), 10, "a program whose number is not there"),
    ((37, 0x00), 10, "a text area"),
    ((38, 1), 18, "X"),
    ((40, 1), 18, "Y"),
    ((42, 17), 18, "W"),
    ((44, 3), 18, "H"),
    ((42, 0), 18, "no width"),
    ((42, 8), 8, "dots of a wider area"),
    ((44, 1), 8, "dots of a higher area"),
    ((42, 15), 8, "a lit dot beside the area"),
    ((46, 1), 8, "a frame"),
    ((47, 0), 8, "no page"),
    ((47, 2), 8, "two pages"),
    ((49, 0x10), 8, "page length, short"),
    ((49, 0x12), 8, "page length, long"),
    ((54, 0x29), 8, "display mode"),
]


@pytest.mark.parametrize(("change", "error", "what"), REFUSALS, ids=[what for *_, what in REFUSALS])
async def test_what_a_card_cannot_do_is_refused_and_changes_nothing(
    change: tuple[int, int], error: int, what: str
) -> None:
    async with card() as (simulator, link):
        assert await heard(link, FIVE_RUNS) == ACK
        assert error_of(await heard(link, changed(FIVE, change))) == error
        assert len(simulator.cards[1].areas[0].pages) == 2


# 6E: 21 areas 2 | 23 AreaDataLen 4 | 27 id | 28 run mode | ... | 40 X | 42 Y | 44 W | 46 H | 48 frame | 49 background |
# 50 transparency | 51 equal | 52 sound | 53 0 x5 | 58 pages 2 | 60 PageDataLen 4 | 64 parameters 9 | 73 0 x9 |
# 82 offset 4 | 86 length 4 | 90 second page: PageDataLen 4 | 94 parameters | 103 0 x9 | 112 offset | 116 length |
# 120 dots: the first word, low byte first
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ((21, 2), 8),
        ((23, 0x5C), 8),
        ((27, 32), 4),
        ((44, 17), 18),
        ((49, 1), 8),
        ((52, 1), 8),
        ((60, 0x19), 8),
        ((82, 1), 8),
        ((86, 7), 8),
        ((86, 9), 8),
        ((112, 0), 8),
        ((116, 4), 8),
        ((121, 0x7F), 8),  # a lit dot beside the area
    ],
)
async def test_6e_tables_are_checked(change: tuple[int, int], error: int) -> None:
    async with card(generation="6E") as (simulator, link):
        assert error_of(await heard(link, changed(SIX_RUNS, change))) == error
        assert simulator.cards[1].areas == {}


async def test_a_frame_of_the_other_generation_is_refused() -> None:
    async with card(generation="6E") as (_, link):
        assert error_of(await heard(link, FIVE)) == 8
    async with card(generation="5E") as (_, link):
        assert error_of(await heard(link, SIX)) == 8
    async with card(colour="red") as (_, link):
        assert error_of(await heard(link, FIVE)) == 8


async def test_an_area_inside_the_panel_shares_bytes_with_what_is_beside_it() -> None:
    # X 3, W 5: the first byte's three high bits are beside it, and stay 1. Rows E2 and FF.
    body = bytearray(plain(FIVE))
    body[38], body[42] = 3, 5
    body[66:70] = bytes.fromhex("E2 FF")
    body[49], body[21], body[12] = 15, 0x2B, 0x34
    async with card() as (simulator, link):
        assert await heard(link, wrap(bytes(body))) == ACK
        assert lit(simulator.cards[1].dots(now())) == {(3, 0), (4, 0), (5, 0), (7, 0)}


async def test_areas_are_kept_by_id_until_deleted() -> None:
    delete = bytes.fromhex("01 00 00 80 F0 00 FE FF 00 00 00 00 07 00 00 00 01 A7 01 00 00 01 00")
    delete_all = bytes.fromhex("01 00 00 80 F0 00 FE FF 00 00 00 00 06 00 00 00 01 A7 01 00 00 FF")
    async with card() as (simulator, link):
        await heard(link, FIVE)
        await heard(link, changed(FIVE, (25, 3)))
        await heard(link, FIVE)
        assert sorted(simulator.cards[1].areas) == [0, 3]
        assert await heard(link, wrap(delete)) == ACK
        assert sorted(simulator.cards[1].areas) == [3]
        assert await heard(link, wrap(delete_all)) == ACK
        assert simulator.shown == {1: ""}


async def test_no_answer_when_none_is_wanted() -> None:
    async with card() as (simulator, link):
        assert await heard(link, changed(FIVE, (16, 0))) is None
        assert lit(simulator.cards[1].dots(now())) == DOTS


async def test_power_busy_and_plugs() -> None:
    async with card(screens=[1, 2]) as (simulator, link):
        names = [control["name"] for control in simulator.controls()]
        assert names == ["power_cycle", "busy", "unplug", "dead:1", "dead:2"]
        await heard(link, FIVE)
        simulator.control("busy")
        assert error_of(await heard(link, PING)) == 3
        simulator.control("busy")
        simulator.control("power_cycle")
        assert simulator.shown == {1: "", 2: ""}
        assert await heard(link, PING) is None
        await asyncio.sleep(2)
        assert await heard(link, PING) is not None
        simulator.control("dead:1")
        assert await heard(link, PING) is None
        assert simulator.state()["screens"]["1"]["dark"] is True
        simulator.control("unplug")
        assert await heard(link, changed(PING, (0, 2))) is None
        with pytest.raises(KeyError):
            simulator.control("no_font")


@given(noise=st.binary(max_size=200), at=st.integers(0, len(SIX_RUNS) - 1), value=st.integers(0, 255))
def test_no_bytes_break_the_card_and_a_good_frame_still_gets_through(noise: bytes, at: int, value: int) -> None:
    async def run() -> None:
        mangled = SIX_RUNS[:at] + bytes([value]) + SIX_RUNS[at + 1 :]
        async with card(generation="6E") as (simulator, link):
            await link.write(noise + mangled)
            await link.write(b"\x5a" + SIX)
            for _ in range(100):  # turns of the loop that the card may need
                await asyncio.sleep(0)
            assert lit(simulator.cards[1].dots(now())) == DOTS
            assert simulator.picture()

    asyncio.run(run())


@given(st.binary(max_size=120), st.sampled_from(["5E", "6E"]))
def test_any_payload_is_taken_or_refused(payload: bytes, generation: str) -> None:
    simulator = SIMULATOR("led", {"generation": generation, "width": 16, "height": 2})
    data = b"\x01\xa7\x00\x00\x00" + payload
    head = bytes.fromhex("01 00 00 80 F0 00 FE FF 00 00 00 00") + len(data).to_bytes(4, "little")

    async def run() -> bytes | None:
        return simulator.receive(unescape(wrap(head + data)[8:-1]) or b"")

    answer = asyncio.run(run())
    assert answer is not None
    assert plain(answer)[17:19] in (b"\xa0\x00", b"\xa0\x01")
