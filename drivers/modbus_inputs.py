"""Call buttons on the discrete inputs of Modbus modules, with a buzzer or a lamp on a coil. Pure.

    02     first input 2 | count 2       read         answered with 02 | bytes | levels, input 0 in the lowest bit
    05     coil 2 | FF 00 or 00 00       on, off      answered with the same

Source: Modbus Application Protocol V1.1b3, 6.2 and 6.5.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drivers.base import Misconfigured
from drivers.modbus_frames import LAST_UNIT, READ_INPUTS, WRITE_COIL

# ---- codec

MOST_INPUTS: Final = 16


def read_inputs(count: int) -> bytes:
    """The PDU that asks for inputs 0 to `count` - 1."""
    return struct.pack(">BHH", READ_INPUTS, 0, count)


def levels(pdu: bytes, count: int) -> list[bool]:
    """Which inputs are closed, from the reply to `read_inputs(count)`."""
    bits = int.from_bytes(pdu[2:], "little")
    return [bool(bits >> nth & 1) for nth in range(count)]


def write_coil(coil: int, on: bool) -> bytes:
    return struct.pack(">BHH", WRITE_COIL, coil, 0xFF00 if on else 0)


# ---- contacts

OPEN_S: Final = 0.03
"""A contact bounces for up to 20 ms: only one that is still open after longer than that has been let go."""
STUCK_S: Final = 10.0


@dataclass(slots=True)
class Contact:
    """One input, as it is looked at from time to time."""

    closed_at: float | None = None
    """None: it is open."""
    open_at: float | None = None
    """When it was seen open again, while that may be a bounce."""

    def look(self, closed: bool, now: float) -> bool:
        """Whether this is a press: it closes at once, and opens when it has been open for `OPEN_S`."""
        if closed:
            pressed, self.open_at = self.closed_at is None, None
            self.closed_at = now if self.closed_at is None else self.closed_at
            return pressed
        if self.closed_at is not None and self.open_at is None:
            self.open_at = now
        elif self.open_at is not None and now - self.open_at >= OPEN_S:
            self.closed_at = self.open_at = None
        return False

    def stuck(self, now: float) -> bool:
        return self.closed_at is not None and (self.open_at or now) - self.closed_at >= STUCK_S


class Contacts:
    """The inputs of one unit. What is closed at the first look is not told, and not before it has been let go."""

    def __init__(self, count: int) -> None:
        self._contacts = [Contact() for _ in range(count)]
        self._known = False

    def look(self, closed: Sequence[bool], now: float) -> list[int]:
        """The inputs that are pressed."""
        seen = [contact.look(level, now) for contact, level in zip(self._contacts, closed, strict=True)]
        pressed = [nth for nth, press in enumerate(seen) if press and self._known]
        self._known = True
        return pressed

    def forget(self) -> None:
        """The unit was away: the next look is the first."""
        self._contacts = [Contact() for _ in self._contacts]
        self._known = False

    def stuck(self, now: float) -> bool:
        """Whether one has been closed for `STUCK_S`."""
        return any(contact.stuck(now) for contact in self._contacts)


# ---- options

WORDS: Final = (
    *("call", "recall", "start", "finish", "cancel", "pause", "transfer", "miss", "hold", "resume"),
    *("sign_in", "sign_out"),
)


def inputs_of(options: Mapping[str, Any]) -> dict[int, tuple[str, ...]]:
    """What the inputs of each unit mean, input 0 first; "" is one without a button. Raises `Misconfigured`."""
    table, coil = options.get("inputs", {}), options.get("buzzer", 0)
    if not isinstance(table, Mapping):
        raise Misconfigured('inputs is a table such as { 11 = ["call", "recall"] }')
    for unit, words in table.items():
        if str(unit) not in map(str, range(1, LAST_UNIT + 1)):
            raise Misconfigured(f"inputs: {unit!r} is no unit id, 1 to {LAST_UNIT}")
        if not isinstance(words, list | tuple) or not 1 <= len(words) <= MOST_INPUTS:
            raise Misconfigured(f"inputs: unit {unit} has a list of 1 to {MOST_INPUTS} words")
        if strange := [str(word) for word in words if word and word not in WORDS]:
            raise Misconfigured(f"inputs: unit {unit} has {', '.join(strange)}; known are {', '.join(WORDS)}")
    if not isinstance(coil, int) or not 0 <= coil <= 0xFFFF or ("buzzer" in options and not table):
        raise Misconfigured("buzzer is a coil of the units that have inputs, 0 to 65535")
    return {int(unit): tuple(words) for unit, words in table.items()}
