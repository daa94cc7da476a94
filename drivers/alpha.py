"""Alpha and BetaBrite LED signs (Adaptive), M protocol: text in Latin letters only, Chinese cannot be shown.

    NUL x5 or more | SOH | type | address 2 | STX command data [ETX checksum 4] ... | EOT
    00 .. 00         01    5A     30 33       02 41 30 ...      03 "02C3"             04       to sign 03

The address is hexadecimal ASCII, "00" is every sign; type Z is every model. The checksum is the sum of STX to ETX,
16 bits, in hexadecimal ASCII. The commands used here:

    A 0 ESC 20 62 text    priority file 0: hides the sign's own messages; 20 is the middle line, 62 holds the text still
    A 0                   nothing more: releases it, the sign's own messages come back
    F "                   general information, answered with type 0, address 00 and command E (not F)

A write is not answered, and one that comes too soon after another is lost without a word. A line is 9600 7E1 (some
models 8N1), or TCP through a bridge.

Manual: Alpha Sign Communications Protocol, Adaptive document 9708-8061 rev F; readerboard's notes tell what a BetaBrite
Classic was seen to do. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from drivers.base import Device, DeviceEvent, Misconfigured, ProtocolError, Unreachable

# ---- codec: the frame

SOH, STX, ETX, EOT = 0x01, 0x02, 0x03, 0x04
WAKE_UP: Final = bytes(5)
MAX_BODY = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    type: str
    """Z all signs, 0 an answer."""
    address: str
    blocks: tuple[bytes, ...]
    """Command letter and data of each."""


def checksum(block: bytes) -> bytes:
    return b"%04X" % ((STX + sum(block) + ETX) & 0xFFFF)


def packet(address: int, block: bytes) -> bytes:
    """One command for the sign with that address, 0 for all of them."""
    head = WAKE_UP + b"\x01Z%02X\x02" % address
    return head + block + bytes([ETX]) + checksum(block) + bytes([EOT])


def decode(body: bytes) -> Frame:
    """What stands between SOH and EOT. Raises `ProtocolError` for a wrong head or checksum; a missing one passes."""
    head, *blocks = body.split(bytes([STX]))
    if len(head) != 3 or not body.isascii() or not blocks:
        raise ProtocolError("no head of type and address, or no command")
    return Frame(chr(head[0]), head[1:].decode("ascii"), tuple(_checked(block) for block in blocks))


def _checked(block: bytes) -> bytes:
    data, end, stated = block.partition(bytes([ETX]))
    if not data or (end and stated and stated.upper() != checksum(data)):
        raise ProtocolError("an empty command, or a wrong checksum")
    return data


class Decoder:
    """Finds frames between any bytes. Neither SOH nor EOT occurs inside a frame, so the next SOH always starts anew."""

    def __init__(self) -> None:
        self.garbage = 0
        """Without the NULs that wake a line up."""
        self.bad_frames = 0
        self._body: bytearray | None = None

    def feed(self, data: bytes) -> list[Frame]:
        frames = []
        for byte in data:
            if byte == SOH:
                self.forget()
                self._body = bytearray()
            elif self._body is None:
                self.garbage += byte != 0
            elif byte == EOT:
                frames += self._finish(bytes(self._body))
            elif len(self._body) < MAX_BODY:
                self._body.append(byte)
            else:
                self.forget()
        return frames

    def forget(self) -> None:
        """Drops a frame that has begun: its rest is not to be taken for the start of an answer."""
        self.bad_frames += self._body is not None
        self._body = None

    def _finish(self, body: bytes) -> list[Frame]:
        self._body = None
        try:
            return [decode(body)]
        except ProtocolError:
            self.bad_frames += 1
            return []


# ---- codec: commands

MAX_TEXT: Final = 122
"""The priority file has 125 bytes; whether the three of the mode count is not said."""
RELEASE: Final = b"A0"
"""With the mode field and no text it would be a blank message that holds the screen."""
ASK: Final = b'F"'
INFORMATION: Final = b'E"'


def priority(text: str) -> bytes:
    """The command that shows `text`, printable ASCII, over everything else; an empty text ends that."""
    return b"A0\x1b b" + text.encode("ascii") if text else RELEASE


def latin(text: str) -> tuple[str, int]:
    """(one line of what ASCII can say of `text`, how many characters it cannot).

    Compatibility forms and accents are folded: Ａ is A, é is e. What is dropped leaves a space, and takes along the
    marks that then stand alone: `请A001号（1）到3号` is `A001 (1) 3`, and `请到（三楼）` is nothing.
    """
    pieces = [_folded(char) for char in text]
    dropped = pieces.count(None)
    words = "".join(" " if piece is None else piece for piece in pieces).split()
    if dropped:
        words = [word for word in words if any(char.isalnum() for char in word)]
    return " ".join(words), dropped


def _folded(char: str) -> str | None:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cc", "Cf", "Mn", "Me"):
        return ""  # a control character would be a command to the sign
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return plain if plain and plain.isascii() else None


# ---- device

BYTE_S: Final = 10 / 9600
"""A byte on the air: the kernel and a bridge take them faster, and the sign needs its rest after the last one."""
WRITE_S: Final = 2.0
STALE_S: Final = 0.02
"""How long to listen, before asking, for what came unasked."""


@dataclass(slots=True)
class Alpha(Device):
    """One sign, or a line of them. The capability is `TextScreen`; an address is 1 to 255, 0 is every sign.

    Most lines are one-way: with `answers` false a write that fails is the only bad news. With `answers` true the line
    is asked every `poll_s`, for every sign at once, so it can have one sign only; asking may blank the text for a
    moment.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"answers": bool, "poll_s": float, "timeout_s": float, "gap_ms": int}

    dropped: int = field(default=0, init=False)
    """Characters that could not be shown: not ASCII, or beyond the file's end."""
    ignored: int = field(default=0, init=False)
    """Sound frames that answered nothing."""
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _free_at: float = field(default=0.0, init=False)

    async def show(self, address: int, text: str) -> None:
        """Replaces what the host shows; without a Latin letter in it, the sign's own messages. No sign acknowledges."""
        if not 0 <= address <= 0xFF:
            raise Misconfigured(f"address {address}: a sign has 1 to 255, 0 is all of them")
        line, dropped = latin(text)
        self.dropped += dropped + max(0, len(line) - MAX_TEXT)
        async with self._lock:
            await self._put(packet(address, priority(line[:MAX_TEXT].rstrip())))

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Tells nothing. Raises `Unreachable` when the line is gone, or a sign that answers does not in time."""
        while True:
            if self.options.get("answers", False):
                await self._ask()
                await asyncio.sleep(self.options.get("poll_s", 60.0))
            else:
                self.ignored += len(await self._frames())
        yield  # type: ignore[unreachable]  # it is a generator all the same

    async def _ask(self) -> None:
        timeout = self.options.get("timeout_s", 3.0)
        async with self._lock:
            done = False
            try:
                await self._hear_stale()
                await self._put(packet(0, ASK))
                async with asyncio.timeout(timeout):
                    await self._answer()
                done = True
            except TimeoutError as error:
                raise Unreachable(f"the sign did not answer within {timeout:g} s") from error
            finally:
                if not done:
                    await self.hang_up()

    async def _hear_stale(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALE_S):
                while True:
                    self.ignored += len(await self._frames())
        self._decoder.forget()

    async def _answer(self) -> None:
        while True:
            for frame in await self._frames():
                # The address of an answer is always 00: which sign it came from is not said.
                if frame.type == "0" and frame.blocks[0].startswith(INFORMATION):
                    return
                self.ignored += 1

    async def _frames(self) -> list[Frame]:
        frames = self._decoder.feed(await self.receive())
        self.counters.frames_in += len(frames)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames
        return frames

    async def _put(self, raw: bytes) -> None:
        await asyncio.sleep(max(0.0, self._free_at - _now()))
        done = False
        try:
            async with asyncio.timeout(WRITE_S):
                await self.send(raw)
            done = True
        except TimeoutError as error:
            raise Unreachable(f"the line took no bytes for {WRITE_S:g} s") from error
        finally:
            if not done:
                await self.hang_up()  # half a packet may be out
        self._free_at = _now() + len(raw) * BYTE_S + self.options.get("gap_ms", 100) / 1000


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = Alpha
