"""Text for devices with a GBK font: what it can show, and how a line breaks into columns.

GBK's trail bytes are 0x40 to 0xFE and never a control byte, so framing is safe; four-byte GB18030 would print digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MISSING: Final = "〓"
"""Stands for a character that the font lacks, such as a rare one in a name."""

# A yen sign as four-byte GB18030 would print as digits; the rest has a likeness in GBK.
SUBSTITUTES: Final = str.maketrans("\t\u00a0\u00a5\u2011\u2212\u2044•✓✔", "  ￥--/·√√") | str.maketrans(
    {"€": "EUR", "©": "(C)", "®": "(R)"}
)

# ASCII words and numbers stay whole; a line neither ends with an opening mark nor begins with a closing one.
TOKEN: Final = re.compile(r"[（《〈「『【“‘]*(?:[!-~]+|.)[，。、；：？！）》〉」』】”’…]*")


def printable(text: str) -> tuple[list[str], int]:
    """(the lines with only what GBK has, how many characters became `MISSING`). Control characters are dropped."""
    lines, missing = [], 0
    for line in text.splitlines() or [""]:
        shown = [_shown(char) for char in line]
        missing += shown.count(None)
        lines.append("".join(MISSING if piece is None else piece for piece in shown))
    return lines, missing


def _shown(char: str) -> str | None:
    piece = char.translate(SUBSTITUTES)
    if piece != char:
        return piece
    if unicodedata.category(char) in ("Cc", "Cf"):
        return ""  # a ticket text must not be able to carry commands, nor turn the writing round
    if _in_gbk(char):
        return char
    if unicodedata.category(char) in ("Mn", "Me"):
        return ""
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    plain = plain.translate(SUBSTITUTES)
    return plain if plain and _in_gbk(plain) else None


def _in_gbk(text: str) -> bool:
    return text.encode("gbk", "ignore").decode("gbk") == text


def wrap(line: str, columns: int) -> list[str]:
    """Rows of at most `columns` columns; one byte of GBK is one column (12 dots)."""
    rows, row, used = [], "", 0
    for piece in _pieces(line, columns):
        width = len(piece.encode("gbk"))
        if used + width > columns:
            rows.append(row.rstrip(" "))
            row, used = "", 0
            if piece == " ":
                continue
        row, used = row + piece, used + width
    return [*rows, row]


def _pieces(line: str, columns: int) -> Iterator[str]:
    """What stays together: words, unless one is longer than a row."""
    for token in TOKEN.findall(line):
        yield from [token] if len(token.encode("gbk")) <= columns else token
