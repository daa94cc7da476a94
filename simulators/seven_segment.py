"""Red seven-segment digits: which segments a character lights, what lit segments read as, and a drawing of them.

A pattern has one bit per segment: a is bit 0 ... g bit 6, and the decimal point bit 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

POINT = 0x80
DASH = 0x40
SHAPES = {  # characters and the segments they light
    " ": "",
    "0": "abcdef",
    "1": "bc",
    "2": "abdeg",
    "3": "abcdg",
    "4": "bcfg",
    "5": "acdfg",
    "6": "acdefg",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "-": "g",
    "_": "d",
    "=": "dg",
    "A": "abcefg",
    "b": "cdefg",
    "C": "adef",
    "c": "deg",
    "d": "bcdeg",
    "E": "adefg",
    "F": "aefg",
    "G": "acdef",
    "H": "bcefg",
    "h": "cefg",
    "I": "ef",
    "i": "e",
    "J": "bcde",
    "L": "def",
    "n": "ceg",
    "o": "cdeg",
    "P": "abefg",
    "q": "abcfg",
    "r": "eg",
    "t": "defg",
    "U": "bcdef",
    "u": "cde",
    "y": "bcdfg",
}
PATTERNS = {char: sum(1 << "abcdefg".index(segment) for segment in lit) for char, lit in SHAPES.items()}
READINGS = {pattern: char for char, pattern in PATTERNS.items()}
ALIKE = {"O": "0", "S": "5", "Z": "2", "B": "b"}


def pattern(char: str) -> int | None:
    """None for what seven segments cannot show, as M, W, X."""
    for each in (char, ALIKE.get(char, char), char.swapcase()):
        if each in PATTERNS:
            return PATTERNS[each]
    return None


def reading(patterns: Sequence[int]) -> str:
    """What a person reads; `?` for segments that make no character."""
    chars = (READINGS.get(each & 0x7F, "?") + ("." if each & POINT else "") for each in patterns)
    return "".join(chars)


# ---- drawing

WIDTH, HEIGHT = 30, 48  # of the cell of one digit
STROKES = ("M5 4H19", "M20 5V17", "M20 21V33", "M5 34H19", "M4 21V33", "M4 5V17", "M5 19H19")
LIT, DARK = "#ff4030", "#2c0c0a"
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
CAPTION = 22


def svg(boards: Sequence[tuple[str, Sequence[int]]]) -> str:
    """A standalone drawing: (caption, patterns) of each board, one below the other."""
    step = HEIGHT + CAPTION + 24
    w = max((len(patterns) for _, patterns in boards), default=4) * WIDTH + 40
    h = max(1, len(boards)) * step + 8
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w * 2}" height="{h * 2}" {STYLE}>']
    for nth, (caption, patterns) in enumerate(boards):
        digits = "".join(_digit(each, 12 + at * WIDTH) for at, each in enumerate(patterns))
        parts.append(
            f'<g transform="translate(8 {8 + nth * step})"><title>{escape(reading(patterns))}</title>'
            f'<rect width="{w - 16}" height="{step - 8}" rx="6" fill="#2b2f33"/>'
            f'<rect x="6" y="6" width="{w - 28}" height="{HEIGHT + 2}" rx="3" fill="#140404"/>{digits}'
            f'<text x="10" y="{HEIGHT + CAPTION + 4}" font-size="14" fill="#b9c7d4">{escape(caption)}</text></g>'
        )
    return "".join(parts) + "</svg>"


def _digit(lit: int, x: int) -> str:
    strokes = "".join(
        f'<path d="{stroke}" stroke="{LIT if lit >> bit & 1 else DARK}" stroke-width="4" stroke-linecap="round"/>'
        for bit, stroke in enumerate(STROKES)
    )
    point = f'<circle cx="25" cy="35" r="2.6" fill="{LIT if lit & POINT else DARK}"/>'
    return f'<g transform="translate({x} 12)">{strokes}{point}</g>'
