"""How a service ends: its outcome, the notice and the booking that belong to it, and the next step of its visit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.hallqueue import Outcome
from edge.queue import appointments, moves, prints, rows, steps, tickets
from edge.queue.desk import call_if_armed, check_served
from edge.refusal import Refused


@dataclass(frozen=True, slots=True)
class Notice:
    """What the visitor is told on paper, once and complete (一次性告知)."""

    code: str
    """Random; whoever has it may come back with it."""
    missing: tuple[str, ...]
    """Of the service's materials."""
    template: str
    values: Mapping[str, str]
    """As `notices.slips.fill` gave them."""
    printer: str | None
    """None: the window has none with this paper; the code is told, the paper written by hand."""


@dataclass(frozen=True, slots=True)
class Finish:
    window: int
    ticket: str | None
    """None: whatever this window has in hand, for a call box."""
    actor: str
    outcome: Outcome | None = None
    """None: the hall's default."""
    notice: Notice | None = None
    """Of 补办 and 退件, and of no other."""
    booking: appointments.Book | None = None
    """Of 另约, and of no other."""


class Finished(NamedTuple):
    ticket: str
    outcome: Outcome
    ended: bool
    """False: it waits for its next step now."""
    appointment: str | None = None
    """Id of the booking."""


def finish(session: Session, hall: Hall, now: Now, command: Finish) -> Finished:
    """Ends the service in this window's hand, or takes its visit on to the next step, in the place of its number.

    Raises Refused: 409 as the queue's moves do and when the next step has closed for today, 422 when notice or booking
    do not fit the outcome.
    """
    ticket = moves.in_this_hand(session, command.window, command.ticket)
    outcome = command.outcome or hall.queue.outcome
    _must_fit(hall, now, ticket, command, outcome)
    onward = steps.following(hall, ticket) if ticket.visit and outcome in tickets.GOES_ON else None
    if onward is not None:
        _next_step(session, hall, now, command, ticket, onward, outcome)
        return Finished(ticket.id, outcome, False)
    more = {} if ticket.visit is None else {"visit": ticket.visit}
    moves.make(session, hall, now, "finish", ticket, command.actor, command.window, outcome=outcome, **more)
    if command.notice is not None:
        _notify(session, hall, now, command, ticket, outcome, command.notice)
    booked = appointments.book(session, hall, now, command.booking) if command.booking else None
    return Finished(ticket.id, outcome, True, booked)


NOTIFIED: Mapping[Outcome, str] = {
    "supplement": "请勾选缺少的材料或写明需补内容",
    "rejected": "请勾选缺少的材料或写明退件理由",
}
PLAIN = frozenset(tickets.OUTCOME_WORDS) - {*NOTIFIED, "rebooked"}
"""They need nothing more."""


def _must_fit(hall: Hall, now: Now, ticket: rows.Ticket, command: Finish, outcome: Outcome) -> None:
    if command.notice is None and command.booking is None and outcome in PLAIN:
        return
    word = tickets.OUTCOME_WORDS[outcome]
    if outcome in NOTIFIED and command.notice is None:
        raise Refused("notice_needed", NOTIFIED[outcome], f"outcome {outcome} without a notice", 422)
    if command.notice is not None:
        if outcome not in NOTIFIED:
            raise Refused("no_notice", f"{word}不出通知书，请改选补办或退件", f"outcome {outcome}", 422)
        asked = [hall.service[each] for each in (ticket.visit, ticket.service) if each in hall.service]
        known = [material for service in asked for material in service.materials]
        if strangers := [each for each in command.notice.missing if each not in known]:
            raise Refused(
                "unknown_material", f"“{strangers[0]}”不在材料清单里，请写在补充说明里", ", ".join(known), 422
            )
    if (outcome == "rebooked") != (command.booking is not None):
        title = "请填写另约的日期和时间" if outcome == "rebooked" else f"{word}不能另约，请改选另约"
        raise Refused("booking_needed", title, f"outcome {outcome}", 422)
    if command.booking is not None and command.booking.day <= now.day:
        raise Refused("not_another_day", "另约请选择明天或以后的日期", command.booking.day, 422)


def _next_step(
    session: Session, hall: Hall, now: Now, command: Finish, ticket: rows.Ticket, onward: steps.Where, outcome: Outcome
) -> None:
    service, visit, step = onward
    check_served(session, hall, now, service)
    told = {"service": service, "to_service": service, "visit": visit, "step": step, "outcome": outcome}
    since = moves.make(session, hall, now, "step", ticket, command.actor, command.window, **told)
    session.connection.exec_driver_sql(
        "UPDATE ticket SET for_window=NULL, for_staff=NULL, not_before=NULL WHERE id=?", (ticket.id,)
    )
    steps.put(session, ticket.id, service, visit, step)
    moved = ticket._replace(state="waiting", window=None, since=since, service=service, step=step)
    call_if_armed(session, hall, now, moved, command.actor)


def _notify(
    session: Session, hall: Hall, now: Now, command: Finish, ticket: rows.Ticket, outcome: Outcome, notice: Notice
) -> None:
    missing = json.dumps(notice.missing, ensure_ascii=False)
    session.connection.exec_driver_sql(
        "INSERT INTO notice (code, ticket, service, outcome, missing, day) VALUES (?, ?, ?, ?, ?, ?)",
        (notice.code, ticket.id, ticket.visit or ticket.service, outcome, missing, now.day),
    )
    if notice.printer is not None:
        wanted = prints.Notice(notice.template, notice.values, notice.printer, ticket.id, command.window, command.actor)
        prints.print_notice(session, hall, now, wanted)
