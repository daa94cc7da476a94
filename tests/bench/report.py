"""Figures as a table on the terminal; they are written to no file."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import pytest

OF_BARE, TAIL = 0.2, 3.0
"""Goals: issue and call reach so much of the bare route's rate; at 16 clients p99 is at most so many times p50."""


@dataclass(slots=True)
class Figures:
    """Of one round; of several the best counts, since whatever else the machine does can only slow one down."""

    rate: float = 0.0
    """Per second."""
    latencies: list[float] = field(default_factory=list)
    """Milliseconds."""
    cpu: float = 0.0
    """The client's share of a core."""

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def mark(good: bool) -> str:
    return "✓" if good else "✗"


def row(name: str, clients: int | str, figures: Figures, bare: Figures | None, *, goals: bool) -> list[str]:
    p50, p99 = figures.percentile(50), figures.percentile(99)
    share = figures.rate / bare.rate if bare else None
    tail = p99 / p50
    return [
        name,
        str(clients),
        f"{figures.rate:,.0f}",
        f"{p50:.2f}",
        f"{p99:.2f}",
        "" if share is None else f"{share:.2f}" + (f" {mark(share >= OF_BARE)}" if goals else ""),
        f"{tail:.1f}" + (f" {mark(tail <= TAIL)}" if goals and clients == 16 else ""),
        f"{figures.cpu:.2f}" if figures.cpu else "",
    ]


HEADINGS = ["", "clients", "per second", "p50 ms", "p99 ms", "of bare", "p99/p50", "client cpu"]


def show(capsys: pytest.CaptureFixture[str], title: str, rows: list[list[str]], headings: list[str] = HEADINGS) -> None:
    """Past pytest's capture, so that `make bench` shows it."""
    widths = [max(len(line[n]) for line in [headings, *rows]) for n in range(len(headings))]
    lines = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in [headings, *rows]]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", title, *lines, ""]))
