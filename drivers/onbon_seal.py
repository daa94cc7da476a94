"""What every frame of an Onbon card wears: markers, escapes and CRC.

    A5 ... A5 | header and data | CRC-16/ARC 2 (low byte first) | 5A         8 x A5 sent, any run >= 1 accepted

Between the markers A5 A6 5A 5B travel as A6 02, A6 01, 5B 02, 5B 01; the CRC is of the bytes before that.

Source: as drivers/onbon.py.
"""

from __future__ import annotations

from drivers.base import ProtocolError

START, END = 0xA5, 0x5A
ESCAPES = {0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"}
PLAIN = {pair: bytes([byte]) for byte, pair in ESCAPES.items()}


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 8005 reflected, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def seal(plain: bytes) -> bytes:
    """Header and data as any of the cards gets them: with checksum, escapes and markers."""
    plain += crc16(plain).to_bytes(2, "little")
    return bytes([START]) * 8 + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in plain) + bytes([END])


def unseal(body: bytes) -> bytes:
    """Header and data from what stands between the markers. Raises `ProtocolError` for a wrong escape or checksum."""
    plain = _unescape(body)
    if crc16(plain[:-2]) != int.from_bytes(plain[-2:], "little"):
        raise ProtocolError("wrong checksum")
    return plain[:-2]


def _unescape(body: bytes) -> bytes:
    plain = bytearray()
    rest = iter(body)
    for byte in rest:
        if byte not in (0xA6, 0x5B):
            plain.append(byte)
            continue
        pair = bytes([byte, next(rest, 0)])
        if pair not in PLAIN:
            raise ProtocolError("unknown escape")
        plain += PLAIN[pair]
    return bytes(plain)
