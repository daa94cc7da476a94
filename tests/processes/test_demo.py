"""`hall-edge demo`: the service and its simulated devices start, end and go on together."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.server import callers, free_port, running

FILE = Path(__file__).resolve().parents[2] / "config" / "demo.toml"
BESIDE = (1, 2, 11, 12, 21, 22, 23, 31, 41, 42)
"""The ports that the demo hall uses beside the service's own."""


def members(session: int) -> list[str]:
    """The command lines of the living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(command)
    return found


async def one_evening(data: Path, port: int) -> str:
    """Starts the demo, takes one number, presses Ctrl-C; returns the number."""
    async with running(FILE, data, port=port, command="demo") as demo:
        session = demo.process.pid
        assert any("simulators" in each for each in members(session))
        async with callers(port, 1) as (caller,):
            status, ticket = await caller.ask("POST", "/api/v1/tickets", {"service": "pension", "kiosk": "1"})
        assert status == 201
        os.killpg(session, signal.SIGINT)
        assert await demo.ended(10) == 0
    assert members(session) == []
    assert "Traceback" not in demo.log.read_text("utf-8")
    number = ticket["number"]
    assert isinstance(number, str)
    return number


async def test_ctrl_c_ends_everything_and_the_next_start_goes_on(data: Path) -> None:
    port = free_port(*BESIDE)
    assert [await one_evening(data, port) for _ in range(2)] == ["A001", "A002"]


async def test_a_killed_demo_leaves_no_simulator_behind(data: Path) -> None:
    port = free_port(*BESIDE)
    async with running(FILE, data, port=port, command="demo") as demo:
        await demo.kill()
    await gone(demo.process.pid)


async def gone(session: int) -> None:
    """Raises TimeoutError when a process of the session still lives after 5 s."""
    async with asyncio.timeout(5):
        while members(session):  # noqa: ASYNC110  they are no children of ours, so nobody tells us
            await asyncio.sleep(0.1)
