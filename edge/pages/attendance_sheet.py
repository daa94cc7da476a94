"""A period as its pages show it: the report that is also printed and exported, with each person's days as signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from fastapi import Request, Response

from edge.attendance import publishing, reports, results, sheets, words
from edge.attendance.months import Every, period
from edge.attendance.publishing import Publication
from edge.attendance.reports import Notice, Report
from edge.attendance.results import Days, each_day
from edge.clock import local
from edge.pages.attendance_marks import Mark, mark_of, tally, told
from edge.pages.render import download, page
from edge.parts import Parts
from edge.statements import Statements

File = Literal["summary.csv", "details.csv", "report.xlsx"]
MOST_SIGNS = 31
"""Days of a period that is shown day by day."""
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Sheet:
    report: Report
    days: Days
    resting: frozenset[date]
    """Days of the period on which nobody is expected."""

    @property
    def dates(self) -> list[date]:
        """Empty when the period is too long to be shown by days."""
        whole = list(each_day(self.report.first, self.report.last))
        return whole if len(whole) <= MOST_SIGNS else []

    def strip(self, person: str) -> list[tuple[date, Mark | None, str]]:
        """(day, its sign, what was found); no sign where the person was not in the hall."""
        found = [(on, self.days.get((person, on))) for on in self.dates]
        return [
            (on, mark_of(each) if each else None, told(each, self.report.zone) if each else "") for on, each in found
        ]

    @property
    def total(self) -> list[tuple[Mark, int]]:
        """Days of people."""
        mine = {row.person for unit in self.report.units for row in unit.rows}
        return tally(mark_of(each) for (person, _), each in self.days.items() if person in mine)

    def of_unit(self, unit: str) -> Sheet:
        return replace(self, report=reports.unit_report(self.report, unit)) if unit else self

    @property
    def unit_names(self) -> dict[str, str]:
        return {each.unit: each.name for each in self.report.units}


def published(parts: Parts, connection: Statements, found: Publication, person: str = "") -> Sheet:
    """As it was published or last corrected; of one person, or of all."""
    snapshots = publishing.snapshots(connection, found.id, person)
    days = {(id_, each.on): each for id_, snapshot in snapshots.items() for each in snapshot.days}
    persons = [each.person for each in snapshots.values()]
    made = reports.report(parts.hall, found.profile, found.every, found.first, found.last, persons, days)
    overrides = parts.rules.overrides(connection)
    status: Literal["open", "locked"] = "open" if found.locked_at is None else "locked"
    by = words.names([found.profile.publication.by])
    notice = Notice(status, by, found.lock_time(parts.rules, overrides))
    return Sheet(replace(made, notice=notice), days, _resting(days))


def running(parts: Parts, connection: Statements, every: Every, on: date, person: str = "") -> Sheet:
    """The period of this day as it stands now, up to today; proposed, not published. Of one person, or of all."""
    now, rules = parts.clock.now(), parts.rules
    first, last = period(every, on)
    last = max(first, min(last, date.fromisoformat(now.day)))
    facts = results.known(connection, rules, first, last)
    facts.people = [each for each in facts.people if person in ("", each.id)]
    days = results.day_results(rules, facts, first, last, local(now.at, rules.zone))
    made = reports.report(parts.hall, rules.profile, every, first, last, facts.people, days)
    return Sheet(made, days, _resting(days))


def _resting(days: Days) -> frozenset[date]:
    held = {on for (_, on), each in days.items() if not each.of("day_off")}
    return frozenset({on for _, on in days} - held)


def printable(request: Request, sheet: Sheet, masked: bool) -> Response:
    shown = reports.masked(sheet.report) if masked else sheet.report
    return page(request, "attendance_report", report=shown)


def exported(sheet: Sheet, file: File, at: datetime) -> Response:
    if file == "report.xlsx":
        made = sheets.workbook(sheet.report, at.replace(tzinfo=None))
        return download(made, sheets.file_name(sheet.report, "xlsx"), XLSX)
    if file == "details.csv":
        return download(sheets.details_csv(sheet.report), "明细 " + sheets.file_name(sheet.report, "csv"), CSV)
    return download(sheets.summary_csv(sheet.report), "汇总 " + sheets.file_name(sheet.report, "csv"), CSV)
