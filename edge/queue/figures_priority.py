"""What priority cost whom: who was called before people who came earlier, and how much longer these waited. Pure.

Counted line by line over the moments at which somebody was called from it; these moments are taken as they were. Undo
one early call: the first of those who came earlier and stood in the line takes its moment, the next one the moment
that the first had, and so on; the early one gets the last moment. So each waited as much longer as their moments lie
apart, and together exactly what the early one gained. The early calls are undone one after the other, the last one
first, so that what each cost adds up to the difference between the day as it was and the same day without them.

Who was never called lost the time up to the line's last call, if they stood in it until then; who left before has no
moment that could be compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from edge.queue.balance import WORDS
from edge.queue.figures import minutes


class Stay(NamedTuple):
    """One time in a line, of a ticket that any window of the line may call."""

    ticket: str
    service: str
    position: int
    """In the hall's order of arrival."""
    start: int
    end: int
    """UTC, milliseconds; of who still waits: now."""
    window: int | None
    """Where it was called to; None: it was not."""
    reason: str | None = None
    """Why it may be called before earlier ones."""
    source: str | None = None


class Loss(NamedTuple):
    ticket: str
    ms: int


class Jump(NamedTuple):
    """A call that passed somebody."""

    stay: Stay
    whom: tuple[Loss, ...]
    """In the order in which they were called; the sum is what this call gained."""


def jumps(stays: Iterable[Stay]) -> list[Jump]:
    """Every call with a reason that passed somebody, in the order of time."""
    lines: dict[str, list[Stay]] = defaultdict(list)
    for each in stays:
        lines[each.service].append(each)
    found = [jump for line in lines.values() for jump in _of_line(line)]
    return sorted(found, key=lambda it: (it.stay.end, it.stay.position))


def _of_line(line: Sequence[Stay]) -> Iterable[Jump]:
    called = sorted((each for each in line if each.window is not None), key=lambda it: (it.end, it.position))
    if not called:
        return
    last = called[-1].end
    left = sorted((each for each in line if each.window is None and each.end >= last), key=lambda it: it.position)
    order = [*called, *left]
    moments = [min(each.end, last) for each in order]
    for nth in range(len(called) - 1, -1, -1):
        if called[nth].reason is not None and (whom := _undo(order, moments, nth)):
            yield Jump(called[nth], whom)


def _undo(order: list[Stay], moments: Sequence[int], nth: int) -> tuple[Loss, ...]:
    """Gives the nth moment back to whom it passed; changes `order`. What each of these had lost."""
    early, found = order[nth], []
    free = nth
    for later in range(nth + 1, len(order)):
        it = order[later]
        if it.position < early.position and it.start <= moments[nth]:
            found.append(Loss(it.ticket, moments[later] - moments[free]))
            order[free], free = it, later
    order[free] = early
    return tuple(found)


# ---- what it comes to

ORDER = (*WORDS, "chosen", "placed", "walk_in")


def report(stays: Sequence[Stay]) -> dict[str, Any]:
    """`reasons overtaken minutes uses`, JSON-ready; a stay's `ticket` is the number that people know."""
    found = jumps(stays)
    calls: dict[str, list[Stay]] = defaultdict(list)
    for each in stays:
        if each.window is not None and each.reason is not None:
            calls[each.reason].append(each)
    return {
        "reasons": [
            {
                "reason": reason,
                "calls": len(calls[reason]),
                "sources": dict(sorted(Counter(each.source or "" for each in calls[reason]).items())),
                "jumped": sum(each.stay.reason == reason for each in found),
            }
            | _sum(each for each in found if each.stay.reason == reason)
            for reason in ORDER
            if calls[reason]
        ],
        **_sum(found),
        "uses": [_use(each) for each in found],
    }


def _sum(found: Iterable[Jump]) -> dict[str, Any]:
    losses = [loss for each in found for loss in each.whom]
    return {"overtaken": len({each.ticket for each in losses}), "minutes": minutes(sum(each.ms for each in losses))}


def _use(jump: Jump) -> dict[str, Any]:
    it = jump.stay
    return {
        "number": it.ticket,
        "service": it.service,
        "reason": it.reason,
        "source": it.source,
        "window": it.window,
        "called_at": it.end,
        "minutes": minutes(sum(each.ms for each in jump.whom)),
        "whom": [{"number": each.ticket, "minutes": minutes(each.ms)} for each in jump.whom],
    }
