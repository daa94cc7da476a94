"""Who is next. Pure: it gets the heads of the lines that the deciding transaction read, and says why.

A line is ordered by (rank, position). The rank is the time of issue less the lead that a visitor's claim gives, in
milliseconds; that time never goes back, even where the clock does. So inside a class, and among ordinary tickets, first
come is first served, and no later decision changes a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.hall import Priority, PriorityReason

WORDS: Mapping[str, str] = {
    "military": "军人优先",
    "senior": "老年人优先",
    "disabled": "残障人士优先",
    "green": "绿色通道",
    "appointment": "预约优先",
    "urgent": "急事优先",
}
MINUTE_MS = 60_000
STRICT = 1 << 50
"""A lead before everyone: thousands of years, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a visitor may be served before others."""

    reason: PriorityReason
    source: Literal["card", "declared", "appointment"]
    early_ms: int = 0
    """How long before the booked time they came: they count from that time on, so that coming early jumps nobody."""


def lead_ms(rules: Priority, claim: Claim) -> int:
    """By how much the ticket counts as having come earlier."""
    if claim.reason in rules.strict and claim.early_ms == 0:
        return STRICT
    return max(0, int(rules.head_start.get(claim.reason, 0.0) * MINUTE_MS) - claim.early_ms)


PROOF = ("declared", "card", "appointment")


def strongest(rules: Priority, claims: Iterable[Claim]) -> Claim | None:
    """The one that helps most; of equal ones the best proven."""
    return max(claims, key=lambda claim: (lead_ms(rules, claim), PROOF.index(claim.source)), default=None)


@dataclass(frozen=True, slots=True)
class Head:
    """The first waiting ticket of one service."""

    ticket: str
    position: int
    """Its place in the hall's order of arrival."""
    taken_at: int
    """UTC, milliseconds."""
    rank: int = 0
    """UTC, milliseconds, less its lead."""
    priority: str | None = None
    before: int = 0
    """How many who wait for the same service came earlier."""


def choose(heads: Sequence[Head], at: int) -> tuple[Head, str] | None:
    """The head that is next over what this window may serve, and why in words for clerk and visitor; or None."""
    if not heads:
        return None
    first = min(heads, key=lambda head: (head.rank, head.position))
    waited = f"等了{waited_minutes(first.taken_at, at)}分钟"
    if first.priority is None:
        return first, f"先到先办；{waited}"
    return first, f"排第{first.before + 1}；{WORDS[first.priority]}；{waited}"


def waited_minutes(taken_at: int, at: int) -> int:
    return max(0, at - taken_at) // MINUTE_MS


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
