"""The watch over the windows: each look compares what is amiss with what was, tells what lasts once, and ends it once.

What nobody watched is not known: a look that comes late ends what stood at the last one and begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from edge.attendance.duty import KEYS, Entry
from edge.attendance.posts import Alarm, AtWindow, Clerk, Scene, alarms
from edge.attendance.results import Known, known
from edge.attendance.roster import Person
from edge.attendance.rulebook import Rulebook
from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.statements import Statements

UNSEEN_MS = 180_000
"""After so long without a look, three of them missed, it is not known whether something lasted meanwhile."""


@dataclass(frozen=True, slots=True)
class Look:
    rules: Rulebook
    terminals: Mapping[str, bool]
    """Every attendance terminal of the hall, and whether it records now."""


def watch(session: Session, hall: Hall, now: Now, command: Look) -> None:
    """One look. The same look again changes nothing."""
    as_of = local(now.at, command.rules.zone)
    standing = {each.key: each for each in _open(session.connection)}
    kept = {key: each for key, each in standing.items() if now.at - each.seen_at <= UNSEEN_MS}
    found = _amiss(session.connection, hall, command, as_of, kept)
    for key, row in standing.items():
        if key not in kept or key not in found:
            _end(session, hall, now, row)
    for key, alarm in found.items():
        _keep(session, hall, now, alarm, kept.get(key), as_of)


# ---- what is known


def _amiss(
    connection: Statements, hall: Hall, command: Look, as_of: datetime, kept: Mapping[str, _Row]
) -> dict[str, Alarm]:
    rules, today = command.rules, as_of.date()
    stored = known(connection, rules, today, today)
    scene = Scene(
        _windows(connection, hall, today.isoformat()), _clerks(stored, command.terminals, today), _noon_roster(stored)
    )
    seen = {key: local(each.since, rules.zone) for key, each in kept.items()}
    found = alarms(rules.profile, stored.overrides, rules.zone, scene, as_of, seen)
    return {each.key: each for each in found}


WINDOW_SQL = """
SELECT w.no, w.staff, CASE WHEN w.state='paused' AND (w.closed_on IS NULL OR w.closed_on=?) THEN w.sign END,
  t.id IS NOT NULL, w.deputy
FROM window w LEFT JOIN ticket t ON t.window = w.no AND t.state IN ('called', 'serving')
"""


def _windows(connection: Statements, hall: Hall, day: str) -> list[AtWindow]:
    """A sign that closed its window for an earlier day announces nothing of today."""
    rows = connection.exec_driver_sql(WINDOW_SQL, (day,))
    return [AtWindow(no, staff, sign, bool(busy), by) for no, staff, sign, busy, by in rows if no in hall.window]


def _clerks(stored: Known, terminals: Mapping[str, bool], today: date) -> list[Clerk]:
    return [
        Clerk(
            each.id,
            each.name,
            {post.window: post.part for post in each.posts},
            _terminal(each, terminals),
            tuple(stored.punches.get((each.id, today.isoformat()), ())),
            tuple(stored.covers.get(each.id, ())),
        )
        for each in stored.people
        if each.here(today)
    ]


def _noon_roster(stored: Known) -> list[Entry]:
    return [
        Entry(each.ref, person, "noon", each.span)
        for person, covers in stored.covers.items()
        for each in covers
        if each.clause.key == KEYS["noon"]
    ]


def _terminal(person: Person, terminals: Mapping[str, bool]) -> Literal["up", "down", "none"]:
    """Of those the person punches on. Who signs on paper is not missed there."""
    on_paper = person.fallback == "manual" and person.consent.face is None and person.consent.fingerprint is None
    own = [up for device, up in terminals.items() if not person.terminals or device in person.terminals]
    if on_paper or not own:
        return "none"
    return "up" if any(own) else "down"


# ---- what is written


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    key: str
    kind: str
    window: int | None
    since: int
    seen_at: int
    raised_at: int | None


def _open(connection: Statements) -> list[_Row]:
    rows = connection.exec_driver_sql(
        "SELECT id, key, kind, window, since, seen_at, raised_at FROM attendance_alarm WHERE ended_at IS NULL"
    )
    return [_Row(*row) for row in rows]


def _keep(session: Session, hall: Hall, now: Now, alarm: Alarm, row: _Row | None, as_of: datetime) -> None:
    id_ = row.id if row else session.new_id()
    body = _body(alarm)
    if row is None:
        person = alarm.persons[0] if len(alarm.persons) == 1 else None
        session.connection.exec_driver_sql(
            "INSERT INTO attendance_alarm (id, key, kind, window, person, since, seen_at, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, alarm.key, alarm.kind, alarm.window, person, now.at, now.at, body),
        )
    else:
        session.connection.exec_driver_sql(
            "UPDATE attendance_alarm SET window=?, seen_at=?, body=? WHERE id=?", (alarm.window, now.at, body, id_)
        )
    if alarm.due(as_of) and (row is None or row.raised_at is None):
        _raise(session, hall, now, alarm, id_, row.since if row else now.at)


def _raise(session: Session, hall: Hall, now: Now, alarm: Alarm, id_: str, since: int) -> None:
    session.connection.exec_driver_sql("UPDATE attendance_alarm SET raised_at=? WHERE id=?", (now.at, id_))
    rule = {"rule": alarm.clause.key, "source": alarm.clause.source}
    who = {"staff": list(alarm.persons), "role": alarm.role}
    data = {"alarm": id_, "kind": alarm.kind, "window": alarm.window, "since": since, **who, **rule}
    append(session, hall, now, "attendance.alarm", _about(alarm.window), "hall", **data)


def _end(session: Session, hall: Hall, now: Now, row: _Row) -> None:
    """Nothing is kept of what nobody was told."""
    if row.raised_at is None:
        session.connection.exec_driver_sql("DELETE FROM attendance_alarm WHERE id=?", (row.id,))
        return
    session.connection.exec_driver_sql("UPDATE attendance_alarm SET ended_at=? WHERE id=?", (now.at, row.id))
    data = {"alarm": row.id, "kind": row.kind, "window": row.window, "since": row.since, "until": row.seen_at}
    append(session, hall, now, "attendance.alarm_over", _about(row.window), "hall", **data)


def _about(window: int | None) -> str:
    return "hall" if window is None else f"window:{window}"


def _body(alarm: Alarm) -> str:
    told = {
        "what": alarm.what,
        "todo": alarm.todo,
        "persons": alarm.persons,
        "role": alarm.role,
        "clause": {"key": alarm.clause.key, "source": alarm.clause.source},
    }
    return json.dumps(told, ensure_ascii=False)
