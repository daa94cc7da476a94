"""What is served on UDP: each address is heard for itself, and a terminal there is driven as the hall file says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from drivers.base import DeviceEvent, Link, Punched
from drivers.link import open_link
from drivers.zkteco import Zkteco
from simulators import port as served
from simulators.hall import Caller, SimulatedDevice, read
from simulators.port import Faults, Wire, serve
from simulators.zkteco_udp import UdpTerminal

SOON = 0.2


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def url() -> str:
    return f"udp://127.0.0.1:{free_port()}"


class Parrot:
    """Says what it hears, and how often each address was met; hangs up at an `x`."""

    def __init__(self) -> None:
        self.met = 0

    async def talk(self, wire: Wire) -> None:
        self.met += 1
        nth = self.met
        while (data := await wire.read()) != b"x":
            await wire.write(b"%d %b" % (nth, data))
        await wire.close()
        with contextlib.suppress(served.Gone):
            await wire.read()


async def said(link: Link, *datagrams: bytes) -> bytes:
    """The next answer; b"" when there is none."""
    for each in datagrams:
        await link.write(each)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SOON):
            return await link.read()
    return b""


@contextlib.asynccontextmanager
async def callers(url: str, count: int) -> AsyncIterator[list[Link]]:
    links = [await open_link(url) for _ in range(count)]
    try:
        yield links
    finally:
        for link in links:
            await link.close()


async def test_each_address_is_a_connection_and_hanging_up_ends_one_of_them(url: str) -> None:
    async with serve(url, Parrot()), callers(url, 2) as (one, two):
        assert [await said(each, b"a" * 900) for each in (one, two)] == [b"1 " + b"a" * 900, b"2 " + b"a" * 900]
        assert await said(one, b"x") == b""
        assert [await said(each, b"b") for each in (one, two)] == [b"3 b", b"2 b"]


async def test_of_too_many_addresses_the_oldest_is_forgotten(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "PEERS", 2)
    parrot = Parrot()
    async with serve(url, parrot), callers(url, 3) as links:
        assert [await said(each, b"a") for each in links] == [b"1 a", b"2 a", b"3 a"]
        assert [await said(each, b"b") for each in reversed(links)] == [b"3 b", b"2 b", b"4 b"]


async def test_datagrams_get_lost_and_spoilt_but_never_torn(url: str) -> None:
    faults = Faults(trickle=True)
    async with serve(url, Parrot(), faults), callers(url, 1) as (link,):
        assert await said(link, b"whole") == b"1 whole"
        faults.drop = 1.0
        assert await said(link, b"lost") == b""
        faults.drop, faults.garble = 0.0, 1.0
        garbled = await said(link, b"spoilt")
        assert (len(garbled), garbled == b"1 spoilt") == (8, False)
        faults.garble, faults.hang = 0.0, True
        assert await said(link, b"nobody") == b""


# ---- a terminal of a hall file

HALL = """
[[device]]
id = "door"
driver = "zkteco"
link = "udp://127.0.0.1:{port+1}"
options = { commkey = 12345678, stride = 16 }
"""


@pytest.fixture
def door(tmp_path: Path) -> SimulatedDevice:
    (tmp_path / "hall.toml").write_text(HALL, "utf-8")
    return read(tmp_path / "hall.toml", port=free_port() - 1, data=tmp_path).devices["door"]


async def told(device: Zkteco, count: int) -> list[Punched]:
    """Its next punches, one by one, however many come at once."""
    found: list[Punched] = []
    async with asyncio.timeout(20), aclosing(device.events()) as events:
        async for event in events:
            found += records(event)
            if len(found) >= count:
                break
    return found


def records(event: DeviceEvent) -> list[Punched]:
    return [event] if isinstance(event, Punched) else [*getattr(event, "records", ())]


async def test_its_driver_reads_its_memory_and_its_people_and_hears_it_live(door: SimulatedDevice) -> None:
    terminal = door.simulator
    assert isinstance(terminal, UdpTerminal)
    assert not isinstance(terminal, Caller)
    terminal.remember(100)  # 38 KB: chunks, and packets in them
    async with (
        serve(door.link, terminal, door.faults),
        Zkteco(lambda: open_link(door.link), {"commkey": 12345678}) as device,
    ):
        assert len(await told(device, 2400)) == 2400
        assert {each.person for each in await device.people()} == {f"100{n}" for n in range(1, 7)}
        hearing = asyncio.create_task(told(device, 2401))
        async with asyncio.timeout(10):
            while not terminal.state()["live"]:  # noqa: ASYNC110  the simulator has no reason to tell
                await asyncio.sleep(0.01)
        await terminal.punch("1003", "face")
        last = (await hearing)[-1]
        assert (last.person, last.mode, last.direction) == ("1003", "face", "in")
    assert not terminal.state()["connected"]  # it said goodbye, or another client would have to wait
