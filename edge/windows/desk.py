"""The moves of a window itself: known, paused, resumed, armed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused

Sign = Literal["wait_a_moment", "suspended", "go_to", "away"]


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
    resume: str | None = None
    """When service goes on, `14:30`."""
    contact: str | None = None
    other: int | None = None
    """The window to go to, with `go_to`."""
    place: str | None = None
    """Where the clerk is, with `away`."""


def pause(session: Session, hall: Hall, now: Now, command: Pause) -> None:
    """Puts a sign up and takes the window out of the round; a ticket in hand may still be finished."""
    window_row(session, hall, command.window)
    if command.sign == "go_to" and (command.other not in hall.window or command.other == command.window):
        raise Refused("no_such_window", "请选择另一个窗口", f"go_to {command.other!r}", 422)
    told = (command.sign, command.resume, command.contact, command.other, command.place)
    changed = session.connection.exec_driver_sql(
        "UPDATE window SET state='paused', sign=?, resume=?, contact=?, other=?, place=?, armed_at=NULL, since=?"
        " WHERE no=? AND (state, sign, resume, contact, other, place) IS NOT ('paused', ?, ?, ?, ?, ?)",
        (*told, now.at, command.window, *told),
    )
    if changed.rowcount:
        _tell(session, hall, now, "window.paused", command.window, command.actor, sign=command.sign)


@dataclass(frozen=True, slots=True)
class SignIn:
    window: int
    staff: str
    actor: str


def sign_in(session: Session, hall: Hall, now: Now, command: SignIn) -> None:
    """Who serves here from now on; a clerk is signed in at one window only, and leaves the one before."""
    window_row(session, hall, command.window)
    if command.staff not in hall.clerk:
        raise Refused("no_such_staff", "没有这个工号", f"staff {command.staff!r}", 404)
    left = session.connection.exec_driver_sql(
        "UPDATE window SET staff=NULL WHERE staff=? AND no<>? RETURNING no", (command.staff, command.window)
    ).all()
    for row in left:
        _tell(session, hall, now, "window.signed_out", row[0], command.actor, staff=command.staff)
    changed = session.connection.exec_driver_sql(
        "UPDATE window SET staff=?, staff_day=? WHERE no=? AND (staff, staff_day) IS NOT (?, ?)",
        (command.staff, now.day, command.window, command.staff, now.day),
    )
    if changed.rowcount:
        _tell(session, hall, now, "window.signed_in", command.window, command.actor, staff=command.staff)


@dataclass(frozen=True, slots=True)
class SignOut:
    window: int
    actor: str


def sign_out(session: Session, hall: Hall, now: Now, command: SignOut) -> None:
    window_row(session, hall, command.window)
    before = session.connection.exec_driver_sql("SELECT staff FROM window WHERE no=?", (command.window,)).scalar_one()
    if before is None:
        return
    session.connection.exec_driver_sql("UPDATE window SET staff=NULL WHERE no=?", (command.window,))
    _tell(session, hall, now, "window.signed_out", command.window, command.actor, staff=before)


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Signs out who forgot to on an earlier day: a window that nobody came to must not look served. How many."""
    left = session.connection.exec_driver_sql(
        "SELECT no, staff FROM window WHERE staff IS NOT NULL AND (staff_day IS NULL OR staff_day < ?)", (now.day,)
    ).all()
    for no, staff in left:
        session.connection.exec_driver_sql("UPDATE window SET staff=NULL WHERE no=?", (no,))
        if no in hall.window:
            _tell(session, hall, now, "window.signed_out", no, "clock", staff=staff)
    return len(left)


@dataclass(frozen=True, slots=True)
class Resume:
    window: int
    actor: str


def resume(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    if window_row(session, hall, command.window).state == "open":
        return
    session.connection.exec_driver_sql(
        "UPDATE window SET state='open', sign=NULL, resume=NULL, contact=NULL, other=NULL, place=NULL, since=?"
        " WHERE no=?",
        (now.at, command.window),
    )
    _tell(session, hall, now, "window.resumed", command.window, command.actor)


def pause_or_resume(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    """The one key of a call box for both."""
    if window_row(session, hall, command.window).state == "open":
        pause(session, hall, now, Pause(command.window, "wait_a_moment", command.actor))
    else:
        resume(session, hall, now, command)


def stop_waiting(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    """The window asked for the next visitor, nobody came, and it does not wait any more. Raises Refused (409)."""
    if window_row(session, hall, command.window).armed_at is None:
        raise Refused("not_armed", "窗口没有在等人")
    disarm(session, command.window)
    _tell(session, hall, now, "window.disarmed", command.window, command.actor)


def arm(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    """The next arrival that this window may serve is called to it at once."""
    armed = session.connection.exec_driver_sql(
        "UPDATE window SET armed_at=? WHERE no=? AND armed_at IS NULL", (now.at, no)
    )
    if armed.rowcount:
        _tell(session, hall, now, "window.armed", no, actor)


def disarm(session: Session, no: int) -> None:
    session.connection.exec_driver_sql("UPDATE window SET armed_at=NULL WHERE no=? AND armed_at IS NOT NULL", (no,))


def _tell(session: Session, hall: Hall, now: Now, type_: str, no: int, actor: str, **data: str) -> None:
    append(session, hall, now, type_, f"window:{no}", actor, window=no, zone=hall.window[no].zone, **data)
