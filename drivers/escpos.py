"""ESC/POS ticket printers with Hanzi fonts, 58 and 80 mm, on TCP 9100 or a serial line.

A job is a stream without frames; commands begin with ESC (1B), FS (1C), GS (1D) or DLE (10):

    1B 40  1C 26  1B 61 a  1D 21 s  1B 45 b  GBK text  0A ...  1B 64 03  1D 56 42 00  1D 72 01
    init   Hanzi  align    size     bold                       feed      cut          barrier

The printer answers in a stream without frames too; each byte tells by fixed bits what it belongs to:

    0xx1xx10              reply to DLE EOT n (10 04 n): acted on when received, not queued; n is not in the reply
    0xx1xx00 + 3 bytes    automatic status back (ASB), unasked; the three have bits 7 and 4 clear
    5F/35/37/3B/3D .. 00  block data
    0xx0xxxx              reply to GS r (1D 72 n): queued behind the print data, hence the end-of-job barrier
    11 / 13               XON / XOFF of a serial line, also between the bytes of a longer message

While the printer is stopped (paper out, cover open) it answers DLE EOT only, and GS r when the fault is over.

Manual: Epson's public ESC/POS command descriptions (DLE EOT, GS a, GS r, GS ( k, GS V, ESC a, FS &) and those of
Chinese clones. Models tested: none; not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, Self

from drivers.base import (
    Condition,
    Counters,
    Device,
    Misconfigured,
    PrintOutcome,
    ProtocolError,
    Qr,
    Rejected,
    Rule,
    Slip,
    Text,
    Unreachable,
)
from drivers.text import MISSING, printable, wrap

log = logging.getLogger(__name__)

# ---- a slip as bytes

INIT: Final = b"\x1b\x40\x1c\x26"  # ESC @ puts Hanzi mode back to the model's default, so FS & follows it always
CUT: Final = b"\x1b\x64\x03\x1d\x56\x42\x00"  # clones cut where the paper stands: feed three lines first
BARRIER: Final = b"\x1d\x72\x01"
ALIGN: Final = {"left": 0, "center": 1, "right": 2}
MAX_JOB: Final = 16384

# Bytes that fit at error level M in versions 1 to 20 (ISO/IEC 18004); a version has 17 + 4v modules and a margin of 8.
QR_M: Final = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666)


def ask(n: int) -> bytes:
    """DLE EOT n: 1 printer, 2 cause of offline, 3 cause of error, 4 roll paper."""
    return bytes((0x10, 0x04, n))


def encode(slip: Slip, columns: int) -> bytes:
    """The whole job for paper of `columns` columns (32 or 48), with cut and barrier.

    Raises `Rejected("bad_slip")` when a part cannot be printed, or the job is longer than `MAX_JOB` bytes.
    """
    job = INIT + b"".join(_part(part, columns) for part in slip.parts) + CUT + BARRIER
    if len(job) > MAX_JOB:
        raise Rejected("bad_slip", f"{len(job)} bytes")
    return job


def missing(slip: Slip) -> int:
    """How many characters of the slip the font lacks."""
    return sum(printable(part.text)[1] for part in slip.parts if isinstance(part, Text))


def _part(part: Text | Qr | Rule, columns: int) -> bytes:
    if isinstance(part, Rule):
        return _style("left", 1, False) + b"-" * columns + b"\n"
    if isinstance(part, Qr):
        return _style("center", 1, False) + _qr(part, columns * 12)
    if not 1 <= part.size <= 4 or part.align not in ALIGN:
        raise Rejected("bad_slip", f"text of size {part.size}, {part.align}")
    lines, _ = printable(part.text)
    rows = [row for line in lines for row in wrap(line, columns // part.size)]
    return _style(part.align, part.size, part.bold) + b"".join(row.encode("gbk") + b"\n" for row in rows)


def _style(align: str, size: int, bold: bool) -> bytes:
    # GS ! sizes ASCII and Hanzi alike; ESC ! leaves Hanzi alone on some clones.
    return bytes((0x1B, 0x61, ALIGN[align], 0x1D, 0x21, (size - 1) * 0x11, 0x1B, 0x45, bold))


def _qr(part: Qr, dots: int) -> bytes:
    """GS ( k: model, size, level, store, print. A symbol wider than the paper is not printed: modules shrink to fit."""
    data = part.data.encode("utf-8", "replace")
    version = next((v for v, room in enumerate(QR_M, 1) if len(data) <= room), 0)
    # Control characters are refused: 10 04 n would be acted on in the middle of the data.
    if not version or not data or not part.data.isprintable() or not 1 <= part.module <= 16:
        raise Rejected("bad_slip", f"QR code of {len(data)} bytes, {part.module} dots a module")
    module = min(part.module, dots // (17 + 4 * version + 8))
    commands = (b"1A2\0", bytes((0x31, 0x43, module)), b"1E1", b"1P0" + data, b"1Q0")
    return b"".join(b"\x1d\x28\x6b" + len(body).to_bytes(2, "little") + body for body in commands)


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
BABBLE: Final = 4096
"""More bytes than this in one exchange are no printer: a wrong baud rate, another kind of device."""


@dataclass(slots=True)
class Escpos(Device):
    """A ticket printer. `paper_mm` is 58 or 80; `timeout_s` is for a status poll, `job_timeout_s` for the whole job."""

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "paper_mm": int,
        "poll_s": float,
        "timeout_s": float,
        "job_timeout_s": float,
    }

    columns: int = field(init=False)
    substituted: int = field(default=0, init=False)
    """Characters printed as 〓 since the device object was made."""
    _poll_s: float = field(init=False)
    _timeout_s: float = field(init=False)
    _job_timeout_s: float = field(init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _inbox: deque[Message] = field(default_factory=deque, init=False)
    _unasked: deque[frozenset[str]] = field(default_factory=lambda: deque(maxlen=8), init=False)
    """States told by ASB that `events()` has not passed on yet."""
    _budget: int = field(default=BABBLE, init=False)

    def __post_init__(self) -> None:
        if unknown := set(self.options) - set(self.OPTIONS):
            raise Misconfigured(f"escpos: unknown option {', '.join(sorted(unknown))}")
        paper = self.options.get("paper_mm", 80)
        if paper not in (58, 80):
            raise Misconfigured(f"escpos: paper_mm is 58 or 80, not {paper!r}")
        self.columns = 32 if paper == 58 else 48
        self._poll_s = _seconds(self.options, "poll_s", 2.0)
        self._timeout_s = _seconds(self.options, "timeout_s", 3.0)
        self._job_timeout_s = _seconds(self.options, "job_timeout_s", 15.0)

    async def __aenter__(self) -> Self:
        self._decoder = Decoder(self.counters)
        self._inbox.clear()
        self._unasked.clear()
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
        job = encode(slip, self.columns)
        async with self._lock:
            state = await self._status()
            for name in BLOCKING:
                if name in state:
                    raise Rejected(name)
            if lacking := missing(slip):
                log.warning("%d characters are not in the printer's font and print as %s", lacking, MISSING)
                self.substituted += lacking
            return await self._run(job)

    async def _run(self, job: bytes) -> PrintOutcome:
        self._inbox.clear()
        try:
            async with self._exchange(self._job_timeout_s):
                await self.send(job)
                reply = await self._next("in_order")
        except (Unreachable, ProtocolError):
            return "unknown"  # some of the job may be on paper
        return "unknown" if "paper_out" in conditions(reply) else "printed"

    async def _status(self) -> frozenset[str]:
        """Asks DLE EOT 1 to 4, one at a time, since the replies do not say what they answer."""
        found: frozenset[str] = frozenset()
        async with self._exchange(self._timeout_s):
            await self._hear_stale()
            for n in (1, 2, 3, 4):
                self._inbox.clear()
                await self.send(ask(n))
                found |= conditions(await self._next("real_time"), n)
        return found

    async def _hear_stale(self) -> None:
        """What came unasked must not shift the answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALE_S):
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


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise Misconfigured(f"escpos: {name} is a number of seconds above 0, not {value!r}")
    return float(value)


DEVICE = Escpos
