"""A report as tables that other programs open: CSV with a byte order mark, and an XLSX workbook ready to be printed.

Equal reports give equal bytes. Text is never taken for a formula: in CSV an apostrophe stands before it, in XLSX the
cell is of the text type (OWASP, CSV Injection). What is opened as CSV may lose the zeros at the front of a 工号.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from edge.attendance.reports import Counts, Report

Cell = str | int | float
COUNTS = {
    "due": "应到（天）",
    "normal": "正常（天）",
    "on_time": "按时（次）",
    "late": "迟到（次）",
    "late_minutes": "迟到（分钟）",
    "early": "早退（次）",
    "early_minutes": "早退（分钟）",
    "missing": "缺卡（次）",
    "one_sided": "单边打卡（次）",
    "off_post": "脱岗（次）",
    "off_post_minutes": "脱岗（分钟）",
    "leave": "请假（天）",
    "outings": "外出（次）",
    "duty": "值班（次）",
    "substitute": "顶岗（次）",
    "absent": "旷工（拟，天）",
    "to_check": "待人工核实（项）",
    "provisional": "待定（天）",
}
WHO = {"单位": 18, "工号": 10, "姓名": 10}
DETAILS = {**WHO, "日期": 15, "结果": 22, "依据": 36, "规定": 34, "拟定旷工": 8, "单据": 14}
"""Heads and widths, in characters."""
SUMMARY = {**WHO, **dict.fromkeys(COUNTS.values(), 7)}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def file_name(report: Report, ending: str) -> str:
    """`易门县政务服务中心 考勤月报 2026年11月 拟定.xlsx`"""
    return f"{report.title} {report.period} {report.status}.{ending}"


def summary(report: Report) -> Iterator[list[Cell]]:
    """One row per person, after each unit its sum, at the end the hall's."""
    for unit in report.units:
        for row in unit.rows:
            yield [unit.name, row.person, row.name, *_numbers(row.counts)]
        yield [unit.name, "", "小计", *_numbers(unit.counts)]
    yield [report.hall, "", "合计", *_numbers(report.counts)]


def _numbers(counts: Counts) -> list[Cell]:
    return [getattr(counts, name) for name in COUNTS]


def details(report: Report) -> Iterator[list[Cell]]:
    for unit in report.units:
        for row in unit.rows:
            for each in row.details:
                said = [each.day, each.found, each.evidence, each.rule, "是" if each.proposal else "", each.ref]
                yield [unit.name, row.person, row.name, *said]


# ---- CSV


def summary_csv(report: Report) -> bytes:
    return _csv(report, list(SUMMARY), summary(report))


def details_csv(report: Report) -> bytes:
    return _csv(report, list(DETAILS), details(report))


def _csv(report: Report, heads: list[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Every row says of which period it is and whether that is final: a table without a title may be cut up."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*heads, "期间", "状态"])
    writer.writerows([*map(_defused, row), report.period, report.status] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _defused(cell: Cell) -> str:
    if not isinstance(cell, str):
        return f"{cell:g}"
    return f"'{cell}" if cell.startswith(FORMULA) else cell


# ---- XLSX

A4 = 9
HEAD_ROW = 2
"""Under the title and the line on what it is worth; these rows stand on every printed page."""


def workbook(report: Report, created: datetime) -> bytes:
    """Sheets 汇总 and 明细, A4 landscape. Rows go to temporary files, so a year of a large hall needs little memory."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    book.set_properties(
        {"title": f"{report.title} {report.period}", "author": report.hall, "created": created.astimezone(UTC)}
    )
    sums = {"小计", "合计"}
    _sheet(book, report, "汇总", SUMMARY, ((row, row[2] in sums) for row in summary(report)))
    _sheet(book, report, "明细", DETAILS, ((row, False) for row in details(report)))
    book.close()
    return out.getvalue()


def _sheet(
    book: Any, report: Report, name: str, heads: dict[str, int], rows: Iterable[tuple[Sequence[Cell], bool]]
) -> None:
    sheet = book.add_worksheet(name)
    _lay_out(sheet, list(heads.values()))
    plain, strong, title, head = (book.add_format(look) for look in LOOKS)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, f"{report.title}（{report.period}）{report.status}", title)
    sheet.write_string(1, 0, "；".join(each for each in (report.note, report.notice.by) if each))
    sheet.set_row(HEAD_ROW, 32)
    for column, text in enumerate(heads):
        sheet.write_string(HEAD_ROW, column, text, head)
    for number, (row, is_sum) in enumerate(rows, HEAD_ROW + 1):
        for column, cell in enumerate(row):
            write = sheet.write_string if isinstance(cell, str) else sheet.write_number
            write(number, column, cell, strong if is_sum else plain)


_CELL = {"border": 1, "border_color": "#5F6E7C", "valign": "top", "text_wrap": True}
LOOKS: tuple[dict[str, Any], ...] = (
    _CELL,
    {**_CELL, "bold": True, "bg_color": "#F3F6F8"},
    {"bold": True, "font_size": 16},
    {**_CELL, "bold": True, "bg_color": "#F3F6F8", "valign": "vcenter", "align": "center"},
)


def _lay_out(sheet: Any, widths: list[int]) -> None:
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(HEAD_ROW + 1, len(WHO))
    sheet.repeat_rows(0, HEAD_ROW)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&C&P / &N")
