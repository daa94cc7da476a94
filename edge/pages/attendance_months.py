"""Periods as they stand now, proposed and not published: a month, and one that is about to be published."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.attendance.months import Every, period
from edge.clock import local
from edge.guard import needs
from edge.pages import attendance_sheet as sheets
from edge.pages.attendance_day import read_day
from edge.pages.forms import once
from edge.pages.render import missing, page
from edge.parts import parts_of

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/attendance/months/{month}"


@router.get(HERE, dependencies=[needs("ops")])
def month(request: Request, month: str, unit: str = "") -> Response:
    """`month` is `2026-11`."""
    sheet = _sheet(request, month)
    if sheet is None:
        return missing(request, f"{month} 月")
    first, last = period("monthly", sheet.report.first)
    return page(
        request,
        "attendance_sheet",
        page="attendance",
        here="results",
        sheet=sheet.of_unit(unit),
        unit=unit,
        unit_names=sheet.unit_names,
        address=f"/ops/attendance/months/{month}",
        steps=(f"{first - timedelta(days=1):%Y-%m}", f"{last + timedelta(days=1):%Y-%m}"),
        objected={},
    )


@router.get("/ops/attendance/due/{every}/{first}", dependencies=[needs("ops")])
def due(request: Request, every: Every, first: str, unit: str = "") -> Response:
    """What would be published now, to be looked at first; `first` is a day of the period."""
    on, parts = read_day(first), parts_of(request)
    if on is None:
        return missing(request, "这一期")
    with parts.database.read() as connection:
        sheet = sheets.running(parts, connection, every, on)
    return page(
        request,
        "attendance_sheet",
        page="attendance",
        here="results",
        sheet=sheet.of_unit(unit),
        unit=unit,
        unit_names=sheet.unit_names,
        publish=(every, on),
        objected={},
        once=once(),
    )


@router.get(HERE + "/report", dependencies=[needs("ops")])
def report(request: Request, month: str, unit: str = "", masked: bool = False) -> Response:
    sheet = _sheet(request, month)
    return sheets.printable(request, sheet.of_unit(unit), masked) if sheet else missing(request, f"{month} 月")


@router.get(HERE + "/{file}", dependencies=[needs("ops")])
def export(request: Request, month: str, file: sheets.File, unit: str = "") -> Response:
    sheet, parts = _sheet(request, month), parts_of(request)
    if sheet is None:
        return missing(request, f"{month} 月")
    return sheets.exported(sheet.of_unit(unit), file, local(parts.clock.now().at, parts.rules.zone))


@router.get(HERE + "/people/{person}", dependencies=[needs("ops")])
def person(request: Request, month: str, person: str) -> Response:
    sheet = _sheet(request, month, person)
    if sheet is None or not sheet.report.units:
        return missing(request, f"{month} 月的 {person}")
    return page(
        request,
        "attendance_result",
        page="attendance",
        here="results",
        sheet=sheet,
        address=f"/ops/attendance/months/{month}",
    )


def _sheet(request: Request, month: str, person: str = "") -> sheets.Sheet | None:
    parts = parts_of(request)
    first: date | None = read_day(f"{month}-01")
    if first is None:
        return None
    with parts.database.read() as connection:
        return sheets.running(parts, connection, "monthly", first, person)
