"""One event on its way to 50 and to 500 screens, beside a bare broadcast of the same run. No speed is asserted.

Timed from when the event is there, which is after its commit in the service and before the first queue in the floor,
until the last screen has it. Rounds alternate; of each figure the best round is shown, because a neighbour can only
slow one down. `answered` is how long whoever caused the event waited, `server cpu` all that the event cost the process
that broadcasts it. Screens follow without a token, as those of a hall may; the tickets are a kiosk's, with one.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.bench.load import changed, floors
from tests.bench.report import Figures, mark, show
from tests.bench.service import BIRTHS
from tests.server import hall_text

pytestmark = pytest.mark.bench

ROUNDS = 3
EVENTS, WARM_UP = 60, 10
COUNTS = (50, 500)
OF_BARE = 1.5
"""Goal: the last screen has the event at most so many times as late as in a bare broadcast, in the median."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who broadcasts: the service or its floor."""

    port: int
    births: Path
    stream: str
    path: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    late: Figures
    """From the event to the last screen."""
    answered: Figures
    """From the act to its answer."""
    cpu: float
    """ms of the server's processor for each event."""


async def token(hall: Path, data: Path) -> str:
    """A kiosk's."""
    order = ["-m", "edge", "token", str(hall), "--data", str(data), "--role", "kiosk", "--name", "kiosk-1"]
    made = await asyncio.create_subprocess_exec(sys.executable, *order, stdout=asyncio.subprocess.PIPE)
    return (await made.communicate())[0].decode().strip()


async def measure(side: Side, screens: int) -> Round:
    side.births.unlink(missing_ok=True)
    order = map(str, (side.port, screens, side.stream, EVENTS + WARM_UP, side.path, side.token))
    command = [sys.executable, "-m", "tests.bench.screens", *order]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output = (await process.communicate())[0].removeprefix(b"ready\n")
    assert process.returncode == 0
    found = json.loads(output)
    lines = [tuple(map(int, each.split())) for each in side.births.read_text().splitlines()]
    born = {str(number): at for number, at, _ in lines}
    late = [(last - born[number]) / 1e6 for number, last in found["last"].items()]
    assert len(late) == len(found["answered"]) == len(lines) == EVENTS + WARM_UP
    answered = [each / 1e6 for each in found["answered"]]
    worked = statistics.median(after - before for (*_, before), (*_, after) in pairwise(lines[WARM_UP:]))
    return Round(Figures(0, late[WARM_UP:], found["cpu"]), Figures(0, answered[WARM_UP:]), worked / 1e6)


def row(name: str, screens: int, rounds: list[Round], bare: list[Round]) -> list[str]:
    late, floor = ([min(each.late.percentile(p) for each in them) for p in (50, 99)] for them in (rounds, bare))
    answered = [min(each.answered.percentile(percent) for each in rounds) for percent in (50, 99)]
    shares = [a / b for a, b in zip(late, floor, strict=True)]
    judged = ["", ""] if rounds is bare else [f"{shares[0]:.2f} {mark(shares[0] <= OF_BARE)}", f"{shares[1]:.2f}"]
    cpu = f"{min(each.cpu for each in rounds):.1f}", f"{max(each.late.cpu for each in rounds):.2f}"
    return [name, str(screens), *(f"{each:.1f}" for each in late), *judged, *(f"{each:.1f}" for each in answered), *cpu]


HEADINGS = ["", "screens", "p50 ms", "p99 ms", "of bare", "p99", "answered p50", "p99", "server cpu ms", "client cpu"]


async def test_event_to_the_last_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hall, data, beside = tmp_path / "hall.toml", tmp_path / "data", tmp_path / "floors"
    hall.write_text(hall_text(kiosks=1).replace("demo = true", "demo = false"), "utf-8")
    signed = await token(hall, data)
    found: dict[tuple[str, int], list[Round]] = defaultdict(list)
    async with changed(hall, data, "births") as port, floors(hall, beside) as floor_port:
        sides = {
            "bare broadcast": Side(floor_port, beside / BIRTHS, "/broadcast", "/broadcast"),
            "the service": Side(port, data / BIRTHS, "/api/v1/events", "/api/v1/tickets", signed),
        }
        for _ in range(ROUNDS):
            for screens in COUNTS:
                for name, side in sides.items():
                    found[name, screens].append(await measure(side, screens))
    rows = [row(name, count, found[name, count], found["bare broadcast", count]) for count in COUNTS for name in sides]
    show(capsys, f"From an event to the last screen, best of {ROUNDS} rounds of {EVENTS}", rows, HEADINGS)
