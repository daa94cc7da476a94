"""Frames of the FF 68 bus as its boxes build and find them; the head of call_bus.py draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KEY, START, SHOW, BEEP, GRADE = 0x00, 0x01, 0x02, 0x03, 0x11
MOST = 16  # the largest L a box takes for a frame


@dataclass(frozen=True, slots=True)
class Frame:
    address: int
    function: int
    data: bytes
    raw: bytes


def build(address: int, function: int, data: Iterable[int] = ()) -> bytes:
    body = bytes([address, function, *data])
    return bytes([0xFF, 0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


class Deframer:
    """Finds frames in what the host sends: those with FF, and the short start-evaluation `68 02 02 68 A 01 CS 16`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> None:
        """Power went, or somebody spoke at the same time: what was half heard is gone."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        found = []
        while self._buffer:
            size = _size(self._buffer)
            if size is None:
                break
            if size == 0:
                del self._buffer[0]
                continue
            found.append(_frame(bytes(self._buffer[:size])))
            del self._buffer[:size]
        return found


def _size(buffer: bytearray) -> int | None:
    """Bytes of the frame at the start; 0 when there is none, None when it is not all here yet."""
    lead = 1 if buffer[0] == 0xFF else 0
    head = buffer[lead : lead + 4]
    if any(byte != 0x68 for byte in head[0:4:3]) or (len(head) > 2 and head[1] != head[2]):
        return 0
    if len(head) > 1 and not (2 <= head[1] <= MOST if lead else head[1] == 2):
        return 0
    if len(head) < 4 or len(buffer) < lead + head[1] + 6:
        return None
    body = buffer[lead + 4 : lead + 4 + head[1]]
    end = lead + 4 + head[1]
    whole = buffer[end] == sum(body) & 0xFF and buffer[end + 1] == 0x16 and (lead or body[1] == START)
    return end + 2 if whole else 0


def _frame(raw: bytes) -> Frame:
    body = raw[5:-2] if raw[0] == 0xFF else raw[4:-2] + b"\x0b"
    return Frame(body[0], body[1], body[2:], raw)
