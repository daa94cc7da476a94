"""The bad reviews as ops sees them: what was said at which window, who answers for it, and by when it is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from edge.clock import local
from edge.evaluation import bad_reviews
from edge.evaluation.bad_reviews import STEPS, BadReview
from edge.evaluation.desk import LEVELS
from edge.evaluation.reasons import REASONS
from edge.hall import Hall
from edge.pages.ops_tables import DAYS
from edge.parts import Parts
from edge.statements import Statements

WAITS = "待核实"
LISTED = 50
REASON_WORDS = {each.code: each.words for several in REASONS.values() for each in several}
HEADS = {
    "评价时间": "at",
    "等级": "level",
    "窗口": "window",
    "事项": "service",
    "原因": "reasons",
    "意见": "comment",
    "办理期限": "due",
    "状态": "state",
    "责任人": "by",
    "处理情况": "done",
}


def listed(parts: Parts, connection: Statements, today: date) -> list[dict[str, Any]]:
    """What is not closed, the oldest first; then what was, of the last 30 days, the newest first."""
    hall, first = parts.hall, today - timedelta(days=DAYS)
    found = bad_reviews.to_close(connection, hall, LISTED)
    over = [each for each in bad_reviews.given(connection, hall, f"{first}", f"{today}") if each.closed][:LISTED]
    return shown(hall, [*found, *over], today)


def shown(hall: Hall, reviews: Iterable[BadReview], today: date) -> list[dict[str, Any]]:
    return [_row(hall, each, today) for each in reviews]


def _row(hall: Hall, it: BadReview, today: date) -> dict[str, Any]:
    window, service = hall.window.get(it.window), hall.service.get(it.service)
    steps = [
        {"at": _at(hall, each.at), "word": STEPS[each.step], "by": each.by, "words": each.words} for each in it.steps
    ]
    return {
        "id": it.id,
        "at": _at(hall, it.at),
        "level": LEVELS[it.level],
        "window": f"{it.window}号 {window.name}" if window else f"{it.window}号",
        "service": service.name if service else it.service,
        "reasons": "；".join(REASON_WORDS.get(code, code) for code in it.reasons),
        "comment": it.comment,
        "due": it.due.isoformat(),
        "state": steps[-1]["word"] if steps else WAITS,
        "by": steps[-1]["by"] if steps else "",
        "done": "；".join(f"{each['at']} {each['word']}，{each['by']}：{each['words']}" for each in steps),
        "steps": steps,
        "closed": it.closed,
        "late": not it.closed and it.due < today,
    }


def _at(hall: Hall, at: int) -> str:
    return f"{local(at, hall.zone_info):%Y-%m-%d %H:%M}"
