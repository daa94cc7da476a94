"""Rules that a replay can follow: the hall's own, and those that it is compared with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.hall import Balance, Priority, PriorityReason
from edge.queue import balance
from edge.queue.scenario import STRICT_S, Class, Scenario, Ticket

REASONS: Mapping[str, PriorityReason] = {"A": "appointment", "E": "senior", "D": "disabled", "M": "military"}
"""Class of a scenario -> the claim that its visitors make; the others make none."""


@dataclass(frozen=True, slots=True)
class Policy:
    words: str
    rule: Balance
    classes: Literal["none", "head_start", "strict"] = "head_start"
    """What a visitor's class is worth: nothing, as the hall file has it, or each class before all below it."""
    lines: Literal["service", "hall", "window"] = "service"
    """Who stands in one line: `hall` lets every window serve everybody, `window` binds a ticket when it is issued."""
    arrival: Literal["balanced", "longest_idle", "fastest"] = "balanced"
    """Which of several free windows takes an arrival."""


PLAIN = Balance(rule="head_start")
POLICIES: Mapping[str, Policy] = {
    "backlog": Policy("longest waited, longer lines sooner, classes by head start", Balance()),
    "head_start": Policy("longest waited, classes by head start", PLAIN),
    "strict": Policy("class by class", PLAIN, "strict"),
    "order": Policy("first come, first served, no classes", PLAIN, "none", arrival="longest_idle"),
    "bound": Policy("a ticket is bound to the shortest line at issue", PLAIN, lines="window"),
    "pooled": Policy("every window serves everything, first come, first served", PLAIN, "none", "hall", "fastest"),
}
REFERENCE = "pooled"
"""What every mean wait is divided by."""


def priority(classes: tuple[Class, ...]) -> Priority:
    """The hall-file section that says the same as a scenario's classes."""
    known = [(REASONS[each.id], each.head_start_s) for each in classes if each.id in REASONS]
    return Priority(
        strict=tuple(reason for reason, lead_s in known if lead_s >= STRICT_S),
        head_start={reason: lead_s / 60 for reason, lead_s in known if lead_s < STRICT_S},
    )


def rank_ms(policy: Policy, day: Scenario, rules: Priority, ticket: Ticket, start_s: float) -> int:
    """Place in the line of a visit that begins at `start_s`, in milliseconds, as the service gives it."""
    start = round(start_s * 1000)
    if policy.classes == "none" or ticket.cls not in REASONS:
        return max(start, round(ticket.clock_s * 1000))
    if policy.classes == "strict":
        nth = next(each.rank for each in day.classes if each.id == ticket.cls)
        return max(start, round(ticket.clock_s * 1000)) - nth * balance.STRICT
    reason = REASONS[ticket.cls]
    early = max(0, round(((ticket.slot_s or 0) - start_s) * 1000))
    source: Literal["appointment", "declared"] = "appointment" if reason == "appointment" else "declared"
    return start - balance.lead_ms(rules, balance.Claim(reason, source, early))
