"""LED-485 digit boards (数码管屏, the number above a window) and call buttons on Modbus, one unit or many on a line.

    RTU    unit | function | data | CRC-16/MODBUS 2 (low byte first)      9600 8N1, frames 3.5 characters apart
    TCP    transaction 2 | 00 00 | length 2 | unit | function | data      length counts from the unit on

    06     register 2 | value 2                    number             answered with the same
    10     register 2 | count 2 | bytes | data     text               answered with register and count
    02 05  buttons and buzzers, see modbus_inputs
    80 +   exception code                          the unit refuses

Registers: 0000 the number, int16; 0070 text, 12 bytes of ASCII filled with 00. The maker's older code has the number at
0088. Unit id and baud (0002 and 0003, or 0023) are for the engineer who mounts the board: never written here.

An adapter that returns our own bytes does not fit this line: the answer to 05 and 06 is an echo too.

Source: 安富莱 (armfly) LED-485-xxx, the maker's demo code bsp_rs485_led.c V1.0, whose comments quote the manual;
sman-dk/LED-485_setuptool for register 0000. The frames are Modbus Application Protocol V1.1b3, 6.6, 6.12 and 7. Not
proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from drivers.base import (
    Condition,
    Device,
    DeviceEvent,
    KeyPressed,
    Misconfigured,
    NumberDisplay,
    Rejected,
    Unreachable,
)
from drivers.modbus_frames import FRAMINGS, LAST_UNIT, REFUSED, WRITE, WRITE_MANY, Decoder, Reply, answers, rtu, tcp
from drivers.modbus_inputs import Contacts, inputs_of, levels, read_inputs, write_coil

# ---- codec: what a board is written

NUMBER, OLD_NUMBER, TEXT = 0x0000, 0x0088, 0x0070
TEXT_BYTES: Final = 12


def write_number(value: int, register: int = NUMBER) -> bytes:
    """The PDU that shows `value`, -32768 to 32767."""
    return struct.pack(">BHh", WRITE, register, value)


def write_text(text: str) -> bytes:
    """The PDU that shows up to 12 ASCII characters; the maker asks for all 12 bytes, always."""
    data = text.encode("ascii").ljust(TEXT_BYTES, b"\0")
    return struct.pack(">BHHB", WRITE_MANY, TEXT, len(data) // 2, len(data)) + data


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


NEVER: Final = ("illegal_function", "illegal_address", "illegal_value")
"""Reasons that stay until a person has changed the hall file."""

LOOK_S: Final = 0.05
"""Between two looks at the buttons of a unit; a line with many units takes longer. A press that is over before the next
look is missed: fingers press for 80 ms and longer."""
BEEP_S: Final = 0.3
MISSES: Final = 3
"""Looks in a row without an answer after which a unit is silent: a single one may be noise on the line."""

Job = tuple[str, int]
"""`show` a board again, `look` at buttons, `quiet` a buzzer; and the unit."""


@dataclass(slots=True)
class Modbus(Device):
    """A line with digit boards, buttons, or both. The capability is `NumberDisplay`; an address is a unit id.

    Address 0 is the only board of a line that has one. The boards cannot be read, so what each should show is written
    again every `poll_s`: that is the sign of life, and brings a board back that lost its power. On a shared line a
    unit that does not answer costs the line `timeout_s` each `poll_s`: the condition is `silent_<unit>`, the reason
    `silent`. `inputs` has what the buttons of each unit say, and then `units` is empty unless it is there too. A level
    that is found at the start is no press; one that stays is `stuck_key`, or `stuck_key_<unit>` where several have
    buttons.
    """

    TELLS: ClassVar[tuple[type, ...]] = (KeyPressed,)
    OPTIONS: ClassVar[Mapping[str, type]] = {
        "framing": str,
        "units": list,
        "digits": int,
        "register": int,
        "show_waiting": bool,
        "inputs": dict,
        "buzzer": int,
        "gap_ms": int,
        "timeout_s": float,
        "poll_s": float,
    }

    ignored: int = field(default=0, init=False)
    """Replies that were no answer to us: of other units, too late, or not the echo of what was written."""
    _units: list[int] = field(init=False)
    _capacity: int = field(init=False)
    _inputs: dict[int, tuple[str, ...]] = field(init=False)
    _contacts: dict[int, Contacts] = field(init=False)
    _due: dict[Job, float] = field(init=False)
    _decoder: Decoder = field(init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _wanted: dict[int, bytes] = field(default_factory=dict, init=False)
    """The PDU that brings each board to what it should show."""
    _missed: dict[int, int] = field(default_factory=dict, init=False)
    """How often in a row a unit did not answer."""
    _transaction: int = field(default=0, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        inputs = inputs_of(options)
        units = options.get("units", [] if inputs else [1])
        if address in units or (address == 0 and len(units) == 1):
            return None  # a board is a part of a call box, with or without buttons
        if address in inputs and capability is not NumberDisplay:
            return None
        return f"unit {address} is not among its options.units {units} or options.inputs {sorted(inputs)}"

    def __post_init__(self) -> None:
        self._inputs = inputs_of(self.options)
        self._units = list(self.options.get("units", [] if self._inputs else [1]))
        if not self._units and not self._inputs:
            raise Misconfigured("units and inputs are empty")
        if any(not isinstance(unit, int) or not 1 <= unit <= LAST_UNIT for unit in self._units):
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
        self._contacts = {unit: Contacts(len(words)) for unit, words in self._inputs.items()}
        buzzers = self._inputs if "buzzer" in self.options else {}
        jobs = [("look", self._inputs), ("show", self._units), ("quiet", buzzers)]
        self._due = {(kind, unit): 0.0 for kind, units in jobs for unit in units}

    async def show_number(self, address: int, ticket: int | None, waiting: int) -> None:
        """See `drivers.base.NumberDisplay`; a number wider than the board shows as its greatest one.

        `Rejected` reasons: those in `REASONS`, `refused` for other exceptions, and on a shared line `silent`. A unit
        that has only inputs shows nothing.
        """
        unit = self._unit(address)
        if unit not in self._units:
            return
        self._wanted[unit] = self._pdu(ticket, waiting)
        await self._command(unit, lambda: self._wanted[unit])

    async def beep(self, address: int) -> None:
        """Sounds the `buzzer` of a unit with inputs. Raises `Rejected("no_beeper")` where there is none."""
        if ("quiet", address) not in self._due:
            raise Rejected("no_beeper", f"unit {address}")
        await self._command(address, lambda: self._buzzer(on=True))
        self._due["quiet", address] = _now() + BEEP_S

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Presses, and what is the matter with which unit. Raises `Unreachable` when all of them are silent."""
        told: set[str] = set()
        self._due = dict.fromkeys(self._due, _now())
        while True:
            job = min(self._due, key=self._due.__getitem__)
            await asyncio.sleep(max(0.0, self._due[job] - _now()))
            began = _now()
            due, self._due[job] = self._due[job], math.inf
            presses = await self._turn(job)
            # What is late is not made up for: the others that wait are later still.
            self._due[job] = min(self._due[job], max(due + self._period(job), began))
            for press in presses:
                yield press
            silent = self._silent()
            if silent and silent >= self._wanted.keys() | self._inputs.keys():
                await self.hang_up()
                raise Unreachable("nobody on the line answers")
            now = {f"silent_{unit}" for unit in silent} | self._stuck()
            for name in sorted(now ^ told):
                yield Condition(name, name in now)
            told = now

    # ---- turns

    def _period(self, job: Job) -> float:
        if job[0] == "look" and job[1] not in self._silent():
            return LOOK_S
        return math.inf if job[0] == "quiet" else float(self.options.get("poll_s", 5.0))

    async def _turn(self, job: Job) -> list[KeyPressed]:
        kind, unit = job
        if kind == "look":
            return await self._look(unit)
        with contextlib.suppress(Rejected):
            if kind == "quiet":
                await self._quiet(unit)
            elif unit in self._wanted:
                await self._ask(unit, lambda: self._wanted[unit])
        return []

    async def _look(self, unit: int) -> list[KeyPressed]:
        words, contacts = self._inputs[unit], self._contacts[unit]
        try:
            reply = await self._ask(unit, lambda: read_inputs(len(words)))
        except Rejected as refusal:
            self._unless_never(refusal, f"{len(words)} inputs")
            if unit in self._silent():
                contacts.forget()
            return []
        pressed = contacts.look(levels(reply, len(words)), _now())
        return [KeyPressed(unit, words[nth]) for nth in pressed if words[nth]]

    async def _quiet(self, unit: int) -> None:
        """Also at the start: a line that was lost has left it sounding."""
        try:
            await self._command(unit, lambda: self._buzzer(on=False))
        except Rejected as refusal:
            self._unless_never(refusal, f"coil {self.options['buzzer']}")
            self._due["quiet", unit] = _now() + LOOK_S

    @staticmethod
    def _unless_never(refusal: Rejected, what: str) -> None:
        if refusal.reason in NEVER:
            raise Misconfigured(f"{refusal}: has it {what}?") from refusal

    # ---- exchanges

    async def _command(self, unit: int, request: Callable[[], bytes]) -> None:
        if unit in self._silent():
            raise Rejected("silent", f"unit {unit} has not answered the last poll")
        await self._ask(unit, request)

    async def _ask(self, unit: int, request: Callable[[], bytes]) -> bytes:
        """The PDU of the answer. Raises `Rejected` for a refusal and, where the link stays, for silence."""
        try:
            reply = await self._exchange(unit, request)
        except Unreachable as error:
            # The link went, or its only board is silent: then there is no link any more.
            if self._link is None:
                raise
            self._missed[unit] = self._missed.get(unit, 0) + 1
            raise Rejected("silent", str(error)) from error
        self._missed.pop(unit, None)
        if reply[0] & REFUSED:
            raise Rejected(REASONS.get(reply[1], "refused"), f"unit {unit}, exception {reply[1]}")
        return reply

    async def _exchange(self, unit: int, request: Callable[[], bytes]) -> bytes:
        """The PDU of the answer. A board that does not answer in time costs the link, unless there are others on it.

        There the link may stay: an answer that is late names its unit and says what it answers.
        """
        timeout, ignored = self._timeout_s, self.ignored
        async with self._lock:
            done = False
            try:
                async with asyncio.timeout(timeout):
                    await self._settle()
                    pdu = request()  # only now: a newer number may have come while this one waited
                    await self.send(self._frame(unit, pdu))
                    reply = await self._answer(unit, pdu)
                done = True
                return reply
            except TimeoutError as error:
                done = len(self._units) > 1 or bool(self._inputs)
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
        while True:
            for reply in await self._replies():
                if (reply.unit, reply.transaction) == (unit, self._transaction) and answers(pdu, reply.pdu):
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

    # ---- what it is made of

    def _silent(self) -> set[int]:
        return {unit for unit, missed in self._missed.items() if missed >= (MISSES if unit in self._inputs else 1)}

    def _stuck(self) -> set[str]:
        stuck = [unit for unit, contacts in self._contacts.items() if contacts.stuck(_now())]
        return {f"stuck_key_{unit}" if len(self._contacts) > 1 else "stuck_key" for unit in stuck}

    def _pdu(self, ticket: int | None, waiting: int) -> bytes:
        if ticket is None and not self.options.get("show_waiting", True):
            return write_text(" " * int(self.options.get("digits", 3)))
        value = waiting if ticket is None else ticket
        return write_number(min(max(value, 0), self._capacity), self._register)

    def _buzzer(self, *, on: bool) -> bytes:
        return write_coil(int(self.options["buzzer"]), on)

    def _unit(self, address: int) -> int:
        if address == 0 and len(self._units) == 1:
            return self._units[0]
        if address not in self._units and address not in self._inputs:
            raise Misconfigured(f"unit {address} is not one of units, {self._units}, nor of inputs")
        return address

    @property
    def _timeout_s(self) -> float:
        # While a silent unit is waited for, nobody looks at the buttons of the others.
        return float(self.options.get("timeout_s", 0.25 if self._inputs else 1.0))

    @property
    def _framing(self) -> str:
        return str(self.options.get("framing", "rtu"))

    @property
    def _register(self) -> int:
        return int(self.options.get("register", NUMBER))


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = Modbus
