"""Which window serves what, changed during the day: whoever waits keeps their place, and somebody who may call them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Window
from edge.queue import desk, moves, rows, sending
from edge.refusal import Refused
from edge.windows import desk as windows
from edge.windows import skills
from edge.windows.skills import Change

# ---- other skills


@dataclass(frozen=True, slots=True)
class SetSkills:
    window: int
    skills: tuple[str, ...]
    """The preferred one first."""
    until: Literal["day"] | None
    """Of an extra window always the day."""
    reason: str
    actor: str
    green: bool | None = None
    """None: as it is."""


def set_skills(session: Session, hall: Hall, now: Now, command: SetSkills) -> None:
    """From now on the window serves these; one that waited for an arrival is asked at once.

    Raises Refused: 404 for an unknown window or service, 409 where that would leave somebody without a window.
    """
    window = _window(session, hall, command.window)
    _must_know(hall, command.skills)
    green = window.green if command.green is None else command.green
    config: dict[str, Any] = {"skills": list(command.skills), "green": green}
    until = now.day if command.until == "day" else None
    there = skills.in_file(hall).get(window.no)
    if there is None:
        config, until = _extra(window.no, window.name, window.zone) | config, now.day
    elif (there.skills, there.green) == (command.skills, green):
        config, until = {}, None
    _change(session, hall, now, Change(window.no, config, until), command.actor, command.reason)


@dataclass(frozen=True, slots=True)
class Restore:
    window: int
    reason: str
    actor: str


def restore(session: Session, hall: Hall, now: Now, command: Restore) -> None:
    """The window serves what the hall file says. Raises Refused as `set_skills` does."""
    _window(session, hall, command.window)
    if command.window not in skills.in_file(hall):
        raise Refused("extra_window", f"{command.window}号是临时窗口，请直接修改它的业务，或停止服务")
    _change(session, hall, now, Change(command.window, {}, None), command.actor, command.reason)


def _change(session: Session, hall: Hall, now: Now, wanted: Change, actor: str, reason: str) -> None:
    nothing = Change(wanted.window, {}, None)
    stands = {each.window: each for each in skills.changes(session.connection)}
    if wanted == stands.get(wanted.window, nothing):
        return
    skills.write(session, now, wanted, actor, reason)
    changed = skills.effective(session.connection, hall)
    lost = _tell(session, hall, changed, now, wanted, actor, reason)
    _settle(session, changed, now, wanted.window, lost, actor)
    _must_be_served(session, changed, lost)


def _tell(
    session: Session, before: Hall, after: Hall, now: Now, change: Change, actor: str, reason: str
) -> tuple[str, ...]:
    """What the window serves no more."""
    was, is_ = before.window[change.window], after.window[change.window]
    told = {"from": was.skills, "to": is_.skills, "green": is_.green, "until": change.until, "reason": reason}
    windows.tell(session, after, now, "window.skills_changed", is_.no, actor, **told)
    return tuple(each for each in was.skills if each not in is_.skills)


def _settle(session: Session, hall: Hall, now: Now, no: int, lost: Iterable[str], actor: str) -> None:
    """Who was sent here for what is served here no more waits in their line; a window that has waited is asked."""
    for id_ in sending.give_back(session, no, lost):
        ticket = rows.ticket_by_id(session, id_)
        moves.make(session, hall, now, "due", ticket, actor, None, why="window_changed")
        desk.call_if_armed(session, hall, now, ticket, actor)
    if no in hall.window and windows.window_row(session, hall, no).armed_at is not None:
        with contextlib.suppress(Refused):  # nobody is called now: the hall is closed
            desk.call_next(session, hall, now, desk.CallNext(no, actor))


# ---- a window that the file does not have


@dataclass(frozen=True, slots=True)
class Add:
    window: int
    name: str
    zone: str
    skills: tuple[str, ...]
    reason: str
    actor: str
    green: bool = False


def add(session: Session, hall: Hall, now: Now, command: Add) -> None:
    """An extra window for the day, open at once. Raises Refused: 409 for a number that is taken, 404."""
    no = command.window
    if no in hall.window:
        raise Refused("window_exists", f"已有{no}号窗口，请换一个窗口号", hall.window[no].name)
    if command.zone not in hall.zone:
        raise Refused("no_such_zone", "没有这个区域", f"zone {command.zone!r}", 404)
    _must_know(hall, command.skills)
    config = _extra(no, command.name, command.zone) | {"skills": list(command.skills), "green": command.green}
    skills.write(session, now, Change(no, config, now.day), command.actor, command.reason)
    # A window that an earlier file had may have left its row.
    session.connection.exec_driver_sql(
        "INSERT OR REPLACE INTO window (no, state, since) VALUES (?, 'open', ?)", (no, now.at)
    )
    changed = skills.effective(session.connection, hall)
    told = {"name": command.name, "skills": command.skills, "green": command.green, "until": now.day}
    windows.tell(session, changed, now, "window.added", no, command.actor, **told, reason=command.reason)


def close(session: Session, hall: Hall, now: Now, command: windows.Close) -> None:
    """As `windows.desk.close`; who was sent there waits in their line, and an extra window is gone with it.

    Raises Refused (409) too while people wait whom no other window may call, and while somebody's papers lie there.
    """
    before = windows.window_row(session, hall, command.window)
    windows.close(session, hall, now, command)
    in_file = command.window in skills.in_file(hall)
    if in_file and before.sign == "closed":
        return
    if number := _papers(session, command.window):
        raise Refused("ticket_held", f"{number}号还挂起在{command.window}号窗口，请先回呼办结", f"{command.window}")
    if in_file:
        _point_elsewhere(session, hall, now, command.window, command.actor)
        _settle(session, hall, now, command.window, sending.bound(session, now.day, command.window), command.actor)
        _leaves_nobody(session, hall, now, command.window)
        return
    sent = sending.services_of(session, command.window)
    lost = dict.fromkeys([*hall.window[command.window].skills, *sent])
    skills.write(session, now, Change(command.window, {}, None), command.actor, "")
    changed = skills.effective(session.connection, hall)
    _take_away(session, hall, now, command.window, command.actor)
    _settle(session, changed, now, command.window, changed.service, command.actor)
    _must_be_served(session, changed, lost)


def _take_away(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    """Nothing is in hand there, and nobody's papers."""
    windows.sign_out(session, hall, now, windows.SignOut(no, actor))
    windows.tell(session, hall, now, "window.removed", no, actor)
    run = session.connection.exec_driver_sql
    run("DELETE FROM window WHERE no=?", (no,))
    run("UPDATE ticket SET window=NULL WHERE window=? AND state IN ('missed', 'held')", (no,))
    _point_elsewhere(session, hall, now, no, actor)


def _point_elsewhere(session: Session, hall: Hall, now: Now, no: int, actor: str) -> None:
    """No sign sends anybody there any more."""
    sql = "UPDATE window SET sign=iif(sign='go_to', 'wait_a_moment', sign), other=NULL WHERE other=?"
    for other, sign, resume in session.connection.exec_driver_sql(f"{sql} RETURNING no, sign, resume", (no,)).all():
        if other in hall.window:
            windows.tell_paused(session, hall, now, other, actor, sign, resume)


# ---- what must hold


def _extra(no: int, name: str, zone: str) -> dict[str, Any]:
    return {"no": no, "name": name, "zone": zone}


def _window(session: Session, hall: Hall, no: int) -> Window:
    windows.window_row(session, hall, no)
    return hall.window[no]


def _must_know(hall: Hall, services: Iterable[str]) -> None:
    for service in services:
        if service not in hall.service:
            raise Refused("no_such_service", "没有这项业务", f"service {service!r}", 404)


def _leaves_nobody(session: Session, hall: Hall, now: Now, no: int) -> None:
    """Who holds a number is served, or booked anew by somebody with a name. Raises Refused (409)."""
    closed = windows.closed(session.connection, now)
    for service in hall.window[no].skills:
        if not closed.issuperset(hall.able[service]):
            continue
        waits, comes = _waiting(session, service), _coming(session, hall, now, service)
        if waits or comes:
            told = f"还有{waits}人等候" if waits else f"还有{comes}人办完前面的步骤要来"
            title = f"{hall.service[service].name}{told}，没有别的窗口办理，请办完、改约，或挂暂停牌"
            raise Refused("people_wait", title, f"service {service!r}")


COMING_SQL = """
SELECT count(*) FROM ticket WHERE day=? AND visit=? AND step < ? AND state IN ('waiting', 'called', 'serving', 'held')
"""


def _coming(session: Session, hall: Hall, now: Now, service: str) -> int:
    """Whose visit has this for a later step."""
    visits = [(each.id, each.steps.index(service)) for each in hall.services if service in each.steps]
    run = session.connection.exec_driver_sql
    return sum(run(COMING_SQL, (now.day, visit, step)).scalar_one() for visit, step in visits)


OPEN_SQL = "SELECT no FROM window WHERE state='open' OR sign='noon'"
"""A window that goes on by itself after the break counts."""
WAITING_SQL = "SELECT count(*) FROM ticket WHERE state='waiting' AND service=? AND coalesce(for_window, 0)=0"


def _must_be_served(session: Session, hall: Hall, lost: Iterable[str]) -> None:
    """After a change that has been written: each service has a window, today and on the days after, and one that is
    open where people wait for what another has stopped to serve. Raises Refused (409).
    """
    changes = skills.changes(session.connection)
    today = skills.windows(hall, changes)
    for service in skills.unserved(hall, today):
        name, waits = hall.service[service].name, _waiting(session, service)
        told = f"{name}还有{waits}人等候，" if waits else ""
        raise Refused(
            "nobody_serves", f"{told}没有别的窗口办理{name}，请先给别的窗口加上{name}", f"service {service!r}"
        )
    for service in skills.unserved(hall, skills.windows(hall, [each for each in changes if each.until is None])):
        name = hall.service[service].name
        title = f"明天起没有窗口办理{name}，请选择“仅今天”，或先给别的窗口长期加上{name}"
        raise Refused("nobody_serves_later", title, f"service {service!r}")
    opened = {row[0] for row in session.connection.exec_driver_sql(OPEN_SQL)}
    for service in lost:
        able = [each.no for each in today if service in each.skills]
        waits = _waiting(session, service)
        if waits and not opened.intersection(able):
            doors = "、".join(map(str, able))
            title = f"{hall.service[service].name}还有{waits}人等候，能办理的{doors}号窗口没有开放，请先开放"
            raise Refused("nobody_open", title, f"service {service!r}")


def _waiting(session: Session, service: str) -> int:
    """How many count on any window of their line."""
    found: int = session.connection.exec_driver_sql(WAITING_SQL, (service,)).scalar_one()
    return found


PAPERS_SQL = """
SELECT number FROM ticket WHERE window=? AND state='held' AND coalesce(hold, 'with_papers') <> 'without_papers' LIMIT 1
"""


def _papers(session: Session, no: int) -> str | None:
    """The number of somebody who may go on at this window only."""
    found = session.connection.exec_driver_sql(PAPERS_SQL, (no,)).first()
    return found[0] if found else None


# ---- what the clock does


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Windows that were changed for a day that is over are as in the file; extra ones are gone. How many.

    Not an extra one with a case in hand: that goes on to its end, and the next call of this finds it ended.
    """
    over = [each.window for each in skills.changes(session.connection) if each.until and each.until < now.day]
    ending = [no for no in over if no in skills.in_file(hall) or not _kept(session, no)]
    for no in ending:
        skills.write(session, now, Change(no, {}, None), "clock", "")
    changed = skills.effective(session.connection, hall)
    for no in ending:
        lost: Iterable[str] = changed.service
        if no in changed.window:
            lost = _tell(session, hall, changed, now, Change(no, {}, None), "clock", "")
        elif no in hall.window:
            _take_away(session, hall, now, no, "clock")
        _settle(session, changed, now, no, lost, "clock")
    return len(ending)


def _kept(session: Session, no: int) -> bool:
    return rows.in_hand(session, no) is not None or _papers(session, no) is not None
