"""Which days the hall works: the national calendar, and over it what this hall knows better. Pure.

One calendar for kiosks, windows, bookings, forecast and attendance. A year whose official plan is not known is
provisional: the hall is open, nobody is blamed for such a day, and spans in working days are not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Annotated, Literal

import chinese_calendar  # type: ignore[import-untyped]
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

Kind = Literal["working", "day_off", "duty", "provisional"]
ONE_DAY = timedelta(days=1)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_hhmm(value: object) -> object:
    """Refuses `8:30`, seconds and TOML's own times: one spelling of a time of day."""
    return time.fromisoformat(value) if isinstance(value, str) and len(value) == len("08:30") else None


At = Annotated[time, BeforeValidator(_is_hhmm), PlainSerializer(lambda at: f"{at:%H:%M}", str, when_used="json")]
"""A time of day in the hall, written `"08:30"`."""


class Shift(_Model):
    start: At
    end: At


class Override(_Model):
    """One day on which this hall differs from the national calendar."""

    day: date
    kind: Literal["closed", "off", "working", "extended", "duty"]
    """`off` and `working` are the two sides of 调休; on `duty` only the roster works."""
    name: str = ""
    shifts: tuple[Shift, ...] = ()
    """The hours of an extended day, or of a working day that has its own, such as half a day."""

    @property
    def fits(self) -> bool:
        """An extended day says its hours, a working day may, and no other has any."""
        return bool(self.shifts) if self.kind == "extended" else not self.shifts or self.kind == "working"


class OwnDays(_Model):
    day: tuple[Override, ...] = ()


Overrides = Mapping[date, Override]
FROM_OVERRIDE: Mapping[str, Kind] = {
    "closed": "day_off",
    "off": "day_off",
    "working": "working",
    "extended": "working",
    "duty": "duty",
}


@dataclass(frozen=True, slots=True)
class Base:
    """What holds on every day that nobody says otherwise of."""

    shifts: tuple[Shift, ...]
    weekend: Literal["off", "by_appointment"] = "off"
    """On a weekend by appointment only the people on the roster are expected."""


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


def day_of(base: Base, overrides: Overrides, on: date) -> Day:
    if (own := overrides.get(on)) is not None:
        return Day(on, FROM_OVERRIDE[own.kind], own.name or own.kind, "hall", own.shifts or base.shifts)
    try:
        off, name = chinese_calendar.get_holiday_detail(on)
    except NotImplementedError:
        return Day(on, "provisional", f"{on.year}", "unknown", base.shifts)
    if off and name is None and base.weekend == "by_appointment":
        return Day(on, "duty", "weekend", "national", base.shifts)
    return Day(on, "day_off" if off else "working", name or ("weekend" if off else ""), "national", base.shifts)


def unknown_year_ahead(today: date, days: int = 30) -> int | None:
    """The year that begins within so many days, or has begun, without an official plan: reason for an alarm."""
    for on in (today, today + timedelta(days=days)):
        try:
            chinese_calendar.is_workday(on)
        except NotImplementedError:
            return on.year
    return None
