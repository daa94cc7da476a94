"""Help, dispute, emergency, hazard: a window tells, or a kiosk; somebody acknowledges by name, and says what was done.

What nobody acknowledges in time is told once more, to more people. The journal names the alert, its words stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.clock import STEP_BACK_MS, Now, rfc3339
from edge.database import Session
from edge.hall import Hall
from edge.hallwindows import Alert, AlertKind
from edge.journal import append
from edge.mask import hide_numbers
from edge.refusal import Refused
from edge.statements import Statements
from edge.windows.desk import window_row

KINDS: Mapping[str, str] = {"help": "求助", "dispute": "纷争", "emergency": "紧急情况", "hazard": "安全隐患"}
CLOSED_SHOWN = 50
LONGEST = 1000
"""Characters of all that was said in one alert."""
AT_KIOSK, ASKED = "kiosk:", "有人请求帮助"
"""Stands before the id of a kiosk in the place of a kind; the window is 0."""
COMING_MS = 180_000
"""So long whoever has acknowledged a kiosk's call is on the way."""


# ---- what a window does


@dataclass(frozen=True, slots=True)
class Press:
    window: int
    kind: AlertKind
    words: str
    actor: str


def press(session: Session, hall: Hall, now: Now, command: Press) -> str:
    """The alert's id. Pressed again before somebody has acknowledged it, it is the same one, and new words are added.

    After that it is a new one: whoever presses again may be in a new need. Raises Refused (404).
    """
    window_row(session, hall, command.window)
    words = hide_numbers(command.words)
    waits = session.connection.exec_driver_sql(
        "SELECT id, words FROM window_alert WHERE window=? AND kind=? AND acknowledged_at IS NULL",
        (command.window, command.kind),
    ).first()
    if waits is None:
        return _raise(session, hall, now, command.window, command.kind, words, command.actor)
    if words and words not in waits[1]:
        session.connection.exec_driver_sql(
            "UPDATE window_alert SET words=? WHERE id=?",
            ("；".join(filter(None, (waits[1], words)))[:LONGEST], waits[0]),
        )
        _tell(session, hall, now, "alert_added", _row(session.connection, waits[0]), command.actor)
    return str(waits[0])


def _raise(session: Session, hall: Hall, now: Now, window: int, kind: str, words: str, actor: str) -> str:
    id_ = session.new_id()
    session.connection.exec_driver_sql(
        "INSERT INTO window_alert (id, window, kind, words, staff, raised_at, due_at)"
        " VALUES (?, ?, ?, ?, (SELECT staff FROM window WHERE no=?), ?, ?)",
        (id_, window, kind, words, window, now.at, _due_at(hall, now, kind)),
    )
    _tell(session, hall, now, "alerted", _row(session.connection, id_), actor)
    return id_


def _told(hall: Hall, kind: str) -> Alert:
    told: Alert = getattr(hall.alerts, kind.partition(":")[0])
    return told


def _due_at(hall: Hall, now: Now, kind: str) -> int:
    return now.at + round(_told(hall, kind).within_s * 1000)


# ---- what a visitor at a kiosk does


@dataclass(frozen=True, slots=True)
class Call:
    kiosk: str
    actor: str


def call(session: Session, hall: Hall, now: Now, command: Call) -> str:
    """The alert's id. A kiosk has one open at most: pressed again it is the same one.

    It is told anew where whoever acknowledged it should long have been there: another visitor may stand there now.
    Raises Refused (404).
    """
    if command.kiosk not in hall.kiosk:
        raise Refused("no_such_kiosk", "请到导办台", f"kiosk {command.kiosk!r}", 404)
    kind = AT_KIOSK + command.kiosk
    found = _rows(session.connection, "WHERE kind=? AND closed_at IS NULL", kind)
    if not found:
        return _raise(session, hall, now, 0, kind, "", command.actor)
    (row,) = found
    if row.acknowledged_at is not None and abs(now.at - row.acknowledged_at) > COMING_MS:
        session.connection.exec_driver_sql(
            "UPDATE window_alert SET raised_at=?, due_at=?, escalated_at=NULL, acknowledged_at=NULL,"
            " acknowledged_by=NULL WHERE id=?",
            (now.at, _due_at(hall, now, kind), row.id),
        )
        _tell(session, hall, now, "alerted", row, command.actor)
    return row.id


# ---- what those who are told do


@dataclass(frozen=True, slots=True)
class Acknowledge:
    alert: str
    by: str
    """The person's name."""
    actor: str


def acknowledge(session: Session, hall: Hall, now: Now, command: Acknowledge) -> str:
    """Raises Refused (404), and (409) when another has."""
    row = _row(session.connection, command.alert)
    if row.acknowledged_by == command.by:
        return row.id
    if row.acknowledged_by is not None:
        raise Refused("acknowledged", f"{row.acknowledged_by}已经在处理", f"alert {row.id}")
    _acknowledged(session, hall, now, row, command.by, command.actor)
    return row.id


def _acknowledged(session: Session, hall: Hall, now: Now, row: _Row, by: str, actor: str) -> None:
    session.connection.exec_driver_sql(
        "UPDATE window_alert SET acknowledged_at=?, acknowledged_by=? WHERE id=?", (now.at, by, row.id)
    )
    _tell(session, hall, now, "alert_acknowledged", row, actor)


@dataclass(frozen=True, slots=True)
class Close:
    alert: str
    by: str
    done: str
    actor: str


def close(session: Session, hall: Hall, now: Now, command: Close) -> str:
    """Says what was done. Who closes what nobody acknowledged has acknowledged it. Raises Refused (404, 409)."""
    row, done = _row(session.connection, command.alert), hide_numbers(command.done)
    if (row.closed_by, row.done) == (command.by, done):
        return row.id
    if row.closed_by is not None:
        raise Refused("alert_closed", f"{row.closed_by}已经处理完毕", f"alert {row.id}")
    if row.acknowledged_by is None:
        _acknowledged(session, hall, now, row, command.by, command.actor)
    session.connection.exec_driver_sql(
        "UPDATE window_alert SET closed_at=?, closed_by=?, done=?, closed_on=? WHERE id=?",
        (now.at, command.by, done, now.day, row.id),
    )
    _tell(session, hall, now, "alert_closed", row, command.actor)
    return row.id


# ---- what the clock does

OVERDUE = "FROM window_alert WHERE acknowledged_at IS NULL AND escalated_at IS NULL AND (due_at <= ? OR raised_at > ?)"
"""A clock that went back must not make anybody wait longer: what seems to be of the future is told at once."""


def overdue(connection: Statements, now: Now) -> bool:
    found = connection.exec_driver_sql(f"SELECT 1 {OVERDUE} LIMIT 1", (now.at, now.at + STEP_BACK_MS))
    return found.first() is not None


def escalate(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Tells once more what nobody has acknowledged in time. How many."""
    late = session.connection.exec_driver_sql(
        f"SELECT {FIELDS} {OVERDUE} ORDER BY raised_at, id",
        (now.at, now.at + STEP_BACK_MS),
    ).all()
    for row in (_Row(*each) for each in late):
        session.connection.exec_driver_sql("UPDATE window_alert SET escalated_at=? WHERE id=?", (now.at, row.id))
        _tell(session, hall, now, "alert_escalated", row, "clock")
    return len(late)


def forget_words(session: Session, _hall: Hall, now: Now, _command: None) -> int:
    """Of what was closed on an earlier day only what was done is kept: what a window told may speak of a visitor."""
    return session.connection.exec_driver_sql(
        "UPDATE window_alert SET words='' WHERE words<>'' AND closed_on < ?", (now.day,)
    ).rowcount


# ---- rows

FIELDS = (
    "id, window, kind, words, staff, raised_at, due_at, escalated_at, acknowledged_at, acknowledged_by,"
    " closed_at, closed_by, done"
)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    window: int
    kind: str
    words: str
    staff: str | None
    raised_at: int
    due_at: int
    escalated_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    closed_at: int | None
    closed_by: str | None
    done: str | None

    @property
    def kiosk(self) -> str | None:
        return self.kind.removeprefix(AT_KIOSK) if self.kind.startswith(AT_KIOSK) else None


def _rows(connection: Statements, rest: str, *values: Any) -> list[_Row]:
    return [_Row(*row) for row in connection.exec_driver_sql(f"SELECT {FIELDS} FROM window_alert {rest}", values)]  # noqa: S608  our own words


def _row(connection: Statements, id_: str) -> _Row:
    found = _rows(connection, "WHERE id=?", id_)
    if not found:
        raise Refused("no_such_alert", "没有这条求助", f"alert {id_!r}", 404)
    return found[0]


def _tell(session: Session, hall: Hall, now: Now, what: str, row: _Row, actor: str) -> None:
    """A window or a kiosk may have left the hall since."""
    if row.kiosk is not None:
        place = hall.kiosk.get(row.kiosk)
        data: dict[str, Any] = {"alert": row.id, "kiosk": row.kiosk, "zone": place and place.zone}
        append(session, hall, now, f"kiosk.{what}", row.kind, actor, **data)
        return
    zone = hall.window[row.window].zone if row.window in hall.window else None
    data = {"alert": row.id, "kind": row.kind, "window": row.window, "zone": zone, "staff": row.staff}
    append(session, hall, now, f"window.{what}", f"window:{row.window}", actor, **data)


# ---- what is shown


def open_alerts(connection: Statements, hall: Hall, window: int | None = None) -> list[dict[str, Any]]:
    """Not closed yet, the oldest first; of the hall, or of one window. JSON-ready."""
    of_window, values = ("", ()) if window is None else (" AND window=?", (window,))
    return [
        _shown(hall, row)
        for row in _rows(connection, f"WHERE closed_at IS NULL{of_window} ORDER BY raised_at, id", *values)
    ]


def closed_alerts(connection: Statements, hall: Hall) -> list[dict[str, Any]]:
    """The last ones, the newest first. JSON-ready."""
    rest = "WHERE closed_at IS NOT NULL ORDER BY closed_at DESC, id DESC LIMIT ?"
    return [_shown(hall, row) for row in _rows(connection, rest, CLOSED_SHOWN)]


def alert(connection: Statements, hall: Hall, id_: str) -> dict[str, Any]:
    """Raises Refused (404)."""
    return _shown(hall, _row(connection, id_))


def _place(hall: Hall, row: _Row) -> str:
    if row.kiosk is None:
        return f"{row.window}号窗口"
    return hall.kiosk[row.kiosk].name if row.kiosk in hall.kiosk else f"取号机{row.kiosk}"


def _shown(hall: Hall, row: _Row) -> dict[str, Any]:
    told, zone = _told(hall, row.kind), hall.zone_info
    clerk = hall.clerk.get(row.staff or "")
    return {
        "id": row.id,
        "window": row.window or None,
        "kiosk": row.kiosk,
        "place": _place(hall, row),
        "kind": row.kind.partition(":")[0],
        "kind_words": ASKED if row.kiosk else KINDS[row.kind],
        "words": row.words,
        "staff": row.staff,
        "staff_name": clerk.name if clerk else None,
        "receivers": [*told.to, *(told.then if row.escalated_at else ())],
        "raised_at": rfc3339(row.raised_at, zone),
        "acknowledge_by": rfc3339(row.due_at, zone),
        "escalated_at": rfc3339(row.escalated_at, zone),
        "acknowledged_at": rfc3339(row.acknowledged_at, zone),
        "acknowledged_by": row.acknowledged_by,
        "closed_at": rfc3339(row.closed_at, zone),
        "closed_by": row.closed_by,
        "done": row.done,
    }
