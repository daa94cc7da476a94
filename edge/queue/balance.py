"""Who is next. Pure: it gets the heads of the lines that the deciding transaction read, and says why.

A line is ordered by (rank, position). The rank is the time of issue less the lead that a visitor's claim gives, in
milliseconds; that time never goes back, even where the clock does. So inside a class, and among ordinary tickets, first
come is first served, and no later decision changes a place. Between lines the hall's rule decides: by default who has
waited longest, where a line counts as the older the more wait in it for each of the windows open for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from edge.hall import Balance, Priority, PriorityReason

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
BACKLOG_WEIGHT = 2.0
"""Tuned on simulated days. A line's credit is so many times the time that its open windows need to clear it."""


# ---- the place in a line


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


# ---- a free window chooses between lines


class Head(NamedTuple):
    """The first waiting ticket of one line, and what that line weighs."""

    ticket: str
    position: int
    """Its place in the hall's order of arrival."""
    taken_at: int
    """UTC, milliseconds."""
    rank: int = 0
    """UTC, milliseconds, less its lead."""
    priority: str | None = None
    service: str = ""
    waiting: int = 1
    """How many wait in this line."""
    capacity: float = 1.0
    """How many whole windows it has: the sum of 1 / number of skills over the open windows that may serve it."""


Reason = Literal["turn", "arrival", "backlog", "overdue"]
_BY_RANK, _BY_ARRIVAL = attrgetter("rank"), attrgetter("rank", "position")


def choose(heads: Sequence[Head], at: int, rule: Balance, handling_ms: float) -> tuple[Head, Reason] | None:
    """The head that is next, and what decided; or None. Of equal ones the first listed: the window's preference.

    `handling_ms` is the hall's mean time for a visitor; one figure for all services, and a rough one will do.
    """
    if not heads:
        return None
    if rule.rule == "order":
        return min(heads, key=_BY_ARRIVAL), "arrival"
    first = min(heads, key=_BY_RANK)
    if rule.rule == "backlog" and len(heads) > 1:
        weight = BACKLOG_WEIGHT * handling_ms
        # What the law puts first stays first: no backlog outweighs it.
        chosen = min(heads, key=lambda it: (it.rank > -STRICT // 2, it.rank - weight * it.waiting / it.capacity))
        return chosen, "backlog" if chosen.rank > first.rank else "turn"
    if rule.rule == "when" and first.rank > -STRICT // 2:
        overdue = _overdue(heads, at, rule)
        if overdue is not None and overdue.rank > first.rank:
            return overdue, "overdue"
    return first, "turn"


def _overdue(heads: Sequence[Head], at: int, rule: Balance) -> Head | None:
    for when in rule.when:
        for head in heads:
            if head.service == when.service and at - head.taken_at > when.minutes * MINUTE_MS:
                return head
    return None


PLACED = "窗口转来，排在最前"
"""A window put it before the line: it did not come first."""
DECIDED: Mapping[Reason, str] = {"backlog": "等候人数较多的事项优先", "overdue": "等候过久的事项优先"}


def why(head: Head, decided: Reason, before: int, at: int) -> str:
    """The choice in words that a clerk can read to a visitor; `before` of the same service came earlier."""
    words = [DECIDED[decided]] if decided in DECIDED else []
    # By arrival alone no claim has a lead; only who was urged was put before others.
    if head.priority is not None and (decided != "arrival" or head.priority == "urgent"):
        words += [f"排第{before + 1}", WORDS[head.priority]]
    elif head.priority is None and head.rank < head.taken_at:
        words.append(PLACED)
    return "；".join([*(words or ["先到先办"]), f"等了{waited_minutes(head.taken_at, at)}分钟"])


def waited_minutes(taken_at: int, at: int) -> int:
    return max(0, at - taken_at) // MINUTE_MS


# ---- an arrival chooses between free windows


class Armed(NamedTuple):
    """A window that asked for the next ticket and found nobody."""

    window: int
    since: int
    skills: int
    rate: float = 0.0
    """Calls per open hour today."""
    green: bool = False
    """For those who are served before others."""


def suited(windows: Sequence[Armed], *, claimed: bool) -> list[Armed]:
    """The green ones for an arrival that is served before others, the rest for any other; all where there is none."""
    return [each for each in windows if each.green == claimed] or list(windows)


def best_armed(windows: Sequence[Armed]) -> int | None:
    """The window an arrival goes to: fewest skills first, so that the 综合窗口 stays free; of those the one with the
    fewest calls per open hour, so that equal windows do equal work; then the longest idle.
    """
    if not windows:
        return None
    return min(windows, key=lambda it: (it.skills, it.rate, it.since, it.window)).window
