"""Who comes otherwise than by taking a number and waiting: walk-ins, those who are urgent, those with a notice."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.queue import balance, issuing, moves, places, rows, tickets
from edge.queue.desk import check_served, free_window
from edge.refusal import Refused
from edge.windows import desk as windows

# ---- without a number


@dataclass(frozen=True, slots=True)
class WalkIn:
    window: int
    service: str
    actor: str


def walk_in(session: Session, hall: Hall, now: Now, command: WalkIn) -> str:
    """Serves a visitor who took no number, at once: a ticket of a series of its own that never waits, and no slip.

    Returns its id. Raises Refused: 404 for an unknown service, 409 as a call does.
    """
    free_window(session, hall, command.window)
    service = hall.service.get(command.service)
    if service is None:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", status=404)
    if service.line not in hall.window[command.window].skills:
        raise Refused("wrong_window", f"{command.window}号窗口不办理{service.name}，请服务对象取号")
    windows.disarm(session, command.window)
    wanted = issuing.Issue(service.id, "window", None, command.actor)
    ticket = issuing.insert(session, hall, now, wanted, service, command.window)
    moves.make(session, hall, now, "start", ticket, command.actor, command.window)
    return ticket.id


# ---- 加急


@dataclass(frozen=True, slots=True)
class Urge:
    ticket: str
    reason: str
    """For the journal: every jump of a queue is on record."""
    actor: str


def urge(session: Session, hall: Hall, now: Now, command: Urge) -> str:
    """A supervisor lets a waiting visitor be served before others (先急后缓). Returns the ticket's id.

    Raises Refused (409) when it does not wait, or has been urged.
    """
    ticket = rows.ticket_by_id(session, command.ticket)
    sql = "SELECT priority FROM ticket WHERE id=?"
    before = session.connection.exec_driver_sql(sql, (ticket.id,)).scalar_one()
    if before == "urgent":
        raise Refused("urged_already", f"{ticket.number}号已经加急")
    told = {"priority": "urgent", "priority_source": "declared", "reason": command.reason}
    moves.make(session, hall, now, "urge", ticket, command.actor, None, **told)
    places.put_urgent(session, hall, ticket.id, ticket.service)
    # Who is first by law keeps that word.
    if before not in hall.priority.strict:
        session.connection.exec_driver_sql(
            "UPDATE ticket SET priority='urgent', priority_source='declared' WHERE id=?", (ticket.id,)
        )
    return ticket.id


# ---- back with a notice


@dataclass(frozen=True, slots=True)
class ByNotice:
    code: str
    issue: issuing.Issue
    """Its service is the notice's, whatever it says."""


NOTICE_SQL = """
SELECT n.service, n.used_by, t.number, t.state, t.day FROM notice n LEFT JOIN ticket t ON t.id = n.used_by
WHERE n.code=?
"""


def issue_by_notice(session: Session, hall: Hall, now: Now, command: ByNotice) -> issuing.Issued:
    """A number for whoever comes back with what was missing; the second time the same one, while it has not ended.

    Raises Refused: 404 for an unknown code, 409 when the visit that it was used for has been served, or
    the service has closed for today.
    """
    code = "".join(command.code.split()).upper()
    found = session.connection.exec_driver_sql(NOTICE_SQL, (code,)).first()
    if found is None:
        raise Refused("no_such_notice", "没有这张通知书，请核对编号，或直接取号", status=404)
    service, used_by, number, state, day = found
    if state == "finished":
        raise Refused("notice_used", f"这张通知书已用于{number}号，已经办结，请重新取号", f"ticket {used_by}")
    if used_by is not None and state not in tickets.ENDED and day == now.day:
        return issuing.Issued(used_by, True)
    if service in hall.service:
        check_served(session, hall, now, service)
    claim = balance.Claim("appointment", "appointment")
    claims = (*command.issue.claims, claim) if hall.queue.notice_return == "appointment" else command.issue.claims
    ticket = issuing.issue(session, hall, now, replace(command.issue, service=service, claims=claims))
    session.connection.exec_driver_sql("UPDATE notice SET used_by=? WHERE code=?", (ticket, code))
    return issuing.Issued(ticket, False)
