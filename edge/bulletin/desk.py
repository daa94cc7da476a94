"""Use cases of the bulletin: entered by one, approved by another, shown from a day to a day, withdrawn.

A change is a new version, which waits for its own approval while the approved one stays. The journal names entries and
versions, their words and who entered and approved them stand here.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.mask import hide_id_numbers, hide_numbers, mask
from edge.refusal import Refused
from edge.statements import Statements

Kind = Literal["notice", "result", "commitment"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_WORDS: dict[Kind, str] = {"notice": "公告", "result": "办事结果", "commitment": "服务承诺"}


def _same_person(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


# ---- entries


class Outcome(NamedTuple):
    """One published result (项目名称, 申请人, 申请编号, 办结时间, 办事结果)."""

    project: str
    applicant: str
    number: str
    finished: str
    """A day, `2026-03-02`."""
    result: str
    organisation: bool = False
    """A 单位 is shown by its name, a person only masked."""

    def masked(self) -> Outcome:
        project, applicant, number, finished, result = map(hide_numbers, self[:5])
        named = applicant if self.organisation else mask("name", applicant)
        return Outcome(project, named, number, finished, result, self.organisation)


@dataclass(frozen=True, slots=True)
class Enter:
    kind: Kind
    title: str
    body: str
    outcomes: tuple[Outcome, ...]
    zones: tuple[str, ...]
    """Empty: all."""
    first: date
    last: date | None
    by: str
    actor: str
    entry: str | None = None
    """The one whose next version this is; its kind stays."""


def enter(session: Session, hall: Hall, now: Now, command: Enter) -> str:
    """The entry's id. Raises Refused (404, 409, 422)."""
    content = _content(hall, now, command)
    if command.entry is None:
        entry, version = session.new_id(), 1
        session.connection.exec_driver_sql(
            "INSERT INTO bulletin (id, kind, position)"
            " VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM bulletin))",
            (entry, command.kind),
        )
    else:
        entry = command.entry
        kind, newest = kind_of(session.connection, entry), _newest(session.connection, entry)
        if kind != command.kind:
            raise Refused("other_kind", f"这是{KIND_WORDS[kind]}，种类不能改，请另外录入", status=422)
        if content == newest[1:]:
            raise Refused("nothing_changed", "内容没有变化", f"version {newest[0]}")
        version = newest[0] + 1
    session.connection.exec_driver_sql(
        "INSERT INTO bulletin_version (bulletin, version, title, body, results, zones, first, last, entered_at,"
        " entered_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (entry, version, *content, now.at, command.by),
    )
    _tell(session, hall, now, "entered", entry, command.actor, version=version, kind=command.kind)
    return entry


def _content(hall: Hall, now: Now, command: Enter) -> tuple[Any, ...]:
    """What a version consists of, in the order of its columns. Raises Refused (422)."""
    body, outcomes = hide_id_numbers(command.body), [each.masked() for each in command.outcomes]
    if command.kind == "result" and not outcomes:
        raise Refused("no_results", "请写要公示的结果，至少一条", status=422)
    if command.kind != "result" and (outcomes or not body):
        raise Refused("no_words", "请写内容", status=422)
    if command.last is not None and command.last < command.first:
        raise Refused("dates_unfit", "结束日期在开始日期之前", status=422)
    if command.last is not None and command.last.isoformat() < now.day:
        raise Refused("dates_unfit", "结束日期已经过去", status=422)
    zones = known_zones(hall, command.zones)
    last = command.last and command.last.isoformat()
    return hide_id_numbers(command.title), body, _json(outcomes), zones, command.first.isoformat(), last


def known_zones(hall: Hall, zones: tuple[str, ...]) -> str:
    """As they are stored. Raises Refused (422)."""
    if strange := [each for each in zones if each not in hall.zone]:
        raise Refused("no_such_zone", "没有这个区域", f"zones {strange}", 422)
    return _json([each for each in hall.zone if each in zones])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Approve:
    entry: str
    version: int
    """What was read: another one is not approved with it."""
    by: str
    actor: str
    centre: bool = False
    """The centre names whom it likes; a hall that says who works there, one of them."""


def approve(session: Session, hall: Hall, now: Now, command: Approve) -> str:
    """Lets a version onto the screens.

    Raises Refused: 404, 409 for an old one and for whoever entered it, 422 for who is none of the hall's staff.
    """
    _standing(session.connection, command.entry)
    signs = _signs(hall, command)
    version = _newest(session.connection, command.entry)[0]
    if command.version != version:
        raise Refused("old_version", "内容已经改过，请看新的一版", f"version {version} is the newest")
    entered_by, approved_by = session.connection.exec_driver_sql(
        "SELECT entered_by, approved_by FROM bulletin_version WHERE bulletin=? AND version=?",
        (command.entry, version),
    ).one()
    if approved_by is not None and not any(_same_person(approved_by, each) for each in signs):
        raise Refused("approved", f"{approved_by}已经审核通过", f"version {version}")
    if approved_by is not None:
        return command.entry
    if any(_same_person(entered_by, each) for each in signs):
        raise Refused("own_entry", "录入的人不能审核自己录入的内容，请另一位审核")
    session.connection.exec_driver_sql(
        "UPDATE bulletin_version SET approved_at=?, approved_by=? WHERE bulletin=? AND version=?",
        (now.at, signs[0], command.entry, version),
    )
    _tell(session, hall, now, "approved", command.entry, command.actor, version=version)
    return command.entry


def _signs(hall: Hall, command: Approve) -> tuple[str, ...]:
    """What the approver signs with, by name first. Raises Refused (422)."""
    if command.centre or not hall.staff:
        return (command.by,)
    found = [each for each in hall.staff if _plain(command.by) in (_plain(each.name), _plain(each.id))]
    if not found:
        title = "没有审核，请写本大厅工作人员的工号或姓名"
        raise Refused("not_staff", title, f"{command.by!r} is none of [[staff]]", 422)
    if len(found) > 1:
        raise Refused("not_staff", f"没有审核，有{len(found)}位{found[0].name}，请写工号", status=422)
    return found[0].name, found[0].id


@dataclass(frozen=True, slots=True)
class Withdraw:
    entry: str
    by: str
    actor: str


def withdraw(session: Session, hall: Hall, now: Now, command: Withdraw) -> str:
    """Off all screens, for good. Raises Refused (404, 409)."""
    _standing(session.connection, command.entry)
    session.connection.exec_driver_sql(
        "UPDATE bulletin SET withdrawn_at=?, withdrawn_by=? WHERE id=?", (now.at, command.by, command.entry)
    )
    _tell(session, hall, now, "withdrawn", command.entry, command.actor)
    return command.entry


@dataclass(frozen=True, slots=True)
class Move:
    entry: str
    earlier: bool
    actor: str


def move(session: Session, hall: Hall, now: Now, command: Move) -> str:
    """One place earlier or later in the playlist; nothing happens at its end. Raises Refused (404, 409)."""
    _, position = _standing(session.connection, command.entry)
    side = "position < ? ORDER BY position DESC" if command.earlier else "position > ? ORDER BY position"
    neighbour = session.connection.exec_driver_sql(
        f"SELECT id, position FROM bulletin WHERE withdrawn_at IS NULL AND {side} LIMIT 1",  # noqa: S608  our own words
        (position,),
    ).first()
    if neighbour is None:
        return command.entry
    for entry, place in ((command.entry, neighbour[1]), (neighbour[0], position)):
        session.connection.exec_driver_sql("UPDATE bulletin SET position=? WHERE id=?", (place, entry))
    _tell(session, hall, now, "moved", command.entry, command.actor)
    return command.entry


def kind_of(connection: Statements, entry: str) -> Kind:
    """Raises Refused as a change of it would."""
    return _standing(connection, entry)[0]


def _standing(connection: Statements, entry: str) -> tuple[Kind, int]:
    """Its kind and position. Raises Refused (404), and (409) when it was withdrawn."""
    row = connection.exec_driver_sql("SELECT kind, position, withdrawn_by FROM bulletin WHERE id=?", (entry,)).first()
    if row is None:
        raise Refused("no_such_entry", "没有这条内容", status=404)
    if row[2] is not None:
        raise Refused("withdrawn", f"{row[2]}已经撤下，请另外录入")
    return row[0], row[1]


def _newest(connection: Statements, entry: str) -> tuple[Any, ...]:
    """(version, then as `_content`)"""
    return tuple(
        connection.exec_driver_sql(
            "SELECT version, title, body, results, zones, first, last FROM bulletin_version WHERE bulletin=?"
            " ORDER BY version DESC LIMIT 1",
            (entry,),
        ).one()
    )


def _tell(session: Session, hall: Hall, now: Now, what: str, entry: str, actor: str, **more: Any) -> None:
    append(session, hall, now, f"bulletin.{what}", entry, actor, entry=entry, **more)
