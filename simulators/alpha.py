"""Alpha / BetaBrite LED signs, which know no Chinese, on one line. Not proven on hardware.

    00 x 5 or more | SOH 01 | type 1 | address 2 | { STX 02 | command, data [ | ETX 03 | sum 4 ] } ... | EOT 04

The sum is that of STX to ETX in 16 bits, as upper-case hex; it may be left out. `alpha_sign` has the commands. A sign
says something only when it is read, or when it was told to acknowledge: 06 or 15 and a status byte for each packet.
Source: the sign maker's protocol document 9708-8061, and frames of public clients. Where it says nothing: the packet
that turns acknowledging on is not acknowledged itself, and a packet that stops for 1 s is forgotten (status bit 2).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators import pixels
from simulators.alpha_sign import ALWAYS, CHECKSUM, ILLEGAL, OVERFLOW, PRIORITY, TIMEOUT, Refused, Sign
from simulators.alpha_text import WIDE, panel
from simulators.gap import heard
from simulators.port import Gone, Wire

NUL, SOH, STX, ETX, EOT = range(5)
WAKE_UP = 5  # NULs
ACK, NAK = 0x06, 0x15
LONGEST = 4096  # bytes of a packet
PATIENCE = 1.0  # seconds
EVERY_TYPE = b"Z?"
ADDRESS = re.compile(rb"[0-9A-F?]{2}")
BLOCK = re.compile(rb"\x02([^\x02\x03\x04]*)(?:\x03([^\x02\x04]*))?")

# ---- framing


@dataclass(slots=True)
class Packet:
    type: bytes
    address: bytes
    body: bytes
    """From the first STX up to EOT, both not included."""
    broken: int = 0
    """Status bits: it was too long, or stopped half way."""


class Deframer:
    def __init__(self, mask: int) -> None:
        self._mask = mask
        self._nuls = 0
        self._packet: bytearray | None = None

    def forget(self) -> Packet | None:
        """The half packet that stopped, if one had begun with its address."""
        half, self._packet, self._nuls = self._packet, None, 0
        return _packet(half, TIMEOUT) if half is not None and len(half) >= 3 else None

    def feed(self, data: bytes) -> list[Packet]:
        found = []
        for byte in data:
            packet = self._take(byte & self._mask)
            if packet is not None:
                found.append(packet)
        return found

    def _take(self, byte: int) -> Packet | None:
        woken = self._nuls >= WAKE_UP
        self._nuls = self._nuls + 1 if byte == NUL else 0
        if byte == SOH:
            self._packet = bytearray() if woken else None
        elif self._packet is not None and byte == EOT:
            done, self._packet = self._packet, None
            return _packet(done, 0)
        elif self._packet is not None and byte != NUL:
            self._packet.append(byte)
            if len(self._packet) > LONGEST:
                done, self._packet = self._packet, None
                return _packet(done, OVERFLOW)
        return None


def _packet(raw: bytearray, broken: int) -> Packet:
    return Packet(bytes(raw[:1]), bytes(raw[1:3]), bytes(raw[3:]), broken)


def blocks(body: bytes) -> list[bytes | None]:
    """Command and data of each block; None for one whose sum is wrong. Raises `Refused` when they do not fill it."""
    found: list[bytes | None] = []
    at = 0
    while at < len(body) or not found:
        block = BLOCK.match(body, at)
        if block is None or not block[1]:
            raise Refused(ILLEGAL)
        right = not block[2] or block[2] == f"{total(block[1]):04X}".encode()
        found.append(block[1] if right else None)
        at = block.end()
    return found


def total(inside: bytes) -> int:
    """The sum of a block, from what stands between its STX and ETX."""
    return (STX + sum(inside) + ETX) & 0xFFFF


def answer(inside: bytes) -> bytes:
    """What a sign says when it is read."""
    return bytes(20) + b"\x01000\x02" + inside + b"\x03" + f"{total(inside):04X}".encode() + b"\x04"


# ---- the line


@dataclass(slots=True)
class Shown:
    """What a sign shows from `at` (loop time, seconds) on; also noted when the same is written anew."""

    at: float
    address: int
    text: str


@dataclass(slots=True)
class Heard:
    """What came of one packet at one sign."""

    answers: list[bytes] = field(default_factory=list)
    bits: int = 0


class Alpha:
    """Signs on one line.

    Options: `addresses` (default [1]), `type` (type code, default "^", BetaBrite), `width` in dots (default 128),
    `bits` (7, default: the eighth is lost as on a 7E1 line; or 8), `ack` (true: they acknowledge from the start).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.width = int(options.get("width", 128))
        self._types = EVERY_TYPE + str(options.get("type", "^")).encode()
        self._mask = 0x7F if int(options.get("bits", 7)) == 7 else 0xFF
        ack, columns = bool(options.get("ack", False)), self.width // WIDE
        self.signs = {int(each): Sign(int(each), columns, ack) for each in options.get("addresses") or [1]}
        self.history: deque[Shown] = deque(maxlen=500)
        self.unplugged = self.refusing = False

    @property
    def shown(self) -> dict[int, str]:
        """Address -> all that can be read on the sign, page by page."""
        now = _now()
        return {address: sign.text(now) for address, sign in self.signs.items()}

    async def talk(self, wire: Wire) -> None:
        deframer = Deframer(self._mask)
        with contextlib.suppress(Gone):
            async with contextlib.aclosing(heard(wire, PATIENCE)) as pieces:
                async for data in pieces:
                    await self._hear(wire, deframer, data)

    async def _hear(self, wire: Wire, deframer: Deframer, data: bytes) -> None:
        if self.unplugged:
            deframer.forget()
        elif data:
            packets = deframer.feed(data)
            for said in filter(None, map(self.receive, packets)):
                await wire.write(said)
        elif (half := deframer.forget()) and (late := self.receive(half)):
            await wire.write(late)

    def receive(self, packet: Packet) -> bytes | None:
        """What the line says: nothing when no sign is meant, or when several would speak at once."""
        now = _now()
        signs = [sign for sign in self.signs.values() if self._meant(packet, sign) and now >= sign.dark_until]
        said = [self._obey(sign, packet, now) for sign in signs]
        return said[0] if len(said) == 1 else None

    def _meant(self, packet: Packet, sign: Sign) -> bool:
        if packet.type not in [bytes([each]) for each in self._types] or not ADDRESS.fullmatch(packet.address):
            return False
        own = f"{sign.address:02X}".encode()
        same = all(theirs in (mine, ord("?")) for theirs, mine in zip(packet.address, own, strict=True))
        return packet.address == b"00" or same

    def _obey(self, sign: Sign, packet: Packet, now: float) -> bytes:
        acknowledges, before = sign.ack, sign.text(now)
        result = self._run(sign, packet, now)
        sign.errors |= result.bits
        written = re.search(rb"\x02[AG]", packet.body) is not None
        if (text := sign.text(now)) != before or (written and text and not result.bits):
            self.history.append(Shown(now, sign.address, text))
        status = bytes([NAK if result.bits else ACK, ALWAYS | result.bits]) if acknowledges else b""
        return b"".join(result.answers) + status

    def _run(self, sign: Sign, packet: Packet, now: float) -> Heard:
        result = Heard(bits=packet.broken or (ILLEGAL if self.refusing else 0))
        if result.bits:
            return result
        try:
            for block in blocks(packet.body):
                self._run_block(sign, block, now, result)
        except Refused as refused:
            result.bits |= refused.bits
        return result

    def _run_block(self, sign: Sign, block: bytes | None, now: float, result: Heard) -> None:
        """A wrong block does not keep those after it from being obeyed."""
        if block is None:
            result.bits |= CHECKSUM
            return
        try:
            said = sign.obey(block, now)
        except Refused as refused:
            result.bits |= refused.bits
        else:
            result.answers += [answer(said)] if said else []

    # ---- what a person does and sees

    def power_cycle(self) -> None:
        for sign in self.signs.values():
            sign.power_up(_now())

    def lose_memory(self) -> None:
        """The battery is flat: no file is allocated any more."""
        for address, sign in self.signs.items():
            self.signs[address] = Sign(address, sign.columns, sign.ack)

    def controls(self) -> list[dict[str, Any]]:
        return [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "lose_memory", "label": "电池没电"},
            {"name": "refuse", "label": "一律拒绝", "on": self.refusing},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name == "power_cycle":
            self.power_cycle()
        elif name == "lose_memory":
            self.lose_memory()
        elif name == "refuse":
            self.refusing = not self.refusing
        elif name == "unplug":
            self.unplugged = not self.unplugged
        else:
            raise KeyError(name)

    def state(self) -> dict[str, Any]:
        now = _now()
        return {
            "signs": {
                f"{sign.address:02X}": {
                    "text": sign.text(now),
                    "priority": bool(sign.priority),
                    "files": {label: file.size for label, file in sign.files.items()},
                    "order": sign.order,
                    "ack": sign.ack,
                    "errors": f"{sign.errors:02X}",
                    "dark": now < sign.dark_until,
                }
                for sign in self.signs.values()
            },
            "font": pixels.font_name(),
            "refusing": self.refusing,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        now = _now()
        turns = [(sign, *sign.page(now)) for sign in self.signs.values()]
        panels = [(_caption(sign, label), panel(page, self.width)) for sign, label, page in turns]
        return pixels.svg(panels, "\n".join("".join(glyph.char for glyph in page) for _, _, page in turns))

    def png(self) -> bytes:
        now = _now()
        return pixels.png([panel(sign.page(now)[1], self.width) for sign in self.signs.values()])


def _caption(sign: Sign, label: str) -> str:
    what = {"": "", PRIORITY: " 优先"}.get(label, f" 文件 {label}")
    return f"{sign.address} 号屏{what}"


def _now() -> float:
    return asyncio.get_running_loop().time()


SIMULATOR = Alpha
