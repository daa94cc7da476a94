"""How the hall's rules see a leave or an outing as it is entered: whether it stands, what it needs, what it lacks."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from edge.attendance import results, words
from edge.attendance.entries import Entry, Leave, Outing
from edge.attendance.leave import DENYING, Judged, cap_state, judge
from edge.attendance.months import period
from edge.attendance.outing import outing_effect, step_for
from edge.attendance.profile import Level
from edge.attendance.rulebook import Rulebook
from edge.calendar import UnknownYear
from edge.statements import Statements

NEEDS = {"told": "事先报告", "registered": "事先登记（写明地点和事由）", "approved": "事先批准"}


class Judgement(NamedTuple):
    stands: bool | None
    """None: that cannot be known yet."""
    head: str
    lines: tuple[str, ...]
    faults: tuple[str, ...]
    rule: str


def judged(connection: Statements, rules: Rulebook, entry: Entry, role: str) -> Judgement | None:
    """None for what no rule judges."""
    if isinstance(entry, Leave):
        return _leave(connection, rules, entry, role)
    return _outing(rules, entry) if isinstance(entry, Outing) else None


def _leave(connection: Statements, rules: Rulebook, entry: Leave, role: str) -> Judgement:
    try:
        found = judge(rules.profile, rules.overrides(connection), rules.zone, entry.request(role))
    except UnknownYear as error:
        head = f"{error.year}年放假安排尚未公布，天数还不能算，暂按有效处理"
        return Judgement(None, head, (), (), words.clause_words(rules.profile.clause("leave.unit")))
    stands = not any(each.kind in DENYING for each in found.faults)
    kind = words.LEAVES[found.kind] + ("（缺证明，按事假计）" if found.kind != entry.leave else "")
    head = f"{kind} {found.days:g} 天：" + ("请假成立" if stands else "请假还不成立")
    lines = (*_level(found.level), _substitute(found), *_cap(connection, rules, entry, role))
    faults = tuple(words.fault_words(each) for each in found.faults)
    return Judgement(stands, head, tuple(each for each in lines if each), faults, words.clause_words(found.clause))


def _level(level: Level) -> tuple[str, ...]:
    filed = f"，报{words.names(level.file)}备案" if level.file else ""
    return (
        f"须经{words.names(level.approve)}批准{filed}",
        f"须交材料：{words.names(level.papers)}" if level.papers else "",
    )


def _substitute(found: Judged) -> str:
    return f"须安排顶岗人员；{words.clause_words(found.substitute)}" if found.substitute else ""


def _cap(connection: Statements, rules: Rulebook, entry: Leave, role: str) -> tuple[str, ...]:
    """The person's leave in the month in which this one begins, against the cap."""
    first, last = period("monthly", entry.start.astimezone(rules.zone).date())
    mine = [
        each for each in results.known(connection, rules, first, last).leaves if each.request.person == entry.person
    ]
    state = cap_state(rules.profile, role, mine)
    if state is None:
        return ()
    over = "，已超过" if state.exceeded else ""
    used = f"{_month(first)}已请 {state.days:g} 天 {state.times} 次"
    return (f"{used}，限额 {state.cap.days:g} 天或 {state.cap.times} 次{over}；{words.clause_words(state.clause)}",)


def _month(first: date) -> str:
    return words.period_words("monthly", first, first)


def _outing(rules: Rulebook, entry: Outing) -> Judgement:
    outing = entry.outing()
    found = outing_effect(rules.profile, outing)
    stands = bool(found.covers)
    minutes = round((entry.end - entry.start).total_seconds() / 60)
    head = f"外出 {minutes} 分钟：" + ("按规定成立" if stands else "按规定不成立，外出时间不作请假")
    step = step_for(rules.profile, outing)
    if outing.recalled and rules.profile.outing.recall == "unit":
        clause = rules.profile.clause("outing.recall")
        return Judgement(stands, head, ("单位召回须由派驻单位事先报告",), (), words.clause_words(clause))
    if step is None:
        clause = rules.profile.clause("outing.steps")
        return Judgement(stands, head, ("这么长的外出须办请假",), (), words.clause_words(clause))
    needs = "、".join(NEEDS[each] for each in step[0].needs)
    return Judgement(stands, head, (f"须向{words.names([step[0].by])}{needs}",), (), words.clause_words(step[1]))
