"""Cuts a raw ESC/POS stream into characters, commands and real-time commands.

    1B 40 | 1C 26 | 1D 21 11 | B9 | F3 | 0A | 1D 28 6B 03 00 31 51 30 | 10 04 01 ...
    command command command    character    length-prefixed command     real time

Lengths are those of Epson's command descriptions and of clone manuals. A printer scans the raw stream for
real-time commands (DLE ...), so they act even inside another command's data, which keeps the same bytes as data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LIMIT = 1 << 20
"""Bytes of one command that are kept. A longer one is skipped to its declared end."""

Kind = Literal["character", "command", "realtime", "unknown"]


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    code: bytes
    """The bytes that name it: `1B 40`, `1D 28 6B`, or one character byte."""
    args: bytes = b""
    dropped: int = 0
    """Bytes beyond `LIMIT`."""

    @property
    def size(self) -> int:
        return len(self.code) + len(self.args)

    def __str__(self) -> str:
        """`GS V 42 00`: for people who read error lists."""
        words = [_NAMES.get(byte) or (chr(byte) if 0x20 < byte < 0x7F else f"{byte:02X}") for byte in self.code]
        shown = [f"{byte:02X}" for byte in self.args[:8]] + (["..."] if len(self.args) > 8 else [])
        return " ".join(words + shown)


_NAMES = {0x1B: "ESC", 0x1C: "FS", 0x1D: "GS", 0x10: "DLE", 0x20: "SP"}
_CONTROLS = frozenset(b"\x00\x09\x0a\x0c\x0d\x18")  # NUL pads, CAN and FF matter in page mode only

# ---- lengths

UNKNOWN = -1
Head = bytes | bytearray

_LETTERS: dict[bytes, dict[int, bytes]] = {  # number of argument bytes: the commands that take so many
    b"\x1b": {0: b"@2imvLS<\x0c", 1: b" !%-39=?EGJKMRTUVadertu{", 2: b"$B\\", 3: b"p", 8: b"W"},
    b"\x1c": {0: b"&.", 1: b"!-CW", 2: b"?Sp"},
    b"\x1d": {0: b":c", 1: b"!/BHIabfhrw|", 2: b"$LPW\\", 3: b"^"},
}
_FIXED = {
    intro + bytes([letter]): 2 + count
    for intro, rows in _LETTERS.items()
    for count, letters in rows.items()
    for letter in letters
} | {b"\x10\x05": 3}


def extent(head: Head) -> int | None:
    """Length in bytes, with its data, of the command that starts so; `UNKNOWN`; None while it cannot be told.

    `head` is asked about again with every byte, until the length is known.
    """
    if len(head) < 2:
        return None
    key = bytes(head[:2])
    if key in _FIXED:
        return _FIXED[key]
    rule = _VARIABLE.get(key)
    return UNKNOWN if rule is None else rule(head)


def _block(head: Head) -> int | None:  # ESC ( x, FS ( x, GS ( x: pL pH after the letter
    return 5 + int.from_bytes(head[3:5], "little") if len(head) >= 5 else None


def _long_block(head: Head) -> int | None:  # GS 8 L: the same with 32 bits
    if len(head) >= 3 and head[2] not in b"LM":
        return UNKNOWN
    return 7 + int.from_bytes(head[3:7], "little") if len(head) >= 7 else None


def _raster(head: Head) -> int | None:  # GS v 0 m xL xH yL yH
    if len(head) >= 3 and head[2:3] != b"0":
        return UNKNOWN
    if len(head) < 8:
        return None
    return 8 + int.from_bytes(head[4:6], "little") * int.from_bytes(head[6:8], "little")


def _columns(head: Head) -> int | None:  # ESC * m nL nH: 8 or 24 dots a column
    return 5 + int.from_bytes(head[3:5], "little") * (3 if head[2] in (32, 33) else 1) if len(head) >= 5 else None


def _barcode(head: Head) -> int | None:  # GS k m: NUL ends it, or (m from 65) a length leads it
    if len(head) < 3:
        return None
    if head[2] <= 6:
        return _until_nul(head, 3, 255)
    if not 65 <= head[2] <= 79:
        return UNKNOWN
    return 4 + head[3] if len(head) >= 4 else None


def _until_nul(head: Head, start: int, most: int) -> int | None:
    return len(head) if len(head) > start and (head[-1] == 0 or len(head) - start > most) else None


def _cut(head: Head) -> int | None:  # GS V m [n]
    return (4 if head[2] in (65, 66, 97, 98, 103, 104) else 3) if len(head) >= 3 else None


def _status(head: Head) -> int | None:  # DLE EOT n [a]
    return (4 if head[2] in (7, 8, 18) else 3) if len(head) >= 3 else None


_DC4_ARGS = {1: 2, 2: 2, 3: 5, 7: 1, 8: 7}


def _dc4(head: Head) -> int | None:  # DLE DC4 fn ...
    if len(head) < 3:
        return None
    return 3 + _DC4_ARGS[head[2]] if head[2] in _DC4_ARGS else UNKNOWN


_VARIABLE: dict[bytes, Callable[[Head], int | None]] = {
    b"\x1b(": _block,
    b"\x1c(": _block,
    b"\x1d(": _block,
    b"\x1d8": _long_block,
    b"\x1dv": _raster,
    b"\x1b*": _columns,
    b"\x1dk": _barcode,
    b"\x1dV": _cut,
    b"\x1bD": lambda head: _until_nul(head, 2, 31),
    b"\x1bc": lambda head: 4,  # ESC c 3 n, 4 n, 5 n
    b"\x1c2": lambda head: 76,  # one user-defined Hanzi of 24x24 dots
    b"\x1d*": lambda head: 4 + head[2] * head[3] * 8 if len(head) >= 4 else None,
    b"\x10\x04": _status,
    b"\x10\x14": _dc4,
}
_LONG_NAMES = {b"\x1b(", b"\x1c(", b"\x1d(", b"\x1d8", b"\x1dv", b"\x1bc"}  # the third byte belongs to the name


def is_realtime(command: bytes) -> bool:
    """True for the real-time commands that a printer of this class knows."""
    if command[:2] == b"\x10\x04":
        return command[2] in (1, 2, 3, 4, 7, 8, 18)
    if command[:2] == b"\x10\x05":
        return command[2] in (0, 1, 2)
    return command[:2] == b"\x10\x14" and (command[2] != 8 or command[3:] == b"\x01\x03\x14\x01\x06\x02\x08")


# ---- the tokenizer


class Tokenizer:
    """The tokens do not depend on where the stream was split. Never raises; keeps at most `limit` (from 16) bytes."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._realtime = bytearray()
        self.reset()

    def reset(self) -> None:
        """Forgets a command that is still waiting for the rest of its data."""
        self._held = bytearray()
        self._seen = 0
        self._need: int | None = None

    def feed(self, data: bytes) -> list[Token]:
        return [token for byte in data for token in self.push(byte)]

    def push(self, byte: int) -> list[Token]:
        tokens = [self._scan(byte), self._take(byte)]
        return [token for token in tokens if token is not None]

    def _scan(self, byte: int) -> Token | None:
        """The real-time scanner: looks at every byte, whatever it belongs to."""
        seen = self._realtime
        if not seen and byte != 0x10:
            return None
        seen.append(byte)
        need = extent(seen)
        if need is None or need > len(seen):
            return None
        command = bytes(seen)
        seen.clear()
        if need != UNKNOWN and is_realtime(command):
            return Token("realtime", command[:2], command[2:])
        if byte == 0x10:  # `10 10 04 01` holds a DLE EOT all the same
            seen.append(byte)
        return None

    def _take(self, byte: int) -> Token | None:
        """The command scanner: counts lengths."""
        if not self._seen and byte not in (0x10, 0x1B, 0x1C, 0x1D):
            known = byte >= 0x20 or byte in _CONTROLS
            return Token("character" if known else "unknown", bytes([byte]))
        self._seen += 1
        if len(self._held) < self._limit:
            self._held.append(byte)
        if self._need is None:
            self._need = extent(self._held)
        if self._need is None or self._need > self._seen:
            return None
        known, dropped, command = self._need != UNKNOWN, self._seen - len(self._held), bytes(self._held)
        self.reset()
        if command[0] == 0x10:  # the scanner above has acted on it
            return None if known and is_realtime(command) else Token("unknown", command)
        if not known:
            return Token("unknown", command)
        name = 3 if command[:2] in _LONG_NAMES else 2
        return Token("command", command[:name], command[name:], dropped)
