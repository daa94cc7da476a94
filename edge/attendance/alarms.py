"""What the watch over the windows has found, as ops and the rules read it. Reads only."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from edge.attendance.punches import Span
from edge.attendance.record import day_bounds
from edge.attendance.rules import OffPost
from edge.clock import local, rfc3339
from edge.hall import Hall
from edge.statements import Statements


def open_alarms(connection: Statements, hall: Hall) -> list[dict[str, Any]]:
    """What ops is told now, the oldest first. JSON-ready."""
    rows = connection.exec_driver_sql(
        "SELECT id, kind, window, since, body FROM attendance_alarm"
        " WHERE raised_at IS NOT NULL AND ended_at IS NULL ORDER BY since, key"
    )
    return [
        {"id": id_, "kind": kind, "window": window, "since": rfc3339(since, hall.zone_info), **json.loads(body)}
        for id_, kind, window, since, body in rows
    ]


def off_post_spans(connection: Statements, zone: ZoneInfo, first: date, last: date) -> dict[str, list[OffPost]]:
    """工号 -> the time for which a window that this person answers for was seen empty, of alarms that are over.

    Evidence for a proposal. Where several answer for a window, it speaks of none of them.
    """
    start, end = (int(each.timestamp() * 1000) for each in day_bounds(first, last, zone))
    rows = connection.exec_driver_sql(
        "SELECT person, since, seen_at FROM attendance_alarm WHERE kind='empty_window' AND person IS NOT NULL"
        " AND ended_at IS NOT NULL AND since >= ? AND since < ? ORDER BY since, person",
        (start, end),
    )
    spans: dict[str, list[OffPost]] = defaultdict(list)
    for person, since, until in rows:
        spans[person].append(OffPost(Span(local(since, zone), local(until, zone)), "empty_window"))
    return dict(spans)
