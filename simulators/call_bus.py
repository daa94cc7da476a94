"""The FF 68 bus: call boxes with number displays and evaluators on one RS485 line. Not proven on hardware.

    FF 68 L L 68 | address | function | data (L - 2 bytes) | sum8 of address..data | 16

A box sends its keys (digits first, the key last) and waits for the same bytes back; an evaluator sends function 11 with
the grade and waits for the same frame with function 01. The host sends 02 (six digits, ok/fail, or stars), 03 (beep)
and 01 0B (start evaluation), which also exists without FF. Source: two independent queueing systems in public code.
What neither says is chosen here: keys have function 00, a frame without its answer is repeated `REPEATS` times every
`PATIENCE`, and an evaluator waits `EVALUATION` for the visitor.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.call_bus_picture import draw
from simulators.port import Gone, Wire

KEY, START, SHOW, BEEP, GRADE = 0x00, 0x01, 0x02, 0x03, 0x11
KEYS = {"call": 0x0C, "recall": 0x0D, "finish": 0x0B}
LABELS = {"call": "呼叫", "recall": "重呼", "finish": "办结"}
GRADES = {4: "非常满意", 3: "满意", 2: "基本满意", 1: "不满意", 0: "非常不满意"}
BLANK, STARS = 0x0A, 0x05
REPEATS, PATIENCE, EVALUATION = 3, 0.06, 60.0  # times, seconds, seconds
MOST = 16  # the largest L a box takes for a frame
NO_ANSWER = "无应答"

# ---- frames


@dataclass(frozen=True, slots=True)
class Frame:
    address: int
    function: int
    data: bytes
    raw: bytes


def build(address: int, function: int, data: Iterable[int] = ()) -> bytes:
    body = bytes([address, function, *data])
    return bytes([0xFF, 0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


class Deframer:
    """Finds frames in what the host sends: those with FF, and the short start-evaluation `68 02 02 68 A 01 CS 16`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> None:
        """Power went: what was half heard is gone."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        found = []
        while self._buffer:
            size = _size(self._buffer)
            if size is None:
                break
            if size == 0:
                del self._buffer[0]
                continue
            found.append(_frame(bytes(self._buffer[:size])))
            del self._buffer[:size]
        return found


def _size(buffer: bytearray) -> int | None:
    """Bytes of the frame at the start; 0 when there is none, None when it is not all here yet."""
    lead = 1 if buffer[0] == 0xFF else 0
    head = buffer[lead : lead + 4]
    if any(byte != 0x68 for byte in head[0:4:3]) or (len(head) > 2 and head[1] != head[2]):
        return 0
    if len(head) > 1 and not (2 <= head[1] <= MOST if lead else head[1] == 2):
        return 0
    if len(head) < 4 or len(buffer) < lead + head[1] + 6:
        return None
    body = buffer[lead + 4 : lead + 4 + head[1]]
    end = lead + 4 + head[1]
    whole = buffer[end] == sum(body) & 0xFF and buffer[end + 1] == 0x16 and (lead or body[1] == START)
    return end + 2 if whole else 0


def _frame(raw: bytes) -> Frame:
    body = raw[5:-2] if raw[0] == 0xFF else raw[4:-2] + b"\x0b"
    return Frame(body[0], body[1], body[2:], raw)


# ---- what stands on the counters


@dataclass(slots=True)
class Box:
    """A call box with its display, and the evaluator beside it."""

    address: int
    digits: str = "      "
    """What the six digits show; a blank is a space."""
    ok: bool | None = None
    """The last ok or fail of the host."""
    beeps: int = 0
    stars: int = 0
    evaluation_until: float | None = None
    """Loop time until which the evaluator asks the visitor; None when it does not."""
    fault: str = ""
    """What the box shows when the host did not answer its last frame."""
    sent: int = 0
    """Frames sent, repeats counted."""

    def active(self, now: float) -> bool:
        return self.evaluation_until is not None and now < self.evaluation_until


class CallBus:
    """A line with many boxes. `press` and `grade` are what people do; True when the host answered.

    Options: `boxes` (addresses; without it a box exists from its first use on), `evaluator_offset` (0 when an evaluator
    has the address of its box, 128 when it has that plus 80 hex), `two_wire_echo` (the line returns the host's bytes).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.evaluator_offset = int(options.get("evaluator_offset", 0))
        self._two_wire_echo = bool(options.get("two_wire_echo", False))
        self._fixed = "boxes" in options
        named = options.get("boxes") or options.get("addresses") or []
        self.boxes = {address: Box(address) for address in sorted(self._box_of(int(each)) for each in named)}
        self.history: deque[tuple[float, int, str]] = deque(maxlen=500)
        self.unplugged = False
        self._wire: Wire | None = None
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    def box(self, address: int) -> Box:
        """Raises KeyError when the option `boxes` does not name it."""
        if address not in self.boxes and not self._fixed:
            self.boxes = dict(sorted([*self.boxes.items(), (address, Box(address))]))
        return self.boxes[address]

    def _box_of(self, address: int) -> int:
        return address - self.evaluator_offset if address >= 0x80 else address

    # ---- the line

    async def talk(self, wire: Wire) -> None:
        deframer, self._wire = Deframer(), wire
        try:
            with contextlib.suppress(Gone):
                while True:
                    data = await wire.read()
                    await self._take(wire, deframer, data)
        finally:
            if self._wire is wire:
                self._wire = None

    async def _take(self, wire: Wire, deframer: Deframer, data: bytes) -> None:
        if self.unplugged:
            deframer.forget()
            return
        if self._two_wire_echo:
            await wire.write(data)
        for frame in deframer.feed(data):
            self._hear(frame)

    def _hear(self, frame: Frame) -> None:
        waiting = self._waiting.get(frame.raw)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
            return
        if frame.function not in (START, SHOW, BEEP):
            return
        with contextlib.suppress(KeyError):  # an address that nobody has on this line
            box = self.box(self._box_of(frame.address))
            at_evaluator = frame.address == box.address + self.evaluator_offset
            if at_evaluator:
                self._evaluator_obeys(box, frame)
            if frame.address == box.address:
                self._box_obeys(box, frame)

    def _box_obeys(self, box: Box, frame: Frame) -> None:
        if frame.function == BEEP and not frame.data:
            box.beeps += 1
            self._note(box, "beep")
        elif frame.function == SHOW and len(frame.data) == 6 and max(frame.data) <= BLANK:
            box.digits = "".join(" " if digit == BLANK else str(digit) for digit in frame.data)
            self._note(box, f"show {box.digits}")
        elif frame.function == SHOW and len(frame.data) == 1 and frame.data[0] in (0, 1):
            box.ok = frame.data[0] == 1

    def _evaluator_obeys(self, box: Box, frame: Frame) -> None:
        if frame.function == START and frame.data == b"\x0b":
            box.evaluation_until = _now() + EVALUATION
            self._note(box, "evaluation")
        elif frame.function == SHOW and len(frame.data) == 2 and frame.data[0] == STARS:
            box.stars = frame.data[1]

    def _note(self, box: Box, what: str) -> None:
        self.history.append((_now(), box.address, what))

    # ---- what people do

    async def press(self, address: int, key: int, digits: Iterable[int] = ()) -> bool:
        """A key after the digits typed before it. True when the host echoed the frame, byte for byte."""
        frame = build(address, KEY, [*digits, key])
        self._note(self.box(address), f"key {key:02X}")
        return await self._send(self.box(address), frame, answer=frame)

    async def grade(self, address: int, grade: int) -> bool:
        """A visitor's press, also when nobody asked for it. True when the host acknowledged the grade."""
        box = self.box(address)
        box.evaluation_until = None
        self._note(box, f"grade {grade}")
        at = address + self.evaluator_offset
        return await self._send(box, build(at, GRADE, [grade]), answer=build(at, START, [grade]))

    async def _send(self, box: Box, frame: bytes, answer: bytes) -> bool:
        async with self._locks.setdefault(box.address, asyncio.Lock()):
            answered = self._waiting[answer] = asyncio.get_running_loop().create_future()
            try:
                heard = await self._repeat(box, frame, answered)
            finally:
                del self._waiting[answer]
            box.fault = "" if heard else NO_ANSWER
            return heard

    async def _repeat(self, box: Box, frame: bytes, answered: asyncio.Future[None]) -> bool:
        for _ in range(1 + REPEATS):
            box.sent += 1
            if await self._put(frame) and await _within(PATIENCE, answered):
                return True
        return False

    async def _put(self, frame: bytes) -> bool:
        """False when nobody is at the other end of the line."""
        if self._wire is None or self.unplugged:
            return False
        try:
            await self._wire.write(frame)
        except Gone:
            return False
        return True

    # ---- what a person does and sees on the page

    def controls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{"name": "unplug", "label": "拔线", "on": self.unplugged}]
        for no in self.boxes:
            keys = [{"name": f"{key}:{no}", "label": f"{no}号 {LABELS[key]}", "group": f"{no}号"} for key in KEYS]
            levels = [
                {"name": f"grade:{no}:{grade}", "label": word, "group": f"{no}号"} for grade, word in GRADES.items()
            ]
            found += keys + levels
        return found

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name == "unplug":
            self.unplugged = not self.unplugged
            return None
        return self._operate(*name.split(":"))

    async def _operate(self, what: str, address: str, grade: str = "") -> None:
        if what == "grade":
            await self.grade(int(address), int(grade))
        else:
            await self.press(int(address), KEYS[what])

    def state(self) -> dict[str, Any]:
        now = _now()
        return {
            "connected": self._wire is not None,
            "unplugged": self.unplugged,
            "boxes": {
                str(box.address): {
                    "digits": box.digits,
                    "ok": box.ok,
                    "beeps": box.beeps,
                    "stars": box.stars,
                    "evaluation": box.active(now),
                    "fault": box.fault,
                    "sent": box.sent,
                }
                for box in self.boxes.values()
            },
        }

    def picture(self) -> str:
        now = _now()
        return draw([(box.address, box.digits, box.active(now), box.stars, box.fault) for box in self.boxes.values()])


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _within(seconds: float, answered: asyncio.Future[None]) -> bool:
    done, _ = await asyncio.wait([answered], timeout=seconds)
    return bool(done)


SIMULATOR = CallBus
