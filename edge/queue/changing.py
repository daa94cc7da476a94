"""What the help desk does to a number that was given: another service, an earlier place, help (QUE-25/26)."""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, PriorityReason
from edge.journal import append
from edge.queue import issuing, moves, persons, rows, sending, steps, tickets
from edge.queue.desk import call_if_armed, check_served
from edge.refusal import Refused

# ---- 改办


@dataclass(frozen=True, slots=True)
class Change:
    ticket: str
    service: str
    actor: str


FORGET_PROMISE_SQL = """
UPDATE ticket SET expected=NULL, by_mean=NULL, told_low=NULL, told_minutes=NULL, told_high=NULL WHERE id=?
"""
"""What was told at the issue was of the other line."""


def change(session: Session, hall: Hall, now: Now, command: Change) -> str:
    """Who waits goes over to another service on the same number. Returns the ticket's id.

    The place in the new line is that of the number, with the lead that it has: behind whoever came earlier, before
    whoever came later. Raises Refused: 404 for an unknown service, 409 when the ticket does not wait, is for that
    service already, the person has another number for it, or its quota is full.
    """
    ticket, service = rows.ticket_by_id(session, command.ticket), hall.service.get(command.service)
    if service is None:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", status=404)
    if service.id == (ticket.visit or ticket.service):
        raise Refused("same_service", f"{ticket.number}号本来就办{service.name}")
    line, visit, step = steps.first(service)
    check_served(session, hall, now, service.id)
    told = {"service": line, "from_service": ticket.service} | ({"visit": visit} if visit else {})
    moves.make(session, hall, now, "change", ticket, command.actor, None, **told)
    persons.hold_one(session, now, ticket.id, service.id)
    issuing.count(session, now, service, booked=False)
    sending.send(session, ticket.id, sending.Target(None, None, None))
    steps.put(session, ticket.id, line, visit, step)
    session.connection.exec_driver_sql(FORGET_PROMISE_SQL, (ticket.id,))
    call_if_armed(session, hall, now, rows.ticket_by_id(session, ticket.id), command.actor)
    return ticket.id


# ---- 优先


@dataclass(frozen=True, slots=True)
class Declare:
    ticket: str
    reason: PriorityReason
    actor: str


def declare(session: Session, hall: Hall, now: Now, command: Declare) -> str:
    """The desk has seen why this visitor is served before others. Returns the ticket's id.

    Raises Refused (409) when it does not wait, the hall has no such priority, or the place gets no better by it.
    """
    ticket = rows.ticket_by_id(session, command.ticket)
    claim = issuing.declared(hall, command.reason, at_desk=True)
    if ticket.state not in ("waiting", "missed"):
        raise Refused("illegal_move", f"{ticket.number}号{tickets.STATE_WORDS[ticket.state]}，不能再办优先")
    wanted = issuing.Issue(ticket.service, "desk", None, command.actor, (claim,))
    if not issuing.raise_by(session, hall, now, ticket.id, wanted):
        raise Refused("no_better_place", f"没有改动，{ticket.number}号现在的位置不比这样靠后", command.reason)
    return ticket.id


# ---- 帮办代办


@dataclass(frozen=True, slots=True)
class Assist:
    ticket: str
    helper: str | None
    """工号; None while nobody is named."""
    actor: str


def assist(session: Session, hall: Hall, now: Now, command: Assist) -> str:
    """The visitor is helped, or somebody acts for them, and who that is. Returns the ticket's id.

    The helper is a number of the hall's staff; of the visitor nothing is kept, and the event is none of those that
    everyone in the hall may follow. Raises Refused (409) when it is over.
    """
    ticket = rows.ticket_by_id(session, command.ticket)
    if ticket.state in tickets.ENDED:
        raise Refused("ticket_over", f"{ticket.number}号{tickets.STATE_WORDS[ticket.state]}，不用再登记帮办代办")
    changed = session.connection.exec_driver_sql(
        "UPDATE ticket SET assisted=1, helper=? WHERE id=? AND (assisted, helper) IS NOT (1, ?)",
        (command.helper, ticket.id, command.helper),
    ).rowcount
    if changed:
        told = {"ticket": ticket.id, "number": ticket.number, "service": ticket.service}
        told |= {"staff": command.helper} if command.helper else {}
        append(session, hall, now, "assistance.recorded", ticket.id, command.actor, **told)
    return ticket.id
