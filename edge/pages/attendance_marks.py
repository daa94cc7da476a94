"""A person's day as one sign, so that a hall or a month is seen at a glance. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.attendance import words
from edge.attendance.rules import DayResult, Finding


class Mark(NamedTuple):
    id: str
    """The class that gives it its look."""
    sign: str
    word: str


MARKS = {
    each.id: each
    for each in (
        Mark("absent", "旷", "旷工（拟）"),
        Mark("off_post", "脱", "脱岗"),
        Mark("missing", "缺", "缺卡"),
        Mark("early", "早", "早退"),
        Mark("late", "迟", "迟到"),
        Mark("leave", "假", "请假"),
        Mark("none", "—", "尚无打卡"),
        Mark("provisional", "待", "待定"),
        Mark("ok", "●", "正常"),
        Mark("out", "外", "外出"),
        Mark("duty", "值", "值班"),
        Mark("rest", "休", "休息"),
    )
}
"""The gravest first; what nobody asks about last."""
RANK = {id_: rank for rank, id_ in enumerate(MARKS)}
OF_KIND = {
    "missing_punch": "missing",
    "one_sided": "missing",
    "on_leave": "leave",
    "on_duty": "duty",
    "substitute": "duty",
    "day_off": "rest",
    "on_time": "ok",
}


def mark_of(result: DayResult) -> Mark:
    """The gravest of what stands. Nothing found: nobody has punched yet, or all of it was covered."""
    held = [each for each in result.findings if not each.excused]
    if not held:
        return MARKS["ok" if result.findings else "none"]
    return MARKS[min((_of_finding(each) for each in held), key=RANK.__getitem__)]


def _of_finding(finding: Finding) -> str:
    if words.is_outing(finding):
        return "out"
    return OF_KIND.get(finding.kind, finding.kind)


def mark_of_finding(finding: Finding) -> Mark:
    return MARKS[_of_finding(finding)]


def told(result: DayResult, zone: ZoneInfo) -> str:
    """What a pointer on the sign shows: `迟到6分钟、请假 14:30–18:00`."""
    return "、".join(words.finding_words(each, zone) for each in result.findings) or MARKS["none"].word


def tally(marks: Iterable[Mark]) -> list[tuple[Mark, int]]:
    """Those that occur, with how often, in their order."""
    counts = Counter(marks)
    return [(each, counts[each]) for each in MARKS.values() if counts[each]]
