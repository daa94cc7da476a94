"""Three attendance terminals of different make in a running hall, in virtual time: each on its own real driver, wire
and simulator, and all their clocks go with the world's wall clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest import mock

import httpcore
import httpx

from drivers.base import Link, Unreachable
from edge.parts import Parts
from simulators import adms, hikvision, zkteco
from simulators.adms_lines import User as PushUser
from simulators.zkteco_records import User
from tests.alike import app_of
from tests.attendance.days import ZONE
from tests.hall import Door, Running, World, running, without_devices

ZK, PUSH, HIK = "gate-1", "gate-2", "gate-3"
GATES = (ZK, PUSH, HIK)
PASSWORD = "demo"
DEVICES = """
[[device]]
id = "gate-1"
name = "大门考勤机"
driver = "zkteco"
link = "tcp://127.0.0.1:{port+41}"

[[device]]
id = "gate-2"
name = "员工通道考勤机"
driver = "adms"
link = "inbound:"
options = { serial = "SIM0000000002" }

[[device]]
id = "gate-3"
name = "一楼人脸考勤机"
driver = "hikvision"
link = "tcp://127.0.0.1:{port+42}"
options = { url = "http://127.0.0.1:{port+42}", user = "admin", secrets_file = "{data}/wire/gate-3.toml" }
"""


def with_gates(text: str) -> str:
    """The hall without any other device, and without a centre."""
    return without_devices(text).replace('url = "http://127.0.0.1:{port+2}/events"', "") + DEVICES


def gates_world(folder: Path, change: Callable[[str], str] = lambda text: text) -> World:
    secret = folder / "wire" / f"{HIK}.toml"
    secret.parent.mkdir(exist_ok=True)
    secret.touch(0o600)
    secret.write_text(f'password = "{PASSWORD}"\n', "utf-8")
    return World(folder, lambda text: change(with_gates(text)))


# ---- HTTP over the world's wires


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, link: Link) -> None:
        self._link, self._rest = link, b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  httpcore's own
        if not self._rest:
            try:
                async with asyncio.timeout(timeout):
                    self._rest = await self._link.read()
            except TimeoutError as error:
                raise httpcore.ReadTimeout from error
            except Unreachable:
                return b""
        data, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  likewise
        try:
            await self._link.write(buffer)
        except Unreachable as error:
            raise httpcore.WriteError from error

    async def aclose(self) -> None:
        await self._link.close()

    def get_extra_info(self, info: str) -> Any:
        return None


class _Network(httpcore.AsyncNetworkBackend):
    def __init__(self, world: World) -> None:
        self._world = world

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        try:
            return _Stream(await self._world.open_link(f"tcp://{host}:{port}"))
        except Unreachable as error:
            raise httpcore.ConnectError(str(error)) from error


def _client(world: World) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(verify=False)
    transport._pool = httpcore.AsyncConnectionPool(network_backend=_Network(world), max_keepalive_connections=0)
    return httpx.AsyncClient(transport=transport)


class _Dated(Door):
    """The service's HTTP side with the `Date` that its server would add."""

    def __init__(self, parts: Parts, world: World) -> None:
        super().__init__(app_of(parts), client=("127.0.0.1", 1))
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        answer.headers["Date"] = format_datetime(datetime.fromtimestamp(self._world.wall(), UTC), usegmt=True)
        return answer


# ---- the terminals


class Gates:
    """What people and the caretaker do at the terminals."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.push = adms.Pusher(PUSH, world.hall.device[PUSH].options)
        self.zk: zkteco.Terminal = world.simulator(ZK)
        self.hik: hikvision.Terminal = world.simulator(HIK)
        self.clocks = {ZK: self.zk.clock, PUSH: self.push.memory.clock, HIK: self.hik.clock}
        for clock in self.clocks.values():
            clock.now = self.now

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.wall(), UTC)

    def enrol(self, device: str, people: Iterable[tuple[str, str]]) -> None:
        """These (工号, name) and nobody else."""
        if device == ZK:
            self.zk.memory.users = {uid: User(uid, id_, name) for uid, (id_, name) in enumerate(people, 1)}
        elif device == PUSH:
            self.push.memory.users = {id_: PushUser(id_, name) for id_, name in people}
        else:
            self.hik.memory.users.clear()
            for id_, name in people:
                self.hik.memory.add_user({"UserInfo": {"employeeNo": id_, "name": name}})

    async def touch(self, device: str, person: str, *, leaving: bool) -> None:
        """Somebody's finger, and before it the key that says which way."""
        terminal: Any = self.push if device == PUSH else self.world.simulator(device)
        terminal.on["leaving"] = leaving
        acting = terminal.punch(person, "finger")
        if acting is not None:
            await acting

    async def unplug(self, device: str) -> None:
        """Off the network; it records on."""
        if device == PUSH:
            self.push.control("offline")
            return
        self.world.cut_off.add(device)
        await self.world.simulator(device).drop()

    def plug(self, device: str) -> None:
        """What `unplug` took off."""
        self.world.cut_off.discard(device)
        if device == PUSH:
            self.push.control("offline")


@contextlib.asynccontextmanager
async def open_gates(gates: Gates) -> AsyncIterator[Running]:
    """The service over the world of the gates."""
    world = gates.world

    def local_now() -> datetime:
        return gates.now().astimezone(ZONE).replace(tzinfo=None)

    async def client() -> httpx.AsyncClient:
        return _client(world)

    async def at_once(function: Callable[..., Any], /, *args: Any) -> Any:
        return function(*args)

    with (
        mock.patch("drivers.zkteco.local_now", local_now),
        mock.patch("drivers.hikvision.now", gates.now),
        mock.patch("drivers.hikvision.open_client", client),
        mock.patch("asyncio.to_thread", at_once),
    ):
        async with running(world) as hall:
            gates.push.transport = _Dated(hall.parts, world)
            calling = asyncio.create_task(gates.push.call("http://127.0.0.1:8080"))
            try:
                yield hall
            finally:
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)
