"""Paper and light: how much of each wire the drivers use, what 300 screens cost, and how soon a slip is out.

Only reported. A paced line is a real pty whose other end, in a process of its own, takes each byte's time. Beside each
driver stands the limit of its wire in the same run: what its bytes alone take, and a bare loop that writes the same
bytes and waits for the same answers. Of several rounds the best is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from drivers.base import Slip
from drivers.escpos import Escpos
from drivers.escpos_job import encode
from drivers.link import open_link
from drivers.onbon import Onbon, update
from drivers.onbon_area import lay_out
from edge.notices.slips import compose, load_slips
from simulators.escpos import Escpos as SimulatedEscpos
from simulators.hall import Caller, read
from simulators.port import serve
from tests.bench.line import BITS
from tests.bench.report import Figures, mark, show
from tests.server import callers, free_port, hall_text, running, service_ids

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
OF_WIRE = 0.9
"""Goal of a shared line: so much of what it can carry. (A printer's paper is slower than most of its wires.)"""


@contextlib.asynccontextmanager
async def line(url: str, baud: int, simulator: str, options: dict[str, object]) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "tests.bench.line", url, str(baud), simulator, json.dumps(options)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


def bare(url: str, messages: Sequence[bytes], end: bytes) -> float:
    """Seconds to write these, waiting after each for the answer that ends so; the best round."""
    parts = urlsplit(url)
    time.sleep(0.2)  # a printer serves one client, and must have noticed that the last one is gone
    with contextlib.ExitStack() as stack:
        if parts.scheme == "tcp":
            peer = stack.enter_context(socket.create_connection((parts.hostname or "", parts.port or 0)))
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fd = peer.fileno()
        else:
            fd = os.open(parts.path, os.O_RDWR | os.O_NOCTTY)
            stack.callback(os.close, fd)
        return min(exchanges(fd, messages, end) for _ in range(ROUNDS))


def exchanges(fd: int, messages: Sequence[bytes], end: bytes) -> float:
    began = time.perf_counter()
    for message in messages:
        os.write(fd, message)
        answer = os.read(fd, 4096)
        while not answer.endswith(end):
            answer += os.read(fd, 4096)
    return time.perf_counter() - began


@dataclass(slots=True)
class Share:
    """Per second: what the driver reached, what a bare loop did, and what the bytes alone allow (0: no such limit)."""

    driver: float
    bare: float
    bytes_alone: float = 0.0

    def row(self, name: str, unit_s: float, *, goal: bool = False) -> list[str]:
        rates = [self.driver, self.bare, self.bytes_alone]
        of_wire = self.driver / (self.bytes_alone or self.bare)
        shown = [f"{rate * unit_s:,.1f}" if rate else "" for rate in rates]
        reached = f" {mark(of_wire >= OF_WIRE)}" if goal else ""
        return [name, *shown, f"{self.driver / self.bare:.2f}", f"{of_wire:.2f}{reached}"]


HEADINGS = ["", "driver", "bare loop", "bytes alone", "of bare", "of wire"]


async def best(run: Callable[[], Awaitable[float]]) -> float:
    return min([await run() for _ in range(ROUNDS)])


# ---- paper


def ticket() -> Slip:
    form = load_slips(ROOT / "config" / "slips")["ticket"]
    return compose(form, form.words)


async def printer_share(url: str, baud: int, count: int) -> Share:
    slip = ticket()
    async with Escpos(lambda: open_link(url), {"paper_mm": 80}) as printer:
        job = encode(slip, printer.profile).data
        assert await printer.print(slip) == "printed"  # and its connection has settled

        async def prints() -> float:
            began = time.perf_counter()
            for _ in range(count):
                assert await printer.print(slip) == "printed"
            return time.perf_counter() - began

        driver_s = await best(prints)
    bare_s = await asyncio.to_thread(bare, url, [job] * count, b"")
    return Share(count / driver_s, count / bare_s, baud / BITS / (len(job) + 1))


async def test_tickets_a_minute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, rows = tmp_path / "printer", []
    wires = [(f"tcp://127.0.0.1:{free_port()}", 0, 40)]
    wires += [(f"serial://{path}?baud={baud}", baud, count) for baud, count in ((9600, 4), (115200, 30))]
    for url, baud, count in wires:
        async with line(url, baud, "escpos", {"paper_mm": 80}):
            share = await printer_share(url, baud, count)
            rows.append(share.row(f"pty, {baud} baud" if baud else "TCP", 60))
    size = len(encode(ticket(), Escpos(lambda: open_link("")).profile).data)
    show(capsys, f"Tickets a minute of one printer, {size} bytes each with a QR code", rows, HEADINGS)


# ---- light

SCREENS, BAUD = 64, 57600
SIGNS = {"screens": list(range(1, SCREENS + 1)), "width": 256, "height": 16}


async def test_a_line_of_64_screens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, turn = f"serial://{tmp_path / 'line'}?baud={BAUD}", 0
    async with line(url, BAUD, "onbon", SIGNS):
        async with Onbon(lambda: open_link(url), SIGNS) as signs:

            async def shows() -> float:
                nonlocal turn
                turn += 1
                began = time.perf_counter()
                for screen in range(1, SCREENS + 1):
                    await signs.show(screen, text(turn, screen))
                return time.perf_counter() - began

            driver_s = await best(shows)
            count = signs.counters.bytes_in + signs.counters.bytes_out
        messages = [update(screen, lay_out(text(0, screen), 256, 16)[0]) for screen in range(1, SCREENS + 1)]
        bare_s = await asyncio.to_thread(bare, url, messages, b"\x5a")
    share = Share(SCREENS / driver_s, SCREENS / bare_s, SCREENS * ROUNDS * BAUD / BITS / count)
    title = f"Texts a second on one RS485 line, {SCREENS} screens, {count / SCREENS / ROUNDS:.0f} bytes there and back"
    show(capsys, title, [share.row(f"pty, {BAUD} baud", 1, goal=True)], HEADINGS)


def text(turn: int, screen: int) -> str:
    return f"请A{turn}{screen:02d}号到一楼{screen}号窗口"


# ---- the service

WALLS, SECONDS, CALLS = 300, 10, 5


def many_screens(windows: int, *, screens: bool) -> str:
    skills, parts = json.dumps(service_ids(4)), [hall_text(windows=0)]
    for no in range(1, windows + 1):
        sign = f'sign = {{ device = "led-{no}", address = 1 }}\n' if screens else ""
        parts.append(f'[[window]]\nno = {no}\nname = "{no}号窗口"\nzone = "f1"\nskills = {skills}\n{sign}')
        if screens:
            link = f'link = "tcp://127.0.0.1:{{port+{no}}}"\noptions = {{ width = 256 }}\n'
            parts.append(f'[[device]]\nid = "led-{no}"\nname = "{no}号屏"\ndriver = "onbon"\n{link}')
    return "".join(parts)


@contextlib.asynccontextmanager
async def simulators(hall: Path, port: int, data: Path) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "simulators", str(hall), "--port", str(port), "--data", str(data)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout is not None
        assert b"ready" in await process.stdout.readline()
        yield
    finally:
        process.kill()
        await process.wait()


def cpu_s(pid: int) -> float:
    """What the process has worked since its start (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def cpu_share(pid: int, load: Awaitable[None]) -> float:
    began, worked = time.perf_counter(), cpu_s(pid)
    await load
    return (cpu_s(pid) - worked) / (time.perf_counter() - began)


async def calls(port: int, windows: int) -> None:
    """`CALLS` visitors a second take a ticket, are called to a window, and are done."""
    loop = asyncio.get_running_loop()
    async with callers(port, 1) as (kiosk,):
        began = loop.time()
        for n in range(SECONDS * CALLS):
            await asyncio.sleep(max(0.0, began + n / CALLS - loop.time()))
            status, _ = await kiosk.ask("POST", "/api/v1/tickets", {"service": "s0", "kiosk": "1"})
            assert status == 201
            window = f"/api/v1/windows/{n * 7 % windows + 1}"
            status, called = await kiosk.ask("POST", f"{window}/call-next")
            assert status == 200
            status, _ = await kiosk.ask("POST", f"{window}/finish", {"ticket": called["ticket"]["id"]})
            assert status == 200


async def all_up(port: int, devices: int) -> None:
    async with asyncio.timeout(30), callers(port, 1) as (ops,):
        while True:
            _, answer = await ops.ask("GET", "/api/v1/devices")
            if sum(each["severity"] == "ok" for each in answer["devices"]) == devices:
                return
            await asyncio.sleep(0.2)


async def shares(tmp_path: Path, *, screens: bool) -> tuple[float, float]:
    """The share of one core of the idle service, and under calls."""
    hall, data = tmp_path / f"hall-{screens}.toml", tmp_path / f"data-{screens}"
    hall.write_text(many_screens(WALLS, screens=screens), "utf-8")
    port = free_port(*range(1, WALLS + 1))
    async with contextlib.AsyncExitStack() as stack:
        if screens:
            await stack.enter_async_context(simulators(hall, port, data))
        server = await stack.enter_async_context(running(hall, data, port=port))
        await all_up(port, WALLS if screens else 0)
        idle = await cpu_share(server.process.pid, asyncio.sleep(SECONDS))
        return idle, await cpu_share(server.process.pid, calls(port, WALLS))


async def test_what_300_screens_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for screens in (False, True):
        idle, busy = await shares(tmp_path, screens=screens)
        rows.append([f"{WALLS} windows, {WALLS if screens else 'no'} screens", f"{idle:.3f}", f"{busy:.3f}"])
    show(capsys, "Share of one core that the service takes", rows, ["", "idle", f"{CALLS} calls a second"])


# ---- take to slip

TICKETS = 60
BESIDE = (1, 2, 11, 12, 21, 22, 23, 31, 41, 42)


async def cut_after(printer: SimulatedEscpos, slips: int) -> float:
    """The loop time at which there are more slips than that. Raises TimeoutError."""
    async with asyncio.timeout(5):
        while printer.state()["slips"] <= slips:  # noqa: ASYNC110  the simulator has no reason to tell
            await asyncio.sleep(0.001)
    return asyncio.get_running_loop().time()


async def test_take_to_slip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port, data, loop = free_port(*BESIDE), tmp_path / "data", asyncio.get_running_loop()
    file, found = ROOT / "config" / "demo.toml", Figures()
    answered = Figures()
    async with contextlib.AsyncExitStack() as stack:
        hall = read(file, port=port, data=data)
        for each in hall.devices.values():
            if not isinstance(each.simulator, Caller):
                await stack.enter_async_context(serve(each.link, each.simulator, each.faults))
        printer = hall.devices["printer-1"].simulator
        assert isinstance(printer, SimulatedEscpos)
        await stack.enter_async_context(running(file, data, port=port))
        [kiosk] = await stack.enter_async_context(callers(port, 1))
        await kiosk.ask("POST", "/api/v1/tickets", {"service": "pension", "kiosk": "1"})
        await cut_after(printer, 0)  # its connection has settled
        for n in range(1, TICKETS + 1):
            asked = loop.time()
            status, _ = await kiosk.ask("POST", "/api/v1/tickets", {"service": "pension", "kiosk": "1"})
            assert status == 201
            answered.latencies.append((loop.time() - asked) * 1000)
            found.latencies.append((await cut_after(printer, n) - asked) * 1000)
            await asyncio.sleep(0.1)
    named = {"take to answer": answered, "take to cut slip": found}
    rows = [[name, f"{each.percentile(50):.1f}", f"{each.percentile(99):.1f}"] for name, each in named.items()]
    show(capsys, f"The kiosk's ticket over TCP, {TICKETS} visitors (QUE-04)", rows, ["", "p50 ms", "p99 ms"])
