"""The moves of a window itself: known, paused, resumed, armed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused

Sign = Literal["wait_a_moment", "suspended"]
SIGN_WORDS: dict[Sign, str] = {"wait_a_moment": "对不起，请稍候", "suspended": "此窗口暂停服务"}


@dataclass(frozen=True, slots=True)
class Row:
    no: int
    state: Literal["open", "paused"]
    sign: Sign | None
    armed_at: int | None


def window_row(session: Session, hall: Hall, no: int) -> Row:
    """Raises Refused (404) for a window that the hall does not have."""
    if no not in hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)
    row = session.connection.exec_driver_sql("SELECT no, state, sign, armed_at FROM window WHERE no=?", (no,)).one()
    return Row(row[0], row[1], row[2], row[3])


def know_windows(session: Session, hall: Hall, now: Now, _command: None) -> None:
    """Gives every window of the hall file its row; a new one starts open."""
    for no in hall.window:
        session.connection.exec_driver_sql(
            "INSERT INTO window (no, state, since) VALUES (?, 'open', ?) ON CONFLICT DO NOTHING", (no, now.at)
        )


@dataclass(frozen=True, slots=True)
class Pause:
    window: int
    sign: Sign
    actor: str


def pause(session: Session, hall: Hall, now: Now, command: Pause) -> None:
    """Puts a sign up and takes the window out of the round; a ticket in hand may still be finished."""
    row = window_row(session, hall, command.window)
    if row.state == "paused" and row.sign == command.sign:
        return
    session.connection.exec_driver_sql(
        "UPDATE window SET state='paused', sign=?, armed_at=NULL, since=? WHERE no=?",
        (command.sign, now.at, command.window),
    )
    _tell(session, hall, now, "window.paused", command.window, command.actor, sign=command.sign)


@dataclass(frozen=True, slots=True)
class Resume:
    window: int
    actor: str


def resume(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    if window_row(session, hall, command.window).state == "open":
        return
    session.connection.exec_driver_sql(
        "UPDATE window SET state='open', sign=NULL, since=? WHERE no=?", (now.at, command.window)
    )
    _tell(session, hall, now, "window.resumed", command.window, command.actor)


def arm(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    """The next arrival that this window may serve is called to it at once."""
    armed = session.connection.exec_driver_sql(
        "UPDATE window SET armed_at=? WHERE no=? AND armed_at IS NULL", (now.at, no)
    )
    if armed.rowcount:
        _tell(session, hall, now, "window.armed", no, actor)


def disarm(session: Session, no: int) -> None:
    session.connection.exec_driver_sql("UPDATE window SET armed_at=NULL WHERE no=?", (no,))


def _tell(session: Session, hall: Hall, now: Now, type_: str, no: int, actor: str, **data: str) -> None:
    append(session, hall, now, type_, f"window:{no}", actor, window=no, zone=hall.window[no].zone, **data)
