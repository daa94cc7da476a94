"""Whose a ticket is: a keyed mark of the card's number, no number and no name, forgotten when nothing needs it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Priority
from edge.queue import balance
from edge.refusal import Refused


@dataclass(frozen=True, slots=True)
class Person:
    mark: str
    """`vault.mark("id", number)`"""
    age: int | None = None
    """Years on this business day; None when no card says so."""


def claims(rules: Priority, person: Person) -> list[balance.Claim]:
    """What the card itself says."""
    if person.age is None or person.age < rules.senior_age:
        return []
    return [balance.Claim("senior", "card")]


ACTIVE_SQL = """
SELECT t.id, t.number FROM person_ticket p CROSS JOIN ticket t ON t.id = p.ticket  -- in this order
WHERE p.mark=? AND coalesce(t.visit, t.service)=? AND t.day=? AND t.state NOT IN ('finished', 'cancelled')
"""


def active_ticket(session: Session, now: Now, mark: str, service: str) -> str | None:
    """Today's ticket of this person for this service that has not ended: there is never a second one."""
    row = session.connection.exec_driver_sql(ACTIVE_SQL, (mark, service, now.day)).first()
    return row[0] if row else None


def hold_one(session: Session, now: Now, ticket: str, service: str) -> None:
    """Raises Refused (409) when whoever has this ticket has another active one for that service."""
    owner = session.connection.exec_driver_sql("SELECT mark FROM person_ticket WHERE ticket=?", (ticket,)).first()
    if owner is None:
        return
    for id_, number in session.connection.exec_driver_sql(ACTIVE_SQL, (owner[0], service, now.day)):
        if id_ != ticket:
            english = f"There is number {number} for this service already"
            raise Refused("has_another", f"这位服务对象已有这项业务的{number}号", f"ticket {id_}", title_en=english)


def remember(session: Session, ticket: str, mark: str) -> None:
    session.connection.exec_driver_sql("INSERT INTO person_ticket (ticket, mark) VALUES (?, ?)", (ticket, mark))


# ---- forgetting

KNOWN = "(mark IS NOT NULL OR phone_mark IS NOT NULL)"
OVER = (
    "UPDATE person_ticket SET until=? WHERE until IS NULL AND EXISTS (SELECT 1 FROM ticket t"
    " WHERE t.id = person_ticket.ticket AND t.day < ? AND t.state IN ('finished','cancelled'))",
    f"UPDATE appointment SET until=? WHERE until IS NULL AND day < ? AND state <> 'booked' AND {KNOWN}",  # noqa: S608  our own words
)
"""The day is over and the visit has ended: whatever refers to the person stands in the journal by now."""
FORGET = (
    "DELETE FROM person_ticket WHERE until <= ?",
    f"UPDATE appointment SET mark=NULL, phone_mark=NULL WHERE until <= ? AND {KNOWN}",  # noqa: S608  our own words
)
KEPT = (
    "SELECT count(*) FROM person_ticket p CROSS JOIN ticket t ON t.id = p.ticket WHERE t.day < ?",
    f"SELECT count(*) FROM appointment WHERE day < ? AND {KNOWN}",  # noqa: S608  our own words
)


def forget_persons(session: Session, _hall: Hall, now: Now, delivered: int | None) -> int:
    """Forgets whom the tickets and bookings of earlier days belong to, once the centre has the events about them.

    `delivered` is the journal's seq up to which it has them, None where there is no centre. A parked event counts as
    delivered: it may stay so for ever. Returns how many persons of earlier days are still kept.
    """
    sql = session.connection.exec_driver_sql
    last = sql("SELECT coalesce(max(seq), 0) FROM journal").scalar_one()
    for statement in OVER:
        sql(statement, (last, now.day))
    for statement in FORGET:
        sql(statement, (last if delivered is None else delivered,))
    return sum(sql(statement, (now.day,)).scalar_one() for statement in KEPT)
