"""The figures of several days as tables: CSV with a byte order mark, and an XLSX workbook with a sheet of each.

Equal figures give equal bytes. Text is never taken for a formula; a figure that cannot be said leaves its cell empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import xlsxwriter  # type: ignore[import-untyped]

from edge.attendance.sheets import A4, FORMULA, LOOKS
from edge.queue.tickets import OUTCOME_WORDS

Cell = str | int | float | None
View = Mapping[str, Any]
Name = Literal["days", "services", "windows", "clerks", "hours", "priority"]
NAMES: tuple[Name, ...] = get_args(Name)
HEAD_ROW = 1
"""Under the title; both stand on every printed page."""

COUNTS = {
    "issued": "取号",
    "moved_in": "转入",
    "moved_out": "转出",
    "served": "办结",
    "missed": "过号",
    "cancelled": "取消",
    "waiting": "等候中",
    "in_hand": "办理中",
    "held": "挂起",
    "cases": "办件（次）",
    "wait_mean": "平均等候（分钟）",
    "wait_median": "等候中位数（分钟）",
    "wait_p90": "九成等候不超过（分钟）",
    "wait_max": "最长等候（分钟）",
    "handling_mean": "平均办理（分钟）",
}
EVEN = ("忙时均衡度（Jain）", "同类窗口办件差异（CV）")


@dataclass(frozen=True, slots=True)
class Day:
    figures: View
    """`figure_views.day_figures`"""
    priority: View
    """`figure_views.day_priority`"""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    heads: tuple[str, ...]
    rows: Callable[[Day], Iterator[Sequence[Cell]]]


# ---- rows, each beginning with the day


def _days(day: Day) -> Iterator[Sequence[Cell]]:
    it, cost = day.figures, day.priority
    outcomes = [each["count"] for each in it["outcomes"]]
    even = [it["balance"]["jain"], it["balance"]["variation"]]
    state = "已封存" if it["closed"] else "未封存"
    yield [*_counted(it["total"]), *outcomes, *even, cost["overtaken"], cost["minutes"], state]


def _services(day: Day) -> Iterator[Sequence[Cell]]:
    for each in day.figures["services"]:
        yield [each["name"], *_counted(each)]


def _counted(row: View) -> list[Cell]:
    return [row[name] for name in COUNTS]


def _windows(day: Day) -> Iterator[Sequence[Cell]]:
    for each in day.figures["windows"]:
        outcomes = [each["outcomes"].get(name, 0) for name in OUTCOME_WORDS]
        yield [
            *(each[name] for name in ("no", "name", "cases", "busy", "open", "cases_per_open_hour", "busy_share")),
            *outcomes,
        ]


def _clerks(day: Day) -> Iterator[Sequence[Cell]]:
    for each in day.figures["clerks"]:
        yield [each["staff"], each["name"], each["cases"], each["busy"]]


def _hours(day: Day) -> Iterator[Sequence[Cell]]:
    for each in day.figures["hours"]:
        yield [f"{each['hour']:02}:00", each["arrivals"], each["waiting_peak"], each["served"]]


def _priority(day: Day) -> Iterator[Sequence[Cell]]:
    for each in day.priority["reasons"]:
        sources = "、".join(f"{source['name']}{source['calls']}" for source in each["sources"])
        yield [each["name"], sources, each["calls"], each["jumped"], each["overtaken"], each["minutes"]]


OUTCOMES = tuple(f"{word}（件）" for word in OUTCOME_WORDS.values())
COST = ("受优先影响（人）", "合计多等（分钟）")
TABLES: Mapping[Name, Table] = {
    "days": Table("每日", (*COUNTS.values(), *OUTCOMES, *EVEN, *COST, "状态"), _days),
    "services": Table("事项", ("事项", *COUNTS.values()), _services),
    "windows": Table(
        "窗口",
        ("窗口", "名称", "办件（次）", "忙（分钟）", "开放（分钟）", "每开放小时办件", "忙时占比", *OUTCOMES),
        _windows,
    ),
    "clerks": Table("人员", ("工号", "姓名", "办件（次）", "忙（分钟）"), _clerks),
    "hours": Table("时段", ("时段", "取号", "最多同时等候", "办结"), _hours),
    "priority": Table("优先", ("原因", "依据", "叫号（次）", "其中越过他人（次）", *COST), _priority),
}


def _rows(name: Name, days: Iterable[Day]) -> Iterator[list[Cell]]:
    for day in days:
        for row in TABLES[name].rows(day):
            yield [day.figures["day"], *row]


# ---- files


def period(days: Sequence[Day]) -> str:
    """`2026-03-02`, or `2026-03-02至2026-03-06`."""
    return "至".join(dict.fromkeys(each.figures["day"] for each in (days[0], days[-1])))


def table_csv(name: Name, days: Iterable[Day]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["日期", *TABLES[name].heads])
    writer.writerows([_plain(cell) for cell in row] for row in _rows(name, days))
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return "" if cell is None else str(cell)


def workbook(hall: str, days: Sequence[Day], created: datetime) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    book.set_properties({"title": f"排队叫号统计 {period(days)}", "author": hall, "created": created.astimezone(UTC)})
    plain, _, title, head = (book.add_format(look) for look in LOOKS)
    for name, table in TABLES.items():
        sheet = book.add_worksheet(table.title)
        heads = ("日期", *table.heads)
        _lay_out(sheet, heads)
        sheet.write_string(0, 0, f"{hall} 排队叫号统计 {table.title}（{period(days)}）", title)
        for column, text in enumerate(heads):
            sheet.write_string(HEAD_ROW, column, text, head)
        _fill(sheet, _rows(name, days), plain)
    book.close()
    return out.getvalue()


def _fill(sheet: Any, rows: Iterable[Sequence[Cell]], look: Any) -> None:
    for number, row in enumerate(rows, HEAD_ROW + 1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell, look)
            elif cell is not None:
                sheet.write_number(number, column, cell, look)


def _lay_out(sheet: Any, heads: Sequence[str]) -> None:
    wide = {"日期": 11, "事项": 20, "名称": 16, "依据": 24, "原因": 14}
    for column, head in enumerate(heads):
        sheet.set_column(column, column, wide.get(head, 9))
    sheet.set_row(0, 24)
    sheet.set_row(HEAD_ROW, 48)
    sheet.freeze_panes(HEAD_ROW + 1, 2)
    sheet.repeat_rows(0, HEAD_ROW)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C&P / &N")
