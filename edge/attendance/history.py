"""What was entered, row by row: who changed what and why; and how a new entry is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge.attendance.entries import ENTRY, Entry
from edge.attendance.record import Enter, enter
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.refusal import Refused
from edge.statements import Statements


@dataclass(frozen=True, slots=True)
class Written:
    """One row as it was written."""

    entry: Entry
    withdrawn: bool
    source: str
    by: str
    why: str
    at: int
    """UTC, milliseconds."""
    first: bool
    """Nothing was known by this ref before."""
    newest: bool
    """Nothing was written by this ref since: it holds."""

    @property
    def state(self) -> str:
        if self.withdrawn:
            return "withdrawn"
        return "entered" if self.first else "corrected"


SQL = """
SELECT body, withdrawn, source, "by", why, at,
  NOT EXISTS (SELECT 1 FROM attendance_entry o WHERE o.ref = e.ref AND o.seq < e.seq),
  NOT EXISTS (SELECT 1 FROM attendance_entry o WHERE o.ref = e.ref AND o.seq > e.seq)
FROM attendance_entry e
"""


def last(connection: Statements, limit: int) -> list[Written]:
    """What was written last, the newest first."""
    return _written(connection.exec_driver_sql(f"{SQL} ORDER BY seq DESC LIMIT ?", (limit,)))


def of(connection: Statements, ref: str) -> list[Written]:
    """Everything that was ever written by this ref, the newest first."""
    return _written(connection.exec_driver_sql(f"{SQL} WHERE ref=? ORDER BY seq DESC", (ref,)))


def _written(rows: Iterable[tuple[str, int, str, str, str, int, int, int]]) -> list[Written]:
    return [
        Written(ENTRY.validate_json(body), bool(withdrawn), source, by, why, at, bool(first), bool(newest))
        for body, withdrawn, source, by, why, at, first, newest in rows
    ]


def next_ref(connection: Statements, prefix: str, day: str) -> str:
    """`QJ20260302-3` where two with this prefix are known of the day; `day` as `2026-03-02`."""
    start = f"{prefix}{day.replace('-', '')}-"
    rows = connection.exec_driver_sql("SELECT DISTINCT ref FROM attendance_entry WHERE ref GLOB ?", (f"{start}*",))
    numbers = [int(found[1]) for row in rows if (found := re.match(rf"{start}(\d{{1,6}})(?:-|$)", row[0]))]
    return f"{start}{max(numbers, default=0) + 1}"


def enter_new(session: Session, hall: Hall, now: Now, command: Enter) -> int:
    """As `record.enter`, where nothing may be corrected by mistake. Raises Refused (409) for a ref that is known."""
    taken = sorted({each.ref for each in command.entries if of(session.connection, each.ref)})
    if taken:
        raise Refused("ref_taken", f"编号 {'、'.join(taken)} 已经用过，请换一个；要更正原记录，请打开它再改")
    return enter(session, hall, now, command)
