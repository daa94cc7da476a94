"""How a hall's queue is run: limits of moves, how a visit ends, a service's numbers. Models of a hall file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.hallday import Minutes, Openings
from edge.hallguide import Guide

Prefix = Annotated[str, Field(pattern=r"^[A-Z]{1,2}$")]
Hold = Literal["without_papers", "with_papers", "waiting"]
"""不持件: the visitor took everything along; 持件: the papers stay here; 等待: the visitor waits for this window."""
Outcome = Literal["instant", "committed", "supplement", "rejected", "joint", "advice", "rebooked"]
"""即办 承诺 补办 退件 联办 咨询 另约"""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Queue(_Model):
    """What a window may do with a ticket, and how often."""

    recalls: Annotated[int, Field(ge=1, le=99)] = 3
    """How often a called ticket may be called again; then it is missed (过号)."""
    return_to: Literal["keep", "back", "tail"] = "keep"
    """Where a missed ticket comes back to: its own place; behind `return_places` others; as if it were taken now."""
    return_places: Annotated[int, Field(ge=1, le=99)] = 3
    returns: Annotated[int, Field(ge=0, le=99)] = 3
    """How often one ticket may come back; then a new number must be taken."""
    hold: Hold = "without_papers"
    """The kind of a hold that does not say, such as a call box's."""
    outcome: Literal["instant", "committed", "joint", "advice"] = "instant"
    """Of a finish that does not say, such as a call box's: none that needs a notice or a booking."""
    outcome_required: bool = False
    """True: a clerk's page must say how a visit ended."""
    notice_return: Literal["appointment", "ordinary"] = "ordinary"
    """How whoever comes back with the code of a notice is queued: as one who booked, or as everybody."""
    walk_in_prefix: Prefix = "W"
    """Of the numbers of visitors who are served without having taken one; no service has it."""
    hand_prefix: Prefix = "S"
    """Of the numbers on paper (手工号) that are handed out while nothing else works, and entered afterwards."""


class ServiceRules(_Model):
    """A service's numbers, and what its visits consist of."""

    prefix: Prefix
    start: Annotated[int, Field(ge=1, le=90_000)] = 1
    """The first number of a day. Services of one prefix share a series, and so `start` and `width`."""
    width: Annotated[int, Field(ge=1, le=6)] = 3
    """Digits, filled with zeros; a number that needs more has more."""
    daily_quota: Annotated[int | None, Field(ge=1)] = None
    """Numbers a day; who has booked gets one beyond it."""
    steps: Annotated[tuple[str, ...], Field(max_length=9)] = ()
    """The services that its visitors go through on one number (受理→缴费→发证), the first of them from the start."""
    hours: Openings = ()
    """Numbers for it only within these; without, in all hours of the hall."""
    cut_off: Minutes | None = None
    """As `[timetable] cut_off`, where this service's is another."""
    materials: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = ()
    """What a visit may lack; the clerk ticks it for 补办 and 退件."""
    guide: Guide | None = None


class NamedService(ServiceRules):
    id: str


def check_services(services: Iterable[NamedService], queue: Queue) -> None:
    """Raises ValueError where services that share a prefix count differently, a series of the hall's own has a
    service's prefix, or a step is no plain service.
    """
    known = {each.id: each for each in services}
    if queue.walk_in_prefix == queue.hand_prefix:
        raise ValueError("[queue] walk_in_prefix and hand_prefix must be two")
    for prefix, who in ((queue.walk_in_prefix, "walk_in_prefix"), (queue.hand_prefix, "hand_prefix")):
        if prefix in [each.prefix for each in known.values()]:
            raise ValueError(f"prefix {prefix} is not for a service: [queue] {who}")
    series: dict[str, tuple[int, int]] = {}
    for each in known.values():
        if series.setdefault(each.prefix, (each.start, each.width)) != (each.start, each.width):
            raise ValueError(f"the services with prefix {each.prefix} share one series: the same start and width")
        for step in each.steps:
            if step not in known or known[step].steps:
                raise ValueError(f"step {step!r} of {each.id!r} must be a service without steps of its own")
