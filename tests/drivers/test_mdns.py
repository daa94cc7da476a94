"""Links by name, on loopback multicast: two real responders, one that asks (the link) and one that answers."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Link, Misconfigured, Unreachable
from drivers.link import open_link
from drivers.mdns import instance, resolve
from tests.mdns import responder, service

LOOPBACK = "?interface=127.0.0.1"


@contextlib.asynccontextmanager
async def printer(says: bytes) -> AsyncIterator[int]:
    """The port of a listener that says this to whoever connects."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def greeting(link: Link) -> bytes:
    try:
        return await link.read()
    finally:
        await link.close()


@pytest.fixture
def label() -> str:
    return f"Printer 一 {uuid.uuid4().hex[:12]}"


@pytest.mark.parametrize("query", [LOOPBACK, ""])
async def test_a_printer_whose_port_changed_is_found_again(label: str, query: str) -> None:
    url = f"mdns://{quote(label, safe='')}._pdl-datastream._tcp{query}"
    async with printer(b"old") as old, printer(b"new") as new:
        first, second = service(label, old), service(label, new)
        async with responder(first) as network:
            assert await greeting(await open_link(url)) == b"old"
            await network.update(second)
            assert await greeting(await open_link(url)) == b"new"


async def test_nobody_of_that_name_is_unreachable_within_its_time(label: str) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with responder(service(label, 9100)):
        with pytest.raises(Unreachable, match="nobody"):
            await open_link(f"mdns://{uuid.uuid4().hex}._pdl-datastream._tcp{LOOPBACK}", within=0.2)
    assert 0.2 <= loop.time() - begun < 1


async def test_an_instance_without_a_port_or_an_ipv4_address_is_unreachable(label: str) -> None:
    """A service that needs no port says 0 (RFC 6763, 4.1); a link-local IPv6 address alone cannot be connected to."""
    only_v6 = bytes.fromhex("fe80000000000000") + bytes(7) + b"\x01"
    shy, far = service(f"{label} shy", 0), service(f"{label} far", 9100, only_v6)
    async with responder(shy, far):
        for each in (shy, far):
            with pytest.raises(Unreachable):
                await resolve(urlsplit(f"mdns://{quote(each.name, safe='')}{LOOPBACK}"), 0.2)


async def test_it_leaves_no_socket_behind_when_cancelled(label: str) -> None:
    asking = asyncio.create_task(open_link(f"mdns://{uuid.uuid4().hex}._pdl-datastream._tcp{LOOPBACK}", within=30))
    await asyncio.wait([asking], timeout=0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mdns://Printer-1._pdl-datastream._tcp", ("_pdl-datastream._tcp.local.", "Printer-1")),
        ("mdns://Printer-1._pdl-datastream._tcp.local", ("_pdl-datastream._tcp.local.", "Printer-1")),
        ("mdns://Printer-1._pdl-datastream._tcp.local.", ("_pdl-datastream._tcp.local.", "Printer-1")),
        ("mdns://HP%20no.%202%20%28hall%29._ipp._tcp", ("_ipp._tcp.local.", "HP no. 2 (hall)")),
        ("mdns://a._x._tcp._y._udp", ("_y._udp.local.", "a._x._tcp")),
    ],
)
def test_what_a_link_names(url: str, found: tuple[str, str]) -> None:
    type_, label = found
    assert instance(urlsplit(url)) == (type_, f"{label}.{type_}")


@pytest.mark.parametrize(
    "url",
    [
        "mdns://",
        "mdns://Printer-1",
        "mdns://Printer-1._tcp",
        "mdns://._pdl-datastream._tcp",
        "mdns://_pdl-datastream._tcp",
        "mdns://Printer-1._pdl-datastream._sctp",
        "mdns://Printer-1.pdl-datastream._tcp",
        "mdns://Printer-1._._tcp",
        "mdns://Printer-1._-x._tcp",
        "mdns://Printer-1._a%20b._tcp",
        "mdns://Printer-1._this-name-is-too-long._tcp",
        "mdns://a%00b._pdl-datastream._tcp" + LOOPBACK,
        "mdns://" + "x" * 64 + "._pdl-datastream._tcp" + LOOPBACK,
        "mdns://Printer-1._pdl-datastream._tcp?interface=eth0",
        "mdns://Printer-1._pdl-datastream._tcp?interfaces=127.0.0.1",
        "mdns://[Printer-1._pdl-datastream._tcp",
    ],
)
async def test_a_wrong_url_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        await open_link(url, within=0.1)


async def test_an_interface_that_is_not_there_is_unreachable() -> None:
    """It may come: a cable that is not plugged in yet."""
    with pytest.raises(Unreachable):
        await open_link("mdns://Printer-1._pdl-datastream._tcp?interface=203.0.113.1", within=0.1)


@given(st.text(max_size=70), st.text("ab-_.A1 ", max_size=18))
def test_any_name_is_an_instance_or_misconfigured(label: str, kind: str) -> None:
    with contextlib.suppress(Misconfigured):
        type_, name = instance(urlsplit(f"mdns://{quote(label, safe='')}._{kind}._tcp"))
        assert name.endswith(f".{type_}")
        assert len(name) > len(type_) + 1
