"""A digital-input module with push buttons as a call box, and coils for lamps and a buzzer. Not proven on hardware.

    02 | start 2 | count 2 -> 02 | bytes 1 | bits, the first input lowest      (01 reads the coils the same way)
    05 | coil 2 | FF00 or 0000                                -> the same
    0F | start 2 | count 2 | bytes 1 | bits                   -> 0F | start 2 | count 2

Source: Modbus Application Protocol 1.1b3, clauses 6.1, 6.2, 6.5 and 6.11. Chosen here: it has eight inputs for each
eight buttons begun, and as many coils; coil n is the lamp in button n, but for the one that sounds the buzzer; all are
off after power-up.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.modbus_pdu import BAD_ADDRESS, BAD_FUNCTION, BAD_VALUE, Refused

READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_COILS = 0x01, 0x02, 0x05, 0x0F
ON, OFF = 0xFF00, 0x0000
MOST_READ, MOST_WRITTEN = 2000, 1968  # bits in one request
SECONDS = {"press": 0.2, "long": 3.0, "tap": 0.01}
"""How long a finger stays: `tap` is shorter than any host polls."""
CHATTER = (0.0, 0.003, 0.007, 0.011, 0.016)  # seconds at which a bouncing contact changes; the last time for good


@dataclass(slots=True)
class Contact:
    """A push button. Its level is worked out when somebody looks, so that no press takes any time of ours."""

    name: str
    stuck: bool = False
    edges: list[tuple[float, bool]] = field(default_factory=list)
    """Loop times, in order, and whether it is closed from then on."""

    def closed(self, now: float) -> bool:
        past = [closed for at, closed in self.edges if at <= now]
        return self.stuck or (bool(past) and past[-1])

    def press(self, now: float, seconds: float, bounce: bool) -> None:
        delays = CHATTER if bounce else CHATTER[:1]
        changes = [(now, True), (now + seconds, False)]
        self.edges = sorted(
            (at + delay, on is not bool(nth % 2)) for at, on in changes for nth, delay in enumerate(delays)
        )


class Module:
    def __init__(self, unit: int, names: Sequence[str], baud: int, buzzer: int | None) -> None:
        """`names` are those of its first inputs; `buzzer` is a coil, if it has one."""
        self.unit, self.baud, self.buzzer = unit, baud, buzzer
        self.contacts = [Contact(name) for name in names]
        self.coils = [False] * 8 * max(1, -(-len(names) // 8))
        self.beeps = 0

    @property
    def text(self) -> str:
        """The coils, the first one leftmost."""
        return "".join("1" if on else "0" for on in self.coils)

    def power_up(self) -> None:
        self.coils = [False] * len(self.coils)

    def inputs(self) -> list[bool]:
        now = asyncio.get_running_loop().time()
        closed = [contact.closed(now) for contact in self.contacts]
        return closed + [False] * (len(self.coils) - len(closed))

    def press(self, name: str, kind: str, bounce: bool) -> None:
        """Raises KeyError for a button or a key of `SECONDS` that is not there."""
        self.contact(name).press(asyncio.get_running_loop().time(), SECONDS[kind], bounce)

    def contact(self, name: str) -> Contact:
        return {each.name: each for each in self.contacts}[name]

    def obey(self, pdu: bytes) -> bytes:
        """The answer to a request (function code and data). Raises `Refused`."""
        if pdu[0] == READ_COILS:
            return self._read(pdu, self.coils)
        if pdu[0] == READ_INPUTS:
            return self._read(pdu, self.inputs())
        if pdu[0] == WRITE_COIL:
            return self._write_one(pdu)
        if pdu[0] == WRITE_COILS:
            return self._write_many(pdu)
        raise Refused(BAD_FUNCTION)

    def _read(self, pdu: bytes, bits: Sequence[bool]) -> bytes:
        if len(pdu) != 5:
            raise Refused(BAD_VALUE)
        start, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= MOST_READ:
            raise Refused(BAD_VALUE)
        if start + count > len(bits):
            raise Refused(BAD_ADDRESS)
        packed = sum(on << nth for nth, on in enumerate(bits[start : start + count]))
        size = -(-count // 8)
        return bytes([pdu[0], size]) + packed.to_bytes(size, "little")

    def _write_one(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise Refused(BAD_VALUE)
        coil, value = struct.unpack(">HH", pdu[1:])
        if value not in (ON, OFF):
            raise Refused(BAD_VALUE)
        self._switch(coil, [value == ON])
        return pdu

    def _write_many(self, pdu: bytes) -> bytes:
        if len(pdu) < 7:
            raise Refused(BAD_VALUE)
        start, count, size = struct.unpack(">HHB", pdu[1:6])
        if not 1 <= count <= MOST_WRITTEN or size != -(-count // 8) or len(pdu) != 6 + size:
            raise Refused(BAD_VALUE)
        packed = int.from_bytes(pdu[6:], "little")
        self._switch(start, [bool(packed >> nth & 1) for nth in range(count)])
        return pdu[:5]

    def _switch(self, start: int, values: Sequence[bool]) -> None:
        if start + len(values) > len(self.coils):
            raise Refused(BAD_ADDRESS)
        silent = not self.buzzing
        self.coils[start : start + len(values)] = values
        self.beeps += silent and self.buzzing

    @property
    def buzzing(self) -> bool:
        return self.buzzer is not None and self.buzzer < len(self.coils) and self.coils[self.buzzer]

    def state(self) -> dict[str, Any]:
        inputs = self.inputs()
        return {
            "unit": self.unit,
            "inputs": {contact.name: closed for contact, closed in zip(self.contacts, inputs, strict=False)},
            "coils": self.text,
            "beeps": self.beeps,
        }
