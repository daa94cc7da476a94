"""Links over real sockets and ptys: what a URL opens, what a wrong one says, and what a hung-up line raises."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import termios
import time
import tty
from collections.abc import Iterator

import pytest

from drivers.base import Misconfigured, Unreachable
from drivers.link import open_link


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """(the device's end, the path of the other) of a serial line."""
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        with contextlib.suppress(OSError):
            os.close(fd)


def settings(path: str) -> list[int]:
    """The input, output, control and local flags of a line."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        return [flags for flags in termios.tcgetattr(fd)[:6] if isinstance(flags, int)]
    finally:
        os.close(fd)


async def test_bytes_go_both_ways_on_a_serial_line(line: tuple[int, str]) -> None:
    device, path = line
    link = await open_link(f"serial://{path}?baud=19200&parity=E&stop=2")
    everything = bytes(range(256))
    await link.write(everything)
    assert os.read(device, 300) == everything
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    os.write(device, b"\x00\x11\x13\xff")
    assert await reading == b"\x00\x11\x13\xff"
    flags = settings(path)
    assert flags[2] & termios.CSTOPB
    assert flags[4] == termios.B19200
    await link.close()
    await link.close()
    with pytest.raises(Unreachable):
        await link.write(b"x")


@pytest.mark.parametrize(("flow", "xon"), [("none", False), ("rtscts", False), ("xonxoff", True)])
async def test_flow_control_is_the_kernels(line: tuple[int, str], flow: str, xon: bool) -> None:
    _, path = line
    link = await open_link(f"serial://{path}?flow={flow}")
    flags = settings(path)
    assert bool(flags[0] & termios.IXON) == xon
    assert bool(flags[2] & termios.CRTSCTS) == (flow == "rtscts")
    await link.close()


async def test_a_device_that_says_xoff_holds_up_writes_but_not_the_close(line: tuple[int, str]) -> None:
    device, path = line
    link = await open_link(f"serial://{path}?flow=xonxoff")
    os.write(device, b"\x13")
    writing = asyncio.create_task(link.write(b"x" * 100_000))
    assert not (await asyncio.wait([writing], timeout=0.05))[0]
    os.set_blocking(device, False)
    with contextlib.suppress(BlockingIOError):
        assert len(os.read(device, 100_000)) < 100_000
    begun = time.monotonic()
    await link.close()
    assert time.monotonic() - begun < 1
    with pytest.raises(Unreachable):
        await writing


async def test_a_serial_line_that_is_unplugged(line: tuple[int, str]) -> None:
    device, path = line
    link = await open_link(f"serial://{path}")
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    os.close(device)
    with pytest.raises(Unreachable):
        await asyncio.wait_for(reading, 5)
    await link.close()


async def test_bytes_go_both_ways_over_tcp_and_a_hang_up_is_unreachable() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await open_link(f"tcp://127.0.0.1:{port}")
    await link.write(b"ping")
    assert await link.read() == b"ping"
    with pytest.raises(Unreachable):
        await link.read()
    await link.close()
    server.close()
    await server.wait_closed()
    with pytest.raises(Unreachable):
        await open_link(f"tcp://127.0.0.1:{port}")


async def test_a_program_is_a_link_too() -> None:
    link = await open_link("program:true")
    await link.close()


@pytest.mark.parametrize(
    "url",
    [
        "10.0.0.21:9100",
        "http://127.0.0.1:9100",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:port",
        "serial:///dev/null?baud=fast",
        "serial:///dev/null?parity=X",
        "serial:///dev/null?flow=xoff",
        "serial:///dev/null?speed=9600",
        "usb://lp0",
        "hid:///dev/hidraw0",
        "sam://reader",
        "program:no-such-program-here",
    ],
)
async def test_a_wrong_url_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        await open_link(url)


async def test_a_serial_line_that_is_not_there() -> None:
    with pytest.raises(Unreachable):
        await open_link("serial:///dev/no-such-line")
