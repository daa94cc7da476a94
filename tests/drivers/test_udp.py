"""UDP links over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from drivers.base import Misconfigured, Unreachable
from drivers.link import open_link


@pytest.fixture
def device() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        yield peer


def url(device: socket.socket) -> str:
    return f"udp://127.0.0.1:{device.getsockname()[1]}"


async def test_each_read_is_one_datagram(device: socket.socket) -> None:
    link = await open_link(url(device))
    await link.write(b"who is there")
    heard, address = await asyncio.to_thread(device.recvfrom, 100)
    assert heard == b"who is there"
    for piece in (b"one", b"", b"two" * 300):
        device.sendto(piece, address)
    assert [await link.read() for _ in range(2)] == [b"one", b"two" * 300]
    await link.close()
    await link.close()


async def test_strangers_are_not_heard(device: socket.socket) -> None:
    link = await open_link(url(device))
    await link.write(b"?")
    _, address = await asyncio.to_thread(device.recvfrom, 100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"from a stranger", address)
    device.sendto(b"from the device", address)
    assert await link.read() == b"from the device"
    await link.close()


async def test_a_read_that_is_cancelled_loses_nothing(device: socket.socket) -> None:
    link = await open_link(url(device))
    await link.write(b"?")
    _, address = await asyncio.to_thread(device.recvfrom, 100)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await link.read()
    device.sendto(b"kept", address)
    assert await link.read() == b"kept"
    await link.close()


async def test_nobody_there_is_unreachable(device: socket.socket) -> None:
    link = await open_link(url(device))
    device.close()
    await link.write(b"?")
    with pytest.raises(Unreachable):
        await link.read()
    with pytest.raises(Unreachable):
        await link.write(b"?")
    await link.close()


async def test_closing_ends_a_read(device: socket.socket) -> None:
    link = await open_link(url(device))
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    await link.close()
    with pytest.raises(Unreachable):
        await reading


@pytest.mark.parametrize(
    "wrong", ["udp://", "udp://127.0.0.1", "udp://:4370", "udp://127.0.0.1:x", "udp://127.0.0.1:99999"]
)
async def test_a_wrong_address_is_misconfigured(wrong: str) -> None:
    with pytest.raises(Misconfigured):
        await open_link(wrong)
