"""Issue over HTTP, durable: with and without its forecast, on a disk that is 5 ms slower, and late in the day.

Beside a bare route of the same run; rounds alternate, and of each the best is shown. No speed is asserted.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.bench.client import SERVICES, WARM_UP
from tests.bench.load import changed, floors, load
from tests.bench.report import TAIL, Figures, mark, show
from tests.server import hall_text

pytestmark = pytest.mark.bench

ROUNDS = 3
COUNTS = {1: 300, 16: 1_200, 64: 1_800}
VARIANTS = {
    "issue, forecast not made anew": ("no_forecast", 0.25),
    "issue with its forecast": (None, 0.15),
    "the same, each commit 5 ms slower": ("slow_commit", 0.10),
}
"""Name -> what is changed in the service, and the goal: its share of the bare route at 16 and 64 clients."""
BARE, ISSUE = "bare route", "/api/v1/tickets"
HALF, DAY = 500, 5_000
NO_SLOWER = 1.05
"""Goal: the median of the last issues of a day is at most so many times that of the first; 5 % is noise."""


def file(tmp_path: Path) -> Path:
    hall = tmp_path / "hall.toml"
    hall.write_text(hall_text(windows=16, services=SERVICES), "utf-8")
    return hall


def line(name: str, clients: int, figures: Figures, bare: Figures, goal: float | None) -> list[str]:
    p50, p99 = figures.percentile(50), figures.percentile(99)
    share, tail, judged = figures.rate / bare.rate, p99 / p50, goal is not None and clients > 1
    cells = [name, str(clients), f"{figures.rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}"]
    cells.append(f"{share:.2f}" + (f" of {goal:.2f} {mark(share >= goal)}" if judged and goal else ""))
    cells.append(f"{tail:.1f}" + (f" {mark(tail <= TAIL)}" if judged else ""))
    return [*cells, f"{figures.cpu:.2f}"]


HEADINGS = ["", "clients", "per second", "p50 ms", "p99 ms", "of bare", "p99/p50", "client cpu"]


async def test_issue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each round begins an empty day, and nobody is called: the lines grow to some 4,000, which no hall has."""
    hall, found = file(tmp_path), defaultdict[tuple[str, int], list[Figures]](list)
    async with floors(hall, tmp_path / "floors") as bare_port:
        for nth in range(ROUNDS):
            for clients, count in COUNTS.items():
                found[BARE, clients].append(await load(bare_port, clients, count, "/noop"))
            for name, (change, _) in VARIANTS.items():
                async with changed(hall, tmp_path / f"{change} {nth}", change) as port:
                    for clients, count in COUNTS.items():
                        found[name, clients].append(await load(port, clients, count, ISSUE))
    best = {key: max(rounds, key=lambda each: each.rate) for key, rounds in found.items()}
    goals = {BARE: None} | {name: goal for name, (_, goal) in VARIANTS.items()}
    rows = [
        line(name, clients, best[name, clients], best[BARE, clients], goal)
        for name, goal in goals.items()
        for clients in COUNTS
    ]
    show(capsys, f"Issue over HTTP, durable, group commit, best of {ROUNDS}", rows, HEADINGS)


async def test_late_in_the_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first 500 tickets of a day and the 500 after 5,000, which were served, or all of them wait still."""
    hall, found = file(tmp_path), defaultdict[str, list[Figures]](list)
    for nth in range(ROUNDS):
        for word, is_served in (("served", True), ("waiting", False)):
            async with changed(hall, tmp_path / f"{word} {nth}", None) as port:
                found["the first 500"].append(await load(port, 16, HALF, ISSUE))
                between = DAY - 2 * WARM_UP - HALF
                await load(port, 16, between - WARM_UP, ISSUE)
                if is_served:
                    await load(port, 16, between - WARM_UP, "call")
                found[f"500 after 5,000, these {word}"].append(await load(port, 16, HALF, ISSUE))
    best = {name: max(rounds, key=lambda each: each.rate) for name, rounds in found.items()}
    first = best["the first 500"].percentile(50)
    rows = []
    for name, it in best.items():
        times = it.percentile(50) / first
        judged = "" if times == 1 else mark(times <= NO_SLOWER)
        rows.append(
            [name, f"{it.rate:,.0f}", f"{it.percentile(50):.2f}", f"{it.percentile(99):.2f}", f"{times:.2f} {judged}"]
        )
    show(
        capsys,
        f"Issue late in the day, 16 clients, best of {ROUNDS}",
        rows,
        ["", "per second", "p50 ms", "p99 ms", "of first"],
    )
