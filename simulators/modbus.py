"""LED-485 digit boards (number displays at windows) on one Modbus line, RTU or TCP. Not proven on hardware.

    RTU: unit 1 | function 1 | data | CRC-16 2, low byte first; 3.5 characters of silence around each frame
    TCP: transaction 2 | 0000 | length 2 | unit 1 | function 1 | data

Source: the Modbus specifications, and the register map in a public set-up tool for these boards: function 06 writes
0000 value (int16), 0002 unit id, 0003 baud code, 0004 decimal point (lost with the power); function 10 writes 0070 an
ASCII string, 0080 segments (bit 0 is a ... bit 7 the point) and 0090 a float, two characters to a register, the
leftmost one in the high byte. Where they say nothing: what does not fit shows as dashes, a board is blank after
power-up, and a TCP gateway answers 0B for a unit that nobody has.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import struct
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.gap import heard
from simulators.port import Gone, Wire
from simulators.seven_segment import DASH, PATTERNS, POINT, pattern, reading, svg

WRITE_ONE, WRITE_MANY = 0x06, 0x10
VALUE, UNIT, BAUD, DECIMAL = 0x0000, 0x0002, 0x0003, 0x0004
TEXT, SEGMENTS, FLOAT = 0x0070, 0x0080, 0x0090
TEXT_BYTES = 12
"""The maker's example writes six registers of text, filled with 00; what is beyond the last digit is not seen."""
BAUDS = {1: 1200, 2: 2400, 3: 4800, 4: 9600, 5: 19200, 6: 38400, 7: 57600, 8: 115200}
BAD_FUNCTION, BAD_ADDRESS, BAD_VALUE, BUSY, NOBODY = 0x01, 0x02, 0x03, 0x06, 0x0B
LONGEST_RTU, LONGEST_PDU = 256, 253


class Refused(Exception):
    """`code` is that of the exception answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:02X}")
        self.code = code


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


# ---- a board


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


# ---- the line


@dataclass(slots=True)
class Shown:
    """What a board shows from `at` (loop time, seconds) on; also noted when the same is written anew."""

    at: float
    unit: int
    text: str


class DigitLine:
    """Digit boards on one line.

    Options: `framing` ("rtu", default, or "tcp"), `addresses` (unit ids, default [1]), `digits` (of each board,
    default 4), `baud` (of the host's port, default 9600: a board set to another one hears nothing).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.tcp = str(options.get("framing", "rtu")).lower() == "tcp"
        self.baud = int(options.get("baud", 9600))
        units = options.get("addresses") or [1]
        self.boards = [Board(int(unit), int(options.get("digits", 4)), self.baud) for unit in units]
        self.history: deque[Shown] = deque(maxlen=500)
        self.busy = self.unplugged = False
        self._wires: set[Wire] = set()

    @property
    def shown(self) -> dict[int, str]:
        """Unit id -> what can be read on the board."""
        return {board.unit: board.text for board in self.boards}

    async def talk(self, wire: Wire) -> None:
        self._wires.add(wire)
        try:
            with contextlib.suppress(Gone):
                await (self._talk_tcp(wire) if self.tcp else self._talk_rtu(wire))
        finally:
            self._wires.discard(wire)

    async def _talk_rtu(self, wire: Wire) -> None:
        """A frame is what stands between silences of 3.5 characters of 11 bits; above 19200 baud, of 1.75 ms."""
        buffer = b""
        async with contextlib.aclosing(heard(wire, max(3.5 * 11 / self.baud, 0.00175))) as pieces:
            async for data in pieces:
                buffer += data
                if data:
                    continue
                frame, buffer = buffer, b""
                if answer := self.receive_rtu(frame):
                    await wire.write(answer)

    async def _talk_tcp(self, wire: Wire) -> None:
        buffer = b""
        while True:
            buffer += await wire.read()
            while len(buffer) >= 6:
                protocol, size = struct.unpack(">HH", buffer[2:6])
                if protocol or not 2 <= size <= LONGEST_PDU + 1:
                    await wire.close()  # the end of this frame cannot be known, nor the start of the next
                    return
                if len(buffer) < 6 + size:
                    break
                frame, buffer = buffer[: 6 + size], buffer[6 + size :]
                if answer := self.receive_tcp(frame):
                    await wire.write(answer)

    def receive_rtu(self, frame: bytes) -> bytes | None:
        """What stood between two silences in; the answer, or None for silence."""
        if not 4 <= len(frame) <= LONGEST_RTU or crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return None
        boards = [board for board in self.boards if board.baud == self.baud]
        answer = self._answer(boards, frame[0], frame[1:-2])
        if answer is None:
            return None
        body = frame[:1] + answer
        return body + crc16(body).to_bytes(2, "little")

    def receive_tcp(self, frame: bytes) -> bytes | None:
        """A whole frame in."""
        unit, pdu = frame[6], frame[7:]
        if unit and all(board.unit != unit for board in self.boards):
            answer: bytes | None = None if self.unplugged else _exception(pdu, NOBODY)
        else:
            answer = self._answer(self.boards, unit, pdu)
        return None if answer is None else frame[:4] + struct.pack(">HB", len(answer) + 1, unit) + answer

    def _answer(self, boards: list[Board], unit: int, pdu: bytes) -> bytes | None:
        """None: nobody is meant, all are (unit 0), or two answer at once and cannot be understood."""
        if self.unplugged:
            return None
        answers = [self._obey(board, pdu) for board in boards if unit in (0, board.unit)]
        return answers[0] if unit and len(answers) == 1 else None

    def _obey(self, board: Board, pdu: bytes) -> bytes:
        try:
            if self.busy:
                raise Refused(BUSY)
            answer = board.obey(pdu)
        except Refused as refused:
            return _exception(pdu, refused.code)
        self.history.append(Shown(_now(), board.unit, board.text))
        return answer

    # ---- what a person does and sees

    async def power_cycle(self) -> None:
        for board in self.boards:
            board.power_up()
        if self.tcp:
            for wire in list(self._wires):
                await wire.close()

    def controls(self) -> list[dict[str, Any]]:
        return [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "busy", "label": "一直忙", "on": self.busy},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name == "power_cycle":
            return self.power_cycle()
        if name == "busy":
            self.busy = not self.busy
        elif name == "unplug":
            self.unplugged = not self.unplugged
        else:
            raise KeyError(name)
        return None

    def state(self) -> dict[str, Any]:
        return {
            "boards": [
                {"unit": each.unit, "baud": each.baud, "text": each.text, "point": each.point} for each in self.boards
            ],
            "connected": bool(self._wires),
            "busy": self.busy,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        return svg([(f"{board.unit} 号牌", board.lit) for board in self.boards])


def _now() -> float:
    return asyncio.get_running_loop().time()


def _exception(pdu: bytes, code: int) -> bytes:
    return bytes([pdu[0] | 0x80, code])


SIMULATOR = DigitLine
