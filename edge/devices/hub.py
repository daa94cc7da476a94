"""The hub keeps each configured device alive, sends what should go out, and owns what is known of its health.

Only this file loads drivers, by name: `driver = "escpos"` is `drivers/escpos.py` with its `DEVICE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

from drivers.base import (
    CardRead,
    CardUnread,
    ClockRead,
    Condition,
    Delivered,
    Device,
    DeviceError,
    DeviceEvent,
    Graded,
    KeyPressed,
    Link,
    Misconfigured,
    ProtocolError,
    Rejected,
    Speech,
    TerminalEvent,
    Unreachable,
    Voice,
)
from edge import hall as halls
from edge.clock import Clock, local
from edge.database import Unstored, Writer
from edge.devices.acts import put_out
from edge.devices.handlers import Answer, Handlers
from edge.devices.health import Health, blocks, why
from edge.devices.line import Line
from edge.devices.log import DeviceNews, write_news
from edge.devices.wire import Wire
from edge.notices.outputs import Again, Moment, Say, SetClock, State

log = logging.getLogger("hall.devices")

SETTLE_S = 3.5
"""A connection that has said nothing wrong for so long is up; an answered command or an event makes it so at once."""
SLOW_S = 60.0
"""Between attempts at a device that a person must configure first."""
LONGEST_S = 30.0
RETRY_S = 1.0
"""Before something the device refused is sent again."""
PRESSES = 32
"""Key presses of one device that may wait for their use case."""

OpenLink = Callable[[str], Awaitable[Link]]


INBOUND = "inbound:"
"""The link of a device that calls us."""

CALLS_S = 10.0
"""How long a device that calls us may take before it is said to be away."""


class _Relinked(DeviceError):
    """The device has another link now: the connection over the old one ends, and nothing is wrong."""


def driver_class(name: str) -> type[Device]:
    """Raises Misconfigured when there is no such driver."""
    if importlib.util.find_spec(f"drivers.{name}") is not None:
        device = getattr(importlib.import_module(f"drivers.{name}"), "DEVICE", None)
        if device is not None:
            return cast(type[Device], device)
    raise Misconfigured(f"there is no driver {name!r} (drivers/{name}.py)")


def explain_profile(file: Path, data: bytes) -> str:
    """What a frame profile makes of some bytes. Raises Misconfigured for a profile that is wrong."""
    engine: Any = importlib.import_module("drivers.frame_profile")
    told: str = engine.explain(engine.load_profile(file), data)
    return told


class Hub:
    def __init__(
        self,
        hall: halls.Hall,
        writer: Writer,
        clock: Clock,
        open_link: OpenLink,
        random: Random,
        handlers: Handlers,
    ) -> None:
        self._hall, self._writer, self._clock, self._random = hall, writer, clock, random
        self._open_link, self._handlers, self.wire = open_link, handlers, Wire(self._at)
        self.health = {device.id: Health() for device in hall.devices}
        self._lines = {device.id: Line() for device in hall.devices}
        self._links = {device.id: device.link for device in hall.devices}
        self._callers: dict[str, Link] = {}
        self._relinked = {device.id: asyncio.Event() for device in hall.devices}

    async def run(self) -> None:
        """Keeps all devices; ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            for config in self._hall.devices:
                group.create_task(self._keep(config), name=f"device {config.id}")

    # ---- what should go out

    def want(self, states: list[State]) -> None:
        for state in states:
            self._lines[state.device].want(state)

    def add(self, moment: Moment | Say) -> None:
        self._lines[moment.device].add(moment)

    def wake(self, device: str) -> None:
        """There may be a job for this printer or modem."""
        self._lines[device].wake.set()

    def relink(self, device: str, link: str) -> None:
        """From now on it is reached by this link: connects anew, once what is being sent has been sent."""
        if self._links[device] != link:
            self._links[device] = link
            self._relinked[device].set()
            self.wake(device)

    async def called(self, device: str, link: Link) -> None:
        """The device has called us over this link; the call before it, if there is one, is over."""
        before, self._callers[device] = self._callers.get(device), link
        if before is not None:
            await before.close()
        self._relinked[device].set()
        self.wake(device)

    async def _open(self, device: str) -> Link:
        if self._links[device] != INBOUND:
            link = await self._open_link(self._links[device])
            return self.wire.tap(device, self._hall.device[device].driver, link)
        if device not in self._callers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALLS_S):
                    await self._relinked[device].wait()
        self._relinked[device].clear()
        caller = self._callers.pop(device, None)
        if caller is None:
            raise Unreachable("it has not called")
        return caller

    async def audio(self, device: str | None, speech: Speech) -> bytes:
        """The WAV file of an announcement as this loudspeaker would sound; the usual voice where it cannot say."""
        config = self._hall.device.get(device or "")
        kind = driver_class(config.driver) if config is not None else None
        if config is None or not hasattr(kind, "render"):
            kind, options = driver_class("voice"), {}
        else:
            options = config.options
        rendered: bytes = await cast(Any, kind).render(options, speech)
        return rendered

    def able(self, device: str) -> bool:
        return device in self.health and self.health[device].able()

    # ---- one device, for ever

    async def _keep(self, config: halls.Device) -> None:
        health = self.health[config.id]
        while True:
            if self._relinked[config.id].is_set():
                self._relinked[config.id].clear()
                self._forget(config)
            try:
                await self._connected(config)
            except _Relinked:
                continue
            except DeviceError as error:
                await self._failed(config, error)
                slow = isinstance(error, Misconfigured)
            health.attempts += 1
            pause = SLOW_S if slow else min(LONGEST_S, 0.5 * 2 ** min(health.attempts, 10))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause * self._random.uniform(0.5, 1.0)):
                    await self._relinked[config.id].wait()

    async def _connected(self, config: halls.Device) -> None:
        """In a task of its own: a TaskGroup of Python 3.11 that fails while it is cancelled loses the cancellation."""
        connection = asyncio.create_task(self._connection(config), name=f"connection {config.id}")
        try:
            await asyncio.wait({connection})
        finally:
            connection.cancel()
            await asyncio.gather(connection, return_exceptions=True)
        connection.result()

    async def _connection(self, config: halls.Device) -> None:
        """From opening the link to the error that ends it."""
        device = driver_class(config.driver)(
            opener=lambda: self._open(config.id),
            options=config.options,
            counters=self.health[config.id].counters,
            bookmark=self._handlers.bookmark(config.id),
        )
        self.health[config.id].evidence = device.evidence
        presses: asyncio.Queue[KeyPressed] = asyncio.Queue(PRESSES)
        confirmed: set[str] = set()
        failure: DeviceError | None = None
        try:
            async with device, asyncio.TaskGroup() as group:
                group.create_task(self._listen(config, device, presses, confirmed))
                group.create_task(self._send(config, device))
                group.create_task(self._press(config, presses))
                group.create_task(self._settle(config, confirmed))
                if isinstance(device, Voice):
                    group.create_task(self._speak(config, device))
        except* DeviceError as several:
            failure = cast(DeviceError, _first(several))
        if failure is not None:
            raise failure

    async def _settle(self, config: halls.Device, confirmed: set[str]) -> None:
        """What was the matter before and has not been told anew by now is over."""
        await asyncio.sleep(SETTLE_S)
        await self._alive(config)
        for name in set(self.health[config.id].conditions) - confirmed:
            await self._condition(config, Condition(name, False))

    async def _listen(
        self, config: halls.Device, device: Device, presses: asyncio.Queue[KeyPressed], confirmed: set[str]
    ) -> None:
        events = device.events()
        try:
            async for event in events:
                await self._alive(config)
                if isinstance(event, Condition):
                    confirmed.add(event.name)
                await self._heard(config, event, presses)
        finally:
            await events.aclose()

    async def _heard(self, config: halls.Device, event: DeviceEvent, presses: asyncio.Queue[KeyPressed]) -> None:
        if isinstance(event, Condition):
            await self._condition(config, event)
        elif isinstance(event, CardRead | CardUnread):
            self._handlers.card(config, event)
        elif isinstance(event, Graded | Delivered | TerminalEvent):
            # Asking for the next event acknowledges this one on the wire: so it is committed first.
            try:
                if isinstance(event, Graded):
                    await self._answer(config, event)
                elif isinstance(event, Delivered):
                    await self._handlers.delivered(config, event)
                else:
                    await self._act(config, await self._handlers.terminal(config, event))
            except Unstored as error:
                raise Unreachable(f"what it told could not be stored and is not acknowledged: {error}") from error
        elif isinstance(event, KeyPressed):
            if presses.full():
                self.health[config.id].overflow += 1
            else:
                presses.put_nowait(event)

    async def _press(self, config: halls.Device, presses: asyncio.Queue[KeyPressed]) -> None:
        """Keys have been echoed already: their use cases must not hold up the next echo."""
        while True:
            await self._answer(config, await presses.get())

    async def _answer(self, config: halls.Device, event: KeyPressed | Graded) -> None:
        """Runs the use case of a press; returns after its commit."""
        await self._act(config, await self._handlers.press(config, event))

    async def _act(self, config: halls.Device, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, Condition):
                await self._condition(config, answer)
            elif isinstance(answer, Again):
                self._lines[answer.device].answer(answer.address, asyncio.get_running_loop().time())
            else:
                self.add(answer)

    async def _send(self, config: halls.Device, device: Device) -> None:
        line = self._lines[config.id]
        job = self._handlers.jobs(config, device)
        line.everything()
        while True:
            if self._relinked[config.id].is_set():
                raise _Relinked(self._links[config.id])
            line.wake.clear()
            output = line.take(self._clock.now().at, asyncio.get_running_loop().time())
            if output is not None:
                await self._put_out(config, device, output)
            elif not (job is not None and await self._done(config, job)):
                await line.woken(asyncio.get_running_loop().time())

    async def _speak(self, config: halls.Device, device: Voice) -> None:
        """One announcement after the other; it takes seconds, so what the device shows does not wait for it."""
        line = self._lines[config.id]
        while True:
            line.speak.clear()
            said = line.take_said(self._clock.now().at)
            if said is None:
                await line.speak.wait()
                continue
            try:
                await device.say(said.address, Speech(said.text, said.volume))
            except Rejected as error:
                self.health[config.id].rejected += 1
                self.health[config.id].error = str(error)
            await asyncio.sleep(said.gap_s)

    async def _put_out(self, config: halls.Device, device: Device, output: State | Moment) -> None:
        heard = device.counters.frames_in
        try:
            await put_out(device, output, local(self._at(), self._hall.zone_info).replace(tzinfo=None))
        except Rejected as error:
            health = self.health[config.id]
            health.rejected += 1
            health.error = str(error)
            if isinstance(output, State):
                # Only this place waits: one dead sign on a shared line must not hold up the others.
                self._lines[config.id].again(output, asyncio.get_running_loop().time() + RETRY_S)
            return
        if isinstance(output, SetClock):  # what is punched from now on is not corrected any more
            await self._act(config, await self._handlers.terminal(config, ClockRead(0.0)))
        if device.counters.frames_in > heard:  # a command that nobody answers goes out on a dead line too
            await self._alive(config)

    async def _done(self, config: halls.Device, job: Callable[[], Awaitable[bool]]) -> bool:
        """Whether to look for another job at once; a device that cannot do one is left alone until that is over."""
        if any(blocks(name) for name in self.health[config.id].conditions):
            return False
        try:
            done = await job()
        except Rejected as error:
            self.health[config.id].rejected += 1
            self.health[config.id].error = str(error)
            await asyncio.sleep(RETRY_S)  # by then its own status says why, and nothing is claimed until it is over
            return True
        if done:
            await self._alive(config)
        return done

    # ---- health

    async def _alive(self, config: halls.Device) -> None:
        health = self.health[config.id]
        if health.state == "up":
            return
        health.state, health.since, health.attempts, health.why, health.error = "up", self._at(), 0, None, None
        log.info("%s is up", config.id)
        await self._tell(config, "device.up")

    def _forget(self, config: halls.Device) -> None:
        """What was known is of the device at the old link; conditions are over once the new one does not tell them."""
        health = self.health[config.id]
        health.state, health.since, health.attempts, health.why, health.error = "unknown", None, 0, None, None

    async def _failed(self, config: halls.Device, error: DeviceError) -> None:
        health = self.health[config.id]
        state = "misconfigured" if isinstance(error, Misconfigured) else "down"
        health.error, health.why = str(error), why(error)
        if isinstance(error, ProtocolError):
            health.counters.bad_frames += 1
        if health.state == state:
            return
        health.state, health.since = cast(Any, state), self._at()
        log.warning("%s is %s: %s", config.id, state, error)
        await self._tell(config, "device.down", why=type(error).__name__)

    async def _condition(self, config: halls.Device, condition: Condition) -> None:
        conditions = self.health[config.id].conditions
        if condition.active == (condition.name in conditions):
            return
        if condition.active:
            conditions[condition.name] = self._at()
        else:
            del conditions[condition.name]
        self.wake(config.id)
        await self._tell(config, "device.condition", condition=condition.name, active=condition.active)

    async def _tell(self, config: halls.Device, type_: str, **data: Any) -> None:
        try:
            await self._writer.do(write_news, DeviceNews(config.id, type_, data))
        except Unstored as error:  # health is still shown from memory; a full disk must not take the devices down
            log.error("%s %s could not be stored: %s", type_, config.id, error)

    def _at(self) -> int:
        return self._clock.now().at


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
