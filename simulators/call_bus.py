"""The FF 68 bus: call boxes with number displays and evaluators on one RS485 line. Not proven on hardware.

    FF 68 L L 68 | address | function | data (L - 2 bytes) | sum8 of address..data | 16

A box sends its keys (digits first, the key last) and waits for the same bytes back; an evaluator sends function 11 with
the grade and waits for the same frame with function 01. The host sends 02 (six digits, ok/fail, or stars), 03 (beep)
and 01 0B (start evaluation), which also exists without FF. Source: two independent queueing systems in public code,
whose boxes have different keys (`hall` and `slz`, in call_bus_box.py).
What neither says is chosen here: keys have function 00, a frame without its answer is repeated `REPEATS` times every
`PATIENCE`, an evaluator waits 60 s for the visitor, and a box forgets what was typed when its key has been pressed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from simulators.call_bus_box import GRADES, KEY_MAPS, MOST_TYPED, Box
from simulators.call_bus_frames import BEEP, GRADE, SHOW, START, Frame
from simulators.call_bus_frames import KEY as KEY
from simulators.call_bus_frames import Deframer as Deframer
from simulators.call_bus_frames import build as build
from simulators.call_bus_picture import Look, draw
from simulators.call_bus_rude import LABELS, Rude, collided
from simulators.port import Gone, Wire

KEYS = {name: key.code for name, key in KEY_MAPS["hall"].items()}
REPEATS, PATIENCE = 3, 0.06  # times, seconds
BOUNCE, STUCK = 0.1, 0.1  # seconds from a frame's answer to its bounce, and between the frames of a key that sticks
NO_ANSWER = "无应答"
PLAIN = ("call", "recall", "finish")
"""Keys whose controls are named `call:3`; the others are `key:3:pause`, and these may be called so too."""


class CallBus:
    """A line with many boxes. `press` and `grade` are what people do; True when the host answered.

    Options: `boxes` (addresses; without it a box exists from its first use on), `evaluator_offset` (0 when an evaluator
    has the address of its box, 128 when it has that plus 80 hex), `keys` ("hall", default, or "slz"), `two_wire_echo`
    (the line returns the host's bytes). Raises `ValueError` for other keys.
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.evaluator_offset = int(options.get("evaluator_offset", 0))
        if (keys := options.get("keys", "hall")) not in KEY_MAPS:
            raise ValueError(f"{device_id}: keys are {' or '.join(KEY_MAPS)}, not {keys!r}")
        self.keys, self._most_typed = KEY_MAPS[keys], MOST_TYPED[keys]
        self.rude = Rude(echo=bool(options.get("two_wire_echo", False)))
        self._fixed = "boxes" in options
        named = options.get("boxes") or options.get("addresses") or []
        self.boxes = {address: Box(address, address) for address in sorted(self._box_of(int(each)) for each in named)}
        self.history: deque[tuple[float, int, str]] = deque(maxlen=500)
        self.unplugged = False
        self.gone = False
        """The port is away: every connection is hung up on."""
        self._wire: Wire | None = None
        self._sticking = asyncio.Event()
        self._hands: set[asyncio.Task[Any]] = set()

    def box(self, no: int) -> Box:
        """Raises KeyError when the option `boxes` does not name it."""
        if no not in self.boxes and not self._fixed:
            self.boxes = dict(sorted([*self.boxes.items(), (no, Box(no, no))]))
        return self.boxes[no]

    def _box_of(self, address: int) -> int:
        return address - self.evaluator_offset if address >= 0x80 else address

    # ---- the line

    async def talk(self, wire: Wire) -> None:
        if self.gone:
            await wire.close()
            return
        self._wire = wire
        hands = self._hands = {asyncio.create_task(self._repeat_what_sticks())}
        try:
            await self._listen(wire)
        finally:
            for hand in hands:
                hand.cancel()
            await asyncio.gather(*hands, return_exceptions=True)
            if self._wire is wire:
                self._wire = None

    async def _listen(self, wire: Wire) -> None:
        deframer = Deframer()
        with contextlib.suppress(Gone):
            while not self.gone:
                data = await wire.read()
                await self._take(wire, deframer, data)

    async def _take(self, wire: Wire, deframer: Deframer, data: bytes) -> None:
        if self.unplugged or self.rude.baud:
            deframer.forget()
            return
        if self.rude.echo:
            await wire.write(data)
        if lurking := next((box for box in self.boxes.values() if box.lurking), None):
            deframer.forget()
            await self._talk_over(wire, lurking, data)
            return
        for frame in deframer.feed(data):
            waited = [box.answered(frame.raw) for box in self.boxes.values()]
            if not any(waited) and frame.function in (START, SHOW, BEEP):
                self._obey(frame)

    def _obey(self, frame: Frame) -> None:
        with contextlib.suppress(KeyError):  # an address that nobody has on this line
            self.box(self._box_of(frame.address))
        now = _now()
        for box in self.boxes.values():
            if frame.address == box.address + self.evaluator_offset:
                self._note(box, box.ask(frame, now))
            if frame.address == box.address:
                self._note(box, box.show(frame, now))

    def _note(self, box: Box, what: str) -> None:
        if what:
            self.history.append((_now(), box.no, what))

    # ---- what people do

    async def press(self, no: int, key: int, digits: Iterable[int] = ()) -> bool:
        """A key after the digits typed before it. True when the host echoed the frame, byte for byte."""
        box = self.box(no)
        box.last = (*digits, key)
        box.begin("key", _now())
        self._note(box, f"key {key:02X}")
        frame = build(box.address, KEY, box.last)
        return await self._send(box, frame, answer=frame)

    async def grade(self, no: int, grade: int) -> bool:
        """A visitor's press, also when nobody asked for it. True when the host acknowledged the grade."""
        box = self.box(no)
        box.graded = grade
        box.until.pop("asking", None)
        box.begin("thanks", _now())
        self._note(box, f"grade {grade}")
        at = box.address + self.evaluator_offset
        return await self._send(box, build(at, GRADE, [grade]), answer=build(at, START, [grade]))

    async def _send(self, box: Box, frame: bytes, answer: bytes) -> bool:
        async with box.speaking:
            heard = await self._exchange(box, frame, answer)
            if heard and self.rude.bounce:
                await asyncio.sleep(BOUNCE)
                heard = await self._exchange(box, frame, answer)
            box.fault = "" if heard else NO_ANSWER
            return heard

    async def _exchange(self, box: Box, frame: bytes, answer: bytes) -> bool:
        answered = asyncio.get_running_loop().create_future()
        box.awaits = answer, answered
        try:
            for nth in range(1 + REPEATS):
                if await self._say(box, frame, nth) and await _within(PATIENCE, answered):
                    return True
                if self.rude.half:
                    return False
            return False
        finally:
            box.awaits = None

    async def _say(self, box: Box, frame: bytes, nth: int = 0) -> bool:
        """False when nobody is at the other end of the line."""
        box.sent += 1
        if self._wire is None or self.unplugged:
            return False
        try:
            await self._wire.write(self.rude.spoilt(frame, nth))
        except Gone:
            return False
        return True

    # ---- what happens without a finger

    async def _repeat_what_sticks(self) -> None:
        while True:
            await self._sticking.wait()
            stuck = [box for box in self.boxes.values() if box.stuck]
            for box in stuck:
                await self._say(box, build(box.address, KEY, box.last))
            if not stuck:
                self._sticking.clear()
            await asyncio.sleep(STUCK)

    async def _talk_over(self, wire: Wire, box: Box, data: bytes) -> None:
        """Its key is pressed in this moment: neither side understands the other, and the box says it again."""
        box.lurking = False
        await wire.write(collided(data, build(box.address, KEY, box.last)))
        self._hands.add(asyncio.create_task(self._say_again(box)))

    async def _say_again(self, box: Box) -> None:
        await asyncio.sleep(PATIENCE)
        await self.press(box.no, box.last[-1], box.last[:-1])

    # ---- what a person does and sees on the page

    def controls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
            {"name": "gone", "label": "端口消失", "on": self.gone},
        ]
        found += [{"name": name, "label": label, "on": getattr(self.rude, name)} for name, label in LABELS.items()]
        return found + [control for box in self.boxes.values() for control in self._controls(box)]

    def _controls(self, box: Box) -> list[dict[str, Any]]:
        """Rows of keys, digits, grades, and what is wrong with this box; the first label says whose they are."""
        no, other = box.no, self._other(box)
        keys = [(f"{name}:{no}" if name in PLAIN else f"key:{no}:{name}", key.label) for name, key in self.keys.items()]
        digits = [(f"digit:{no}:{digit}", str(digit)) for digit in range(10)]
        faults = {f"stuck:{no}": ("卡键", box.stuck), f"collide:{no}": ("抢话", box.lurking)}
        if other != no:
            faults[f"other:{no}"] = (f"地址设成 {other}", box.address == other)
        faults[f"nobody:{no}"] = ("地址设成没人用的", box.address == self._nobody())
        rows: list[list[dict[str, Any]]] = [
            [{"name": name, "label": label} for name, label in keys],
            [{"name": name, "label": label} for name, label in [*digits, (f"clear:{no}", "清除")]],
            [{"name": f"grade:{no}:{grade}", "label": word} for grade, word in GRADES.items()],
            [{"name": name, "label": label, "on": on} for name, (label, on) in faults.items()],
        ]
        rows[0][0]["label"] = f"{no}号 {rows[0][0]['label']}"
        return [each | {"group": f"{no}号 {nth}"} for nth, row in enumerate(rows) for each in row]

    def _other(self, box: Box) -> int:
        """The next box's address; its own where it is alone."""
        places = list(self.boxes)
        return places[(places.index(box.no) + 1) % len(places)]

    def _nobody(self) -> int:
        return next(address for address in range(0x7F, -1, -1) if address not in self.boxes)

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        what, *rest = name.split(":")
        if what == "key" and rest[1:] and rest[1] in PLAIN:
            what, rest = rest[1], rest[:1]
        if ":".join([what, *rest]) not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if rest:
            return self._operate(self.boxes[int(rest[0])], what, *rest[1:])
        if what == "gone":
            return self._leave()
        if what == "unplug":
            self.unplugged = not self.unplugged
        else:
            setattr(self.rude, what, not getattr(self.rude, what))
        return None

    async def _leave(self) -> None:
        self.gone = not self.gone
        if self.gone and self._wire is not None:
            await self._wire.close()

    def _operate(self, box: Box, what: str, which: str = "") -> Awaitable[None] | None:
        if what == "digit":
            box.type(which, self._most_typed)
        elif what == "clear":
            box.typed = ""
        elif what == "stuck":
            box.stuck = not box.stuck
            self._sticking.set()
        elif what == "collide":
            box.lurking = not box.lurking
        elif what in ("other", "nobody"):
            wanted = self._other(box) if what == "other" else self._nobody()
            box.address = box.no if box.address == wanted else wanted
        elif what == "grade":
            return _done(self.grade(box.no, int(which)))
        else:
            key = self.keys[which or what]
            return _done(self.press(box.no, key.code, (*box.take_typed(), *key.digits)))
        return None

    def state(self) -> dict[str, Any]:
        now = _now()
        return {
            "connected": self._wire is not None,
            "unplugged": self.unplugged,
            "boxes": {str(box.no): box.state(now) for box in self.boxes.values()},
        }

    def picture(self) -> str:
        now = _now()
        return draw([self._look(box, now) for box in self.boxes.values()])

    def _look(self, box: Box, now: float) -> Look:
        pressed = box.stuck or box.during("key", now)
        return Look(
            no=box.no,
            display=box.typed.rjust(len(box.digits)) if box.typed else box.digits,
            typing=bool(box.typed),
            lamp=box.ok if box.during("lamp", now) else None,
            beeping=box.during("beep", now),
            keys={name: key.label for name, key in self.keys.items() if not key.digits},
            pressed=next((name for name, key in self.keys.items() if pressed and key.code == box.last[-1]), ""),
            fault=box.fault,
            asking=box.during("asking", now),
            graded=box.graded if box.during("thanks", now) else None,
            stars=box.stars,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _within(seconds: float, answered: asyncio.Future[None]) -> bool:
    done, _ = await asyncio.wait([answered], timeout=seconds)
    return bool(done)


async def _done(doing: Awaitable[bool]) -> None:
    await doing


SIMULATOR = CallBus
