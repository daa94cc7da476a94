"""Use cases of the queue: each makes one legal move of the hall in one transaction, `(session, hall, now, command)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import balance, persons, rows, tickets
from edge.refusal import Refused
from edge.windows import desk as windows

# ---- call


@dataclass(frozen=True, slots=True)
class CallNext:
    window: int
    actor: str


class Called(NamedTuple):
    ticket: str
    why: str


def call_next(session: Session, hall: Hall, now: Now, command: CallNext) -> Called | None:
    """Calls who is next for this window; None when nobody waits, and the window is armed.

    Raises Refused (409) while the window is paused or has a ticket in hand.
    """
    _free_window(session, hall, command.window)
    chosen = balance.choose(rows.heads(session, hall, command.window), now.at, hall.balance, hall.handling_ms)
    if chosen is None:
        windows.arm(session, hall, now, command.window, command.actor)
        return None
    head, decided = chosen
    why = balance.why(head, decided, rows.earlier(session, head.ticket) if head.priority else 0, now.at)
    _call(session, hall, now, rows.ticket_by_id(session, head.ticket), command.window, why, command.actor)
    return Called(head.ticket, why)


@dataclass(frozen=True, slots=True)
class CallChosen:
    window: int
    ticket: str
    actor: str


def call_chosen(session: Session, hall: Hall, now: Now, command: CallChosen) -> Called:
    """Calls one ticket out of turn (指呼); the window must be able to serve it."""
    _free_window(session, hall, command.window)
    ticket = rows.ticket_by_id(session, command.ticket)
    if ticket.service not in hall.window[command.window].skills:
        raise Refused("wrong_window", f"{command.window}号窗口不办理{hall.service[ticket.service].name}")
    why = "窗口指定呼叫"
    _call(session, hall, now, ticket, command.window, why, command.actor)
    return Called(ticket.id, why)


@dataclass(frozen=True, slots=True)
class CallOrdinal:
    """A number as a call box can type it: `5` is A005 or C005."""

    window: int
    ordinal: int
    actor: str


def call_ordinal(session: Session, hall: Hall, now: Now, command: CallOrdinal) -> Called:
    """Calls today's ticket of that number, the one that has waited longest where several have it; one that was missed
    comes back by it. Raises Refused when no such number waits for this window.
    """
    _free_window(session, hall, command.window)
    ticket = rows.by_ordinal(session, now.day, hall.window[command.window].skills, command.window, command.ordinal)
    if ticket is None:
        raise Refused("no_such_number", f"{command.ordinal}号不在等候", f"window {command.window}", 404)
    if ticket.state == "missed":
        _move(session, hall, now, "return", ticket, command.actor, ticket.window)
        ticket = ticket._replace(state="waiting", window=None)
    why = "窗口指定呼叫"
    _call(session, hall, now, ticket, command.window, why, command.actor)
    return Called(ticket.id, why)


def _free_window(session: Session, hall: Hall, window: int) -> None:
    if windows.window_row(session, hall, window).state != "open":
        raise Refused("window_paused", "窗口暂停中，请先恢复服务")
    held = rows.in_hand(session, window)
    if held is not None:
        raise Refused("ticket_in_hand", f"{held.number}号还没有办结，请先办结或过号", f"ticket {held.id}")


def _call(session: Session, hall: Hall, now: Now, ticket: rows.Ticket, window: int, why: str, actor: str) -> None:
    windows.disarm(session, window)
    _move(session, hall, now, "call", ticket, actor, window, why=why)


def call_if_armed(
    session: Session, hall: Hall, now: Now, ticket: rows.Ticket, actor: str, only: int | None = None
) -> None:
    """Whoever comes, or comes back, finds the window that waits for them: nobody else waits while one is armed."""
    able = hall.able[ticket.service] if only is None else (only,)
    window = balance.best_armed(rows.armed(session, hall, now, able))
    if window is not None:
        _call(session, hall, now, ticket, window, "窗口空闲，随到随办", actor)


# ---- the other moves


@dataclass(frozen=True, slots=True)
class Move:
    """A move of the ticket that `window` has in hand, or of a ticket that no window holds (`window` None)."""

    name: str
    """`recall start finish miss hold` at a window; `return cancel` without."""
    ticket: str | None
    """None: whatever this window has in hand, for a call box, which cannot say."""
    window: int | None
    actor: str


def make_move(session: Session, hall: Hall, now: Now, command: Move) -> str:
    """Returns the ticket's id. Raises Refused (409) when it is not in this window's hand or the move is not legal."""
    if command.window is not None:
        ticket = _in_this_hand(session, command.window, command.ticket)
    else:
        ticket = rows.ticket_by_id(session, command.ticket or "")
    if command.name == "return" and ticket.day != now.day:
        raise Refused("other_day", f"{ticket.number}号不是今天的号，请重新取号", f"taken on {ticket.day}")
    _move(session, hall, now, command.name, ticket, command.actor, ticket.window)
    if command.name == "return":
        call_if_armed(session, hall, now, ticket._replace(state="waiting", window=None), command.actor)
    return ticket.id


@dataclass(frozen=True, slots=True)
class Resume:
    window: int
    ticket: str | None
    """None: the one that this window held last."""
    actor: str


def resume(session: Session, hall: Hall, now: Now, command: Resume) -> str:
    """A held ticket goes on at this window (回呼). Returns its id. Raises Refused (409, 404)."""
    _free_window(session, hall, command.window)
    ticket = (
        rows.last_held(session, now.day, command.window)
        if command.ticket is None
        else rows.ticket_by_id(session, command.ticket)
    )
    if ticket is None:
        raise Refused("nothing_held", f"{command.window}号窗口没有挂起的号", status=404)
    windows.disarm(session, command.window)
    _move(session, hall, now, "resume", ticket, command.actor, command.window)
    return ticket.id


@dataclass(frozen=True, slots=True)
class Transfer:
    """To a service's queue, or to one window; exactly one of the two."""

    window: int
    ticket: str | None
    """None: whatever this window has in hand, for a call box."""
    actor: str
    service: str | None = None
    to: int | None = None


def transfer(session: Session, hall: Hall, now: Now, command: Transfer) -> str:
    """The visitor goes on elsewhere and keeps the place of the time the number was taken (QUE-16). Returns its id."""
    ticket = _in_this_hand(session, command.window, command.ticket)
    _check_target(session, hall, command)
    service = command.service or ticket.service
    persons.hold_one(session, now, ticket.id, service)
    session.connection.exec_driver_sql(
        "UPDATE ticket SET service=?, for_window=? WHERE id=?", (service, command.to, ticket.id)
    )
    target = {"to_service": service} if command.to is None else {"to_window": command.to}
    moved = ticket._replace(service=service)
    _move(session, hall, now, "transfer", moved, command.actor, command.window, **target)
    call_if_armed(session, hall, now, moved._replace(state="waiting", window=None), command.actor, only=command.to)
    return ticket.id


def _check_target(session: Session, hall: Hall, command: Transfer) -> None:
    if (command.service is None) == (command.to is None):
        raise Refused("no_target", "请选择转到哪项业务或哪个窗口", "exactly one of service and window", 422)
    if command.service is not None and command.service not in hall.service:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", 404)
    if command.to is not None:
        windows.window_row(session, hall, command.to)
    if command.to == command.window:
        raise Refused("same_window", "已经在这个窗口")


def _in_this_hand(session: Session, window: int, ticket: str | None) -> rows.Ticket:
    """What the window has in hand. Raises Refused (409) when that is nothing, or not this ticket."""
    held = rows.in_hand(session, window)
    if held is not None and ticket in (None, held.id):
        return held
    if ticket is None:
        raise Refused("nothing_in_hand", "窗口现在没有号")
    meant = rows.ticket_by_id(session, ticket)
    now_there = f"现在是{held.number}号" if held else "窗口现在没有号"
    raise Refused("not_in_hand", f"{meant.number}号不在{window}号窗口，{now_there}")


STAMPS = {
    "call": "called_at=:at, started_at=NULL",
    "recall": "recalls=recalls+1",
    "start": "started_at=:at",
    "hold": "held_at=:at",
    "resume": "started_at=coalesce(started_at, :at)",
    "finish": "started_at=coalesce(started_at, called_at), ended_at=:at",
    "cancel": "ended_at=:at",
}
"""Which columns a move stamps besides state and window."""


def _move(
    session: Session,
    hall: Hall,
    now: Now,
    name: str,
    ticket: rows.Ticket,
    actor: str,
    window: int | None,
    **more: Any,
) -> None:
    wanted = tickets.move(name, ticket.state, ticket.number)
    kept = None if wanted.target == "waiting" else window
    stamps = STAMPS.get(name)
    session.connection.exec_driver_sql(
        f"UPDATE ticket SET state=:state, window=:window{', ' + stamps if stamps else ''} WHERE id=:id",  # noqa: S608  our own words
        {"state": wanted.target, "window": kept, "id": ticket.id}
        | ({"at": now.at} if stamps and ":at" in stamps else {}),
    )
    place = {"window": window, "zone": hall.window[window].zone} if window is not None else {}
    data = {"ticket": ticket.id, "number": ticket.number, "service": ticket.service} | place | more
    append(session, hall, now, wanted.event, ticket.id, actor, **data)


# ---- the end of the day


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Cancels what still waits from earlier business days, so that no number means two visitors. Returns how many."""
    left = session.connection.exec_driver_sql(
        f"SELECT {rows.FIELDS} FROM ticket WHERE state IN ('waiting','missed','held') AND day < ?",  # noqa: S608  our own words
        (now.day,),
    ).all()
    for row in left:
        _move(session, hall, now, "cancel", rows.Ticket(*row), "hall", None, why="day_closed")
    return len(left)


def settle_changes(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """After a start with a changed hall file: ends what its services or windows are gone for. Returns how many."""
    running = session.connection.exec_driver_sql(
        f"SELECT {rows.FIELDS} FROM ticket WHERE state NOT IN ('finished','cancelled')"  # noqa: S608  our own words
    ).all()
    tickets_ = [rows.Ticket(*row) for row in running]
    gone = [
        each
        for each in tickets_
        if each.service not in hall.service or (each.window is not None and each.window not in hall.window)
    ]
    for ticket in gone:
        end = "finish" if ticket.state == "serving" else "cancel"
        _move(session, hall, now, end, ticket, "hall", None, why="not_in_the_hall")
    return len(gone)
