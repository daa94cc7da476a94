"""The rules in force in this hall: its profile, and the days on which it differs from the national calendar."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.attendance.calendar import Overrides
from edge.attendance.profile import About, Override, Profile, Shift
from edge.attendance.profilefile import Loaded, load, load_overrides
from edge.hall import Hall
from edge.statements import Statements


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
    days = load_overrides(Path(files.calendar)) if files.calendar else {}
    return Rulebook(loaded.profile, days, hall.zone_info), loaded


def entered(connection: Statements) -> dict[date, Override]:
    rows = connection.exec_driver_sql("SELECT day, kind, name, shifts FROM calendar_day")
    return {
        (on := date.fromisoformat(day)): Override(
            day=on, kind=kind, name=name, shifts=tuple(Shift.model_validate(each) for each in json.loads(shifts))
        )
        for day, kind, name, shifts in rows
    }
