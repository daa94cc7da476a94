"""The slips of the ESC/POS simulator as the print head burns them: black dots at 203 dpi, in a PNG file."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from simulators import pixels
from simulators.escpos_paper import CELL, TOP, Barcode, Item, Line, Qr, Raster, SlipOut, Span, margin

DPI = 203
GAP = 36  # dots between slips
PAPER, INK, TABLE = 255, 0, 200
LONGEST = 20_000  # dots of all slips together


def png(slips: Sequence[SlipOut], dots: int) -> bytes:
    """The slips below one another on a grey table; of no slips, the table."""
    width = dots + 2 * margin(dots)
    height = max(GAP, sum(slip.length + GAP for slip in slips) - GAP)
    table, y = Image.new("L", (width, min(height, LONGEST)), TABLE), 0
    for slip in slips:
        table.paste(paper(slip), (0, y))
        y += slip.length + GAP
    return pixels.encode(table, DPI)


def paper(slip: SlipOut) -> Image.Image:
    """One slip with its blank margins, a pixel per dot."""
    side = margin(slip.dots)
    sheet, y = Image.new("L", (slip.dots + 2 * side, slip.length), PAPER), TOP
    head = Image.new("L", (slip.dots, slip.length), PAPER)  # what falls outside its dots is not burnt
    for item in slip.items:
        _burn(head, item, y)
        y += item.height
    sheet.paste(head, (side, 0))
    return sheet


def _burn(head: Image.Image, item: Item, y: int) -> None:
    match item:
        case Line():
            for span in item.spans:
                _burn_span(head, span, item.left + span.x, y + item.size * CELL)
        case Qr():
            modules = Image.frombytes("L", (len(item.rows[0]), len(item.rows)), b"".join(item.rows))
            _stamp(head, modules.point(lambda black: 255 if black else 0), item.left, y, item.module, item.module)
        case Raster():
            bits = Image.frombytes("1", (len(item.rows[0]) * 8, len(item.rows)), _padded(item))
            _stamp(head, bits.convert("L"), item.left, y, item.wide, item.high)
        case Barcode() if item.bars:
            bars = Image.frombytes("L", (len(item.bars), 1), item.bars)
            _stamp(head, bars.point(lambda black: 255 if black else 0), item.left, y, item.module, item.height)
        case Barcode():
            _box(head, item, y)


def _padded(item: Raster) -> bytes:
    """The last row may have come short."""
    return b"".join(row.ljust(len(item.rows[0]), b"\0") for row in item.rows)


def _stamp(head: Image.Image, mask: Image.Image, x: int, y: int, wide: int, high: int, ink: int = INK) -> None:
    big = mask.resize((mask.width * wide, mask.height * high), Image.Resampling.NEAREST)
    head.paste(ink, (x, y), big)


def _burn_span(head: Image.Image, span: Span, x: int, bottom: int) -> None:
    """Glyphs of the base cell, magnified as the printer does it."""
    top, width = bottom - CELL * span.high, span.end - span.x
    if span.reverse:
        head.paste(INK, (x, top, x + width, bottom))
    for nth, char in enumerate(span.text):
        glyph = pixels.mask(char, span.cell, CELL).convert("L")
        at = x + nth * span.cell * span.wide
        for shift in (0, 1) if span.bold else (0,):
            _stamp(head, glyph, at + shift, top, span.wide, span.high, PAPER if span.reverse else INK)
    if span.underline:
        head.paste(INK, (x, bottom - 1, x + width, bottom + 1))


def _box(head: Image.Image, item: Barcode, y: int) -> None:
    draw = ImageDraw.Draw(head)
    draw.rectangle((item.left + 2, y + 2, head.width - 3, y + item.height - 3), outline=INK, width=2)
    label = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in item.data)
    draw.text((head.width // 2, y + item.height // 2), label, fill=INK, font=pixels.font(CELL), anchor="mm")
