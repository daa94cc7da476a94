"""The use case that gives a number."""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Service
from edge.journal import append
from edge.queue import prints, rows, tickets
from edge.queue.desk import call_if_armed
from edge.refusal import Refused


@dataclass(frozen=True, slots=True)
class Issue:
    service: str
    channel: str
    kiosk: str | None
    actor: str


def issue(session: Session, hall: Hall, now: Now, command: Issue) -> str:
    """Gives the next number of the service and wants it printed where the kiosk has a printer. Returns the ticket's id.

    An arrival that finds an armed window is called to it in the same transaction.
    """
    service = hall.service.get(command.service)
    if service is None:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", status=404)
    if command.kiosk is not None and command.kiosk not in hall.kiosk:
        raise Refused("no_such_kiosk", "没有这台取号机", f"kiosk {command.kiosk!r}", status=404)
    ticket = _insert(session, hall, now, command, service)
    printer = hall.kiosk[command.kiosk].printer if command.kiosk else None
    if printer is not None:
        prints.want_print(session, now, ticket.id, printer, copy=False)
    call_if_armed(session, hall, now, ticket, command.actor)
    return ticket.id


def _insert(session: Session, hall: Hall, now: Now, command: Issue, service: Service) -> rows.Ticket:
    ordinal = session.connection.exec_driver_sql(
        "INSERT INTO series (day, prefix, last) VALUES (?, ?, 1)"
        " ON CONFLICT (day, prefix) DO UPDATE SET last = last + 1 RETURNING last",
        (now.day, service.prefix),
    ).scalar_one()
    id_, number = session.new_id(), tickets.number(service.prefix, ordinal)
    event = append(
        session, hall, now, "ticket.issued", id_, command.actor, ticket=id_, number=number, service=service.id
    )
    session.connection.exec_driver_sql(
        "INSERT INTO ticket (id, day, prefix, ordinal, number, service, kiosk, channel, state, position, taken_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
        (
            id_,
            now.day,
            service.prefix,
            ordinal,
            number,
            service.id,
            command.kiosk,
            command.channel,
            event.seq,
            now.at,
        ),
    )
    return rows.Ticket(id_, number, service.id, "waiting", event.seq, None, now.at, command.kiosk, now.day)
