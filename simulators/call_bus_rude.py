"""What a bad line and bad boxes make of the frames of the FF 68 bus: switches, and pure functions on bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random

LABELS = {
    "bounce": "按键抖动",
    "half": "只发半帧",
    "noise": "线路噪声",
    "damage": "坏帧",
    "baud": "波特率不对",
    "echo": "两线回波",
}
NOISE = 6  # bytes, at most


@dataclass(slots=True)
class Rude:
    bounce: bool = False
    """Every frame comes a second time, as from a worn key."""
    half: bool = False
    """Half a frame, and then silence."""
    noise: bool = False
    """Bytes of nobody before each frame, and at its first sending also inside."""
    damage: bool = False
    """The first sending has a wrong sum and the second unequal lengths; only the third is right."""
    baud: bool = False
    """The boxes speak at half the host's rate: they hear nothing, and what they say is garbage."""
    echo: bool = False
    """A two-wire line that returns the host's own bytes."""
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311  noise, not secrets

    def spoilt(self, frame: bytes, nth: int) -> bytes:
        """What arrives of the `nth` sending (from 0) of a frame."""
        if self.damage and nth < 2:
            at = len(frame) - 2 if nth == 0 else 3
            frame = frame[:at] + bytes([frame[at] ^ 0x01]) + frame[at + 1 :]
        if self.noise:
            middle = len(frame) // 2
            inside = self._hiss() if nth == 0 else b""
            frame = self._hiss() + frame[:middle] + inside + frame[middle:]
        if self.half:
            frame = frame[: len(frame) // 2]
        return slowed(frame) if self.baud else frame

    def _hiss(self) -> bytes:
        return self.random.randbytes(self.random.randint(1, NOISE))


def slowed(data: bytes) -> bytes:
    """What a receiver (8N1) hears of a sender at half its rate: it takes every bit for two."""
    bits = [bit for byte in data for bit in (0, *((byte >> n) & 1 for n in range(8)), 1) for _ in (0, 1)]
    bits += [1] * 8  # the line falls idle
    heard, at = bytearray(), 0
    while at + 9 <= len(bits):
        if bits[at]:
            at += 1  # no start bit yet
            continue
        heard.append(sum(bit << n for n, bit in enumerate(bits[at + 1 : at + 9])))
        at += 10
    return bytes(heard)


def collided(one: bytes, other: bytes) -> bytes:
    """Two at once: where either pulls the line to 0 it is 0."""
    return bytes(a & b for a, b in zip_longest(one, other, fillvalue=0xFF))
