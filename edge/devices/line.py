"""What waits to go out to one device: states by place, where the latest stays, and moments with an expiry."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field

from edge.notices.outputs import Moment, Say, ShowNumber, State

Place = tuple[type, int]
LONGEST_QUEUE = 8
"""Texts that may wait for their minimum time at one place; what is older falls away."""
REFRESH_S = 60.0
"""After so long a state goes out again: a screen that lost its power for a moment has lost its text, and cannot say so.
"""

ANSWER_S = 0.15
"""A press that changed something is answered by the new number within this; else the old one is the answer."""


@dataclass(slots=True)
class _Shown:
    """One place of the device: what should stand there, and what still has its minimum time to come."""

    wanted: State
    queue: deque[State] = field(default_factory=lambda: deque(maxlen=LONGEST_QUEUE))
    until: float = 0.0
    """Monotonic seconds before which the text standing there is not replaced."""
    sent: float = 0.0
    """Monotonic seconds of the last time that anything went out there."""

    def due(self) -> float:
        """Monotonic seconds when the next is to go out, be it the same again."""
        return self.until if self.queue else self.sent + REFRESH_S


class Line:
    """One device's outputs. Nothing here is a backlog: a device that comes back is shown the present."""

    def __init__(self) -> None:
        self._places: dict[Place, _Shown] = {}
        self._moments: deque[Moment] = deque(maxlen=64)
        self._said: deque[Say] = deque(maxlen=64)
        self.wake = asyncio.Event()
        self.speak = asyncio.Event()

    def want(self, state: State) -> None:
        """The latest stays; one that has a minimum time is shown for it even when the next is already wanted."""
        shown = self._places.setdefault((type(state), state.address), _Shown(state))
        if shown.wanted == state and (shown.until or shown.queue):
            return
        if shown.queue and not shown.queue[-1].minimum_s:
            shown.queue.pop()
        shown.wanted = state
        shown.queue.append(state)
        self.wake.set()

    def add(self, moment: Moment | Say) -> None:
        if isinstance(moment, Say):
            self._said.append(moment)
            self.speak.set()
        else:
            self._moments.append(moment)
            self.wake.set()

    def answer(self, address: int, monotonic: float) -> None:
        """What the number display at this address shows goes out again in a blink, unless something new does before."""
        shown = self._places.get((ShowNumber, address))
        if shown is not None:
            shown.sent = min(shown.sent, monotonic + ANSWER_S - REFRESH_S)
            self.wake.set()

    def everything(self) -> None:
        """The device has come (back): the present goes out at every place."""
        for shown in self._places.values():
            shown.queue.clear()
            shown.queue.append(shown.wanted)
            shown.until = 0.0
        self.wake.set()

    def take(self, at: int, monotonic: float) -> State | Moment | None:
        """The next thing to send; moments first, those past their time (`at`, UTC milliseconds) fall away."""
        while self._moments:
            moment = self._moments.popleft()
            if moment.until > at:
                return moment
        for shown in self._places.values():
            if shown.due() > monotonic + 1e-6:
                continue
            shown.sent = monotonic
            if not shown.queue:
                return shown.wanted
            state = shown.queue.popleft()
            shown.until = monotonic + max(state.minimum_s, 1e-9)
            return state
        return None

    def take_said(self, at: int) -> Say | None:
        """The next announcement; those past their time fall away, they stand on the screens."""
        while self._said:
            said = self._said.popleft()
            if said.until > at:
                return said
        return None

    def due_in(self, monotonic: float) -> float | None:
        """Seconds until a text that waits may be shown or one that stands goes out again, None when there is none."""
        times = [shown.due() - monotonic for shown in self._places.values()]
        return max(0.0, min(times)) if times else None

    async def woken(self, monotonic: float) -> None:
        """Until something new is wanted, or a text that waits for the one before it may be shown."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.due_in(monotonic)):
                await self.wake.wait()

    def again(self, state: State, monotonic: float) -> None:
        """It was refused: send it again at that time, unless something newer is wanted by then."""
        shown = self._places[(type(state), state.address)]
        shown.until = monotonic
        if not shown.queue and shown.wanted == state:
            shown.queue.append(state)
