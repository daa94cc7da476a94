"""A table that other programs open: CSV with a byte order mark, in which text is never taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from fastapi import Response

from edge.pages.attendance_day import read_day
from edge.pages.render import download

DAYS = 30
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows([_defused(cell) for cell in row] for row in rows)
    return download(out.getvalue().encode("utf-8-sig"), name, "text/csv; charset=utf-8")


def _defused(cell: object) -> str:
    """OWASP, CSV Injection: an apostrophe stands before it."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def span(today: date, first: str, last: str) -> tuple[str, str]:
    """From this day to that one, both `2026-03-02`; where one is not said, the last 30 days."""
    end = read_day(last) or today
    return (read_day(first) or end - timedelta(days=DAYS)).isoformat(), end.isoformat()
