"""Who is next. Pure: it gets the heads of the lines that the deciding transaction read, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """The first waiting ticket of one service."""

    ticket: str
    position: int
    """Its place in the hall's order of arrival."""
    taken_at: int
    """UTC, milliseconds."""


def choose(heads: Sequence[Head], at: int) -> tuple[Head, str] | None:
    """First come, first served over what this window may serve: the head and why in a clerk's words, or None."""
    if not heads:
        return None
    first = min(heads, key=lambda head: head.position)
    return first, f"先到先办：等了 {waited_minutes(first.taken_at, at)} 分钟"


def waited_minutes(taken_at: int, at: int) -> int:
    return max(0, at - taken_at) // 60_000


@dataclass(frozen=True, slots=True)
class Armed:
    """A window that asked for the next ticket and found nobody."""

    window: int
    since: int
    skills: int


def best_armed(windows: Sequence[Armed]) -> int | None:
    """The window an arrival goes to: fewest skills first, so that the 综合窗口 stays free; then the longest idle."""
    if not windows:
        return None
    return min(windows, key=lambda each: (each.skills, each.since, each.window)).window
