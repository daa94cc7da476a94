r"""Onbon (仰邦) BX-5K and BX-6K text cards (字库卡), K protocol: the card renders GB2312 text itself.

    A5 ... A5 | header 14 | data | CRC-16/ARC 2 (low byte first) | 5A        8 x A5 sent, any run >= 1 accepted
    header    dst 2 | src 2 (8000 = us) | 0 x3 | option (1: barcode, 16 bytes, follows) | 0 | 0 | FE | 02 | length 2
    request   group | command | reply (01 wanted, 02 not) | 00 00 | payload
    reply     group | command | error | 00 00 | payload        A0 00 = ACK, A0 01 = NACK

Integers are little-endian. Between the markers A5 A6 5A 5B travel as A6 02, A6 01, 5B 02, 5B 01; lengths and CRC are
counted before that. The host always begins; an answer names its screen in `src` but not the request it answers.
A line is RS232/RS485 9600 or 57600 8N1, or TCP 5005; the address is the screen number (屏号).

Source: the vendor's Java client bx.k, its SDK documents BX-K and "BX-5K/6K通讯协议用户版本" 1.4, and field frames in
public code. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from drivers.base import Condition, Device, DeviceEvent, Misconfigured, ProtocolError, Rejected, Unreachable

Kind = tuple[int, int]
"""Group and command."""

HOST = 0x8000
ACK, NACK, STATUS, UPDATE = (0xA0, 0x00), (0xA0, 0x01), (0xA1, 0x02), (0xA3, 0x06)
REASONS = (
    *("refused", "unknown_group", "unknown_command", "busy", "out_of_memory", "bad_checksum", "no_file", "flash"),
    *("download", "bad_name", "bad_type", "bad_file", "no_font", "firmware", "bad_datetime", "exists", "bad_block"),
)
"""By the error byte of a reply."""

# ---- codec: the frame

START, END = 0xA5, 0x5A
ESCAPES = {0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"}
PLAIN = {pair: bytes([byte]) for byte, pair in ESCAPES.items()}
HEADER = struct.Struct("<HH3xBxxBBH")
BARCODE = 16
MAX_BODY = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    destination: int
    source: int
    data: bytes


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 8005 reflected, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def encode(destination: int, source: int, data: bytes) -> bytes:
    plain = HEADER.pack(destination, source, 0, 0xFE, 0x02, len(data)) + data
    plain += crc16(plain).to_bytes(2, "little")
    return bytes([START]) * 8 + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in plain) + bytes([END])


def decode(body: bytes) -> Frame:
    """What stands between the markers. Raises `ProtocolError` for a wrong escape, length, checksum or version."""
    plain = _unescape(body)
    if len(plain) < HEADER.size + 2:
        raise ProtocolError("shorter than a header")
    if crc16(plain[:-2]) != int.from_bytes(plain[-2:], "little"):
        raise ProtocolError("wrong checksum")
    destination, source, option, _, version, length = HEADER.unpack_from(plain)
    start = HEADER.size + (BARCODE if option == 1 else 0)
    # The 5E/6E families share the framing but not the header: there this byte is something else.
    if version != 0x02 or len(plain) != start + length + 2:
        raise ProtocolError("not a K frame, or its length is wrong")
    return Frame(destination, source, plain[start:-2])


def _unescape(body: bytes) -> bytes:
    plain = bytearray()
    rest = iter(body)
    for byte in rest:
        if byte not in (0xA6, 0x5B):
            plain.append(byte)
            continue
        pair = bytes([byte, next(rest, 0)])
        if pair not in PLAIN:
            raise ProtocolError("unknown escape")
        plain += PLAIN[pair]
    return bytes(plain)


class Decoder:
    """Finds frames between any bytes. Neither A5 nor 5A occurs inside a frame, so the next A5 always starts anew."""

    def __init__(self) -> None:
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
            return [decode(body)]
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


STILL, QUICK, LEFT = 0x01, 0x02, 0x03
ONE_LINE, MANY_LINES = 0x01, 0x02


@dataclass(frozen=True, slots=True)
class TextArea:
    """One dynamic text area at the panel's upper left corner, looping until it is replaced, without voice."""

    width: int
    """As it is sent: pixels on 6K, units of 8 pixels on 5K."""
    height: int
    """Pixels."""
    text: bytes
    """GB2312 or GBK, with the card's backslash escapes."""
    lines: int = ONE_LINE
    display: int = STILL
    speed: int = 0
    """0 fastest to 18h slowest."""
    stay: int = 8
    """How long a page stays, in 0.5 s."""


def update(address: int, area: TextArea) -> bytes:
    """Replaces dynamic area 0 (A3 06) and asks for an answer."""
    body = struct.pack("<BHHHHBBBH", 0, 0, 0, area.width, area.height, 0, 0, 0, 5)
    body += bytes([0, 0, 0])  # no sound, no extended parameters, left aligned
    body += bytes([area.lines, 0x01, area.display, 0, area.speed, area.stay])
    body += struct.pack("<I", len(area.text)) + area.text
    return request(address, UPDATE, b"\x00\x01" + struct.pack("<H", len(body)) + body)


# ---- codec: text

MAX_TEXT = 500
"""Bytes; no limit is documented for the cards, and nobody reads more from a window strip."""
SUBSTITUTE = "？".encode("gbk")
SCROLL_SPEED = 4


def encode_text(text: str, charset: str = "gb2312") -> tuple[bytes, int]:
    """One line for a card with the `gb2312` or `gbk` font, and how many characters it could not say as written.

    Those are spelt by their compatibility form (㎡ as m2) or replaced by ？. Invisible characters vanish uncounted.
    """
    out, replaced = bytearray(), 0
    for char in unicodedata.normalize("NFC", text):
        if char.isspace() and char != "\u3000":
            char = " "
        if unicodedata.category(char) in ("Cc", "Cf", "Mn", "Me"):
            continue
        code = _encode_char(char, charset)
        if code is None:
            replaced += 1
            spelt = [_encode_char(part, charset) for part in unicodedata.normalize("NFKC", char)]
            code = b"".join(part or SUBSTITUTE for part in spelt)
        if len(out) + len(code) > MAX_TEXT:
            return bytes(out), replaced + 1
        out += code
    return bytes(out), replaced


def _encode_char(char: str, charset: str) -> bytes | None:
    # A backslash opens an escape on the card: visitors' text gets the full-width one.
    try:
        code = ("＼" if char == "\\" else char).encode("gbk")
        # By position, not by name: Python's two codecs disagree about the names of — and · at the same place.
        code.decode(charset)
    except UnicodeError:
        return None
    # Some GBK characters end in the byte of a backslash, and how a card reads those is not documented.
    return None if code.endswith(b"\\") else code


def lay_out(text: str, width: int, height: int, charset: str = "gb2312") -> tuple[TextArea, int]:
    """The area (width in pixels) that shows `text` at 16 pixels a line, and how many characters were replaced.

    It stands still if every line fits (8 pixels a byte); otherwise it runs as one line from right to left.
    """
    lines = [line for line in text.splitlines() if line.strip()] or [" "]
    if len(lines) > max(1, height // 16):
        lines = [" ".join(lines)]
    encoded = [encode_text(line, charset) for line in lines]
    replaced = sum(count for _, count in encoded)
    if all(len(line) * 8 <= width for line, _ in encoded):
        many = MANY_LINES if len(encoded) > 1 else ONE_LINE
        return TextArea(width, height, rb"\n".join(line for line, _ in encoded), many), replaced
    line, replaced = encode_text(" ".join(lines), charset)
    return TextArea(width, height, line, display=LEFT, speed=SCROLL_SPEED, stay=0), replaced


# ---- device

GAP_S = 0.02
"""Silence before a request: lets the line turn around, and throws away what came too late for the last one."""


class Silent(Unreachable):
    """This screen did not answer; others on the line may."""


@dataclass(slots=True)
class Onbon(Device):
    """A line with one or more text cards. The capability is `TextScreen`; its address is the screen number.

    Address 0 is the only screen of a line that has one. Conditions are `screen_off`, with `_<address>` on a line with
    several screens, and there also `silent_<address>`: such a screen is refused at once, so that it does not take the
    line from the others.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "generation": str,
        "width": int,
        "height": int,
        "charset": str,
        "screens": list,
        "timeout_s": float,
        "poll_s": float,
    }

    replaced: int = field(default=0, init=False)
    """Characters the font could not show as written."""
    ignored: int = field(default=0, init=False)
    """Frames that were no answer to us: for others, of others, too late."""
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _screens: list[int] = field(init=False)
    _width: int = field(init=False)
    _height: int = field(init=False)
    _active: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._screens = list(self.options.get("screens", [1]))
        if not self._screens or any(not isinstance(one, int) or not 1 <= one < 0xFFFE for one in self._screens):
            raise Misconfigured("screens is a list of screen numbers, 1 to 65533")
        for name, words in (("generation", ("6K", "5K")), ("charset", ("gb2312", "gbk"))):
            if self.options.get(name, words[0]) not in words:
                raise Misconfigured(f"{name} is one of {', '.join(words)}")
        self._width, self._height = int(self.options.get("width", 128)), int(self.options.get("height", 16))
        if self._width < 8 or self._width % 8 or not 8 <= self._height <= 0xFFFF:
            raise Misconfigured("width is a multiple of 8 pixels, height 8 pixels or more")

    async def show(self, address: int, text: str) -> None:
        """Shows `text` on the whole panel. Raises `Rejected` with a word of `REASONS`, or `Unreachable`."""
        screen = self._screen(address)
        if f"silent_{screen}" in self._active:
            raise Silent(f"screen {screen} has not answered the last poll")
        area, replaced = lay_out(text, self._width, self._height, self.options.get("charset", "gb2312"))
        self.replaced += replaced
        if self.options.get("generation", "6K") == "5K":
            area = replace(area, width=area.width // 8)
        reply = await self._ask(screen, update(screen, area), (ACK, NACK))
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
        try:
            return await self._ask(screen, request(screen, STATUS), (STATUS, ACK, NACK), keep_line=shared)
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
            if reply is not None and reply.kind == STATUS and reply.payload:
                now[f"screen_off_{screen}" if shared else "screen_off"] = reply.payload[0] in (0x00, 0x02)
        changed = [Condition(name, on) for name, on in now.items() if on != (name in self._active)]
        self._active ^= {condition.name for condition in changed}
        return changed

    async def _ask(self, screen: int, message: bytes, kinds: tuple[Kind, ...], keep_line: bool = False) -> Reply:
        """One exchange. A screen that does not answer in time costs the link, unless `keep_line`."""
        timeout = self.options.get("timeout_s", 1.5)
        async with self._lock:
            done = False
            try:
                await self._settle()
                async with asyncio.timeout(timeout):
                    await self.send(message)
                    reply = await self._answer(screen, kinds)
                done = True
                return reply
            except TimeoutError as error:
                done = keep_line
                raise Silent(f"screen {screen} did not answer within {timeout:g} s") from error
            finally:
                if not done:
                    await self.hang_up()

    async def _settle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GAP_S):
                while True:
                    self.ignored += len(await self._frames())
        self._decoder.forget()

    async def _answer(self, screen: int, kinds: tuple[Kind, ...]) -> Reply:
        while True:
            frames = await self._frames()
            ours = [frame for frame in frames if frame.destination == HOST and frame.source == screen]
            answers = [reply for frame in ours if (reply := parse_reply(frame)) and reply.kind in kinds]
            self.ignored += len(frames) - len(answers[:1])
            if answers:
                return answers[0]

    async def _frames(self) -> list[Frame]:
        frames = self._decoder.feed(await self.receive())
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
