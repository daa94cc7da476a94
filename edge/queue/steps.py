"""A visit of several steps (受理→缴费→发证): one ticket that goes from line to line without queueing again."""

from __future__ import annotations

from edge.database import Session
from edge.hall import Hall, Service
from edge.queue import rows

Where = tuple[str, str | None, int]
"""The line, the service of several steps that it is a step of, and which."""


def first(service: Service) -> Where:
    return (service.line, service.id, 0) if service.steps else (service.id, None, 0)


def of_visit(hall: Hall, ticket: rows.Ticket) -> tuple[str, ...]:
    """Its steps; none where the hall file does not know them any more."""
    return hall.service[ticket.visit].steps if ticket.visit in hall.service else ()


def entered(hall: Hall, ticket: rows.Ticket, service: str | None) -> Where:
    """Where a ticket stands that is sent to a service: at that step of its visit, or in another visit."""
    if service is None:
        return ticket.service, ticket.visit, ticket.step
    steps = of_visit(hall, ticket)
    if service in steps:
        return service, ticket.visit, steps.index(service)
    return first(hall.service[service])


def following(hall: Hall, ticket: rows.Ticket) -> Where | None:
    """The step after the present one; None after the last, and for a visit that has none."""
    steps = of_visit(hall, ticket)
    if ticket.step + 1 >= len(steps):
        return None
    return steps[ticket.step + 1], ticket.visit, ticket.step + 1


def put(session: Session, ticket: str, service: str, visit: str | None, step: int) -> None:
    session.connection.exec_driver_sql(
        "UPDATE ticket SET service=?, visit=?, step=? WHERE id=?", (service, visit, step, ticket)
    )
