"""How often each level was given, by service and by window: counts alone, never who or when. Reads only."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Literal

from edge.statements import Statements

ENDED = ("rated", "timed_out", "cancelled", "device_fault")


@dataclass(slots=True)
class Tally:
    """Of evaluations that have ended."""

    levels: Counter[int] = field(default_factory=Counter)
    """5 非常满意 … 1 非常不满意"""
    states: Counter[str] = field(default_factory=Counter)
    """Of `ENDED`."""

    @property
    def invited(self) -> int:
        return sum(self.states.values())

    @property
    def rated(self) -> int:
        return sum(self.levels.values())

    @property
    def bad(self) -> int:
        return self.levels[1] + self.levels[2]

    @property
    def satisfied(self) -> float | None:
        """The share of 非常满意, 满意 and 基本满意 among those who rated; silence counts for nothing."""
        return (self.rated - self.bad) / self.rated if self.rated else None


def tallies(connection: Statements, by: Literal["service", "window"], first: str, last: str) -> dict[str | int, Tally]:
    """Service id or window number -> its evaluations of these business days (2026-03-02)."""
    column = {"service": "t.service", "window": "e.window"}[by]
    rows = connection.exec_driver_sql(
        f"SELECT {column}, e.state, e.level, count(*) FROM evaluation e JOIN ticket t ON t.id = e.ticket"  # noqa: S608
        " WHERE t.day BETWEEN ? AND ? AND e.state <> 'invited' GROUP BY 1, 2, 3",
        (first, last),
    )
    found: dict[str | int, Tally] = defaultdict(Tally)
    for key, state, level, count in rows:
        found[key].states[state] += count
        if level is not None:
            found[key].levels[level] += count
    return dict(found)


def together(several: dict[str | int, Tally]) -> Tally:
    found = Tally()
    for each in several.values():
        found.levels.update(each.levels)
        found.states.update(each.states)
    return found


def reasons(connection: Statements, first: str, last: str) -> Counter[tuple[int, str]]:
    """(level, code of the reason) -> how often it was ticked with that level."""
    rows = connection.exec_driver_sql(
        "SELECT e.level, e.reasons FROM evaluation e JOIN ticket t ON t.id = e.ticket"
        " WHERE t.day BETWEEN ? AND ? AND e.state='rated' AND e.reasons IS NOT NULL",
        (first, last),
    )
    return Counter((level, code) for level, told in rows for code in json.loads(told))
