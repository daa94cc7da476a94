"""Serves a simulated ZKTeco terminal on UDP: a datagram is a payload, and a client is an address."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

from simulators.zkteco import Terminal
from simulators.zkteco_packet import Packet, build
from simulators.zkteco_session import Session

CLIENTS = 64
"""More addresses than this are forgotten, the oldest first."""

Address = tuple[str, int]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.heard.put_nowait((data, addr))


@contextlib.asynccontextmanager
async def serve_udp(host: str, port: int, terminal: Terminal) -> AsyncIterator[int]:
    """Gives the port, which 0 lets the system choose."""
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(_Datagrams, local_addr=(host, port))
    hearing = asyncio.create_task(_hear(terminal, transport, datagrams))
    try:
        yield cast(int, transport.get_extra_info("sockname")[1])
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        transport.close()


async def _hear(terminal: Terminal, transport: asyncio.DatagramTransport, datagrams: _Datagrams) -> None:
    clients: dict[Address, Session] = {}
    try:
        while True:
            data, address = await datagrams.heard.get()
            if address not in clients or clients[address].over:
                clients[address] = _client(terminal, transport, address)
            while len(clients) > CLIENTS:
                clients.pop(next(iter(clients))).leave()
            await terminal.hear(clients[address], data)
    finally:
        for client in clients.values():
            client.leave()


def _client(terminal: Terminal, transport: asyncio.DatagramTransport, address: Address) -> Session:
    async def send(packets: Sequence[Packet]) -> None:
        for packet in packets:
            transport.sendto(build(packet), address)

    return Session(terminal.memory, send, udp=True)
