"""The dynamic text area of an Onbon BX-K card: its fields, how its text falls on pages, and the dots of the panel.

Source: the vendor's BX-K client (field order and sizes) and frames seen in the field (text escapes). A full-width
character is taken as 16 x 16 pixels and an ASCII one as 8 x 16; areas lower than 16 pixels use their own height.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from simulators import pixels
from simulators.pixels import GREEN, RED, YELLOW

TYPE, DOWNLOAD = 10, 8
FONT = 16  # pixels
ESCAPE = re.compile(rb"\\(?:C([123])|F[OEK]\d{3}|(n))")
LEFT, RIGHT, UP, DOWN = 3, 4, 5, 6
ARROWS = {LEFT: "←", RIGHT: "→", UP: "↑", DOWN: "↓"}


class Refused(Exception):
    """The card says no; `error` is the error byte of its answer."""

    def __init__(self, error: int) -> None:
        super().__init__(f"error {error}")
        self.error = error


class Fields:
    """Reads a payload field by field. A payload that is too short or too long is refused with error 8."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise Refused(DOWNLOAD)
        self._at += count
        return part

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def end(self) -> None:
        if self._at != len(self._data):
            raise Refused(DOWNLOAD)


@dataclass(frozen=True, slots=True)
class Area:
    """X, Y, W, H in pixels; `stay` in half seconds; `timeout` in seconds (run mode 5: plays); `since` is loop time."""

    id: int
    x: int
    y: int
    w: int
    h: int
    run_mode: int
    timeout: int
    sound: str
    single_line: bool
    auto_wrap: bool
    display_mode: int
    stay: int
    raw: bytes
    since: float

    def plain(self, gbk: bool) -> str:
        return "".join(glyph.char for glyph in glyphs(self.raw, gbk))


def parse_area(fields: Fields, unit: int, gbk: bool, now: float) -> Area:
    """`unit` is the pixels per unit of X and W: 8 on 5K cards, 1 on 6K."""
    if fields.u8() != 0:
        raise Refused(TYPE)
    x, y, w, h = fields.u16() * unit, fields.u16(), fields.u16() * unit, fields.u16()
    area_id, _line_spacing, run_mode, timeout = fields.u8(), fields.u8(), fields.u8(), fields.u16()
    sound_mode, sound = fields.u8(), ""
    if sound_mode in (1, 2):
        fields.take(3)  # person and repeat, volume, speed
    if sound_mode == 2:
        sound = "".join(glyph.char for glyph in glyphs(fields.take(fields.u32()), gbk))
    fields.take(fields.u8())  # typesetting
    _alignment, single, new_line, display_mode = fields.take(4)
    _exit, _speed, stay = fields.take(3)
    raw = fields.take(fields.u32())
    if run_mode > 5 or sound_mode > 2 or not 1 <= display_mode <= 6:
        raise Refused(DOWNLOAD)
    if sound_mode == 1:
        sound = "".join(glyph.char for glyph in glyphs(raw, gbk))
    return Area(area_id, x, y, w, h, run_mode, timeout, sound, single == 1, new_line == 2, display_mode, stay, raw, now)


# ---- text


@dataclass(frozen=True, slots=True)
class Glyph:
    char: str
    colour: str
    width: int


def glyphs(raw: bytes, gbk: bool) -> list[Glyph]:
    """Characters with their colours; a line break is a glyph of width 0, what the font lacks a box.

    Read as bytes: a GBK second byte may be a backslash, which is then no escape.
    """
    out: list[Glyph] = []
    at, colour = 0, RED
    while at < len(raw):
        if raw[at] >= 0x80:
            out.append(Glyph(_hanzi(raw[at : at + 2], gbk), colour, FONT))
            at += 2
        elif found := ESCAPE.match(raw, at):
            colour = {b"1": RED, b"2": GREEN, b"3": YELLOW}.get(found[1] or b"", colour)
            if found[2]:
                out.append(Glyph("\n", colour, 0))
            at = found.end()
        else:
            out.append(Glyph(chr(raw[at]) if 0x20 <= raw[at] < 0x7F else "□", colour, FONT // 2))
            at += 1
    return out


def _hanzi(pair: bytes, gbk: bool) -> str:
    in_gb2312 = len(pair) == 2 and 0xA1 <= pair[0] <= 0xF7 and pair[1] >= 0xA1
    if not gbk and not in_gb2312:
        return "□"
    try:
        return pair.decode("gbk")
    except UnicodeDecodeError:
        return "□"


@dataclass(frozen=True, slots=True)
class Layout:
    pages: list[list[list[Glyph]]]
    """Pages of lines of glyphs; never empty."""
    cut: bool
    """Some of the text can never be read: it lies right of the area and nothing wraps or scrolls it."""


def layout(area: Area, gbk: bool) -> Layout:
    lines: list[list[Glyph]] = [[]]
    cut = False
    scrolls = area.display_mode in (LEFT, RIGHT)
    for glyph in glyphs(area.raw, gbk):
        full = not scrolls and sum(each.width for each in lines[-1]) + glyph.width > area.w
        if glyph.char == "\n":
            lines.append([])
        elif full and not (area.auto_wrap or area.single_line):
            cut = True
        elif full:
            lines.append([glyph])
        else:
            lines[-1].append(glyph)
    rows = 1 if area.single_line else max(1, area.h // min(FONT, area.h))
    return Layout([lines[at : at + rows] for at in range(0, len(lines), rows)], cut)


def page_now(area: Area, gbk: bool, now: float) -> tuple[list[list[Glyph]], int]:
    """The lines of the page that is shown at `now`, and how many pages there are."""
    pages = layout(area, gbk).pages
    turns = int((now - area.since) / _page_seconds(area))
    at = min(turns, len(pages) - 1) if area.run_mode == 1 else turns % len(pages)
    return pages[at], len(pages)


def play_seconds(area: Area, gbk: bool) -> float | None:
    """How long the area lives: modes 2 (timeout), 4 (one play) and 5 (so many plays); None is for ever."""
    if area.run_mode == 2:
        return float(area.timeout)
    if area.run_mode in (4, 5):
        return len(layout(area, gbk).pages) * _page_seconds(area) * (area.timeout if area.run_mode == 5 else 1)
    return None


def _page_seconds(area: Area) -> float:
    return max(area.stay, 1) * 0.5


# ---- drawing

Lit = tuple[Area, list[list[Glyph]], int]
"""An area, the lines of the page that it shows, and how many pages it has."""


def panel(width: int, height: int, lit: Sequence[Lit]) -> Image.Image:
    """The panel as it is lit, one pixel per LED; what does not fit its area is cut off."""
    whole = pixels.blank(width, height)
    for area, lines, _ in lit:
        whole.paste(_area(area, lines), (area.x, area.y))
    return whole


def caption(number: int, lit: Sequence[Lit]) -> str:
    """The screen's number, and marks for scrolling and pages."""
    marks = "".join(f" {ARROWS.get(area.display_mode, '')}{_pages(pages)}" for area, _, pages in lit)
    return f"{number} 号屏{marks}"


def said(lit: Sequence[Lit]) -> str:
    """What can be read at this moment, a line each."""
    return "\n".join("".join(glyph.char for glyph in line) for _, lines, _ in lit for line in lines)


def _pages(pages: int) -> str:
    return f" 共 {pages} 页" if pages > 1 else ""


def _area(area: Area, lines: list[list[Glyph]]) -> Image.Image:
    dots, size = pixels.blank(area.w, area.h), min(FONT, area.h)
    for row, line in enumerate(lines):
        x = 0
        for glyph in line:
            pixels.put(dots, glyph.char, x, row * size, glyph.width, size, glyph.colour)
            x += glyph.width
    return dots
