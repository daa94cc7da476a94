"""Simulated printers on the network: who is told of, what is said, and that they part politely. On loopback."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from simulators.advertise import TYPE, advertised, service
from simulators.hall import SimulatedDevice, read
from tests.mdns import responder
from tests.mdns import service as real

HERE = ["127.0.0.1"]


def device(id_: str, link: str = "tcp://127.0.0.1:9111", driver: str = "escpos") -> SimulatedDevice:
    silent: Any = None  # nobody talks to it here
    return SimulatedDevice(id_, "一楼取号机", driver, link, silent)


@pytest.fixture
def label() -> str:
    return f"p{uuid.uuid4().hex[:12]}"


@contextlib.asynccontextmanager
async def asking() -> AsyncIterator[AsyncZeroconf]:
    network = AsyncZeroconf(interfaces=HERE, ip_version=IPVersion.V4Only)
    try:
        yield network
    finally:
        await network.async_close()


async def found(label: str, within_ms: int = 5_000) -> AsyncServiceInfo | None:
    info = AsyncServiceInfo(TYPE, f"{label}.{TYPE}")
    async with asking() as network:
        return info if await info.async_request(network.zeroconf, within_ms) else None


async def test_a_printer_says_where_and_what_it_is_and_then_goodbye(label: str) -> None:
    notices: list[str] = []
    async with advertised([device(label), device(f"{label}-led", driver="onbon")], HERE, notices.append):
        info = await found(label)
        assert info is not None
        assert (info.port, info.parsed_addresses()) == (9111, HERE)
        assert info.decoded_properties["note"] == "一楼取号机"
        assert await found(f"{label}-led", 300) is None
    assert await found(label, 300) is None
    assert notices == []


async def test_a_name_that_is_taken_is_left_to_its_owner(label: str) -> None:
    async with responder(real(label, 9100)), advertised([device(label)], HERE, print):
        ours = await found(f"{label}-2")
        theirs = await found(label)
        assert ours is not None
        assert theirs is not None
        assert (ours.port, theirs.port) == (9111, 9100)


async def test_it_may_end_before_it_has_begun(label: str) -> None:
    async with advertised([device(label)], HERE, print):
        await asyncio.sleep(0)
    assert await found(label, 300) is None


async def test_a_machine_without_multicast_still_has_its_hall(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr("simulators.advertise.AsyncZeroconf", refuse)
    notices: list[str] = []
    async with advertised([device(label)], HERE, notices.append):
        assert notices == ["printers are not advertised: no such device"]


@pytest.mark.parametrize(
    ("link", "driver", "is_printer"),
    [
        ("tcp://127.0.0.1:9111", "escpos", True),
        ("tcp://localhost:9111", "escpos", True),
        ("serial:///tmp/wire", "escpos", False),
        ("tcp://127.0.0.1:9111", "onbon", False),
    ],
)
def test_only_printers_on_the_network_are_told_of(link: str, driver: str, is_printer: bool) -> None:
    told = service(device("p", link, driver))
    assert (told is not None) == is_printer
    if told is not None:
        assert (told.parsed_addresses(), told.port) == (HERE, 9111)


@pytest.mark.parametrize(
    ("section", "interfaces"),
    [
        ("", []),
        ("[discovery]\ninterfaces = []", []),
        ('[discovery]\ninterfaces = ["127.0.0.1", "10.0.0.7"]', HERE),
    ],
)
def test_only_this_machine_is_told(tmp_path: Path, section: str, interfaces: list[str]) -> None:
    file = tmp_path / "hall.toml"
    file.write_text(f'[hall]\ncode = "t"\n{section}\n', "utf-8")
    assert read(file, port=9000, data=tmp_path).interfaces == interfaces
