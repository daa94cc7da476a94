"""A PJ06 evaluator: the counter's keys of satisfaction, alone on its line. Not proven on hardware.

    host: 55 AA | L 1 | command 1 | data | 1A      (L: bytes between L and the 1A; no checksum)
    device: one bare byte 01 to 06 per key, at any time

Commands: 13 s 00 timeout in seconds, 15 n stars, 1F 00 welcome, 20 00 please evaluate. The device answers nothing.
Source: one point-of-sale system in public code. Where it says nothing: a visitor is asked for 10 s until command 13
says otherwise, the setting and the stars survive the power, half a frame is forgotten after 0.1 s, stars are 0 to 5.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any

from simulators.gap import heard
from simulators.port import Gone, Wire

HEAD, TAIL = b"\x55\xaa", 0x1A
TIMEOUT, STARS, WELCOME, ASK = 0x13, 0x15, 0x1F, 0x20
LENGTHS = {TIMEOUT: 3, STARS: 2, WELCOME: 2, ASK: 2}
KEYS = range(1, 7)
MOST_STARS = 5
PATIENCE = 0.1  # seconds

# ---- frames


class Deframer:
    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> None:
        """Half a frame is dropped when the rest does not come."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[bytes]:
        """Command and data of each frame; what has another length than its command, or no 1A, is none."""
        self._buffer += data
        found = []
        while self._buffer:
            size = _size(self._buffer)
            if size is None:
                break
            if size:
                found.append(bytes(self._buffer[3 : size - 1]))
            del self._buffer[: size or 1]
        return found


def _size(buffer: bytearray) -> int | None:
    """Bytes of the frame at the start; 0 when there is none, None when it is not all here yet."""
    if not HEAD.startswith(bytes(buffer[:2])):
        return 0
    if len(buffer) < 4:
        return None
    size = 4 + buffer[2]
    if LENGTHS.get(buffer[3]) != buffer[2]:
        return 0
    if len(buffer) < size:
        return None
    return size if buffer[size - 1] == TAIL else 0


# ---- the evaluator


class Pj06:
    """`press` is what a visitor does; it works also when nobody asked. No options."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.stars = 0
        self.timeout = 10
        """Seconds that the visitor is asked for."""
        self.welcomes = 0
        """How often it said the welcome."""
        self.asked = 0
        self.history: deque[tuple[float, str]] = deque(maxlen=500)
        """Loop time and what happened: `welcome`, `ask`, `key 3`."""
        self.unplugged = False
        self._until = 0.0
        self._wire: Wire | None = None

    @property
    def asking(self) -> bool:
        return _now() < self._until

    async def talk(self, wire: Wire) -> None:
        self._wire = wire
        try:
            await self._listen(wire)
        finally:
            if self._wire is wire:
                self._wire = None

    async def _listen(self, wire: Wire) -> None:
        deframer = Deframer()
        with contextlib.suppress(Gone):
            async with contextlib.aclosing(heard(wire, PATIENCE)) as pieces:
                async for data in pieces:
                    self._hear(deframer, data)

    def _hear(self, deframer: Deframer, data: bytes) -> None:
        if not data or self.unplugged:
            deframer.forget()
            return
        for body in deframer.feed(data):
            self._obey(body[0], body[1])

    def _obey(self, command: int, value: int) -> None:
        if command == TIMEOUT:
            self.timeout = value
        elif command == STARS:
            self.stars = value if value <= MOST_STARS else self.stars
        elif command == WELCOME:
            self.welcomes += 1
            self._note("welcome")
        else:
            self.asked += 1
            self._until = _now() + self.timeout
            self._note("ask")

    def _note(self, what: str) -> None:
        self.history.append((_now(), what))

    # ---- what people do and see

    async def press(self, key: int, times: int = 1) -> bool:
        """Key 1 to 6; True when there was a line to say it on. The keys are never locked."""
        self._until = 0.0
        for _ in range(times):
            self._note(f"key {key}")
            if self._wire is None or self.unplugged:
                return False
            try:
                await self._wire.write(bytes([key]))
            except Gone:
                return False
        return True

    def controls(self) -> list[dict[str, Any]]:
        keys = [{"name": f"key:{key}", "label": f"按键 {key}", "group": "按键"} for key in KEYS]
        twice = [{"name": f"twice:{key}", "label": f"连按 {key}", "group": "连按两次"} for key in KEYS]
        rude: list[dict[str, Any]] = [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]
        return rude + keys + twice

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name == "power_cycle":
            self._until = 0.0
        elif name == "unplug":
            self.unplugged = not self.unplugged
        else:
            what, _, key = name.partition(":")
            return self._press(int(key), 2 if what == "twice" else 1)
        return None

    async def _press(self, key: int, times: int) -> None:
        await self.press(key, times)

    def state(self) -> dict[str, Any]:
        return {
            "asking": self.asking,
            "stars": self.stars,
            "timeout": self.timeout,
            "welcomes": self.welcomes,
            "asked": self.asked,
            "connected": self._wire is not None,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        return draw(self.asking, self.stars)


def _now() -> float:
    return asyncio.get_running_loop().time()


# ---- drawing

STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
STAR = "M0-9 2.6-3.6 8.6-2.8 4.3 1.4 5.3 7.3 0 4.5-5.3 7.3-4.3 1.4-8.6-2.8-2.6-3.6Z"


def draw(asking: bool, stars: int) -> str:
    """Six keys in a row, lit while the visitor is asked; the clerk's stars above them."""
    colours = ["#ffb000"] * stars + ["#3a444d"] * (MOST_STARS - stars)
    row = "".join(
        f'<path transform="translate({214 + nth * 22} 24)" d="{STAR}" fill="{colour}"/>'
        for nth, colour in enumerate(colours)
    )
    light = "#ffb000" if asking else "#5f6e7c"
    keys = "".join(
        f'<rect x="{12 + nth * 52}" y="48" width="46" height="46" rx="6" fill="{light}"/>'
        f'<text x="{35 + nth * 52}" y="79" font-size="22" text-anchor="middle" fill="#14181c">{key}</text>'
        for nth, key in enumerate(KEYS)
    )
    word, shade = ("请您评价", "#ffb000") if asking else ("谢谢光临", "#b9c7d4")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 330 106" width="660" height="212" {STYLE}>'
        '<rect width="330" height="106" rx="6" fill="#2b2f33"/>'
        f'<text x="14" y="31" font-size="18" fill="{shade}">{word}</text>{row}{keys}</svg>'
    )


SIMULATOR = Pj06
