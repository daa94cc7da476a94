"""What attendance found, in the words that a person in the hall reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]

from edge.attendance.leave import Fault, FaultKind
from edge.attendance.months import Every, Proposal
from edge.attendance.profile import DEFAULT, Clause
from edge.attendance.punches import Punch, Span
from edge.attendance.rules import Evidence, Finding, Kind

KINDS: dict[Kind, str] = {
    "on_time": "正常",
    "late": "迟到",
    "early": "早退",
    "missing_punch": "缺卡",
    "one_sided": "有上无下",
    "off_post": "脱岗",
    "absent": "旷工",
    "on_leave": "请假",
    "on_duty": "值班",
    "substitute": "顶岗",
    "day_off": "休息",
    "provisional": "待定",
}
REASONS: dict[str, str] = {
    "no_formality": "未办请假手续",
    "not_approved": "请假未获批准",
    "overstayed": "逾期不归",
    "deceived": "以欺骗手段请假",
    "no_substitute": "顶岗人员未到岗先行离岗",
}
LEAVES: dict[str, str] = {
    "personal": "事假",
    "sick": "病假",
    "annual": "公休假",
    "marriage": "婚假",
    "maternity": "产假",
    "funeral": "丧假",
    "home_visit": "探亲假",
    "training": "培训",
}
FAULTS: dict[FaultKind, str] = {
    "refused": "未获批准",
    "deceived": "以欺骗手段取得",
    "unapproved": "尚缺审批：{}",
    "paper_missing": "尚缺材料：{}",
    "too_late": "手续未按时办理",
    "no_substitute": "未安排顶岗人员",
    "substitute_not_filed": "顶岗人员 {} 未事先备案",
    "substitute_too_long": "顶岗人员 {} 超过顶岗期限",
    "part_too_short": "分段休假天数不足（{}）",
    "return_not_reported": "{}未销假",
}
MODES = {
    "face": "人脸",
    "fingerprint": "指纹",
    "palm": "掌纹",
    "card": "刷卡",
    "password": "密码",
    "pin": "密码",
    "sign_in": "签到",
    "manual": "手工",
    "roll_call": "点名",
    "unknown": "方式不明",
}
DIRECTIONS = {"in": "上班", "out": "下班", "unknown": ""}
DAYS = {
    **{each.value: each.chinese for each in chinese_calendar.Holiday},
    "weekend": "周末",
    "closed": "闭馆",
    "off": "放假",
    "working": "上班",
    "extended": "延时开放",
    "duty": "值班日",
}
"""Why a day differs from its weekday."""
AWAY = {"roll_call": "点名", "empty_window": "空窗", "patrol": "巡查"}
NAMES = {
    "hall": "中心",
    "hall_head": "中心负责人",
    "admin_section": "政务管理股",
    "attendance_admin": "考勤管理员",
    "service_section": "政务服务科",
    "service_section_head": "政务服务科负责人",
    "clerk": "窗口工作人员",
    "chief_representative": "首席代表",
    "window": "窗口",
    "comprehensive_window": "综合窗口",
    "stationed_unit": "派驻单位",
    "unit_head": "单位主要负责人",
    "unit_leader": "单位领导",
    "unit_main_leader": "单位主要领导",
    "unit_deputy_head": "单位分管负责人",
    "county_office": "县政府办公室",
    "county_leader": "县政府分管领导",
    "slip": "假条",
    "unit_seal": "单位签章",
    "unit_document": "单位文件",
    "situation_note": "情况说明",
    "diagnosis": "诊断证明书",
    "hospital_proof": "医院证明",
    "proof": "有效证明",
}
"""Roles and papers of the profiles."""
DUTIES = {"duty.noon": "午间值班", "duty.extended_until_finished": "延时服务", "duty.overtime_report_to": "加班"}
"""The duties that have a name of their own, by the key of their rule."""
NEED_PUNCHES = ("attendance.absent", "attendance.punches")
"""Rules by which it says something that no punch is there."""
KEYS = {
    "calendar.base": "工作日",
    "calendar.weekend": "双休日",
    "hours.shifts": "上下班时间",
    "hours.ready_minutes_before": "提前准备时间",
    "attendance.modes": "打卡方式",
    "attendance.fallback": "备用打卡方式",
    "attendance.roll_call": "点名",
    "attendance.punches": "打卡次数和时限",
    "attendance.repeat_minutes": "重复打卡间隔",
    "attendance.late_base": "迟到起算时间",
    "attendance.late": "迟到",
    "attendance.early": "早退",
    "attendance.one_sided": "有上无下",
    "attendance.absent": "旷工",
    **{f"attendance.absent.{reason}": f"旷工（{words}）" for reason, words in REASONS.items()},
    "attendance.convert": "折算旷工",
    "leave.unit": "请假天数算法",
    "leave.gap_policy": "请假权限空档",
    "leave.overlap_policy": "请假权限重叠",
    "leave.levels": "请假审批权限",
    "leave.retro": "补办请假手续",
    "leave.sick_proof": "病假证明",
    "leave.caps": "请假月度限额",
    "leave.not_in_cap": "不计限额的假别",
    "leave.training_not_in_cap": "不计限额的培训",
    "leave.return_report": "销假",
    "leave.annual_min_days": "公休假分段天数",
    "leave.substitutes": "请假顶岗",
    "leave.substitute_first": "顶岗人员到岗后离岗",
    "leave.substitute_filed": "顶岗人员备案",
    "leave.substitute_months": "顶岗期限",
    "outing.steps": "外出登记报备",
    "outing.recall": "单位召回",
    "duty.noon": "午间值班",
    "duty.extended_until_finished": "延时服务",
    "duty.coordinated_by": "延时服务协调",
    "duty.overtime_report_to": "加班报备",
    "publication.every": "考勤公示周期",
    "publication.by": "考勤公示责任人",
    "publication.objection": "考勤异议期",
}
"""Every value of a profile that a finding can rest on; of an entry of a list, what the list is about."""
TITLES: dict[Every, str] = {"weekly": "考勤周报", "monthly": "考勤月报", "quarterly": "考勤季报", "yearly": "考勤年报"}

STATUSES = {"proposed": "拟定", "open": "公示中", "locked": "已锁定"}


# ---- times


def day_words(on: date) -> str:
    """`2026-11-23 周一`"""
    return f"{on.isoformat()} 周{'一二三四五六日'[on.weekday()]}"


def period_words(every: Every, first: date, last: date) -> str:
    """`2026年11月`, `2026年第4季度`, `2026年`; a week by its days."""
    if every == "weekly":
        return f"{first.isoformat()} 至 {last.isoformat()}"
    quarter = f"第{(first.month + 2) // 3}季度"
    return f"{first.year}年" + {"monthly": f"{first.month}月", "quarterly": quarter, "yearly": ""}[every]


def until_words(until: datetime, zone: ZoneInfo) -> str:
    """The last day of a span by its end: `2026-11-25 24:00`."""
    local = until.astimezone(zone)
    if f"{local:%H:%M}" == "00:00":
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"


def notice_words(status: str, until: datetime | None, zone: ZoneInfo) -> str:
    """What a reader may still do; `until` is None while the days that count are not known."""
    if status == "locked":
        return "公示期满，结果已锁定"
    said = "拟定结果，公示期内可提出异议"
    if status == "proposed":
        return said
    return f"{said}，截至 {until_words(until, zone)}" if until else f"{said}，截止日待放假安排公布后确定"


def span_words(span: Span, zone: ZoneInfo) -> str:
    """`08:30–12:00`; with the days when it is longer than one; `08:30` for a moment."""
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    if start == end:
        return f"{start:%H:%M}"
    if start.date() == end.date():
        return f"{start:%H:%M}–{end:%H:%M}"
    return f"{start:%m-%d %H:%M} 至 {end:%m-%d %H:%M}"


# ---- findings and what they rest on


def finding_words(finding: Finding, zone: ZoneInfo) -> str:
    """`迟到6分钟`, `旷工（拟）0.5天 08:30–12:00`, `待定（2027年放假安排未公布）`"""
    said = _found(finding, zone)
    if finding.excused:
        return f"{said}（经核实不计）"
    if finding.converted:
        said += "（已折算旷工）"
    return f"{said}（待人工核实）" if finding.for_person else said


def _found(finding: Finding, zone: ZoneInfo) -> str:
    kind, note = KINDS[finding.kind], finding.evidence.note
    when = f" {span_words(finding.span, zone)}" if finding.span else ""
    match finding.kind:
        case "late" | "early":
            return f"{kind}{finding.minutes}分钟"
        case "off_post":
            return (f"{kind}{finding.minutes}分钟" if finding.length else "不在岗") + when
        case "absent":
            return (absent_words(finding.absent_days) if finding.proposal else kind) + when
        case "missing_punch" | "one_sided":
            return _one_side(finding) + when
        case "on_leave" | "on_duty" | "substitute":
            return _standing(finding) + when
        case "provisional":
            return f"{kind}（{note}年放假安排未公布）"
        case "day_off":
            return f"{kind}（{DAYS.get(note, note)}）" if note else kind
        case _:
            return kind


def absent_words(days: float) -> str:
    return f"{KINDS['absent']}（拟）{days:g}天"


def _one_side(finding: Finding) -> str:
    """What is missing tells which side it is."""
    came_after = finding.span is not None and any(each.at > finding.span.start for each in finding.evidence.punches)
    return "有下无上" if finding.kind == "one_sided" and came_after else KINDS[finding.kind]


def _standing(finding: Finding) -> str:
    if is_outing(finding):
        return "外出"
    return DUTIES.get(finding.evidence.clause.key, KINDS[finding.kind])


def is_outing(finding: Finding) -> bool:
    """A short way out, by the rules of outings and not of leave."""
    return finding.kind == "on_leave" and finding.evidence.clause.key.startswith("outing.")


def evidence_words(evidence: Evidence, zone: ZoneInfo) -> str:
    """`打卡 08:36:20 指纹（上班）`, `无打卡记录；未办请假手续`. What was handed in stands in the refs."""
    unseen = "无打卡记录" if evidence.clause.key.startswith(NEED_PUNCHES) else ""
    seen = "打卡 " + "、".join(punch_words(each, zone) for each in evidence.punches) if evidence.punches else unseen
    return "；".join(each for each in (seen, _note(evidence.note)) if each)


def punch_words(punch: Punch, zone: ZoneInfo) -> str:
    side = DIRECTIONS[punch.direction]
    how = MODES.get(punch.source, punch.source)
    return f"{punch.at.astimezone(zone):%H:%M:%S} {how}" + (f"（{side}）" if side else "")


_AFTER_DEADLINE = re.compile(r"after the punch deadline (\d\d:\d\d)")
_NOTED = {**DAYS, **AWAY, **REASONS}


def _note(note: str) -> str:
    """Reasons, sources and names of days; what somebody typed stays as it is."""
    if found := _AFTER_DEADLINE.match(note):
        return f"晚于打卡时限 {found[1]}，未计迟到"
    return "、".join(_NOTED.get(each, each) for each in note.split(", ")) if note else ""


def clause_words(clause: Clause) -> str:
    """`迟到：按易门县 行业规范（ATT-03）`"""
    if clause.source == DEFAULT:
        return f"{key_words(clause.key)}：按产品默认值"
    document, _, row = clause.source.removesuffix(")").rpartition(" (")
    return f"{key_words(clause.key)}：按{document}（{row}）".replace("（-）", "")


def key_words(key: str) -> str:
    """`请假审批权限第2项` for `leave.levels.2`. Raises KeyError."""
    if key in KEYS:
        return KEYS[key]
    of, _, nth = key.rpartition(".")
    return f"{KEYS[of]}第{int(nth)}项"


def proposal_words(proposal: Proposal, zone: ZoneInfo) -> str:
    """`旷工（拟）0.5天：11-02 迟到1分钟、…`"""
    cases = "、".join(f"{on:%m-%d} {finding_words(finding, zone)}" for on, finding in proposal.cases)
    return f"{absent_words(proposal.absent_days)}：{cases}"


def fault_words(fault: Fault) -> str:
    """What a leave lacks, and by which rule."""
    return f"{FAULTS[fault.kind].format(_lacking(fault))}；{clause_words(fault.clause)}"


def _lacking(fault: Fault) -> str:
    if fault.kind == "part_too_short":
        return re.sub(r"(\S+) of (\S+) days", r"\1天，至少\2天", fault.what)
    return names(fault.what.split(", "))


def names(ids: Iterable[str]) -> str:
    """Roles, papers and kinds of leave; one that only this hall knows stays as it is."""
    return "、".join(NAMES.get(each, LEAVES.get(each, each)) for each in ids)
