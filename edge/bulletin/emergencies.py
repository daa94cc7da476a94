"""Use cases of a text that stands over everything on the screens of some zones or of all, until somebody clears it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edge.bulletin.desk import known_zones
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.mask import hide_id_numbers
from edge.refusal import Refused
from edge.statements import Statements


@dataclass(frozen=True, slots=True)
class Raise:
    words: str
    zones: tuple[str, ...]
    """Empty: all."""
    by: str
    actor: str


def raise_(session: Session, hall: Hall, now: Now, command: Raise) -> str:
    """Its id. What stood in no other zones than these is cleared: one text at a time. Raises Refused (422)."""
    words, zones = hide_id_numbers(command.words), known_zones(hall, command.zones)
    for id_, there in _standing(session.connection):
        if not command.zones or (there and set(there) <= set(command.zones)):
            _cleared(session, hall, now, Clear(id_, command.by, command.actor))
    id_ = session.new_id()
    session.connection.exec_driver_sql(
        "INSERT INTO emergency (id, words, zones, set_at, set_by) VALUES (?, ?, ?, ?, ?)",
        (id_, words, zones, now.at, command.by),
    )
    data = {"emergency": id_, "zones": json.loads(zones)}
    append(session, hall, now, "hall.emergency_set", id_, command.actor, **data)
    return id_


@dataclass(frozen=True, slots=True)
class Clear:
    emergency: str
    by: str
    actor: str


def clear(session: Session, hall: Hall, now: Now, command: Clear) -> str:
    """Off the screens; a second time it changes nothing. Raises Refused (404)."""
    row = session.connection.exec_driver_sql(
        "SELECT cleared_at FROM emergency WHERE id=?", (command.emergency,)
    ).first()
    if row is None:
        raise Refused("no_such_emergency", "没有这条紧急通知", status=404)
    if row[0] is None:
        _cleared(session, hall, now, command)
    return command.emergency


def _cleared(session: Session, hall: Hall, now: Now, command: Clear) -> None:
    session.connection.exec_driver_sql(
        "UPDATE emergency SET cleared_at=?, cleared_by=? WHERE id=?", (now.at, command.by, command.emergency)
    )
    data = {"emergency": command.emergency}
    append(session, hall, now, "hall.emergency_cleared", command.emergency, command.actor, **data)


def _standing(connection: Statements) -> list[tuple[str, list[str]]]:
    rows = connection.exec_driver_sql("SELECT id, zones FROM emergency WHERE cleared_at IS NULL").all()
    return [(id_, json.loads(zones)) for id_, zones in rows]
