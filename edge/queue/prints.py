"""Print jobs: wanted, sent before a byte goes out, then printed or unknown. Nothing is printed twice unmarked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import rows, tickets
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
    kiosk: str | None = None
    """The place whose printer prints it; None: the one that issued it."""


def reprint(session: Session, hall: Hall, now: Now, command: Reprint) -> str:
    """Wants the slip once more, marked 补打. Returns the ticket's id. Raises Refused (404, 409)."""
    ticket = rows.ticket_by_id(session, command.ticket)
    place = hall.kiosk.get((ticket.kiosk or "") if command.kiosk is None else command.kiosk)
    if place is None or place.printer is None:
        title = "这张号没有对应的打印机，请到导办台" if command.kiosk is None else "那里没有打印机，请另选一处打印"
        raise Refused("no_printer", title, f"kiosk {command.kiosk!r}", 404)
    if ticket.day != now.day or ticket.state in ("serving", *tickets.ENDED):
        raise Refused("illegal_move", f"{ticket.number}号{tickets.STATE_WORDS[ticket.state]}，不用再打小票")
    waiting = "SELECT count(*) FROM print_job WHERE ticket=? AND template='ticket' AND state IN ('wanted','sent')"
    if session.connection.exec_driver_sql(waiting, (ticket.id,)).scalar_one():
        raise Refused("already_printing", f"{ticket.number}号的小票正在打印，请稍候")
    want_print(session, now, ticket.id, place.printer, copy=True)
    told = {"ticket": ticket.id, "number": ticket.number, "printer": place.printer}
    append(session, hall, now, "print.wanted", ticket.id, command.actor, **told)
    return ticket.id


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice (告知单, 通知书) on its own paper."""

    template: str
    values: Mapping[str, str]
    """As `notices.slips.fill` gave them: nothing missing, persons masked."""
    printer: str
    ticket: str
    """The ticket it belongs to, "" without one."""
    window: int | None
    actor: str


def print_notice(session: Session, hall: Hall, now: Now, command: Notice) -> str:
    """Wants a notice printed; returns the job's id."""
    job = session.new_id()
    session.connection.exec_driver_sql(
        "INSERT INTO print_job (id, ticket, template, content, printer, copy, state, wanted_at)"
        " VALUES (?, ?, ?, ?, ?, 0, 'wanted', ?)",
        (job, command.ticket, command.template, json.dumps(dict(command.values)), command.printer, now.at),
    )
    data = {"job": job, "template": command.template, "window": command.window, "printer": command.printer}
    append(session, hall, now, "print.wanted", command.ticket or f"print:{job}", command.actor, **data)
    return job


class PrintJob(NamedTuple):
    id: str
    ticket: str
    copy: bool
    template: str = "ticket"
    content: str | None = None


SENT_SQL = "SELECT id, ticket, copy, template, content FROM print_job WHERE printer=? AND state='sent'"


def claim_print(session: Session, hall: Hall, now: Now, printer: str) -> PrintJob | None:
    """The oldest job that this printer should print now, marked `sent` before a byte goes out.

    One job is in flight at a time: one still `sent` was cut off, by a restart or a lost link, and becomes `unknown`.
    A slip whose visitor no longer waits stays wanted and is passed over: nobody is there to take it.
    """
    for cut_off in _jobs(session, SENT_SQL, printer):
        end_print(session, hall, now, PrintEnd(cut_off, "unknown", printer))
    claimed = _jobs(
        session,
        "UPDATE print_job SET state='sent', sent_at=? WHERE id = (SELECT job.id FROM print_job AS job"
        " LEFT JOIN ticket ON ticket.id = job.ticket WHERE job.printer=? AND job.state='wanted'"
        " AND (job.template<>'ticket' OR (ticket.day=? AND ticket.state IN ('waiting','called','missed','held')))"
        " ORDER BY job.wanted_at, job.id LIMIT 1) RETURNING id, ticket, copy, template, content",
        now.at,
        printer,
        now.day,
    )
    return claimed[0] if claimed else None


def _jobs(session: Session, sql: str, *values: object) -> list[PrintJob]:
    found = session.connection.exec_driver_sql(sql, values).all()
    return [PrintJob(row[0], row[1], bool(row[2]), row[3], row[4]) for row in found]


@dataclass(frozen=True, slots=True)
class HandOver:
    printer: str
    fallback: str


def hand_over(session: Session, _hall: Hall, _now: Now, command: HandOver) -> int:
    """What waits at a printer that cannot print goes to its fallback; what was already sent there stays."""
    return session.connection.exec_driver_sql(
        "UPDATE print_job SET printer=? WHERE printer=? AND state='wanted'", (command.fallback, command.printer)
    ).rowcount


CUT_OFF_MS = 30 * 60_000


def copy_cut_off(session: Session, hall: Hall, now: Now, printer: str) -> int:
    """The printer has paper again: slips cut off in the last half hour come out once more, marked 补打.

    Only for visitors who still wait, and only the newest job of each; returns how many.
    """
    cut_off = session.connection.exec_driver_sql(
        "SELECT job.ticket FROM print_job AS job JOIN ticket ON ticket.id = job.ticket"
        " WHERE job.printer=? AND job.state='unknown' AND job.template='ticket' AND job.done_at > ?"
        " AND ticket.state IN ('waiting','called')"
        " AND NOT EXISTS (SELECT 1 FROM print_job newer WHERE newer.ticket=job.ticket AND newer.id > job.id)",
        (printer, now.at - CUT_OFF_MS),
    ).all()
    for row in cut_off:
        want_print(session, now, row[0], printer, copy=True)
        append(session, hall, now, "print.wanted", row[0], "hall", ticket=row[0], printer=printer)
    return len(cut_off)


@dataclass(frozen=True, slots=True)
class PrintEnd:
    job: PrintJob
    state: str
    """`printed`, `unknown`, or `wanted` again when no byte had gone out."""
    printer: str


def end_print(session: Session, hall: Hall, now: Now, command: PrintEnd) -> None:
    job = command.job
    session.connection.exec_driver_sql(
        "UPDATE print_job SET state=?, done_at=?, content=iif(?='printed', NULL, content) WHERE id=?",
        (command.state, now.at, command.state, job.id),
    )
    if command.state == "wanted":
        return
    type_ = "print.done" if command.state == "printed" else "print.unknown"
    data = {"job": job.id, "template": job.template, "printer": command.printer, "copy": job.copy}
    if job.ticket:
        data |= {"ticket": job.ticket, "number": rows.ticket_by_id(session, job.ticket).number}
    append(session, hall, now, type_, job.ticket or f"print:{job.id}", f"device:{command.printer}", **data)
