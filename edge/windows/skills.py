"""What each window serves now: as the hall file says, and as was changed since without touching it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Window
from edge.statements import Statements


class Change(NamedTuple):
    """How a window differs from the hall file."""

    window: int
    config: Mapping[str, Any]
    """Fields of `Window`; of an extra window, which the file does not have, all that are set."""
    until: str | None
    """The last business day on which it holds; None: until it is changed."""


# ---- what holds in a transaction


def effective(connection: Statements, hall: Hall) -> Hall:
    """The hall with its windows as this transaction sees them; the same object while nothing has changed."""
    revision = connection.exec_driver_sql("SELECT max(id) FROM window_change").scalar_one()
    if revision == hall.__dict__.get("revision"):
        return hall
    return _with_windows(hall, covering(hall, windows(hall, changes(connection))), revision)


def as_of(connection: Statements, hall: Hall, at: int) -> Hall:
    """The hall with its windows as they were then (UTC, milliseconds), by the hall file of today."""
    return _with_windows(hall, covering(hall, windows(hall, changes(connection, at))), None)


def in_file(hall: Hall) -> dict[int, Window]:
    """The windows of the hall file, whatever was changed since."""
    found: dict[int, Window] = hall.__dict__.get("in_file", hall.window)
    return found


def _with_windows(hall: Hall, windows_: tuple[Window, ...], revision: int | None) -> Hall:
    changed = hall.model_copy(update={"windows": windows_})
    for derived in changed.__dict__.keys() - Hall.model_fields.keys():
        del changed.__dict__[derived]
    changed.__dict__.update(in_file=in_file(hall), revision=revision)
    return changed


def windows(hall: Hall, changed: Iterable[Change]) -> tuple[Window, ...]:
    """Those of the file, and the extra ones; without what a newer file knows nothing of, or has itself."""
    known = [(each.window, _known(hall, each.config)) for each in changed]
    differ = {no: config for no, config in known if "no" not in config}
    extra = [config for no, config in known if no not in in_file(hall) and config.get("zone") in hall.zone]
    return (
        *(each.model_copy(update=differ.get(no)) for no, each in in_file(hall).items()),
        *(Window.model_validate(config) for config in extra if "skills" in config),
    )


def _known(hall: Hall, config: Mapping[str, Any]) -> dict[str, Any]:
    """With those of its skills that the hall still has; without any, it says nothing of them."""
    skills = tuple(each for each in config["skills"] if each in hall.service)
    return {key: value for key, value in config.items() if key != "skills"} | ({"skills": skills} if skills else {})


def unserved(hall: Hall, windows_: Collection[Window]) -> list[str]:
    """The services in whose lines nobody could ever be called."""
    served = {skill for each in windows_ for skill in each.skills}
    return [each.id for each in hall.services if each.line == each.id and each.id not in served]


def covering(hall: Hall, windows_: tuple[Window, ...]) -> tuple[Window, ...]:
    """What the changes leave to no window, because the file is another one than they were made for, is as in it."""
    lost = set(unserved(hall, windows_))
    back = {no: each for no, each in in_file(hall).items() if lost.intersection(each.skills)}
    return tuple(back.get(each.no, each) for each in windows_)


# ---- rows

NEWEST_SQL = """
SELECT window, config, until FROM window_change
WHERE id IN (SELECT max(id) FROM window_change WHERE at <= ? GROUP BY window) AND config IS NOT NULL ORDER BY id
"""
EVER = 1 << 62


def changes(connection: Statements, at: int = EVER) -> list[Change]:
    """What holds, or held then (UTC, milliseconds); the oldest first."""
    found = connection.exec_driver_sql(NEWEST_SQL, (at,))
    return [Change(no, json.loads(config), until) for no, config, until in found]


def write(session: Session, now: Now, change: Change, actor: str, reason: str) -> None:
    """With an empty config the window is as in the file, or not there."""
    config = json.dumps(change.config, ensure_ascii=False) if change.config else None
    session.connection.exec_driver_sql(
        "INSERT INTO window_change (window, config, until, at, actor, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (change.window, config, change.until, now.at, actor, reason),
    )
    session.hall_changed = True
