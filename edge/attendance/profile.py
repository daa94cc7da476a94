"""What a hall's rules of attendance are: the frozen models of config/halls/*.toml. Pure.

`edge.attendance.profilefile` reads them. A value that the file does not give is the product's default, and can be told
from one that it gives: see `Profile.clause`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.calendar import At, Shift
from edge.hall import Id


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


DEFAULT = "product default"
Unit = Literal["calendar_day", "working_day"]
Direction = Literal["in", "out", "unknown"]
LeaveKind = Literal["personal", "sick", "annual", "marriage", "maternity", "funeral", "home_visit", "training"]
Need = Literal["told", "registered", "approved"]
AbsentReason = Literal["no_formality", "not_approved", "overstayed", "deceived", "no_substitute"]


@dataclass(frozen=True, slots=True)
class Clause:
    """Which value of a profile a finding rests on, and where that stands."""

    key: str
    """`attendance.late`"""
    source: str
    """`易门县 行业规范 (ATT-03)`, or `product default`."""


def reached(value: float | timedelta, limit: float | timedelta, inclusive: bool) -> bool:
    """以上 and 以内 count the number itself, 超过 does not."""
    return value >= limit if inclusive else value > limit  # type: ignore[operator]


class Minutes(_Model):
    """Such as 5 and inclusive: from exactly five minutes on."""

    minutes: Annotated[float, Field(ge=0, le=24 * 60)]
    inclusive: bool

    def reached(self, length: timedelta) -> bool:
        return length > timedelta(0) and reached(length, timedelta(minutes=self.minutes), self.inclusive)


class Span(_Model):
    """Such as 2日内, with the days that count."""

    within: Annotated[int, Field(ge=0)]
    unit: Unit


class About(_Model):
    code: Id
    name: str
    document: str
    """The short name of the text the values were read from."""


class Calendar(_Model):
    base: Literal["cn_statutory"] = "cn_statutory"
    weekend: Literal["off", "by_appointment"] = "off"
    """On a weekend by appointment only the people on the roster are expected."""


class Hours(_Model):
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)] = (
        Shift(start="09:00", end="12:00"),  # type: ignore[arg-type]
        Shift(start="13:30", end="17:30"),  # type: ignore[arg-type]
    )
    ready_minutes_before: Annotated[int, Field(ge=0, le=120)] = 10
    """A window is made ready so long before the public comes in."""

    def ready_at(self, shift: Shift) -> time:
        """When the staff of a shift should be at their post."""
        return time(*divmod(max(0, shift.start.hour * 60 + shift.start.minute - self.ready_minutes_before), 60))


class Expected(_Model):
    """One punch of a working day. `deadline` is the latest time of an `in`, the earliest of an `out`."""

    kind: Literal["in", "out"]
    shift: Annotated[int, Field(ge=-1)]
    """From 0; -1 is the last."""
    deadline: At | None = None
    """Without one, the start or the end of the shift."""


class Convert(_Model):
    """What makes part of a day count as absent: a length of one day's finding, or a number of findings in a month."""

    when: Literal["late", "off_post", "study_missed", "late_or_early", "missing_punch"]
    minutes: Annotated[float | None, Field(ge=0)] = None
    count: Annotated[int | None, Field(ge=1)] = None
    inclusive: bool
    absent_days: Annotated[float, Field(gt=0, le=31)]
    source: str


class OneSided(_Model):
    """有上无下: one of an arrival and its departure is there, the other is not."""

    absent_days: Annotated[float, Field(gt=0, le=1)]
    precedence: Literal["one_sided_absent", "cumulative"] = "cumulative"
    """Absent at once; or counted with the missing punches of the month, and shown to a person."""


class Attendance(_Model):
    modes: tuple[Literal["face", "fingerprint", "card", "sign_in"], ...] = ("face", "fingerprint")
    fallback: tuple[Literal["card", "pin", "manual"], ...] = ("card", "manual")
    """Another way than the face must always be open."""
    roll_call: bool = False
    punches: Annotated[tuple[Expected, ...], Field(min_length=1)] = (
        Expected(kind="in", shift=0),
        Expected(kind="out", shift=-1),
    )
    repeat_minutes: Annotated[float, Field(ge=0, le=60)] = 10
    """A second touch within so long is no departure."""
    late_base: Literal["shift_start", "punch_deadline"] = "shift_start"
    late: Minutes = Minutes(minutes=0, inclusive=False)
    early: Minutes | None = None
    """Without one, from the first moment, where departures are punched."""
    one_sided: OneSided | None = None
    absent: tuple[AbsentReason, ...] = ("no_formality", "not_approved", "overstayed", "deceived")
    """What counts as absent (旷工) when nothing valid covers it; always a proposal."""
    convert: tuple[Convert, ...] = ()

    @property
    def has_out(self) -> bool:
        return any(each.kind == "out" for each in self.punches)


class Level(_Model):
    """Who approves a leave of so many days; `min_days` and `max_days` themselves count when they are inclusive."""

    min_days: Annotated[float, Field(ge=0)] = 0
    min_inclusive: bool = True
    max_days: float | None = None
    max_inclusive: bool = True
    approve: Annotated[tuple[Id, ...], Field(min_length=1)]
    file: tuple[Id, ...] = ()
    """Who is told and keeps the slip."""
    papers: tuple[Id, ...] = ()
    source: str


class SubstituteRule(_Model):
    """A leave needs a substitute when everything that is given here holds."""

    days: Annotated[float | None, Field(ge=0)] = None
    inclusive: bool = True
    kinds: tuple[LeaveKind, ...] = ()
    roles: tuple[Id, ...] = ()
    lone_window: bool = False
    """Only where one person alone keeps the window."""
    source: str


class Cap(_Model):
    """Leave in one month; whichever of days and times comes first."""

    role: Id
    days: Annotated[float, Field(gt=0)]
    times: Annotated[int, Field(ge=1)]
    source: str


class SickProof(_Model):
    paper: Id
    days: Annotated[float, Field(ge=0)] = 0
    inclusive: bool = False
    otherwise: Literal["refuse", "personal"]
    """Without the paper: no leave, or leave for private reasons."""


class Training(_Model):
    """Training stays outside the cap only beyond so many days, and with the unit's document."""

    days: Annotated[float, Field(ge=0)]
    inclusive: bool = False


class Retro(_Model):
    """Formalities afterwards: until when, and what for."""

    span: Span | None = None
    needs: tuple[Literal["proof", "consent"], ...] = ()


class Leave(_Model):
    unit: Unit = "working_day"
    """The days a leave is counted in."""
    gap_policy: Literal["refuse", "next_level_up"] = "refuse"
    overlap_policy: Literal["refuse", "higher_level"] = "refuse"
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = (
        Level(approve=("chief_representative",), file=("hall",), source=DEFAULT),
    )
    retro: Retro | None = None
    sick_proof: SickProof | None = None
    caps: tuple[Cap, ...] = ()
    not_in_cap: tuple[LeaveKind, ...] = ()
    training_not_in_cap: Training | None = None
    return_report: tuple[LeaveKind, ...] = ()
    """Kinds that are reported back (销假)."""
    annual_min_days: float | None = None
    """The shortest part of an annual leave that is taken in parts."""
    substitutes: tuple[SubstituteRule, ...] = ()
    substitute_first: bool = True
    """The leaver may go only when the substitute is on post."""
    substitute_filed: bool = False
    """The substitute is filed with the hall before the leave begins."""
    substitute_months: int | None = None


class OutingStep(_Model):
    up_to_minutes: Annotated[float, Field(gt=0)]
    inclusive: bool = True
    needs: Annotated[tuple[Need, ...], Field(min_length=1)]
    """All of them before the person goes."""
    by: Id
    source: str


class Outing(_Model):
    steps: tuple[OutingStep, ...] = ()
    recall: Literal["anyone", "unit"] = "anyone"
    """Who may report that the unit calls a person back."""


class NoonDuty(_Model):
    """Without times, the whole break between the shifts."""

    start: At | None = None
    end: At | None = None
    place: str = ""


class Duty(_Model):
    noon: NoonDuty | None = None
    extended_until_finished: bool = True
    coordinated_by: Literal["window", "comprehensive_window"] = "window"
    overtime_report_to: Id | None = None
    """Who is told of overtime beforehand; without one nobody need be."""


class Publication(_Model):
    every: tuple[Literal["weekly", "monthly", "quarterly", "yearly"], ...] = ("monthly",)
    by: Id = "hall"
    objection: Span = Span(within=2, unit="working_day")


class Profile(_Model):
    hall: About
    calendar: Calendar = Calendar()
    hours: Hours = Hours()
    attendance: Attendance = Attendance()
    leave: Leave = Leave()
    outing: Outing = Outing()
    duty: Duty = Duty()
    publication: Publication = Publication()
    sources: dict[str, str] = {}
    """`"attendance.late" = "ATT-09"`: where each value of this file stands."""

    def given(self, key: str) -> bool:
        """Whether the file gives this value, or the product does. `key` is `section.name`, with or without more."""
        section, _, rest = key.partition(".")
        name = rest.partition(".")[0]
        return section in self.model_fields_set and (not name or name in getattr(self, section).model_fields_set)

    def clause(self, key: str, source: str | None = None) -> Clause:
        """The clause of a value; `source` is that of an entry which carries its own, such as a leave level."""
        if not self.given(key):
            return Clause(key, DEFAULT)
        return Clause(key, f"{self.hall.document} ({source or self.source(key) or '-'})")

    def source(self, key: str) -> str | None:
        """The row of a value of this file, or of what it is part of."""
        while key not in self.sources and "." in key:
            key = key.rpartition(".")[0]
        return self.sources.get(key)
