"""Text for devices with a Chinese font: what it can show, and how a line breaks into columns.

GBK's trail bytes are 0x40 to 0xFE and never a control byte, so framing is safe. A device that knows only GBK prints the
four bytes of a GB18030 character as rubbish with digits, so these are sent only where the font is known to have them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

Encoding = Literal["gbk", "gb18030", "utf8"]
"""How a device reads text. `gb18030` adds the two-byte extras and CJK extension A; a `utf8` device has a GBK font."""

MISSING: Final = "〓"
"""Stands for a character that nothing here can show."""

# A yen sign as four-byte GB18030 would print as digits; the rest has a likeness in GBK.
SUBSTITUTES: Final = str.maketrans("\t\u00a0\u00a5\u2011\u2212\u2044•✓✔", "  ￥--/·√√") | str.maketrans(
    {"€": "EUR", "©": "(C)", "®": "(R)"}
)

# ASCII words and numbers stay whole; a line neither ends with an opening mark nor begins with a closing one.
TOKEN: Final = re.compile(r"[（《〈「『【“‘]*(?:[!-~]+|.)[，。、；：？！）》〉」』】”’…]*")


def lines(text: str, encoding: Encoding = "gbk") -> list[str]:
    """The lines, with a likeness for what the font lacks where there is one; what has none stays (see `outside`).

    Control characters are dropped. A lone surrogate, which is no character, becomes `MISSING`.
    """
    return ["".join(_shown(char, encoding) for char in line) for line in text.splitlines() or [""]]


def outside(text: str, encoding: Encoding = "gbk") -> str:
    """The characters of `text` that the font lacks, in order."""
    return "".join(char for char in text if not _in_font(char, encoding))


def _shown(char: str, encoding: Encoding) -> str:
    piece = char.translate(SUBSTITUTES)
    if piece != char:
        return piece
    category = unicodedata.category(char)
    if category in ("Cc", "Cf"):
        return ""  # a ticket text must not be able to carry commands, nor turn the writing round
    if _in_font(char, encoding):
        return char
    if category in ("Mn", "Me"):
        return ""
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    plain = plain.translate(SUBSTITUTES)
    if plain and all(_in_font(part, encoding) for part in plain):
        return plain
    return MISSING if category == "Cs" else char


def _in_font(char: str, encoding: Encoding) -> bool:
    if char.encode("gbk", "ignore"):
        return True
    extras = len(char.encode("gb18030", "ignore")) == 2 or "\u3400" <= char <= "\u4dbf"
    return encoding == "gb18030" and extras


def width(text: str) -> int:
    """Columns of 12 dots: one for ASCII, two for all else."""
    return sum(1 if char < "\x80" else 2 for char in text)


def wrap(line: str, columns: int) -> list[str]:
    """Rows of at most `columns` columns."""
    rows, row, used = [], "", 0
    for piece in _pieces(line, columns):
        size = width(piece)
        if used + size > columns:
            rows.append(row.rstrip(" "))
            row, used = "", 0
            if piece == " ":
                continue
        row, used = row + piece, used + size
    return [*rows, row]


def _pieces(line: str, columns: int) -> Iterator[str]:
    """What stays together: words, unless one is longer than a row."""
    for token in TOKEN.findall(line):
        yield from [token] if width(token) <= columns else token
