"""ID-card readers (二代身份证阅读器) with the SAM_V module, also known as SDT: serial, 115200 8N1, or USB.

    us -> reader    AA AA AA 96 69 | length 2 | command | parameter | check
    reader -> us    AA AA AA 96 69 | length 2 | SW1 | SW2 | SW3 | data | check

    length counts what follows it, check is the xor of all between preamble and check, SW1 and SW2 are the card's

    11 FF   status          SW3 90
    20 01   find a card     SW3 9F, data 4       or 80, there is none
    20 02   select it       SW3 90, data 8       or 81
    30 01   read it         SW3 90, data 01 00 | 04 00 | text 256 | photo 1024       or 41

A card is read by find, select and read, in this order; whatever goes wrong, it begins again with find. A reply does not
say what it answers. After a reading some readers find the card again while it lies there, others only when it has left
the field. The photo is thrown away unread, and fingerprints (30 10) are never asked for.

Source: reader-module manuals (eastcoms 508, softs.im) and more than ten unrelated public implementations. Models
tested: none; not proven on hardware.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import ClassVar, Final

from drivers.base import (
    CardRead,
    CardUnread,
    Condition,
    Counters,
    Device,
    DeviceEvent,
    ProtocolError,
    Unreachable,
)
from drivers.idcard_text import SIZE, read_text

log = logging.getLogger(__name__)

# ---- codec

PREAMBLE: Final = bytes.fromhex("AA AA AA 96 69")
HEAD: Final = len(PREAMBLE) + 2
SHORTEST, LONGEST = 4, 0x0A00
"""Of the length: a bare status, and more than the longest reply there is, 090A (with two fingerprints)."""

OK, FOUND, NO_CARD = 0x90, 0x9F, 0x80
SAYS: Final = {
    0x10: "wrong checksum",
    0x11: "wrong length",
    0x21: "wrong command",
    0x24: "unknown error",
    0x31: "the card does not accept the reader",
    0x32: "the reader does not accept the card",
    0x33: "the card's data do not verify",
    0x40: "wrong kind of card",
    0x41: "reading failed",
    0x47: "no random number",
    0x60: "self-test failed",
    0x66: "not authorised",
    0x80: "no card",
    0x81: "selecting failed",
    0x90: "done",
    0x91: "no such content",
    0x9F: "card found",
}
"""SW3, for engineers."""
FAULTS: Final = (0x60, 0x66)
ABOUT_CARDS: Final = (0x31, 0x32, 0x33, 0x40, 0x41, 0x47, 0x80, 0x81, 0x91)


def request(command: int, parameter: int) -> bytes:
    body = bytes([0, 3, command, parameter])
    return PREAMBLE + body + bytes([reduce(xor, body)])


@dataclass(slots=True)
class Reply:
    code: int
    """SW3."""
    data: bytearray = field(default_factory=bytearray, repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    raw: bytes
    good: int
    """SW3 when it has been done."""
    sizes: range
    """How many bytes of data there may be then."""
    timeout_s: float = 5.0

    def answers(self, reply: Reply) -> bool:
        """Whether the reply may be to this: after a broken connection, that to the last question may still come."""
        if reply.code in (OK, FOUND):
            return reply.code == self.good and len(reply.data) in self.sizes
        return self is not STATUS or reply.code not in ABOUT_CARDS


# A status takes no time: whether anybody is there should be known before the silence is taken for peace.
STATUS: Final = Command(request(0x11, 0xFF), OK, range(64), timeout_s=3.0)
FIND: Final = Command(request(0x20, 0x01), FOUND, range(64))
SELECT: Final = Command(request(0x20, 0x02), OK, range(64))
READ: Final = Command(request(0x30, 0x01), OK, range(4 + SIZE, LONGEST))


def wipe(data: bytearray) -> None:
    data[:] = bytes(len(data))


class Decoder:
    """Finds replies between any bytes; keeps less than one, and overwrites what it lets go.

    A frame that turns out wrong gives up only its first byte: the next true one may have begun inside it.
    """

    def __init__(self, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        replies: list[Reply] = []
        self._buffer += data
        self._skip_noise()
        while (size := self._size()) is None or size <= len(self._buffer):
            if size is not None and self._sound(size):
                replies.append(Reply(self._buffer[HEAD + 2], self._buffer[HEAD + 3 : size - 1]))
                self._drop(size)
                self.counters.frames_in += 1
            else:
                self._drop(1)
                self.counters.bad_frames += 1
                self.counters.garbage += 1
            self._skip_noise()
        return replies

    def forget(self) -> None:
        """Drops a frame that has begun."""
        self.counters.garbage += len(self._buffer)
        self._drop(len(self._buffer))

    def _size(self) -> int | None:
        """How many bytes the frame at the front needs, as far as is known yet; None when it is no frame."""
        if len(self._buffer) < HEAD:
            return HEAD
        length = int.from_bytes(self._buffer[len(PREAMBLE) : HEAD], "big")
        return HEAD + length if SHORTEST <= length <= LONGEST else None

    def _sound(self, size: int) -> bool:
        with memoryview(self._buffer)[len(PREAMBLE) : size] as body:  # not a copy that nobody overwrites
            return reduce(xor, body) == 0

    def _skip_noise(self) -> None:
        """Brings a preamble to the front, or what may become one."""
        at = self._buffer.find(PREAMBLE)
        if at < 0:
            tails = range(min(len(PREAMBLE) - 1, len(self._buffer)), 0, -1)
            kept = next((size for size in tails if self._buffer.endswith(PREAMBLE[:size])), 0)
            at = len(self._buffer) - kept
        self.counters.garbage += at
        self._drop(at)

    def _drop(self, size: int) -> None:
        self._buffer[:size] = bytes(size)
        del self._buffer[:size]


# ---- device

FIND_S: Final = 1.0
AGAIN_S: Final = 0.4
"""Before a second try; users of these modules advise more than 0.3 s between two looks for a card."""
STATUS_S: Final = 3.0
TRIES: Final = 3
"""So often a card is tried before it is told as unreadable, and a reader before it is told as faulty."""
GONE: Final = 2
"""Looks in a row that find no card: one that was read may hide from the next look and show itself to the one after."""
BABBLE: Final = 16384
"""More bytes than this in one exchange are no reader: a wrong baud rate, another kind of device."""


@dataclass(slots=True)
class IdCardReader(Device):
    """One reader; its address is 0. A card that lies there when the link opens counts as just laid on.

    The condition is `reader_fault`: the module's self-test failed, it is not authorised, or it refuses to work.
    """

    TELLS: ClassVar[tuple[type, ...]] = (CardRead, CardUnread)

    ignored: int = field(default=0, init=False)
    """Sound replies that answer nothing that was asked."""
    _decoder: Decoder = field(init=False)
    _status_due: float = field(default=0.0, init=False)
    _wrong: int = field(default=0, init=False)
    """How often in a row the reader refused to work."""
    _told: bool = field(default=False, init=False)
    """Of the card that lies there."""
    _failed: int = field(default=0, init=False)
    """Tries to read the card that lies there."""
    _missed: int = field(default=0, init=False)
    """Looks in a row that found no card."""

    def __post_init__(self) -> None:
        self._decoder = Decoder(self.counters)

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Each card once for each time that it is laid on, read or not.

        Raises `Unreachable` when a command is not answered in its time, `ProtocolError` when it is with nonsense.
        """
        faulty = False
        while True:
            command, reply = await self._look()
            event = self._news(command, reply)
            if self._is_faulty(command, reply.code) != faulty:
                faulty = not faulty
                log.warning("the reader's fault %s: %s", "begins" if faulty else "is over", _says(reply.code))
                yield Condition("reader_fault", faulty)
            if event is not None:
                yield event
            unsure = 0 < self._missed < GONE if self._told else self._failed > 0
            await asyncio.sleep(AGAIN_S if unsure else FIND_S)

    async def _look(self) -> tuple[Command, Reply]:
        """The last command of the cycle and its reply: the first that was not good, or that to the last of them."""
        commands = [FIND] if self._told else [FIND, SELECT, READ]
        now = asyncio.get_running_loop().time()
        if self._wrong or now >= self._status_due:
            self._status_due = now + STATUS_S
            commands.insert(0, STATUS)
        for command in commands:
            reply = await self._ask(command)
            if reply.code != command.good:
                break
        return command, reply

    def _is_faulty(self, command: Command, code: int) -> bool:
        if code in FAULTS:
            self._wrong = TRIES
        elif command is STATUS or (command is FIND and code not in (FOUND, NO_CARD)):
            self._wrong += 1
        else:
            self._wrong = 0
        return self._wrong >= TRIES

    def _news(self, command: Command, reply: Reply) -> CardRead | CardUnread | None:
        if command is FIND and reply.code == NO_CARD:
            return self._missing()
        if command in (SELECT, READ) or reply.code == FOUND:
            self._missed = 0
        if command is READ and reply.code == OK:
            self._told = True
            return _card(reply.data)
        if command in (SELECT, READ):
            self._failed += 1
            self._told = self._failed == TRIES
            return _unread(_says(reply.code)) if self._told else None
        return None

    def _missing(self) -> CardUnread | None:
        """A card that is taken away before it could be read is told, too."""
        self._missed += 1
        if self._missed < GONE:
            return None
        lost = self._failed > 0 and not self._told
        self._told, self._failed = False, 0
        return _unread("taken away") if lost else None

    async def _ask(self, command: Command) -> Reply:
        nonsense, done = self.counters.garbage, False
        try:
            async with asyncio.timeout(command.timeout_s):
                await self.send(command.raw)
                reply = await self._answer(command)
            done = True
            return reply
        except TimeoutError as error:
            nonsense = self.counters.garbage - nonsense
            if nonsense:
                raise ProtocolError(f"{nonsense} bytes of nonsense and no answer in {command.timeout_s:g} s") from error
            raise Unreachable(f"no answer in {command.timeout_s:g} s; {self.ignored} other replies so far") from error
        finally:
            self._decoder.forget()
            if not done:
                await self.hang_up()

    async def _answer(self, command: Command) -> Reply:
        enough = self.counters.bytes_in + BABBLE
        while self.counters.bytes_in < enough:
            replies = self._decoder.feed(await self.receive())
            answer = next(filter(command.answers, replies), None)
            for other in replies:
                if other is not answer:
                    self.ignored += 1
                    wipe(other.data)
            if answer is not None:
                return answer
        raise ProtocolError(f"{BABBLE} bytes and no answer")


def _card(data: bytearray) -> CardRead | CardUnread:
    try:
        # Another length of the text is another kind of document.
        known = int.from_bytes(data[:2], "big") == SIZE
        card = read_text(memoryview(data)[4 : 4 + SIZE]) if known else "unsupported_document"
    finally:
        wipe(data)
    return CardUnread(0, card) if isinstance(card, str) else CardRead(0, card)


def _unread(why: str) -> CardUnread:
    log.info("a card could not be read: %s", why)
    return CardUnread(0, "unreadable")


def _says(code: int) -> str:
    return SAYS.get(code, f"SW3 {code:02X}")


DEVICE = IdCardReader
