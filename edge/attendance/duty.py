"""Duty at noon and on days off, service beyond the closing time, overtime: what each stands for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.profile import Profile
from edge.attendance.punches import Span
from edge.attendance.rules import Cover, without
from edge.calendar import Day

KEYS = {
    "noon": "duty.noon",
    "day_off": "calendar.base",
    "extended": "duty.extended_until_finished",
    "overtime": "duty.overtime_report_to",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the roster, or of what was served after closing."""

    ref: str
    person: str
    kind: Literal["noon", "day_off", "extended", "overtime"]
    span: Span
    reported_at: datetime | None = None
    """When the hall was told of overtime."""
    swapped_from: str | None = None
    """Whose turn it was; the one who stands here took it over."""


def duty_cover(profile: Profile, entry: Entry) -> Cover:
    """Overtime that was not reported beforehand, where it must be, is for a person to look at."""
    untold = entry.reported_at is None or entry.reported_at > entry.span.start
    doubtful = entry.kind == "overtime" and profile.duty.overtime_report_to is not None and untold
    return Cover("on_duty", entry.span, entry.ref, profile.clause(KEYS[entry.kind]), doubtful)


def noon_spans(profile: Profile, day: Day, zone: ZoneInfo) -> tuple[Span, ...]:
    """When someone must be on duty at noon; without times in the profile, the whole breaks of the day."""
    noon = profile.duty.noon
    if noon is None or day.kind != "working":
        return ()
    if noon.start is not None and noon.end is not None:
        return (Span(datetime.combine(day.on, noon.start, zone), datetime.combine(day.on, noon.end, zone)),)
    return tuple(
        Span(datetime.combine(day.on, before.end, zone), datetime.combine(day.on, after.start, zone))
        for before, after in pairwise(day.shifts)
    )


def unmanned(profile: Profile, day: Day, zone: ZoneInfo, roster: Iterable[Entry]) -> tuple[Span, ...]:
    """The parts of the noon duty that nobody is on the roster for."""
    open_ = list(noon_spans(profile, day, zone))
    for entry in roster:
        if entry.kind == "noon":
            open_ = [part for piece in open_ for part in without(piece, entry.span)]
    return tuple(open_)
