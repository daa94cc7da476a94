"""Links: an open byte pipe made from a URL.

`tcp://10.0.0.21:9100` · `udp://10.0.0.31:4370` · `serial:///dev/hall/counter?baud=9600&parity=N&stop=1&flow=xonxoff`
(a pty is a serial line too) · `usb://0416:5011/serial-number` (a printer) · `hid://046d:c31c` (a keypad) ·
`sam://0400:c35a` (an ID-card reader) · `program:aplay?arg=-q` · `mdns://Printer-1._pdl-datastream._tcp`. Nothing
outside this file knows how a serial port is driven; UDP is in udp.py, USB in usb.py, usb_hid.py and usb_sam.py,
programs in program.py, names in mdns.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import termios
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

import serial

from drivers.base import Link, Misconfigured, Unreachable
from drivers.mdns import resolve
from drivers.program import open_program
from drivers.udp import open_udp
from drivers.usb import open_usb
from drivers.usb_hid import open_hid
from drivers.usb_sam import open_sam

CHUNK = 4096
USB: Mapping[str, Callable[[str], Awaitable[Link]]] = {"usb": open_usb, "hid": open_hid, "sam": open_sam}


async def open_link(url: str, *, within: float = 3.0) -> Link:
    """Opens the link that `url` names in `within` seconds.

    Raises `Unreachable` when nobody answers and `Misconfigured` when the URL itself is wrong.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Misconfigured(f"{url}: {error}") from error
    if parts.scheme == "tcp":
        return await _open_tcp(parts, within)
    if parts.scheme == "udp":
        return await open_udp(parts, within)
    if parts.scheme == "serial":
        return _open_serial(parts)
    if parts.scheme in USB:
        return await USB[parts.scheme](url)
    if parts.scheme == "program":
        return open_program(url)
    if parts.scheme == "mdns":
        host, port = await resolve(parts, within)
        return await _open_tcp(urlsplit(f"tcp://{host}:{port}"), within)
    raise Misconfigured(
        f"{url}: a link starts with tcp://, udp://, serial://, mdns://, usb://, hid://, sam:// or program:"
    )


# ---- TCP


class TcpLink:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        try:
            data = await self._reader.read(CHUNK)
        except OSError as error:
            raise Unreachable(str(error)) from error
        if not data:
            raise Unreachable("the other side hung up")
        return data

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise Unreachable(str(error)) from error

    async def close(self) -> None:
        # Not close(): with a peer that reads no more, unsent bytes would hold it up for ever.
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _open_tcp(parts: SplitResult, within: float) -> TcpLink:
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured(f"{parts.geturl()}: {error}") from error
    if not host or not port:
        raise Misconfigured(f"{parts.geturl()}: write tcp://host:port")
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise Unreachable(f"{host}:{port} did not answer within {within:g} s") from error
    except OSError as error:
        raise Unreachable(f"{host}:{port}: {error.strerror or error}") from error
    sock = writer.get_extra_info("socket")
    # A power cut on the other side is silent: let the kernel notice within about 20 s.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpLink(reader, writer)


# ---- serial


class SerialLink:
    """A serial port whose descriptor the event loop watches; pyserial sets it up."""

    def __init__(self, port: serial.Serial) -> None:
        self._port: serial.Serial | None = port
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()

    async def read(self) -> bytes:
        while True:
            await asyncio.sleep(0)  # a line that never falls silent must leave the loop to others
            fd = self._fd()
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                await self._ready(fd, self._loop.add_reader, self._loop.remove_reader)
                continue
            except OSError as error:  # EIO: the other end of a pty or the USB plug is gone
                raise Unreachable(error.strerror or str(error)) from error
            if not data:
                raise Unreachable("the line hung up")
            return data

    async def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            fd = self._fd()
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                await self._ready(fd, self._loop.add_writer, self._loop.remove_writer)
            except OSError as error:
                raise Unreachable(error.strerror or str(error)) from error

    async def close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        self._loop.remove_reader(port.fileno())
        self._loop.remove_writer(port.fileno())
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(Unreachable("the link was closed"))
        with contextlib.suppress(OSError, serial.SerialException, termios.error):
            if port.xonxoff or port.rtscts:
                # A device that holds us up would hold up close() for half a minute, and the event loop with it.
                port.reset_output_buffer()
            port.close()

    def _fd(self) -> int:
        if self._port is None:
            raise Unreachable("the link is closed")
        return self._port.fileno()

    async def _ready(self, fd: int, watch: Callable[..., None], unwatch: Callable[[int], bool]) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(waiter)
        watch(fd, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            if self._port is not None:
                unwatch(fd)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


FLOWS = {"none": (False, False), "xonxoff": (True, False), "rtscts": (False, True)}
"""Who may stop us: nobody, XOFF, or the CTS line. Of these the kernel takes care."""
PARITIES = {"N": serial.PARITY_NONE, "E": serial.PARITY_EVEN, "O": serial.PARITY_ODD}


def _open_serial(parts: SplitResult) -> SerialLink:
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    try:
        xonxoff, rtscts = FLOWS[query.pop("flow", "none")]
        port = serial.Serial(
            baudrate=int(query.pop("baud", "9600")),
            bytesize=int(query.pop("bits", "8")),
            parity=PARITIES[query.pop("parity", "N").upper()],
            stopbits=int(query.pop("stop", "1")),
            xonxoff=xonxoff,
            rtscts=rtscts,
            timeout=0,
            inter_byte_timeout=0,  # sets VMIN to 1: with 0 an idle line reads as b"", like one that hung up
            exclusive=True,
        )
    except (KeyError, ValueError) as error:
        raise Misconfigured(f"{parts.geturl()}: {error}") from error
    if query:
        known = "baud, bits, parity, stop, flow"
        raise Misconfigured(f"{parts.geturl()}: unknown {', '.join(sorted(query))}; known are {known}")
    port.port = parts.path
    try:
        port.open()
    except (OSError, serial.SerialException) as error:
        raise Unreachable(f"{parts.path}: {error}") from error
    return SerialLink(port)
