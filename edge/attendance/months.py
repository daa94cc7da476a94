"""What a month of days comes to, when it is published, and until when a person may object. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.calendar import deadline
from edge.attendance.profile import Clause, Convert, Profile, reached
from edge.attendance.rules import DayResult, Finding
from edge.calendar import ONE_DAY, Overrides, UnknownYear

Case = tuple[date, Finding]
Every = Literal["weekly", "monthly", "quarterly", "yearly"]
ALL = {"late_or_early": ("late", "early"), "missing_punch": ("missing_punch", "one_sided")}
"""What a conversion by number counts."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """So much absence, for these cases, by this rule."""

    absent_days: float
    clause: Clause
    cases: tuple[Case, ...]

    @property
    def of_a_day(self) -> bool:
        """A month's own rule counts what is no proposal yet."""
        return any(finding.proposal for _, finding in self.cases)


@dataclass(frozen=True, slots=True)
class MonthResult:
    person: str
    counts: dict[str, int]
    """Kind of finding -> how many."""
    proposals: tuple[Proposal, ...]
    """Of the days, then of the month's own rules."""

    @property
    def absent_days(self) -> float:
        return sum(each.absent_days for each in self.proposals)


def month_result(profile: Profile, person: str, days: Iterable[DayResult]) -> MonthResult:
    """One person's month. A day that is given twice counts once, as it was given last."""
    mine = sorted({each.on: each for each in days if each.person == person}.items())
    cases = [(on, finding) for on, result in mine for finding in result.findings]
    counts: dict[str, int] = {}
    for _, finding in cases:
        if finding.excused:
            continue
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    of_days = [proposal for _, result in mine for proposal in _of_day(result)]
    return MonthResult(person, counts, (*of_days, *_of_month(profile, cases)))


def period_results(profile: Profile, every: Every, person: str, days: Iterable[DayResult]) -> list[MonthResult]:
    """Month by month: four times a month is neither reached in a week, nor added up over a quarter."""
    mine = sorted((each for each in days if each.person == person), key=lambda each: each.on)
    months = groupby(mine, key=lambda each: (each.on.year, each.on.month))
    made = [month_result(profile, person, month) for _, month in months]
    if every != "weekly":
        return made
    return [replace(month, proposals=tuple(each for each in month.proposals if each.of_a_day)) for month in made]


def _of_day(result: DayResult) -> Iterable[Proposal]:
    """The day's proposals; together never more than the day."""
    left = result.absent_days
    for each in result.findings:
        if each.proposal and left > 0:
            yield Proposal(min(left, each.absent_days), each.evidence.clause, ((result.on, each),))
            left -= each.absent_days


def _of_month(profile: Profile, cases: list[Case]) -> Iterable[Proposal]:
    """Of several steps of one rule (4 times, 8 times) the highest that is reached."""
    for when, kinds in ALL.items():
        counted = tuple(
            case
            for case in cases
            if case[1].kind in kinds and not (case[1].converted or case[1].proposal or case[1].excused)
        )
        steps = [
            (rule.absent_days, nth, rule)
            for nth, rule in enumerate(profile.attendance.convert, 1)
            if rule.when == when and _enough(rule, len(counted))
        ]
        if steps:
            days, nth, rule = max(steps, key=lambda step: step[0])
            yield Proposal(days, profile.clause(f"attendance.convert.{nth}", rule.source), counted)


def _enough(rule: Convert, number: int) -> bool:
    return rule.count is not None and reached(number, rule.count, rule.inclusive)


# ---- publication and objection


def period(every: Every, on: date) -> tuple[date, date]:
    """First and last day of the week, month, quarter or year that holds the day."""
    if every == "weekly":
        first = on - timedelta(days=on.weekday())
        return first, first + timedelta(days=6)
    months = {"monthly": 1, "quarterly": 3, "yearly": 12}[every]
    first = date(on.year, (on.month - 1) // months * months + 1, 1)
    after = (first + timedelta(days=31 * months)).replace(day=1)
    return first, after - ONE_DAY


def locks_at(profile: Profile, overrides: Overrides, published_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Until then a person may object; None while the days that count are not known: nothing is locked on a guess."""
    try:
        span = profile.publication.objection
        return deadline(profile, overrides, span, published_at.astimezone(zone).date(), zone)
    except UnknownYear:
        return None


def may_object(lock: datetime | None, at: datetime) -> bool:
    return lock is None or at < lock


def is_locked(lock: datetime | None, at: datetime, open_objections: int) -> bool:
    """Silence is assent; an objection keeps the record open until it is answered."""
    return not may_object(lock, at) and open_objections == 0
