"""Onbon (仰邦) BX-5E and BX-6E bitmap cards: text is drawn here and sent as dots of one dynamic area (动态区).

    header   dst 2 | src 2 (8000 = us) | F0 | 0 | device type 2 (FFFE any) | 0 x4 | length 4               16 bytes
    request  reply (01 wanted) | group | command | 0 0 | payload
    reply    0 | group | command | status 2 (bit 0: refused) | error 2 | length 2 | payload
             A0 00 = ACK, A0 01 = NACK, A2 80 = the answer to a ping
    A7 00    [6E: areas 2] | length 4 | id | run mode | time-out 2 | with all programs | programs 2 | at once | 0 x4
             10 | X 2 | Y 2 | W 2 | H 2 | no frame | [6E: no background x3 | no sound | 0 x5] | pages 2 | page ...
    page     length 4 | style | display | clear | speed | stay 2 (10 ms) | repeat | valid length 2
             5E: 0 x4 | dots        6E: 0 x9 | offset 4 | length 4, and the dots of all pages after the last page

Integers are little-endian; a length counts what follows it, on 6E without the dots. Markers, escapes and CRC are those
of onbon_seal.py. A 0 bit is a lit dot; rows begin with the leftmost dot in the highest bit. 5E sends bytes, those
of a two-colour card red and green by turns; 6E sends little-endian words of 32 dots, the red plane, then the green.

Source: the vendor's "5th/6th动态区域用户手册" alone. For 6E the field order, the order of a word's bytes and the planes
agree with a protocol viewer of the vendor's engineer; whether a page's and an area's length count the dots of 6E, and
that device type FFFE is accepted for A7 00, is our reading. Speeds are taken for those of the text cards.
Only computed frames but for the ping. Not proven on hardware.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers import raster
from drivers.base import ProtocolError
from drivers.text import MISSING

GENERATIONS: Final = ("5E", "6E")
COLOURS: Final = ("red", "green", "yellow")

# ---- codec: header, request, reply

HEADER: Final = struct.Struct("<HHBxH4xI")
REPLY: Final = struct.Struct("<xBBHHH")
VERSION, ANY_TYPE = 0xF0, 0xFFFE
PING, PONG, UPDATE, NACK = (0xA2, 0x00), (0xA2, 0x80), (0xA7, 0x00), (0xA0, 0x01)
POWER_AT: Final = 20
"""In a ping's answer: type 2, firmware 8, state 1, address 2, baud 1, width 2, height 2, colour 1, brightness 1."""


def pack(destination: int, source: int, data: bytes) -> bytes:
    return HEADER.pack(destination, source, VERSION, ANY_TYPE, len(data)) + data


def unpack(plain: bytes) -> tuple[int, int, bytes]:
    """Destination, source and data. Raises `ProtocolError` for another family's frame or a wrong length."""
    if len(plain) < HEADER.size:
        raise ProtocolError("shorter than a header")
    destination, source, version, _, length = HEADER.unpack_from(plain)
    if version != VERSION or len(plain) != HEADER.size + length:
        raise ProtocolError("not a bitmap card's frame, or its length is wrong")
    return destination, source, plain[HEADER.size :]


def request(kind: tuple[int, int], payload: bytes = b"") -> bytes:
    return bytes([0x01, *kind, 0, 0]) + payload


def parse_reply(data: bytes) -> tuple[tuple[int, int], int, bytes] | None:
    """Group and command, error, payload; a set NACK bit makes any answer a NACK. None: no reply, or a cut one."""
    if len(data) < REPLY.size:
        return None
    group, command, status, error, length = REPLY.unpack_from(data)
    if len(data) != REPLY.size + length:
        return None
    return NACK if status & 1 else (group, command), error, data[REPLY.size :]


# ---- text as dots

MAX_TEXT: Final = 250
"""Characters; nobody reads more from a window strip, and an area holds 300 KB."""
SMALLEST: Final = 16
"""Rows of a line of several; no Hanzi can be read with fewer."""


@dataclass(frozen=True, slots=True)
class Panel:
    generation: str
    width: int
    """Dots, a multiple of 8."""
    height: int
    colour: str = ""
    """Of `COLOURS`, on a card with two; empty on a card with one."""
    fonts: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[bytes, ...]
    """As many as the panel is high, each as wide as the panel; the leftmost dot is the highest bit, set where lit."""
    valid: int
    """Dots from the left that belong to a moving text."""


def draw(text: str, panel: Panel) -> tuple[list[Page], int]:
    """The pages that show `text`, and how many of its characters no font has.

    One line is as high as the panel, several share its height. What is wider than the panel becomes one line, cut into
    pages that pass one after the other, with a gap at its end.
    """
    lines, lacking = _lines(text, panel.fonts)
    if len(lines) > 1 and panel.height // len(lines) < SMALLEST:
        lines = [" ".join(lines)]
    stride = panel.width // 8
    blocks = [raster.render(line, panel.height // len(lines), panel.fonts) for line in lines]
    if len(lines) > 1 and any(len(block[0]) > stride for block in blocks):
        blocks = [raster.render(" ".join(lines), panel.height, panel.fonts)]
    rows = [row for block in blocks for row in block]
    if all(len(row) <= stride for row in rows):
        rows += [b""] * (panel.height - len(rows))
        return [Page(tuple(row.ljust(stride, b"\0") for row in rows), panel.width)], lacking
    total = len(rows[0]) + -(-panel.height // 8)
    pages = []
    for at in range(0, total, stride):
        cut = tuple(row[at : at + stride].ljust(stride, b"\0") for row in rows)
        pages.append(Page(cut, 8 * min(stride, total - at)))
    return pages, lacking


def _lines(text: str, fonts: Sequence[Path]) -> tuple[list[str], int]:
    """The lines that are not blank, at least one, without what cannot be seen."""
    shown = [_visible(line) for line in unicodedata.normalize("NFC", text)[:MAX_TEXT].splitlines()]
    absent = raster.lacking("".join(shown), fonts)
    spelt = ["".join(MISSING if char in absent else char for char in line) for line in shown if line.strip()]
    return spelt or [" "], len(absent)


def _visible(line: str) -> str:
    spaced = (" " if char.isspace() and char != "\u3000" else char for char in line)
    return "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Mn", "Me"))


# ---- codec: the area

STILL, LEFT_ON = 0x01, 0x04
"""Display modes: standing, and moving left with the next page close behind."""
SCROLL_SPEED, STAY = 4, 500
AREA: Final = struct.Struct("<BBHBHB4xBHHHHB")
PAGE: Final = struct.Struct("<BBBBHBH")


def update(pages: Sequence[Page], panel: Panel) -> bytes:
    """The payload of A7 00: area 0 on the whole panel, looping until it is replaced, in place of stored programs."""
    head = AREA.pack(0, 0, 10, 1, 0, 1, 0x10, 0, 0, panel.width, panel.height, 0)
    count = struct.pack("<H", len(pages))
    heads = [_page_head(page, moving=len(pages) > 1) for page in pages]
    dots = [pixels(page.rows, panel) for page in pages]
    if panel.generation == "5E":
        bodies = [before + bytes(4) + own for before, own in zip(heads, dots, strict=True)]
        return _counted(head + count + b"".join(map(_counted, bodies)))
    offsets = [sum(map(len, dots[:index])) for index in range(len(dots))]
    places = [struct.pack("<II", at, len(own)) for at, own in zip(offsets, dots, strict=True)]
    bodies = [before + bytes(9) + place for before, place in zip(heads, places, strict=True)]
    area = _counted(head + bytes(9) + count + b"".join(map(_counted, bodies)))
    return b"\x01\x00" + area + b"".join(dots)


def _page_head(page: Page, *, moving: bool) -> bytes:
    display, speed, stay = (LEFT_ON, SCROLL_SPEED, 0) if moving else (STILL, 0, STAY)
    return PAGE.pack(0, display, 0, speed, stay, 0, page.valid)


def _counted(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def pixels(rows: Sequence[bytes], panel: Panel) -> bytes:
    """One page's dots as the card wants them; `rows` as in `Page`."""
    dark = [bytes(len(row)) for row in rows]
    planes = {"": (rows,), "red": (rows, dark), "green": (dark, rows), "yellow": (rows, rows)}[panel.colour]
    if panel.generation == "5E":
        by_turns = (byte for row in zip(*planes, strict=True) for both in zip(*row, strict=True) for byte in both)
        return bytes(~byte & 0xFF for byte in by_turns)
    return b"".join(_words(row) for plane in planes for row in plane)


def _words(row: bytes) -> bytes:
    """Filled up with dark dots to 32, the leftmost dot in the highest bit of the word, its lowest byte first."""
    filled = bytes(~byte & 0xFF for byte in row).ljust(-(-len(row) // 4) * 4, b"\xff")
    return b"".join(filled[at : at + 4][::-1] for at in range(0, len(filled), 4))
