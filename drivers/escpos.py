"""ESC/POS ticket printers with Hanzi fonts, 58 and 80 mm, on TCP 9100, a serial line or USB.

A job is a stream without frames (escpos_job.py draws it), and so is what the printer answers. There each byte tells by
fixed bits what it belongs to:

    0xx1xx10              reply to DLE EOT n (10 04 n): acted on when received, not queued; n is not in the reply
    0xx1xx00 + 3 bytes    automatic status back (ASB), unasked; the three have bits 7 and 4 clear
    5F/35/37/3B/3D .. 00  block data
    0xx0xxxx              reply to GS r (1D 72 n): queued behind the print data, hence the end-of-job barrier
    37 22 d1 .. d4 00     of the block data: reply to GS ( H function 48, when the job that it names is on paper
    11 / 13               XON / XOFF of a serial line, also between the bytes of a longer message

While the printer is stopped (paper out, cover open) it answers DLE EOT only, and GS r when the fault is over.

Manual: Epson's public ESC/POS command descriptions (DLE EOT, GS a, GS r, GS I, GS ( H) and those of Chinese clones; USB
Device Class Definition for Printing Devices 1.1 (GET_PORT_STATUS). Models tested: none; not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

from drivers.base import (
    Condition,
    Counters,
    Device,
    Link,
    Misconfigured,
    PrintOutcome,
    ProtocolError,
    Rejected,
    Slip,
    Unreachable,
)
from drivers.escpos_job import PROFILE_OPTIONS, Job, Profile, encode, load_profile
from drivers.raster import fonts
from drivers.text import MISSING
from drivers.usb import UsbLink

log = logging.getLogger(__name__)

BARRIER: Final = b"\x1d\x72\x01"


def ask(n: int) -> bytes:
    """DLE EOT n: 1 printer, 2 cause of offline, 3 cause of error, 4 roll paper."""
    return bytes((0x10, 0x04, n))


# ---- what the printer says


@dataclass(frozen=True, slots=True)
class Message:
    kind: Literal["real_time", "asb", "in_order", "flow", "block"]
    """Reply to DLE EOT (to which n, only the asker knows), ASB, reply to GS r, XON or XOFF, block data."""
    raw: bytes


BLOCK_KINDS: Final = frozenset(b"\x5f\x35\x37\x3b\x3d")
MAX_BLOCK: Final = 128


class Decoder:
    """The status stream. Never raises: nonsense is counted in `counters`, and at most `MAX_BLOCK` bytes wait."""

    def __init__(self, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.part = bytearray()
        """A longer message that has begun: an ASB or a block."""

    def feed(self, data: bytes) -> list[Message]:
        messages = [message for byte in data if (message := self._take(byte))]
        self.counters.frames_in += len(messages)
        return messages

    def _take(self, byte: int) -> Message | None:
        if byte in b"\x11\x13":
            return Message("flow", bytes((byte,)))
        if not self.part:
            return self._begin(byte)
        in_block = self.part[0] in BLOCK_KINDS
        if (in_block and 0 < byte < 0x20 and byte != 0x1F) or (not in_block and byte & 0x90):
            return self._broken(byte)
        self.part.append(byte)
        if in_block and byte == 0:
            return self._end("block")
        if not in_block and len(self.part) == 4:
            return self._end("asb")
        return self._broken(byte) if len(self.part) > MAX_BLOCK else None

    def _begin(self, byte: int) -> Message | None:
        if byte & 0x93 == 0x12:
            return Message("real_time", bytes((byte,)))
        if byte & 0x93 == 0x10 or byte in BLOCK_KINDS:
            self.part.append(byte)
        elif byte & 0x90 == 0:
            return Message("in_order", bytes((byte,)))
        else:
            self.counters.garbage += 1
        return None

    def _end(self, kind: Literal["asb", "block"]) -> Message:
        raw = bytes(self.part)
        self.part.clear()
        return Message(kind, raw)

    def _broken(self, byte: int) -> Message | None:
        # What came so far is dropped, not judged again: the tail of an ASB looks like "printed" (GS r).
        self.counters.bad_frames += 1
        self.part.clear()
        return self._begin(byte)


OFFLINE_BITS: Final = (("offline", 0x08),)
COVER_BITS: Final = (("cover_open", 0x04), ("paper_out", 0x20))
ERROR_BITS: Final = (("cutter_error", 0x08), ("error", 0x20), ("head_hot", 0x40))
ROLL_BITS: Final = (("paper_low", 0x0C), ("paper_out", 0x60))
REAL_TIME: Final = {1: OFFLINE_BITS, 2: COVER_BITS, 3: ERROR_BITS, 4: ROLL_BITS}
PAPER_BITS: Final = (("paper_low", 0x03), ("paper_out", 0x0C))
ASB: Final = (*OFFLINE_BITS, ("cover_open", 0x20)), ERROR_BITS, PAPER_BITS
BLOCKING: Final = ("paper_out", "cover_open", "cutter_error", "error", "offline")
"""Conditions under which no job is begun, the cause before its consequence."""


def conditions(message: Message, n: int = 0) -> frozenset[str]:
    """What a real-time reply (to DLE EOT `n`), an ASB or an in-order reply says is wrong."""
    tables = {"real_time": (REAL_TIME.get(n, ()),), "asb": ASB, "in_order": (PAPER_BITS,)}.get(message.kind, ())
    pairs = zip(tables, message.raw, strict=False)  # the last byte of an ASB is reserved
    return frozenset(name for table, value in pairs for name, bits in table if value & bits)


# ---- the device

STALE_S: Final = 0.01
"""How long to listen, before asking, for what came unasked."""
QUIET_S: Final = 0.5
"""Longer than between two answers to commands that stand side by side in the printer's queue."""
BABBLE: Final = 4096
"""More bytes than this in one exchange are no printer: a wrong baud rate, another kind of device."""


@dataclass(slots=True)
class Escpos(Device):
    """A ticket printer. `profile` names a file of config/printers; what else `Profile` has may be given in its place.

    `font` is looked in before this machine's own for what the printer's font lacks. `timeout_s` is for a status poll;
    `job_timeout_s` for a job, besides the time that a slow printer takes.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "profile": str,
        **PROFILE_OPTIONS,
        "font": str,
        "poll_s": float,
        "timeout_s": float,
        "job_timeout_s": float,
    }

    profile: Profile = field(init=False)
    substituted: int = field(default=0, init=False)
    """Characters printed as 〓 since the device object was made."""
    _fonts: tuple[Path, ...] = field(init=False)
    _poll_s: float = field(init=False)
    _timeout_s: float = field(init=False)
    _job_timeout_s: float = field(init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _inbox: deque[Message] = field(default_factory=deque, init=False)
    _unasked: deque[frozenset[str]] = field(default_factory=lambda: deque(maxlen=8), init=False)
    """States told by ASB that `events()` has not passed on yet."""
    _budget: int = field(default=BABBLE, init=False)
    _settled: bool = field(default=False, init=False)
    """No answer to an earlier connection's barrier can come any more."""

    def __post_init__(self) -> None:
        if unknown := set(self.options) - set(self.OPTIONS):
            raise Misconfigured(f"escpos: unknown option {', '.join(sorted(unknown))}")
        self.profile = load_profile(self.options.get("profile", "generic80"), self.options)
        self._fonts = fonts(self.options.get("font", ""))
        self._poll_s = _seconds(self.options, "poll_s", 2.0)
        self._timeout_s = _seconds(self.options, "timeout_s", 3.0)
        self._job_timeout_s = _seconds(self.options, "job_timeout_s", 15.0)

    async def __aenter__(self) -> Self:
        self._decoder = Decoder(self.counters)
        self._inbox.clear()
        self._unasked.clear()
        self._settled = False
        return await Device.__aenter__(self)

    async def events(self) -> AsyncGenerator[Condition, None]:
        """What is wrong at first, then every change. Raises `Unreachable` when a poll is not answered in time."""
        told: frozenset[str] = frozenset()
        while True:
            async with self._lock:
                states = [await self._status()]
                states[:0] = self._unasked
                self._unasked.clear()
            for state in states:
                for name in sorted(state ^ told):
                    yield Condition(name, name in state)
                told = state
            await asyncio.sleep(self._poll_s)

    async def print(self, slip: Slip) -> PrintOutcome:
        """See `drivers.base.Printer`. `Rejected` reasons: those in `BLOCKING`, and `bad_slip`."""
        process_id = bytes(0x21 + byte % 0x5E for byte in os.urandom(4))
        job = encode(slip, self.profile, self._fonts, process_id)
        async with self._lock:
            state = await self._status()
            for name in BLOCKING:
                if name in state:
                    raise Rejected(name)
            await self._settle()
            if job.lacking:
                log.warning("%d characters are in no font and print as %s", job.lacking, MISSING)
                self.substituted += job.lacking
            try:
                return await self._run(job, process_id)
            except (Unreachable, ProtocolError):
                return "unknown"  # some of the job may be on paper

    async def _run(self, job: Job, process_id: bytes) -> PrintOutcome:
        self._inbox.clear()
        async with self._exchange(self._job_timeout_s + job.seconds):
            await self.send(job.data)
            if self._hears("gs_r"):
                return "unknown" if "paper_out" in conditions(await self._next("in_order")) else "printed"
            if self._hears("process_id"):
                while (await self._next("block")).raw != b"\x37\x22" + process_id + b"\0":
                    pass
                return "printed"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(job.seconds):
                    await self._hear_on()  # so that a line that drops is noticed
        stopped = (await self._status()).intersection(BLOCKING)
        return "printed" if self.profile.trust_blind and not stopped else "unknown"

    def _hears(self, barrier: str) -> bool:
        return self.profile.barrier == barrier and _can_read(self.link)

    async def _settle(self) -> None:
        """Before the first job of a connection, hears out what the printer still owes to earlier ones.

        A job that ended `unknown` may be stuck in the printer with its GS r, which is answered when paper is in again:
        to this connection, in the middle of its own job, and no reply says which GS r it is for. But replies keep their
        order. So one more GS r is sent while nothing else is: whatever is still owed stands right before it in the
        queue, with no printing between, and when its answer is followed by silence nothing is owed.
        """
        if self._settled or not self._hears("gs_r"):
            return
        self._inbox.clear()
        try:
            async with self._exchange(self._job_timeout_s + QUIET_S):
                await self.send(BARRIER)
                await self._next("in_order")
                while await self._another_within(QUIET_S):
                    pass
        except Unreachable as error:
            raise Unreachable(f"{error} to GS r; for a printer that does not know it, set barrier = none") from error
        self._settled = True

    async def _another_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next("in_order")
                return True
        return False

    async def _status(self) -> frozenset[str]:
        """Asks DLE EOT 1 to 4, one at a time, since the replies do not say what they answer.

        On USB the port's own status lines come first: a printer that is stopped answers nothing else there.
        """
        async with self._exchange(self._timeout_s):
            found = await _port_conditions(self.link)
            if found:
                return found
            await self._hear_stale()
            if self.profile.status == "none" or not _can_read(self.link):
                return found
            for n in (1, 2, 3, 4):
                self._inbox.clear()
                await self.send(ask(n))
                found |= conditions(await self._next("real_time"), n)
        return found

    async def _hear_stale(self) -> None:
        """What came unasked must not shift the answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALE_S):
                await self._hear_on()

    async def _hear_on(self) -> None:
        while True:
            await self._listen()

    @contextlib.asynccontextmanager
    async def _exchange(self, seconds: float) -> AsyncIterator[None]:
        """An exchange that does not end well closes the link: late replies answer the next question."""
        self._budget = BABBLE
        done = False
        try:
            async with asyncio.timeout(seconds):
                yield
            done = True
        except TimeoutError as error:
            raise Unreachable(f"no reply within {seconds:g} s") from error
        finally:
            if not done:
                await self.hang_up()

    async def _next(self, kind: str) -> Message:
        while True:
            while self._inbox:
                message = self._inbox.popleft()
                if message.kind == kind:
                    return message
            await self._listen()

    async def _listen(self) -> None:
        data = await self.receive()
        self._budget -= len(data)
        if self._budget < 0:
            raise ProtocolError(f"more than {BABBLE} bytes in one exchange")
        for message in self._decoder.feed(data):
            if message.kind == "asb":
                self._unasked.append(conditions(message))
            else:
                self._inbox.append(message)


def _can_read(link: Link) -> bool:
    return not isinstance(link, UsbLink) or link.can_read


async def _port_conditions(link: Link) -> frozenset[str]:
    status = await link.port_status() if isinstance(link, UsbLink) else None
    if status is None:
        return frozenset()
    if status.paper_empty:
        return frozenset({"paper_out"})
    lines = {"error": status.error, "offline": not status.selected}
    return frozenset(name for name, wrong in lines.items() if wrong)


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise Misconfigured(f"escpos: {name} is a number of seconds above 0, not {value!r}")
    return float(value)


DEVICE = Escpos
