"""Packets of ZKTeco 4370 terminals: framing, checksum, commkey, time. The frame is drawn in zkteco.py.

Source: adrobinoga/zk-protocol (captures of an F19).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drivers.base import ProtocolError

CONNECT, EXIT, AUTH = 1000, 1001, 1102
READ_USERS, WRITE_USER, WRITE_OPTION, READ_RECORDS, DELETE_USER = 9, 8, 12, 13, 18
SIZES, GET_TIME, SET_TIME, REFRESH = 50, 201, 202, 1013
REGISTER = EVENT = 500
PREPARE, DATA, FREE, PREPARE_READ, READ_CHUNK = 1500, 1501, 1502, 1503, 1504
OK, ERROR, OK_DATA, RETRY, REPEAT, UNAUTHORISED = 2000, 2001, 2002, 2003, 2004, 2005

MAGIC: Final = bytes.fromhex("5050827D")
HEAD: Final = struct.Struct("<HHHH")
LONGEST: Final = 0x20000
"""Bytes of a payload: twice the largest chunk that is asked for."""
BABBLE: Final = 0x10000
"""Bytes in a row that belong to no packet: whoever sends them is no terminal."""


@dataclass(frozen=True, slots=True)
class Packet:
    command: int
    session: int
    """Of an event its code, of some replies a state or a size; data may come with 0."""
    reply_id: int
    data: bytes = b""


def checksum(data: bytes) -> int:
    """Ones' complement of the ones' complement sum of the little-endian words."""
    # Every power of 2^16 is 1 modulo 2^16 - 1, so the remainder of the whole number is the folded sum.
    return -int.from_bytes(data, "little") % 0xFFFF


def encode(packet: Packet, *, datagrams: bool = False) -> bytes:
    """The bytes on the wire; without the TCP prefix where each packet is a datagram."""
    head = HEAD.pack(packet.command, 0, packet.session, packet.reply_id)
    summed = checksum(head + packet.data).to_bytes(2, "little")
    payload = head[:2] + summed + head[4:] + packet.data
    return payload if datagrams else MAGIC + len(payload).to_bytes(4, "little") + payload


def parse(payload: bytes) -> Packet | None:
    """None when it is too short or its checksum is wrong."""
    if len(payload) < HEAD.size or int.from_bytes(payload, "little") % 0xFFFF:
        return None
    command, _, session, reply_id = HEAD.unpack_from(payload)
    return Packet(command, session, reply_id, payload[HEAD.size :])


class Decoder:
    """Packets of a TCP stream, or of datagrams that are fed one by one."""

    def __init__(self, *, datagrams: bool = False) -> None:
        self.garbage = self.bad_frames = 0
        self._datagrams = datagrams
        self._buffer = bytearray()
        self._lost = 0
        """Bytes thrown away since the last packet."""

    def feed(self, data: bytes) -> list[Packet]:
        """Raises `ProtocolError` when `BABBLE` bytes in a row were no packet."""
        if self._datagrams:
            return self._checked(data)
        self._buffer += data
        found: list[Packet] = []
        while (payload := self._next()) is not None:
            if packets := self._checked(payload):
                found += packets
                del self._buffer[: len(MAGIC) + 4 + len(payload)]
            else:
                self._drop(1)  # its length may be wrong too, and hide the next
        return found

    def _next(self) -> bytes | None:
        """The payload that is announced at the head of the buffer, once it is all there."""
        while True:
            at = self._buffer.find(MAGIC)
            if at:
                self._drop(at if at > 0 else max(0, len(self._buffer) - len(MAGIC) + 1))
            if len(self._buffer) < 8 or at < 0:
                return None
            length = int.from_bytes(self._buffer[4:8], "little")
            if HEAD.size <= length <= LONGEST:
                break
            self.bad_frames += 1
            self._drop(1)
        return bytes(self._buffer[8 : 8 + length]) if len(self._buffer) >= 8 + length else None

    def _checked(self, payload: bytes) -> list[Packet]:
        packet = parse(payload)
        if packet is None:
            self.bad_frames += 1
            if self._datagrams:
                self._count(len(payload))
            return []
        self._lost = 0
        return [packet]

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._count(count)

    def _count(self, count: int) -> None:
        self.garbage += count
        self._lost += count
        if self._lost > BABBLE:
            raise ProtocolError(f"{self._lost} bytes that belong to no packet")


# ---- commkey

TICKS: Final = 50


def key_answer(key: int, session: int) -> bytes:
    """What AUTH carries: the terminal's commkey, mixed with the session. Hides nothing from who reads along."""
    mirrored = int(f"{key:032b}"[::-1], 2)
    mixed = (mirrored + session) % 2**32
    _, b, c, d = (byte ^ mask for byte, mask in zip(mixed.to_bytes(4, "little"), b"ZKSO", strict=True))
    return bytes((c ^ TICKS, d ^ TICKS, TICKS, b ^ TICKS))


# ---- time

DAY_S: Final = 86400


def pack_time(local: datetime) -> bytes:
    """Months of 31 days and years of 372, from 2000 to 2099."""
    days = (local.year % 100 * 12 + local.month - 1) * 31 + local.day - 1
    return struct.pack("<I", days * DAY_S + local.hour * 3600 + local.minute * 60 + local.second)


def unpack_time(seconds: int) -> datetime | None:
    """None for a day that no calendar has."""
    days, second = divmod(seconds, DAY_S)
    months, day = divmod(days, 31)
    return local_time(months // 12, months % 12 + 1, day + 1, second // 3600, second // 60 % 60, second % 60)


def local_time(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime | None:
    """`year` counts from 2000."""
    if not 0 <= year <= 99:
        return None
    try:
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - a terminal knows no zone
    except ValueError:
        return None
