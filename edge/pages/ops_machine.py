"""What the service itself stands on: the disk, the clock, the calendar; and attendance today in one line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import NamedTuple

from edge.attendance import results, words
from edge.attendance.calendar import day_of
from edge.clock import Now, local
from edge.pages.attendance_day import state_words
from edge.pages.attendance_marks import mark_of, tally
from edge.parts import Parts
from edge.statements import Statements

SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd whenever a time server has set the clock."""
GB = 1024**3
SCARCE, SPENT = 2 * GB, GB // 4
"""Free bytes: a year of a large hall's events is about 1 GB."""
AHEAD_FROM_MONTH = 12
"""The plan of the next year is published in November."""


class Fact(NamedTuple):
    id: str
    name: str
    severity: str
    words: str
    todo: str
    href: str


def facts(parts: Parts, connection: Statements, now: Now) -> list[Fact]:
    return [_disk(parts.database.path.parent), _clock(parts, now), *_days(parts, connection, now)]


def _disk(folder: Path) -> Fact:
    usage = shutil.disk_usage(folder)
    severity = "bad" if usage.free < SPENT else "warn" if usage.free < SCARCE else "ok"
    todo = "" if severity == "ok" else "删掉不用的文件；写不进磁盘就不能取号"
    said = f"还有 {usage.free / GB:.1f} GB，共 {usage.total / GB:.0f} GB"
    return Fact("disk", "磁盘", severity, said, todo, "")


def _clock(parts: Parts, now: Now) -> Fact:
    at = f"{local(now.at, parts.hall.zone_info):%H:%M}"
    if not now.ok:
        return Fact("clock", "时钟", "bad", f"{at}，往回走过", "看校时服务和主板电池；新的时间会标为存疑", "")
    if SYNCHRONIZED.exists():
        return Fact("clock", "时钟", "ok", f"{at}，已网络校时", "", "")
    return Fact("clock", "时钟", "none", f"{at}，不知道是否校过时", "和手机对一下；用别的校时服务就不用管", "")


def _days(parts: Parts, connection: Statements, now: Now) -> list[Fact]:
    rules, today = parts.rules, date.fromisoformat(now.day)
    known = results.known(connection, rules, today, today)
    day = day_of(rules.profile, known.overrides, today)
    unknown = [
        year
        for year in (today.year, today.year + 1)
        if day_of(rules.profile, known.overrides, date(year, 1, 1)).kind == "provisional"
    ]
    due = [year for year in unknown if year == today.year or today.month >= AHEAD_FROM_MONTH]
    plan = f"{unknown[0]}年的放假安排还没有" if unknown else f"{today.year + 1}年的放假安排已有"
    todo = "通知下发后请录入全年安排" if due else ""
    said = f"{words.day_words(today)}，{state_words(day)}；{plan}"
    calendar = Fact("calendar", "日历", "warn" if due else "ok", said, todo, "/ops/attendance/calendar")
    found = results.day_results(rules, known, today, today, local(now.at, rules.zone))
    marks = tally(mark_of(each) for each in found.values())
    counts = "、".join(f"{mark.word} {count}" for mark, count in marks)
    told = f"{len(found)} 人：{counts}" if found else "今天没有要考勤的人"
    return [calendar, Fact("attendance", "今日考勤", "", told, "", "/ops/attendance")]
