"""An LED-485 digit board: the register map of a public set-up tool for these boards. Not proven on hardware.

Function 06 writes 0000 value (int16), 0002 unit id, 0003 baud code, 0004 decimal point (lost with the power); function
10 writes 0070 an ASCII string, 0080 segments (bit 0 is a ... bit 7 the point) and 0090 a float, two characters to a
register, the leftmost one in the high byte. Where the tool says nothing: what does not fit shows as dashes, and a board
is blank after power-up.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators.modbus_pdu import BAD_ADDRESS, BAD_FUNCTION, BAD_VALUE, Refused
from simulators.seven_segment import DASH, PATTERNS, POINT, pattern, reading

WRITE_ONE, WRITE_MANY = 0x06, 0x10
VALUE, UNIT, BAUD, DECIMAL = 0x0000, 0x0002, 0x0003, 0x0004
TEXT, SEGMENTS, FLOAT = 0x0070, 0x0080, 0x0090
TEXT_BYTES = 12
"""The maker's example writes six registers of text, filled with 00; what is beyond the last digit is not seen."""
BAUDS = {1: 1200, 2: 2400, 3: 4800, 4: 9600, 5: 19200, 6: 38400, 7: 57600, 8: 115200}


@dataclass(slots=True)
class Board:
    unit: int
    digits: int
    baud: int = 9600
    lit: list[int] = field(default_factory=list)
    """One pattern of segments per digit, leftmost first."""
    point: int = 0
    """Digits after the decimal point."""
    value: int | None = None
    """The number that is shown, as it was written; None when something else is."""

    def __post_init__(self) -> None:
        self.power_up()

    @property
    def text(self) -> str:
        """What a person reads."""
        return reading(self.lit)

    def power_up(self) -> None:
        """Unit id and baud are kept, the rest is not."""
        self.lit, self.point, self.value = [0] * self.digits, 0, None

    def obey(self, pdu: bytes) -> bytes:
        """The answer to a request (function code and data). Raises `Refused`."""
        if pdu[0] == WRITE_ONE:
            self._write_one(pdu)
            return pdu
        if pdu[0] == WRITE_MANY:
            self._write_many(pdu)
            return pdu[:5]
        raise Refused(BAD_FUNCTION)

    def _write_one(self, pdu: bytes) -> None:
        if len(pdu) != 5:
            raise Refused(BAD_VALUE)
        register, value = struct.unpack(">HH", pdu[1:])
        if register == VALUE:
            self.value = value - 0x10000 if value & 0x8000 else value
        elif register == UNIT:
            self.unit = _allowed(value, range(1, 248))
        elif register == BAUD:
            self.baud = BAUDS[_allowed(value, BAUDS)]
        elif register == DECIMAL:
            self.point = _allowed(value, range(4))
        else:
            raise Refused(BAD_ADDRESS)
        if register in (VALUE, DECIMAL) and self.value is not None:
            self._show_number(f"{'-' if self.value < 0 else ''}{_fixed(abs(self.value), self.point)}")

    def _write_many(self, pdu: bytes) -> None:
        if len(pdu) < 6:
            raise Refused(BAD_VALUE)
        register, count, size = struct.unpack(">HHB", pdu[1:6])
        data = pdu[6:]
        if register not in (TEXT, SEGMENTS, FLOAT):
            raise Refused(BAD_ADDRESS)
        if not count or size != 2 * count or len(data) != size:
            raise Refused(BAD_VALUE)
        if register == FLOAT:
            self._show_float(data)
        elif len(data) > (TEXT_BYTES if register == TEXT else self.digits + self.digits % 2):
            raise Refused(BAD_ADDRESS)  # registers beyond the last digit
        else:
            self._show_segments(data if register == SEGMENTS else _segments(data))

    def _show_segments(self, lit: bytes) -> None:
        self.value, self.lit = None, list(lit.ljust(self.digits, b"\0")[: self.digits])

    def _show_float(self, data: bytes) -> None:
        if len(data) != 4:
            raise Refused(BAD_VALUE)
        self.value, number = None, struct.unpack(">f", data)[0]
        texts = (f"{number:.{decimals}f}" for decimals in range(self.digits - 1, -1, -1))
        fitting = (text for text in texts if len(text.replace(".", "")) <= self.digits)
        self._show_number(next(fitting, "") if math.isfinite(number) else "")

    def _show_number(self, text: str) -> None:
        """To the right; dashes when it does not fit or is no number."""
        lit: list[int] = []
        for char in text:
            if char == ".":
                lit[-1] |= POINT
            else:
                lit.append(PATTERNS[char])
        room = self.digits - len(lit)
        self.lit = [0] * room + lit if lit and room >= 0 else [DASH] * self.digits


def _allowed(value: int, values: Iterable[int]) -> int:
    if value not in values:
        raise Refused(BAD_VALUE)
    return value


def _fixed(value: int, decimals: int) -> str:
    text = str(value).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text


def _segments(data: bytes) -> bytes:
    """ASCII as segments; a letter that has no shape is blank, NUL pads."""
    if max(data) > 0x7E:
        raise Refused(BAD_VALUE)
    return bytes(pattern(chr(byte)) or 0 for byte in data)
