"""How a legal move is written: the ticket's row, the period that it ends, and the event, in one transaction."""

from __future__ import annotations

from typing import Any

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import rows, tickets
from edge.refusal import Refused

STAMPS = {
    "call": "called_at=:at, started_at=NULL, recalls=0",
    "recall": "recalls=recalls+1",
    "start": "started_at=:at",
    "hold": "held_at=:at, hold=:hold",
    "resume": "started_at=coalesce(started_at, :at), hold=NULL",
    "return": "returns=returns+1",
    "finish": "started_at=coalesce(started_at, called_at), ended_at=:at, outcome=:outcome",
    "cancel": "ended_at=:at",
}
"""Which columns a move writes besides state, window and since."""
ALWAYS = "state=:state, window=:window, since=:since"
SQL = {
    name: f"UPDATE ticket SET {', '.join(filter(None, [ALWAYS, STAMPS.get(name)]))} WHERE id=:id"  # noqa: S608  our own
    for name in tickets.MOVES
}
PERIOD_SQL = """
INSERT INTO ticket_period (ticket, seq, kind, service, window, clerk, start, end)
VALUES (?, ?, ?, ?, ?, (SELECT staff FROM window WHERE no=?), ?, ?)
"""


def make(
    session: Session,
    hall: Hall,
    now: Now,
    name: str,
    ticket: rows.Ticket,
    actor: str,
    window: int | None,
    **more: Any,
) -> int:
    """Makes one move of `tickets.MOVES`; `more` goes into the event. Returns since when the ticket is as it is now.

    Raises Refused (409) when the move is not legal.
    """
    wanted = tickets.move(name, ticket.state, ticket.number)
    # A clock that stepped back makes a period short, never negative.
    since = ticket.since if wanted.target == ticket.state else max(now.at, ticket.since)
    stamps = {
        "state": wanted.target,
        "window": None if wanted.target == "waiting" else window,
        "since": since,
        "at": now.at,
        "id": ticket.id,
        "outcome": more.get("outcome"),
        "hold": more.get("hold"),
    }
    session.connection.exec_driver_sql(SQL[name], stamps)
    place = {"window": window, "zone": hall.window[window].zone} if window is not None else {}
    data = {"ticket": ticket.id, "number": ticket.number, "service": ticket.service, **place, **more}
    event = append(session, hall, now, wanted.event, ticket.id, actor, **data)
    if wanted.target != ticket.state:
        kind, at = _spent(name, ticket)
        period = (ticket.id, event.seq, kind, ticket.service, at, at, ticket.since, since)
        session.connection.exec_driver_sql(PERIOD_SQL, period)
    return since


def _spent(name: str, ticket: rows.Ticket) -> tuple[str, int | None]:
    """What the time until this move was, and the window that it cost."""
    if ticket.state == "called" and name in ("finish", "step"):
        return "serving", ticket.window  # nobody pressed start: the start is taken to be the call
    if ticket.state == "serving" and name == "wrong_window":
        return "called", ticket.window  # nothing was served there
    if ticket.state == "missed" or (ticket.state == "held" and ticket.hold == "without_papers"):
        return ticket.state, None
    return ticket.state, ticket.window


def in_this_hand(session: Session, window: int, ticket: str | None) -> rows.Ticket:
    """What the window has in hand. Raises Refused (409) when that is nothing, or not this ticket."""
    held = rows.in_hand(session, window)
    if held is not None and ticket in (None, held.id):
        return held
    if ticket is None:
        raise Refused("nothing_in_hand", "窗口现在没有号")
    meant = rows.ticket_by_id(session, ticket)
    now_there = f"现在是{held.number}号" if held else "窗口现在没有号"
    raise Refused("not_in_hand", f"{meant.number}号不在{window}号窗口，{now_there}")
