"""Short ways to say what happened on a day of a hall."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.attendance.calendar import day_of
from edge.attendance.profile import Clause, Direction, Profile
from edge.attendance.profilefile import load_all
from edge.attendance.punches import Punch, Span
from edge.attendance.rules import Cover, DayResult, Facts, day_result
from edge.calendar import Overrides

HALLS = Path(__file__).parents[2] / "config" / "halls"
LOADED = load_all(HALLS)
ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 11, 23)
LEAVE = Clause("leave.levels.1", "test")


def profile(code: str) -> Profile:
    return LOADED[code].profile


def at(clock: str, on: date = MONDAY) -> datetime:
    return datetime.combine(on, time.fromisoformat(clock), ZONE)


def span(start: str, end: str, on: date = MONDAY) -> Span:
    return Span(at(start, on), at(end, on))


def leave(start: str, end: str, on: date = MONDAY) -> Cover:
    return Cover("on_leave", span(start, end, on), f"leave-{start}", LEAVE)


def punches(said: str, on: date = MONDAY) -> tuple[Punch, ...]:
    """`"08:20 >12:00"`: `>` marks a departure, `<` an arrival; without a mark the terminal does not say."""
    ways: dict[str, Direction] = {"<": "in", ">": "out"}
    return tuple(
        Punch("li", at(each.lstrip("<>"), on), ways.get(each[0], "unknown"), "fingerprint") for each in said.split()
    )


def result(code: str, said: str, on: date = MONDAY, overrides: Overrides | None = None, **facts: object) -> DayResult:
    """The whole day of one person who punched like this."""
    known = Facts(punches=punches(said, on), **facts)  # type: ignore[arg-type]
    hall = profile(code)
    return day_result(hall, day_of(hall, overrides or {}, on), ZONE, "li", known, at("00:00", on) + timedelta(days=1))


def told(day: DayResult) -> list[str]:
    """`late 6`, `absent 0.5`, `missing_punch`; what was in time is left out."""
    return [
        f"absent {each.absent_days:g}" if each.kind == "absent" else f"{each.kind} {each.minutes or ''}".strip()
        for each in day.findings
        if each.kind not in ("on_time", "on_leave")
    ]
