"""What the rules make of everything that is stored: day results, judged leaves. Nothing of it is written; the same
rows give the same results, in whatever order they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from edge.attendance import entries as shapes
from edge.attendance.alarms import off_post_spans
from edge.attendance.calendar import day_of
from edge.attendance.duty import duty_cover
from edge.attendance.leave import Effect, Judged, effect, judge, substitute_cover
from edge.attendance.outing import outing_effect
from edge.attendance.punches import Punch, Span
from edge.attendance.record import day_bounds, entries
from edge.attendance.roster import Person, people
from edge.attendance.rulebook import Rulebook
from edge.attendance.rules import Cover, DayResult, Denied, Facts, Finding, OffPost, day_result
from edge.calendar import ONE_DAY, Overrides, UnknownYear
from edge.clock import local
from edge.statements import Statements

Days = dict[tuple[str, date], DayResult]


@dataclass(slots=True)
class Known:
    """What is stored about a stretch of days, sorted by whom it concerns."""

    people: list[Person]
    overrides: Overrides
    punches: dict[tuple[str, str], list[Punch]] = field(default_factory=lambda: defaultdict(list))
    """By 工号 and day."""
    covers: dict[str, list[Cover]] = field(default_factory=lambda: defaultdict(list))
    denied: dict[str, list[Denied]] = field(default_factory=lambda: defaultdict(list))
    off_post: dict[str, list[OffPost]] = field(default_factory=lambda: defaultdict(list))
    missed: dict[tuple[str, date], list[str]] = field(default_factory=lambda: defaultdict(list))
    excuses: dict[str, list[shapes.Excuse]] = field(default_factory=lambda: defaultdict(list))
    leaves: list[Judged] = field(default_factory=list)


def known(connection: Statements, rules: Rulebook, first: date, last: date) -> Known:
    found = Known(people(connection), rules.overrides(connection))
    rows = connection.exec_driver_sql(
        "SELECT person, at, direction, mode, day FROM punch WHERE day BETWEEN ? AND ?",
        (first.isoformat(), last.isoformat()),
    )
    for person, at, direction, mode, day in rows:
        found.punches[person, day].append(Punch(person, local(at, rules.zone), direction, mode))
    roles = {each.id: each.role for each in found.people}
    for entry in entries(connection, *day_bounds(first, last, rules.zone)):
        _sort_in(found, rules, entry, roles.get(entry.person, "clerk"))
    for person, spans in off_post_spans(connection, rules.zone, first, last).items():
        found.off_post[person] += spans
    return found


def _sort_in(found: Known, rules: Rulebook, entry: shapes.Entry, role: str) -> None:
    person, on = entry.person, entry.start.astimezone(rules.zone).date()
    if isinstance(entry, shapes.Leave):
        _sort_in_leave(found, rules, entry, role)
    elif isinstance(entry, shapes.Outing):
        _take(found, person, outing_effect(rules.profile, entry.outing()))
    elif isinstance(entry, shapes.Duty):
        found.covers[person].append(duty_cover(rules.profile, entry.entry()))
    elif isinstance(entry, shapes.Study):
        if not entry.present and not entry.reason:
            found.missed[person, on].append(entry.ref)
    elif isinstance(entry, shapes.Excuse):
        found.excuses[person].append(entry)
    elif isinstance(entry, shapes.Away) or (isinstance(entry, shapes.RollCall) and not entry.present):
        found.off_post[person].append(shapes.off_post(entry))
    else:
        found.punches[person, on.isoformat()].append(shapes.seen(entry))


def _sort_in_leave(found: Known, rules: Rulebook, entry: shapes.Leave, role: str) -> None:
    request = entry.request(role)
    try:
        judged = judge(rules.profile, found.overrides, rules.zone, request)
    except UnknownYear:  # its days cannot be counted: until they can, it stands, so that nobody is blamed on a guess
        clause = rules.profile.clause("leave.unit")
        found.covers[entry.person].append(Cover("on_leave", request.span, request.ref, clause))
        return
    found.leaves.append(judged)
    _take(found, entry.person, effect(rules.profile, judged))
    stands_in = substitute_cover(judged)
    if stands_in is not None and entry.substitute is not None:
        found.covers[entry.substitute.person].append(stands_in)


def _take(found: Known, person: str, what: Effect) -> None:
    found.covers[person] += what.covers
    found.denied[person] += what.denied


def day_results(
    rules: Rulebook,
    found: Known,
    first: date,
    last: date,
    as_of: datetime,
    unit: str | None = None,
    person: str | None = None,
) -> Days:
    """Of everyone who is in the hall on the day, of one unit, or of one person."""
    days: Days = {}
    persons = [each for each in found.people if unit in (None, each.unit) and person in (None, each.id)]
    for on in each_day(first, last):
        day = day_of(rules.profile, found.overrides, on)
        for each in persons:
            if each.here(on):
                facts = _facts(found, each.id, on)
                result = day_result(rules.profile, day, rules.zone, each.id, facts, as_of)
                days[each.id, on] = excused(result, found.excuses.get(each.id, ()), rules)
    return days


def each_day(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE_DAY


def _facts(found: Known, person: str, on: date) -> Facts:
    return Facts(
        tuple(found.punches.get((person, on.isoformat()), ())),
        tuple(found.covers.get(person, ())),
        tuple(found.denied.get(person, ())),
        tuple(found.off_post.get(person, ())),
        tuple(found.missed.get((person, on), ())),
    )


def excused(result: DayResult, excuses: Iterable[shapes.Excuse], rules: Rulebook) -> DayResult:
    """The result with what a person decided: a finding does not stand, nor the absence that was made of it."""
    meant = [
        each
        for each in excuses
        if each.start.astimezone(rules.zone).date() <= result.on <= each.end.astimezone(rules.zone).date()
    ]
    if not meant:
        return result
    refs: dict[str, str] = {each.finding: each.ref for each in meant}
    spans = {each.span: refs[each.kind] for each in result.findings if each.kind in refs}
    return replace(result, findings=tuple(_excuse(each, refs, spans) for each in result.findings))


def _excuse(finding: Finding, refs: Mapping[str, str], spans: Mapping[Span | None, str]) -> Finding:
    made_of = finding.kind == "absent" and finding.evidence.clause.key.startswith("attendance.convert.")
    ref = refs.get(finding.kind) or (spans.get(finding.span) if made_of else None)
    return replace(finding, excused=ref, absent_days=0, for_person=False) if ref else finding
