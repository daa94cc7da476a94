"""What a person reads of attendance: nothing of it is a key, and it says what the rules found."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import get_args

import pytest

from drivers.base import Mode
from edge.attendance import words
from edge.attendance.calendar import day_of
from edge.attendance.leave import Fault, FaultKind
from edge.attendance.months import Every, month_result
from edge.attendance.profile import DEFAULT, About, AbsentReason, Attendance, Clause, Direction, LeaveKind, Profile
from edge.attendance.profilefile import origins
from edge.attendance.punches import Punch, Span
from edge.attendance.rules import Cover, Denied, Evidence, Finding, Kind, OffPost, Standing
from edge.calendar import FROM_OVERRIDE, Override
from tests.attendance.days import LOADED, MONDAY, ZONE, at, leave, profile, result, span

req = pytest.mark.req
RULE = Clause("attendance.late", "易门县 行业规范 (ATT-03)")
PROFILES = [*(each.profile for each in LOADED.values()), Profile(hall=About(code="x", name="x", document="x"))]


def kinds(of: object) -> set[str]:
    """The strings of a Literal, or of a union of them."""
    return {value for each in get_args(of) for value in (kinds(each) if get_args(each) else {each})}


def is_chinese(said: str) -> bool:
    return bool(re.search(r"[一-鿿]", said)) and not re.search(r"[a-z]{3,}", said)


def said(code: str, punched: str, **facts: object) -> list[str]:
    return [words.finding_words(each, ZONE) for each in result(code, punched, **facts).findings]  # type: ignore[arg-type]


def evidence(code: str, punched: str, **facts: object) -> list[str]:
    return [words.evidence_words(each.evidence, ZONE) for each in result(code, punched, **facts).findings]  # type: ignore[arg-type]


TABLES = [
    (words.KINDS, Kind),
    (words.REASONS, AbsentReason),
    (words.LEAVES, LeaveKind),
    (words.FAULTS, FaultKind),
    (words.DIRECTIONS, Direction),
    (words.TITLES, Every),
]


@pytest.mark.parametrize(("table", "of"), TABLES)
def test_every_kind_has_its_words(table: dict[str, str], of: object) -> None:
    assert set(table) == kinds(of)
    assert len(set(table.values())) == len(table)


def test_every_way_to_punch_has_its_words() -> None:
    ways = {name for field in ("modes", "fallback") for name in kinds(Attendance.model_fields[field].annotation)}
    assert set(words.MODES) == ways - {Ellipsis} | kinds(Mode) | {"roll_call", "manual"}
    assert set(FROM_OVERRIDE) <= set(words.DAYS)


def test_every_value_of_every_profile_has_its_words() -> None:
    for each in PROFILES:
        for origin in origins(each):
            assert is_chinese(words.clause_words(origin.clause).partition("：")[0]), origin.clause
        for reason in kinds(AbsentReason):
            assert words.REASONS[reason] in words.clause_words(each.clause(f"attendance.absent.{reason}"))


def test_no_words_are_left_over() -> None:
    known = {re.sub(r"\.\d+$", "", origin.clause.key) for each in PROFILES for origin in origins(each)}
    assert set(words.KEYS) == known | {f"attendance.absent.{reason}" for reason in kinds(AbsentReason)}


def test_every_role_and_paper_of_every_profile_has_its_words() -> None:
    for each in PROFILES:
        rules = each.leave
        ids = {id_ for level in rules.levels for id_ in (*level.approve, *level.file, *level.papers)}
        ids |= {cap.role for cap in rules.caps} | {role for rule in rules.substitutes for role in rule.roles}
        ids |= {step.by for step in each.outing.steps} | {each.publication.by, each.duty.coordinated_by}
        ids |= {rules.sick_proof.paper} if rules.sick_proof else set()
        assert ids <= set(words.NAMES), each.hall.code


CLAUSES = [
    (RULE, "迟到：按易门县 行业规范（ATT-03）"),
    (Clause("attendance.convert.2", "原州区 九篇 篇2 (ATT-12)"), "折算旷工第2项：按原州区 九篇 篇2（ATT-12）"),
    (Clause("attendance.early", DEFAULT), "早退：按产品默认值"),
    (Clause("leave.retro", "易门县 行业规范 (-)"), "补办请假手续：按易门县 行业规范"),
    (
        Clause("outing.steps.2", "易门县 行业规范 (LEAVE-02, LEAVE-03)"),
        "外出登记报备第2项：按易门县 行业规范（LEAVE-02, LEAVE-03）",
    ),
]


@pytest.mark.parametrize(("clause", "expected"), CLAUSES)
def test_a_rule_says_where_it_stands(clause: Clause, expected: str) -> None:
    assert words.clause_words(clause) == expected


def test_a_key_that_nobody_has_is_no_rule() -> None:
    with pytest.raises(KeyError):
        words.key_words("attendance.luck")


DAYS = [
    pytest.param("08:36 12:01 14:25 18:02", ["迟到6分钟", "正常", "正常", "正常"], id="late"),
    pytest.param("08:20 12:01 14:25 17:50", ["正常", "正常", "正常", "早退10分钟"], id="early"),
    pytest.param("08:20 14:25 18:02", ["正常", "有上无下 12:00（待人工核实）", "正常", "正常"], id="one-sided"),
    pytest.param("12:01 14:25 18:02", ["正常", "有下无上 08:30（待人工核实）", "正常", "正常"], id="other-side"),
    pytest.param("14:25 18:02", ["旷工（拟）0.5天 08:30–12:00", "正常", "正常"], id="absent"),
]


@pytest.mark.parametrize(("punched", "expected"), DAYS)
def test_a_day(punched: str, expected: list[str]) -> None:
    assert said("county_xx", punched) == expected


GOOD = "08:20 12:01 14:25 18:02"
REST = Override(day=MONDAY, kind="closed", name="设备检修")


def test_what_stands_for_time() -> None:
    def standing(kind: Standing, key: str, *, doubtful: bool = False) -> str:
        cover = Cover(kind, span("15:00", "16:00"), "r", Clause(key, DEFAULT), doubtful)
        return said("county_xx", GOOD, covers=(cover,))[-1]

    assert standing("on_leave", "leave.levels.1") == "请假 15:00–16:00"
    assert standing("on_leave", "outing.steps.1") == "外出 15:00–16:00"
    assert standing("substitute", "leave.levels.1") == "顶岗 15:00–16:00"
    assert standing("on_duty", "calendar.base") == "值班 15:00–16:00"
    assert standing("on_duty", "duty.noon") == "午间值班 15:00–16:00"
    assert standing("on_duty", "duty.overtime_report_to", doubtful=True) == "加班 15:00–16:00（待人工核实）"


def test_a_leave_of_several_days_shows_its_days_in_the_halls_time() -> None:
    utc = Span(datetime.fromisoformat("2026-11-23T00:30:00Z"), datetime.fromisoformat("2026-11-25T10:00:00Z"))
    cover = Cover("on_leave", utc, "L", Clause("leave.levels.1", DEFAULT))
    assert said("county_xx", "", covers=(cover,)) == ["请假 11-23 08:30 至 11-25 18:00"]


def test_away_from_the_post() -> None:
    away = (OffPost(span("15:00", "17:30"), "patrol"),)
    found = result("county_xx", GOOD, off_post=away).findings[-2:]
    assert [words.finding_words(each, ZONE) for each in found] == [
        "脱岗150分钟 15:00–17:30（已折算旷工）",
        "旷工（拟）0.5天 15:00–17:30",
    ]
    assert words.evidence_words(found[0].evidence, ZONE) == "巡查"
    moment = (OffPost(span("15:00", "15:00"), "roll_call"), OffPost(span("15:00", "15:00"), "局领导"))
    assert said("county_xx", GOOD, off_post=moment)[-1] == "不在岗 15:00（待人工核实）"
    assert evidence("county_xx", GOOD, off_post=moment)[-1] == "点名、局领导"


CALM = [
    (date(2026, 10, 1), {}, "休息（国庆节）"),
    (date(2026, 11, 22), {}, "休息（周末）"),
    (MONDAY, {MONDAY: REST}, "休息（设备检修）"),
    (MONDAY, {MONDAY: Override(day=MONDAY, kind="closed")}, "休息（闭馆）"),
    (date(2027, 3, 1), {}, "待定（2027年放假安排未公布）"),
]


@pytest.mark.parametrize(("on", "overrides", "expected"), CALM)
def test_a_day_on_which_nobody_is_blamed(on: date, overrides: dict[date, Override], expected: str) -> None:
    assert said("county_xx", "", on=on, overrides=overrides) == [expected]
    assert day_of(profile("county_xx"), overrides, on).kind != "working"


def test_a_decision_says_that_it_does_not_stand() -> None:
    late = Finding("late", Evidence(RULE), span("08:30", "08:36"), timedelta(minutes=6), excused="E-1", for_person=True)
    assert words.finding_words(late, ZONE) == "迟到6分钟（经核实不计）"


@req("ATT-03")
def test_a_punch_after_its_deadline_that_is_not_late_says_so() -> None:
    assert evidence("yimen", "<08:10 14:20")[0] == "打卡 08:10:00 指纹（上班）；晚于打卡时限 08:00，未计迟到"


def test_the_evidence_of_an_absence() -> None:
    assert evidence("county_xx", "14:25 18:02")[0] == "无打卡记录；未办请假手续"
    denied = (Denied(span("08:00", "13:00"), "L-1", "overstayed"),)
    assert evidence("county_xx", "14:25 18:02", denied=denied)[0] == "无打卡记录；逾期不归"
    assert evidence("county_xx", GOOD, covers=(leave("15:00", "16:00"),))[-1] == ""


@pytest.mark.parametrize("mode", sorted(words.MODES))
def test_a_punch_shows_the_second_and_the_way(mode: str) -> None:
    punch = Punch("li", at("08:36").replace(second=5), "out", mode)
    assert words.punch_words(punch, ZONE) == f"08:36:05 {words.MODES[mode]}（下班）"


@req("ATT-10")
def test_what_a_month_makes_of_days_names_them() -> None:
    days = [result("county_xx", "08:31 12:01 14:25 18:02", on=date(2026, 11, n)) for n in (2, 3, 4, 5)]
    (proposal,) = month_result(profile("county_xx"), "li", days).proposals
    listed = "11-02 迟到1分钟、11-03 迟到1分钟、11-04 迟到1分钟、11-05 迟到1分钟"
    assert words.proposal_words(proposal, ZONE) == f"旷工（拟）0.5天：{listed}"


FAULTS = [
    ("unapproved", "stationed_unit, county_office", "尚缺审批：派驻单位、县政府办公室"),
    ("paper_missing", "diagnosis", "尚缺材料：诊断证明书"),
    ("paper_missing", "盖章表", "尚缺材料：盖章表"),
    ("part_too_short", "2 of 5 days", "分段休假天数不足（2天，至少5天）"),
    ("return_not_reported", "marriage", "婚假未销假"),
    ("substitute_not_filed", "1007", "顶岗人员 1007 未事先备案"),
    ("too_late", "formalities after the leave began", "手续未按时办理"),
]


@pytest.mark.parametrize(("kind", "what", "expected"), FAULTS)
def test_what_a_leave_lacks(kind: FaultKind, what: str, expected: str) -> None:
    assert words.fault_words(Fault(kind, what, RULE)) == f"{expected}；迟到：按易门县 行业规范（ATT-03）"


PERIODS: list[tuple[Every, date, date, str]] = [
    ("weekly", date(2026, 11, 23), date(2026, 11, 29), "2026-11-23 至 2026-11-29"),
    ("monthly", date(2026, 11, 1), date(2026, 11, 30), "2026年11月"),
    ("quarterly", date(2026, 4, 1), date(2026, 6, 30), "2026年第2季度"),
    ("quarterly", date(2026, 10, 1), date(2026, 12, 31), "2026年第4季度"),
    ("yearly", date(2026, 1, 1), date(2026, 12, 31), "2026年"),
]


@pytest.mark.parametrize(("every", "first", "last", "expected"), PERIODS)
def test_a_period(every: Every, first: date, last: date, expected: str) -> None:
    assert words.period_words(every, first, last) == expected


@req("ATT-24")
def test_until_when_a_person_may_object() -> None:
    midnight = datetime.fromisoformat("2026-11-25T16:00:00Z")
    open_ = "拟定结果，公示期内可提出异议"
    assert words.notice_words("open", midnight, ZONE) == f"{open_}，截至 2026-11-25 24:00"
    assert words.notice_words("open", at("17:30"), ZONE) == f"{open_}，截至 2026-11-23 17:30"
    assert words.notice_words("open", None, ZONE) == f"{open_}，截止日待放假安排公布后确定"
    assert words.notice_words("proposed", None, ZONE) == open_
    assert words.notice_words("locked", midnight, ZONE) == "公示期满，结果已锁定"
