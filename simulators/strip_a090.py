"""Window strips of the "A0 90" family (hall queue systems), several on one line. Not proven on hardware.

    A0 90 | address 1 | command 1 | length 2, high byte first | characters | XOR of all from the address on
    character: GBK, 1 or 2 bytes | colour 1 (0 red, 1 green, 2 yellow)

Commands: A5 show, A2 set the stored (ROM) text, A1 show the stored text. Source: the strips' host in public code, which
divides the length by 255, so lengths from 255 on are read both ways. It says of the answer that it starts A0 90 address
and ends A5 AA; there is nothing between here. Where it says nothing: a strip forgets half a frame after 0.1 s, keeps
its stored text without power and is dark after power-up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from simulators import pixels
from simulators.gap import heard
from simulators.port import Gone, Wire

HEAD = b"\xa0\x90"
SHOW, SHOW_STORED, STORE = 0xA5, 0xA1, 0xA2
COLOURS = (pixels.RED, pixels.GREEN, pixels.YELLOW)
PATIENCE = 0.1  # seconds
MOST = 1024  # bytes of characters; a longer frame is noise
HANZI, LATIN, HEIGHT = 16, 8, 16  # dots

# ---- frames


@dataclass(frozen=True, slots=True)
class Glyph:
    char: str
    colour: int
    """0 red, 1 green, 2 yellow"""

    @property
    def width(self) -> int:
        return LATIN if self.char.isascii() else HANZI


Text = tuple[Glyph, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    address: int
    command: int
    text: Text | None
    """None: the XOR is right, and the characters are none, as with half a Hanzi at the end."""


def characters(data: bytes) -> Text | None:
    found, at = [], 0
    while at < len(data):
        size = 2 if data[at] >= 0x80 else 1
        piece = data[at : at + size + 1]
        try:
            char = piece[:size].decode("gbk")
        except UnicodeDecodeError:
            return None
        if len(piece) != size + 1 or piece[size] >= len(COLOURS) or not " " <= char != "\x7f":
            return None
        found.append(Glyph(char, piece[size]))
        at += size + 1
    return tuple(found)


class Deframer:
    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> None:
        """Half a frame is dropped when the rest does not come."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        found = []
        while self._buffer:
            size = _size(self._buffer)
            if size is None:
                break
            if size:
                found.append(Frame(self._buffer[2], self._buffer[3], characters(bytes(self._buffer[6 : size - 1]))))
            del self._buffer[: size or 1]
        return found


def _size(buffer: bytearray) -> int | None:
    """Bytes of the frame at the start; 0 when there is none, None when it is not all here yet."""
    if not HEAD.startswith(bytes(buffer[:2])):
        return 0
    if len(buffer) < 6:
        return None
    high, low = buffer[4:6]
    by_255, by_256 = high * 255 + low, high * 256 + low
    if by_256 > MOST or buffer[3] not in (SHOW, SHOW_STORED, STORE):
        return 0
    # From 255 on an XOR may come out right by chance before the frame is over: the characters decide too.
    if by_255 < by_256 and _right(buffer, by_255) and characters(bytes(buffer[6 : 6 + by_255])) is not None:
        return 7 + by_255
    if len(buffer) < 7 + by_256:
        return None
    return 7 + by_256 if _right(buffer, by_256) else 0


def _right(buffer: bytearray, length: int) -> bool:
    end, xor = 6 + length, 0
    for byte in buffer[2:end]:
        xor ^= byte
    return len(buffer) > end and buffer[end] == xor


# ---- strips


@dataclass(slots=True)
class Strip:
    address: int
    showing: Text = ()
    stored: Text = ()
    errors: int = 0
    """Frames whose characters could not be read."""

    @property
    def text(self) -> str:
        return "".join(glyph.char for glyph in self.showing)

    @property
    def width(self) -> int:
        return sum(glyph.width for glyph in self.showing)

    def obey(self, frame: Frame) -> bool:
        """Whether the strip answers."""
        if frame.text is None or (frame.command == SHOW_STORED and frame.text):
            self.errors += 1
            return False
        if frame.command == SHOW:
            self.showing = frame.text
        elif frame.command == SHOW_STORED:
            self.showing = self.stored
        else:
            self.stored = frame.text
        return True


@dataclass(slots=True)
class Shown:
    """What a strip shows from `at` (loop time, seconds) on; also noted when the same text is sent anew."""

    at: float
    address: int
    text: str


class StripLine:
    """Options: `addresses` (default [1]), `width` in dots (default 128)."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.width = int(options.get("width", 128))
        self.strips = {int(address): Strip(int(address)) for address in options.get("addresses") or [1]}
        self.history: deque[Shown] = deque(maxlen=500)
        self.mute = self.unplugged = False

    @property
    def shown(self) -> dict[int, str]:
        """Address -> the text on the strip."""
        return {address: strip.text for address, strip in self.strips.items()}

    async def talk(self, wire: Wire) -> None:
        deframer = Deframer()
        with contextlib.suppress(Gone):
            async with contextlib.aclosing(heard(wire, PATIENCE)) as pieces:
                async for data in pieces:
                    await self._take(wire, deframer, data)

    async def _take(self, wire: Wire, deframer: Deframer, data: bytes) -> None:
        if not data or self.unplugged:
            deframer.forget()
            return
        for frame in deframer.feed(data):
            strip = self.strips.get(frame.address)
            if strip is None or not strip.obey(frame):
                continue
            if frame.command != STORE:
                self.history.append(Shown(asyncio.get_running_loop().time(), strip.address, strip.text))
            if not self.mute:
                await wire.write(HEAD + bytes([strip.address, 0xA5, 0xAA]))

    # ---- what a person does and sees

    def power_cycle(self) -> None:
        for strip in self.strips.values():
            strip.showing = ()

    def controls(self) -> list[dict[str, Any]]:
        return [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "mute", "label": "不应答", "on": self.mute},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name == "power_cycle":
            self.power_cycle()
        elif name == "mute":
            self.mute = not self.mute
        elif name == "unplug":
            self.unplugged = not self.unplugged
        else:
            raise KeyError(name)

    def state(self) -> dict[str, Any]:
        return {
            "strips": {
                str(strip.address): {
                    "text": strip.text,
                    "colours": [glyph.colour for glyph in strip.showing],
                    "cut": strip.width > self.width,
                    "stored": "".join(glyph.char for glyph in strip.stored),
                    "errors": strip.errors,
                }
                for strip in self.strips.values()
            },
            "font": pixels.font_name(),
            "mute": self.mute,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        panels = [(f"{strip.address} 号条屏", self._panel(strip)) for strip in self.strips.values()]
        return pixels.svg(panels, "\n".join(self.shown.values()))

    def png(self) -> bytes:
        return pixels.png([self._panel(strip) for strip in self.strips.values()])

    def _panel(self, strip: Strip) -> Image.Image:
        panel, x = pixels.blank(self.width, HEIGHT), 0
        for glyph in strip.showing:
            pixels.put(panel, glyph.char, x, 0, glyph.width, HEIGHT, COLOURS[glyph.colour])
            x += glyph.width
        return panel


SIMULATOR = StripLine
