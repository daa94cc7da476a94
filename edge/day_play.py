"""A day played against a running hall: visitors who come, clerks who serve them, and what came of it.

Time here is the scenario's own, seconds since its midnight; it runs `speed` times as fast as the clock on the wall.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from edge.day_api import Api, Said
from edge.queue.scenario import COMES_BACK, NEVER_SHOWS, Ticket, Window

RATED = 0.6
"""Share of the served who rate."""
LEVELS, WEIGHTS = (5, 4, 3, 2, 1), (80, 14, 4, 1, 1)
CLAIMS = {"M": "military", "E": "senior", "D": "disabled"}
AGAIN_S = 30.0
"""Before a window that somebody else paused is tried again."""
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario on the running hall's own services and windows."""

    tickets: Sequence[Ticket]
    services: dict[str, str]
    """Of the scenario -> of the hall."""
    names: dict[str, str]
    """Of the hall's services."""
    windows: dict[int, Window]
    clerks: dict[int, str]
    kiosks: tuple[str, ...]
    noshow_s: float
    stranger_s: float
    """Handling time of a visitor whom somebody else gave a number."""
    seq: int
    """The hall's journal when it was looked at."""
    found: dict[int, View]
    """Its windows at that time."""


@dataclass(slots=True, eq=False)
class Visitor:
    ticket: Ticket
    service: str
    id: str
    since_s: float
    state: Literal["waiting", "at_window", "away", "served", "missed", "left"] = "waiting"
    nth: int = 0
    """Of the services of the visit."""
    attempt: int = 1
    waits_s: list[float] = field(default_factory=list)


class Play:
    def __init__(self, api: Api, plan: Plan, speed: float, seed: int) -> None:
        self.api, self.plan, self._speed = api, plan, speed
        self._random = Random(seed)  # noqa: S311  repeatable, nothing secret
        self._loop = asyncio.get_running_loop()
        starts = [plan.tickets[0].arrive_s, *(each.on[0][0] for each in plan.windows.values())]
        self._zero_s, self._began = min(starts), self._loop.time()
        self.stopped = asyncio.Event()
        self.visitors: dict[str, Visitor] = {}
        self.turned_away = self.rated = self.strangers = 0
        self.behind_s = 0.0
        """How much later than planned a visitor came at most: the machine was too slow for this speed."""
        self._issuing, self._answered = 0, asyncio.Event()
        self._pending = len(plan.tickets)
        """Visitors still to come or to come back."""
        self._resting: set[int] = set()
        self._over = asyncio.Event()
        self._calls: dict[int, asyncio.Queue[str]] = {no: asyncio.Queue() for no in plan.windows}
        self._group = asyncio.TaskGroup()

    # ---- time

    @property
    def now_s(self) -> float:
        return self._zero_s + (self._loop.time() - self._began) * self._speed

    async def until(self, at_s: float) -> bool:
        """False: the play was stopped before."""
        try:
            async with asyncio.timeout(self._real_s(at_s)):
                return not await self.stopped.wait()
        except TimeoutError:
            return True

    def _real_s(self, at_s: float) -> float:
        """Seconds on the wall until then."""
        return max(0.0, (at_s - self.now_s) / self._speed)

    # ---- the whole

    async def run(self) -> None:
        """Until everyone has been served, or `stopped`. Raises an ExceptionGroup with Gone."""
        async with self._group:
            following = self._group.create_task(self.api.follow(self.plan.seq, self._hear))
            coming = self._group.create_task(self._come())
            await asyncio.gather(*(self._clerk(no, each) for no, each in self.plan.windows.items()))
            self.stopped.set()
            await coming
            following.cancel()

    def _hear(self, event: View) -> None:
        if event["type"] == "ticket.called" and (queue := self._calls.get(event["data"].get("window"))):
            queue.put_nowait(event["data"]["ticket"])

    def _settle(self) -> None:
        """Over is the day when nobody comes any more, and every window waits in vain or has gone."""
        if not self._pending and self._resting == set(self.plan.windows):
            self._over.set()

    # ---- visitors

    async def _come(self) -> None:
        for nth, ticket in enumerate(self.plan.tickets):
            if not await self.until(ticket.arrive_s):
                return
            self._group.create_task(self._take(nth, ticket))

    async def _take(self, nth: int, ticket: Ticket) -> None:
        self.behind_s = max(self.behind_s, self.now_s - ticket.arrive_s)
        body: View = {"service": self.plan.services[ticket.service]}
        if self.plan.kiosks:
            body["kiosk"] = self.plan.kiosks[nth % len(self.plan.kiosks)]
        self._issuing += 1
        try:
            issued = await self._issue(body, CLAIMS.get(ticket.cls))
        finally:
            self._issuing -= 1
            self._pending -= 1
            self._answered.set()
            self._settle()
        if issued is None:
            self.turned_away += 1
            return
        visitor = Visitor(ticket, body["service"], issued["id"], ticket.arrive_s)
        self.visitors[visitor.id] = visitor
        if ticket.patience_s is not None and await self.until(ticket.clock_s + ticket.patience_s):
            await self._leave(visitor)

    async def _issue(self, body: View, claim: str | None) -> View | None:
        """None: the hall gives no number now."""
        if claim is not None:
            with contextlib.suppress(Said):  # not every hall takes a visitor's word for it
                issued: View = await self.api.post("/tickets", **body, priority=claim)
                return issued
        found: View | None = await self.api.attempt("/tickets", **body)
        return found

    async def _leave(self, visitor: Visitor) -> None:
        if visitor.state == "waiting" and await self.api.attempt(f"/tickets/{visitor.id}/cancel"):
            visitor.state = "left"

    async def _come_back(self, visitor: Visitor) -> None:
        if await self.until(self.now_s + visitor.ticket.back_s):
            visitor.state = "waiting"
            if await self.api.attempt(f"/tickets/{visitor.id}/return") is None:
                visitor.state = "missed"
        self._pending -= 1
        self._settle()

    # ---- clerks

    async def _clerk(self, no: int, window: Window) -> None:
        for nth, (start_s, end_s) in enumerate(window.on):
            if not await self.until(start_s):
                break
            await self._sit_down(no)
            await self._serve(no, end_s, drain=window.drain and nth == len(window.on) - 1)
            await self.api.attempt(f"/windows/{no}/pause", sign="wait_a_moment")
            await self._serve_in_hand(no)
        self._resting.add(no)
        self._settle()
        await self._leave_as_found(no)

    async def _sit_down(self, no: int) -> None:
        if no in self.plan.clerks:
            await self.api.attempt(f"/windows/{no}/sign-in", staff=self.plan.clerks[no])
        paused = (await self.api.get(f"/windows/{no}"))["paused"]
        if paused is not None:
            await self.api.attempt(f"/windows/{no}/{'open' if paused['sign'] == 'closed' else 'resume'}")

    async def _leave_as_found(self, no: int) -> None:
        found = self.plan.found[no]
        if found["state"] == "open":
            await self.api.attempt(f"/windows/{no}/resume")
        if found["staff"] is not None:
            await self.api.attempt(f"/windows/{no}/sign-in", staff=found["staff"])
        elif no in self.plan.clerks:
            await self.api.attempt(f"/windows/{no}/sign-out")

    async def _serve(self, no: int, end_s: float, *, drain: bool) -> None:
        while not self.stopped.is_set() and not self._over.is_set() and (drain or self.now_s < end_s):
            try:
                called = await self.api.post(f"/windows/{no}/call-next")
            except Said as said:
                if not await self._serve_in_hand(no):
                    self.api.refused[said.title] += 1
                    await self.until(self.now_s + AGAIN_S)
                continue
            if called is not None:
                await self._handle(no, called["ticket"])
            else:
                await self._wait_for_call(no, end_s, drain=drain)

    async def _wait_for_call(self, no: int, end_s: float, *, drain: bool) -> None:
        """The window is armed: whoever comes is called here, and the event says so."""
        ends = self._over.wait() if drain else self.until(end_s)
        waits = [asyncio.create_task(each) for each in (self._calls[no].get(), self.stopped.wait(), ends)]
        if drain:
            self._resting.add(no)
            self._settle()
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resting.discard(no)
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        await self._serve_in_hand(no)

    async def _serve_in_hand(self, no: int) -> bool:
        """Whether there was somebody. Only the window itself knows: events may be of a visitor who has gone on."""
        held = (await self.api.get(f"/windows/{no}"))["ticket"]
        if held is None:
            return False
        await self._handle(no, held)
        return True

    async def _handle(self, no: int, held: View) -> None:
        called_s, visitor = self.now_s, await self._who(held["id"])
        if visitor is None:
            self.strangers += 1
            await self.until(called_s + self.plan.stranger_s)
            await self.api.attempt(f"/windows/{no}/finish", ticket=held["id"], outcome="instant")
            return
        ticket, visitor.state = visitor.ticket, "at_window"
        if visitor.attempt == 1:
            visitor.waits_s.append(max(0.0, called_s - visitor.since_s))
        if visitor.nth == 0 and (ticket.kind == NEVER_SHOWS or (ticket.kind == COMES_BACK and visitor.attempt == 1)):
            await self._miss(no, visitor, called_s)
            return
        await self.until(called_s + ticket.walk_s)
        if held["state"] == "called":
            await self.api.attempt(f"/windows/{no}/start", ticket=visitor.id)
        await self.until(called_s + ticket.walk_s + self._work_s(visitor) / self.plan.windows[no].speed)
        await self._finish(no, visitor)

    async def _who(self, id_: str) -> Visitor | None:
        """An event may be faster than the answer to whoever took the number."""
        while id_ not in self.visitors and self._issuing:
            self._answered.clear()
            await self._answered.wait()
        return self.visitors.get(id_)

    def _work_s(self, visitor: Visitor) -> float:
        if visitor.nth == 0:
            return visitor.ticket.work_s
        follow = visitor.ticket.next[visitor.nth - 1 :][:1]
        return follow[0][1] if follow else self.plan.stranger_s

    async def _miss(self, no: int, visitor: Visitor, called_s: float) -> None:
        await self.until(called_s + self.plan.noshow_s)
        await self.api.attempt(f"/windows/{no}/miss", ticket=visitor.id)
        visitor.state, visitor.attempt = "missed", 2
        if visitor.ticket.kind == COMES_BACK and not self.stopped.is_set():
            visitor.state = "away"
            self._pending += 1
            self._group.create_task(self._come_back(visitor))

    async def _finish(self, no: int, visitor: Visitor) -> None:
        follow = visitor.ticket.next[visitor.nth :][:1]
        # Before the answer, which the next window may not wait for: it calls who goes on at once.
        visitor.state, visitor.since_s, visitor.attempt = "waiting", self.now_s, 1
        visitor.nth += 1
        if follow and not self.stopped.is_set():
            service = self.plan.services[follow[0][0]]
            if await self.api.attempt(f"/windows/{no}/transfer", ticket=visitor.id, service=service):
                return
        done = await self.api.attempt(f"/windows/{no}/finish", ticket=visitor.id, outcome="instant")
        if done is not None and done["ticket"]["state"] != "finished":
            return  # the hall's own next step
        visitor.state = "served"
        if self._random.random() < RATED:
            await self._rate(no)

    async def _rate(self, no: int) -> None:
        invited = await self.api.get(f"/windows/{no}/evaluation")
        level = self._random.choices(LEVELS, WEIGHTS)[0]
        if invited and await self.api.attempt(f"/evaluations/{invited['id']}", level=level):
            self.rated += 1

    # ---- what there is to see

    def count(self, state: str) -> int:
        return sum(each.state == state for each in self.visitors.values())

    def worst_wait_s(self) -> float:
        """So far, of who waits still too."""
        still = [self.now_s - each.since_s for each in self.visitors.values() if each.state == "waiting"]
        return max([0.0, *still, *(wait for each in self.visitors.values() for wait in each.waits_s)])
