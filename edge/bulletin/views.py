"""What screens and ops are shown of the bulletin. Reads only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from edge.bulletin.desk import KIND_WORDS, Kind, Outcome
from edge.bulletin.leaves import Card
from edge.clock import rfc3339
from edge.hall import Hall
from edge.statements import Statements

FIELDS = (
    "v.bulletin, b.kind, v.version, v.title, v.body, v.results, v.zones, v.first, v.last, v.entered_at, v.entered_by,"
    " v.approved_at, v.approved_by, b.withdrawn_at, b.withdrawn_by"
)
FROM = "FROM bulletin_version v JOIN bulletin b ON b.id = v.bulletin"


@dataclass(frozen=True, slots=True)
class Version:
    entry: str
    kind: Kind
    version: int
    title: str
    body: str
    outcomes: tuple[Outcome, ...]
    zones: tuple[str, ...]
    """Empty: all."""
    first: str
    last: str | None
    entered_at: int
    entered_by: str
    approved_at: int | None
    approved_by: str | None
    withdrawn_at: int | None
    withdrawn_by: str | None

    def state(self, today: str, shown: bool) -> str:
        if self.withdrawn_by is not None:
            return "已撤下"
        if self.approved_by is None:
            return "待审核"
        if self.first > today:
            return "未到日期"
        return "正在显示" if shown else "已过期" if self.last is not None and self.last < today else "已有新版"


def _versions(connection: Statements, rest: str, **values: str) -> list[Version]:
    rows = connection.exec_driver_sql(f"SELECT {FIELDS} {FROM} {rest}", values)
    return [Version(*_parsed(*row)) for row in rows]


def _parsed(*row: Any) -> tuple[Any, ...]:
    outcomes = tuple(Outcome(*each) for each in json.loads(row[5]))
    return *row[:5], outcomes, tuple(json.loads(row[6])), *row[7:]


SHOWN = """
WHERE b.withdrawn_at IS NULL AND coalesce(v.last, '9') >= :day AND v.version = (
  SELECT max(version) FROM bulletin_version a
  WHERE a.bulletin = v.bulletin AND a.approved_at IS NOT NULL AND a.first <= :day
) ORDER BY b.position, b.id
"""
"""Of each entry the newest version that was approved and has begun, until it ends: an older one never comes back."""


def shown(connection: Statements, day: str, zone: str | None = None) -> list[Version]:
    """What stands on the screens of this zone on this business day, in order; on any screen without a zone."""
    return [
        each for each in _versions(connection, SHOWN, day=day) if zone is None or not each.zones or zone in each.zones
    ]


def entries(connection: Statements, hall: Hall, day: str) -> list[dict[str, Any]]:
    """Every entry with its versions, the newest first; what is off the screens for good comes last. JSON-ready."""
    now = {(each.entry, each.version) for each in shown(connection, day)}
    found: dict[str, list[Version]] = {}
    for each in _versions(connection, "ORDER BY b.withdrawn_at IS NOT NULL, b.position, b.id, v.version DESC"):
        found.setdefault(each.entry, []).append(each)
    return [
        {
            "id": entry,
            "kind": versions[0].kind,
            "kind_words": KIND_WORDS[versions[0].kind],
            "withdrawn_by": versions[0].withdrawn_by,
            "withdrawn_at": rfc3339(versions[0].withdrawn_at, hall.zone_info),
            "versions": [_version(hall, each, day, (entry, each.version) in now) for each in versions],
        }
        for entry, versions in found.items()
    ]


def _version(hall: Hall, it: Version, day: str, shown: bool) -> dict[str, Any]:
    return {
        "version": it.version,
        "title": it.title,
        "text": it.body,
        "results": [each._asdict() for each in it.outcomes],
        "zones": list(it.zones),
        "first": it.first,
        "last": it.last,
        "entered_by": it.entered_by,
        "entered_at": rfc3339(it.entered_at, hall.zone_info),
        "approved_by": it.approved_by,
        "approved_at": rfc3339(it.approved_at, hall.zone_info),
        "state": it.state(day, shown),
    }


# ---- on the screen


def commitments(hall: Hall, versions: list[Version]) -> tuple[str, ...]:
    """Those that are approved in the bulletin, else the hall file's."""
    own = [line for each in versions if each.kind == "commitment" for line in each.body.split("\n")]
    return tuple(filter(None, own)) or hall.screens.commitments


def cards(hall: Hall, versions: list[Version]) -> list[Card]:
    """The playlist, with the commitments where the bulletin puts them, or at its end."""
    made = [_card(each) for each in versions]
    if hall.screens.commitments and not any(each.kind == "commitment" for each in versions):
        made.append(Card("commitment", KIND_WORDS["commitment"], _numbered(hall.screens.commitments)))
    return made


def _card(it: Version) -> Card:
    if it.kind == "commitment":
        return Card(it.kind, it.title, _numbered(tuple(filter(None, it.body.split("\n")))))
    if it.kind == "notice":
        return Card(it.kind, it.title, (it.body,))
    until = f"公示期 {_day(it.first)}" + (f"至{_day(it.last)}" if it.last else "起")
    return Card(it.kind, it.title, (until, *filter(None, (it.body,)), *map(_outcome, it.outcomes)))


def _numbered(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{nth}. {line}" for nth, line in enumerate(lines, 1))


def _outcome(it: Outcome) -> str:
    return " ".join(filter(None, (it.applicant, it.project, it.number, _day(it.finished), it.result)))


def _day(day: str) -> str:
    """`3月2日`"""
    return f"{int(day[5:7])}月{int(day[8:10])}日" if day else ""


# ---- over everything


def standing(connection: Statements, hall: Hall) -> list[dict[str, Any]]:
    """The emergency texts that stand now, the newest first. JSON-ready."""
    rows = connection.exec_driver_sql(
        "SELECT id, words, zones, set_at, set_by FROM emergency WHERE cleared_at IS NULL ORDER BY set_at DESC, id DESC"
    )
    return [
        {"id": id_, "text": words, "zones": json.loads(zones), "at": rfc3339(at, hall.zone_info), "by": by}
        for id_, words, zones, at, by in rows
    ]


def emergency(connection: Statements, hall: Hall, zone: str) -> dict[str, Any] | None:
    """The one on the screens of this zone: the newest of all that concern it."""
    return next((each for each in standing(connection, hall) if not each["zones"] or zone in each["zones"]), None)
