"""Use cases of evaluation: `invited → rated | timed_out | cancelled | device_fault`.

An invitation opens in the transaction that finishes its service. It outlives the next call, so that calling cannot
suppress a bad rating (calls made meanwhile are counted); it ends by the rating, by the visitor's own no, by time, or a
grace after the next service has started.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.mask import hide_numbers
from edge.queue import arrivals, finishing
from edge.queue import desk as queue
from edge.refusal import Refused

LIFETIME_MS = 60_000
GRACE_MS = 10_000
LEVELS = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}


class Open(NamedTuple):
    """An invitation that waits for its rating."""

    id: str
    ticket: str
    window: int
    expires_at: int
    calls: int
    """That this window has made since."""


OPEN_SQL = "SELECT id, ticket, window, expires_at, calls FROM evaluation WHERE state='invited'"


def _open(session: Session, where: str, value: Any) -> Open | None:
    row = session.connection.exec_driver_sql(f"{OPEN_SQL} AND {where}", (value,)).first()
    return Open(*row) if row else None


# ---- the moves of a window that a rating hangs on


def make_move(session: Session, hall: Hall, now: Now, command: queue.Move) -> str:
    """As the queue's move; a finish invites the visitor, and a start gives the invitation before it its grace."""
    if command.name == "finish" and command.window is not None:
        return finish(session, hall, now, finishing.Finish(command.window, command.ticket, command.actor)).ticket
    ticket = queue.make_move(session, hall, now, command)
    if command.name == "start" and command.window is not None:
        _next_service(session, now, command.window)
    return ticket


def finish(session: Session, hall: Hall, now: Now, command: finishing.Finish) -> finishing.Finished:
    """As the queue's; the visitor is invited once the whole visit is done."""
    finished = finishing.finish(session, hall, now, command)
    if finished.ended:
        invite(session, hall, now, finished.ticket, command.window, outcome=finished.outcome)
    return finished


def walk_in(session: Session, hall: Hall, now: Now, command: arrivals.WalkIn) -> str:
    """As the queue's: a service that starts."""
    ticket = arrivals.walk_in(session, hall, now, command)
    _next_service(session, now, command.window)
    return ticket


def resume(session: Session, hall: Hall, now: Now, command: queue.Resume) -> str:
    """As the queue's: a service that goes on is a service that starts."""
    ticket = queue.resume(session, hall, now, command)
    _next_service(session, now, command.window)
    return ticket


def invite(session: Session, hall: Hall, now: Now, ticket: str, window: int, **more: str) -> str:
    """Opens the invitation of the service that ends now; the one before it at this window ends unrated."""
    before = _open(session, "window=?", window)
    if before is not None:
        _end(session, hall, now, before, "timed_out", why="next_service")
    id_, expires_at = session.new_id(), now.at + LIFETIME_MS
    data = {"evaluation": id_, "ticket": ticket, "window": window, "expires_at": expires_at}
    event = append(session, hall, now, "evaluation.invited", ticket, "hall", **data, **more)
    session.connection.exec_driver_sql(
        "INSERT INTO evaluation (id, ticket, window, staff, state, invited_at, expires_at, seq)"
        " VALUES (?, ?, ?, (SELECT staff FROM window WHERE no=?), 'invited', ?, ?, ?)",
        (id_, ticket, window, window, now.at, expires_at, event.seq),
    )
    return id_


def _next_service(session: Session, now: Now, window: int) -> None:
    session.connection.exec_driver_sql(
        "UPDATE evaluation SET expires_at = min(expires_at, ?) WHERE state='invited' AND window=?",
        (now.at + GRACE_MS, window),
    )


# ---- what becomes of an invitation


@dataclass(frozen=True, slots=True)
class Rate:
    level: int
    """5 非常满意 … 1 非常不满意"""
    channel: str
    actor: str
    evaluation: str | None = None
    """The invitation the pad shows, or None: the one open at `window`, for a keypad that cannot say."""
    window: int | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""


def rate(session: Session, hall: Hall, now: Now, command: Rate) -> str:
    """Rates the service; returns the evaluation's id. Raises Refused: 409 outside an invitation, 404 for an unknown."""
    if command.evaluation is not None:
        found = _open(session, "id=?", command.evaluation)
        if found is None and not _exists(session, command.evaluation):
            raise Refused("no_such_evaluation", "没有这次评价", status=404)
    else:
        found = _open(session, "window=?", command.window)
    if found is None or found.expires_at <= now.at:
        raise Refused("evaluation_closed", "本次评价已结束")
    session.connection.exec_driver_sql(
        "UPDATE evaluation SET level=?, channel=?, reasons=?, comment=? WHERE id=?",
        (command.level, command.channel, json.dumps(command.reasons), hide_numbers(command.comment) or None, found.id),
    )
    told = {"level": command.level, "channel": command.channel}
    _end(session, hall, now, found, "rated", command.actor, **told)
    return found.id


def _exists(session: Session, evaluation: str) -> bool:
    return session.connection.exec_driver_sql("SELECT 1 FROM evaluation WHERE id=?", (evaluation,)).first() is not None


def press(session: Session, hall: Hall, now: Now, command: Rate) -> str | None:
    """A key of the window's evaluator. Outside any invitation it is counted and given to nobody (None)."""
    try:
        return rate(session, hall, now, command)
    except Refused:
        session.connection.exec_driver_sql(
            "INSERT INTO evaluation_stray (window, day, presses) VALUES (?, ?, 1)"
            " ON CONFLICT (window, day) DO UPDATE SET presses = presses + 1",
            (command.window, now.day),
        )
        return None


@dataclass(frozen=True, slots=True)
class Decline:
    evaluation: str
    actor: str


def decline(session: Session, hall: Hall, now: Now, command: Decline) -> str:
    """The visitor does not want to rate (自愿). Raises Refused as `rate` does."""
    found = _open(session, "id=?", command.evaluation)
    if found is None and not _exists(session, command.evaluation):
        raise Refused("no_such_evaluation", "没有这次评价", status=404)
    if found is None or found.expires_at <= now.at:
        raise Refused("evaluation_closed", "本次评价已结束")
    _end(session, hall, now, found, "cancelled", actor=command.actor, why="declined")
    return found.id


def expire(session: Session, hall: Hall, now: Now, faulty: frozenset[int]) -> int:
    """Ends every invitation whose time is over: silence is 未评价, never a level.

    At a window in `faulty`, whose evaluator does not work now, nobody could press: that is the device's fault.
    """
    rows = session.connection.exec_driver_sql(f"{OPEN_SQL} AND expires_at <= ?", (now.at,)).all()
    for row in rows:
        invitation = Open(*row)
        _end(session, hall, now, invitation, "device_fault" if invitation.window in faulty else "timed_out")
    return len(rows)


def _end(
    session: Session, hall: Hall, now: Now, invitation: Open, state: str, actor: str = "hall", **more: Any
) -> None:
    session.connection.exec_driver_sql(
        "UPDATE evaluation SET state=?, ended_at=? WHERE id=?", (state, now.at, invitation.id)
    )
    id_, ticket, window, _, calls = invitation
    data = {"evaluation": id_, "ticket": ticket, "window": window, "calls": calls}
    append(session, hall, now, f"evaluation.{state}", ticket, actor, **data, **more)
