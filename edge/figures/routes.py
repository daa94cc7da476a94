"""HTTP face of the figures: a day in numbers, what priority cost whom, and tables of several days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from edge.clock import Now, local
from edge.figures import sheets
from edge.guard import needs
from edge.hall import Hall
from edge.pages.render import download
from edge.parts import parts_of
from edge.queue.figure_views import day_figures, day_priority
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(prefix="/api/v1", tags=["figures"])
View = dict[str, Any]
Make = Callable[[Statements, Hall, Now, str], View]
LONGEST = 366
"""Days in one table."""
FRESH_MS = 2_000
"""Two thousand tickets take about 40 ms; however many pages ask, that is spent so often and no more."""
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Day = Annotated[str, Query(description="a business day, `2026-03-02`; today without")]


@router.get("/figures", dependencies=[needs("ops")])
def figures(request: Request, day: Day = "") -> View:
    """Services, windows, clerks, hours, how even, outcomes. Today's are at most two seconds old: `as_of`.

    `closed`: as it was when the day was closed. 422 `bad_day`.
    """
    return _shown(request, day, day_figures)


@router.get("/figures/priority", dependencies=[needs("ops")])
def priority(request: Request, day: Day = "") -> View:
    """Each reason to be called earlier: how often, whom it passed, and how many minutes longer these waited.

    `urgent`: who let somebody go first, and why. 422 `bad_day`.
    """
    return _shown(request, day, day_priority)


def _shown(request: Request, day: str, make: Make) -> View:
    parts = parts_of(request)
    now, seq = parts.clock.now(), parts.journal.last
    on = _day(day, now)
    kept: dict[Make, tuple[Now, View]] = request.app.state.figures
    made, view = kept.get(make, (None, {}))
    if made is not None and made.day == on == now.day and 0 <= now.at - made.at < FRESH_MS:
        return view
    with parts.database.read() as connection:
        view = {"seq": seq} | make(connection, parts.hall, now, on)
    if on == now.day:
        kept[make] = now, view
    return view


def _day(text: str, now: Now) -> str:
    try:
        return date.fromisoformat(text or now.day).isoformat()
    except ValueError as error:
        raise Refused("bad_day", "没有这个日期，请写成 2026-03-02 这样", f"day {text!r}", 422) from error


# ---- tables

From = Annotated[str, Query(alias="from", description="the first business day; today without")]
To = Annotated[str, Query(description="the last one; `from` without")]


@router.get("/figures.csv", dependencies=[needs("ops")])
def csv(
    request: Request,
    first: From = "",
    to: To = "",
    table: Annotated[sheets.Name, Query(description="one row a day, or a day's rows of these")] = "days",
) -> Response:
    """One table of several days, UTF-8 with a byte order mark. 422: `bad_day`, `bad_period`."""
    found = _days(request, first, to)
    name = f"排队统计 {sheets.TABLES[table].title} {sheets.period(found)}.csv"
    return download(sheets.table_csv(table, found), name, CSV)


@router.get("/figures.xlsx", dependencies=[needs("ops")])
def xlsx(request: Request, first: From = "", to: To = "") -> Response:
    """Every table of several days, one on each sheet. 422: `bad_day`, `bad_period`."""
    parts, found = parts_of(request), _days(request, first, to)
    at = local(parts.clock.now().at, parts.hall.zone_info)
    made = sheets.workbook(parts.hall.hall.name, found, at)
    return download(made, f"排队统计 {sheets.period(found)}.xlsx", XLSX)


def _days(request: Request, first: str, to: str) -> list[sheets.Day]:
    parts = parts_of(request)
    now = parts.clock.now()
    start = date.fromisoformat(_day(first, now))
    end = date.fromisoformat(_day(to or start.isoformat(), now))
    if not 0 <= (end - start).days < LONGEST:
        raise Refused("bad_period", "起止日期不对：先起后止，最多一年", f"{start} to {end}", 422)
    found = []
    with parts.database.read() as connection:
        for ahead in range((end - start).days + 1):
            on = (start + timedelta(days=ahead)).isoformat()
            found.append(sheets.Day(*(make(connection, parts.hall, now, on) for make in (day_figures, day_priority))))
    return found
