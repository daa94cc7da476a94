"""A whole hall in memory: config/demo.toml, the simulators of its devices on in-memory wires, and a centre.

`World` is what stays when the service is restarted; `running(world)` is the service. Use it in virtual time.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import itertools
import json
import re
import tempfile
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from unittest import mock

import httpx

from drivers.base import Link, Unreachable
from edge import hall as halls
from edge import hallfile
from edge.access.vault import open_vault
from edge.clock import Clock
from edge.devices.discovery import Heard
from edge.journal import Event
from edge.parts import Parts
from edge.process import Outside, build, work
from simulators import hall as simulated
from simulators.central import Central
from simulators.central import make_app as central_app
from simulators.port import FaultyWire
from tests.alike import app_of, open_database, read_once
from tests.wire import End, pair

DEMO = Path(__file__).parents[1] / "config" / "demo.toml"
MORNING = datetime.fromisoformat("2026-03-02T09:00:00+08:00").timestamp()
DAY_S = 86_400.0
Result = TypeVar("Result")


@dataclass
class Wall:
    """A wall clock that goes with virtual time, and stands where time is real; move it by `at` (seconds)."""

    at: float = MORNING

    def __call__(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self.at
        return self.at + (loop.time() if getattr(loop, "looptime_on", False) else 0)


class Inline(Executor):
    """Runs at submit, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Centre(httpx.AsyncBaseTransport):
    """The way to the simulated central system. It may be away or slow, and `judge` may answer in its place."""

    def __init__(self, path: Path) -> None:
        self.central = Central(path)
        self.away = False
        self.slow_s = 0.0
        self.judge: Callable[[dict[str, Any]], httpx.Response | None] = lambda _event: None
        self.tried: list[dict[str, Any]] = []
        """Every event that came to its door, the refused and the repeated too."""
        self._app = httpx.ASGITransport(central_app(self.central))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("nobody listens", request=request)
        event = json.loads(request.content)
        self.tried.append(event)
        await asyncio.sleep(self.slow_s)
        return self.judge(event) or await self._app.handle_async_request(request)


SAID = "请到号楼窗口社保综合不动产零一二三四五六七八九十百千ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@functools.cache
def recordings() -> str:
    """A hall's own recordings, a short hum for each syllable: a real speech program does not keep virtual time."""
    folder = tempfile.TemporaryDirectory(prefix="clips")
    atexit.register(folder.cleanup)
    for nth, syllable in enumerate(SAID):
        with wave.open(str(Path(folder.name) / f"{syllable}.wav"), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
            file.writeframes(bytes([nth, 8] * 2_205))
    return folder.name


def demo_hall(folder: Path, change: Callable[[str], str] = lambda text: text) -> halls.Hall:
    """The hall of config/demo.toml after `change` of its text. Its voice is recorded, and nobody calls from outside.

    Without its attendance terminals: one needs a socket, one calls, and the clock of the third is real time.
    """
    file = folder / "hall.toml"
    text = DEMO.read_text("utf-8").replace(
        "options = { times = 1 }", f'options = {{ times = 1, clips = "{recordings()}" }}'
    )
    text = text.replace('{ device = "pad-2" }', '{ device = "counter", address = 2 }')
    text = re.sub(r'\[\[device\]\]\nid = "(?:pad|gate)-\d"\n(?:.+\n)*\n?', "", text)
    text = text.replace('profile = "halls/', f'profile = "{DEMO.parent}/halls/')
    file.write_text(change(text), "utf-8")
    with read_once():
        return hallfile.load(file, data=folder)


def without_devices(text: str) -> str:
    """A hall file of which no window, kiosk or line has a device."""
    tables = [table for table in re.split(r"(?m)^(?=\[)", text) if not table.startswith("[[device]]")]
    places = "call_box|evaluator|sign|printer|fallback|reader|device|voice|speaker"
    return re.sub(rf"(?m)^({places})\w* = .*\n", "", "".join(tables))


def counter() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers):06d}"


class World:
    """Everything outside the service: devices, the centre, the wall clock, and the disk (`folder`)."""

    def __init__(self, folder: Path, change: Callable[[str], str] = lambda text: text) -> None:
        self.folder = folder
        self.hall = demo_hall(folder, change)
        with read_once():
            found = simulated.read(folder / "hall.toml", port=8080, data=folder).devices
        self.devices = {id_: each for id_, each in found.items() if not isinstance(each.simulator, simulated.Caller)}
        self.centre = Centre(folder / "central.jsonl")
        self.wall, self.ids, self.random = Wall(), counter(), Random(7)
        self.cut_off: set[str] = set()
        """Devices that cannot be connected to."""
        self.heard: asyncio.Queue[Heard] = asyncio.Queue()
        """What the network is about to say to those who look for printers."""
        self.wires: dict[str, End] = {}
        """The newest wire of each device, at its end."""
        self._talks: set[asyncio.Task[None]] = set()

    def simulator(self, device: str) -> Any:
        return self.devices[device].simulator

    async def open_link(self, url: str) -> Link:
        device = next((each for each in self.devices.values() if each.link == url), None)
        if device is None:
            raise Unreachable(f"nobody answers at {url}")
        if device.id in self.cut_off:
            raise Unreachable(f"{device.id} is cut off")
        link, wire = pair()
        self.wires[device.id] = wire
        talk = asyncio.create_task(self.simulator(device.id).talk(FaultyWire(wire, device.faults)))
        self._talks.add(talk)
        return link

    async def browse(self, _interfaces: Sequence[str]) -> AsyncGenerator[Heard, None]:
        while True:
            yield await self.heard.get()

    async def cut(self, device: str) -> None:
        self.cut_off.add(device)
        await self.wires[device].close()

    async def silence(self) -> None:
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)


class Door(httpx.ASGITransport):
    """The service's HTTP side. A request that nobody answers fails its test instead of holding it up."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with asyncio.timeout(60):
            return await super().handle_async_request(request)


@dataclass
class Running:
    world: World
    parts: Parts
    api: httpx.AsyncClient
    life: asyncio.Task[None] = field(repr=False)

    async def until(self, true: Callable[[], Any], within: float = 20.0) -> Any:
        """What `true` returns once it is something; looks every 50 ms."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while not (found := true()):
            assert not self.life.done(), "the service has ended"
            assert loop.time() < end, f"not within {within:g} s"
            await asyncio.sleep(0.05)
        return found

    async def get(self, path: str) -> Any:
        answer = await self.api.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, expect: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
        answer = await self.api.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def issue(self, service: str = "pension", **more: Any) -> Any:
        return await self.post("/tickets", 201, service=service, **more)

    def events(self, type_: str = "") -> list[Event]:
        return [event for event in self.parts.journal.read(0, 100_000) if event.type.startswith(type_)]

    async def up(self, *devices: str) -> None:
        for each in devices or self.world.devices:
            await self.until(lambda each=each: self.parts.hub.able(each))  # type: ignore[misc]


async def _inline(function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Result:
    return function(*args, **kwargs)


def _local_now(world: World) -> datetime:
    return datetime.fromtimestamp(world.wall(), world.hall.zone_info).replace(tzinfo=None)


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[Running]:
    """The service over `world`. What ends it early is raised when the context is left."""
    database = open_database(world.folder)
    async with httpx.AsyncClient(transport=world.centre) as client:
        clock = Clock(world.hall.zone_info, world.wall)
        outside = Outside(clock, world.ids, world.random, world.open_link, client, world.browse)
        with read_once():
            parts = build(world.hall, database, outside, open_vault(world.folder), Inline())
        door = Door(app_of(parts), client=("127.0.0.1", 1))
        started, here = asyncio.Event(), functools.partial(_local_now, world)
        # A thread would let virtual time run on while it works; a terminal's clock is held against the hall's.
        with (
            mock.patch("fastapi.routing.run_in_threadpool", _inline),
            mock.patch("drivers.zkteco.local_now", here),
            mock.patch("drivers.adms.local_now", side_effect=lambda _minutes: here()),
        ):
            life = asyncio.create_task(_live(parts, started))
            async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as api:
                try:
                    await started.wait()
                    yield Running(world, parts, api, life)
                finally:
                    life.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await life
                    await world.silence()
                    database.close()


async def _live(parts: Parts, started: asyncio.Event) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            await work(parts, group)
            started.set()
    finally:
        started.set()
