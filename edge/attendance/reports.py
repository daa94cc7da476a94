"""What a week, a month, a quarter or a year of attendance comes to, by person, unit and hall. Pure.

What a report says of absence is a proposal, until its notice says that it is locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from edge.attendance import words
from edge.attendance.months import Every, Proposal, period_results
from edge.attendance.profile import Profile
from edge.attendance.punches import Span
from edge.attendance.roster import Person
from edge.attendance.rules import DayResult, Finding, Kind
from edge.hall import Hall
from edge.mask import mask

BLEMISHES: tuple[Kind, ...] = ("late", "early", "missing_punch", "one_sided", "off_post")


class Counts(NamedTuple):
    """Of one person or of several. Days are those of work, by the parts that the shifts make; the rest are numbers."""

    due: int = 0
    """Days on which the person was expected."""
    normal: float = 0
    """Days, or what leave and absence leave of them, with nothing to blame."""
    flawed: float = 0
    """The same with something."""
    on_time: int = 0
    late: int = 0
    late_minutes: int = 0
    early: int = 0
    early_minutes: int = 0
    missing: int = 0
    one_sided: int = 0
    off_post: int = 0
    off_post_minutes: int = 0
    leave: float = 0
    outings: int = 0
    duty: int = 0
    substitute: int = 0
    absent: float = 0
    """Days, proposed."""
    to_check: int = 0
    """Findings that a person has to look at."""
    provisional: int = 0
    """Days that the hall's calendar does not know yet."""


class Piece(NamedTuple):
    """Of a bar that is as long as the days due."""

    kind: Literal["normal", "leave", "flawed", "absent"]
    start: float
    length: float


class Detail(NamedTuple):
    """One line of what a person is told, in words."""

    day: str
    """`2026-11-23 周一`; of a month's own rules the month, `2026-11`."""
    found: str
    evidence: str
    rule: str
    proposal: bool
    ref: str
    """What was handed in or entered: slips, duties, the decision that a finding does not stand."""


@dataclass(frozen=True, slots=True)
class Row:
    person: str
    """工号; "" when the report is masked."""
    name: str
    counts: Counts
    details: tuple[Detail, ...]

    @property
    def bar(self) -> tuple[Piece, ...]:
        """Absence first takes its length, then leave, then the days with something to blame."""
        start, pieces = 0.0, []
        for kind in ("absent", "leave", "flawed", "normal"):
            length = min(getattr(self.counts, kind), self.counts.due - start)
            if length > 0:
                pieces.append(Piece(kind, start, length))
                start += length
        return tuple(pieces)


@dataclass(frozen=True, slots=True)
class UnitRows:
    unit: str
    name: str
    rows: tuple[Row, ...]

    @property
    def counts(self) -> Counts:
        return total(row.counts for row in self.rows)


@dataclass(frozen=True, slots=True)
class Notice:
    """How far a report has come: made, published and open to objection, or locked."""

    status: Literal["proposed", "open", "locked"] = "proposed"
    by: str = ""
    """Who publishes, as a person reads it."""
    until: datetime | None = None
    """Until when a person may object; None where the days that count are not known."""


@dataclass(frozen=True, slots=True)
class Report:
    hall: str
    every: Every
    first: date
    last: date
    units: tuple[UnitRows, ...]
    zone: ZoneInfo
    notice: Notice = Notice()

    @property
    def counts(self) -> Counts:
        return total(unit.counts for unit in self.units)

    @property
    def people(self) -> int:
        return sum(len(unit.rows) for unit in self.units)

    @property
    def longest(self) -> int:
        """Days of the longest bar; at least 1."""
        return max((row.counts.due for unit in self.units for row in unit.rows), default=0) or 1

    @property
    def title(self) -> str:
        return f"{self.hall} {words.TITLES[self.every]}"

    @property
    def period(self) -> str:
        return words.period_words(self.every, self.first, self.last)

    @property
    def status(self) -> str:
        return words.STATUSES[self.notice.status]

    @property
    def note(self) -> str:
        """What a reader may still do about it."""
        return words.notice_words(self.notice.status, self.notice.until, self.zone)


def total(counts: Iterable[Counts]) -> Counts:
    return Counts(*map(sum, zip(*counts, strict=True)))


# ---- made from day results


@dataclass(frozen=True, slots=True)
class _Making:
    profile: Profile
    zone: ZoneInfo
    every: Every


def report(
    hall: Hall,
    profile: Profile,
    every: Every,
    first: date,
    last: date,
    persons: Iterable[Person],
    days: Mapping[tuple[str, date], DayResult],
) -> Report:
    """Of everyone with a result in these days, by unit, as the hall lists them, and 工号.

    A week has no month's conversions; a quarter and a year are sums of their months.
    """
    making, mine = _Making(profile, hall.zone_info, every), _by_person(first, last, days)
    of_unit: dict[str, list[Person]] = {each.id: [] for each in hall.units}
    for person in sorted(persons, key=lambda each: each.id):
        if person.id in mine:
            of_unit.setdefault(person.unit, []).append(person)
    named = {each.id: each.name for each in hall.units}
    units = tuple(
        UnitRows(unit, named.get(unit, unit), tuple(_row(making, each, mine[each.id]) for each in here))
        for unit, here in of_unit.items()
        if here
    )
    return Report(hall.hall.name, every, first, last, units, hall.zone_info)


def unit_report(whole: Report, unit: str) -> Report:
    """The part for the unit that sends its people."""
    return replace(whole, units=tuple(each for each in whole.units if each.unit == unit))


def masked(whole: Report) -> Report:
    """For a public screen: names masked, and of each person the numbers only."""
    return replace(whole, units=tuple(replace(unit, rows=tuple(map(_masked, unit.rows))) for unit in whole.units))


def _masked(row: Row) -> Row:
    return Row("", mask("name", row.name), row.counts, ())


def _by_person(first: date, last: date, days: Mapping[tuple[str, date], DayResult]) -> dict[str, list[DayResult]]:
    """The results of these days, in their order."""
    found: dict[str, list[DayResult]] = {}
    for (person, on), result in sorted(days.items(), key=lambda item: item[0][1]):
        if first <= on <= last:
            found.setdefault(person, []).append(result)
    return found


def _row(making: _Making, person: Person, results: list[DayResult]) -> Row:
    made = period_results(making.profile, making.every, person.id, results)
    of_months = [each for month in made for each in month.proposals if not each.of_a_day]
    details = [_detail(making, each.on, found) for each in results for found in each.findings if _told(each, found)]
    details += (_month_detail(making, each) for each in of_months)
    details.sort(key=lambda each: each.day[:7])  # of a month its days, then what they come to
    counts, absent = total(_count(making, each) for each in results), sum((each.absent_days for each in of_months), 0.0)
    return Row(person.id, person.name, _converted(counts, absent), tuple(details))


def _converted(counts: Counts, absent: float) -> Counts:
    """With the absence that the months make of days which had something to blame."""
    return counts._replace(absent=counts.absent + absent, flawed=max(0.0, counts.flawed - absent))


# ---- one day


def _count(making: _Making, result: DayResult) -> Counts:
    held = [each for each in result.findings if not each.excused]
    kinds = Counter(each.kind for each in held)
    due = _is_due(result)
    leave = _leave_share(making, result.on, held) if due and kinds["on_leave"] else 0.0
    left = max(0.0, 1 - leave - result.absent_days) if due and held else 0.0
    blamed = any(kinds[kind] for kind in BLEMISHES)
    return Counts(
        due=int(due),
        normal=0 if blamed else left,
        flawed=left if blamed else 0,
        on_time=kinds["on_time"],
        late=kinds["late"],
        late_minutes=_minutes(held, "late"),
        early=kinds["early"],
        early_minutes=_minutes(held, "early"),
        missing=kinds["missing_punch"],
        one_sided=kinds["one_sided"],
        off_post=kinds["off_post"],
        off_post_minutes=_minutes(held, "off_post"),
        leave=leave,
        outings=sum(map(words.is_outing, held)),
        duty=kinds["on_duty"],
        substitute=kinds["substitute"] if due else 0,
        absent=result.absent_days,
        to_check=sum(each.for_person for each in held),
        provisional=kinds["provisional"],
    )


def _is_due(result: DayResult) -> bool:
    return not any(each.kind in ("day_off", "provisional") for each in result.findings)


def _minutes(held: Sequence[Finding], kind: str) -> int:
    return sum(each.minutes for each in held if each.kind == kind)


def _leave_share(making: _Making, on: date, held: Iterable[Finding]) -> float:
    """The part of the usual shifts that leave touches; an outing is none, nor leave that a person has to look at."""
    taken = [
        each.span
        for each in held
        if each.kind == "on_leave" and each.span and not each.for_person and not words.is_outing(each)
    ]
    shifts = making.profile.hours.shifts
    spans = [
        Span(datetime.combine(on, each.start, making.zone), datetime.combine(on, each.end, making.zone))
        for each in shifts
    ]
    return sum(any(each.touches(leave) for leave in taken) for each in spans) / len(shifts)


def _told(result: DayResult, finding: Finding) -> bool:
    """Whether it is more than that a day went as it should."""
    if finding.excused or finding.for_person:
        return True
    match finding.kind:
        case "day_off" | "provisional":
            return False
        case "on_time":
            return bool(finding.evidence.note)
        case "on_leave" | "substitute":
            return _is_due(result)
        case _:
            return True


def _detail(making: _Making, on: date, finding: Finding) -> Detail:
    evidence = finding.evidence
    return Detail(
        words.day_words(on),
        words.finding_words(finding, making.zone),
        words.evidence_words(evidence, making.zone),
        words.clause_words(evidence.clause),
        finding.proposal,
        "、".join([*evidence.refs, *([finding.excused] if finding.excused else [])]),
    )


def _month_detail(making: _Making, proposal: Proposal) -> Detail:
    found, _, cases = words.proposal_words(proposal, making.zone).partition("：")
    return Detail(f"{proposal.cases[0][0]:%Y-%m}", found, cases, words.clause_words(proposal.clause), True, "")
