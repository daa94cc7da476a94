"""The slots of a day that can be booked, and what is left of them. Pure.

A day's times are those in which a service is offered: statutory, extended and booked-only openings alike. A booking
takes one place of every slot that it touches, so that no slot ever holds more than its quota.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.calendar import ONE_DAY
from edge.hallday import MINUTE, HallDay, Openings


class Span(NamedTuple):
    """UTC milliseconds; the end is not part of it."""

    start: int
    end: int

    def touches(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def holds(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


class Free(NamedTuple):
    slot: Span
    left: int
    """How many more may book it."""


# ---- the hall's time


def moment(on: date, hhmm: str, zone: ZoneInfo) -> int:
    """UTC milliseconds of `09:00`, or of `24:00`: the end of the day."""
    last = hhmm == "24:00"
    local = datetime.combine(on + ONE_DAY if last else on, time(0) if last else time.fromisoformat(hhmm), zone)
    return int(local.timestamp() * 1000)


def hhmm(at: int, on: date, zone: ZoneInfo) -> str:
    """The other way round, for a moment of this day."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    return f"{local:%H:%M}" if local.date() == on else "24:00"


def span(on: date, starts: str, ends: str, zone: ZoneInfo) -> Span:
    return Span(moment(on, starts, zone), moment(on, ends, zone))


# ---- a day


def offered(day: HallDay, hours: Openings, zone: ZoneInfo) -> list[Span]:
    """When a service of these hours (all of the hall's without any) is offered to those who have booked."""
    spans = [Span(each.start, each.end) for each in day.openings]
    if not hours:
        return spans
    own = [span(day.on, each.start, each.end, zone) for each in hours]
    both = [Span(max(a.start, b.start), min(a.end, b.end)) for a in spans for b in own]
    return [each for each in both if each.start < each.end]


def slots(spans: Iterable[Span], minutes: int) -> list[Span]:
    """They cover these spans and nothing else. The last slot of a span takes the rest: half to one and a half of it."""
    step = minutes * MINUTE
    found = []
    for each in spans:
        count = max(1, (each.end - each.start + step // 2) // step)
        starts = [each.start + nth * step for nth in range(count)]
        found += [Span(start, end) for start, end in zip(starts, [*starts[1:], each.end], strict=True)]
    return found


def free(grid: Iterable[Span], booked: Iterable[Span], quota: int, at: int) -> list[Free]:
    """The slots that have not begun, and how many places each has left: none, where more were booked than it has."""
    taken = list(booked)
    ahead = [each for each in grid if each.start > at]
    return [Free(each, max(0, quota - sum(map(each.touches, taken)))) for each in ahead]


def room(wanted: Span, grid: Iterable[Span], booked: Iterable[Span], quota: int) -> int:
    """How many more may book this time: what the fullest of the slots that it touches has left."""
    taken = list(booked)
    touched = [each for each in grid if each.touches(wanted)]
    return min((max(0, quota - sum(map(each.touches, taken))) for each in touched), default=0)
