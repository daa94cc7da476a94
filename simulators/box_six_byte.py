"""Six-byte call boxes with a number display, several on one line. Not proven on hardware.

    destination 1 | source 1 | command 1 | data 2 | FF      (the host is 01; FF may also be data: six bytes, always)

Box to host: 00 next, 02 recall (data 73 73), 06 login, 1A logout. Host to box: 01 show number (hundreds, remainder),
05 login accepted, 07 login refused, 1C waiting count. Source: one queue system in public code, which its author never
brought up on hardware. Where it says nothing: a login carries the staff number and 1C the count as hundreds and
remainder too, logout carries 73 73, nothing is ever answered, half a frame is forgotten after 0.1 s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.gap import heard
from simulators.port import Gone, Wire
from simulators.seven_segment import PATTERNS, svg

HOST, END, SIZE = 0x01, 0xFF, 6
KEYS = {"next": 0x00, "recall": 0x02, "login": 0x06, "logout": 0x1A}
LABELS = {"next": "下一位", "recall": "重呼", "login": "登录 1001", "login_ff": "登录 25599", "logout": "退出"}
STAFF = {"login": 1001, "login_ff": 25599}
"""Who signs in on the page; the second has an FF inside the frame."""
SHOW, ACCEPTED, REFUSED, WAITING = 0x01, 0x05, 0x07, 0x1C
NO_DATA = b"\x73\x73"
DIGITS = 5
PATIENCE = 0.1  # seconds


@dataclass(slots=True)
class Box:
    address: int
    number: int | None = None
    """What the display shows; None when it is blank."""
    waiting: int | None = None
    login: str = ""
    """`asked`, `accepted`, `refused`, or "" when nobody is signed in."""

    def obey(self, command: int, data: bytes) -> bool:
        """False for a command that a box does not know or data that is no number."""
        if command in (SHOW, WAITING) and data[1] >= 100:
            return False
        number = data[0] * 100 + data[1]
        if command == SHOW:
            self.number = number
        elif command == WAITING:
            self.waiting = number
        elif command in (ACCEPTED, REFUSED):
            self.login = "accepted" if command == ACCEPTED else "refused"
        else:
            return False
        return True


class Deframer:
    """Six bytes: a box of this line, the host, ..., FF. Otherwise the first byte is noise."""

    def __init__(self, addresses: frozenset[int]) -> None:
        self._addresses = addresses
        self._buffer = bytearray()

    def forget(self) -> None:
        """Half a frame is dropped when the rest does not come."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        found = []
        while len(self._buffer) >= SIZE:
            frame = bytes(self._buffer[:SIZE])
            good = frame[0] in self._addresses and frame[1] == HOST and frame[5] == END
            if good:
                found.append(frame)
            del self._buffer[: SIZE if good else 1]
        return found


class SixByteLine:
    """Boxes on one line; `press` is what a clerk does. Options: `addresses` (default [3])."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.boxes = {int(address): Box(int(address)) for address in options.get("addresses") or [3]}
        self.history: deque[tuple[float, int, str]] = deque(maxlen=500)
        """Loop time, address and what happened: `show 12`, `key next`."""
        self.unplugged = False
        self._wire: Wire | None = None

    async def talk(self, wire: Wire) -> None:
        self._wire = wire
        try:
            await self._listen(wire)
        finally:
            if self._wire is wire:
                self._wire = None

    async def _listen(self, wire: Wire) -> None:
        deframer = Deframer(frozenset(self.boxes))
        with contextlib.suppress(Gone):
            async with contextlib.aclosing(heard(wire, PATIENCE)) as pieces:
                async for data in pieces:
                    self._hear(deframer, data)

    def _hear(self, deframer: Deframer, data: bytes) -> None:
        if not data or self.unplugged:
            deframer.forget()
            return
        for frame in deframer.feed(data):
            box = self.boxes[frame[0]]
            if box.obey(frame[2], frame[3:5]) and frame[2] == SHOW:
                self._note(box.address, f"show {box.number}")

    def _note(self, address: int, what: str) -> None:
        self.history.append((_now(), address, what))

    # ---- what people do and see

    async def press(self, address: int, key: str, data: bytes = NO_DATA) -> bool:
        """A key of `KEYS` with its two bytes of data; True when there was a line to say it on."""
        box = self.boxes[address]
        box.login = {"login": "asked", "logout": ""}.get(key, box.login)
        self._note(address, f"key {key}")
        if self._wire is None or self.unplugged:
            return False
        try:
            await self._wire.write(bytes([HOST, address, KEYS[key]]) + data + bytes([END]))
        except Gone:
            return False
        return True

    async def sign_in(self, address: int, staff: int) -> bool:
        """A clerk types a number of 0 to 25599; from 25500 on its first byte is FF."""
        return await self.press(address, "login", bytes(divmod(staff, 100)))

    def controls(self) -> list[dict[str, Any]]:
        rude: list[dict[str, Any]] = [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]
        keys = [
            {"name": f"{key}:{no}", "label": f"{no}号 {label}", "group": f"{no}号"}
            for no in self.boxes
            for key, label in LABELS.items()
        ]
        return rude + keys

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name == "power_cycle":
            self.boxes = {address: Box(address) for address in self.boxes}
        elif name == "unplug":
            self.unplugged = not self.unplugged
        else:
            return self._operate(*name.split(":"))
        return None

    async def _operate(self, key: str, address: str) -> None:
        await (self.sign_in(int(address), STAFF[key]) if key in STAFF else self.press(int(address), key))

    def state(self) -> dict[str, Any]:
        return {
            "boxes": {
                str(box.address): {"number": box.number, "waiting": box.waiting, "login": box.login}
                for box in self.boxes.values()
            },
            "connected": self._wire is not None,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        return svg([(_caption(box), _digits(box.number)) for box in self.boxes.values()])


LOGINS = {"asked": "等待登录", "accepted": "已登录", "refused": "登录被拒"}


def _caption(box: Box) -> str:
    waiting = "" if box.waiting is None else f" 等候 {box.waiting}"
    return f"{box.address} 号 {LOGINS.get(box.login, '未登录')}{waiting}"


def _digits(number: int | None) -> list[int]:
    text = "" if number is None else f"{number:03d}"
    return [PATTERNS[char] for char in text.rjust(DIGITS)]


def _now() -> float:
    return asyncio.get_running_loop().time()


SIMULATOR = SixByteLine
