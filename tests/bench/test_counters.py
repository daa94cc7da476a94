"""64 call boxes and 64 evaluators on one line of 9600 baud: how soon a press is answered, and how many it carries.

The line is a real pty with one of its own pace behind it (counters.py); the service is in a process of its own. Only
reported: what the line cannot carry, nobody can answer. A press waits for the line, then for its echo, then the number
stands; "not said" are those that the clerk made while the box still waited with the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.counters import BYTE_S, POLITE_S, Line, Tally
from tests.bench.report import Figures, show
from tests.server import HEAD, Caller, callers, free_port, running

pytestmark = pytest.mark.bench

BOXES = 64
SECONDS = 10
RATES = (2, 8, BOXES)
TICKETS = 8
"""That wait at each window."""
GAP_MS = 5
"""Silence the driver keeps before it speaks, its option `gap_ms`."""
CALL_BYTES, FINISH_BYTES, GRADE_BYTES = 10 + 10 + 15, 10 + 10 + 15 + 10, 10 + 10
"""Press, echo, number; a finish has the question beside it, and a grade its acknowledgement."""


def hall_text() -> str:
    """Each window has a service of its own, so that a call changes no other display."""
    parts = [HEAD]
    for no in range(1, BOXES + 1):
        name = f'name = "{no}号"'
        parts.append(f'[[service]]\nid = "s{no}"\nunit = "rs"\n{name}\nprefix = "{prefix(no)}"\n')
        place = f'{{ device = "counter", address = {no} }}'
        parts.append(f'[[window]]\nno = {no}\n{name}\nzone = "f1"\nskills = ["s{no}"]\n')
        parts.append(f"call_box = {place}\nevaluator = {place}\n")
    link = 'link = "serial://{data}/wire/counter?baud=9600"'
    parts.append(f'[[device]]\nid = "counter"\nname = "柜台总线"\ndriver = "call_bus"\n{link}\n')
    return "".join(parts)


def prefix(no: int) -> str:
    return chr(ord("A") + no // 26) + chr(ord("A") + no % 26)


@contextlib.contextmanager
def pty(path: Path) -> Iterator[int]:
    """The other end of the serial line at `path`."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        path.parent.mkdir(parents=True)
        path.symlink_to(os.ttyname(slave))
        yield master
    finally:
        os.close(slave)
        os.close(master)


async def visitors(made: list[Caller]) -> None:
    async def take(kiosk: Caller, windows: range) -> None:
        for no in windows:
            status, _ = await kiosk.ask("POST", "/api/v1/tickets", {"service": f"s{no}"})
            assert status == 201

    for _ in range(TICKETS):
        await asyncio.gather(*(take(kiosk, range(nth + 1, BOXES + 1, len(made))) for nth, kiosk in enumerate(made)))


def times(figures: Figures) -> list[str]:
    return [f"{figures.percentile(percent):,.1f}" if figures.latencies else "" for percent in (50, 99)]


def row(rate: int, tally: Tally) -> list[str]:
    counts = [tally.pressed, tally.unsaid, tally.unanswered, tally.collisions]
    shares = [f"{len(tally.key.latencies) / tally.seconds:.1f}", f"{tally.carried * BYTE_S / tally.seconds:.2f}"]
    latencies = [each for figures in (tally.waited, tally.key, tally.number, tally.grade) for each in times(figures)]
    return [f"{rate} presses a second", *map(str, counts), *shares, *latencies]


HEADINGS = ["", "pressed", "not said", "no answer", "collided", "answered/s", "of wire"]
HEADINGS += [f"{what} {p}" for what in ("wait", "echo", "number", "grade") for p in ("p50", "p99")]


async def test_a_counter_line_of_64_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, data, port = tmp_path / "hall.toml", tmp_path / "data", free_port()
    file.write_text(hall_text(), "utf-8")
    with pty(data / "wire" / "counter") as master:
        async with running(file, data, port=port), callers(port, 4) as made:
            await visitors(made)
            line = Line(master, BOXES)
            await asyncio.to_thread(line.run, 1, 2)  # what was shown at the start is over
            rows = [row(rate, await asyncio.to_thread(line.run, rate, SECONDS)) for rate in RATES]
    show(capsys, title(), rows, HEADINGS)


def title() -> str:
    visit = (CALL_BYTES + FINISH_BYTES + GRADE_BYTES) * BYTE_S
    polite = 6 * GAP_MS / 1000 + 3 * sum(POLITE_S) / 2
    busy = GAP_MS + 15 * BYTE_S * 1000 + GAP_MS
    lines = [
        f"{BOXES} boxes and evaluators at 9600 baud, milliseconds. A visit is a call, a finish and a grade: 9 frames",
        f"of 100 bytes together. So the line carries {2 / visit:.0f} presses a second at most,"
        f" {2 / (visit + polite):.0f} with the silences between its speakers, never {BOXES}.",
        f"Floor of an echo: {GAP_MS} ms, {busy:.0f} behind a number; of the number after it: {busy - GAP_MS:.0f} ms",
    ]
    return "\n".join(lines)
