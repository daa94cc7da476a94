"""A reader of resident ID cards with the SAM_V module (SDT), on a serial line. Not proven on hardware.

    host:   AA AA AA 96 69 | length 2 | command 1, parameter 1 | data | check 1
    reader: AA AA AA 96 69 | length 2 | SW1, SW2, SW3          | data | check 1

Length, high byte first, counts what follows it; check is the XOR of length to data. A card is found (20 01), selected
(20 02) and read (30 01, with fingerprints 30 10, its newest address 30 03), in this order; SW3 says how it went.

Source: public manuals of the module, and programs that talk to it. Where they say nothing, or one alone says it:
30 03 may follow 30 01 too; whatever fails must begin again with 20 01; after 10 FF a card that lies there is as new;
after power-up the speed is 115200 (this wire carries all speeds alike); a length above 16 gets 11, and so does a
request whose rest does not come within 0.5 s; when unauthorised, only 20 and 30 get 66.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Mapping
from functools import reduce
from operator import xor
from typing import Any, NoReturn
from zlib import crc32

from simulators.gap import heard
from simulators.idcard_cards import ADDRESS, CARDS, Card, pad
from simulators.idcard_picture import draw
from simulators.port import Gone, Wire

PREAMBLE = b"\xaa\xaa\xaa\x96\x69"
LONGEST = 16
RESET, STATUS, SAM_ID, RF_BYTES = 0x10FF, 0x11FF, 0x12FF, 0x61FF
SPEEDS = {0x6000: 115200, 0x6001: 57600, 0x6002: 38400, 0x6003: 19200, 0x6004: 9600}
FIND, SELECT, READ, READ_ADDRESS, READ_FINGERS = 0x2001, 0x2002, 0x3001, 0x3003, 0x3010
OF_MODULE = {RESET, STATUS, SAM_ID, RF_BYTES, *SPEEDS}
OF_CARD = {FIND, SELECT, READ, READ_ADDRESS, READ_FINGERS}

OK, FOUND = 0x90, 0x9F
WRONG_CHECK, WRONG_LENGTH, WRONG_COMMAND, UNKNOWN = 0x10, 0x11, 0x21, 0x24
READ_FAILED, SELF_TEST_FAILED, UNAUTHORISED = 0x41, 0x60, 0x66
NO_CARD, SELECT_FAILED, NO_CONTENT = 0x80, 0x81, 0x91

HALF_WAY, READING, SLOW, BUSY = 0.5, 0.5, 4.0, 1.0  # seconds
NOISE = bytes.fromhex("00 FF AA AA 96 AA")
SWITCHES = {
    "must_leave": "读后须取走",
    "busy": "一直忙",
    "slow": "读卡慢",
    "noise": "线上杂波",
    "self_test_failed": "自检失败",
    "unauthorised": "未授权",
    "off": "断电",
}

# ---- frames


class Refused(Exception):
    """`status` is SW3 of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"SW3 {status:02X}")
        self.status = status


def build(status: int, data: bytes = b"") -> bytes:
    body = struct.pack(">HBBB", len(data) + 4, 0, 0, status) + data
    return PREAMBLE + body + bytes([reduce(xor, body)])


def opened(frame: bytes) -> tuple[int, bytes]:
    """Command with its parameter, and data, of what follows a preamble. Raises `Refused`."""
    size = int.from_bytes(frame[:2], "big")
    if size < 3 or len(frame) != 2 + size:
        raise Refused(WRONG_LENGTH)
    if reduce(xor, frame):
        raise Refused(WRONG_CHECK)
    return int.from_bytes(frame[2:4], "big"), frame[4:-1]


class Deframer:
    """Cuts what follows each preamble by its length; of a length that cannot be, only that length is the frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        found = []
        while self._align() and len(self._buffer) >= 7:
            size = int.from_bytes(self._buffer[5:7], "big")
            end = 7 + size if 3 <= size <= LONGEST else 7
            if len(self._buffer) < end:
                break
            found.append(bytes(self._buffer[5:end]))
            del self._buffer[:end]
        return found

    def flush(self) -> list[bytes]:
        """What there is of a frame whose rest will not come."""
        rest = bytes(self._buffer[5:])
        self._buffer.clear()
        return [rest] if rest else []

    def _align(self) -> bool:
        """Whether there is a preamble; throws away what stands before it, or what cannot become one."""
        at = self._buffer.find(PREAMBLE)
        begun = next(n for n in range(4, -1, -1) if self._buffer.endswith(PREAMBLE[:n]))
        del self._buffer[: len(self._buffer) - begun if at < 0 else at]
        return at >= 0


# ---- the reader


class Reader:
    """`lay` and `take` are what visitors do.

    Option: `must_leave` (default true): a card that was read is not found again before it has been taken away.
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.sam_id = (5, 1, 20120411, crc32(device_id.encode()), 1)
        self.on = dict.fromkeys(SWITCHES, False) | {"must_leave": bool(options.get("must_leave", True))}
        """The switches of the page."""
        self.card: Card | None = None
        self.step = ""
        """What the card last allowed: "", `found`, `selected`, `read`."""
        self.was_read = False
        """Since the card was laid on."""
        self.failed = False
        self.speed = 115200
        self.rf_bytes: int | None = None
        """As the host set it; None when it did not."""
        self.history: deque[tuple[float, str]] = deque(maxlen=500)
        """Loop time and what happened: `laid zhang_wei`, `read zhang_wei`, `taken zhang_wei`."""
        self._working = False
        self._power_ups = 0
        self._wires: set[Wire] = set()

    async def talk(self, wire: Wire) -> None:
        self._wires.add(wire)
        try:
            with contextlib.suppress(Gone):
                await self._listen(wire)
        finally:
            self._wires.discard(wire)

    async def _listen(self, wire: Wire) -> None:
        deframer = Deframer()
        async with contextlib.aclosing(heard(wire, HALF_WAY)) as pieces:
            async for data in pieces:
                for frame in deframer.feed(data) if data else deframer.flush():
                    await self._answer(wire, frame)

    async def _answer(self, wire: Wire, frame: bytes) -> None:
        power_ups, self._working = self._power_ups, True
        try:
            await asyncio.sleep(self._seconds(frame))
        finally:
            self._working = False
        if self.on["off"] or self._power_ups != power_ups:
            return
        answer = self.receive(frame)
        await wire.write(NOISE + answer if self.on["noise"] else answer)

    def _seconds(self, frame: bytes) -> float:
        """How long the answer to this takes."""
        with contextlib.suppress(Refused):
            command, _ = opened(frame)
            if command == FIND and self.on["busy"]:
                return BUSY
            if command in (READ, READ_FINGERS) and self.step == "selected":
                return SLOW if self.on["slow"] else READING
        return 0.0

    def receive(self, frame: bytes) -> bytes:
        """What follows a preamble in, the whole answer out."""
        try:
            return build(*self._obey(*opened(frame)))
        except Refused as refused:
            return build(refused.status)

    def _obey(self, command: int, data: bytes) -> tuple[int, bytes]:
        """SW3 and data of the answer. Raises `Refused`, as do those below."""
        if self.on["self_test_failed"]:
            raise Refused(SELF_TEST_FAILED)
        if command not in OF_MODULE | OF_CARD:
            raise Refused(WRONG_COMMAND)
        if len(data) != (command == RF_BYTES):
            raise Refused(WRONG_LENGTH)
        return self._obey_module(command, data) if command in OF_MODULE else self._obey_card(command)

    def _obey_module(self, command: int, data: bytes) -> tuple[int, bytes]:
        if command == SAM_ID:
            return OK, struct.pack("<HHIII", *self.sam_id)
        if command == RESET:
            self._field_was_empty()
        elif command == RF_BYTES:
            self.rf_bytes = data[0]
        elif command in SPEEDS:
            self.speed = SPEEDS[command]
        return OK, b""

    def _obey_card(self, command: int) -> tuple[int, bytes]:
        if self.on["unauthorised"]:
            raise Refused(UNAUTHORISED)
        if command == FIND:
            return self._find()
        if command == SELECT:
            return self._select()
        return self._read_address() if command == READ_ADDRESS else self._read(command)

    def _find(self) -> tuple[int, bytes]:
        self.step = ""
        if self.on["busy"]:
            raise Refused(UNKNOWN)
        if self.card is None or (self.was_read and self.on["must_leave"]):
            raise Refused(NO_CARD)
        self.step, self.failed = "found", False
        return FOUND, bytes(4)

    def _select(self) -> tuple[int, bytes]:
        if self.step != "found":
            self._fail(SELECT_FAILED)
        self.step = "selected"
        return OK, bytes(8)

    def _read(self, command: int) -> tuple[int, bytes]:
        if self.card is None or self.card.damaged or self.step != "selected":
            self._fail(READ_FAILED)
        self.step, self.was_read = "read", True
        self._note(f"read {self.card.key}")
        parts = [self.card.text, self.card.photo]
        if command == READ_FINGERS:
            parts.append(self.card.fingerprints)
        return OK, struct.pack(f">{len(parts)}H", *map(len, parts)) + b"".join(parts)

    def _read_address(self) -> tuple[int, bytes]:
        if self.card is None or self.card.damaged or self.step not in ("selected", "read"):
            self._fail(READ_FAILED)
        if not self.card.moved_to:
            raise Refused(NO_CONTENT)
        return OK, pad(self.card.moved_to, ADDRESS)

    def _fail(self, status: int) -> NoReturn:
        self.step, self.failed = "", self.card is not None
        raise Refused(status)

    def _field_was_empty(self) -> None:
        self.step, self.was_read, self.failed = "", False, False

    def _note(self, what: str) -> None:
        self.history.append((asyncio.get_running_loop().time(), what))

    # ---- what people do and see

    def lay(self, card: Card) -> None:
        """Takes away what lies there first."""
        self.take()
        self.card = card
        self._note(f"laid {card.key}")

    def take(self) -> None:
        if self.card is not None:
            self._note(f"taken {self.card.key}")
        self.card = None
        self._field_was_empty()

    def controls(self) -> list[dict[str, Any]]:
        switches: list[dict[str, Any]] = [
            {"name": name, "label": label, "on": self.on[name]} for name, label in SWITCHES.items()
        ]
        cards = [{"name": f"lay:{card.key}", "label": card.label, "group": "放卡"} for card in CARDS.values()]
        return [*switches, *cards, {"name": "take", "label": "取走", "group": "取走"}]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name in SWITCHES:
            self.on[name] = not self.on[name]
            if name == "off":
                self._power_ups += 1
                self.speed, self.rf_bytes = 115200, None
                self._field_was_empty()
        elif name == "take":
            self.take()
        elif name.startswith("lay:"):
            self.lay(CARDS[name.removeprefix("lay:")])
        else:
            raise KeyError(name)

    @property
    def lamp(self) -> str:
        """`off self_test_failed unauthorised working read failed ready`"""
        fault = next((name for name in ("off", "self_test_failed", "unauthorised") if self.on[name]), "")
        if fault:
            return fault
        if self._working:
            return "working"
        return "read" if self.was_read else "failed" if self.failed else "ready"

    def state(self) -> dict[str, Any]:
        return {
            "lamp": self.lamp,
            "card": self.card.key if self.card else None,
            "step": self.step,
            "speed": self.speed,
            "rf_bytes": self.rf_bytes,
            "sam_id": "{:02d}.{:02d}-{}-{:010d}-{:010d}".format(*self.sam_id),
            "connected": bool(self._wires),
            **self.on,
        }

    def picture(self) -> str:
        card = self.card
        return draw(self.lamp, card.title if card else "", card.name if card else "")


SIMULATOR = Reader
