"""What stands on a counter of the FF 68 bus: a call box with its keys and display, and the evaluator beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.call_bus_frames import BEEP, SHOW, START, Frame

BLANK, STARS = 0x0A, 0x05
ASK = b"\x0b"
DIGITS = 6  # of the display
SECONDS = {"asking": 60.0, "lamp": 3.0, "beep": 1.0, "thanks": 3.0, "key": 1.0}
"""How long the evaluator waits for the visitor, and how long a person sees what happens in a moment."""


@dataclass(frozen=True, slots=True)
class Key:
    label: str
    code: int
    digits: tuple[int, ...] = ()
    """Typed before the key by whoever means this: 弃号 is a 6 and then the function key."""


HALL = {
    "call": Key("呼叫", 0x0C),
    "recall": Key("重呼", 0x0D),
    "finish": Key("办结", 0x0B),
    "cancel": Key("取消", 0x0E),
    "pause": Key("暂停", 0x12),
    "transfer": Key("转移", 0x13),
    "line": Key("一米线", 0x11),
    "function": Key("功能", 0x0F),
    "miss": Key("弃号", 0x0F, (6,)),
    "hold": Key("挂起", 0x0F, (0,)),
    "resume": Key("回叫", 0x0F, (3,)),
}
SLZ = {
    "call": Key("呼叫", 0x0C),
    "recall": Key("重呼", 0x0D),
    "finish": Key("评价", 0x0B),
    "cancel": Key("取消", 0x0E),
    "transfer": Key("转移", 0x0A),
    "function": Key("功能", 0x0F),
    "miss": Key("弃号", 0x0F, (5,)),
    "pause": Key("暂停", 0x0F, (0,)),
    "sign_out": Key("退出", 0x0F, (4,)),
}
MOST_TYPED = {"hall": 2, "slz": DIGITS}
"""Digits before a key: the host of the first kind takes no frame with L over 5."""
KEY_MAPS: dict[str, Mapping[str, Key]] = {"hall": HALL, "slz": SLZ}
GRADES = {4: "非常满意", 3: "满意", 2: "基本满意", 1: "不满意", 0: "非常不满意"}


@dataclass(slots=True)
class Box:
    no: int
    """Its place on the counter, and the address it should have."""
    address: int
    """What its switches are set to."""
    digits: str = " " * DIGITS
    """What the host shows; a blank is a space."""
    typed: str = ""
    ok: bool | None = None
    """The last ok or fail of the host."""
    beeps: int = 0
    stars: int = 0
    graded: int | None = None
    """What the visitor pressed last."""
    fault: str = ""
    """What the box shows when the host did not answer its last frame."""
    sent: int = 0
    """Frames sent, repeats counted."""
    last: tuple[int, ...] = (HALL["call"].code,)
    """The digits and the key that were pressed last: the one that sticks."""
    stuck: bool = False
    lurking: bool = False
    """Its key is about to be pressed in the moment that the host speaks."""
    until: dict[str, float] = field(default_factory=dict)
    """Loop time at which what `SECONDS` names is over."""
    speaking: asyncio.Lock = field(default_factory=asyncio.Lock)
    awaits: tuple[bytes, asyncio.Future[None]] | None = None
    """The answer without which it repeats."""

    def begin(self, what: str, now: float) -> None:
        self.until[what] = now + SECONDS[what]

    def during(self, what: str, now: float) -> bool:
        return now < self.until.get(what, 0.0)

    def answered(self, raw: bytes) -> bool:
        """Whether it waits for this frame; if so it waits no more."""
        waits = self.awaits is not None and self.awaits[0] == raw
        if self.awaits is not None and waits and not self.awaits[1].done():
            self.awaits[1].set_result(None)
        return waits

    def type(self, digit: str, most: int) -> None:
        self.typed = (self.typed + digit)[:most]

    def take_typed(self) -> tuple[int, ...]:
        typed, self.typed = self.typed, ""
        return tuple(map(int, typed))

    def show(self, frame: Frame, now: float) -> str:
        """What the host wants of the display; returns what happened, or nothing."""
        if frame.function == BEEP and not frame.data:
            self.beeps += 1
            self.begin("beep", now)
            return "beep"
        if frame.function == SHOW and len(frame.data) == DIGITS and max(frame.data) <= BLANK:
            self.digits = "".join(" " if digit == BLANK else str(digit) for digit in frame.data)
            return f"show {self.digits}"
        if frame.function == SHOW and frame.data in (b"\0", b"\1"):
            self.ok = frame.data == b"\1"
            self.begin("lamp", now)
            return "ok" if self.ok else "fail"
        return ""

    def ask(self, frame: Frame, now: float) -> str:
        """What the host wants of the evaluator; returns what happened, or nothing."""
        if frame.function == START and frame.data == ASK:
            self.begin("asking", now)
            return "evaluation"
        if frame.function == SHOW and len(frame.data) == 2 and frame.data[0] == STARS:
            self.stars = frame.data[1]
        return ""

    def state(self, now: float) -> dict[str, Any]:
        return {
            "address": self.address,
            "digits": self.digits,
            "typed": self.typed,
            "ok": self.ok,
            "lamp": self.during("lamp", now),
            "beeps": self.beeps,
            "stars": self.stars,
            "evaluation": self.during("asking", now),
            "fault": self.fault,
            "sent": self.sent,
            "stuck": self.stuck,
        }
