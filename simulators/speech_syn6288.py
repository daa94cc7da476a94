"""A SYN6288 Chinese speech board. Not proven on hardware.

    FD | length 2, high byte first, of what follows | command | parameter and text, for some | XOR of all before

Commands: 01 speak (low 3 bits of the parameter: 0 GB2312, 1 GBK, 2 BIG5, 3 UNICODE; the others background music),
02 stop, 03 pause, 04 resume, 21 status, 31 baud, 88 sleep. It says single bytes: 41 accepted, 45 bad frame, 4A powered
up, 4E busy, 4F idle (after a status query's 41, and when it has finished). Source: the board's datasheet and a driver
in public code. Where they say nothing: a character takes `PER_CHARACTER` seconds, half a frame is a bad one after
0.1 s, the first good frame in its sleep wakes it and is lost, the baud rate is 9600 again after power-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from simulators.gap import heard
from simulators.port import Gone, Wire

SPEAK, STOP, PAUSE, RESUME, STATUS, SPEED, SLEEP = 0x01, 0x02, 0x03, 0x04, 0x21, 0x31, 0x88
PLAIN = (STOP, PAUSE, RESUME, STATUS, SLEEP)
ACCEPTED, BAD, POWER_UP, BUSY, IDLE = b"\x41", b"\x45", b"\x4a", b"\x4e", b"\x4f"
ENCODINGS = ("gb2312", "gbk", "big5", "utf-16-be")
BAUDS = (9600, 19200, 38400)
LONGEST = 200  # bytes of text
PER_CHARACTER, PATIENCE = 0.25, 0.1  # seconds
NOISE = 4096  # a length beyond it is no length
TAG = re.compile(r"\[(?:([vm])(1[0-6]|[0-9])|(t)([0-5])|(n)(\d))\]")

# ---- frames


class Deframer:
    """Whole frames by their length field; an FD inside is text."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> bool:
        """Drops half a frame; False when there was none."""
        waited = bool(self._buffer)
        self._buffer.clear()
        return waited

    def feed(self, data: bytes) -> list[bytes]:
        """What stands between the length and the XOR of each frame; `b""` for a bad one."""
        self._buffer += data
        found: list[bytes] = []
        while True:
            del self._buffer[: self._buffer.find(0xFD) if 0xFD in self._buffer else len(self._buffer)]
            size = int.from_bytes(self._buffer[1:3], "big")
            if len(self._buffer) < 3 or (size <= NOISE and len(self._buffer) < 3 + size):
                return found
            frame = bytes(self._buffer[: 3 + size])
            good = 2 <= size <= NOISE and xor(frame[:-1]) == frame[-1]
            found.append(frame[3:-1] if good else b"")
            del self._buffer[: len(frame) if size <= NOISE else 1]


def xor(data: bytes) -> int:
    found = 0
    for byte in data:
        found ^= byte
    return found


# ---- speech


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something that was said, or begun to be, at `at` (loop time, seconds)."""

    at: float
    text: str
    """Without tags; □ for bytes that are no character."""
    raw: str
    """With tags."""
    volume: int | None
    """0 to 16; None when no tag ever set it. Likewise `speed` (0 to 5) and `music` (0 to 16)."""
    speed: int | None
    music: int | None
    background: int
    """Number of the background music, 0 for none."""


Mode = Literal["idle", "speaking", "paused", "asleep"]


class Syn6288:
    """One board; `spoken` is all it was asked to say, oldest first.

    Options: `when_busy` ("replace", default: a new text cuts the old one off; "refuse": 4E), `bad_frame` ("error",
    default: 45; "silent"), `power_up` (true: says 4A), `baud` (of the host's port, default 9600).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.spoken: deque[Spoken] = deque(maxlen=500)
        self.unplugged = self.mute = False
        self._refuses = options.get("when_busy", "replace") == "refuse"
        self._silent = options.get("bad_frame", "error") == "silent"
        self._greets = bool(options.get("power_up", False))
        self._host_baud = self._baud = int(options.get("baud", 9600))
        self._mode: Mode = "idle"
        self._tags: dict[str, int] = {}
        self._left = 0.0
        """Seconds of speech left when it was begun, paused or resumed."""
        self._timer: asyncio.TimerHandle | None = None
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def speaking(self) -> str:
        """The text that is being spoken, also while paused; "" otherwise."""
        return self.spoken[-1].text if self._mode in ("speaking", "paused") else ""

    async def talk(self, wire: Wire) -> None:
        self._outbox = asyncio.Queue()
        saying = asyncio.create_task(self._say_all(wire))
        try:
            with contextlib.suppress(Gone):
                await self._listen(wire)
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)

    async def _say_all(self, wire: Wire) -> None:
        with contextlib.suppress(Gone):
            while True:
                await wire.write(await self._outbox.get())

    async def _listen(self, wire: Wire) -> None:
        deframer = Deframer()
        async with contextlib.aclosing(heard(wire, PATIENCE)) as pieces:
            async for data in pieces:
                if self.unplugged or self._baud != self._host_baud:
                    deframer.forget()
                    continue
                for body in deframer.feed(data):
                    self._receive(body)
                if not data and deframer.forget():
                    self._receive(b"")

    def _say(self, data: bytes) -> None:
        if not self.unplugged and not self.mute:
            self._outbox.put_nowait(data)

    # ---- commands

    def _receive(self, body: bytes) -> None:
        if self._mode == "asleep":
            if body:
                self._mode = "idle"
            return
        if not self._known(body):
            if not self._silent:
                self._say(BAD)
        elif body[0] == SPEAK:
            self._speak(body[1], body[2:])
        else:
            self._obey(body)

    def _known(self, body: bytes) -> bool:
        if not body:
            return False
        if body[0] == SPEAK:
            return 3 <= len(body) <= 2 + LONGEST and body[1] & 0x07 < len(ENCODINGS)
        if body[0] == SPEED:
            return len(body) == 2 and body[1] < len(BAUDS)
        return len(body) == 1 and body[0] in PLAIN

    def _obey(self, body: bytes) -> None:
        command, busy = body[0], self._mode in ("speaking", "paused")
        self._say(ACCEPTED)
        if command == STATUS:
            self._say(BUSY if busy else IDLE)
        elif command == SPEED:
            self._baud = BAUDS[body[1]]
        elif command in (STOP, SLEEP):
            self._stop_clock()
            self._mode = "asleep" if command == SLEEP else "idle"
        elif command == PAUSE and self._mode == "speaking":
            self._stop_clock()
            self._mode = "paused"
        elif command == RESUME and self._mode == "paused":
            self._begin(self._left)

    def _speak(self, parameter: int, data: bytes) -> None:
        if self._refuses and self._mode != "idle":
            self._say(BUSY)
            return
        raw = data.decode(ENCODINGS[parameter & 0x07], "replace").replace("\ufffd", "□")
        for found in TAG.finditer(raw):
            kind, level = [part for part in found.groups() if part]
            self._tags[kind] = int(level)
        text, tags = TAG.sub("", raw), self._tags
        said = Spoken(_now(), text, raw, tags.get("v"), tags.get("t"), tags.get("m"), parameter >> 3)
        self._say(ACCEPTED)
        self.spoken.append(said)
        self._stop_clock()
        self._begin(len(text) * PER_CHARACTER)

    # ---- time

    def _begin(self, seconds: float) -> None:
        self._mode, self._left = "speaking", seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self._finish)

    def _finish(self) -> None:
        self._mode, self._timer = "idle", None
        self._say(IDLE)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._left = self._timer.when() - _now()
            self._timer.cancel()
            self._timer = None

    # ---- what a person does and sees

    def power_cycle(self) -> None:
        self._stop_clock()
        self._mode, self._baud, self._tags = "idle", 9600, {}
        if self._greets:
            self._say(POWER_UP)

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
            "mode": self._mode,
            "speaking": self.speaking,
            "spoken": [{"text": each.text, "volume": each.volume, "speed": each.speed} for each in self.spoken][-5:],
            "baud": self._baud,
            "mute": self.mute,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        return draw(self._mode, self.speaking or (self.spoken[-1].text if self.spoken else ""))


def _now() -> float:
    return asyncio.get_running_loop().time()


# ---- drawing

STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
WORDS: dict[Mode, str] = {"idle": "空闲", "speaking": "正在播报", "paused": "暂停", "asleep": "休眠"}
LAMPS: dict[Mode, str] = {"idle": "#35d04a", "speaking": "#ff4030", "paused": "#ffb000", "asleep": "#3a444d"}
WAVES = "M62 40Q70 50 62 60M70 32Q84 50 70 68M78 24Q98 50 78 76"
ROW = 16  # characters


def draw(mode: Mode, text: str) -> str:
    """A loudspeaker with its busy light and what it says, or (grey) said last."""
    rows = [text[at : at + ROW] for at in range(0, len(text), ROW)][:4] or ["还没有播报"]
    colour = "#fff" if mode in ("speaking", "paused") else "#8a98a5"
    words = "".join(
        f'<text x="112" y="{34 + nth * 24}" font-size="18" fill="{colour}">{escape(row)}</text>'
        for nth, row in enumerate(rows)
    )
    waves = f'<path d="{WAVES}" stroke="#ffb000" stroke-width="4" fill="none"/>' if mode == "speaking" else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 132" width="840" height="264" {STYLE}>'
        '<rect width="420" height="132" rx="6" fill="#2b2f33"/>'
        f'<path d="M16 40H30L52 22V78L30 60H16Z" fill="#d5dde4"/>{waves}'
        f'<circle cx="24" cy="110" r="7" fill="{LAMPS[mode]}"/>'
        f'<text x="40" y="115" font-size="14" fill="#b9c7d4">{WORDS[mode]}</text>{words}</svg>'
    )


SIMULATOR = Syn6288
