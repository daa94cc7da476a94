"""What waits to go out to one device: states by place, where the latest wins, and moments with an expiry."""

from __future__ import annotations

import asyncio
from collections import deque

from edge.notices.outputs import Moment, State

Place = tuple[type, int]


class Line:
    """One device's outputs. Nothing here is a backlog: a device that comes back is shown the present."""

    def __init__(self) -> None:
        self._wanted: dict[Place, State] = {}
        self._dirty: dict[Place, None] = {}
        self._moments: deque[Moment] = deque(maxlen=64)
        self.wake = asyncio.Event()

    def want(self, state: State) -> None:
        place = (type(state), state.address)
        if self._wanted.get(place) != state:
            self._wanted[place] = state
            self._dirty[place] = None
            self.wake.set()

    def add(self, moment: Moment) -> None:
        self._moments.append(moment)
        self.wake.set()

    def everything(self) -> None:
        """The device has come (back): all states go out again."""
        self._dirty = dict.fromkeys(self._wanted)
        self.wake.set()

    def take(self, at: int) -> State | Moment | None:
        """The next thing to send; moments first, those past their time fall away."""
        while self._moments:
            moment = self._moments.popleft()
            if moment.until > at:
                return moment
        for place in self._dirty:
            del self._dirty[place]
            return self._wanted[place]
        return None

    def again(self, state: State) -> None:
        """It did not get through: send it again unless something newer is wanted."""
        place = (type(state), state.address)
        if self._wanted.get(place) == state:
            self._dirty[place] = None
