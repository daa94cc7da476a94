"""The events of the hall, written in the same transaction as the rows they explain.

The journal is the outbox to the central system, the audit trail and the feed of every screen. Each row carries the
hash of the one before it. Payloads hold references only, never a name, a number of a person, a face or a phone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, insert, select, text

from edge.clock import Now
from edge.database import METADATA, Database, Session
from edge.hall import Hall

OF_PLACES = "(type GLOB 'window.*' OR type GLOB 'device.*')"
"""What a statement must say to be helped by the index of keys: how a window was weeks ago is in its last events."""

JOURNAL = Table(
    "journal",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("clock_ok", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_at", "at"),
    Index("journal_places", "key", sqlite_where=text(OF_PLACES)),
    sqlite_autoincrement=True,
)

META = Table("meta", METADATA, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

GENESIS = "0" * 64
RECENT = 2_000
"""Events kept in memory, so that many screens cost one read."""


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    id: str
    """`hall/epoch/seq`: unique for ever."""
    type: str
    """`room.past_tense`, such as `ticket.called`."""
    key: str
    """What its order belongs to: a ticket, window, staff or device."""
    actor: str
    """Who did it, such as `kiosk:1`, `window:3`, `device:counter/3`, `hall`."""
    at: int
    """UTC, milliseconds."""
    day: str
    clock_ok: bool
    data: Mapping[str, Any]
    hash: str

    def __hash__(self) -> int:
        """By the chain's own hash: what `data` holds has none."""
        return hash(self.hash)


_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def append(session: Session, hall: Hall, now: Now, type_: str, key: str, actor: str, **data: Any) -> Event:
    """Writes one event in the session's transaction."""
    seq, before = _last(session)
    seq += 1
    body = _in_json(data)
    chained = link_hash(before, seq, now.at, now.day, now.ok, type_, key, actor, body)
    session.connection.exec_driver_sql(
        "INSERT INTO journal (seq, at, day, clock_ok, type, key, actor, data, hash) VALUES (?,?,?,?,?,?,?,?,?)",
        (seq, now.at, now.day, int(now.ok), type_, key, actor, body, chained),
    )
    event = Event(
        seq, f"{hall.hall.code}/{session.epoch}/{seq}", type_, key, actor, now.at, now.day, now.ok, data, chained
    )
    session.written.append(event)
    return event


def _last(session: Session) -> tuple[int, str]:
    """(seq, hash) of the newest event, this transaction's own included."""
    newest: Event | None = session.written[-1] if session.written else session.before
    if newest is not None:
        return newest.seq, newest.hash
    row = session.connection.exec_driver_sql("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").first()
    return (row[0], row[1]) if row else (0, GENESIS)


def link_hash(before: str, *fields: object) -> str:
    """SHA-256 over the hash before and this row's fields: a changed, lost or moved row breaks every later one."""
    return hashlib.sha256("\x1f".join([before, *map(str, fields)]).encode()).hexdigest()


def broken_at(connection: Connection, after: int = 0) -> int | None:
    """The first row after `after` whose hash does not fit, or None: the chain is whole."""
    before = GENESIS
    if after:
        before = connection.execute(select(JOURNAL.c.hash).where(JOURNAL.c.seq == after)).scalar_one()
    for row in connection.execute(select(JOURNAL).where(JOURNAL.c.seq > after).order_by(JOURNAL.c.seq)):
        fields = (row.seq, row.at, row.day, bool(row.clock_ok), row.type, row.key, row.actor, row.data)
        if row.hash != link_hash(before, *fields):
            return int(row.seq)
        before = row.hash
    return None


def open_epoch(database: Database, new_id: str) -> str:
    """The epoch of this database; the first opening gives it `new_id`."""
    with database.writing.begin() as connection:
        epoch = connection.execute(select(META.c.value).where(META.c.name == "epoch")).scalar_one_or_none()
        if epoch is None:
            connection.execute(insert(META).values(name="epoch", value=new_id))
        return epoch or new_id


class Journal:
    """The reading side: what was committed, in order, and a way to wait for more."""

    def __init__(self, database: Database, hall_code: str, epoch: str) -> None:
        self._database, self._hall_code, self._epoch = database, hall_code, epoch
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._grown = asyncio.Event()
        self._alarms: set[int] = set()
        self.closed = False
        with database.read() as connection:
            self.last = connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM journal").scalar_one()

    def publish(self, events: list[Event]) -> None:
        """Called on the loop after each commit, with what it wrote."""
        self._recent.extend(events)
        self.last = events[-1].seq
        # Whoever asked for it is answered first: hundreds of screens would stand before them.
        asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self, second: int = 0) -> None:
        self._alarms.discard(second)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def after(self, seq: int, until: float | None = None) -> list[Event]:
        """The next events after `seq`, oldest first, at most 500; waits until there is one.

        Empty when closed, and at the loop's time `until` or within a second after it.
        """
        while self.last <= seq:
            if self.closed or (until is not None and self._is_past(until)):
                return []
            await self._grown.wait()
        if self._recent and self._recent[0].seq <= seq + 1:
            skip = seq + 1 - self._recent[0].seq
            return [self._recent[n] for n in range(skip, min(skip + 500, len(self._recent)))]
        return self.read(seq)

    def _is_past(self, until: float) -> bool:
        """Else all who wait are woken then: a timer of each one's own would cost more than what it waits for."""
        loop, second = asyncio.get_running_loop(), math.ceil(until)
        if loop.time() >= until:
            return True
        if second not in self._alarms:
            self._alarms.add(second)
            loop.call_at(second, self._wake, second)
        return False

    def close(self) -> None:
        """The process ends: whoever waits for more gets nothing, so that no stream holds the server open."""
        self.closed = True
        self._grown.set()

    def read(self, seq: int, limit: int = 500) -> list[Event]:
        """As `after`, from the disk, without waiting."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(JOURNAL).where(JOURNAL.c.seq > seq).order_by(JOURNAL.c.seq).limit(limit)
            ).all()
        return [
            Event(
                row.seq,
                f"{self._hall_code}/{self._epoch}/{row.seq}",
                row.type,
                row.key,
                row.actor,
                row.at,
                row.day,
                bool(row.clock_ok),
                json.loads(row.data),
                row.hash,
            )
            for row in rows
        ]

    def before(self, at: int) -> int:
        """The last seq that is older than `at` (milliseconds), 0 when none is."""
        with self._database.read() as connection:
            return int(
                connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM journal WHERE at < ?", (at,)).scalar_one()
            )

    def newest(self) -> tuple[int, str]:
        """(the greatest time, the last day), (0, "") when there is no event: where the clock starts from."""
        with self._database.read() as connection:
            day = connection.exec_driver_sql("SELECT day FROM journal ORDER BY seq DESC LIMIT 1").first()
            at = connection.exec_driver_sql("SELECT coalesce(max(at), 0) FROM journal").scalar_one()
        return at, day[0] if day else ""
