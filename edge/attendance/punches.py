"""Which punch of a day stands for which expected one. Pure; the order in which punches arrive changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.profile import Direction, Expected, Profile
from edge.calendar import ONE_DAY, Day

ZERO = timedelta(0)
ROLL_CALL = "roll_call"
"""The source of a punch that shows presence, but is neither an arrival nor a departure."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to `end`, aware."""

    start: datetime
    end: datetime

    def touches(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def holds(self, at: datetime) -> bool:
        """Both ends count: on leave until 12:00 covers the departure at 12:00."""
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True)
class Punch:
    person: str
    at: datetime
    """Aware."""
    direction: Direction
    source: str
    """`face`, `fingerprint`, `card`, `manual`, `roll_call`, …"""


@dataclass(frozen=True, slots=True)
class Slot:
    """An expected punch: an `in` is late after `due`, an `out` early before it."""

    kind: Literal["in", "out"]
    due: datetime
    deadline: datetime
    """What the punch itself is asked for; differs from `due` where lateness counts from the start of the shift."""
    pivot: datetime
    """The moment of working time that it answers for: whoever was on leave then need not punch."""
    opens: datetime
    closes: datetime
    """A punch outside of these does not stand for this slot."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An arrival with its departure, or either alone, and the shifts they answer for."""

    slots: tuple[Slot, ...]
    shifts: tuple[Span, ...]
    share: float
    """The part of a working day."""

    @property
    def around(self) -> Span:
        return Span(self.shifts[0].start, self.shifts[-1].end)


Chosen = dict[Slot, Punch]


def day_span(on: date, zone: ZoneInfo) -> Span:
    return Span(datetime.combine(on, time(0), zone), datetime.combine(on + ONE_DAY, time(0), zone))


def stretches(profile: Profile, day: Day, zone: ZoneInfo) -> tuple[Stretch, ...]:
    """What is expected on a working day. On a day with hours of its own the fixed deadlines give way to them."""
    spans = [Span(_at(day, each.start, zone), _at(day, each.end, zone)) for each in day.shifts]
    expected = [each for each in profile.attendance.punches if each.shift < len(spans)]
    groups = _groups(expected)
    firsts = [0, *(_place(group[0], len(spans)) for group in groups[1:]), len(spans)]
    made = []
    for nth, group in enumerate(groups):
        shifts = spans[firsts[nth] : firsts[nth + 1]]
        opens = spans[firsts[nth] - 1].end if nth else day_span(day.on, zone).start
        closes = spans[firsts[nth + 1]].start if nth + 1 < len(groups) else day_span(day.on, zone).end
        slots = tuple(_slot(profile, day, zone, each, spans, Span(opens, closes), shifts) for each in group)
        made.append(Stretch(slots, tuple(shifts), len(shifts) / len(spans)))
    return tuple(made)


def _at(day: Day, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day.on, at, zone)


def _place(expected: Expected, shifts: int) -> int:
    return expected.shift % shifts


def _groups(expected: Iterable[Expected]) -> list[list[Expected]]:
    """An arrival begins a stretch, a departure ends it."""
    groups: list[list[Expected]] = []
    for each in expected:
        if each.kind == "out" and groups and groups[-1][-1].kind == "in":
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _slot(
    profile: Profile, day: Day, zone: ZoneInfo, expected: Expected, spans: list[Span], reach: Span, own: list[Span]
) -> Slot:
    shift = spans[_place(expected, len(spans))]
    fixed = expected.deadline if day.shifts == profile.hours.shifts else None
    arrives = expected.kind == "in"
    bound = shift.start if arrives else shift.end
    deadline = bound if fixed is None else _at(day, fixed, zone)
    due = bound if arrives and profile.attendance.late_base == "shift_start" else deadline
    pivot = max(due, bound) if arrives else min(due, bound)
    if arrives:
        return Slot("in", due, deadline, pivot, reach.start, own[-1].end)
    return Slot("out", due, deadline, pivot, own[0].start, reach.end)


def miss(slot: Slot, at: datetime) -> timedelta:
    """By how much a punch at this time misses what is due; zero when it is in time."""
    return max(ZERO, at - slot.due if slot.kind == "in" else slot.due - at)


Score = tuple[int, timedelta, timedelta]
Way = tuple[Score, tuple[tuple[Slot, Punch], ...]]
_score = itemgetter(0)


def choose(slots: Iterable[Slot], punches: Iterable[Punch], repeat: timedelta) -> Chosen:
    """As many slots as possible filled, in the order of the day, with the least to blame.

    Only then the nearest punch counts. Two punches within `repeat` do not fill two slots.
    """
    seen = sorted({each for each in punches if each.source != ROLL_CALL}, key=_order)
    ways: dict[int, Way] = {-1: ((0, ZERO, ZERO), ())}
    for slot in slots:
        further = dict(ways)
        for nth, punch in enumerate(seen):
            if _fits(slot, punch):
                before = [way for last, way in ways.items() if last < 0 or punch.at - seen[last].at > repeat]
                found = _with(min(before, key=_score), slot, punch)
                further[nth] = min(found, ways.get(nth, found), key=_score)
        ways = further
    return dict(min(ways.values(), key=_score)[1])


def _order(punch: Punch) -> tuple[datetime, str, str]:
    return punch.at, punch.direction, punch.source


def _fits(slot: Slot, punch: Punch) -> bool:
    wrong = "out" if slot.kind == "in" else "in"
    return punch.direction != wrong and slot.opens < punch.at < slot.closes


def _with(way: Way, slot: Slot, punch: Punch) -> Way:
    (filled, blame, far), chosen = way
    distance = abs(punch.at - slot.due)
    return (filled - 1, blame + miss(slot, punch.at), far + distance), (*chosen, (slot, punch))
