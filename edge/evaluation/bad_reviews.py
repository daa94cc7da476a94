"""What becomes of a bad review (差评): verified, rectified and closed, each within the hall's time, with who answers.

国办发〔2019〕51号, as 德州 quotes it: what is clear is mended at once, what is complex is listed with a deadline, what
no rule supports is explained; the review that 申诉复核 finds mistaken or malicious is closed as such, and still counts.
Nobody is called back: who rated is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from edge.calendar import ONE_DAY, Override
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.mask import hide_numbers
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

FRIDAY = 5
RECTIFYING = "rectifying"
STEPS = {
    RECTIFYING: "整改中",
    "rectified": "已办结：已整改",
    "explained": "已办结：没有政策依据，已说明",
    "mistaken": "已办结：误评或恶意评价",
}
BAD = "e.state='rated' AND e.level <= 2"
STANDS = "(SELECT step FROM bad_review_step s WHERE s.evaluation = e.id ORDER BY seq DESC LIMIT 1)"
WAITING = f"coalesce({STANDS}, '{RECTIFYING}') = '{RECTIFYING}'"


@dataclass(frozen=True, slots=True)
class Step:
    evaluation: str
    step: str
    """Of `STEPS`; any but the first closes it."""
    by: str
    """Who answers for it."""
    words: str
    actor: str


def handle(session: Session, hall: Hall, now: Now, command: Step) -> None:
    """Raises Refused: 422 without a step, a name or words, 404 where no bad review is, 409 for one that is closed."""
    if command.step not in STEPS or not command.by or not command.words:
        raise Refused("step_unfit", "没有保存，请选办到哪一步，写谁负责和怎样处理", command.step, 422)
    sql = f"SELECT {STANDS} FROM evaluation e WHERE {BAD} AND e.id=?"  # noqa: S608
    found = session.connection.exec_driver_sql(sql, (command.evaluation,)).first()
    if found is None:
        raise Refused("no_such_review", "没有这条差评", status=404)
    if found[0] not in (None, RECTIFYING):
        raise Refused("review_closed", "没有保存，这条差评已经办结")
    session.connection.exec_driver_sql(
        "INSERT INTO bad_review_step (evaluation, at, step, by, words, actor) VALUES (?, ?, ?, ?, ?, ?)",
        (command.evaluation, now.at, command.step, command.by, hide_numbers(command.words), command.actor),
    )
    # By no ticket, and in no room of the hall: a clerk who follows those would learn who it was.
    append(session, hall, now, f"bad_review.{command.step}", command.evaluation, command.actor)


# ---- what is read


class Taken(NamedTuple):
    at: int
    step: str
    by: str
    words: str


@dataclass(frozen=True, slots=True)
class BadReview:
    """Of a service, a window and a time, never of a visitor."""

    id: str
    at: int
    """UTC, milliseconds."""
    level: int
    window: int
    service: str
    reasons: tuple[str, ...]
    """Codes."""
    comment: str
    due: date
    """The last day on which it is closed in time."""
    steps: tuple[Taken, ...]
    """In the order they were taken."""

    @property
    def closed(self) -> bool:
        return bool(self.steps) and self.steps[-1].step != RECTIFYING


def to_close(connection: Statements, hall: Hall, limit: int) -> list[BadReview]:
    """The oldest first."""
    return _read(connection, hall, f"{WAITING} ORDER BY e.ended_at LIMIT ?", limit)


def given(connection: Statements, hall: Hall, first: str, last: str) -> list[BadReview]:
    """Closed or not, of visits on these days (2026-03-02), the newest first."""
    return _read(connection, hall, "t.day BETWEEN ? AND ? ORDER BY e.ended_at DESC", first, last)


def _read(connection: Statements, hall: Hall, which: str, *values: object) -> list[BadReview]:
    rows = connection.exec_driver_sql(
        "SELECT e.id, t.day, e.ended_at, e.level, e.window, t.service, e.reasons, e.comment"  # noqa: S608
        f" FROM evaluation e JOIN ticket t ON t.id = e.ticket WHERE {BAD} AND {which}",
        values,
    ).all()
    own = days.entered(connection)
    return [
        BadReview(
            *(id_, at, level, window, service),
            *(tuple(json.loads(reasons or "[]")), comment or "", due(hall, own, day), _taken(connection, id_)),
        )
        for id_, day, at, level, window, service, reasons, comment in rows
    ]


def _taken(connection: Statements, evaluation: str) -> tuple[Taken, ...]:
    sql = "SELECT at, step, by, words FROM bad_review_step WHERE evaluation=? ORDER BY seq"
    return tuple(Taken(*row) for row in connection.exec_driver_sql(sql, (evaluation,)))


def due(hall: Hall, own: Mapping[date, Override], day: str) -> date:
    """The last of the working days that the hall gives after this one; in a year without a plan, Monday to Friday."""
    on, left = date.fromisoformat(day), hall.evaluation.rectify_working_days
    while left:
        on += ONE_DAY
        kind = hall.find_day(on, own.get(on)).kind
        left -= kind == "working" or (kind == "provisional" and on.isoweekday() <= FRIDAY)
    return on


def overdue(connection: Statements, hall: Hall, today: date) -> tuple[int, date | None]:
    """How many should have been closed before today, and the first day on which one should have been."""
    rows = connection.exec_driver_sql(
        "SELECT t.day, count(*) FROM evaluation e JOIN ticket t ON t.id = e.ticket"  # noqa: S608
        f" WHERE {BAD} AND {WAITING} GROUP BY t.day",
    ).all()
    own = days.entered(connection) if rows else {}
    late = [(end, count) for day, count in rows if (end := due(hall, own, day)) < today]
    return sum(count for _, count in late), min((end for end, _ in late), default=None)
