"""What a press means: a key of a call box or of an evaluator becomes a use case of its window."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from drivers.base import Graded, KeyPressed
from edge import hall as halls
from edge.clock import Clock
from edge.database import Unstored, Writer
from edge.evaluation import desk as evaluation
from edge.notices.outputs import Beep, Moment
from edge.queue import desk
from edge.refusal import Refused
from edge.windows import desk as windows

log = logging.getLogger("hall.presses")

DOUBLE_S = 0.3
"""A second press of the same key within this time is the same press."""
BEEP_MS = 2_000

MOVES = {"recall": "recall", "start": "start", "finish": "finish", "miss": "miss"}


class Presses:
    """Turns the presses of all boxes into use cases; a refused press is answered with a beep, never ignored."""

    def __init__(self, hall: halls.Hall, writer: Writer, clock: Clock) -> None:
        self._writer, self._clock = writer, clock
        self._last: dict[tuple[str, int, str], float] = {}
        self._boxes = {(w.call_box.device, w.call_box.address): w for w in hall.windows if w.call_box}
        self._evaluators = {(w.evaluator.device, w.evaluator.address): w for w in hall.windows if w.evaluator}
        self.doubles = 0
        self.strangers = 0
        """Presses at an address that belongs to no window."""

    async def __call__(self, device: halls.Device, event: KeyPressed | Graded) -> list[Moment]:
        if isinstance(event, KeyPressed):
            answer = await self._key(device, event)
            return [] if answer is None else [answer]
        await self._graded(device, event)
        return []

    async def _key(self, device: halls.Device, event: KeyPressed) -> Moment | None:
        window = self._boxes.get((device.id, event.address))
        if window is None:
            self.strangers += 1
            log.warning("%s: key %s at address %d, which belongs to no window", device.id, event.key, event.address)
            return None
        if self._double(device.id, event):
            return None
        actor = f"device:{device.id}/{event.address}"
        use_case, command = _meaning(event.key, window.no, actor)
        try:
            if use_case is None:
                raise Refused("unknown_key", "这个键没有设置", event.key)
            await self._writer.do(use_case, command)
        except (Refused, Unstored) as error:
            log.info("window %d: %s refused: %s", window.no, event.key, error)
            return Beep(device.id, event.address, self._clock.now().at + BEEP_MS)
        return None

    def _double(self, device: str, event: KeyPressed) -> bool:
        place, at = (device, event.address, event.key), asyncio.get_running_loop().time()
        double = at - self._last.get(place, float("-inf")) < DOUBLE_S
        self.doubles += double
        if not double:
            self._last[place] = at
        return double

    async def _graded(self, device: halls.Device, event: Graded) -> None:
        """Returns after the commit, or raises: then the press is not acknowledged on the wire."""
        window = self._evaluators.get((device.id, event.address))
        level = _level(window, event.grade)
        if window is None or level is None:
            self.strangers += 1
            log.warning("%s: grade %d at address %d means nothing here", device.id, event.grade, event.address)
            return
        actor = f"device:{device.id}/{event.address}"
        rating = evaluation.Rate(level=level, channel="evaluator", actor=actor, window=window.no)
        await self._writer.do(evaluation.press, rating)


def _level(window: halls.Window | None, grade: int) -> int | None:
    """The level the hall file gives this grade; a missing one is never invented."""
    if window is None or window.evaluator is None or not 0 <= grade < len(window.evaluator.levels):
        return None
    return window.evaluator.levels[grade]


def _meaning(key: str, window: int, actor: str) -> tuple[Any, Any]:
    if key == "call":
        return desk.call_next, desk.CallNext(window, actor)
    if key in MOVES:
        return desk.make_move, desk.Move(MOVES[key], None, window, actor)
    if key == "pause":
        return windows.pause, windows.Pause(window, "wait_a_moment", actor)
    return None, None
