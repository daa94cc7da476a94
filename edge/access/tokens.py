"""Use cases of tokens: made once, shown once, stored as a hash, revocable at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.statements import Statements

Role = Literal["kiosk", "window", "pad", "screen", "desk", "ops", "central", "anyone"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Identity:
    role: Role
    name: str
    scope: str | None = None


def digest(token: str) -> str:
    """Tokens are 256 random bits: a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Enrol:
    token: str
    role: Role
    name: str
    scope: str | None


def enrol(session: Session, hall: Hall, now: Now, command: Enrol) -> None:
    session.connection.exec_driver_sql(
        "INSERT INTO token (hash, role, name, scope, made_at) VALUES (?, ?, ?, ?, ?)",
        (digest(command.token), command.role, command.name, command.scope, now.at),
    )
    append(session, hall, now, "access.enrolled", f"token:{command.name}", "console", role=command.role)


def revoke(session: Session, hall: Hall, now: Now, name: str) -> int:
    """Returns how many tokens of this name there were; the next request with one is refused."""
    gone = session.connection.exec_driver_sql("DELETE FROM token WHERE name=?", (name,)).rowcount
    if gone:
        append(session, hall, now, "access.revoked", f"token:{name}", "console")
    return gone


def who(connection: Statements, token: str) -> Identity | None:
    row = connection.exec_driver_sql("SELECT role, name, scope FROM token WHERE hash=?", (digest(token),)).first()
    return Identity(row[0], row[1], row[2]) if row else None
