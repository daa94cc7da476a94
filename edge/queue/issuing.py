"""The use cases that give a number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, PriorityReason, Service
from edge.journal import append
from edge.queue import balance, persons, prints, rows, steps, tickets
from edge.queue.desk import call_if_armed
from edge.refusal import Refused
from edge.windows import noon


@dataclass(frozen=True, slots=True)
class Issue:
    service: str
    channel: str
    kiosk: str | None
    actor: str
    claims: tuple[balance.Claim, ...] = ()
    """Why this visitor may be served before others; the strongest counts."""
    beyond_quota: bool = False
    """Who has booked and comes late is ordinary, but was promised a number."""


def issue(session: Session, hall: Hall, now: Now, command: Issue) -> str:
    """Gives the next number of the service and wants it printed where the kiosk has a printer. Returns the ticket's id.

    An arrival that finds an armed window is called to it in the same transaction.
    """
    service = hall.service.get(command.service)
    if service is None:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", status=404)
    if command.kiosk is not None and command.kiosk not in hall.kiosk:
        raise Refused("no_such_kiosk", "没有这台取号机", f"kiosk {command.kiosk!r}", status=404)
    booked = any(each.source == "appointment" for each in command.claims)
    noon.check_taking(session.connection, hall, now, service, booked=booked)
    count(session, now, service, booked=booked or command.beyond_quota)
    ticket = insert(session, hall, now, command, service)
    printer = hall.kiosk[command.kiosk].printer if command.kiosk else None
    if printer is not None:
        prints.want_print(session, now, ticket.id, printer, copy=False)
    call_if_armed(session, hall, now, ticket, command.actor)
    return ticket.id


NOW = "max(:at, (SELECT max(at) FROM journal))"
"""The journal's newest time holds where the clock has stepped back: who comes later stays behind."""


INSERT_SQL = f"""
INSERT INTO ticket (id, day, prefix, ordinal, number, service, visit, kiosk, channel, state, window, position, taken_at,
  called_at, since, rank, priority, priority_source)
VALUES (:id, :day, :prefix, :ordinal, :number, :service, :visit, :kiosk, :channel, :state, :window, :position, :at,
  :called_at, :at, {NOW} - :lead, :priority, :priority_source)
"""  # noqa: S608  our own words


def insert(
    session: Session, hall: Hall, now: Now, command: Issue, service: Service, window: int | None = None
) -> rows.Ticket:
    """The ticket of a visitor who waits, or of one whom this `window` serves without a number of theirs."""
    prefix = service.prefix if window is None else hall.queue.walk_in_prefix
    ordinal = _next_ordinal(session, now, prefix, 1 if window else service.start)
    id_, number = session.new_id(), tickets.number(prefix, ordinal, 3 if window else service.width)
    line, visit, _ = steps.first(service)
    claim = balance.strongest(hall.priority, command.claims)
    told = _told(claim) if claim else {}
    data: dict[str, Any] = {"ticket": id_, "number": number, "service": line} | told
    data |= {} if visit is None else {"visit": visit}
    data |= {} if window is None else {"window": window, "zone": hall.window[window].zone, "walk_in": True}
    event = append(session, hall, now, "ticket.issued", id_, command.actor, **data)
    session.connection.exec_driver_sql(
        INSERT_SQL,
        {
            "id": id_,
            "day": now.day,
            "prefix": prefix,
            "ordinal": ordinal,
            "number": number,
            "service": line,
            "visit": visit,
            "kiosk": command.kiosk,
            "channel": command.channel,
            "state": "waiting" if window is None else "called",
            "window": window,
            "position": event.seq,
            "at": now.at,
            "called_at": None if window is None else now.at,
            "lead": balance.lead_ms(hall.priority, claim) if claim else 0,
            "priority": None,
            "priority_source": None,
        }
        | told,
    )
    state: tickets.State = "waiting" if window is None else "called"
    return rows.Ticket(id_, number, line, state, event.seq, window, now.at, command.kiosk, now.day, now.at, visit=visit)


SERIES_SQL = """
INSERT INTO series (day, prefix, last) VALUES (?, ?, ?)
ON CONFLICT (day, prefix) DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last
"""


def _next_ordinal(session: Session, now: Now, series: str, start: int) -> int:
    ordinal: int = session.connection.exec_driver_sql(SERIES_SQL, (now.day, series, start)).scalar_one()
    return ordinal


def count(session: Session, now: Now, service: Service, *, booked: bool) -> None:
    """Counts this number towards the service's quota, in a series of its own. Raises Refused (409) beyond it."""
    if service.daily_quota is None:
        return
    given = _next_ordinal(session, now, service.id, 1)
    if given > service.daily_quota and not booked:
        raise Refused("quota_full", quota_words(service), f"{service.daily_quota} a day")


def quota_words(service: Service) -> str:
    return f"今天{service.name}的号已取完（每天{service.daily_quota}个），请预约或改日再来"


def _told(claim: balance.Claim) -> dict[str, str]:
    return {"priority": claim.reason, "priority_source": claim.source}


# ---- to a person who is known


class Issued(NamedTuple):
    ticket: str
    existing: bool
    """True: nothing was issued, the person had it already."""


@dataclass(frozen=True, slots=True)
class IssueTo:
    issue: Issue
    person: persons.Person | None
    """None: nobody knows who it is."""


def issue_to(session: Session, hall: Hall, now: Now, command: IssueTo) -> Issued:
    """As `issue`, but one active ticket per person and service: who has one gets that one, with what helps it most."""
    person = command.person
    if person is None:
        return Issued(issue(session, hall, now, command.issue), False)
    wanted = replace(command.issue, claims=(*persons.claims(hall.priority, person), *command.issue.claims))
    there = persons.active_ticket(session, now, person.mark, wanted.service)
    if there is not None:
        raise_by(session, hall, now, there, wanted)
        return Issued(there, True)
    ticket = issue(session, hall, now, wanted)
    persons.remember(session, ticket, person.mark)
    return Issued(ticket, False)


def raise_by(session: Session, hall: Hall, now: Now, ticket: str, wanted: Issue) -> bool:
    """A ticket that still waits gets the place of its new claim, if that is a better one: whether it is."""
    claim = balance.strongest(hall.priority, wanted.claims)
    if claim is None:
        return False
    found, told = rows.ticket_by_id(session, ticket), _told(claim)
    # Age is of the person and counts as if it had been known at the issue; a booking counts from its own time.
    rank = f"{NOW if claim.source == 'appointment' else 'max(rank, taken_at)'} - :lead"
    raised = session.connection.exec_driver_sql(
        f"UPDATE ticket SET rank={rank}, priority=:priority, priority_source=:priority_source"  # noqa: S608  our own words
        f" WHERE id=:id AND state IN ('waiting','missed') AND rank > {rank}",
        {"id": ticket, "at": now.at, "lead": balance.lead_ms(hall.priority, claim)} | told,
    ).rowcount
    if raised:
        data = {"ticket": ticket, "number": found.number, "service": found.service} | told
        append(session, hall, now, "ticket.raised", ticket, wanted.actor, **data)
    return bool(raised)


def declared(hall: Hall, reason: PriorityReason, *, at_desk: bool) -> balance.Claim:
    """What a visitor says of themselves. Raises Refused (409) where the hall does not take their word for it."""
    if reason not in hall.priority.offered:
        raise Refused("not_offered", "本大厅没有这项优先，请到导办台", f"{reason} is none of {hall.priority.offered}")
    if hall.priority.declare == "help_desk_only" and not at_desk:
        raise Refused("declare_at_desk", "请到导办台出示证件，由工作人员为您优先取号", f"{reason} by a kiosk")
    return balance.Claim(reason, "declared")
