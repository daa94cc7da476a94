"""Reports of attendance: what they count, whom they show, and what other programs read in their files."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edge import hallfile
from edge.attendance import sheets
from edge.attendance.months import Every, month_result, period
from edge.attendance.profile import Clause
from edge.attendance.punches import Span
from edge.attendance.reports import Counts, Notice, Report, Row, masked, report, unit_report
from edge.attendance.roster import Person
from edge.attendance.rules import Cover, DayResult
from tests.attendance.days import ZONE, at, leave, profile, result, span

req = pytest.mark.req
ROOT = Path(__file__).parents[2]
HALL = hallfile.load(ROOT / "config" / "demo.toml")
HOME, OTHER = HALL.units[1].id, HALL.units[0].id
GOOD, LATE, ONE = "08:20 12:01 14:25 18:02", "08:36 12:01 14:25 18:02", "08:20 14:25 18:02"
WORKING = [date(2026, 11, n) for n in range(2, 31) if date(2026, 11, n).weekday() < 5]
CREATED = datetime(2026, 12, 1, 9, tzinfo=ZONE)
Days = dict[tuple[str, date], DayResult]


def person(id_: str, name: str = "李小明", unit: str = HOME) -> Person:
    return Person(id=id_, name=name, unit=unit, since=date(2026, 1, 1))


def days_of(id_: str, *said: str, first: date = WORKING[0], code: str = "county_xx") -> Days:
    """The working days of November 2026 from `first` on, one after the other."""
    days = [on for on in WORKING if on >= first]
    return {(id_, on): replace(result(code, each, on=on), person=id_) for on, each in zip(days, said, strict=False)}


def made(days: Days, every: Every = "monthly", on: date = WORKING[0], code: str = "county_xx", **names: str) -> Report:
    persons = [person(id_, names.get(id_, "李小明")) for id_ in {id_ for id_, _ in days}]
    return report(HALL, profile(code), every, *period(every, on), persons, days)


def only(whole: Report) -> Row:
    ((row,),) = (unit.rows for unit in whole.units)
    return row


# ---- what is counted


def test_a_month_counts_its_days() -> None:
    row = only(made(days_of("1", GOOD, LATE, ONE, "08:20 12:01 14:25 17:50", "14:25 18:02", "")))
    assert row.counts == Counts(
        due=6,
        normal=1.5,
        flawed=3,
        on_time=15,
        late=1,
        late_minutes=6,
        early=1,
        early_minutes=10,
        one_sided=1,
        absent=1.5,
        to_check=1,
    )


@req("RPT-02", "ATT-10")
def test_a_week_has_no_months_conversions_and_a_month_has() -> None:
    late = days_of("1", LATE, LATE, LATE, LATE)
    week, month = only(made(late, "weekly")), only(made(late))
    assert (week.counts.absent, week.counts.flawed, [each.proposal for each in week.details]) == (0, 4, [False] * 4)
    assert (month.counts.absent, month.counts.flawed) == (0.5, 3.5)
    assert month.details[-1].day == "2026-11"
    assert month.details[-1].found == "旷工（拟）0.5天"
    assert month.details[-1].evidence.startswith("11-02 迟到6分钟、")
    assert month.details[-1].proposal


@req("RPT-04")
@pytest.mark.parametrize("every", ["quarterly", "yearly"])
def test_a_longer_report_is_the_sum_of_its_months(every: Every) -> None:
    """Three times late in each of two months is never four."""
    october = {("1", on): result("county_xx", LATE, on=on) for on in (date(2026, 10, n) for n in (12, 13, 14))}
    both = {key: replace(each, person="1") for key, each in october.items()} | days_of("1", LATE, LATE, LATE)
    assert only(made(both, every)).counts.absent == 0
    assert only(made(both | days_of("1", LATE, LATE, LATE, LATE), every)).counts.absent == 0.5


def test_a_week_across_two_months_is_whole() -> None:
    on = date(2026, 11, 30)
    days = {("1", each): replace(result("county_xx", LATE, on=each), person="1") for each in (on, date(2026, 12, 1))}
    assert only(made(days, "weekly", on)).counts.late == 2
    assert only(made(days, "monthly", on)).counts.late == 1


def test_leave_counts_by_the_shifts_it_takes_and_an_outing_is_none() -> None:
    outing = Cover("on_leave", span("15:00", "15:30"), "O", Clause("outing.steps.1", "-"))
    doubtful = replace(leave("14:30", "18:00"), for_person=True)

    def counts(said: str, *covers: Cover) -> Counts:
        return only(made({("li", WORKING[0]): result("county_xx", said, WORKING[0], covers=covers)})).counts

    def moved(cover: Cover) -> Cover:
        return replace(cover, span=Span(*(each.replace(day=2) for each in (cover.span.start, cover.span.end))))

    morning = moved(leave("08:30", "12:00"))
    assert (half := counts("14:25 18:02", morning)).leave == 0.5
    assert (half.normal, half.absent, half.due) == (0.5, 0, 1)
    assert counts("14:25 18:02", morning, replace(morning, ref="again")).leave == 0.5
    assert counts("", moved(leave("08:30", "18:00"))).leave == 1
    out = counts(GOOD, moved(outing))
    assert (out.leave, out.outings, out.normal) == (0, 1, 1)
    assert counts(GOOD, moved(doubtful)).leave == 0


def test_rest_and_unknown_days_are_not_due() -> None:
    saturday, unknown = date(2026, 11, 7), date(2027, 3, 1)
    assert only(made({("li", saturday): result("county_xx", "", saturday)}, on=saturday)).counts == Counts()
    row = only(made({("li", unknown): result("county_xx", "", unknown)}, on=unknown))
    assert row.counts == Counts(provisional=1)
    assert row.details == ()


def test_what_was_decided_not_to_stand_is_not_counted_but_told() -> None:
    late = result("county_xx", LATE, on=WORKING[0])
    excused = replace(late, findings=tuple(replace(each, excused="E-1") for each in late.findings[:1]))
    row = only(made({("li", WORKING[0]): excused}))
    assert (row.counts.late, row.counts.late_minutes, row.counts.flawed) == (0, 0, 0)
    assert [(each.found, each.ref) for each in row.details] == [("迟到6分钟（经核实不计）", "E-1")]


SAID = st.sampled_from([GOOD, LATE, ONE, "", "08:20", "14:25 18:02", "09:45 12:01 14:25 17:00"])


@given(st.lists(SAID, max_size=21), st.sampled_from(["county_xx", "yuanzhou", "yimen"]))
@settings(deadline=None, max_examples=30)
def test_a_months_row_agrees_with_the_months_result(said: list[str], code: str) -> None:
    days = days_of("1", *said, code=code)
    month = month_result(profile(code), "1", days.values())
    whole = made(days, code=code)
    assert whole.counts.absent == pytest.approx(month.absent_days)
    kinds = ("on_time", "late", "early", "missing_punch", "one_sided", "off_post")
    counted = [getattr(whole.counts, {"missing_punch": "missing"}.get(kind, kind)) for kind in kinds]
    assert counted == [month.counts.get(kind, 0) for kind in kinds]
    for unit in whole.units:
        bar = unit.rows[0].bar
        assert sum(each.length for each in bar) == pytest.approx(whole.counts.due)
        assert [each.start for each in bar] == sorted(each.start for each in bar)


# ---- whom it shows

TWO = days_of("1002", LATE) | days_of("1001", GOOD) | days_of("1003", "") | days_of("1009", GOOD)
PERSONS = [
    person("1003", "赵四", OTHER),
    person("1002", "欧阳修远"),
    person("1001", "=王芳"),
    person("1004", "来过"),
    person("1009", "外单位", "elsewhere"),
]
WHOLE = report(HALL, profile("county_xx"), "monthly", *period("monthly", WORKING[0]), PERSONS, TWO)
OPEN = replace(WHOLE, notice=Notice("open", "政务管理股", at("00:00", date(2026, 12, 4))))


def test_people_stand_by_unit_as_the_hall_lists_them() -> None:
    assert [(unit.unit, [row.person for row in unit.rows]) for unit in WHOLE.units] == [
        (OTHER, ["1003"]),
        (HOME, ["1001", "1002"]),
        ("elsewhere", ["1009"]),
    ]
    assert [unit.name for unit in WHOLE.units] == [HALL.units[0].name, HALL.units[1].name, "elsewhere"]
    assert [unit.counts.late for unit in WHOLE.units] == [0, 1, 0]
    assert (WHOLE.counts.due, WHOLE.counts.late, WHOLE.counts.absent, WHOLE.people) == (4, 1, 1, 4)


@req("RPT-06")
def test_the_home_unit_gets_its_own_people_only() -> None:
    own = unit_report(OPEN, HOME)
    assert [row.person for unit in own.units for row in unit.rows] == ["1001", "1002"]
    assert (own.counts.due, own.notice) == (2, OPEN.notice)
    assert unit_report(OPEN, "nobody").units == ()
    assert unit_report(OPEN, "nobody").counts == Counts()


def test_a_public_screen_shows_numbers_and_no_person() -> None:
    shown = masked(OPEN)
    rows = [row for unit in shown.units for row in unit.rows]
    assert [row.name for row in rows] == ["赵*", "=**", "欧阳**", "外**"]
    assert [(row.person, row.details) for row in rows] == [("", ())] * 4
    assert shown.counts == OPEN.counts
    page = drawn(shown)
    assert not any(secret in page for secret in ("1001", "1002", "王芳", "修远", "08:36", "未办请假手续"))


# ---- files


def test_csv_opens_in_a_spreadsheet_and_starts_no_formula() -> None:
    data = sheets.summary_csv(OPEN)
    assert data.startswith("\ufeff单位".encode())
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [each["姓名"] for each in rows] == ["赵四", "小计", "'=王芳", "欧阳修远", "小计", "外单位", "小计", "合计"]
    assert (rows[3]["迟到（次）"], rows[3]["迟到（分钟）"], rows[0]["旷工（拟，天）"]) == ("1", "6", "1")
    assert {(each["期间"], each["状态"]) for each in rows} == {("2026年11月", "公示中")}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_text_of_a_csv_is_a_formula(start: str) -> None:
    evil = replace(WHOLE.units[0].rows[0], name=f"{start}cmd|' /C calc'!A0")
    data = sheets.details_csv(replace(WHOLE, units=(replace(WHOLE.units[0], rows=(evil,)),)))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1][2] == f"'{evil.name}"


def test_details_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(sheets.details_csv(OPEN).decode("utf-8-sig"), newline="")))
    late = next(each for each in rows if each["工号"] == "1002")
    assert (late["日期"], late["结果"], late["拟定旷工"]) == ("2026-11-02 周一", "迟到6分钟", "")
    assert late["依据"] == "打卡 08:36:00 指纹"
    assert {each["拟定旷工"] for each in rows if each["工号"] == "1003"} == {"是"}


@req("ATT-23")
def test_another_program_reads_the_workbook() -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheets.workbook(OPEN, CREATED)))
    assert book.sheetnames == ["汇总", "明细"]
    summary, details = book["汇总"], book["明细"]
    assert summary["A1"].value == f"{HALL.hall.name} 考勤月报（2026年11月）公示中"
    assert summary["A2"].value == "拟定结果，公示期内可提出异议，截至 2026-12-03 24:00；政务管理股"
    heads = [cell.value for cell in summary[3]]
    table = [dict(zip(heads, row, strict=True)) for row in summary.iter_rows(min_row=4, values_only=True)]
    assert table[2]["姓名"] == "=王芳"
    assert summary["C6"].data_type == "s"
    assert [(each["姓名"], each["应到（天）"], each["旷工（拟，天）"]) for each in table][-1] == ("合计", 4, 1)
    assert details.max_row == 3 + sum(len(row.details) for unit in OPEN.units for row in unit.rows)
    for sheet in book:
        assert sheet.freeze_panes == "D4"
        assert sheet.print_title_rows == "$1:$3"
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    assert book.properties.created.isoformat() == "2026-12-01T01:00:00"


def test_a_locked_workbook_invites_no_objection() -> None:
    locked = replace(OPEN, notice=Notice("locked", "政务管理股", OPEN.notice.until))
    book = openpyxl.load_workbook(io.BytesIO(sheets.workbook(locked, CREATED)))
    assert book["汇总"]["A2"].value == "公示期满，结果已锁定；政务管理股"
    assert sheets.file_name(locked, "xlsx") == f"{HALL.hall.name} 考勤月报 2026年11月 已锁定.xlsx"


def test_equal_reports_make_equal_files() -> None:
    first, again = (sheets.workbook(OPEN, CREATED) for _ in range(2))
    assert first == again
    assert sheets.workbook(OPEN, CREATED.replace(hour=10)) != first
    with zipfile.ZipFile(io.BytesIO(first)) as parts:
        assert parts.testzip() is None
        for name in parts.namelist():
            assert ET.fromstring(parts.read(name)).tag, name


def test_a_report_of_nobody_is_an_empty_table() -> None:
    empty = report(HALL, profile("county_xx"), "weekly", *period("weekly", WORKING[0]), [], {})
    assert (empty.counts, empty.longest, empty.people) == (Counts(), 1, 0)
    assert openpyxl.load_workbook(io.BytesIO(sheets.workbook(empty, CREATED)))["汇总"].max_row == 4
    assert "合计（0人）" in drawn(empty)


# ---- the page


def drawn(whole: Report) -> str:
    pages = Environment(
        loader=FileSystemLoader(ROOT / "edge" / "pages" / "templates"), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("attendance_report.html").render(page="attendance_report", hall=HALL, report=whole)


class Seen(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@req("ATT-23", "ATT-24")
def test_the_page_says_what_it_is_who_publishes_and_until_when() -> None:
    seen = Seen(drawn(OPEN)).text
    for said in (
        "考勤月报",
        "2026年11月",
        "公示中",
        "公示：政务管理股",
        "截至 2026-12-03 24:00",
        "=王芳",
        "合计（4人）",
    ):
        assert said in seen
    assert "旷工（拟）0.5天 08:30–12:00" in seen
    assert "旷工（未办请假手续）：按原州区 九篇 篇2（ATT-14）" in seen


def test_the_page_runs_nothing_and_needs_nothing_that_its_policy_forbids() -> None:
    evil = replace(WHOLE.units[0].rows[0], name="<script>alert(1)</script>")
    tags = Seen(drawn(replace(WHOLE, units=(replace(WHOLE.units[0], rows=(evil,)),)))).tags
    assert {tag for tag, _ in tags} & {"script", "style", "iframe", "object"} == set()
    assert not any(name == "style" or name.startswith("on") for _, attrs in tags for name in attrs)
    sheets_of = [attrs["href"] for tag, attrs in tags if tag == "link" and attrs["rel"] == "stylesheet"]
    static = ROOT / "edge" / "pages"
    assert all((static / str(href).removeprefix("/")).is_file() for href in sheets_of)


def test_bars_are_as_long_as_the_days() -> None:
    tags = [attrs for tag, attrs in Seen(drawn(made(days_of("1", GOOD, LATE, "", GOOD)))).tags if tag == "rect"]
    bar = [(each["class"], each["x"], each["width"]) for each in tags if "x" in each]
    assert bar == [("absent", "0.0%", "25.0%"), ("flawed", "25.0%", "25.0%"), ("normal", "50.0%", "50.0%")]
