"""A modem without a wire: what is given to it is kept with its time, and it fails as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from unittest import mock

from drivers.base import Delivered, Device, DeviceError, DeviceEvent, ProtocolError, Rejected, Unreachable
from edge.devices import hub
from tests.hall import World, without_devices
from tests.messages.halls import MODEM, without_messages

SENDING_S = 0.5


class Given(NamedTuple):
    """One call of `send_text`, whatever came of it."""

    number: str
    text: str
    at: float
    """Wall clock, seconds."""
    reference: str


@dataclass
class Air:
    wall: Callable[[], float]
    given: list[Given] = field(default_factory=list)
    moods: deque[str] = field(default_factory=deque)
    """What becomes of the next messages: sent (the usual), early, refused, lost, garbled, hangs."""
    away: bool = False
    told: asyncio.Queue[DeviceEvent | DeviceError] = field(default_factory=asyncio.Queue)

    def cut(self) -> None:
        self.away = True
        self.told.put_nowait(Unreachable("unplugged"))

    async def send_text(self, number: str, text: str) -> str:
        reference = f"ref-{len(self.given) + 1}"
        self.given.append(Given(number, text, self.wall(), reference))
        mood = self.moods.popleft() if self.moods else "sent"
        if mood == "early":
            self.told.put_nowait(Delivered(reference, True))
        await (asyncio.Event().wait() if mood == "hangs" else asyncio.sleep(SENDING_S))
        if mood == "refused":
            raise Rejected("barred", "+CMS ERROR: 8")
        if mood == "lost":
            raise Unreachable("no answer")
        if mood == "garbled":
            raise ProtocolError("nonsense")
        return reference


@contextlib.contextmanager
def modem(world: World) -> Iterator[Air]:
    """The driver of the hall's `MODEM` while entered; it stays the same over restarts of the service."""
    air, usual = Air(world.wall), hub.driver_class

    class Modem(Device):
        async def __aenter__(self) -> Self:
            if air.away:
                raise Unreachable("unplugged")
            air.told = asyncio.Queue()
            return self

        async def events(self) -> AsyncGenerator[DeviceEvent, None]:
            while True:
                told = await air.told.get()
                if isinstance(told, DeviceError):
                    raise told
                yield told

        async def send_text(self, number: str, text: str) -> str:
            return await air.send_text(number, text)

    def driver_class(name: str) -> type[Device]:
        return Modem if name == "air" else usual(name)

    with mock.patch.object(hub, "driver_class", driver_class):
        yield air


def with_modem(**options: Any) -> Callable[[str], str]:
    """A hall file of which the modem is the only device."""
    sms = "".join(f"{key} = {value}\n" for key, value in options.items())

    def change(text: str) -> str:
        device = f'[[device]]\nid = "{MODEM}"\nname = "短信猫"\ndriver = "air"\nlink = "serial:///dev/hall/modem"\n'
        return f'{without_messages(without_devices(text))}\n[sms]\ndevice = "{MODEM}"\n{sms}\n{device}'

    return change
