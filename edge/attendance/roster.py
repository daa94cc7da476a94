"""Who works in the hall, as the central system, a CSV or ops says it: two organisations, posts, consent, terminals.

Only what the hall needs to run is kept: no identity number, no phone, no template.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Id
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements

StaffNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,24}$")]
"""工号, as the terminals know the person."""
Short = Annotated[str, Field(max_length=80)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Post(_Model):
    """A window that is somebody's: A is the principal, B stands in."""

    window: int
    part: Literal["A", "B"] = "A"


class Consent(_Model):
    """Since when a person agrees to be recognised so; without it a card or a PIN is offered."""

    face: date | None = None
    fingerprint: date | None = None


class Person(_Model):
    id: StaffNo
    name: Annotated[str, Field(min_length=1, max_length=40)]
    unit: Id
    """The unit that sends the person (派驻单位)."""
    section: Short = ""
    """The second organisation: the hall's own section or team (双重管理)."""
    role: Id = "clerk"
    """`clerk`, `chief_representative`, …: as the leave levels and caps of the profile name it."""
    title: Short = ""
    posts: tuple[Post, ...] = ()
    since: date
    until: date | None = None
    """The last day in the hall; the person leaves the terminals after it."""
    letter: Short = ""
    """Number of the stamped adjustment letter (人员调整函); nobody is written to a terminal without."""
    consent: Consent = Consent()
    fallback: Literal["card", "pin", "manual"] = "card"
    terminals: tuple[Id, ...] = ()
    """Devices of the hall file on which this person punches; none: all of them."""

    def here(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True)
class Changed:
    persons: tuple[Person, ...]
    by: str


def change(session: Session, hall: Hall, now: Now, command: Changed) -> int:
    """Adds and changes persons; how many differ from before. Nothing is written when one of them does not fit."""
    if wrong := list(unfit(hall, command.persons)):
        raise Refused("roster_unfit", "人员名册有误，请更正后再导入", "; ".join(wrong), 422)
    known = {each.id: each for each in people(session.connection)}
    changed = [each for each in command.persons if known.get(each.id) != each]
    for each in changed:
        session.connection.exec_driver_sql(
            "INSERT INTO person (id, name, unit, body, changed_at, changed_by) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET name=excluded.name, unit=excluded.unit, body=excluded.body,"
            " changed_at=excluded.changed_at, changed_by=excluded.changed_by",
            (each.id, each.name, each.unit, each.model_dump_json(), now.at, command.by),
        )
        data = {"staff": each.id, "unit": each.unit, "role": each.role, "letter": each.letter}
        append(session, hall, now, "attendance.roster_changed", f"staff:{each.id}", command.by, **data)
    return len(changed)


def unfit(hall: Hall, persons: Iterable[Person]) -> Iterable[str]:
    seen: set[str] = set()
    for each in persons:
        if each.id in seen:
            yield f"工号 {each.id} 写了两次"
        seen.add(each.id)
        if each.unit not in hall.unit:
            yield f"{each.id}：没有单位 {each.unit}，只有 {'、'.join(hall.unit)}"
        for post in each.posts:
            if post.window not in hall.window:
                yield f"{each.id}：没有 {post.window} 号窗口"
        for device in each.terminals:
            if device not in hall.device:
                yield f"{each.id}：没有考勤机 {device}"
        if each.until is not None and each.until < each.since:
            yield f"{each.id}：离岗日期 {each.until} 早于到岗日期 {each.since}"


def people(connection: Statements) -> list[Person]:
    """By unit, then 工号."""
    rows = connection.exec_driver_sql("SELECT body FROM person ORDER BY unit, id")
    return [Person.model_validate_json(row[0]) for row in rows]


def staff(connection: Statements, hall: Hall, today: date) -> dict[str, str]:
    """工号 -> name of the hall file's staff, and of those on the roster today; the file's name for who is in both."""
    known = {each.id: each.name for each in people(connection) if each.here(today)}
    known |= {each.id: each.name for each in hall.staff}
    return dict(sorted(known.items()))
