"""Keypads and evaluators that are USB keyboards (数字小键盘, 键盘式评价器), by their boot reports of 8 bytes.

    modifiers | 00 | usage | usage | usage | usage | usage | usage          the keys that are down now; 00 fills up

A report says what is down, in any order: a press is a usage that was not down before. 01 in all six places says that
more keys are down than it has room for; 02 and 03 are faults; such a report changes nothing. The digits above the
letters and those of the keypad are the same keys here, and modifiers are no keys: shift and 1 is 1.

`use = "evaluator"`: `grades` has the keys in the order of the grades. `use = "keypad"`: a call box without a display,
where digits go before the key that `keys` gives a meaning. A keypad whose 00 types two quick zeros has one zero here.
Any link can carry reports, one after the other; only silence, and the 00 in the second place, tell where one begins.

Source: USB HID 1.11, appendix B.1 and C; HID Usage Tables, keyboard page (07). Not proven on hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from drivers.base import Condition, Device, DeviceEvent, Evaluator, Graded, KeyPressed, Misconfigured, Unreachable

# ---- codec

REPORT: Final = 8
FAULTS: Final = frozenset((0x01, 0x02, 0x03))
PRINTED: Final[Mapping[str, tuple[int, ...]]] = {
    **{chr(ord("A") + nth): (0x04 + nth,) for nth in range(26)},
    **{str((nth + 1) % 10): (0x1E + nth, 0x59 + nth) for nth in range(10)},
    **{f"F{nth + 1}": (0x3A + nth,) for nth in range(12)},
    **{f"F{nth + 13}": (0x68 + nth,) for nth in range(12)},
    "Enter": (0x28, 0x58),
    "Esc": (0x29,),
    "Backspace": (0x2A,),
    "Tab": (0x2B,),
    "Space": (0x2C,),
    "-": (0x2D, 0x56),
    "=": (0x2E, 0x67),
    ",": (0x36,),
    ".": (0x37, 0x63),
    "/": (0x38, 0x54),
    "*": (0x55,),
    "+": (0x57,),
}
"""What is printed on a key, and its usages: above the letters, and on the keypad."""
NAMES: Final = {usage: name for name, usages in PRINTED.items() for usage in usages}


class Decoder:
    """Cuts a stream into reports: the usages of each, in order."""

    def __init__(self) -> None:
        self.garbage = 0
        self.bad_frames = 0
        self.rest = bytearray()
        """A report that has begun."""

    def feed(self, data: bytes) -> list[tuple[int, ...]]:
        reports = []
        self.rest += data
        while len(self.rest) > 1:
            if self.rest[1]:
                self.garbage += 1
                del self.rest[0]
                continue
            if len(self.rest) < REPORT:
                break
            reports.append(tuple(usage for usage in self.rest[2:REPORT] if usage))
            del self.rest[:REPORT]
        return reports

    def forget(self) -> None:
        """Silence: what has begun will not be finished."""
        self.bad_frames += bool(self.rest)
        self.rest.clear()


# ---- keys that are down

BOUNCE_S: Final = 0.03
"""A worn contact opens for some milliseconds while its key is held; the quickest finger lets go for longer."""
STUCK_S: Final = 10.0
INSTANT_S: Final = 1e-3
"""Timers may fire so much too early."""


class Keys:
    """Which keys are down, and since when. A release is believed when it has lasted `BOUNCE_S`."""

    def __init__(self) -> None:
        self._down: dict[int, float] = {}
        self._up: dict[int, float] = {}
        """Of those, the ones that have gone up, and when."""

    def take(self, usages: Iterable[int], now: float) -> list[int]:
        """The keys that a report presses, each once, in its order."""
        usages = dict.fromkeys(usages)
        self._forget(now)
        if FAULTS & usages.keys():
            return []
        for usage in self._down.keys() - usages.keys():
            self._up.setdefault(usage, now)
        pressed = []
        for usage in usages:
            self._up.pop(usage, None)
            if usage not in self._down:
                self._down[usage] = now
                pressed.append(usage)
        return pressed

    def stuck(self, now: float) -> bool:
        """Whether a key has been down for `STUCK_S`."""
        self._forget(now)
        return any(self._up.get(usage, now) + INSTANT_S >= since + STUCK_S for usage, since in self._down.items())

    def due(self, now: float) -> float | None:
        """When `stuck` is to be asked again, if nothing comes before; None: never."""
        ends = (self._up[key] + BOUNCE_S if key in self._up else since + STUCK_S for key, since in self._down.items())
        return min((at for at in ends if at > now + INSTANT_S), default=None)

    def _forget(self, now: float) -> None:
        for usage in [usage for usage, at in self._up.items() if now + INSTANT_S >= at + BOUNCE_S]:
            del self._up[usage], self._down[usage]


# ---- options

GRADES: Final = "12345"
KEYS: Final = {"Enter": "call", "+": "recall", "-": "finish", "*": "miss", "/": "transfer", ".": "pause"}
WORDS: Final = (
    *("call", "recall", "start", "finish", "cancel", "pause", "transfer", "miss", "hold", "resume"),
    *("sign_in", "sign_out"),
)


def grades(options: Mapping[str, Any]) -> dict[str, int]:
    """The grade of each key; empty for a keypad. Raises `Misconfigured`."""
    if _use(options) == "keypad":
        return {}
    written = str(options.get("grades", GRADES)).upper()
    if not written or len(set(written)) < len(written) or not set(written) <= PRINTED.keys():
        raise Misconfigured(f"grades has one digit or letter for each key, that of grade 0 first, such as {GRADES}")
    return {key: grade for grade, key in enumerate(written)}


def functions(options: Mapping[str, Any]) -> dict[str, str]:
    """The hall's word for each key; empty for an evaluator. Raises `Misconfigured`."""
    if _use(options) == "evaluator":
        return {}
    keys = options.get("keys", KEYS)
    if not isinstance(keys, Mapping) or not keys:
        raise Misconfigured("keys is a table from the name of a key to a word of the hall")
    if strange := [str(key) for key in keys if key not in PRINTED]:
        raise Misconfigured(f"keys knows no {', '.join(strange)}; known are {', '.join(PRINTED)}")
    if strange := [str(word) for word in keys.values() if word not in WORDS]:
        raise Misconfigured(f"keys makes {', '.join(strange)} of a key; known are {', '.join(WORDS)}")
    return dict(keys)


def _use(options: Mapping[str, Any]) -> str:
    use = str(options.get("use", "evaluator"))
    other = {"evaluator": "keys", "keypad": "grades"}.get(use)
    if other is None:
        raise Misconfigured("use is evaluator or keypad")
    if other in options:
        raise Misconfigured(f"{other} means nothing where use is {use}")
    return use


# ---- device

SILENCE_S: Final = 0.5
"""Within a report: far more than any line takes for 8 bytes."""
FORGET_S: Final = 10.0
"""After so long without a key the digits that were typed belong to nothing any more."""
MOST_DIGITS: Final = 8


@dataclass(slots=True)
class Hid(Device):
    """One keypad, address 0. The capability is `Evaluator`, unless `use` is keypad: then it only tells keys."""

    TELLS: ClassVar[tuple[type, ...]] = (KeyPressed, Graded)
    OPTIONS: ClassVar[Mapping[str, type]] = {"use": str, "grades": str, "keys": dict}

    ignored: int = field(default=0, init=False)
    """Presses of keys that mean nothing here, and digits that were too many."""
    _grades: dict[str, int] = field(init=False)
    _functions: dict[str, str] = field(init=False)
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _keys: Keys = field(default_factory=Keys, init=False)
    _typed: tuple[int, ...] = field(default=(), init=False)
    _typed_at: float = field(default=0.0, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        use = "evaluator" if grades(options) else "keypad"
        functions(options)
        if address != 0:
            return f"it is one place, address 0, and not {address}"
        wanted = "evaluator" if capability is Evaluator else "keypad"
        return None if use == wanted else f"its options.use is {use}"

    def __post_init__(self) -> None:
        self._grades, self._functions = grades(self.options), functions(self.options)

    async def invite(self, address: int, evaluation: str = "") -> None:
        """It has nothing to ask with. Raises `Unreachable` when it is known to be gone."""
        await self.send(b"")

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Presses as they come, and `stuck_key`; a keypad that nobody touches yields nothing and is no fault."""
        told = False
        while True:
            now = _now()
            if self._keys.stuck(now) != told:
                told = not told
                yield Condition("stuck_key", told)
                continue
            reports = await self._reports(self._keys.due(now))
            now = _now()
            for usage in [usage for report in reports for usage in self._keys.take(report, now)]:
                event = self._meaning(NAMES.get(usage, ""), now)
                if event is not None:
                    yield event

    async def _reports(self, until: float | None) -> list[tuple[int, ...]]:
        """The next reports; none when that time has come."""
        silence = _now() + SILENCE_S if self._decoder.rest else None
        try:
            async with asyncio.timeout_at(min((at for at in (until, silence) if at is not None), default=None)):
                data = await self.receive()
        except TimeoutError:
            if silence is not None and silence <= (until or silence):
                self._decoder.forget()
            data = b""
        except Unreachable:
            await self.hang_up()
            raise
        reports = self._decoder.feed(data)
        self.counters.frames_in += len(reports)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames
        return reports

    def _meaning(self, key: str, now: float) -> KeyPressed | Graded | None:
        if now - self._typed_at > FORGET_S:
            self._typed = ()
        self._typed_at = now
        if key in self._grades:
            return Graded(0, self._grades[key])
        if key in self._functions:
            digits, self._typed = self._typed, ()
            return KeyPressed(0, self._functions[key], digits)
        typed = _typed(self._typed, key) if self._functions else ()
        self.ignored += typed == self._typed
        self._typed = typed
        return None


def _typed(before: tuple[int, ...], key: str) -> tuple[int, ...]:
    """The digits after a key without a meaning of its own."""
    if key == "Backspace":
        return before[:-1]
    return (*before, int(key)) if key.isdigit() and len(before) < MOST_DIGITS else before


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = Hid
