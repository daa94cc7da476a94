"""Real mDNS responders on loopback, as printers are on a hall's network."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

TYPE = "_pdl-datastream._tcp.local."


def service(label: str, port: int, address: bytes = b"\x7f\0\0\x01", **properties: Any) -> ServiceInfo:
    host = f"h{uuid.uuid4().hex}.local."
    return ServiceInfo(TYPE, f"{label}.{TYPE}", addresses=[address], port=port, properties=properties, server=host)


class Responder:
    """Answers for services on loopback. Their names are unique, so nobody is asked whether they are taken."""

    def __init__(self) -> None:
        self._network = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
        self._announcing: list[asyncio.Future[None]] = []

    async def register(self, each: ServiceInfo) -> None:
        told = await self._network.async_register_service(each, cooperating_responders=True)
        self._announcing.append(asyncio.ensure_future(told))

    async def update(self, each: ServiceInfo) -> None:
        self._announcing.append(asyncio.ensure_future(await self._network.async_update_service(each)))

    async def withdraw(self, each: ServiceInfo) -> None:
        self._announcing.append(asyncio.ensure_future(await self._network.async_unregister_service(each)))

    async def close(self) -> None:
        """At once: the announcements that were still to come are not waited for."""
        for each in self._announcing:
            each.cancel()
        await asyncio.gather(*self._announcing, return_exceptions=True)
        await self._network.async_close()


@contextlib.asynccontextmanager
async def responder(*services: ServiceInfo) -> AsyncIterator[Responder]:
    answering = Responder()
    try:
        for each in services:
            await answering.register(each)
        yield answering
    finally:
        await answering.close()
