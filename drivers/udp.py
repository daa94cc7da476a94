"""UDP links: `udp://10.0.0.31:4370`. Each read is one datagram, each write sends one; lost ones are not made up for."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast
from urllib.parse import SplitResult

from drivers.base import Misconfigured, Unreachable

WAITING: Final = 1024
"""Datagrams that may wait to be read; the oldest go first."""


class UdpLink(asyncio.DatagramProtocol):
    """Hears one peer only. It is gone when its host says that nobody listens there."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._news = asyncio.Event()
        self._gone: str | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def read(self) -> bytes:
        while not self._waiting:
            if self._gone is not None:
                raise Unreachable(self._gone)
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def write(self, data: bytes) -> None:
        if self._gone is not None or self._transport is None:
            raise Unreachable(self._gone or "the link is closed")
        self._transport.sendto(data)

    async def close(self) -> None:
        self._lose("the link is closed")
        if self._transport is not None:
            self._transport.abort()
        await asyncio.sleep(0)  # the socket is closed a turn of the loop later

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        if data:
            self._waiting.append(data)
            self._news.set()

    def error_received(self, error: Exception) -> None:
        self._lose(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(str(error or "the link is closed"))

    def _lose(self, why: str) -> None:
        self._gone = self._gone or why
        self._news.set()


async def open_udp(parts: SplitResult, within: float) -> UdpLink:
    """Sends nothing: whether somebody is there shows with the first answer."""
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured(f"{parts.geturl()}: {error}") from error
    if not host or not port:
        raise Misconfigured(f"{parts.geturl()}: write udp://host:port")
    try:
        async with asyncio.timeout(within):
            loop = asyncio.get_running_loop()
            _, link = await loop.create_datagram_endpoint(UdpLink, remote_addr=(host, port))
    except TimeoutError as error:
        raise Unreachable(f"{host} was not found within {within:g} s") from error
    except OSError as error:
        raise Unreachable(f"{host}:{port}: {error.strerror or error}") from error
    return link
