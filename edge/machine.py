"""What the service itself stands on, and whether somebody should see to it: the database, disk, clock and calendar."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

from edge.attendance.calendar import day_of
from edge.clock import Now, local
from edge.database import Writer
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
    severity: Literal["ok", "none", "warn", "bad"]
    words: str
    todo: str = ""
    since: int | None = None
    """UTC, milliseconds."""


def facts(parts: Parts, connection: Statements, now: Now) -> list[Fact]:
    return [
        _database(parts.writer),
        _disk(parts.database.path.parent),
        _clock(parts, now),
        _calendar(parts, connection, now),
    ]


def _database(writer: Writer) -> Fact:
    if writer.unstored is None:
        return Fact("database", "数据库", "ok", "写得进")
    since, error = writer.unstored
    return Fact("database", "数据库", "bad", f"写不进：{error}", "现在取不了号，请人工取号；看磁盘还有没有空间", since)


def _disk(folder: Path) -> Fact:
    usage = shutil.disk_usage(folder)
    said = f"还有 {usage.free / GB:.1f} GB，共 {usage.total / GB:.0f} GB"
    if usage.free >= SCARCE:
        return Fact("disk", "磁盘", "ok", said)
    return Fact("disk", "磁盘", "bad" if usage.free < SPENT else "warn", said, "删掉不用的文件；写不进磁盘就不能取号")


def _clock(parts: Parts, now: Now) -> Fact:
    at = f"{local(now.at, parts.hall.zone_info):%H:%M}"
    if not now.ok:
        return Fact("clock", "时钟", "bad", f"{at}，往回走过", "看校时服务和主板电池；新的时间会标为存疑")
    if SYNCHRONIZED.exists():
        return Fact("clock", "时钟", "ok", f"{at}，已网络校时")
    return Fact("clock", "时钟", "none", f"{at}，不知道是否校过时", "和手机对一下；用别的校时服务就不用管")


def _calendar(parts: Parts, connection: Statements, now: Now) -> Fact:
    rules, today = parts.rules, date.fromisoformat(now.day)
    overrides = rules.overrides(connection)
    years = (today.year, today.year + 1)
    unknown = [year for year in years if day_of(rules.profile, overrides, date(year, 1, 1)).kind == "provisional"]
    said = f"{unknown[0]}年的放假安排还没有" if unknown else f"{years[1]}年的放假安排已有"
    if today.year in unknown or (unknown and today.month >= AHEAD_FROM_MONTH):
        return Fact("calendar", "日历", "warn", said, "通知下发后请录入全年安排")
    return Fact("calendar", "日历", "ok", said)
