"""The moves of a window itself: known, paused, resumed, closed, opened, armed; who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

Sign = Literal["wait_a_moment", "suspended", "go_to", "away"]
KEEP_MS = 4 * 3_600_000
"""A case that was called longer ago does not keep its clerk signed in over midnight: it was forgotten."""


@dataclass(frozen=True, slots=True)
class Row:
    no: int
    state: Literal["open", "paused"]
    sign: Sign | Literal["closed", "noon"] | None
    armed_at: int | None


def window_row(session: Session, hall: Hall, no: int) -> Row:
    """Raises Refused (404) for a window that the hall does not have."""
    if no not in hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)
    row = session.connection.exec_driver_sql("SELECT no, state, sign, armed_at FROM window WHERE no=?", (no,)).one()
    return Row(row[0], row[1], row[2], row[3])


def closed(connection: Statements, now: Now) -> set[int]:
    """The windows that have closed for today; one that is only paused comes back."""
    return {row[0] for row in connection.exec_driver_sql("SELECT no FROM window WHERE closed_on=?", (now.day,))}


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
    not_closed(window_row(session, hall, command.window))
    if command.sign == "go_to":
        _may_point(session, hall, command)
    told = (command.sign, command.resume, command.contact, command.other, command.place)
    changed = session.connection.exec_driver_sql(
        "UPDATE window SET state='paused', sign=?, resume=?, contact=?, other=?, place=?, armed_at=NULL, since=?"
        " WHERE no=? AND (state, sign, resume, contact, other, place) IS NOT ('paused', ?, ?, ?, ?, ?)",
        (*told, now.at, command.window, *told),
    )
    if changed.rowcount:
        tell_paused(session, hall, now, command.window, command.actor, command.sign, command.resume)


def _may_point(session: Session, hall: Hall, command: Pause) -> None:
    """Raises Refused (422, 409)."""
    if command.other not in hall.window or command.other == command.window:
        raise Refused("no_such_window", "请选择另一个窗口", f"go_to {command.other!r}", 422)
    if window_row(session, hall, command.other).sign == "closed":
        raise Refused("window_closed", f"{command.other}号窗口已停止服务，请另选窗口", f"go_to {command.other}")


@dataclass(frozen=True, slots=True)
class SignIn:
    window: int
    staff: str
    actor: str


def sign_in(session: Session, hall: Hall, now: Now, command: SignIn) -> None:
    """Who serves here from now on; a clerk is signed in at one window only, and leaves the one before.

    What was closed on an earlier day is open again. A hand-over ends, unless its deputy comes back.
    """
    window_row(session, hall, command.window)
    known_clerk(hall, command.staff)
    leave_others(session, hall, now, command.window, command.staff, command.actor)
    changed = session.connection.exec_driver_sql(
        "UPDATE window SET staff=?1, staff_day=?2, staff_since=?4, handing_to=NULL, handing_at=NULL,"
        " principal=CASE deputy WHEN ?1 THEN principal END, deputy=CASE deputy WHEN ?1 THEN deputy END"
        " WHERE no=?3 AND (staff, staff_day) IS NOT (?1, ?2)",
        (command.staff, now.day, command.window, now.at),
    )
    if changed.rowcount:
        tell(session, hall, now, "window.signed_in", command.window, command.actor, staff=command.staff)
    if session.connection.exec_driver_sql(f"{REOPEN} AND closed_on < ?", (now.at, command.window, now.day)).rowcount:
        tell(session, hall, now, "window.opened", command.window, command.actor)


def known_clerk(hall: Hall, staff: str) -> None:
    """Raises Refused (404)."""
    if staff not in hall.clerk:
        raise Refused("no_such_staff", "没有这个工号", f"staff {staff!r}", 404)


def leave_others(session: Session, hall: Hall, now: Now, window: int, staff: str, actor: str) -> None:
    """Signs the clerk out of every window but this one. Raises Refused (409) while a case is in hand there."""
    at = session.connection.exec_driver_sql("SELECT no FROM window WHERE staff=? AND no<>?", (staff, window))
    for (no,) in at.all():
        _no_case(session, no)
    left = session.connection.exec_driver_sql(
        "UPDATE window SET staff=NULL, handing_to=NULL, handing_at=NULL WHERE staff=? AND no<>? RETURNING no",
        (staff, window),
    ).all()
    for (no,) in left:
        if no in hall.window:
            tell(session, hall, now, "window.signed_out", no, actor, staff=staff)
            _waits_no_more(session, hall, now, no, actor)


@dataclass(frozen=True, slots=True)
class SignOut:
    window: int
    actor: str


def sign_out(session: Session, hall: Hall, now: Now, command: SignOut) -> None:
    """Nobody is there any more: the next arrival is not called here. Raises Refused (409) while a case is in hand."""
    window_row(session, hall, command.window)
    before = session.connection.exec_driver_sql("SELECT staff FROM window WHERE no=?", (command.window,)).scalar_one()
    if before is None:
        return
    _no_case(session, command.window)
    session.connection.exec_driver_sql(
        "UPDATE window SET staff=NULL, handing_to=NULL, handing_at=NULL WHERE no=?", (command.window,)
    )
    tell(session, hall, now, "window.signed_out", command.window, command.actor, staff=before)
    _waits_no_more(session, hall, now, command.window, command.actor)


def _no_case(session: Session, no: int) -> None:
    """Whoever has begun a case ends it, or hands the window over (WIN-09, WIN-13)."""
    case = session.connection.exec_driver_sql(IN_HAND, (no,)).first()
    if case is not None and case[0] == no:
        raise Refused("ticket_in_hand", f"{no}号窗口{case[1]}号还没有办结，请先办结、挂起或交接", f"window {no}")


def _waits_no_more(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    if disarm(session, no):
        tell(session, hall, now, "window.disarmed", no, actor)


FORGOTTEN = """
SELECT no, staff FROM window WHERE staff IS NOT NULL AND (staff_day IS NULL OR staff_day < ?) AND NOT EXISTS (
  SELECT 1 FROM ticket WHERE window=no AND state IN ('called', 'serving') AND coalesce(since, called_at) >= ?)
"""


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Signs out who forgot to on an earlier day: a window that nobody came to must not look served. How many.

    Not who has a case in hand: that goes on to its end, and the next call of this finds it ended (延时服务). Nor does
    such a window wait for the first visitor of today, unless the hall never closes.
    """
    session.connection.exec_driver_sql(
        "UPDATE window SET principal=NULL, deputy=NULL WHERE deputy IS NOT NULL AND staff IS NULL AND staff_day < ?",
        (now.day,),
    )
    left = session.connection.exec_driver_sql(FORGOTTEN, (now.day, now.at - KEEP_MS)).all()
    for no, staff in left:
        session.connection.exec_driver_sql(
            "UPDATE window SET staff=NULL, handing_to=NULL, handing_at=NULL, principal=NULL, deputy=NULL WHERE no=?",
            (no,),
        )
        if no in hall.window:
            tell(session, hall, now, "window.signed_out", no, "clock", staff=staff, why="day_closed")
    for no in _armed_before(session, hall, now):
        _waits_no_more(session, hall, now, no, "clock")
    return len(left)


def _armed_before(session: Session, hall: Hall, now: Now) -> list[int]:
    """Nobody is signed in there, and it asked for a visitor on an earlier day."""
    found = session.connection.exec_driver_sql(
        "SELECT no, armed_at FROM window WHERE armed_at IS NOT NULL AND staff IS NULL ORDER BY no"
    ).all()
    waits = [no for no, at in found if no in hall.window and local(at, hall.zone_info).date().isoformat() < now.day]
    return [] if not waits or days.day_on(session.connection, hall, now.day).always else waits


@dataclass(frozen=True, slots=True)
class Resume:
    window: int
    actor: str


REOPEN = """
UPDATE window SET state='open', sign=NULL, resume=NULL, contact=NULL, other=NULL, place=NULL, closed_on=NULL, since=?
WHERE no=? AND state<>'open'
"""


def resume(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    """Raises Refused (409) when the window is closed: that is no pause."""
    not_closed(window_row(session, hall, command.window))
    if session.connection.exec_driver_sql(REOPEN, (now.at, command.window)).rowcount:
        tell(session, hall, now, "window.resumed", command.window, command.actor)


def not_closed(row: Row) -> None:
    """Raises Refused (409)."""
    if row.sign == "closed":
        raise Refused("window_closed", "窗口已停止服务，请先重新开窗")


def pause_or_resume(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    """The one key of a call box for both."""
    if window_row(session, hall, command.window).state == "open":
        pause(session, hall, now, Pause(command.window, "wait_a_moment", command.actor))
    else:
        resume(session, hall, now, command)


@dataclass(frozen=True, slots=True)
class Close:
    window: int
    actor: str


def close(session: Session, hall: Hall, now: Now, command: Close) -> None:
    """No more service here today. Raises Refused (409) while a case is in hand: it is served to its end.

    The last 综合窗口 stays while any other window has one: it coordinates who else must stay (延时服务).
    """
    if window_row(session, hall, command.window).sign == "closed":
        return
    _nothing_open(session, hall, command.window)
    session.connection.exec_driver_sql(
        "UPDATE window SET state='paused', sign='closed', resume=NULL, contact=NULL, other=NULL, place=NULL,"
        " armed_at=NULL, closed_on=?, since=? WHERE no=?",
        (now.day, now.at, command.window),
    )
    tell(session, hall, now, "window.closed", command.window, command.actor)


IN_HAND = """
SELECT window, number FROM ticket WHERE window IS NOT NULL AND state IN ('called', 'serving') ORDER BY window<>?, window
"""


def _nothing_open(session: Session, hall: Hall, no: int) -> None:
    case = session.connection.exec_driver_sql(IN_HAND, (no,)).first()
    if case is not None and case[0] == no:
        raise Refused("ticket_in_hand", f"{case[1]}号还没有办结，办结后再停止服务", f"window {no}")
    if case is not None and _is_last_comprehensive(session, hall, no):
        raise Refused("others_serve", f"{case[0]}号窗口{case[1]}号还没有办结，请综合窗口协调", f"window {case[0]}")


def _is_last_comprehensive(session: Session, hall: Hall, no: int) -> bool:
    opened = {row[0] for row in session.connection.exec_driver_sql("SELECT no FROM window WHERE state='open'")}
    of_kind = {each.no for each in hall.windows if each.kind == "comprehensive"}
    return no in of_kind and not (opened & of_kind) - {no}


def open_again(session: Session, hall: Hall, now: Now, command: Close) -> None:
    """Undoes `close`, and nothing else."""
    if window_row(session, hall, command.window).sign != "closed":
        return
    session.connection.exec_driver_sql(REOPEN, (now.at, command.window))
    tell(session, hall, now, "window.opened", command.window, command.actor)


def stop_waiting(session: Session, hall: Hall, now: Now, command: Resume) -> None:
    """The window asked for the next visitor, nobody came, and it does not wait any more. Raises Refused (409)."""
    if window_row(session, hall, command.window).armed_at is None:
        raise Refused("not_armed", "窗口没有在等人")
    disarm(session, command.window)
    tell(session, hall, now, "window.disarmed", command.window, command.actor)


def arm(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    """The next arrival that this window may serve is called to it at once."""
    armed = session.connection.exec_driver_sql(
        "UPDATE window SET armed_at=? WHERE no=? AND armed_at IS NULL", (now.at, no)
    )
    if armed.rowcount:
        tell(session, hall, now, "window.armed", no, actor)


def disarm(session: Session, no: int) -> bool:
    """Whether it was armed."""
    sql = "UPDATE window SET armed_at=NULL WHERE no=? AND armed_at IS NOT NULL"
    return bool(session.connection.exec_driver_sql(sql, (no,)).rowcount)


def tell(session: Session, hall: Hall, now: Now, type_: str, no: int, actor: str, **data: Any) -> None:
    append(session, hall, now, type_, f"window:{no}", actor, window=no, zone=hall.window[no].zone, **data)


def tell_paused(session: Session, hall: Hall, now: Now, no: int, actor: str, sign: str, resume: str | None) -> None:
    """`resume`: until when, as the sign says it; None where nobody knows."""
    until = {"resume": resume} if resume else {}
    tell(session, hall, now, "window.paused", no, actor, sign=sign, **until)
