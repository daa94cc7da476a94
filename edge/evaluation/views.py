"""What a pad and a console are shown of evaluations. Reads only; JSON-ready."""

from __future__ import annotations

from typing import Any

from edge.clock import rfc3339
from edge.hall import Hall
from edge.statements import Statements


def open_at(connection: Statements, hall: Hall, window: int, at: int) -> dict[str, Any] | None:
    """The invitation now open at this window, or None."""
    row = connection.exec_driver_sql(
        "SELECT e.id, e.expires_at, t.number, t.service FROM evaluation e JOIN ticket t ON t.id = e.ticket"
        " WHERE e.state='invited' AND e.window=? AND e.expires_at > ?",
        (window, at),
    ).first()
    if row is None:
        return None
    return {
        "id": row[0],
        "window": window,
        "number": row[2],
        "service": hall.service[row[3]].name,
        "state": "invited",
        "expires_at": rfc3339(row[1], hall.zone_info),
    }


def open_invitations(connection: Statements, at: int) -> list[tuple[str, int, int]]:
    """(id, window, until when in UTC milliseconds) of every invitation now open."""
    rows = connection.exec_driver_sql(
        "SELECT id, window, expires_at FROM evaluation WHERE state='invited' AND expires_at > ?", (at,)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def window_of(connection: Statements, evaluation: str) -> int | None:
    row = connection.exec_driver_sql("SELECT window FROM evaluation WHERE id=?", (evaluation,)).first()
    return row[0] if row else None


def of_ticket(connection: Statements, ticket: str) -> str | None:
    """The evaluation of its service, open or over."""
    row = connection.exec_driver_sql("SELECT id FROM evaluation WHERE ticket=?", (ticket,)).first()
    return row[0] if row else None


def state_of(connection: Statements, ticket: str) -> dict[str, str] | None:
    """Whether its service is being rated, or was; never how."""
    row = connection.exec_driver_sql("SELECT state FROM evaluation WHERE ticket=?", (ticket,)).first()
    return {"state": row[0]} if row else None


def last_state(connection: Statements, window: int) -> str | None:
    """Whether the last service here was rated, never how."""
    row = connection.exec_driver_sql(
        "SELECT state FROM evaluation WHERE window=? ORDER BY invited_at DESC, id DESC LIMIT 1", (window,)
    ).first()
    return row[0] if row else None


def next_expiry(connection: Statements) -> int | None:
    """When the next open invitation ends, UTC milliseconds."""
    found: int | None = connection.exec_driver_sql(
        "SELECT min(expires_at) FROM evaluation WHERE state='invited'"
    ).scalar_one()
    return found
