"""Print jobs: wanted, sent before a byte goes out, then printed or unknown. Nothing is printed twice unmarked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import rows
from edge.refusal import Refused


def want_print(session: Session, now: Now, ticket: str, printer: str, *, copy: bool) -> None:
    session.connection.exec_driver_sql(
        "INSERT INTO print_job (id, ticket, printer, copy, state, wanted_at) VALUES (?, ?, ?, ?, 'wanted', ?)",
        (session.new_id(), ticket, printer, copy, now.at),
    )


@dataclass(frozen=True, slots=True)
class Reprint:
    ticket: str
    actor: str


def reprint(session: Session, hall: Hall, now: Now, command: Reprint) -> str:
    """Wants the slip once more, marked 补打, at the printer of the kiosk that issued it."""
    ticket = rows.ticket_by_id(session, command.ticket)
    printer = hall.kiosk[ticket.kiosk].printer if ticket.kiosk in hall.kiosk else None
    if printer is None:
        raise Refused("no_printer", "这张号没有对应的打印机，请到导办台")
    waiting = session.connection.exec_driver_sql(
        "SELECT count(*) FROM print_job WHERE ticket=? AND state IN ('wanted','sent')", (ticket.id,)
    ).scalar_one()
    if waiting:
        raise Refused("already_printing", "小票正在打印，请稍候")
    want_print(session, now, ticket.id, printer, copy=True)
    append(session, hall, now, "print.wanted", ticket.id, command.actor, ticket=ticket.id, number=ticket.number)
    return ticket.id


class PrintJob(NamedTuple):
    id: str
    ticket: str
    copy: bool


def claim_print(session: Session, hall: Hall, now: Now, printer: str) -> PrintJob | None:
    """The oldest job that this printer should print now, marked `sent` before a byte goes out.

    One job is in flight at a time: one still `sent` was cut off, by a restart or a lost link, and becomes `unknown`.
    A job whose visitor no longer waits stays wanted and is passed over: nobody is there to take the slip.
    """
    for cut_off in _jobs(session, "SELECT id, ticket, copy FROM print_job WHERE printer=? AND state='sent'", printer):
        end_print(session, hall, now, PrintEnd(cut_off, "unknown", printer))
    claimed = _jobs(
        session,
        "UPDATE print_job SET state='sent', sent_at=? WHERE id = (SELECT job.id FROM print_job AS job"
        " JOIN ticket ON ticket.id = job.ticket WHERE job.printer=? AND job.state='wanted' AND ticket.day=?"
        " AND ticket.state IN ('waiting','called','missed','held') ORDER BY job.wanted_at, job.id LIMIT 1)"
        " RETURNING id, ticket, copy",
        now.at,
        printer,
        now.day,
    )
    return claimed[0] if claimed else None


def _jobs(session: Session, sql: str, *values: object) -> list[PrintJob]:
    return [PrintJob(row[0], row[1], bool(row[2])) for row in session.connection.exec_driver_sql(sql, values).all()]


@dataclass(frozen=True, slots=True)
class PrintEnd:
    job: PrintJob
    state: str
    """`printed`, `unknown`, or `wanted` again when no byte had gone out."""
    printer: str


def end_print(session: Session, hall: Hall, now: Now, command: PrintEnd) -> None:
    session.connection.exec_driver_sql(
        "UPDATE print_job SET state=?, done_at=? WHERE id=?", (command.state, now.at, command.job.id)
    )
    if command.state == "wanted":
        return
    ticket = rows.ticket_by_id(session, command.job.ticket)
    type_ = "print.done" if command.state == "printed" else "print.unknown"
    data = {"ticket": ticket.id, "number": ticket.number, "printer": command.printer, "copy": command.job.copy}
    append(session, hall, now, type_, ticket.id, f"device:{command.printer}", **data)
