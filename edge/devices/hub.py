"""The hub keeps each configured device alive, sends what should go out, and owns what is known of its health.

Only this file loads drivers, by name: `driver = "escpos"` is `drivers/escpos.py` with its `DEVICE`.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, cast

from drivers.base import (
    Condition,
    Device,
    DeviceError,
    DeviceEvent,
    Evaluator,
    Graded,
    KeyPressed,
    Link,
    Misconfigured,
    NumberDisplay,
    Printer,
    ProtocolError,
    Rejected,
    TextScreen,
    Unreachable,
)
from edge import hall as halls
from edge.clock import Clock
from edge.database import Unstored, Writer
from edge.devices.health import Health, blocks, why
from edge.devices.line import Line
from edge.devices.log import DeviceNews, write_news
from edge.notices.outputs import Ask, Beep, Moment, ShowNumber, ShowText, State

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
OnPress = Callable[[halls.Device, KeyPressed | Graded], Awaitable[Moment | None]]
"""Runs the press's use case; what comes back is the box's answer."""
PrintNext = Callable[[halls.Device, Printer], Awaitable[bool]]
"""Prints the next job of this printer, if there is one; True when it did. May raise the four errors."""


def driver_class(name: str) -> type[Device]:
    """Raises Misconfigured when there is no such driver."""
    if importlib.util.find_spec(f"drivers.{name}") is not None:
        device = getattr(importlib.import_module(f"drivers.{name}"), "DEVICE", None)
        if device is not None:
            return cast(type[Device], device)
    raise Misconfigured(f"there is no driver {name!r} (drivers/{name}.py)")


class Hub:
    def __init__(
        self,
        hall: halls.Hall,
        writer: Writer,
        clock: Clock,
        open_link: OpenLink,
        random: Random,
        on_press: OnPress,
        print_next: PrintNext,
    ) -> None:
        self._hall, self._writer, self._clock, self._random = hall, writer, clock, random
        self._open_link, self._on_press, self._print_next = open_link, on_press, print_next
        self.health = {device.id: Health() for device in hall.devices}
        self._lines = {device.id: Line() for device in hall.devices}

    async def run(self) -> None:
        """Keeps all devices; ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            for config in self._hall.devices:
                group.create_task(self._keep(config), name=f"device {config.id}")

    # ---- what should go out

    def want(self, states: list[State]) -> None:
        for state in states:
            self._lines[state.device].want(state)

    def add(self, moment: Moment) -> None:
        self._lines[moment.device].add(moment)

    def wake(self, device: str) -> None:
        """There may be a job for this printer."""
        self._lines[device].wake.set()

    def able(self, device: str) -> bool:
        return device in self.health and self.health[device].able()

    # ---- one device, for ever

    async def _keep(self, config: halls.Device) -> None:
        health = self.health[config.id]
        while True:
            try:
                await self._connection(config)
            except DeviceError as error:
                await self._failed(config, error)
                slow = isinstance(error, Misconfigured)
            health.attempts += 1
            pause = SLOW_S if slow else min(LONGEST_S, 0.5 * 2 ** min(health.attempts, 10))
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))

    async def _connection(self, config: halls.Device) -> None:
        """From opening the link to the error that ends it."""
        device = driver_class(config.driver)(
            opener=lambda: self._open_link(config.link),
            options=config.options,
            counters=self.health[config.id].counters,
        )
        presses: asyncio.Queue[KeyPressed] = asyncio.Queue(PRESSES)
        failure: DeviceError | None = None
        try:
            async with device, asyncio.TaskGroup() as group:
                group.create_task(self._listen(config, device, presses))
                group.create_task(self._send(config, device))
                group.create_task(self._press(config, presses))
                group.create_task(self._settle(config))
        except* DeviceError as several:
            failure = cast(DeviceError, _first(several))
        if failure is not None:
            raise failure

    async def _settle(self, config: halls.Device) -> None:
        await asyncio.sleep(SETTLE_S)
        await self._alive(config)

    async def _listen(self, config: halls.Device, device: Device, presses: asyncio.Queue[KeyPressed]) -> None:
        events = device.events()
        try:
            async for event in events:
                await self._alive(config)
                await self._heard(config, event, presses)
        finally:
            await events.aclose()

    async def _heard(self, config: halls.Device, event: DeviceEvent, presses: asyncio.Queue[KeyPressed]) -> None:
        if isinstance(event, Condition):
            await self._condition(config, event)
        elif isinstance(event, Graded):
            # Asking for the next event acknowledges this one on the wire: so it is committed first.
            try:
                await self._on_press(config, event)
            except Unstored as error:
                raise Unreachable(f"a press could not be stored and is not acknowledged: {error}") from error
        elif presses.full():
            self.health[config.id].overflow += 1
        else:
            presses.put_nowait(event)

    async def _press(self, config: halls.Device, presses: asyncio.Queue[KeyPressed]) -> None:
        """Keys have been echoed already: their use cases must not hold up the next echo."""
        while True:
            answer = await self._on_press(config, await presses.get())
            if answer is not None:
                self.add(answer)

    async def _send(self, config: halls.Device, device: Device) -> None:
        line = self._lines[config.id]
        line.everything()
        while True:
            line.wake.clear()
            output = line.take(self._clock.now().at)
            if output is not None:
                await self._put_out(config, device, output)
            elif not (isinstance(device, Printer) and await self._printed(config, device)):
                await line.wake.wait()

    async def _put_out(self, config: halls.Device, device: Device, output: State | Moment) -> None:
        try:
            await _perform(device, output)
        except Rejected as error:
            health = self.health[config.id]
            health.rejected += 1
            health.error = str(error)
            if isinstance(output, State):
                self._lines[config.id].again(output)
                await asyncio.sleep(RETRY_S)
            return
        await self._alive(config)

    async def _printed(self, config: halls.Device, device: Printer) -> bool:
        """Whether to look for another job at once; a printer that cannot print is left alone until that is over."""
        if any(blocks(name) for name in self.health[config.id].conditions):
            return False
        try:
            printed = await self._print_next(config, device)
        except Rejected as error:
            self.health[config.id].rejected += 1
            self.health[config.id].error = str(error)
            await asyncio.sleep(RETRY_S)  # by then its own status says why, and nothing is claimed until it is over
            return True
        if printed:
            await self._alive(config)
        return printed

    # ---- health

    async def _alive(self, config: halls.Device) -> None:
        health = self.health[config.id]
        if health.state == "up":
            return
        health.state, health.since, health.attempts, health.why, health.error = "up", self._at(), 0, None, None
        log.info("%s is up", config.id)
        await self._tell(config, "device.up")

    async def _failed(self, config: halls.Device, error: DeviceError) -> None:
        health = self.health[config.id]
        state = "misconfigured" if isinstance(error, Misconfigured) else "down"
        health.error, health.why = str(error), why(error)
        if isinstance(error, ProtocolError):
            health.counters.bad_frames += 1
        if health.state == state:
            return
        health.state, health.since = cast(Any, state), self._at()
        health.conditions.clear()
        log.warning("%s is %s: %s", config.id, state, error)
        await self._tell(config, "device.down", why=type(error).__name__)

    async def _condition(self, config: halls.Device, condition: Condition) -> None:
        conditions = self.health[config.id].conditions
        if condition.active == (condition.name in conditions):
            return
        (conditions.add if condition.active else conditions.discard)(condition.name)
        self.wake(config.id)
        await self._tell(config, "device.condition", condition=condition.name, active=condition.active)

    async def _tell(self, config: halls.Device, type_: str, **data: Any) -> None:
        try:
            await self._writer.do(write_news, DeviceNews(config.id, type_, data))
        except Unstored as error:  # health is still shown from memory; a full disk must not take the devices down
            log.error("%s %s could not be stored: %s", type_, config.id, error)

    def _at(self) -> int:
        return self._clock.now().at


async def _perform(device: Device, output: State | Moment) -> None:
    if isinstance(output, ShowText) and isinstance(device, TextScreen):
        await device.show(output.address, output.text)
    elif isinstance(output, ShowNumber) and isinstance(device, NumberDisplay):
        await device.show_number(output.address, output.ticket, output.waiting)
    elif isinstance(output, Beep) and isinstance(device, NumberDisplay):
        await device.beep(output.address)
    elif isinstance(output, Ask) and isinstance(device, Evaluator):
        await device.invite(output.address)
    else:
        raise Misconfigured(f"{type(device).__name__} cannot {type(output).__name__}: look at the windows in the file")


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


# ---- what `hall-edge check` asks


def problems(hall: halls.Hall) -> list[tuple[tuple[int | str, ...], str]]:
    """(place in the file, what is wrong): unknown drivers, unknown or mistyped options, devices that cannot do it."""
    found: list[tuple[tuple[int | str, ...], str]] = []
    kinds: dict[str, type[Device]] = {}
    for nth, config in enumerate(hall.devices):
        try:
            kind = driver_class(config.driver)
        except Misconfigured as error:
            found.append((("device", nth, "driver"), str(error)))
            continue
        kinds[config.id] = kind
        found += [(("device", nth, "options"), what) for what in _wrong_options(kind, config.options)]
    needs = {"sign": TextScreen, "call_box": NumberDisplay, "evaluator": Evaluator}
    for nth, window in enumerate(hall.windows):
        for key, needed in needs.items():
            place = getattr(window, key)
            if place is not None and place.device in kinds and not issubclass(kinds[place.device], needed):
                found.append((("window", nth, key), f"{place.device} cannot be a {key}"))
    for nth, kiosk in enumerate(hall.kiosks):
        if kiosk.printer in kinds and not issubclass(kinds[kiosk.printer], Printer):
            found.append((("kiosk", nth, "printer"), f"{kiosk.printer} is no printer"))
    return found


def _wrong_options(kind: type[Device], options: dict[str, Any]) -> list[str]:
    wrong = []
    for name, value in options.items():
        wanted = kind.OPTIONS.get(name)
        if wanted is None:
            known = ", ".join(sorted(kind.OPTIONS)) or "none"
            wrong.append(f"unknown option {name!r}; known are {known}")
        elif not isinstance(value, (int, float) if wanted is float else wanted):
            wrong.append(f"option {name!r} must be {wanted.__name__}, not {type(value).__name__}")
    return wrong
