"""What came out of the slot: the things on one slip, and its picture.

All measures are dots at 203 dpi (8 a millimetre): an ASCII cell is 12 x 24, a Hanzi cell 24 x 24. 58 mm paper has
384 printable dots and a blank margin of 40 on both sides; 80 mm has 576 and 32.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

CELL = 24
TOP, BOTTOM = 48, 20
"""Blank dots above the first and below the last thing: the blade sits after the head."""

Align = Literal["left", "center", "right"]
Cut = Literal["", "full", "partial", "torn"]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of one look and one cell width, from dot `x` of the line on."""

    x: int
    text: str
    cell: int
    """Width of one character before magnification: 24 Hanzi, 12 font A, 9 font B."""
    wide: int = 1
    high: int = 1
    bold: bool = False
    underline: bool = False
    reverse: bool = False

    @property
    def end(self) -> int:
        return self.x + len(self.text) * self.cell * self.wide


@dataclass(frozen=True, slots=True)
class Line:
    spans: tuple[Span, ...]
    align: Align
    left: int
    height: int

    @property
    def text(self) -> str:
        """What a person reads; a jump to the right (tab, position) reads as one blank."""
        words, end = "", 0
        for span in self.spans:
            words += (" " if words and span.x > end else "") + span.text
            end = span.end
        return words

    @property
    def size(self) -> int:
        """The largest magnification in height, 1 to 8."""
        return max(span.high for span in self.spans)

    @property
    def bold(self) -> bool:
        return all(span.bold for span in self.spans)


@dataclass(frozen=True, slots=True)
class Qr:
    data: bytes
    level: Literal["L", "M", "Q", "H"]
    module: int
    """Dots per module."""
    rows: tuple[bytes, ...]
    """One byte per module, 1 is black; no quiet zone."""
    left: int

    @property
    def height(self) -> int:
        return len(self.rows) * self.module


@dataclass(frozen=True, slots=True)
class Raster:
    rows: tuple[bytes, ...]
    """Eight dots per byte, the highest bit leftmost."""
    wide: int
    high: int
    left: int

    @property
    def height(self) -> int:
        return len(self.rows) * self.high


@dataclass(frozen=True, slots=True)
class Barcode:
    """CODE128 has its bars; the picture of any other is a labelled box."""

    kind: int
    """m of GS k: 65 UPC-A ... 73 CODE128."""
    data: bytes
    left: int
    height: int
    bars: bytes = b""
    """One byte per module, 1 is black; no quiet zone."""
    module: int = 3
    """Dots per module."""


@dataclass(frozen=True, slots=True)
class Feed:
    height: int


Item = Line | Qr | Raster | Barcode | Feed


@dataclass(slots=True)
class SlipOut:
    """One piece of paper, top to bottom."""

    dots: int
    items: list[Item] = field(default_factory=list)
    cut: Cut = ""
    """How it was parted from the roll; `torn`: the roll ended or grew too long, `""`: it still hangs in the printer."""
    errors: list[str] = field(default_factory=list)
    """What the printer could not make sense of, in English, for engineers; the first 100."""

    @property
    def lines(self) -> list[Line]:
        return [item for item in self.items if isinstance(item, Line)]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def qrs(self) -> list[Qr]:
        return [item for item in self.items if isinstance(item, Qr)]

    @property
    def rasters(self) -> list[Raster]:
        return [item for item in self.items if isinstance(item, Raster)]

    @property
    def barcodes(self) -> list[Barcode]:
        return [item for item in self.items if isinstance(item, Barcode)]

    @property
    def length(self) -> int:
        """Dots of paper used."""
        return TOP + sum(item.height for item in self.items) + BOTTOM

    def svg(self) -> str:
        """A standalone picture, one unit per dot; x = 0 is the first printable dot."""
        return _document(self.dots, self.length, _draw(self))


def stack(slips: Sequence[SlipOut], dots: int) -> str:
    """The picture of these slips below one another, or of an empty slot."""
    if not slips:
        return _document(dots, 160, _empty_slot(dots))
    y, parts = 0, []
    for slip in slips:
        parts.append(f'<g transform="translate(0 {y})">{_draw(slip)}</g>')
        y += slip.length + 36
    return _document(dots, y - 36, "".join(parts))


# ---- drawing

FONTS = "'Noto Sans Mono CJK SC','Noto Sans CJK SC','WenQuanYi Zen Hei Mono','Microsoft YaHei',monospace"
INK = "#1c1b1a"


def margin(dots: int) -> int:
    return 40 if dots <= 384 else 32


def _document(dots: int, length: int, body: str) -> str:
    side = margin(dots)
    width, height = dots + 2 * side, length + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{-side} -8 {width} {height}" xml:lang="zh-CN">{body}</svg>'
    )


def _draw(slip: SlipOut) -> str:
    parts, y = [_sheet(slip)], TOP
    for item in slip.items:
        parts.extend(_draw_item(item, y, slip.dots))
        y += item.height
    font = f'font-family="{FONTS}" font-size="{CELL}"'
    return f'<g fill="{INK}" shape-rendering="crispEdges" {font}>{"".join(parts)}</g>'


def _sheet(slip: SlipOut) -> str:
    left, right = -margin(slip.dots), slip.dots + margin(slip.dots)
    top = _edge(left, right, 0, torn=False)
    bottom = _edge(left, right, slip.length, torn=slip.cut in ("torn", ""))
    points = " ".join(f"{x},{y}" for x, y in [*top, *reversed(bottom)])
    return f'<polygon points="{points}" fill="#fffefb" stroke="#cfcac0" shape-rendering="auto"/>'


def _edge(left: int, right: int, y: int, *, torn: bool) -> list[tuple[int, int]]:
    """The teeth of the blade, or of a tear."""
    steps = enumerate(range(left, right + 1, 8))
    return [(x, y + (step * 37 % 11 - 5 if torn else step % 2 * 3)) for step, x in steps]


def _draw_item(item: Item, y: int, dots: int) -> Iterator[str]:
    match item:
        case Line():
            tallest = item.size * CELL
            for span in item.spans:
                yield from _draw_span(span, item.left + span.x, y + tallest)
        case Qr():
            for row, modules in enumerate(item.rows):
                for run in re.finditer(b"\x01+", modules):
                    yield _rect(
                        item.left + run.start() * item.module,
                        y + row * item.module,
                        len(run.group()) * item.module,
                        item.module,
                    )
        case Raster():
            yield _raster_path(item, y, dots)
        case Barcode() if item.bars:
            for run in re.finditer(b"\x01+", item.bars):
                yield _rect(item.left + run.start() * item.module, y, len(run.group()) * item.module, item.height)
        case Barcode():
            label = escape("".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in item.data))
            yield f'<rect x="{item.left + 2}" y="{y + 2}" width="{dots - 4}" height="{item.height - 4}" '
            yield f'fill="none" stroke="{INK}" stroke-width="2"/>'
            yield f'<text x="{dots // 2}" y="{y + item.height // 2 + 8}" text-anchor="middle">{label}</text>'


def _rect(x: int, y: int, width: int, height: int, fill: str = INK) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>'


def _draw_span(span: Span, x: int, bottom: int) -> Iterator[str]:
    """The glyph of the base cell, magnified as the printer does it; `textLength` pins the advance to the dots.

    Word by word, because viewers disagree about blanks in text elements.
    """
    height, advance = CELL * span.high, span.cell * span.wide
    if span.reverse:
        yield _rect(x, bottom - height, span.end - span.x, height)
    look = ' font-weight="700"' if span.bold else ""
    look += ' fill="#fffefb"' if span.reverse else ""
    for word in re.finditer(r"\S+", span.text):
        yield (
            f'<text transform="translate({x + word.start() * advance} {bottom - 3 * span.high}) '
            f'scale({span.wide} {span.high})" textLength="{len(word.group()) * span.cell}" '
            f'lengthAdjust="spacingAndGlyphs"{look}>{escape(word.group())}</text>'
        )
    if span.underline:
        yield _rect(x, bottom - 1, span.end - span.x, 2)


def _raster_path(item: Raster, y: int, dots: int) -> str:
    runs = []
    room = max(0, dots - item.left) // item.wide
    for row, data in enumerate(item.rows):
        bits = "".join(f"{byte:08b}" for byte in data)[:room]
        for run in re.finditer("1+", bits):
            x, width = item.left + run.start() * item.wide, len(run.group()) * item.wide
            runs.append(f"M{x} {y + row * item.high}h{width}v{item.high}h-{width}z")
    return f'<path d="{"".join(runs)}"/>'


def _empty_slot(dots: int) -> str:
    return (
        f'<rect x="0" y="40" width="{dots}" height="14" rx="7" fill="#3a3d42"/>'
        f'<text x="{dots // 2}" y="110" text-anchor="middle" font-size="24" fill="#8a8f98" '
        f'font-family="{FONTS}">出纸口：还没有小票</text>'
    )
