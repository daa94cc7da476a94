"""Type=notify as the service manager sees it: ready when the port answers, beats at half the limit, none when stuck."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import READY_S, Server, callers, spawn

LIMIT_S = 2.0


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def hear(self, within: float) -> tuple[float, str]:
        """(monotonic seconds, message) of the next one. Raises TimeoutError."""
        async with asyncio.timeout(within):
            said = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        return time.monotonic(), said.decode().strip()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(str(tmp_path / "notify"))
        yield Manager(sock)


async def test_ready_then_beats_and_silence_when_it_is_stuck(
    hall: Path, data: Path, tmp_path: Path, manager: Manager
) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(int(LIMIT_S * 1e6))}
    server = await spawn(hall, data, env=env)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.kill)
        await becomes_ready(server, manager)
        beats = [await manager.hear(LIMIT_S) for _ in range(4)]
        assert {said for _, said in beats} == {"WATCHDOG=1"}
        gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(beats)]
        assert LIMIT_S * 0.3 < sum(gaps) / len(gaps) < LIMIT_S * 0.8, gaps

        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await manager.hear(LIMIT_S * 1.2)
        server.process.send_signal(signal.SIGCONT)
        assert (await manager.hear(LIMIT_S))[1] == "WATCHDOG=1"


async def becomes_ready(server: Server, manager: Manager) -> None:
    """The port answers at the moment READY=1 is heard; a beat may come before it, nothing else."""
    said = ""
    while said != "READY=1":
        said = (await manager.hear(READY_S))[1]
        assert said in ("WATCHDOG=1", "READY=1")
    async with callers(server.port, 1) as (caller,):
        assert (await caller.ask("GET", "/readyz"))[0] == 200
