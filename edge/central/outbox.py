"""Use cases of the relay: what is delivered, what is parked."""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.statements import Statements


def delivered(session: Session, _hall: Hall, _now: Now, seq: int) -> None:
    """Every event up to `seq` is with the centre, or parked."""
    session.connection.exec_driver_sql(
        "INSERT INTO relay (id, delivered) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET delivered=excluded.delivered",
        (seq,),
    )


@dataclass(frozen=True, slots=True)
class Park:
    seq: int
    key: str
    type: str
    error: str


def park(session: Session, _hall: Hall, now: Now, command: Park) -> None:
    """Sets one event aside so that other keys flow on; nothing is thrown away."""
    session.connection.exec_driver_sql(
        "INSERT INTO relay_parked (seq, key, type, error, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (seq) DO UPDATE SET error=excluded.error, at=excluded.at",
        (command.seq, command.key, command.type, command.error, now.at),
    )


def unpark(session: Session, _hall: Hall, _now: Now, seq: int) -> None:
    session.connection.exec_driver_sql("DELETE FROM relay_parked WHERE seq=?", (seq,))


def position(connection: Statements) -> int:
    row = connection.exec_driver_sql("SELECT delivered FROM relay WHERE id=1").first()
    return int(row[0]) if row else 0


def parked(connection: Statements, key: str | None = None) -> list[Park]:
    """Oldest first; of one ordering key or of all."""
    where, values = ("WHERE key=?", (key,)) if key is not None else ("", ())
    rows = connection.exec_driver_sql(f"SELECT seq, key, type, error FROM relay_parked {where} ORDER BY seq", values)  # noqa: S608  our own words
    return [Park(*row) for row in rows]
