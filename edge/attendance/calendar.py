"""Which days the hall works: the national calendar, and over it what this hall knows better. Pure.

A year whose official plan is not known is provisional: the hall is open, nobody is blamed for such a day, and spans in
working days are not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]

from edge.attendance.profile import Override, Profile, Shift, Span

Kind = Literal["working", "day_off", "duty", "provisional"]
ONE_DAY = timedelta(days=1)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    kind: Kind
    """On `duty` only the roster works."""
    name: str
    """Why it differs from its weekday: the holiday, or what the hall calls it."""
    source: Literal["national", "hall", "unknown"]
    shifts: tuple[Shift, ...]

    @property
    def open(self) -> bool:
        """Whether the hall may be open: only a day known to be off is not."""
        return self.kind != "day_off"


class UnknownYear(Exception):
    """The official plan of this year is not known, so its working days cannot be counted."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(f"the holidays of {year} are not known")


Overrides = Mapping[date, Override]
FROM_OVERRIDE: Mapping[str, Kind] = {
    "closed": "day_off",
    "off": "day_off",
    "working": "working",
    "extended": "working",
    "duty": "duty",
}


def day_of(profile: Profile, overrides: Overrides, on: date) -> Day:
    shifts = profile.hours.shifts
    if (own := overrides.get(on)) is not None:
        return Day(on, FROM_OVERRIDE[own.kind], own.name or own.kind, "hall", own.shifts or shifts)
    try:
        off, name = chinese_calendar.get_holiday_detail(on)
    except NotImplementedError:
        return Day(on, "provisional", f"{on.year}", "unknown", shifts)
    if off and name is None and profile.calendar.weekend == "by_appointment":
        return Day(on, "duty", "weekend", "national", shifts)
    return Day(on, "day_off" if off else "working", name or ("weekend" if off else ""), "national", shifts)


def counts(profile: Profile, overrides: Overrides, on: date, unit: str) -> bool:
    """Whether a span in this unit counts the day. Raises UnknownYear."""
    if unit == "calendar_day":
        return True
    kind = day_of(profile, overrides, on).kind
    if kind == "provisional":
        raise UnknownYear(on.year)
    return kind == "working"


def deadline(profile: Profile, overrides: Overrides, span: Span, start: date, zone: ZoneInfo) -> datetime:
    """The end of the last day of the span; the day it starts from does not count. Raises UnknownYear."""
    last, left = start, span.within
    while left:
        last += ONE_DAY
        left -= counts(profile, overrides, last, span.unit)
    return datetime.combine(last + ONE_DAY, time(0), zone)


def unknown_year_ahead(today: date, days: int = 30) -> int | None:
    """The year that begins within so many days, or has begun, without an official plan: reason for an alarm."""
    for on in (today, today + timedelta(days=days)):
        try:
            chinese_calendar.is_workday(on)
        except NotImplementedError:
            return on.year
    return None
