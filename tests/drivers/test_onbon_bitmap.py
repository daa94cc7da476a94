"""Onbon bitmap cards: frames worked out by hand, the text as dots, and the device against a scripted card."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from drivers import onbon_bitmap as bitmap
from drivers import raster
from drivers.base import Condition, Misconfigured, ProtocolError, Rejected, Speech, Unreachable
from drivers.onbon import Decoder, Frame, Onbon
from drivers.onbon_bitmap import Page, Panel, draw, pack, parse_reply, pixels, request, unpack, update
from drivers.onbon_seal import seal
from simulators.onbon import SIMULATOR
from simulators.onbon_bitmap import OnbonBitmap
from tests import frames_toml as golden
from tests.wire import End, Scripted, pair

GOLDEN = {frame.name: frame for frame in golden.load("onbon_bitmap")}
FRAMES = list(GOLDEN.values())
K_FRAMES = golden.load("onbon")
FOREIGN = next(frame.raw for frame in K_FRAMES if frame.name == "ACK of screen 1")
NOISE = [b"\x00\x01noise", b"\x5a", b"\xa5\xa5\x5a", b"\xa5\x01\x02\x5a", b"\xa6\x5b\xa6", b"\xa5\xa6\x07\x5a", FOREIGN]
ACK_1 = GOLDEN["ACK of screen 1"].raw
FONTS = raster.fonts()
ROWS = (b"\x80\x01", b"\xff\x00")
"""The dots of every frame here: the corners of the first row, the left half of the second."""


def meaning(frame: golden.Frame) -> Frame:
    return Frame(frame.means["destination"], frame.means["source"], bytes.fromhex(frame.means["data"]))


# ---- frames


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_every_frame_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder(unpack)
        assert [message for piece in pieces for message in decoder.feed(piece)] == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_noise_around_a_frame_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE):
        decoder = Decoder(unpack)
        assert decoder.feed(data) == [meaning(frame)]
        assert decoder.garbage + decoder.bad_frames > 0


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_a_changed_byte_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(8, len(frame.raw)):
        for flip in (0x01, 0xFF):
            wrong = bytearray(frame.raw)
            wrong[at] ^= flip
            assert Decoder(unpack).feed(bytes(wrong) + ACK_1) == [meaning(GOLDEN["ACK of screen 1"])], at


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_data_is_framed_to_the_same_bytes(frame: golden.Frame) -> None:
    if frame.direction == "out":
        message = meaning(frame)
        assert seal(pack(message.destination, message.source, message.data)) == frame.raw


def test_the_manuals_ping() -> None:
    stranger = next(frame.raw for frame in K_FRAMES if frame.name == "a 5E ping: not of this family")
    assert seal(pack(0xFFFE, 0x8000, request(bitmap.PING))) == GOLDEN["ping, any screen"].raw == stranger


def test_text_cards_frames_are_bad_frames() -> None:
    decoder = Decoder(unpack)
    assert decoder.feed(FOREIGN) == []
    assert decoder.bad_frames == 1


@pytest.mark.parametrize("change", [(4, 0x02), (12, 0x08), (12, 0x0A), (15, 0x01)])
def test_a_sound_checksum_is_not_enough(change: tuple[int, int]) -> None:
    plain = bytearray(bytes.fromhex("00 80 01 00 F0 00 54 01 00 00 00 00 09 00 00 00 00 A0 00 00 00 00 00 00 00"))
    assert unpack(bytes(plain)) == (0x8000, 1, bytes.fromhex("00 A0 00 00 00 00 00 00 00"))
    plain[change[0]] = change[1]
    with pytest.raises(ProtocolError):
        unpack(bytes(plain))


@given(st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in FRAMES)]) | st.binary(max_size=40)))
def test_any_split_gives_the_same(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(unpack), Decoder(unpack)
    found = []
    rest = stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == whole.feed(stream)
    assert (cut.garbage, cut.bad_frames) == (whole.garbage, whole.bad_frames)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_own_frames_come_back(destination: int, source: int, data: bytes) -> None:
    assert Decoder(unpack).feed(seal(pack(destination, source, data))) == [Frame(destination, source, data)]


@given(st.binary(max_size=40))
def test_a_reply_is_read_or_none(data: bytes) -> None:
    reply = parse_reply(data)
    whole = len(data) >= 9 and len(data) == 9 + int.from_bytes(data[7:9], "little")
    assert (reply is not None) == whole
    if reply is not None:
        assert reply == ((0xA0, 1) if data[3] & 1 else (data[1], data[2]), data[5] + 256 * data[6], data[9:])


# ---- the area


@pytest.mark.parametrize(
    ("name", "generation", "colour", "pages"),
    [
        ("16 x 2, still, 5E, one colour", "5E", "", [Page(ROWS, 16)]),
        ("16 x 2, still, 5E, red of two colours", "5E", "red", [Page(ROWS, 16)]),
        ("16 x 2, still, 5E, green of two colours", "5E", "green", [Page(ROWS, 16)]),
        ("16 x 2, two pages running, 5E, one colour", "5E", "", [Page(ROWS, 16), Page((b"\xff\0", b"\x80\0"), 8)]),
        ("16 x 2, still, 6E, one colour", "6E", "", [Page(ROWS, 16)]),
        ("16 x 2, still, 6E, yellow", "6E", "yellow", [Page(ROWS, 16)]),
        ("16 x 2, two pages running, 6E, one colour", "6E", "", [Page(ROWS, 16), Page((b"\xff\0", b"\x80\0"), 8)]),
    ],
)
def test_update_frames(name: str, generation: str, colour: str, pages: list[Page]) -> None:
    payload = update(pages, Panel(generation, 16, 2, colour))
    assert seal(pack(1, 0x8000, request(bitmap.UPDATE, payload))) == GOLDEN[name].raw


def dots(data: bytes, panel: Panel) -> list[set[tuple[int, int]]]:
    """Lit dots of each plane, read bit by bit as the manual's appendix 2 counts them."""
    planes = 2 if panel.colour else 1
    found: list[set[tuple[int, int]]] = [set() for _ in range(planes)]
    words = -(-panel.width // 32)
    for x in range(panel.width):
        for y in range(panel.height):
            for plane in range(planes):
                if panel.generation == "5E":
                    lit = not data[(y * (panel.width // 8) + x // 8) * planes + plane] >> (7 - x % 8) & 1
                else:
                    at = 4 * ((plane * panel.height + y) * words + x // 32)
                    lit = not struct.unpack_from("<I", data, at)[0] >> (31 - x % 32) & 1
                if lit:
                    found[plane].add((x, y))
    return found


@given(
    st.sampled_from(["5E", "6E"]),
    st.sampled_from(["", "red", "green", "yellow"]),
    st.integers(1, 6),
    st.integers(1, 4),
    st.data(),
)
def test_pixels_are_read_back(generation: str, colour: str, stride: int, height: int, data: st.DataObject) -> None:
    panel = Panel(generation, 8 * stride, height, colour)
    rows = [data.draw(st.binary(min_size=stride, max_size=stride)) for _ in range(height)]
    lit = {(x, y) for y, row in enumerate(rows) for x in range(8 * stride) if row[x // 8] >> (7 - x % 8) & 1}
    sent = pixels(rows, panel)
    expected = {"": [lit], "red": [lit, set()], "green": [set(), lit], "yellow": [lit, lit]}[colour]
    assert dots(sent, panel) == expected
    # What fills a row up is dark: no bit is lit but those counted.
    assert sum(8 - byte.bit_count() for byte in sent) == sum(map(len, expected))


# ---- text


def test_text_that_fits_stands_at_the_full_height() -> None:
    pages, lacking = draw("3号窗口", Panel("6E", 128, 32, fonts=FONTS))
    assert lacking == 0
    assert [page.valid for page in pages] == [128]
    assert [row[:14] for row in pages[0].rows] == raster.render("3号窗口", 32, FONTS)
    assert {row[14:] for row in pages[0].rows} == {bytes(2)}


def test_lines_share_the_height() -> None:
    (page,), _ = draw("一\n\n二号\n", Panel("5E", 64, 32, fonts=FONTS))
    assert [row[:2] for row in page.rows[:16]] == raster.render("一", 16, FONTS)
    assert [row[:4] for row in page.rows[16:]] == raster.render("二号", 16, FONTS)


def test_lines_that_would_be_too_small_are_one() -> None:
    (page,), _ = draw("一\n二", Panel("5E", 64, 16, fonts=FONTS))
    assert [row[:5] for row in page.rows] == raster.render("一 二", 16, FONTS)


def test_a_height_that_lines_do_not_fill_stays_dark_below() -> None:
    (page,), _ = draw("一\n二", Panel("5E", 64, 33, fonts=FONTS))
    assert len(page.rows) == 33
    assert page.rows[32] == bytes(8)


@pytest.mark.parametrize("text", ["请A001号到3号窗口办理", "请A001号\n到3号窗口办理并带好身份证和预约单"])
def test_text_that_does_not_fit_runs(text: str) -> None:
    pages, _ = draw(text, Panel("5E", 128, 32, fonts=FONTS))
    whole = raster.render(text.replace("\n", " "), 32, FONTS)
    run = [b"".join(page.rows[y][: page.valid // 8] for page in pages) for y in range(32)]
    assert run == [row + bytes(4) for row in whole]  # a gap of one Hanzi
    assert all(len(row) == 16 for page in pages for row in page.rows)
    assert {page.valid for page in pages[:-1]} == {128}


def test_what_no_font_has_is_counted_and_what_is_invisible_vanishes() -> None:
    pages, lacking = draw("a\U0010fffeb\x07\u200b\tc", Panel("5E", 128, 16, fonts=FONTS))
    assert lacking == 1
    assert [row[:6] for row in pages[0].rows] == raster.render("a〓b c", 16, FONTS)


def test_blank_text_is_a_dark_page() -> None:
    for text in ("", " \n ", "\u200b"):
        (page,), lacking = draw(text, Panel("5E", 64, 16, fonts=FONTS))
        assert (set(page.rows), lacking) == ({bytes(8)}, 0)


@given(st.text(max_size=300), st.sampled_from([8, 64, 128]), st.sampled_from([8, 16, 33]))
def test_any_text_is_pages_of_the_panels_size(text: str, width: int, height: int) -> None:
    pages, _ = draw(text, Panel("6E", width, height, fonts=FONTS))
    assert pages
    assert {len(page.rows) for page in pages} == {height}
    assert {len(row) * 8 for page in pages for row in page.rows} == {width}
    assert all(0 < page.valid <= width for page in pages)


# ---- device


async def opened(*answers: bytes, **options: Any) -> tuple[Onbon, Scripted, asyncio.Task[None]]:
    link, wire = pair()

    async def opener() -> End:
        return link

    card = Scripted(wire, *answers)
    screen = Onbon(opener, {"generation": "5E"} | options)
    await screen.__aenter__()
    return screen, card, asyncio.create_task(card.run())


@pytest.mark.looptime
@pytest.mark.parametrize("generation", ["5E", "6E"])
async def test_show_sends_the_drawn_text_and_returns_on_the_ack(generation: str) -> None:
    screen, card, task = await opened(ACK_1, generation=generation, width=64, height=16, colour="red")
    await screen.show(1, "3号")
    panel = Panel(generation, 64, 16, "red", FONTS)
    (heard,) = Decoder(unpack).feed(card.heard[0])
    assert heard == Frame(1, 0x8000, request(bitmap.UPDATE, update(draw("3号", panel)[0], panel)))
    lit, green = dots(heard.data[-256:], panel)
    rows = raster.render("3号", 16, FONTS)
    assert lit == {(x, y) for y in range(16) for x in range(24) if rows[y][x // 8] >> (7 - x % 8) & 1}
    assert green == set()
    await task


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("NACK of screen 1: busy", "busy"),
        ("NACK of screen 1: screen parameter", "screen_parameter"),
        ("ACK of screen 1 with the NACK bit", "refused"),
    ],
)
async def test_a_nack_is_rejected_and_keeps_the_link(answer: str, reason: str) -> None:
    screen, card, task = await opened(GOLDEN[answer].raw, ACK_1)
    with pytest.raises(Rejected) as caught:
        await screen.show(1, "3号窗口")
    assert caught.value.reason == reason
    await screen.show(1, "3号窗口")
    await task
    assert card.heard[0] == card.heard[1]


@pytest.mark.looptime
async def test_a_long_picture_has_the_time_a_slow_line_takes() -> None:
    screen, card, task = await opened(b"", width=512, height=64)
    before = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await screen.show(1, "口")
    sent = len(card.heard[0])
    assert sent > 4096
    assert 0 <= asyncio.get_running_loop().time() - before - 1.5 - sent / 960 < 0.5
    await task


@pytest.mark.looptime
async def test_answers_of_others_and_of_text_cards_are_ignored() -> None:
    ping = GOLDEN["answer of screen 1 to a ping: on"].raw
    screen, _, task = await opened(FOREIGN + GOLDEN["ACK of screen 2"].raw + ping + ACK_1)
    await screen.show(1, "3号窗口")
    assert screen.ignored == 2
    assert screen.counters.bad_frames == 1
    await task


@pytest.mark.looptime
async def test_a_poll_pings_and_tells_only_changes() -> None:
    on, off = (GOLDEN[f"answer of screen 1 to a ping: {state}"].raw for state in ("on", "off"))
    screen, card, task = await opened(on, ACK_1, off, off, on)
    events = screen.events()
    assert await anext(events) == Condition("screen_off", True)
    assert await anext(events) == Condition("screen_off", False)
    await task
    assert card.heard == [GOLDEN["ping, screen 1"].raw] * 5
    await events.aclose()


@pytest.mark.looptime
async def test_a_silent_card_is_unreachable() -> None:
    screen, _, task = await opened(b"")
    with pytest.raises(Unreachable):
        await anext(screen.events())
    await task


@pytest.mark.looptime
async def test_lacking_characters_are_counted() -> None:
    screen, _, task = await opened(ACK_1)
    await screen.show(1, "\U0010fffe")
    assert screen.replaced == 1
    await task


@pytest.mark.looptime
async def test_bitmap_cards_do_not_speak() -> None:
    screen, _, task = await opened()
    with pytest.raises(Misconfigured):
        await screen.say(1, Speech("请"))
    await task


async def never() -> End:
    return pair()[0]


@pytest.mark.parametrize(
    "options",
    [
        {"generation": "5E", "voice": True},
        {"generation": "5E", "colour": "blue"},
        {"generation": "6E", "font": "/nowhere.ttf"},
        {"generation": "6K", "colour": "red"},
        {"generation": "5K", "font": str(FONTS[0])},
        {"generation": "6E", "width": 100},
    ],
)
def test_wrong_options_are_misconfigured(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        Onbon(never, options)


def test_a_machine_without_fonts_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "USUAL_FONTS", ())
    with pytest.raises(Misconfigured):
        Onbon(never, {"generation": "5E"})
    own = Onbon(never, {"generation": "5E", "font": str(FONTS[0])})
    assert own._panel == Panel("5E", 128, 16, "", FONTS[:1])


# ---- end to end: our driver and the card that was written apart from it


def drawn(text: str, size: int) -> set[tuple[int, int]]:
    """The dots of one line, by Pillow alone: a character is centred in its cell, ASCII half as wide as a Hanzi."""
    faces = (
        ImageFont.truetype(str(FONTS[0]), size, index, layout_engine=ImageFont.Layout.BASIC) for index in range(99)
    )
    face = (
        next(each for each in faces if "Mono CJK SC" in (each.getname()[0] or ""))
        if FONTS[0].suffix == ".ttc"
        else None
    )
    assert face is not None, "this test knows the faces of Noto Sans CJK"
    found, x = set(), 0
    for char in text:
        cell = size // 2 if char.isascii() else size
        one = Image.new("L", (cell, size))
        ImageDraw.Draw(one).text((cell / 2, size * 0.86), char, 255, face, anchor="ms")
        found |= {(x + i, j) for i in range(cell) for j in range(size) if cast(int, one.getpixel((i, j))) >= 128}
        x += cell
    return found


@pytest.mark.looptime
@pytest.mark.parametrize("generation", ["5E", "6E"])
@pytest.mark.parametrize(
    ("colour", "lamp"), [("", "#ff4030"), ("red", "#ff4030"), ("green", "#35d04a"), ("yellow", "#ffb000")]
)
async def test_the_card_lights_the_dots_of_the_text(generation: str, colour: str, lamp: str) -> None:
    link, wire = pair()
    options = {"generation": generation, "width": 176, "height": 32, "font": str(FONTS[0])}
    options |= {"colour": colour} if colour else {}
    card = SIMULATOR("led", options)
    assert isinstance(card, OnbonBitmap)
    talk = asyncio.create_task(card.talk(wire))

    async def opener() -> End:
        return link

    async with Onbon(opener, options) as screen:
        await screen.show(0, "请3号窗口办")
        dots = card.cards[1].dots(asyncio.get_running_loop().time())
        events = screen.events()
        with pytest.raises(TimeoutError):  # it is on, and stays on
            async with asyncio.timeout(20):
                await anext(events)
    wanted = tuple(bytes.fromhex(lamp[1:]))
    lit = {(x, y) for x in range(176) for y in range(32) if dots.getpixel((x, y)) == wanted}
    assert lit == drawn("请3号窗口办", 32)
    assert len(lit) > 500
    assert sum(count for count, seen in dots.getcolors() or [] if seen == wanted) == len(lit)
    assert len(dots.getcolors() or []) == 2
    await talk


@pytest.mark.looptime
@pytest.mark.parametrize("generation", ["5E", "6E"])
async def test_the_card_runs_what_is_too_long(generation: str) -> None:
    link, wire = pair()
    options = {"generation": generation, "width": 96, "height": 16}
    card = SIMULATOR("led", options)
    assert isinstance(card, OnbonBitmap)
    talk = asyncio.create_task(card.talk(wire))

    async def opener() -> End:
        return link

    async with Onbon(opener, options) as screen:
        await screen.show(1, "请A001号到3号窗口办理")
    (area,) = card.cards[1].areas.values()
    dark = (0x0A, 0x05, 0x00)
    found, x = set(), 0
    for page in area.pages:
        found |= {(x + i, j) for i in range(page.valid) for j in range(16) if page.dots.getpixel((i, j)) != dark}
        x += page.valid
    assert found == drawn("请A001号到3号窗口办理", 16)
    assert x == 8 * (2 * 8 + 5) + 16  # eight Hanzi, five of ASCII, and the gap
    await talk
