"""A slip as a picture, before any paper is used: SVG at 203 dpi, 80 mm paper. Pure."""

from __future__ import annotations

import unicodedata
from html import escape

import segno

from drivers.base import Qr, Slip, Text

WIDTH = 576
"""Dots across 80 mm paper; an ASCII character is 12 dots wide at size 1, a Hanzi 24."""
MARGIN = 24
FONT = "'Noto Sans Mono CJK SC','Noto Sans CJK SC','WenQuanYi Zen Hei Mono','Microsoft YaHei',monospace"


def preview(slip: Slip) -> str:
    """A standalone SVG."""
    y, drawn = MARGIN, []
    for part in slip.parts:
        if isinstance(part, Text):
            for row in rows(part.text, WIDTH // (12 * part.size)):
                y += 30 * part.size
                drawn.append(_row(part, row, y - 6 * part.size))
        elif isinstance(part, Qr):
            picture, side = _qr(part, y + 12)
            drawn.append(picture)
            y += side + 24
        else:
            y += 30
            drawn.append(f'<path d="M0 {y - 12}H{WIDTH}" stroke="#000" stroke-width="2" stroke-dasharray="12 6"/>')
    height, body = y + MARGIN, "".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} 0 {WIDTH + 2 * MARGIN} {height}"'
        f' width="{WIDTH + 2 * MARGIN}" height="{height}"><rect x="{-MARGIN}" width="100%" height="100%" fill="#fff"/>'
        f'<g font-family="{FONT}" fill="#000" xml:space="preserve">{body}</g></svg>'
    )


def columns(text: str) -> int:
    """Character cells: two for what is wide in East Asian text, one for the rest."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


def rows(text: str, most: int) -> list[str]:
    found = []
    for line in text.splitlines() or [""]:
        row = ""
        for char in line:
            if columns(row + char) > most:
                found.append(row)
                row = ""
            row += char
        found.append(row)
    return found


def _row(part: Text, row: str, y: int) -> str:
    width = columns(row) * 12 * part.size
    x = {"left": 0, "center": (WIDTH - width) // 2, "right": WIDTH - width}[part.align]
    weight = ' font-weight="700"' if part.bold else ""
    size = 24 * part.size
    return f'<text x="{x}" y="{y}" font-size="{size}" textLength="{width}"{weight}>{escape(row)}</text>' if row else ""


def _qr(part: Qr, y: int) -> tuple[str, int]:
    matrix = segno.make(part.data, error="m", micro=False).matrix
    dots, side = part.module, len(matrix) * part.module
    dark = [(line, column) for line, modules in enumerate(matrix) for column, module in enumerate(modules) if module]
    left = (WIDTH - side) // 2
    path = "".join(f"M{left + column * dots} {y + line * dots}h{dots}v{dots}h-{dots}z" for line, column in dark)
    return f'<path d="{path}"/>', side
