"""What is written into a TEXT or STRING file of an Alpha sign, and the pages that visitors see of it.

Source: the sign maker's protocol document 9708-8061 (control codes, colours). A one-line sign of 8 x 16 dots to a
character; every transition mode is drawn as pages that follow one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from simulators import pixels

ESC, COLOUR, STRING, NEW_PAGE, NEW_LINE, TIME = 0x1B, 0x1C, 0x10, 0x0C, 0x0D, 0x13
PARAMETERS = {0x05: 1, 0x06: 1, 0x07: 1, 0x08: 1, 0x0B: 1, 0x14: 1, 0x1A: 1, 0x1D: 2, 0x1E: 1, COLOUR: 1, STRING: 1}
POSITIONS, MODES, SPECIAL = b' "&012<>', b"abcdefghijklmnopqrstuv", ord("n")
COLOURS = {
    "1": pixels.RED,
    "2": pixels.GREEN,
    "3": pixels.YELLOW,
    "4": "#80180f",
    "5": "#146020",
    "6": "#8a4a10",
    "7": "#ff8020",
    "8": "#f0e040",
}
"""Of the selectors 1 to 9 and A to C; those that change by themselves (rainbow, mix, auto) are drawn amber."""
WIDE, HIGH = 8, 16  # dots
Strings = Callable[[str], bytes]
"""The contents of the STRING file with this label, empty when there is none."""


@dataclass(frozen=True, slots=True)
class Glyph:
    char: str
    """`\\n` is a new line, `\\f` a new page."""
    colour: str


def mode_size(data: bytes) -> int | None:
    """Bytes of the mode field (ESC position mode [special]) at the start: 0 without one, None when it is wrong."""
    if data[:1] != bytes([ESC]):
        return 0
    if len(data) < 3 or data[1] not in POSITIONS or data[2] not in MODES:
        return None
    size = 4 if data[2] == SPECIAL else 3
    return size if len(data) >= size else None


def glyphs(data: bytes, strings: Strings, clock: str, colour: str = pixels.YELLOW) -> list[Glyph]:
    """Characters with their colours; calls of strings and of the time are filled in. A string calls no other."""
    out: list[Glyph] = []
    at = mode_size(data) or 0
    while at < len(data):
        code, parameter = data[at], chr(data[at + 1]) if at + 1 < len(data) else ""
        at += 1 + PARAMETERS.get(code, 0)
        if code == COLOUR:
            colour = COLOURS.get(parameter, pixels.YELLOW)
        elif code == STRING:
            called = glyphs(strings(parameter), lambda label: b"", clock, colour)
            out += called
            colour = called[-1].colour if called else colour
        elif code == TIME:
            out += [Glyph(char, colour) for char in clock]
        elif code in (NEW_PAGE, NEW_LINE):
            out.append(Glyph("\f" if code == NEW_PAGE else "\n", colour))
        elif code >= 0x20:
            out.append(Glyph(chr(code) if code < 0x7F else "□", colour))
    return out


def plain(text: list[Glyph]) -> str:
    """New lines and pages read as line breaks."""
    return "".join(glyph.char for glyph in text).replace("\f", "\n")


def pages(text: list[Glyph], columns: int) -> list[list[Glyph]]:
    """What fits on the one line at a time; a file without text is one empty page."""
    found: list[list[Glyph]] = [[]]
    for glyph in text:
        if glyph.char in "\n\f":
            found.append([])
        elif len(found[-1]) == columns:
            found.append([glyph])
        else:
            found[-1].append(glyph)
    return [page for page in found if page] or [[]]


def panel(page: list[Glyph], width: int) -> Image.Image:
    image = pixels.blank(width, HIGH)
    for column, glyph in enumerate(page):
        pixels.put(image, glyph.char, column * WIDE, 0, WIDE, HIGH, glyph.colour)
    return image
