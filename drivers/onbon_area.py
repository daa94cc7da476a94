"""What an Onbon text card shows and says: one dynamic text area (动态区), and the text policy.

    type 0 | X 2 | Y 2 | W 2 | H 2 | id | line spacing | run mode | time-out 2
    sound: 0 none, 2 speak: person and repeat | volume 0-10 | speed 1-10 | length 4 | GB2312
    0 no extended parameters | alignment | lines | line break | display | exit | speed | stay | length 4 | text

Integers are little-endian. Only the cards whose name ends in -YY speak; to the others the sound byte is reserved, zero.

Source: as drivers/onbon.py.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass

STILL, QUICK, LEFT = 0x01, 0x02, 0x03
ONE_LINE, MANY_LINES = 0x01, 0x02
SILENT, SPEAK = 0x00, 0x02


@dataclass(frozen=True, slots=True)
class Sound:
    """What a -YY card says when the area comes: its first voice, once, at the middle speed."""

    text: bytes
    """GB2312."""
    volume: int
    """0 to 10."""


@dataclass(frozen=True, slots=True)
class TextArea:
    """Dynamic text area 0 at the panel's upper left corner, looping until it is replaced."""

    width: int
    """As it is sent: pixels on 6K, units of 8 pixels on 5K."""
    height: int
    """Pixels."""
    text: bytes
    """GB2312 or GBK, with the card's backslash escapes."""
    lines: int = ONE_LINE
    display: int = STILL
    speed: int = 0
    """0 fastest to 18h slowest."""
    stay: int = 8
    """How long a page stays, in 0.5 s."""
    sound: Sound | None = None


def encode_area(area: TextArea) -> bytes:
    """The area as it stands in an update frame, without its own length."""
    body = struct.pack("<BHHHHBBBH", 0, 0, 0, area.width, area.height, 0, 0, 0, 5)
    body += _encode_sound(area.sound)
    body += bytes([0, 0])  # no extended parameters, left aligned
    body += bytes([area.lines, 0x01, area.display, 0, area.speed, area.stay])
    return body + struct.pack("<I", len(area.text)) + area.text


def _encode_sound(sound: Sound | None) -> bytes:
    if sound is None:
        return bytes([SILENT])
    # Repeat 1, in the high half, is what the vendor's client sends to be heard once.
    return struct.pack("<BBBBI", SPEAK, 0x10, sound.volume, 5, len(sound.text)) + sound.text


# ---- text

MAX_TEXT = 500
"""Bytes; no limit is documented for the cards, and nobody reads more from a window strip."""
SUBSTITUTE = "？".encode("gbk")
SCROLL_SPEED = 4


def encode_text(text: str, charset: str = "gb2312") -> tuple[bytes, int]:
    """One line for a card with the `gb2312` or `gbk` font, and how many characters it could not say as written.

    Those are spelt by their compatibility form (㎡ as m2) or replaced by ？. Invisible characters vanish uncounted.
    """
    out, replaced = bytearray(), 0
    for char in unicodedata.normalize("NFC", text):
        if char.isspace() and char != "\u3000":
            char = " "
        if unicodedata.category(char) in ("Cc", "Cf", "Mn", "Me"):
            continue
        code = _encode_char(char, charset)
        if code is None:
            replaced += 1
            spelt = [_encode_char(part, charset) for part in unicodedata.normalize("NFKC", char)]
            code = b"".join(part or SUBSTITUTE for part in spelt)
        if len(out) + len(code) > MAX_TEXT:
            return bytes(out), replaced + 1
        out += code
    return bytes(out), replaced


def _encode_char(char: str, charset: str) -> bytes | None:
    # A backslash opens an escape on the card: visitors' text gets the full-width one.
    try:
        code = ("＼" if char == "\\" else char).encode("gbk")
        # By position, not by name: Python's two codecs disagree about the names of — and · at the same place.
        code.decode(charset)
    except UnicodeError:
        return None
    # Some GBK characters end in the byte of a backslash, and how a card reads those is not documented.
    return None if code.endswith(b"\\") else code


def lay_out(text: str, width: int, height: int, charset: str = "gb2312") -> tuple[TextArea, int]:
    """The area (width in pixels) that shows `text` at 16 pixels a line, and how many characters were replaced.

    It stands still if every line fits (8 pixels a byte); otherwise it runs as one line from right to left.
    """
    lines = [line for line in text.splitlines() if line.strip()] or [" "]
    if len(lines) > max(1, height // 16):
        lines = [" ".join(lines)]
    encoded = [encode_text(line, charset) for line in lines]
    replaced = sum(count for _, count in encoded)
    if all(len(line) * 8 <= width for line, _ in encoded):
        many = MANY_LINES if len(encoded) > 1 else ONE_LINE
        return TextArea(width, height, rb"\n".join(line for line, _ in encoded), many), replaced
    line, replaced = encode_text(" ".join(lines), charset)
    return TextArea(width, height, line, display=LEFT, speed=SCROLL_SPEED, stay=0), replaced
