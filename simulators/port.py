"""Serves a simulated device on a wire: TCP, UDP, a pty, or one end of an in-memory pair, with faults.

A simulator is one object with `async def talk(self, wire)`: it speaks until the wire raises `Gone`. It is
called once per connection, by the server that this file starts, and keeps its state (paper, screens) between them.
On UDP a connection is an address that was heard from; there each read is a datagram, and each write sends one.
When it returns of its own accord it has hung up: a TCP connection ends; a pty vanishes, so that whoever holds the other
end reads its end or EIO, and is plugged in again `REPLUG_S` later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

REPLUG_S = 3.0


class Gone(Exception):
    """The other side hung up, or the wire was unplugged."""


class Wire(Protocol):
    async def read(self) -> bytes:
        """At least one byte. Raises `Gone`."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises `Gone`."""
        ...

    async def close(self) -> None:
        """Ends the connection, where the wire has such a thing, and in any case a read that waits."""
        ...


class Simulator(Protocol):
    async def talk(self, wire: Wire) -> None:
        """Speaks on this wire until `Gone`."""
        ...


@dataclass(slots=True)
class Faults:
    """Rudeness, as shares of 0 to 1 of what the device sends, and switches."""

    drop: float = 0.0
    """Answers that vanish."""
    garble: float = 0.0
    """Answers with one byte changed."""
    trickle: bool = False
    """Send byte by byte."""
    pace_s: float = 0.0
    """Seconds from one byte of a trickle to the next."""
    hang: bool = False
    """The port stays open and nothing is read or said."""
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311  faults, not secrets


class FaultyWire:
    """A wire that loses, changes and delays what the device says, as `faults` tells it at that moment.

    `whole`: what is written arrives as one piece, so nothing trickles.
    """

    def __init__(self, wire: Wire, faults: Faults, *, whole: bool = False) -> None:
        self._wire, self._faults, self._whole = wire, faults, whole

    async def read(self) -> bytes:
        data = await self._wire.read()
        while self._faults.hang:  # noqa: ASYNC110  the switch is a plain attribute, thrown by a page
            await asyncio.sleep(0.1)
        return data

    async def write(self, data: bytes) -> None:
        faults = self._faults
        if faults.hang or faults.random.random() < faults.drop:
            return
        if faults.random.random() < faults.garble:
            at = faults.random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ (1 << faults.random.randrange(8))]) + data[at + 1 :]
        if self._whole or not faults.trickle:
            await self._wire.write(data)
            return
        for byte in data:
            await self._wire.write(bytes([byte]))
            await asyncio.sleep(faults.pace_s)

    async def close(self) -> None:
        await self._wire.close()


@contextlib.asynccontextmanager
async def serve(url: str, simulator: Simulator, faults: Faults | None = None) -> AsyncIterator[None]:
    """Serves `simulator` on `tcp://host:port`, `udp://host:port` or `serial:///path` (a pty with a link at that path)
    while entered.
    """
    parts = urlsplit(url)
    faults = faults or Faults()
    if parts.scheme in ("tcp", "udp"):
        server_of = serve_tcp if parts.scheme == "tcp" else serve_udp
        server = server_of(parts.hostname or "127.0.0.1", parts.port or 0, simulator, faults)
    elif parts.scheme == "serial":
        server = serve_pty(Path(parts.path), simulator, faults)
    else:
        raise ValueError(f"{url}: a simulator serves tcp://, udp:// or serial://")
    async with server:
        yield


# ---- TCP


class _TcpWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        try:
            data = await self._reader.read(4096)
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        return data

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise Gone(str(error)) from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def serve_tcp(host: str, port: int, simulator: Simulator, faults: Faults) -> AsyncIterator[None]:
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        wire = FaultyWire(_TcpWire(reader, writer), faults)
        try:
            with contextlib.suppress(Gone):
                await simulator.talk(wire)
        except asyncio.CancelledError:
            pass  # the server is closing; a streams callback that ends cancelled is logged as an error
        finally:
            talks.discard(task)
            await wire.close()

    server = await asyncio.start_server(accept, host, port)
    try:
        yield
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


# ---- UDP

PEERS, WAITING = 64, 256
"""Addresses that are remembered, and datagrams of one that wait to be read; of both the oldest go first."""
Address = tuple[Any, ...]


class _UdpWire:
    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._heard: deque[bytes] = deque(maxlen=WAITING)
        self._news = asyncio.Event()
        self._gone = False

    def hear(self, data: bytes) -> None:
        self._heard.append(data)
        self._news.set()

    async def read(self) -> bytes:
        while not self._heard and not self._gone:
            self._news.clear()
            await self._news.wait()
        if self._gone:
            raise Gone("closed")
        return self._heard.popleft()

    async def write(self, data: bytes) -> None:
        if self._gone:
            raise Gone("closed")
        self._send(data)

    async def close(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._gone = True
        self._news.set()


class _Peers(asyncio.DatagramProtocol):
    def __init__(self, simulator: Simulator, faults: Faults) -> None:
        self._simulator, self._faults = simulator, faults
        self._wires: dict[Address, _UdpWire] = {}
        self.talks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if not data:
            return
        if addr not in self._wires:
            self._meet(addr)
        self._wires[addr].hear(data)

    def _meet(self, address: Address) -> None:
        while len(self._wires) >= PEERS:
            self._wires.pop(next(iter(self._wires))).forget()
        wire = self._wires[address] = _UdpWire(lambda data: self._transport.sendto(data, address))
        task = asyncio.create_task(self._talk(address, wire))
        self.talks.add(task)
        task.add_done_callback(self.talks.discard)

    async def _talk(self, address: Address, wire: _UdpWire) -> None:
        try:
            with contextlib.suppress(Gone):
                await self._simulator.talk(FaultyWire(wire, self._faults, whole=True))
        finally:
            if self._wires.get(address) is wire:
                del self._wires[address]


@contextlib.asynccontextmanager
async def serve_udp(host: str, port: int, simulator: Simulator, faults: Faults) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    transport, peers = await loop.create_datagram_endpoint(lambda: _Peers(simulator, faults), local_addr=(host, port))
    try:
        yield
    finally:
        transport.close()
        talks = list(peers.talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


# ---- pty


class _Pty:
    """A pty with a link at `path`. The slave stays open here too: a driver may come and go as on a real bus."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(self._slave))
        self._plugged = True

    def unplug(self) -> None:
        """A second time does nothing."""
        if self._plugged:
            self._plugged = False
            self._path.unlink(missing_ok=True)
            os.close(self._slave)
            os.close(self.master)


class _PtyWire:
    def __init__(self, master: int) -> None:
        self._fd = master
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        while True:
            try:
                return os.read(self._fd, 4096)
            except BlockingIOError:
                await self._readable()
            except OSError:
                # EIO: nobody holds the other end just now. A real bus does not notice; listen again.
                await asyncio.sleep(0.05)

    async def write(self, data: bytes) -> None:
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            return  # nobody reads: a bus has no memory, the bytes are lost
        except OSError as error:
            raise Gone(str(error)) from error

    async def close(self) -> None:
        """A line is no connection: only a read that waits ends, and the next one hears on."""
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(Gone("closed"))

    async def _readable(self) -> None:
        ready = self._ready = self._loop.create_future()
        self._loop.add_reader(self._fd, _wake, ready)
        try:
            await ready
        finally:
            self._ready = None
            self._loop.remove_reader(self._fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@contextlib.asynccontextmanager
async def serve_pty(path: Path, simulator: Simulator, faults: Faults) -> AsyncIterator[None]:
    pty = _Pty(path)
    task = asyncio.create_task(_keep_plugged(pty, simulator, faults))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        pty.unplug()


async def _keep_plugged(pty: _Pty, simulator: Simulator, faults: Faults) -> None:
    while True:
        with contextlib.suppress(Gone):
            await simulator.talk(FaultyWire(_PtyWire(pty.master), faults))
        pty.unplug()
        await asyncio.sleep(REPLUG_S)
        pty.plug()
