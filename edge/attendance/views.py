"""What ops and the central system see of attendance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from edge.attendance.calendar import day_of
from edge.attendance.months import Every, period, period_results
from edge.attendance.publishing import Publication, Snapshot, publications
from edge.attendance.punches import Punch
from edge.attendance.results import Days, each_day
from edge.attendance.roster import Person
from edge.attendance.rulebook import Rulebook
from edge.attendance.rules import Finding
from edge.calendar import Overrides
from edge.clock import local, rfc3339
from edge.statements import Statements

View = dict[str, Any]


def day(persons: list[Person], results: Days, on: date) -> list[View]:
    """Everyone who is expected on this day, in the order of the roster."""
    return [
        {"staff": each.id, "name": each.name, "unit": each.unit}
        | {"findings": [finding(found) for found in results[each.id, on].findings]}
        for each in persons
        if (each.id, on) in results
    ]


def finding(found: Finding) -> View:
    """`minutes` begun, `absent_days` proposed; `for_person`: somebody has to look at it."""
    evidence = found.evidence
    return {
        "kind": found.kind,
        "minutes": found.minutes,
        "absent_days": found.absent_days,
        "for_person": found.for_person,
        "excused": found.excused or None,
        "rule": asdict(evidence.clause),
        "punches": [_punch(each) for each in evidence.punches],
        "refs": list(evidence.refs),
        "note": evidence.note,
    }


def _punch(punch: Punch) -> View:
    return {"at": punch.at.isoformat(), "direction": punch.direction, "source": punch.source}


def published(publication: Publication, rules: Rulebook, overrides: Overrides) -> View:
    """One period: `open` while a person may object, until `lock_at` (null: the days that count are not known)."""
    lock = publication.lock_time(rules, overrides)
    return {
        "id": publication.id,
        "every": publication.every,
        "first": publication.first.isoformat(),
        "last": publication.last.isoformat(),
        "published_at": rfc3339(publication.published_at, rules.zone),
        "published_by": publication.published_by,
        "lock_at": lock.isoformat() if lock else None,
        "locked_at": rfc3339(publication.locked_at, rules.zone),
    }


def results(publication: Publication, snapshots: Mapping[str, Snapshot]) -> list[View]:
    """Each person's period: counts by kind, and the proposals with their rule and days."""
    return [_result(publication, each) for each in snapshots.values()]


def _result(publication: Publication, snapshot: Snapshot) -> View:
    made = period_results(publication.profile, publication.every, snapshot.person.id, snapshot.days)
    proposals = [
        {
            "absent_days": each.absent_days,
            "rule": asdict(each.clause),
            "cases": [{"on": on.isoformat()} | finding(found) for on, found in each.cases],
        }
        for month in made
        for each in month.proposals
    ]
    shown = {"staff": snapshot.person.id, "name": snapshot.person.name, "unit": snapshot.person.unit}
    counts = sum((Counter(each.counts) for each in made), Counter[str]())
    absent = sum(each.absent_days for each in made)
    return shown | {"counts": dict(counts), "absent_days": absent, "proposals": proposals}


def objections(connection: Statements, publication: str, rules: Rulebook) -> list[View]:
    rows = connection.exec_driver_sql(
        'SELECT id, person, words, "by", at, answer, upheld, answered_by, answered_at FROM objection'
        " WHERE publication=? ORDER BY at",
        (publication,),
    )
    return [
        {
            "id": id_,
            "staff": person,
            "words": words,
            "by": by,
            "at": rfc3339(at, rules.zone),
            "answer": answer,
            "upheld": None if upheld is None else bool(upheld),
            "answered_by": answered_by,
            "answered_at": rfc3339(answered_at, rules.zone),
        }
        for id_, person, words, by, at, answer, upheld, answered_by, answered_at in rows
    ]


def versions(connection: Statements, publication: str, rules: Rulebook) -> list[View]:
    """The corrections of a publication: whose, which, who and why."""
    rows = connection.exec_driver_sql(
        'SELECT person, version, "by", why, at FROM attendance_result WHERE publication=? AND version > 1'
        " ORDER BY at, person",
        (publication,),
    )
    return [
        {"staff": person, "version": version, "by": by, "why": why, "at": rfc3339(at, rules.zone)}
        for person, version, by, why, at in rows
    ]


def due(connection: Statements, rules: Rulebook, today: date) -> list[tuple[Every, date, date]]:
    """Periods of this hall's rules that are over and have not been published, the newest of each kind."""
    done = {(each.every, each.first) for each in publications(connection)}
    found: list[tuple[Every, date, date]] = []
    for every in rules.profile.publication.every:
        first, _ = period(every, today)
        before = period(every, first - timedelta(days=1))
        if (every, before[0]) not in done:
            found.append((every, *before))
    return found


def entered(connection: Statements, rules: Rulebook, limit: int = 200) -> list[View]:
    """What was entered last, each row as it was written: corrections and withdrawals too."""
    rows = connection.exec_driver_sql(
        'SELECT seq, ref, kind, person, first, last, body, withdrawn, source, "by", why, at FROM attendance_entry'
        " ORDER BY seq DESC LIMIT ?",
        (limit,),
    )
    names = ("seq", "ref", "kind", "person", "first", "last", "body", "withdrawn", "source", "by", "why", "at")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for each in found:
        each |= {key: local(each[key], rules.zone).isoformat(timespec="minutes") for key in ("first", "last", "at")}
    return found


def calendar(rules: Rulebook, overrides: Overrides, first: date, last: date) -> list[View]:
    days = [day_of(rules.profile, overrides, on) for on in each_day(first, last)]
    return [{"on": each.on.isoformat(), "kind": each.kind, "name": each.name, "source": each.source} for each in days]
