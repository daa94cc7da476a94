"""Use cases of the queue: each makes one legal move of the hall in one transaction, `(session, hall, now, command)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.hallqueue import Hold
from edge.queue import balance, moves, persons, places, rows, sending, steps, tickets
from edge.refusal import Refused
from edge.timetable import days
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
    free_window(session, hall, command.window)
    days.check_calling(session.connection, hall, now)
    chosen = who_is_next(session, hall, now, command.window)
    if chosen is None:
        windows.arm(session, hall, now, command.window, command.actor)
        return None
    _call(session, hall, now, rows.ticket_by_id(session, chosen.ticket), command.window, chosen.why, command.actor)
    return chosen


def who_is_next(session: Session, hall: Hall, now: Now, window: int) -> Called | None:
    """Whom this window's next call takes, and why; None when nobody waits for it. Reads only."""
    chosen = balance.choose(rows.heads(session, hall, window), now.at, hall.balance, hall.handling_ms)
    if chosen is None:
        return None
    head, decided = chosen
    before = rows.earlier(session, head.ticket) if head.priority else 0
    return Called(head.ticket, balance.why(head, decided, before, now.at))


@dataclass(frozen=True, slots=True)
class CallChosen:
    window: int
    ticket: str
    actor: str


def call_chosen(session: Session, hall: Hall, now: Now, command: CallChosen) -> Called:
    """Calls one ticket out of turn (指呼). Raises Refused (409) where it waits for other windows, or for none yet."""
    free_window(session, hall, command.window)
    days.check_calling(session.connection, hall, now)
    ticket = rows.ticket_by_id(session, command.ticket)
    if not sending.may_call(session, hall.window[command.window], ticket.id):
        raise Refused("wrong_window", f"{ticket.number}号不在{command.window}号窗口等候", f"ticket {ticket.id}")
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
    free_window(session, hall, command.window)
    days.check_calling(session.connection, hall, now)
    ticket = rows.by_ordinal(session, now.day, hall.window[command.window].skills, command.window, command.ordinal)
    if ticket is None:
        raise Refused("no_such_number", f"{command.ordinal}号不在等候", f"window {command.window}", 404)
    if ticket.state == "missed":
        ticket = _return(session, hall, now, ticket, command.actor)
    why = "窗口指定呼叫"
    _call(session, hall, now, ticket, command.window, why, command.actor)
    return Called(ticket.id, why)


def free_window(session: Session, hall: Hall, window: int) -> None:
    row = windows.window_row(session, hall, window)
    windows.not_closed(row)
    if row.state != "open":
        raise Refused("window_paused", "窗口暂停中，请先恢复服务")
    held = rows.in_hand(session, window)
    if held is not None:
        raise Refused("ticket_in_hand", f"{held.number}号还没有办结，请先办结或过号", f"ticket {held.id}")


def _call(session: Session, hall: Hall, now: Now, ticket: rows.Ticket, window: int, why: str, actor: str) -> None:
    windows.disarm(session, window)
    moves.make(session, hall, now, "call", ticket, actor, window, why=why)


def call_if_armed(
    session: Session, hall: Hall, now: Now, ticket: rows.Ticket, actor: str, only: int | None = None
) -> None:
    """Whoever comes, or comes back, finds the window that waits for them: nobody else waits while one is armed."""
    able = hall.able[ticket.service] if only is None else (only,)
    window = balance.best_armed(rows.armed(session, hall, now, able, ticket.id))
    if window is not None and not days.calls_are_over(session.connection, hall, now):
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
    hold: Hold | None = None
    """Of a hold; None: as the hall has it."""


def make_move(session: Session, hall: Hall, now: Now, command: Move) -> str:
    """Returns the ticket's id. Raises Refused (409) when it is not in this window's hand or the move is not legal.

    A finish here is the bare move; `finishing.finish` is the clerk's.
    """
    if command.window is not None:
        ticket = moves.in_this_hand(session, command.window, command.ticket)
    else:
        ticket = rows.ticket_by_id(session, command.ticket or "")
    if command.name == "return":
        returned = _return(session, hall, now, ticket, command.actor)
        _give_place_back(session, hall, now, returned)
        call_if_armed(session, hall, now, returned, command.actor)
        return ticket.id
    if command.name == "recall" and ticket.state == "called":
        tickets.check_recalls(ticket.number, ticket.recalls, hall.queue.recalls)
    more = {"hold": command.hold or hall.queue.hold} if command.name == "hold" else {}
    moves.make(session, hall, now, command.name, ticket, command.actor, ticket.window, **more)
    return ticket.id


def _return(session: Session, hall: Hall, now: Now, ticket: rows.Ticket, actor: str) -> rows.Ticket:
    """A missed ticket waits again. Raises Refused (409)."""
    if ticket.day != now.day:
        raise Refused("other_day", f"{ticket.number}号不是今天的号，请重新取号", f"taken on {ticket.day}")
    if ticket.state == "missed":
        tickets.check_returns(ticket.number, ticket.returns, hall.queue.returns)
        check_served(session, hall, now, ticket.service)
    since = moves.make(session, hall, now, "return", ticket, actor, ticket.window)
    return ticket._replace(state="waiting", window=None, since=since)


def _give_place_back(session: Session, hall: Hall, now: Now, ticket: rows.Ticket) -> None:
    if hall.queue.return_to == "back":
        places.put_back(session, ticket.id, ticket.service, hall.queue.return_places)
    elif hall.queue.return_to == "tail":
        places.put_last(session, hall, now, ticket.id)


@dataclass(frozen=True, slots=True)
class Resume:
    window: int
    ticket: str | None
    """None: the one that this window held last."""
    actor: str


def resume(session: Session, hall: Hall, now: Now, command: Resume) -> str:
    """A held ticket goes on at this window (回呼). Returns its id. Raises Refused (409, 404)."""
    free_window(session, hall, command.window)
    ticket = (
        rows.last_held(session, now.day, command.window)
        if command.ticket is None
        else rows.ticket_by_id(session, command.ticket)
    )
    if ticket is None:
        raise Refused("nothing_held", f"{command.window}号窗口没有挂起的号", status=404)
    if ticket.state == "held":
        able = ticket.service in hall.window[command.window].skills
        tickets.check_resume(ticket.number, ticket.hold, ticket.window, command.window, able=able)
    windows.disarm(session, command.window)
    moves.make(session, hall, now, "resume", ticket, command.actor, command.window)
    return ticket.id


@dataclass(frozen=True, slots=True)
class Transfer:
    """To a service's line, to one window or to one clerk; exactly one of the three."""

    window: int
    ticket: str | None
    """None: whatever this window has in hand, for a call box."""
    actor: str
    service: str | None = None
    to: int | None = None
    staff: str | None = None
    """工号: to wherever this clerk is signed in."""
    place: places.Place = "sorted"
    delay_minutes: int = 0
    """Nobody calls it before."""
    reason: str = ""
    wrong_window: bool = False
    """The visitor was sent to the wrong window: nothing was served, and the place is that of the number."""


def transfer(session: Session, hall: Hall, now: Now, command: Transfer) -> str:
    """The visitor goes on elsewhere on the same number (QUE-16). Returns its id. Raises Refused (404, 409, 422)."""
    ticket = moves.in_this_hand(session, command.window, command.ticket)
    _check_target(session, hall, now, command)
    service, visit, step = steps.entered(hall, ticket, command.service)
    persons.hold_one(session, now, ticket.id, visit or service)
    name = "wrong_window" if command.wrong_window else "transfer"
    told = {"service": service} | _told(command, now)
    since = moves.make(session, hall, now, name, ticket, command.actor, command.window, **told)
    only = sending.send(session, ticket.id, sending.Target(command.to, command.staff, told.get("not_before")))
    steps.put(session, ticket.id, service, visit, step)
    places.put(session, hall, now, ticket.id, service, command.place)
    moved = ticket._replace(state="waiting", window=None, since=since, service=service)
    call_if_armed(session, hall, now, moved, command.actor, only=only)
    return ticket.id


def _told(command: Transfer, now: Now) -> dict[str, Any]:
    """What the event says of the target."""
    told = {
        "to_service": command.service,
        "to_window": command.to,
        "to_staff": command.staff,
        "place": command.place if command.place != "sorted" else None,
        "not_before": now.at + command.delay_minutes * 60_000 if command.delay_minutes else None,
        "reason": command.reason or None,
    }
    return {word: value for word, value in told.items() if value is not None}


def check_served(session: Session, hall: Hall, now: Now, service: str) -> None:
    """Raises Refused (409) when all windows of one of its steps have closed for today: nobody would call there."""
    closed = windows.closed(session.connection, now)
    for step in hall.service[service].steps or (service,):
        if closed.issuperset(hall.able[step]):
            title = f"{hall.service[step].name}今天已停止办理，请另约，或请窗口重新开窗"
            raise Refused("service_over", title, f"service {step!r}")


def _check_target(session: Session, hall: Hall, now: Now, command: Transfer) -> None:
    if sum(each is not None for each in (command.service, command.to, command.staff)) != 1:
        raise Refused("no_target", "请选择转到哪项业务、哪个窗口或哪位工作人员", "one of service, window, staff", 422)
    if command.service is not None and command.service not in hall.service:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", 404)
    if command.service is not None:
        check_served(session, hall, now, command.service)
    if command.staff is not None and command.staff not in hall.clerk:
        raise Refused("no_such_staff", "没有这个工号", f"staff {command.staff!r}", 404)
    if command.staff is not None and not command.delay_minutes and not sending.seat(session, command.staff):
        title = f"{hall.clerk[command.staff].name}现在没有登录窗口，请转到业务或窗口"
        raise Refused("clerk_away", title, f"staff {command.staff}")
    if command.to is not None and windows.window_row(session, hall, command.to).sign == "closed":
        title = f"{command.to}号窗口已停止服务，请转到业务或别的窗口"
        raise Refused("window_closed", title, f"window {command.to}")
    if command.to == command.window:
        raise Refused("same_window", "已经在这个窗口")


def release(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Who was sent on with a delay that is over, or to a clerk who sits elsewhere now, waits there. How many."""
    found = sending.due(session.connection, now)
    for ticket_id, window in found:
        sending.arrive(session, ticket_id, window)
        told = {} if window is None else {"to_window": window}
        ticket = rows.ticket_by_id(session, ticket_id)
        moves.make(session, hall, now, "due", ticket, "clock", None, **told)
        call_if_armed(session, hall, now, ticket, "clock", only=window)
    return len(found)


# ---- a changed hall


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
        moves.make(session, hall, now, end, ticket, "hall", None, why="not_in_the_hall")
    return len(gone)
