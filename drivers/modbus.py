"""LED-485 digit boards (数码管屏, the number above a window) on Modbus, one board or a shared RS485 line.

    RTU    unit | function | data | CRC-16/MODBUS 2 (low byte first)      9600 8N1, frames 3.5 characters apart
    TCP    transaction 2 | 00 00 | length 2 | unit | function | data      length counts from the unit on

    06     register 2 | value 2                    number             answered with the same
    10     register 2 | count 2 | bytes | data     text               answered with register and count
    86 90  exception code                          the board refuses

Registers: 0000 the number, int16; 0070 text, 12 bytes of ASCII filled with 00. The maker's older code has the number at
0088. Unit id and baud (0002 and 0003, or 0023) are for the engineer who mounts the board: never written here.

An adapter that returns our own bytes does not fit this line: the answer to 06 is an echo too.

Source: 安富莱 (armfly) LED-485-xxx, the maker's demo code bsp_rs485_led.c V1.0, whose comments quote the manual;
sman-dk/LED-485_setuptool for register 0000. The frames are Modbus Application Protocol V1.1b3, 6.6, 6.12 and 7. Not
proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from drivers.base import Condition, Device, DeviceEvent, Misconfigured, Rejected, Unreachable

# ---- codec: requests

WRITE, WRITE_MANY, REFUSED = 0x06, 0x10, 0x80
NUMBER, OLD_NUMBER, TEXT = 0x0000, 0x0088, 0x0070
TEXT_BYTES: Final = 12
LAST_UNIT: Final = 247


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 8005 reflected, start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def write_number(value: int, register: int = NUMBER) -> bytes:
    """The PDU that shows `value`, -32768 to 32767."""
    return struct.pack(">BHh", WRITE, register, value)


def write_text(text: str) -> bytes:
    """The PDU that shows up to 12 ASCII characters; the maker asks for all 12 bytes, always."""
    data = text.encode("ascii").ljust(TEXT_BYTES, b"\0")
    return struct.pack(">BHHB", WRITE_MANY, TEXT, len(data) // 2, len(data)) + data


def rtu(unit: int, pdu: bytes) -> bytes:
    frame = bytes([unit]) + pdu
    return frame + crc16(frame).to_bytes(2, "little")


def tcp(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


# ---- codec: replies


@dataclass(frozen=True, slots=True)
class Reply:
    unit: int
    pdu: bytes
    transaction: int = 0
    """0 on RTU, which has none."""


WRITTEN_BYTES, REFUSED_BYTES = 5, 2
"""Of the PDU: every reply to 06 and 10 has one of these two lengths."""


def _fits(unit: int, pdu: bytes) -> bool:
    length = REFUSED_BYTES if pdu[0] & REFUSED else WRITTEN_BYTES
    return 1 <= unit <= LAST_UNIT and pdu[0] & ~REFUSED in (WRITE, WRITE_MANY) and len(pdu) == length


def _from_rtu(raw: bytes) -> Reply | None:
    unit, pdu = raw[0], raw[1:-2]
    sound = _fits(unit, pdu) and crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little")
    return Reply(unit, pdu) if sound else None


def _from_tcp(raw: bytes) -> Reply | None:
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", raw)
    pdu = raw[7:]
    sound = _fits(unit, pdu) and (protocol, length) == (0, len(pdu) + 1)
    return Reply(unit, pdu, transaction) if sound else None


FRAMINGS: Final = {"rtu": (_from_rtu, 3), "tcp": (_from_tcp, 7)}
"""How a reply is read, and how many bytes it has around its PDU."""


class Decoder:
    """Finds replies to 06 and 10 between any bytes.

    A frame has no first byte of its own, so a reply is known by its end: whenever the last bytes make a sound one, it
    is one, whatever came before. So noise never hides a reply, and at most one frame's length is kept.
    """

    def __init__(self, framing: str = "rtu") -> None:
        self.garbage = 0
        self.bad_frames = 0
        self._read, around = FRAMINGS[framing]
        self._sizes = (around + WRITTEN_BYTES, around + REFUSED_BYTES)
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        replies = []
        for byte in data:
            self._tail.append(byte)
            if reply := self._ended():
                replies.append(reply)
                self._tail.clear()
            elif len(self._tail) == self._sizes[0]:
                self.garbage += 1
                del self._tail[0]
        return replies

    def forget(self) -> None:
        """Silence ends a frame: what has begun will not be finished."""
        self.bad_frames += bool(self._tail)
        self._tail.clear()

    def _ended(self) -> Reply | None:
        for size in self._sizes:
            if len(self._tail) >= size and (reply := self._read(bytes(self._tail[-size:]))):
                self.garbage += len(self._tail) - size
                return reply
        return None


# ---- device

REASONS: Final = {
    0x01: "illegal_function",
    0x02: "illegal_address",
    0x03: "illegal_value",
    0x04: "device_failure",
    0x05: "accepted_only",
    0x06: "busy",
    0x08: "memory_error",
}
NOBODY: Final = (0x0A, 0x0B)
"""Exceptions of a gateway, not of the board: it has no way to the unit, or the unit did not answer it."""


@dataclass(slots=True)
class Modbus(Device):
    """A line with one or more digit boards. The capability is `NumberDisplay`; an address is a unit id.

    Address 0 is the only board of a line that has one. The boards cannot be read, so what each should show is written
    again every `poll_s`: that is the sign of life, and brings a board back that lost its power. On a shared line a
    board that does not answer costs the line nothing: the condition is `silent_<unit>`, the reason `silent`.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "framing": str,
        "units": list,
        "digits": int,
        "register": int,
        "show_waiting": bool,
        "gap_ms": int,
        "timeout_s": float,
        "poll_s": float,
    }

    ignored: int = field(default=0, init=False)
    """Replies that were no answer to us: of other units, too late, or not the echo of what was written."""
    _units: list[int] = field(init=False)
    _capacity: int = field(init=False)
    _decoder: Decoder = field(init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _wanted: dict[int, bytes] = field(default_factory=dict, init=False)
    """The PDU that brings each board to what it should show."""
    _silent: set[int] = field(default_factory=set, init=False)
    _transaction: int = field(default=0, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        units = options.get("units", [1])
        known = address in units or (address == 0 and len(units) == 1)
        return None if known else f"unit {address} is not among its options.units {units}"

    def __post_init__(self) -> None:
        self._units = list(self.options.get("units", [1]))
        if not self._units or any(not isinstance(unit, int) or not 1 <= unit <= LAST_UNIT for unit in self._units):
            raise Misconfigured(f"units is a list of unit ids, 1 to {LAST_UNIT}")
        if self._framing not in FRAMINGS:
            raise Misconfigured(f"framing is one of {', '.join(FRAMINGS)}")
        digits = int(self.options.get("digits", 3))
        if not 1 <= digits <= 6:
            raise Misconfigured("digits is 1 to 6")
        if self._register not in (NUMBER, OLD_NUMBER):
            raise Misconfigured(f"register is {NUMBER} or {OLD_NUMBER}")
        self._capacity = min(10**digits - 1, 0x7FFF)
        self._decoder = Decoder(self._framing)

    async def show_number(self, address: int, ticket: int | None, waiting: int) -> None:
        """See `drivers.base.NumberDisplay`; a number wider than the board shows as its greatest one.

        `Rejected` reasons: those in `REASONS`, `refused` for other exceptions, and on a shared line `silent`.
        """
        unit = self._unit(address)
        self._wanted[unit] = self._pdu(ticket, waiting)
        if unit in self._silent:
            raise Rejected("silent", f"unit {unit} has not answered the last poll")
        await self._write(unit)

    async def beep(self, address: int) -> None:
        """The boards have no beeper. Raises `Rejected("no_beeper")`."""
        raise Rejected("no_beeper", f"unit {address}")

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Which boards of a shared line fall silent and come back. Raises `Unreachable` when none answers."""
        told: set[int] = set()
        while True:
            for unit in filter(self._wanted.__contains__, self._units):
                with contextlib.suppress(Rejected):
                    await self._write(unit)
            if self._silent and self._silent >= self._wanted.keys():
                await self.hang_up()
                raise Unreachable("no board of the line answers")
            now = set(self._silent)
            for unit in sorted(now ^ told):
                yield Condition(f"silent_{unit}", unit in now)
            told = now
            await asyncio.sleep(self.options.get("poll_s", 5.0))

    async def _write(self, unit: int) -> None:
        """Brings one board to what it should show."""
        try:
            reply = await self._exchange(unit)
        except Unreachable as error:
            # The link went, or its only board is silent: then there is no link any more.
            if self._link is None:
                raise
            self._silent.add(unit)
            raise Rejected("silent", str(error)) from error
        self._silent.discard(unit)
        if reply[0] & REFUSED:
            raise Rejected(REASONS.get(reply[1], "refused"), f"unit {unit}, exception {reply[1]}")

    async def _exchange(self, unit: int) -> bytes:
        """The PDU of the answer. A board that does not answer in time costs the link, unless there are others on it.

        There the link may stay: an answer that is late names its unit and says what it answers.
        """
        timeout, ignored = self.options.get("timeout_s", 1.0), self.ignored
        async with self._lock:
            done = False
            try:
                async with asyncio.timeout(timeout):
                    await self._settle()
                    pdu = self._wanted[unit]  # only now: a newer number may have come while this one waited
                    await self.send(self._frame(unit, pdu))
                    reply = await self._answer(unit, pdu)
                done = True
                return reply
            except TimeoutError as error:
                done = len(self._units) > 1
                others = self.ignored - ignored
                raise Unreachable(f"unit {unit} did not answer in {timeout:g} s; {others} other replies") from error
            finally:
                if not done:
                    await self.hang_up()

    async def _settle(self) -> None:
        """Waits for silence: it parts the frames, and what comes before it answers nothing that is to be asked."""
        gap = self.options.get("gap_ms", 5) / 1000
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(gap):
                    self.ignored += len(await self._replies())
        self._decoder.forget()

    async def _answer(self, unit: int, pdu: bytes) -> bytes:
        refusal = bytes([pdu[0] | REFUSED])
        while True:
            for reply in await self._replies():
                ours = (reply.unit, reply.transaction) == (unit, self._transaction)
                if ours and (reply.pdu == pdu[:WRITTEN_BYTES] or reply.pdu.startswith(refusal)):
                    return self._unless_nobody(reply.pdu)
                self.ignored += 1

    @staticmethod
    def _unless_nobody(pdu: bytes) -> bytes:
        if pdu[0] & REFUSED and pdu[1] in NOBODY:
            raise TimeoutError("so says the gateway")
        return pdu

    async def _replies(self) -> list[Reply]:
        replies = self._decoder.feed(await self.receive())
        self.counters.frames_in += len(replies)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames
        return replies

    def _frame(self, unit: int, pdu: bytes) -> bytes:
        if self._framing == "rtu":
            return rtu(unit, pdu)
        self._transaction = self._transaction % 0xFFFF + 1
        return tcp(self._transaction, unit, pdu)

    def _pdu(self, ticket: int | None, waiting: int) -> bytes:
        if ticket is None and not self.options.get("show_waiting", True):
            return write_text(" " * int(self.options.get("digits", 3)))
        value = waiting if ticket is None else ticket
        return write_number(min(max(value, 0), self._capacity), self._register)

    def _unit(self, address: int) -> int:
        if address == 0 and len(self._units) == 1:
            return self._units[0]
        if address not in self._units:
            raise Misconfigured(f"unit {address} is not one of units, {self._units}")
        return address

    @property
    def _framing(self) -> str:
        return str(self.options.get("framing", "rtu"))

    @property
    def _register(self) -> int:
        return int(self.options.get("register", NUMBER))


DEVICE = Modbus
