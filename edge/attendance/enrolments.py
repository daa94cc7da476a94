"""Use cases of enrolment: the roster says who is on which terminal, and transfers follow it until the terminal has it.

Nobody is written without the letter (人员调整函), nobody whom the roster does not know is ever deleted, and a transfer
that is cut off is made again: a terminal takes the same person twice, and forgets one whom it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from edge.attendance.roster import Person
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.statements import Statements

MODES = ("face", "fingerprint", "palm", "card", "password")
UNREACHABLE = "unreachable"
PASSING = ("busy", "timeout", "misunderstood")
"""Reasons that may be over at the next try; after `PATIENCE` tries they are final."""
PATIENCE = 20

# ---- what is wanted


def wish(person: Person | None, device: str, today: date) -> bool | None:
    """Whether somebody should be on a terminal; None: nobody has said so, and nothing there is changed."""
    if person is None or has_left(person, today):
        return False
    if person.terminals and device not in person.terminals:
        return False
    return True if person.here(today) and person.letter.strip() else None


def has_left(person: Person, today: date) -> bool:
    return person.until is not None and person.until < today


@dataclass(frozen=True, slots=True)
class Plan:
    terminals: tuple[str, ...]
    """Those of the hall."""
    person: str | None = None
    """None: everybody."""


class _Row(NamedTuple):
    wanted: bool
    state: str
    revision: int


def plan(session: Session, _hall: Hall, now: Now, command: Plan) -> int:
    """Has the terminals follow the roster as it is today; how many transfers wait that did not.

    What a terminal refused is tried again. Whoever has left is taken off wherever they were to be.
    """
    known = _roster(session.connection, command.person)
    rows = _rows(session.connection, command.person)
    today = date.fromisoformat(now.day)
    people = sorted({*known, *(person for _, person in rows)})
    waiting = 0
    for device, person in ((device, person) for device in command.terminals for person in people):
        one, revision = known.get(person, (None, 0))
        wanted, row = wish(one, device, today), rows.get((device, person))
        if wanted is None and row is not None and row.wanted and row.state == "waiting":
            _hold(session, now, device, person)
        elif _differs(row, wanted, revision):
            _want(session, now, device, person, bool(wanted), revision)
            waiting += 1
    return waiting


def _differs(row: _Row | None, wanted: bool | None, revision: int) -> bool:
    """Whether somebody must be transferred anew. Who was never to be on a terminal needs not be taken off."""
    if row is None or wanted is None:
        return bool(wanted)
    return row.wanted != wanted or row.state == "failed" or (wanted and row.revision != revision)


def _want(session: Session, now: Now, device: str, person: str, wanted: bool, revision: int) -> None:
    session.connection.exec_driver_sql(
        "INSERT INTO enrolment (device, person, wanted, state, revision, changed_at) VALUES (?, ?, ?, 'waiting', ?, ?)"
        " ON CONFLICT (device, person) DO UPDATE SET wanted=excluded.wanted, state='waiting', why=NULL, tries=0,"
        " revision=excluded.revision, changed_at=excluded.changed_at",
        (device, person, int(wanted), revision, now.at),
    )


def _hold(session: Session, now: Now, device: str, person: str) -> None:
    """Somebody who was planned must not be written any more, for want of a letter or of a beginning."""
    session.connection.exec_driver_sql(
        "UPDATE enrolment SET state='failed', why='not_filed', changed_at=? WHERE device=? AND person=?",
        (now.at, device, person),
    )


def _roster(connection: Statements, person: str | None = None) -> dict[str, tuple[Person, int]]:
    """工号 -> who it is, and when that was last changed."""
    rows = connection.exec_driver_sql(
        "SELECT id, body, changed_at FROM person WHERE :person IS NULL OR id=:person", {"person": person}
    )
    return {id_: (Person.model_validate_json(body), changed_at) for id_, body, changed_at in rows}


def _rows(connection: Statements, person: str | None = None) -> dict[tuple[str, str], _Row]:
    rows = connection.exec_driver_sql(
        "SELECT device, person, wanted, state, revision FROM enrolment WHERE :person IS NULL OR person=:person",
        {"person": person},
    )
    return {(device, who): _Row(bool(wanted), state, revision) for device, who, wanted, state, revision in rows}


# ---- transfers


class Transfer(NamedTuple):
    """What one terminal is to be told of one person."""

    device: str
    person: str
    name: str
    wanted: bool
    revision: int


def claim(connection: Statements, device: str) -> Transfer | None:
    """The next that waits for this terminal: removals first, which make room, and what was tried least."""
    row = connection.exec_driver_sql(
        "SELECT e.device, e.person, coalesce(p.name, ''), e.wanted, e.revision FROM enrolment e"
        " LEFT JOIN person p ON p.id = e.person WHERE e.device=? AND e.state='waiting'"
        " ORDER BY e.tries, e.wanted, e.person LIMIT 1",
        (device,),
    ).first()
    return Transfer(row[0], row[1], row[2], bool(row[3]), row[4]) if row else None


STILL = "device=? AND person=? AND wanted=? AND revision=? AND state='waiting'"
"""The roster may have changed while the terminal was being told: then what it was told is not the last word."""


def done(session: Session, hall: Hall, now: Now, command: Transfer) -> bool:
    """The terminal has it; False when something else is wanted by now."""
    unseen = "" if command.wanted else ", seen_at=NULL" + "".join(f", {mode}=0" for mode in MODES)
    updated = session.connection.exec_driver_sql(
        f"UPDATE enrolment SET state=?, why=NULL, tries=tries+1, changed_at=?{unseen} WHERE {STILL}",  # noqa: S608  ours
        ("sent" if command.wanted else "gone", now.at, *_key(command)),
    ).rowcount
    if updated:
        _tell(session, hall, now, "enrolled" if command.wanted else "removed", command)
    return bool(updated)


@dataclass(frozen=True, slots=True)
class Failed:
    transfer: Transfer
    why: str
    """A stable word: a driver's reason, `UNREACHABLE`, or one of `PASSING`."""


def failed(session: Session, hall: Hall, now: Now, command: Failed) -> bool:
    """Whether it waits for another try: it does while the terminal is away. What it refuses waits for the next plan."""
    key = _key(command.transfer)
    row = session.connection.exec_driver_sql(
        f"SELECT tries FROM enrolment WHERE {STILL}",  # noqa: S608  our own words
        key,
    ).first()
    if row is None:
        return False
    waits = command.why == UNREACHABLE or (command.why in PASSING and row[0] + 1 < PATIENCE)
    session.connection.exec_driver_sql(
        f"UPDATE enrolment SET state=?, why=?, tries=tries+1, changed_at=? WHERE {STILL}",  # noqa: S608  our own words
        ("waiting" if waits else "failed", command.why, now.at, *key),
    )
    if not waits:
        _tell(session, hall, now, "enrolment_failed", command.transfer, why=command.why)
    return waits


def _key(transfer: Transfer) -> tuple[str, str, int, int]:
    return transfer.device, transfer.person, int(transfer.wanted), transfer.revision


def _tell(session: Session, hall: Hall, now: Now, what: str, transfer: Transfer, **more: str) -> None:
    data = {"staff": transfer.person, "device": transfer.device} | more
    actor = f"device:{transfer.device}"
    append(session, hall, now, f"attendance.{what}", f"staff:{transfer.person}", actor, **data)


# ---- whom a terminal knows


class Known(NamedTuple):
    person: str
    modes: tuple[str, ...]
    """Of `MODES`; others are passed over."""


@dataclass(frozen=True, slots=True)
class Seen:
    device: str
    people: tuple[Known, ...]


def seen(session: Session, _hall: Hall, now: Now, command: Seen) -> int:
    """Notes whom the terminal knows, and by what; how many transfers wait anew because it holds something else.

    Whoever has left is taken off. Anybody else whom the roster does not send there is listed, and stays there.
    """
    device, there = command.device, {each.person: each.modes for each in command.people}
    rows = {person: row for (place, person), row in _rows(session.connection).items() if place == device}
    for person in there.keys() & rows.keys():
        _note(session, now, device, person, there[person])
    roster, today = _roster(session.connection), date.fromisoformat(now.day)
    unplanned = sorted(there.keys() - rows.keys())
    left = [who for who in unplanned if who in roster and has_left(roster[who][0], today)]
    again = [who for who, row in rows.items() if _contradicted(row, who in there)]
    waiting = 0
    for who in [*left, *again]:
        one, revision = roster.get(who, (None, 0))
        wanted = wish(one, device, today)
        if wanted is not None:
            _want(session, now, device, who, wanted, revision)
            waiting += 1
    session.connection.exec_driver_sql("DELETE FROM terminal_stranger WHERE device=?", (device,))
    for who in unplanned:
        if who not in left:
            session.connection.exec_driver_sql(
                "INSERT INTO terminal_stranger (device, person, seen_at) VALUES (?, ?, ?)", (device, who, now.at)
            )
    return waiting


def _contradicted(row: _Row, there: bool) -> bool:
    """Somebody was taken off, or put back, at the terminal itself; or it was replaced."""
    return (row.state == "sent" and not there) or (row.state == "gone" and there)


def _note(session: Session, now: Now, device: str, person: str, modes: tuple[str, ...]) -> None:
    marks = ", ".join(f"{mode}=?" for mode in MODES)
    session.connection.exec_driver_sql(
        f"UPDATE enrolment SET {marks}, seen_at=? WHERE device=? AND person=?",  # noqa: S608  our own words
        (*(int(mode in modes) for mode in MODES), now.at, device, person),
    )
