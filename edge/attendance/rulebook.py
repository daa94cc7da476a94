"""The rules in force in this hall: its profile, and the days on which it differs from the national calendar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.attendance.calendar import base
from edge.attendance.profile import About, Profile
from edge.attendance.profilefile import Loaded, load, load_overrides
from edge.calendar import Overrides
from edge.hall import Hall
from edge.statements import Statements
from edge.timetable.days import entered, with_calendar


@dataclass(frozen=True, slots=True)
class Rulebook:
    profile: Profile
    filed: Overrides
    """Days of the hall's calendar file; what is entered at ops goes before."""
    zone: ZoneInfo

    def overrides(self, connection: Statements) -> Overrides:
        return {**self.filed, **entered(connection)}


def open_rules(hall: Hall) -> tuple[Rulebook, Loaded]:
    """Reads the profile and the calendar that the hall file names; the product's defaults without. HallFileError."""
    files = hall.attendance
    own = Profile(hall=About(code=hall.hall.code, name=hall.hall.name, document=hall.hall.name))
    loaded = load(Path(files.profile)) if files.profile else Loaded(own, ())
    days = {each.day: each for each in hall.timetable.days}
    days |= load_overrides(Path(files.calendar)) if files.calendar else {}
    return Rulebook(loaded.profile, days, hall.zone_info), loaded


def with_timetable(hall: Hall, rules: Rulebook) -> Hall:
    """One calendar for the public and for the staff; a hall without a profile is open as its file says."""
    return with_calendar(hall, base(rules.profile) if hall.attendance.profile else None, rules.filed)
