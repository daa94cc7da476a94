"""Frames of Modbus, RTU and TCP: requests out, replies in. Pure; drawn in `drivers.modbus`.

Source: Modbus Application Protocol V1.1b3, 6 and 7; Modbus over serial line V1.02, 2.5; Modbus TCP/IP V1.0b, 3.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

READ_INPUTS, WRITE_COIL, WRITE, WRITE_MANY, REFUSED = 0x02, 0x05, 0x06, 0x10, 0x80
LAST_UNIT: Final = 247

# ---- requests


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 8005 reflected, start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def rtu(unit: int, pdu: bytes) -> bytes:
    frame = bytes([unit]) + pdu
    return frame + crc16(frame).to_bytes(2, "little")


def tcp(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


# ---- replies


@dataclass(frozen=True, slots=True)
class Reply:
    unit: int
    pdu: bytes
    transaction: int = 0
    """0 on RTU, which has none."""


WRITTEN_BYTES, REFUSED_BYTES = 5, 2
"""Of the PDU: replies to writes, and refusals. A reply to 02 has a byte or two for up to 16 levels."""
PDU_BYTES: Final = (5, 4, 3, 2)


def _fits(unit: int, pdu: bytes) -> bool:
    function, length = pdu[0] & ~REFUSED, len(pdu)
    if not 1 <= unit <= LAST_UNIT or function not in (READ_INPUTS, WRITE_COIL, WRITE, WRITE_MANY):
        return False
    if pdu[0] & REFUSED:
        return length == REFUSED_BYTES
    return length == (2 + pdu[1] if function == READ_INPUTS else WRITTEN_BYTES)


def answers(request: bytes, reply: bytes) -> bool:
    """Whether one PDU can be the reply to the other: what was written, as many levels as were asked for, or no."""
    if reply[0] == request[0] | REFUSED:
        return True
    if request[0] == READ_INPUTS:
        return reply[:2] == bytes([READ_INPUTS, (int.from_bytes(request[3:]) + 7) // 8])
    return reply == request[:WRITTEN_BYTES]


def _from_rtu(raw: bytes) -> Reply | None:
    unit, pdu = raw[0], raw[1:-2]
    sound = _fits(unit, pdu) and crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little")
    return Reply(unit, pdu) if sound else None


def _from_tcp(raw: bytes) -> Reply | None:
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", raw)
    pdu = raw[7:]
    sound = _fits(unit, pdu) and (protocol, length) == (0, len(pdu) + 1)
    return Reply(unit, pdu, transaction) if sound else None


FRAMINGS: Final = {"rtu": (_from_rtu, 3), "tcp": (_from_tcp, 7)}
"""How a reply is read, and how many bytes it has around its PDU."""


class Decoder:
    """Finds replies between any bytes.

    A frame has no first byte of its own, so a reply is known by its end: whenever the last bytes make a sound one, it
    is one, whatever came before. So noise never hides a reply, and at most one frame's length is kept.
    """

    def __init__(self, framing: str = "rtu") -> None:
        self.garbage = 0
        self.bad_frames = 0
        self._read, around = FRAMINGS[framing]
        self._sizes = [around + size for size in PDU_BYTES]
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        replies = []
        for byte in data:
            self._tail.append(byte)
            if reply := self._ended():
                replies.append(reply)
                self._tail.clear()
            elif len(self._tail) == self._sizes[0]:
                self.garbage += 1
                del self._tail[0]
        return replies

    def forget(self) -> None:
        """Silence ends a frame: what has begun will not be finished."""
        self.bad_frames += bool(self._tail)
        self._tail.clear()

    def _ended(self) -> Reply | None:
        for size in self._sizes:
            if len(self._tail) >= size and (reply := self._read(bytes(self._tail[-size:]))):
                self.garbage += len(self._tail) - size
                return reply
        return None
