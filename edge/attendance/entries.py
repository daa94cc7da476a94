"""What is entered about people's time: by the central system, a CSV, or a person at ops. The shapes, and what each
means for the rules. Pure.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from edge.attendance import duty as duties
from edge.attendance import leave as leaves
from edge.attendance import outing as outings
from edge.attendance.profile import Direction, LeaveKind
from edge.attendance.punches import Punch, Span
from edge.attendance.roster import Short, StaffNo
from edge.attendance.rules import OffPost
from edge.hall import Id


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Entry(_Model):
    ref: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$")]
    """What it is known by: the number of the slip (假条), of the request in the central system. The same ref again
    corrects it."""
    person: StaffNo
    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> _Entry:
        if self.end < self.start:
            raise ValueError("it ends before it begins")
        return self

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


class Approval(_Model):
    by: Id
    """A role, such as `chief_representative`."""
    at: AwareDatetime


class Substitute(_Model):
    """顶岗人员"""

    person: StaffNo
    filed_at: AwareDatetime | None = None
    on_post_at: AwareDatetime | None = None
    until: date | None = None


class Leave(_Entry):
    """请假; the same ref with more approvals, papers, or the return goes on from there."""

    kind: Literal["leave"] = "leave"
    leave: LeaveKind
    asked_at: AwareDatetime
    approvals: tuple[Approval, ...] = ()
    papers: tuple[Id, ...] = ()
    consent: bool = False
    lone_window: bool = False
    substitute: Substitute | None = None
    refused: bool = False
    deceived: bool = False
    returned_at: AwareDatetime | None = None

    def request(self, role: str) -> leaves.Request:
        stand_in = None
        if self.substitute is not None:
            each = self.substitute
            stand_in = leaves.SubstitutePost(each.person, each.filed_at, each.on_post_at, each.until)
        return leaves.Request(
            self.ref,
            self.person,
            role,
            self.leave,
            self.span,
            self.asked_at,
            tuple(leaves.Approval(each.by, each.at) for each in self.approvals),
            frozenset(self.papers),
            self.consent,
            self.lone_window,
            stand_in,
            self.refused,
            self.deceived,
            self.returned_at,
        )


class Outing(_Entry):
    """外出、迟到早退报备"""

    kind: Literal["outing"] = "outing"
    told_at: AwareDatetime | None = None
    registered_at: AwareDatetime | None = None
    approved_at: AwareDatetime | None = None
    place: Short = ""
    reason: Short = ""
    recalled: bool = False
    reported_by: Literal["person", "unit"] = "person"

    def outing(self) -> outings.Outing:
        told = (self.told_at, self.registered_at, self.place, self.reason, self.approved_at)
        return outings.Outing(self.ref, self.person, self.span, *told, self.recalled, self.reported_by)


class Duty(_Entry):
    """值班、延时服务、加班"""

    kind: Literal["duty"] = "duty"
    duty: Literal["noon", "day_off", "extended", "overtime"]
    reported_at: AwareDatetime | None = None
    swapped_from: StaffNo | None = None
    log: Annotated[str, Field(max_length=400)] = ""
    """值班记录"""

    def entry(self) -> duties.Entry:
        return duties.Entry(self.ref, self.person, self.duty, self.span, self.reported_at, self.swapped_from)


class RollCall(_Entry):
    """点名: one person at one moment."""

    kind: Literal["roll_call"] = "roll_call"
    present: bool


class Study(_Entry):
    """集中学习签到"""

    kind: Literal["study"] = "study"
    present: bool
    reason: Short = ""
    """Why a person was not there; with one it hurts nobody."""


class Away(_Entry):
    """脱岗, as a patrol found it."""

    kind: Literal["off_post"] = "off_post"
    found_by: Short = "patrol"


class ManualPunch(_Entry):
    """补卡: somebody saw the person come or go, and says so. `end` is `start`."""

    kind: Literal["manual_punch"] = "manual_punch"
    direction: Direction


class Excuse(_Entry):
    """A finding of these days that does not stand, as a person decided who had looked at it."""

    kind: Literal["excuse"] = "excuse"
    finding: Literal["late", "early", "missing_punch", "one_sided", "off_post", "absent"]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


Entry = Leave | Outing | Duty | RollCall | Study | Away | ManualPunch | Excuse
Kind = Literal["leave", "outing", "duty", "roll_call", "study", "off_post", "manual_punch", "excuse"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])
MODELS: dict[str, type[Entry]] = {model.model_fields["kind"].default: model for model in get_args(Entry)}


def off_post(entry: Away | RollCall) -> OffPost:
    return OffPost(entry.span, "roll_call" if isinstance(entry, RollCall) else entry.found_by)


def seen(entry: ManualPunch | RollCall) -> Punch:
    if isinstance(entry, RollCall):
        return Punch(entry.person, entry.start, "unknown", "roll_call")
    return Punch(entry.person, entry.start, entry.direction, "manual")


def in_zone(value: object, zone: ZoneInfo) -> object:
    """A time without a zone is the hall's own: what a person types, or a table holds."""
    if isinstance(value, str) and value:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
        return at if at.tzinfo else at.replace(tzinfo=zone)
    return value
