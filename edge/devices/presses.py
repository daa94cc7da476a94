"""What a press means: a key of a call box or of an evaluator becomes a use case of its window.

No press is passed over in silence: the display shows its number again, or the box beeps that this cannot be done now.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

from drivers.base import Condition, Graded, KeyPressed
from edge import hall as halls
from edge.clock import Clock
from edge.database import Unstored, Writer
from edge.devices.handlers import Answer
from edge.evaluation import desk as evaluation
from edge.notices.outputs import Again, Beep
from edge.queue import desk
from edge.refusal import Refused
from edge.windows import desk as windows

log = logging.getLogger("hall.presses")

DOUBLE_S = 0.3
"""A second press of the same key at a window within this time is the same press, at whichever of its boxes."""
BEEP_MS = 2_000
LONGEST_NUMBER = 9
"""Digits of a ticket's number, leading zeros counted; the database has no room for any number of them."""

MOVES = ("recall", "start", "finish", "miss", "hold")


class Presses:
    """Turns the presses of all boxes into use cases."""

    def __init__(self, hall: halls.Hall, writer: Writer, clock: Clock) -> None:
        self._hall, self._writer, self._clock = hall, writer, clock
        self._last: dict[tuple[int, str], float] = {}
        self._evaluators = {(w.evaluator.device, w.evaluator.address): w for w in hall.windows if w.evaluator}
        self.doubles = 0
        self.strangers = 0
        """Presses at an address that belongs to no window."""

    async def __call__(self, device: halls.Device, event: KeyPressed | Graded) -> list[Answer]:
        if isinstance(event, KeyPressed):
            return await self._key(device, event)
        return await self._graded(device, event)

    async def _key(self, device: halls.Device, event: KeyPressed) -> list[Answer]:
        window = self._hall.boxes.get((device.id, event.address))
        if window is None:
            return [self._no(device, event), self._stranger(device, event.address, f"key {event.key}")]
        again, press = Again(device.id, event.address), (window.no, event.key)
        if self._double(press):
            return [again]
        try:
            await self._move(event, window.no, f"device:{device.id}/{event.address}")
        except (Refused, Unstored) as error:
            log.info("window %d: %s refused: %s", window.no, event.key, error)
            return [self._no(device, event)]
        finally:
            self._last[press] = _monotonic()
        return [again]

    async def _move(self, event: KeyPressed, window: int, actor: str) -> None:
        use_case, command = _meaning(event, window, actor)
        if use_case is None:
            raise Refused("unknown_key", "这个键没有设置", f"{event.key} after {len(event.digits)} digits")
        await self._writer.do(use_case, command)

    def _no(self, device: halls.Device, event: KeyPressed) -> Beep:
        return Beep(device.id, event.address, self._clock.now().at + BEEP_MS)

    def _double(self, press: tuple[int, str]) -> bool:
        """A press lasts until its use case has ended: a slow disk must not make two of one."""
        at = _monotonic()
        double = at - self._last.get(press, -math.inf) < DOUBLE_S
        self.doubles += double
        if not double:
            self._last = {one: then for one, then in self._last.items() if at - then < DOUBLE_S} | {press: math.inf}
        return double

    async def _graded(self, device: halls.Device, event: Graded) -> list[Answer]:
        """Returns after the commit, or raises: then the press is not acknowledged on the wire."""
        window = self._evaluators.get((device.id, event.address))
        if window is None:
            return [self._stranger(device, event.address, "a grade")]
        level = _level(window, event.grade)
        if level is None:
            log.warning("%s: grade %d at address %d has no level", device.id, event.grade, event.address)
            return [Condition(_at("unknown_grade", event.address), True)]
        actor = f"device:{device.id}/{event.address}"
        rating = evaluation.Rate(level=level, channel="evaluator", actor=actor, window=window.no)
        await self._writer.do(evaluation.press, rating)
        return []

    def _stranger(self, device: halls.Device, address: int, what: str) -> Condition:
        """A box set to a wrong address, or a window that the file forgot: a person must look."""
        self.strangers += 1
        log.warning("%s: %s at address %d, which belongs to no window", device.id, what, address)
        return Condition(_at("unknown_address", address), True)


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _at(condition: str, address: int) -> str:
    return f"{condition}_{address}" if address else condition


def _level(window: halls.Window, grade: int) -> int | None:
    """The level the hall file gives this grade; a missing one is never invented."""
    if window.evaluator is None or not 0 <= grade < len(window.evaluator.levels):
        return None
    return window.evaluator.levels[grade]


def _meaning(event: KeyPressed, window: int, actor: str) -> tuple[Any, Any]:
    """The use case of a key and its command; (None, None) for a key that means nothing with these digits."""
    typed = "".join(map(str, event.digits))
    match event.key, typed:
        case "call", "":
            return desk.call_next, desk.CallNext(window, actor)
        case "call", _ if len(typed) <= LONGEST_NUMBER:
            return desk.call_ordinal, desk.CallOrdinal(window, int(typed), actor)
        case "transfer", _ if typed:
            return desk.transfer, desk.Transfer(window, None, actor, to=int(typed))
        case "resume", "":
            return evaluation.resume, desk.Resume(window, None, actor)
        case "pause", "":
            return windows.pause_or_resume, windows.Resume(window, actor)
        case "cancel", "":
            return windows.stop_waiting, windows.Resume(window, actor)
        case "sign_in", _ if typed:
            return windows.sign_in, windows.SignIn(window, typed, actor)
        case "sign_out", "":
            return windows.sign_out, windows.SignOut(window, actor)
        case key, "" if key in MOVES:
            return evaluation.make_move, desk.Move(key, None, window, actor)
    return None, None
