"""Wires that are served: a pty that goes away and comes back, connections that end, and lines that stay."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators import port
from simulators.call_bus import CallBus
from simulators.port import Faults, Gone, Wire, serve, serve_pty

SOON = 0.05


class Parrot:
    """Says what it hears until it hears an `x`; then it has had enough."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []

    async def talk(self, wire: Wire) -> None:
        self.wires.append(wire)
        while (data := await wire.read()) != b"x":
            await wire.write(data)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "REPLUG_S", SOON)


def fds() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  the kernel tells nobody
            await asyncio.sleep(0.005)


async def said(line: int, data: bytes) -> bytes:
    """What comes back on this file descriptor, read beside the loop."""
    os.write(line, data)
    return await asyncio.to_thread(os.read, line, 100)


async def test_a_simulator_that_hangs_up_takes_its_pty_away_and_comes_back(tmp_path: Path) -> None:
    path, parrot, before = tmp_path / "wire" / "line", Parrot(), fds()
    async with serve_pty(path, parrot, Faults()):
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        assert await said(line, b"a") == b"a"
        os.write(line, b"x")
        await until(lambda: not path.is_symlink())
        with contextlib.suppress(OSError):
            assert os.read(line, 1) == b""
        with pytest.raises(OSError) as gone:
            os.write(line, b"a")
        assert gone.value.errno == errno.EIO
        os.close(line)
        await until(path.is_symlink)
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        assert await said(line, b"b") == b"b"
        os.close(line)
    assert not path.is_symlink()
    assert fds() == before


async def test_a_line_that_is_left_while_it_is_away_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "REPLUG_S", 60.0)
    path, before = tmp_path / "line", fds()
    async with serve_pty(path, Parrot(), Faults()):
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.write(line, b"x")
        await until(lambda: not path.is_symlink())
        os.close(line)
    async with serve_pty(path, Parrot(), Faults()):
        pass  # not even begun
    assert fds() == before


async def test_closing_a_pty_ends_the_read_that_waits_and_no_other(tmp_path: Path) -> None:
    path, parrot = tmp_path / "line", Hearer()
    async with serve_pty(path, parrot, Faults()):
        await until(lambda: parrot.waits == 1)
        await asyncio.sleep(0)
        wire = parrot.wires[0]
        await wire.close()
        await until(lambda: parrot.waits == 2)
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        assert await said(line, b"a") == b"a"
        os.close(line)


class Hearer(Parrot):
    """Stays on its wire after it was closed, as a device on a bus does when its power has gone and come."""

    waits = 0

    async def talk(self, wire: Wire) -> None:
        self.waits += 1
        with contextlib.suppress(Gone):
            await super().talk(wire)
        self.waits += 1
        await super().talk(wire)


async def test_over_tcp_hanging_up_ends_the_connection_and_the_next_is_served() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]

    async with serve(f"tcp://127.0.0.1:{number}", Parrot()):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(b"a")
            assert await reader.readexactly(1) == b"a"
            writer.write(b"x")
            assert await reader.read() == b""
            writer.close()


@pytest.mark.parametrize("url", ["inbound:", "usb://0416:5011"])
async def test_what_cannot_be_served_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="tcp://, udp:// or serial://"):
        async with serve(url, Parrot()):
            pass


async def test_a_counter_line_that_is_pulled_out_stays_out_until_it_is_put_back(tmp_path: Path) -> None:
    path, bus = tmp_path / "line", CallBus("counter", {"boxes": [3]})
    key = bytes.fromhex("FF 68 03 03 68 03 00 0C 0F 16")
    async with serve_pty(path, bus, Faults()):
        await until(lambda: bus.state()["connected"])
        await _throw(bus, "gone")
        await until(lambda: not path.is_symlink())
        await asyncio.sleep(3 * SOON)
        assert not bus.state()["connected"]
        await _throw(bus, "gone")
        await until(lambda: bus.state()["connected"])
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        pressing = asyncio.create_task(bus.press(3, 0x0C))
        assert await asyncio.to_thread(os.read, line, 100) == key
        os.write(line, key)
        assert await pressing
        os.close(line)


async def _throw(bus: CallBus, switch: str) -> None:
    throwing = bus.control(switch)
    assert throwing is not None
    await throwing
