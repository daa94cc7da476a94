"""For whom a ticket that was sent on waits: its line, one window, or one clerk at whichever window; and from when on.

`for_window` is what a free window reads: none for its line, a window's no, and 0 while nobody may call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge.clock import Now
from edge.database import Session
from edge.hall import Window
from edge.statements import Statements

NOWHERE = 0


class Target(NamedTuple):
    window: int | None
    staff: str | None
    not_before: int | None
    """UTC, milliseconds."""


def send(session: Session, ticket: str, target: Target) -> int | None:
    """Returns the only window that may call it now: None for any of its line, `NOWHERE` for none yet."""
    window = target.window
    if target.staff is not None:
        window = seat(session, target.staff)
    now_for = window if target.not_before is None else NOWHERE
    session.connection.exec_driver_sql(
        "UPDATE ticket SET for_window=?, for_staff=?, not_before=?, due_window=? WHERE id=?",
        (now_for, target.staff, target.not_before, target.window, ticket),
    )
    return now_for


def seat(session: Session, staff: str) -> int:
    """The window at which this clerk is signed in; `NOWHERE` for none."""
    row = session.connection.exec_driver_sql("SELECT no FROM window WHERE staff=?", (staff,)).first()
    return row[0] if row else NOWHERE


def mine(skills: Sequence[str]) -> str:
    """The condition on a ticket's row that a window may call it; it takes the window's no and its skills.

    Who waits for a clerk that sits nowhere may be called by name: that clerk may have gone home.
    """
    line = f"service IN ({','.join('?' * len(skills))})"
    return f"(for_window IS ? OR (for_window IS NULL OR for_window={NOWHERE} AND not_before IS NULL) AND {line})"


def may_call(session: Session, window: Window, ticket: str) -> bool:
    values = (ticket, window.no, *window.skills)
    found = session.connection.exec_driver_sql(f"SELECT 1 FROM ticket WHERE id=? AND {mine(window.skills)}", values)  # noqa: S608  our own words
    return found.first() is not None


DUE_SQL = """
SELECT id, target FROM (
  SELECT id, for_window, iif(for_staff IS NULL, due_window,
    coalesce((SELECT no FROM window WHERE staff=for_staff), 0)) AS target
  FROM ticket INDEXED BY ticket_for
  WHERE for_window IS NOT NULL AND state='waiting' AND (for_window=0 OR for_staff IS NOT NULL)
    AND coalesce(not_before, 0) <= ?
  ORDER BY rank, position
) WHERE for_window IS NOT target
"""


def due(connection: Statements, now: Now) -> list[tuple[str, int | None]]:
    """The tickets that another window than before may call from now on, with that window as `send` returns it."""
    return [(row[0], row[1]) for row in connection.exec_driver_sql(DUE_SQL, (now.at,))]


def arrive(session: Session, ticket: str, window: int | None) -> None:
    session.connection.exec_driver_sql("UPDATE ticket SET for_window=?, not_before=NULL WHERE id=?", (window, ticket))


# ---- a window that serves other things now, or is gone

LIVES = "service=:service AND for_staff IS NULL AND state IN ('waiting', 'called', 'serving', 'missed', 'held')"


def give_back(session: Session, window: int, services: Iterable[str]) -> list[str]:
    """Who was sent to this window for one of these services belongs to their line again, in the place that they have.

    Returns those who wait, the first first; not those whom nobody may call yet.
    """
    run, freed = session.connection.exec_driver_sql, list[tuple[bool, int, int, str]]()
    for service in services:
        values = {"window": window, "service": service}
        run(f"UPDATE ticket SET due_window=NULL WHERE due_window=:window AND {LIVES}", values)  # noqa: S608  our own words
        sql = f"UPDATE ticket SET for_window=NULL WHERE for_window=:window AND {LIVES}"  # noqa: S608  our own words
        freed += run(f"{sql} RETURNING state='waiting', rank, position, id", values).all()
    return [id_ for waits, _, _, id_ in sorted(freed) if waits]


def services_of(session: Session, window: int) -> list[str]:
    """For which services people were sent to this window and wait."""
    sql = "SELECT DISTINCT service FROM ticket WHERE for_window=? AND for_staff IS NULL AND state='waiting'"
    return [row[0] for row in session.connection.exec_driver_sql(sql, (window,))]


def bound(session: Session, day: str, window: int) -> list[str]:
    """For which services people of this day were sent to this window, whatever they do now."""
    sql = "SELECT DISTINCT service FROM ticket WHERE day=? AND ? IN (for_window, due_window) AND for_staff IS NULL"
    found = session.connection.exec_driver_sql(f"{sql} AND state NOT IN ('finished', 'cancelled')", (day, window))
    return [row[0] for row in found]
