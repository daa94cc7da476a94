"""A request that comes twice gets the first one's answer, stored in the transaction that made it true."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.refusal import Refused

KEEP_MS = 48 * 3_600_000


@dataclass(frozen=True, slots=True)
class Request:
    key: str
    fingerprint: str


def fingerprint(*parts: str | bytes) -> str:
    """Of who asked for what: method, path, caller, body."""
    return hashlib.sha256(b"\x1f".join(p.encode() if isinstance(p, str) else p for p in parts)).hexdigest()


def once(session: Session, now: Now, request: Request | None, make: Callable[[], str]) -> str:
    """`make()`'s answer, or the stored one. Raises Refused (422) for the same key with another request."""
    if request is None:
        return make()
    row = session.connection.exec_driver_sql(
        "SELECT fingerprint, answer FROM idempotency WHERE key=?", (request.key,)
    ).first()
    if row is not None and row[0] != request.fingerprint:
        raise Refused("key_reused", "请求重复，请刷新页面再试", "this Idempotency-Key came with another request", 422)
    if row is not None:
        return str(row[1])
    answer = make()
    session.connection.exec_driver_sql(
        "INSERT INTO idempotency (key, fingerprint, answer, at) VALUES (?, ?, ?, ?)",
        (request.key, request.fingerprint, answer, now.at),
    )
    return answer


def forget(session: Session, _hall: Hall, now: Now, _command: None) -> None:
    session.connection.exec_driver_sql("DELETE FROM idempotency WHERE at < ?", (now.at - KEEP_MS,))
