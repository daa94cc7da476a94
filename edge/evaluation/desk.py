"""Use cases of evaluation: `invited → rated | timed_out`. An invitation outlives the next call, so that calling
cannot suppress a bad rating; it ends by the rating, by time, or a grace after the next service has started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
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


OPEN_SQL = "SELECT id, ticket, window, expires_at FROM evaluation WHERE state='invited'"


def _open(session: Session, where: str, value: Any) -> Open | None:
    row = session.connection.exec_driver_sql(f"{OPEN_SQL} AND {where}", (value,)).first()
    return Open(*row) if row else None


@dataclass(frozen=True, slots=True)
class Invite:
    ticket: str
    window: int
    finished_at: int


def invite(session: Session, hall: Hall, now: Now, command: Invite) -> str | None:
    """Opens the invitation of a finished service; the one before it at this window ends unrated.

    None when this service was invited already, or was finished too long ago for its visitor to be there.
    """
    known = session.connection.exec_driver_sql("SELECT 1 FROM evaluation WHERE ticket=?", (command.ticket,)).first()
    expires_at = command.finished_at + LIFETIME_MS
    if known or expires_at <= now.at:
        return None
    before = _open(session, "window=?", command.window)
    if before is not None:
        _end(session, hall, now, before, "timed_out", why="next_service")
    id_ = session.new_id()
    session.connection.exec_driver_sql(
        "INSERT INTO evaluation (id, ticket, window, state, invited_at, expires_at) VALUES (?, ?, ?, 'invited', ?, ?)",
        (id_, command.ticket, command.window, now.at, expires_at),
    )
    data = {"evaluation": id_, "ticket": command.ticket, "window": command.window, "expires_at": expires_at}
    append(session, hall, now, "evaluation.invited", command.ticket, "hall", **data)
    return id_


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
        "UPDATE evaluation SET state='rated', ended_at=?, level=?, channel=?, reasons=?, comment=? WHERE id=?",
        (now.at, command.level, command.channel, json.dumps(command.reasons), command.comment or None, found.id),
    )
    data = {"evaluation": found.id, "ticket": found.ticket, "window": found.window, "level": command.level}
    append(session, hall, now, "evaluation.rated", found.ticket, command.actor, **data, channel=command.channel)
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
class Started:
    ticket: str
    window: int


def service_started(session: Session, _hall: Hall, now: Now, command: Started) -> None:
    """The next service has begun: the invitation still open at this window has the grace left, no more.

    Told again after that service is over (a restart tells the last minute again), it changes nothing: the invitation
    open by then is that service's own.
    """
    session.connection.exec_driver_sql(
        "UPDATE evaluation SET expires_at = min(expires_at, ?) WHERE state='invited' AND window=?"
        " AND EXISTS (SELECT 1 FROM ticket WHERE id=? AND state='serving')",
        (now.at + GRACE_MS, command.window, command.ticket),
    )


def expire(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Ends every invitation whose time is over: silence is 未评价, never a level."""
    rows = session.connection.exec_driver_sql(f"{OPEN_SQL} AND expires_at <= ?", (now.at,)).all()
    for row in rows:
        _end(session, hall, now, Open(*row), "timed_out")
    return len(rows)


def _end(session: Session, hall: Hall, now: Now, invitation: Open, state: str, **more: Any) -> None:
    session.connection.exec_driver_sql(
        "UPDATE evaluation SET state=?, ended_at=? WHERE id=?", (state, now.at, invitation.id)
    )
    data = {"evaluation": invitation.id, "ticket": invitation.ticket, "window": invitation.window} | more
    append(session, hall, now, f"evaluation.{state}", invitation.ticket, "hall", **data)
