"""The hall's calendar as attendance counts by it. Pure."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from edge import calendar
from edge.attendance.profile import Profile, Span
from edge.calendar import ONE_DAY, Day, Overrides, UnknownYear


def base(profile: Profile) -> calendar.Base:
    return calendar.Base(profile.hours.shifts, profile.calendar.weekend)


def day_of(profile: Profile, overrides: Overrides, on: date) -> Day:
    return calendar.day_of(base(profile), overrides, on)


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
