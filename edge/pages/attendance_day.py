"""One day of the hall: what is amiss now, everybody's day as a sign, and what was found of each by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.attendance import results, words
from edge.attendance.alarms import open_alarms
from edge.attendance.calendar import day_of
from edge.attendance.punches import Punch
from edge.attendance.roster import Person
from edge.attendance.rules import DayResult, Finding
from edge.calendar import ONE_DAY, Day
from edge.clock import local
from edge.guard import needs
from edge.hall import Hall
from edge.pages.attendance_marks import RANK, Mark, mark_of, mark_of_finding, tally, told
from edge.pages.render import page
from edge.parts import parts_of

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
ENTRIES = "/ops/attendance/entries"
YEARS = range(2000, 2101)
MAY_BE_EXCUSED = ("late", "early", "missing_punch", "one_sided", "off_post", "absent")


@dataclass(frozen=True, slots=True)
class Found:
    mark: Mark
    words: str
    rule: str
    evidence: str
    refs: tuple[str, ...]
    acts: tuple[tuple[str, str], ...]
    """What can be entered about it: (word, address)."""


@dataclass(frozen=True, slots=True)
class Row:
    person: Person
    mark: Mark
    told: str
    punches: tuple[tuple[str, str], ...]
    """(`08:21`, how)"""
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    name: str
    rows: tuple[Row, ...]
    """The gravest first."""

    @property
    def tally(self) -> list[tuple[Mark, int]]:
        return tally(each.mark for each in self.rows)


@router.get("/ops/attendance", dependencies=[needs("ops")])
def one_day(request: Request, on: str = "", unit: str = "") -> Response:
    """Today, or the day `on`; one unit, or all."""
    parts = parts_of(request)
    rules, now = parts.rules, parts.clock.now()
    today = date.fromisoformat(now.day)
    shown = read_day(on) or today
    with parts.database.read() as connection:
        facts = results.known(connection, rules, shown, shown)
        amiss = open_alarms(connection, parts.hall) if shown == today else []
    as_of = local(now.at, rules.zone)
    found = results.day_results(rules, facts, shown, shown, as_of)
    units = by_unit(parts.hall, facts, found, shown, rules.zone)
    shown_units = {id_: each for id_, each in units.items() if unit in ("", id_)}
    return page(
        request,
        "attendance_day",
        page="attendance",
        here="day",
        on=shown,
        today=today,
        as_of=as_of,
        day=day_of(rules.profile, facts.overrides, shown),
        day_words=words.day_words(shown),
        state=state_words(day_of(rules.profile, facts.overrides, shown)),
        steps=(shown - ONE_DAY, shown + ONE_DAY),
        alarms=amiss,
        units=shown_units,
        names={id_: each.name for id_, each in units.items()},
        unit=unit,
        total=tally(row.mark for each in shown_units.values() for row in each.rows),
    )


def read_day(text: str) -> date | None:
    """`2026-03-02`; None for what is none, or in a century that is not this one."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def state_words(day: Day) -> str:
    """What kind of day it is, in a plain sentence."""
    name = words.DAYS.get(day.name, day.name)
    if day.kind == "provisional":
        return f"{day.on.year}年放假安排尚未公布，当天考勤为待定"
    if day.kind == "duty":
        return "值班日：只有排班的人上班" + (f"（{name}）" if name and day.source == "hall" else "")
    if day.kind == "day_off":
        return f"休息日（{name}），不考勤"
    if name in ("", "工作日", words.DAYS["working"]):
        return "工作日"
    return f"工作日（{name}）" if day.source == "hall" else f"调休上班（{name}）"


def by_unit(hall: Hall, facts: results.Known, found: results.Days, on: date, zone: ZoneInfo) -> dict[str, Unit]:
    """Unit -> its people of this day, in the hall's order of units."""
    rows: dict[str, list[Row]] = {each.id: [] for each in hall.units}
    for each in facts.people:
        if (each.id, on) in found:
            punches = facts.punches.get((each.id, on.isoformat()), [])
            rows.setdefault(each.unit, []).append(_row(each, found[each.id, on], punches, zone))
    named = {each.id: each.name for each in hall.units}
    return {
        unit: Unit(named.get(unit, unit), tuple(sorted(mine, key=lambda row: (RANK[row.mark.id], row.person.id))))
        for unit, mine in rows.items()
        if mine
    }


def _row(person: Person, result: DayResult, punches: list[Punch], zone: ZoneInfo) -> Row:
    seen = tuple(_seen(each, zone) for each in sorted(punches, key=lambda each: each.at))
    found = tuple(_found(result, each, zone) for each in result.findings if not _is_plain(each))
    return Row(person, mark_of(result), told(result, zone), seen, found)


def _seen(punch: Punch, zone: ZoneInfo) -> tuple[str, str]:
    side = words.DIRECTIONS[punch.direction]
    return f"{punch.at.astimezone(zone):%H:%M}", side + words.MODES.get(punch.source, punch.source)


def _is_plain(finding: Finding) -> bool:
    """Nothing more to be said about it than the day's sign says."""
    if finding.for_person:
        return False
    return finding.kind in ("day_off", "provisional") or (finding.kind == "on_time" and not finding.evidence.note)


def _found(result: DayResult, finding: Finding, zone: ZoneInfo) -> Found:
    evidence = finding.evidence
    return Found(
        mark_of_finding(finding),
        words.finding_words(finding, zone),
        words.clause_words(evidence.clause),
        words.evidence_words(evidence, zone),
        tuple(dict.fromkeys([*evidence.refs, *([finding.excused] if finding.excused else [])])),
        tuple(_acts(result, finding, zone)),
    )


def _acts(result: DayResult, finding: Finding, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What a person may enter about a finding that stands, with what is known already."""
    if finding.excused or finding.kind not in MAY_BE_EXCUSED:
        return []
    about, acts = {"person": result.person}, []
    if finding.span and finding.kind in ("missing_punch", "one_sided"):
        at = finding.span.start.astimezone(zone)
        acts.append(("补卡", about | {"kind": "manual_punch", "at": f"{at:%Y-%m-%dT%H:%M}"}))
    if finding.span and finding.kind == "absent":
        start, end = finding.span.start.astimezone(zone), finding.span.end.astimezone(zone)
        times = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{end:%Y-%m-%dT%H:%M}"}
        acts.append(("补登请假", about | {"kind": "leave"} | times))
    on = result.on.isoformat()
    acts.append(("不予认定", about | {"kind": "excuse", "finding": finding.kind, "first": on, "last": on}))
    return [(word, f"{ENTRIES}?{urlencode(query)}") for word, query in acts]
