r"""Onbon (仰邦) LED cards: BX-5K and BX-6K text cards (字库卡) render GB2312 text themselves; BX-5E and BX-6E bitmap
cards get the same text as dots. They share markers, escapes and CRC; the rest of a bitmap card is in onbon_bitmap.py.
What follows is the K protocol of the text cards.

    A5 ... A5 | header 14 | data | CRC-16/ARC 2 (low byte first) | 5A        8 x A5 sent, any run >= 1 accepted
    header    dst 2 | src 2 (8000 = us) | 0 x3 | option (1: barcode, 16 bytes, follows) | 0 | 0 | FE | 02 | length 2
    request   group | command | reply (01 wanted, 02 not) | 00 00 | payload
    reply     group | command | error | 00 00 | payload        A0 00 = ACK, A0 01 = NACK

Integers are little-endian. Between the markers A5 A6 5A 5B travel as A6 02, A6 01, 5B 02, 5B 01; lengths and CRC are
counted before that. The host always begins; an answer names its screen in `src` but not the request it answers.
A line is RS232/RS485 9600 or 57600 8N1, or TCP 5005; the address is the screen number (屏号).

Source: the vendor's Java client bx.k, its SDK documents BX-K and "BX-5K/6K通讯协议用户版本" 1.4, and field frames in
public code. Bitmap cards: one manual only. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from drivers import onbon_bitmap as bitmap
from drivers import raster
from drivers.base import (
    Condition,
    Device,
    DeviceEvent,
    Misconfigured,
    ProtocolError,
    Rejected,
    Speech,
    Unreachable,
    Voice,
)
from drivers.onbon_area import Sound, TextArea, encode_area, encode_text, lay_out
from drivers.onbon_seal import END, START, seal, unseal

Kind = tuple[int, int]
"""Group and command."""

HOST = 0x8000
ACK, NACK, STATUS, UPDATE = (0xA0, 0x00), (0xA0, 0x01), (0xA1, 0x02), (0xA3, 0x06)
REASONS = (
    *("refused", "unknown_group", "unknown_command", "busy", "out_of_memory", "bad_checksum", "no_file", "flash"),
    *("download", "bad_name", "bad_type", "bad_file", "no_font", "firmware", "bad_datetime", "exists", "bad_block"),
    *("controller_type", "screen_parameter", "controller_id"),
)
"""By the error byte of a reply."""

# ---- codec: the frame

HEADER = struct.Struct("<HH3xBxxBBH")
BARCODE = 16
MAX_BODY = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    destination: int
    source: int
    data: bytes


def encode(destination: int, source: int, data: bytes) -> bytes:
    return seal(HEADER.pack(destination, source, 0, 0xFE, 0x02, len(data)) + data)


def unpack(plain: bytes) -> tuple[int, int, bytes]:
    """Destination, source and data. Raises `ProtocolError` for another family's frame or a wrong length."""
    if len(plain) < HEADER.size:
        raise ProtocolError("shorter than a header")
    destination, source, option, _, version, length = HEADER.unpack_from(plain)
    start = HEADER.size + (BARCODE if option == 1 else 0)
    # In the header of the bitmap cards this byte is something else.
    if version != 0x02 or len(plain) != start + length:
        raise ProtocolError("not a K frame, or its length is wrong")
    return destination, source, plain[start:]


class Decoder:
    """Finds frames between any bytes. Neither A5 nor 5A occurs inside a frame, so the next A5 always starts anew."""

    def __init__(self, unpack: Callable[[bytes], tuple[int, int, bytes]] = unpack) -> None:
        self._unpack = unpack
        self.garbage = 0
        self.bad_frames = 0
        self._body: bytearray | None = None

    def feed(self, data: bytes) -> list[Frame]:
        frames = []
        for byte in data:
            if byte == START:
                self.bad_frames += bool(self._body)  # the last one was cut short
                self._body = bytearray()
            elif self._body is None:
                self.garbage += 1
            elif byte == END:
                frames += self._finish(bytes(self._body))
            elif len(self._body) < MAX_BODY:
                self._body.append(byte)
            else:
                self.bad_frames += 1
                self._body = None
        return frames

    def forget(self) -> None:
        """Drops a frame that has begun: its rest is not to be taken for the start of an answer."""
        self.bad_frames += bool(self._body)
        self._body = None

    def _finish(self, body: bytes) -> list[Frame]:
        self._body = None
        try:
            return [Frame(*self._unpack(unseal(body)))]
        except ProtocolError:
            self.bad_frames += 1
            return []


# ---- codec: requests and replies


def request(address: int, kind: Kind, payload: bytes = b"") -> bytes:
    """The two bytes after `reply` differ between firmware documents and are ignored by the cards: zero."""
    return encode(address, HOST, bytes([*kind, 0x01, 0, 0]) + payload)


@dataclass(frozen=True, slots=True)
class Reply:
    kind: Kind
    error: int
    payload: bytes


def parse_reply(frame: Frame) -> Reply | None:
    """None when the data is too short to be a reply."""
    data = frame.data
    return Reply((data[0], data[1]), data[2], data[5:]) if len(data) >= 5 else None


def update(address: int, area: TextArea) -> bytes:
    """Replaces dynamic area 0 (A3 06) and asks for an answer."""
    body = encode_area(area)
    return request(address, UPDATE, b"\x00\x01" + struct.pack("<H", len(body)) + body)


# ---- device

GAP_S = 0.02
"""Silence before a request while an answer may still be on its way. After an answer there is none: on a shared line it
would halve what the line carries, and the A5 that lead a request give the line its time to turn around."""
BABBLE = 16384
"""More bytes than this in one exchange are no card: a wrong baud rate, another kind of device."""
SPOKEN_S, MOST_SPOKEN_S = 0.3, 30.0
"""A character at the card's middle speed, and the longest wait: a card does not tell when it has finished."""
WORDS = {"generation": ("6K", "5K", *bitmap.GENERATIONS), "charset": ("gb2312", "gbk"), "colour": ("", *bitmap.COLOURS)}
POWER_AT = {STATUS: 0, bitmap.PONG: bitmap.POWER_AT}
"""Where an answer to a probe says whether the screen is on."""
SLOWEST_LINE = 960
"""Bytes a second: a long picture takes its time before it can be answered."""


class Silent(Unreachable):
    """This screen did not answer; others on the line may."""


@dataclass(slots=True)
class Onbon(Device):
    """A line with one or more cards. The capability is `TextScreen`; its address is the screen number. With the option
    `voice`, for 6K cards whose name ends in -YY, it is `Voice` too. On 5E and 6E the `colour` says that the card has
    two, and which to show; text is drawn with the `font`, or with those of this machine.

    Address 0 is the only screen of a line that has one. Conditions are `screen_off`, with `_<address>` on a line with
    several screens, and there also `silent_<address>`: such a screen is refused at once, so that it does not take the
    line from the others.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "generation": str,
        "width": int,
        "height": int,
        "charset": str,
        "colour": str,
        "font": str,
        "screens": list,
        "timeout_s": float,
        "poll_s": float,
        "voice": bool,
    }

    replaced: int = field(default=0, init=False)
    """Characters the font could not show as written."""
    ignored: int = field(default=0, init=False)
    """Frames that were no answer to us: for others, of others, too late."""
    _panel: bitmap.Panel | None = field(init=False)
    """None: the cards have a font of their own."""
    _decoder: Decoder = field(init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _budget: int = field(default=BABBLE, init=False)
    _screens: list[int] = field(init=False)
    _width: int = field(init=False)
    _height: int = field(init=False)
    _active: set[str] = field(default_factory=set, init=False)
    _shown: dict[int, TextArea] = field(default_factory=dict, init=False)
    _speaking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _answered: bool = field(default=False, init=False)
    """The last request was, so nothing is on its way."""

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        screens = options.get("screens", [1])
        if address not in screens and not (address == 0 and len(screens) == 1):
            return f"screen {address} is not among its options.screens {screens}"
        return "it needs options.voice = true" if capability is Voice and not options.get("voice") else None

    def __post_init__(self) -> None:
        self._screens = list(self.options.get("screens", [1]))
        if not self._screens or any(not isinstance(one, int) or not 1 <= one < 0xFFFE for one in self._screens):
            raise Misconfigured("screens is a list of screen numbers, 1 to 65533")
        for name, words in WORDS.items():
            if self.options.get(name, words[0]) not in words:
                raise Misconfigured(f"{name} is one of {', '.join(filter(None, words))}")
        self._width, self._height = int(self.options.get("width", 128)), int(self.options.get("height", 16))
        if self._width < 8 or self._width % 8 or not 8 <= self._height <= 0xFFFF:
            raise Misconfigured("width is a multiple of 8 pixels, height 8 pixels or more")
        if self.options.get("voice", False) and self.options.get("generation", "6K") != "6K":
            raise Misconfigured("voice is for 6K cards whose name ends in -YY")
        self._panel = self._find_panel()
        self._decoder = Decoder(bitmap.unpack if self._panel else unpack)

    def _find_panel(self) -> bitmap.Panel | None:
        generation, colour = self.options.get("generation", "6K"), self.options.get("colour", "")
        if generation in bitmap.GENERATIONS:
            if fonts := raster.fonts(self.options.get("font", "")):
                return bitmap.Panel(generation, self._width, self._height, colour, fonts)
            raise Misconfigured("this machine has no font with Hanzi: name one as options.font")
        if colour or "font" in self.options:
            raise Misconfigured(f"colour and font are for {', '.join(bitmap.GENERATIONS)}")
        return None

    async def show(self, address: int, text: str) -> None:
        """Shows `text` on the whole panel. Raises `Rejected` with a word of `REASONS`, or `Unreachable`."""
        screen = self._screen(address)
        if self._panel is not None:
            pages, lacking = bitmap.draw(text, self._panel)
            self.replaced += lacking
            await self._update(screen, self._request(screen, bitmap.UPDATE, bitmap.update(pages, self._panel)))
            return
        self._shown[screen] = self._area(text)  # before it is sent: an announcement that comes now must not undo it
        await self._update(screen, update(screen, self._shown[screen]))

    def _request(self, screen: int, kind: Kind, payload: bytes = b"") -> bytes:
        if self._panel is None:
            return request(screen, kind, payload)
        return seal(bitmap.pack(screen, HOST, bitmap.request(kind, payload)))

    async def say(self, address: int, speech: Speech) -> None:
        """Speaks while what `show` last put there stays; on a screen that shows nothing yet, the words themselves.

        Returns when it should be over. Other screens can be served meanwhile, but one announcement follows the other.
        Raises as `show`, and `Misconfigured` without the option `voice`.
        """
        if not self.options.get("voice", False):
            raise Misconfigured("these cards do not speak: voice = true is for those whose name ends in -YY")
        screen = self._screen(address)
        words, replaced = encode_text(speech.text)
        sound = Sound(words, min(10, max(0, round(speech.volume / 10))))
        async with self._speaking:
            area = self._shown.get(screen) or self._area(speech.text)
            await self._update(screen, update(screen, replace(area, sound=sound)))
            self.replaced += replaced
            await asyncio.sleep(min(MOST_SPOKEN_S, 1 + SPOKEN_S * len(speech.text)))

    def _area(self, text: str) -> TextArea:
        area, replaced = lay_out(text, self._width, self._height, self.options.get("charset", "gb2312"))
        self.replaced += replaced
        fifth = self.options.get("generation", "6K") == "5K"
        return replace(area, width=area.width // 8) if fifth else area

    async def _update(self, screen: int, message: bytes) -> None:
        if f"silent_{screen}" in self._active:
            raise Rejected("silent", f"screen {screen} has not answered the last poll")
        shared = len(self._screens) > 1
        try:
            reply = await self._ask(screen, message, (ACK, NACK), keep_line=shared)
        except Silent as error:
            if not shared:
                raise
            # One dead sign must not take the line from the others: whether all are dead, the polls find out.
            raise Rejected("silent", str(error)) from error
        if reply.kind == NACK or reply.error:
            reason = REASONS[reply.error] if reply.error < len(REASONS) else REASONS[0]
            raise Rejected(reason, f"screen {screen}, error {reply.error}")

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Asks every screen for its status each `poll_s` seconds. Raises `Unreachable` when none answers."""
        while True:
            replies = [(screen, await self._probe(screen)) for screen in self._screens]
            if all(reply is None for _, reply in replies):
                await self.hang_up()
                raise Silent("no screen of the line answers")
            for condition in self._changes(replies):
                yield condition
            await asyncio.sleep(self.options.get("poll_s", 5.0))

    async def _probe(self, screen: int) -> Reply | None:
        """None: silent, while others on the line may answer."""
        shared = len(self._screens) > 1
        probe, answer = (STATUS, STATUS) if self._panel is None else (bitmap.PING, bitmap.PONG)
        try:
            return await self._ask(screen, self._request(screen, probe), (answer, ACK, NACK), keep_line=shared)
        except Silent:
            if not shared:
                raise
            return None

    def _changes(self, replies: Iterable[tuple[int, Reply | None]]) -> list[Condition]:
        now: dict[str, bool] = {}
        shared = len(self._screens) > 1
        for screen, reply in replies:
            if shared:
                now[f"silent_{screen}"] = reply is None
            # Off is 02 in the command and not documented in the status: 00 is taken for off too.
            if reply is not None and len(reply.payload) > (at := POWER_AT.get(reply.kind, MAX_BODY)):
                now[f"screen_off_{screen}" if shared else "screen_off"] = reply.payload[at] in (0x00, 0x02)
        changed = [Condition(name, on) for name, on in now.items() if on != (name in self._active)]
        self._active ^= {condition.name for condition in changed}
        return changed

    async def _ask(self, screen: int, message: bytes, kinds: tuple[Kind, ...], keep_line: bool = False) -> Reply:
        """One exchange. A screen that does not answer in time costs the link, unless `keep_line`."""
        timeout = self.options.get("timeout_s", 1.5) + len(message) / SLOWEST_LINE
        async with self._lock:
            done = False
            self._budget = BABBLE
            try:
                await self._settle()
                self._answered = False
                async with asyncio.timeout(timeout):
                    await self.send(message)
                    reply = await self._answer(screen, kinds)
                self._answered = done = True
                return reply
            except TimeoutError as error:
                done = keep_line
                raise Silent(f"screen {screen} did not answer within {timeout:.1f} s") from error
            finally:
                if not done:
                    await self.hang_up()

    async def _settle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self._answered else GAP_S):  # 0 throws away what is here
                while True:
                    self.ignored += len(await self._frames())
        self._decoder.forget()

    async def _answer(self, screen: int, kinds: tuple[Kind, ...]) -> Reply:
        while True:
            frames = await self._frames()
            ours = [frame for frame in frames if frame.destination == HOST and frame.source == screen]
            answers = [reply for frame in ours if (reply := self._parse(frame)) and reply.kind in kinds]
            self.ignored += len(frames) - len(answers[:1])
            if answers:
                return answers[0]

    def _parse(self, frame: Frame) -> Reply | None:
        if self._panel is None:
            return parse_reply(frame)
        parts = bitmap.parse_reply(frame.data)
        return Reply(*parts) if parts else None

    async def _frames(self) -> list[Frame]:
        data = await self.receive()
        self._budget -= len(data)
        if self._budget < 0:
            raise ProtocolError(f"more than {BABBLE} bytes in one exchange")
        frames = self._decoder.feed(data)
        self.counters.frames_in += len(frames)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames
        return frames

    def _screen(self, address: int) -> int:
        if address == 0 and len(self._screens) == 1:
            return self._screens[0]
        if not 1 <= address < 0xFFFE:
            raise Misconfigured(f"screen {address}: a screen number is 1 to 65533")
        return address


DEVICE = Onbon
