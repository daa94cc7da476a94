"""Packets of ZKTeco terminals. All numbers are little endian.

    TCP:  50 50 82 7D | payload length 4 | payload          UDP: the payload alone
    payload:  command 2 | checksum 2 | session 2 | reply id 2 | data

Source: captures of an F19 and of other terminals in public protocol notes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

PREFIX = bytes.fromhex("5050827D")
LONGEST = 0x20000  # bytes of a payload; a write of many users is the longest that a client sends


class Bad(ValueError):
    """No packet; `reply_id` is the one it seemed to have."""

    def __init__(self, why: str, reply_id: int = 0) -> None:
        super().__init__(why)
        self.reply_id = reply_id


@dataclass(frozen=True, slots=True)
class Packet:
    command: int
    session: int
    reply_id: int
    data: bytes = b""


def checksum(payload: bytes) -> int:
    """Of a payload whose own checksum is 0: the one's complement of the one's-complement sum of its words."""
    padded = payload + bytes(len(payload) % 2)
    total: int = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def build(packet: Packet) -> bytes:
    head = struct.pack("<HHHH", packet.command, 0, packet.session, packet.reply_id)
    return head[:2] + checksum(head + packet.data).to_bytes(2, "little") + head[4:] + packet.data


def opened(payload: bytes) -> Packet:
    """Raises `Bad`."""
    if len(payload) < 8:
        raise Bad(f"{len(payload)} bytes")
    command, check, session, reply_id = struct.unpack_from("<HHHH", payload)
    if checksum(payload[:2] + bytes(2) + payload[4:]) != check:
        raise Bad("checksum", reply_id)
    return Packet(command, session, reply_id, payload[8:])


def prefixed(payload: bytes) -> bytes:
    return PREFIX + len(payload).to_bytes(4, "little") + payload


class Deframer:
    """Cuts payloads out of a TCP stream, whatever its pieces; skips what is none."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        found = []
        while self._align() and len(self._buffer) >= 8:
            size = int.from_bytes(self._buffer[4:8], "little")
            if size > LONGEST:
                del self._buffer[:4]
                continue
            if len(self._buffer) < 8 + size:
                break
            found.append(bytes(self._buffer[8 : 8 + size]))
            del self._buffer[: 8 + size]
        return found

    def _align(self) -> bool:
        """Whether there is a prefix; throws away what stands before it, or what cannot become one."""
        at = self._buffer.find(PREFIX)
        begun = next(n for n in range(3, -1, -1) if self._buffer.endswith(PREFIX[:n]))
        del self._buffer[: len(self._buffer) - begun if at < 0 else at]
        return at >= 0


def proof(key: int, session: int, ticks: int) -> bytes:
    """What a client that knows the key sends with AUTH: an obfuscation, no secret."""
    turned = int(f"{key & 0xFFFFFFFF:032b}"[::-1], 2)
    mixed = bytes(a ^ b for a, b in zip(struct.pack("<I", (turned + session) & 0xFFFFFFFF), b"ZKSO", strict=True))
    a, b, _, d = mixed[2:] + mixed[:2]
    return bytes([a ^ ticks, b ^ ticks, ticks, d ^ ticks])


# ---- time


def stamp(local: datetime) -> int:
    days = local.year % 100 * 372 + (local.month - 1) * 31 + local.day - 1
    return days * 86400 + local.hour * 3600 + local.minute * 60 + local.second


def clock_of(value: int) -> datetime:
    """Raises ValueError for a day that is not in the calendar."""
    day, second = divmod(value, 86400)
    return datetime(  # noqa: DTZ001  a terminal knows no zone
        *(2000 + day // 372, day // 31 % 12 + 1, day % 31 + 1), *(second // 3600, second // 60 % 60, second % 60)
    )
