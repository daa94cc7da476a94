"""What hurts a person is a proposal: published with its evidence, open to objection, then locked.

A publication keeps the days and the rules as they were. A correction is one more version of a person's result, with
who and why; the versions before it stay. Nothing is locked while an objection waits for its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, TypeAdapter

from edge.attendance.months import Every, is_locked, locks_at, may_object, period
from edge.attendance.profile import Profile
from edge.attendance.results import day_results, known
from edge.attendance.roster import Person
from edge.attendance.rulebook import Rulebook
from edge.attendance.rules import DayResult
from edge.calendar import Overrides
from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements


class Snapshot(BaseModel):
    """One person's days as they were published."""

    model_config = ConfigDict(frozen=True)

    person: Person
    days: tuple[DayResult, ...]


SNAPSHOT = TypeAdapter(Snapshot)
COLUMNS = "id, every, first, last, published_at, published_by, locked_at, rules"


@dataclass(frozen=True, slots=True)
class Publication:
    id: str
    every: Every
    first: date
    last: date
    published_at: int
    published_by: str
    locked_at: int | None
    profile: Profile
    """The rules by which it was made."""

    def lock_time(self, rules: Rulebook, overrides: Overrides) -> datetime | None:
        """Until then a person may object; None while the days that count are not known."""
        return locks_at(self.profile, overrides, local(self.published_at, rules.zone), rules.zone)


@dataclass(frozen=True, slots=True)
class Publish:
    rules: Rulebook
    every: Every
    first: date
    by: str


def publish(session: Session, hall: Hall, now: Now, command: Publish) -> str:
    """Publishes a period that is over; its id. Raises Refused when it is not, or has been published."""
    first, last = period(command.every, command.first)
    if now.day <= last.isoformat():
        raise Refused("not_over", f"{last.isoformat()} 之后才能公示这一期", f"today is {now.day}")
    found = session.connection.exec_driver_sql(
        "SELECT id FROM publication WHERE every=? AND first=?", (command.every, first.isoformat())
    ).first()
    if found is not None:
        raise Refused("published", "这一期已经公示；要更正，请对个人结果作更正", str(found[0]))
    snapshots = _snapshots(session.connection, command.rules, first, last, local(now.at, command.rules.zone))
    if not snapshots:
        raise Refused("nobody", "名册是空的，没有可以公示的人员", status=422)
    id_ = session.new_id()
    session.connection.exec_driver_sql(
        f"INSERT INTO publication ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",  # noqa: S608  a constant
        (
            *(id_, command.every, first.isoformat(), last.isoformat(), now.at, command.by),
            command.rules.profile.model_dump_json(exclude_unset=True),
        ),
    )
    for snapshot in snapshots.values():
        _keep(session, hall, now, id_, snapshot, 1, command.by, "")
    data = {"every": command.every, "first": first.isoformat(), "last": last.isoformat(), "persons": len(snapshots)}
    append(session, hall, now, "attendance.published", f"publication:{id_}", command.by, publication=id_, **data)
    return id_


def _snapshots(
    connection: Statements, rules: Rulebook, first: date, last: date, as_of: datetime, only: str | None = None
) -> dict[str, Snapshot]:
    facts = known(connection, rules, first, last)
    days: dict[str, list[DayResult]] = {}
    for (person, _), result in day_results(rules, facts, first, last, as_of, person=only).items():
        days.setdefault(person, []).append(result)
    persons = {each.id: each for each in facts.people}
    return {id_: Snapshot(person=persons[id_], days=tuple(mine)) for id_, mine in days.items()}


def _keep(
    session: Session, hall: Hall, now: Now, publication: str, snapshot: Snapshot, version: int, by: str, why: str
) -> None:
    body, person = snapshot.model_dump_json(), snapshot.person.id
    session.connection.exec_driver_sql(
        'INSERT INTO attendance_result (publication, person, version, body, "by", why, at)'
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (publication, person, version, body, by, why, now.at),
    )
    digest = hashlib.sha256(body.encode()).hexdigest()
    data = {"publication": publication, "staff": person, "version": version, "sha256": digest, "why": why}
    append(session, hall, now, "attendance.result", f"staff:{person}", by, **data)


# ---- objections and corrections


@dataclass(frozen=True, slots=True)
class Object:
    rules: Rulebook
    publication: str
    person: str
    words: str
    by: str


def object_(session: Session, hall: Hall, now: Now, command: Object) -> str:
    """异议, within the time; its id. Raises Refused (404, 409)."""
    found = publication(session.connection, command.publication)
    _newest(session.connection, found.id, command.person)
    lock = found.lock_time(command.rules, command.rules.overrides(session.connection))
    if found.locked_at is not None or not may_object(lock, local(now.at, command.rules.zone)):
        until = f"{lock:%Y-%m-%d %H:%M}" if lock else ""
        raise Refused("too_late", "已过异议期，逾期视为无异议", f"until {until}")
    id_ = session.new_id()
    session.connection.exec_driver_sql(
        'INSERT INTO objection (id, publication, person, words, "by", at) VALUES (?, ?, ?, ?, ?, ?)',
        (id_, found.id, command.person, command.words, command.by, now.at),
    )
    data = {"publication": found.id, "staff": command.person, "objection": id_}
    append(session, hall, now, "attendance.objected", f"staff:{command.person}", command.by, **data)
    return id_


@dataclass(frozen=True, slots=True)
class AnswerObjection:
    objection: str
    answer: str
    upheld: bool
    by: str


def answer(session: Session, hall: Hall, now: Now, command: AnswerObjection) -> None:
    """Answers once, with who and why. An upheld one still needs the correction it asks for. Raises Refused."""
    row = session.connection.exec_driver_sql(
        "SELECT person, publication, answered_at FROM objection WHERE id=?", (command.objection,)
    ).first()
    if row is None:
        raise Refused("no_such_objection", "没有这条异议", command.objection, 404)
    if row[2] is not None:
        raise Refused("answered", "这条异议已经答复")
    session.connection.exec_driver_sql(
        "UPDATE objection SET answer=?, upheld=?, answered_by=?, answered_at=? WHERE id=?",
        (command.answer, int(command.upheld), command.by, now.at, command.objection),
    )
    data = {"publication": row[1], "staff": row[0], "objection": command.objection, "upheld": command.upheld}
    append(session, hall, now, "attendance.objection_answered", f"staff:{row[0]}", command.by, **data)


@dataclass(frozen=True, slots=True)
class Correct:
    rules: Rulebook
    publication: str
    person: str
    by: str
    why: str


def correct(session: Session, hall: Hall, now: Now, command: Correct) -> int:
    """One person's days as what is known now makes them, as a new version; its number.

    By the rules of the publication, not today's. It is the same after the lock. Raises Refused (404, 409).
    """
    found = publication(session.connection, command.publication)
    version, before = _newest(session.connection, found.id, command.person)
    rules = Rulebook(found.profile, command.rules.filed, command.rules.zone)
    as_of = local(now.at, rules.zone)
    made = _snapshots(session.connection, rules, found.first, found.last, as_of, command.person).get(command.person)
    if made is None or made.days == before.days:
        raise Refused("nothing_to_correct", "按现有记录重算，结果没有变化；请先登记补卡、请假或“不予认定”")
    _keep(session, hall, now, found.id, made, version + 1, command.by, command.why)
    return version + 1


def _newest(connection: Statements, publication_: str, person: str) -> tuple[int, Snapshot]:
    row = connection.exec_driver_sql(
        "SELECT version, body FROM attendance_result WHERE publication=? AND person=? ORDER BY version DESC LIMIT 1",
        (publication_, person),
    ).first()
    if row is None:
        raise Refused("no_such_result", "这一期里没有这个人", person, 404)
    return row[0], SNAPSHOT.validate_json(row[1])


# ---- the lock


def lock(session: Session, hall: Hall, now: Now, rules: Rulebook) -> int:
    """Locks what nobody objects to any more; how many. Final: there is no way back."""
    overrides, locked = rules.overrides(session.connection), 0
    for each in publications(session.connection, open_only=True):
        (waiting,) = session.connection.exec_driver_sql(
            "SELECT count(*) FROM objection WHERE publication=? AND answered_at IS NULL", (each.id,)
        ).one()
        when = each.lock_time(rules, overrides)
        if when is not None and is_locked(when, local(now.at, rules.zone), waiting):
            session.connection.exec_driver_sql(
                "UPDATE publication SET locked_at=? WHERE id=? AND locked_at IS NULL", (now.at, each.id)
            )
            append(session, hall, now, "attendance.locked", f"publication:{each.id}", "clock", publication=each.id)
            locked += 1
    return locked


# ---- reading


def publication(connection: Statements, id_: str) -> Publication:
    """Raises Refused (404)."""
    row = connection.exec_driver_sql(f"SELECT {COLUMNS} FROM publication WHERE id=?", (id_,)).first()  # noqa: S608
    if row is None:
        raise Refused("no_such_publication", "没有这一期公示", id_, 404)
    return _read(row)


def publications(connection: Statements, *, open_only: bool = False) -> list[Publication]:
    """The newest first."""
    where = "WHERE locked_at IS NULL" if open_only else ""
    rows = connection.exec_driver_sql(f"SELECT {COLUMNS} FROM publication {where} ORDER BY first DESC, every")  # noqa: S608
    return [_read(row) for row in rows]


def _read(row: tuple[str, Every, str, str, int, str, int | None, str]) -> Publication:
    id_, every, first, last, at, by, locked, rules = row
    profile = Profile.model_validate_json(rules)
    return Publication(id_, every, date.fromisoformat(first), date.fromisoformat(last), at, by, locked, profile)


def snapshots(connection: Statements, id_: str, person: str = "") -> Mapping[str, Snapshot]:
    """工号 -> the newest version; of one person, or of all."""
    rows = connection.exec_driver_sql(
        "SELECT person, body, max(version) FROM attendance_result WHERE publication=? AND ? IN ('', person)"
        " GROUP BY person ORDER BY person",
        (id_, person),
    )
    return {each: SNAPSHOT.validate_json(body) for each, body, _ in rows}
