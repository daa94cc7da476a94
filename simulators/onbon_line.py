"""A line with Onbon cards: the framing that all families share, who is addressed, and what a person can do to it.

    A5 A5 ... | header | data | CRC-16/ARC 2, low byte first | 5A

Everything between the A5 run and the 5A is escaped (A5 -> A6 02, A6 -> A6 01, 5A -> 5B 02, 5B -> 5B 01); lengths and
the CRC are those of the bytes before escaping. A header begins with the numbers of the screen asked and of who asks.

Source: the vendor's BX-K client and SDK pages, and the user manuals of the 5th and 6th dynamic areas.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from simulators.port import Gone, Wire

ANY = 0xFFFE
CHECKSUM = 5

# ---- framing


def crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


ESCAPES = {0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"}
UNESCAPES = {escape: bytes([plain]) for plain, escape in ESCAPES.items()}


def wrap(body: bytes) -> bytes:
    """Header and data in, the whole frame out."""
    whole = body + crc16(body).to_bytes(2, "little")
    return b"\xa5" * 8 + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in whole) + b"\x5a"


def unescape(body: bytes) -> bytes | None:
    """None when an escape byte is followed by what no escape has."""
    out, at = bytearray(), 0
    while at < len(body):
        if body[at] not in (0xA6, 0x5B):
            out.append(body[at])
            at += 1
            continue
        plain = UNESCAPES.get(body[at : at + 2])
        if plain is None:
            return None
        out += plain
        at += 2
    return bytes(out)


class Deframer:
    """Finds what stands between any run of A5 and a 5A; a raw A5 inside starts anew, as it can only be a start."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._body: bytearray | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Unescaped header + data + CRC of each frame; nothing is checked yet."""
        found = []
        for byte in data:
            if byte == 0xA5:
                self._body = bytearray()
            elif self._body is None:
                continue
            elif byte == 0x5A:
                plain = unescape(bytes(self._body))
                if plain:
                    found.append(plain)
                self._body = None
            elif len(self._body) < self._longest:
                self._body.append(byte)
            else:
                self._body = None
        return found


# ---- the line


class Plugged(Protocol):
    """A card of the line; it hears nothing before `dark_until` (loop time, seconds)."""

    number: int
    dark_until: float

    def reset(self, now: float) -> None: ...


C = TypeVar("C", bound=Plugged)


class Line(ABC, Generic[C]):
    """The cards of a line, by screen number."""

    LONGEST: ClassVar[int] = 64 * 1024
    """Bytes between the markers; a longer one is noise."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.numbers = [int(number) for number in options.get("screens") or options.get("addresses") or [1]]
        self.cards: dict[int, C] = {}
        self._silent_on_bad_crc = options.get("bad_crc", "error") == "silent"
        self.busy = self.unplugged = False

    async def talk(self, wire: Wire) -> None:
        deframer = Deframer(self.LONGEST)
        with contextlib.suppress(Gone):
            while True:
                data = await wire.read()
                if self.unplugged:
                    deframer = Deframer(self.LONGEST)
                    continue
                for answer in filter(None, map(self.receive, deframer.feed(data))):
                    await wire.write(answer)

    def receive(self, body: bytes) -> bytes | None:
        """Header + data + CRC in; the answer's frame out, or None where a card keeps silent."""
        if not self._ours(body):
            return None
        dst, now = int.from_bytes(body[0:2], "little"), loop_time()
        cards = [card for card in self.cards.values() if dst in (card.number, ANY) and now >= card.dark_until]
        sound = crc16(body[:-2]) == int.from_bytes(body[-2:], "little")
        data = self._data(body) if sound else None
        if data is None:
            answers = [None if self._silent_on_bad_crc else self._nack(CHECKSUM)]
        else:
            answers = [self._obey(card, data, now) for card in cards]
        answer = answers[0] if len(cards) == 1 else None
        if answer is None:
            return None  # several cards that answer one wildcard at once cannot be read
        return wrap(self._head(body[2:4], cards[0], len(answer)) + answer)

    @abstractmethod
    def _ours(self, body: bytes) -> bool:
        """Whether it can be a frame of this family."""

    @abstractmethod
    def _data(self, body: bytes) -> bytes | None:
        """What stands between header and CRC; None when its length is not the one that the header tells."""

    @abstractmethod
    def _obey(self, card: C, data: bytes, now: float) -> bytes | None: ...

    @abstractmethod
    def _nack(self, error: int) -> bytes: ...

    @abstractmethod
    def _head(self, dst: bytes, card: C, length: int) -> bytes:
        """The header of an answer of `length` bytes to `dst`."""

    # ---- what a person does

    def power_cycle(self) -> None:
        """Of all screens that have power."""
        for card in self.cards.values():
            if card.dark_until != math.inf:
                card.reset(loop_time())

    def controls(self) -> list[dict[str, Any]]:
        return [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "busy", "label": "一直忙", "on": self.busy},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
            *self._plugs(),
        ]

    def _plugs(self) -> list[dict[str, Any]]:
        """Where several screens hang on one line, each has its own power."""
        cards = self.cards.values() if len(self.cards) > 1 else ()
        return [
            {"name": f"dead:{card.number}", "label": f"{card.number}号屏断电", "on": card.dark_until == math.inf}
            for card in cards
        ]

    def set_dead(self, screen: int, dead: bool) -> None:
        """Takes the power from one screen of the line, or gives it back: then it starts, and has forgotten its text."""
        card = self.cards[screen]
        card.reset(loop_time())
        if dead:
            card.dark_until = math.inf

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name == "power_cycle":
            self.power_cycle()
        elif name == "busy":
            self.busy = not self.busy
        elif name == "unplug":
            self.unplugged = not self.unplugged
        elif name in [each["name"] for each in self._plugs()]:
            screen = int(name.removeprefix("dead:"))
            self.set_dead(screen, self.cards[screen].dark_until != math.inf)
        else:
            raise KeyError(name)


def loop_time() -> float:
    return asyncio.get_running_loop().time()
