"""What one day of one person comes to: findings, each with the punches, the rule and where the rule stands. Pure.

What punishes is a proposal: published, open to objection, then locked; see `edge.attendance.months`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.profile import AbsentReason, Clause, Minutes, Profile
from edge.attendance.punches import ROLL_CALL, ZERO, Chosen, Punch, Slot, Span, Stretch, choose, day_span, stretches
from edge.calendar import Day

Judged = Literal["on_time", "late", "early", "missing_punch", "one_sided", "off_post", "absent"]
Standing = Literal["on_leave", "on_duty", "substitute"]
Kind = Judged | Standing | Literal["day_off", "provisional"]
FROM_THE_FIRST_MOMENT = Minutes(minutes=0, inclusive=False)


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands for a person's time: a valid leave or outing, a duty, or being somebody's substitute."""

    kind: Standing
    span: Span
    ref: str
    """What it is known by: the id of the request, of the roster's entry."""
    clause: Clause
    for_person: bool = False
    """A person has to look at it, and until then it excuses nothing."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A leave that covers nothing, and why."""

    span: Span
    ref: str
    reason: AbsentReason


@dataclass(frozen=True, slots=True)
class OffPost:
    """Time in which a person was found to be away from the post; at a roll-call, one moment."""

    span: Span
    source: str
    """`roll_call`, `empty_window`, `patrol`, …"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one person's day, in any order."""

    punches: tuple[Punch, ...] = ()
    covers: tuple[Cover, ...] = ()
    denied: tuple[Denied, ...] = ()
    off_post: tuple[OffPost, ...] = ()
    study_missed: tuple[str, ...] = ()
    """The studies missed without a reason, by their ids."""


@dataclass(frozen=True, slots=True)
class Evidence:
    clause: Clause
    punches: tuple[Punch, ...] = ()
    refs: tuple[str, ...] = ()
    """Leaves, duties and others that were looked at."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    evidence: Evidence
    span: Span | None = None
    """The time it speaks of."""
    length: timedelta = ZERO
    """Working time late, early or off post, what is covered by leave taken off."""
    absent_days: float = 0
    for_person: bool = False
    """A person has to look at it."""
    converted: bool = False
    """Already an absence of this day; does not count again in the month."""
    excused: str = ""
    """The ref of a person's decision that it does not stand."""

    @property
    def minutes(self) -> int:
        """Begun minutes."""
        return -(-self.length // timedelta(minutes=1))

    @property
    def proposal(self) -> bool:
        return self.absent_days > 0


@dataclass(frozen=True, slots=True)
class DayResult:
    person: str
    on: date
    findings: tuple[Finding, ...]

    @property
    def absent_days(self) -> float:
        """Proposed; never more than the day."""
        return min(1.0, sum(each.absent_days for each in self.findings))

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.kind == kind)


def day_result(profile: Profile, day: Day, zone: ZoneInfo, person: str, facts: Facts, as_of: datetime) -> DayResult:
    """What the facts known at `as_of` come to. Until the day is over nothing is missing and nobody left early.

    Punches of other people or days are left out; equal ones count once.
    """
    whole = day_span(day.on, zone)
    punches = {each for each in facts.punches if each.person == person and whole.start <= each.at < whole.end}
    ordered = tuple(sorted(punches, key=lambda each: (each.at, each.direction, each.source)))
    covers = sorted({each for each in facts.covers if each.span.touches(whole)}, key=lambda each: (each.span, each.ref))
    standing = [_standing(each) for each in covers]
    if day.kind != "working":
        return DayResult(person, day.on, (_resting(profile, day, ordered, covers), *standing))
    expected = stretches(profile, day, zone)
    slots = [slot for stretch in expected for slot in stretch.slots]
    chosen = choose(slots, ordered, timedelta(minutes=profile.attendance.repeat_minutes))
    look = _Look(profile, zone, ordered, tuple(covers), facts, as_of >= whole.end, expected, chosen)
    found = [*_punched(look), *_off_post(look), *_study(look)]
    return DayResult(person, day.on, (*found, *standing))


def _standing(cover: Cover) -> Finding:
    return Finding(cover.kind, Evidence(cover.clause, refs=(cover.ref,)), cover.span, for_person=cover.for_person)


def _resting(profile: Profile, day: Day, punches: tuple[Punch, ...], covers: list[Cover]) -> Finding:
    """A day on which nobody is blamed; on a duty day a person looks at a roster entry without a punch."""
    rostered = [each for each in covers if each.kind == "on_duty"]
    evidence = Evidence(profile.clause("calendar.base"), punches, tuple(each.ref for each in rostered), day.name)
    unseen = day.kind == "duty" and bool(rostered) and not punches
    return Finding("provisional" if day.kind == "provisional" else "day_off", evidence, for_person=unseen)


@dataclass(frozen=True, slots=True)
class _Look:
    """The day as the rules below look at it."""

    profile: Profile
    zone: ZoneInfo
    punches: tuple[Punch, ...]
    covers: tuple[Cover, ...]
    facts: Facts
    over: bool
    expected: tuple[Stretch, ...]
    chosen: Chosen

    def covering(self, span: Span) -> list[Cover]:
        return [each for each in self.covers if _excuses(each) and each.span.touches(span)]

    def excused(self, at: datetime) -> bool:
        return any(_excuses(each) and each.span.holds(at) for each in self.covers)

    def refs(self, span: Span) -> tuple[str, ...]:
        """What was looked at for this time, whether it stands or not."""
        if not (self.facts.denied or self.covers):
            return ()
        denied = {each.ref for each in self.facts.denied if each.span.touches(span)}
        return tuple(sorted(denied | {each.ref for each in self.covering(span)}))

    def owed(self, span: Span, shifts: Iterable[Span], taken: Iterable[Span] = ()) -> timedelta:
        """Working time of the span that nothing covers and that is not taken."""
        pieces = [Span(max(span.start, each.start), min(span.end, each.end)) for each in shifts if each.touches(span)]
        for gone in [*taken, *(cover.span for cover in self.covering(span))]:
            pieces = [part for piece in pieces for part in without(piece, gone)]
        return sum((each.end - each.start for each in pieces), ZERO)


def _excuses(cover: Cover) -> bool:
    return cover.kind != "substitute" and not cover.for_person


def without(piece: Span, taken: Span) -> list[Span]:
    """What of the piece is not taken."""
    if not piece.touches(taken):
        return [piece]
    parts = (Span(piece.start, taken.start), Span(taken.end, piece.end))
    return [each for each in parts if each.start < each.end]


# ---- arrivals and departures


def _punched(look: _Look) -> list[Finding]:
    found = []
    for stretch in look.expected:
        for slot in stretch.slots:
            punch = look.chosen.get(slot)
            if punch is not None and (slot.kind == "in" or look.over):
                found += _kept(look, stretch, slot, punch)
        if look.over:
            found += _unkept(look, stretch)
    return found


def _between(slot: Slot, punch: Punch) -> Span:
    """From when an arrival was due until it came, from when somebody left until that was due."""
    if slot.kind == "in":
        return Span(slot.due, max(slot.due, punch.at))
    return Span(min(punch.at, slot.due), slot.due)


def _kept(look: _Look, stretch: Stretch, slot: Slot, punch: Punch) -> list[Finding]:
    """In time, or late, or early; and the absence that a very late arrival makes."""
    arrives = slot.kind == "in"
    span = _between(slot, punch)
    length = look.owed(span, _reaching(stretch.shifts, slot.due)) if span.start < span.end else ZERO
    attendance, rule = look.profile.attendance, "attendance.late" if arrives else "attendance.early"
    limit = attendance.late if arrives else attendance.early or FROM_THE_FIRST_MOMENT
    refs = look.refs(span)
    if not limit.reached(length):
        clause = look.profile.clause("attendance.punches")
        return [Finding("on_time", Evidence(clause, (punch,), refs, _after_deadline(slot, punch, look.zone)), span)]
    finding = Finding("late" if arrives else "early", Evidence(look.profile.clause(rule), (punch,), refs), span, length)
    return _converted(look, finding, "late") if arrives else [finding]


def _reaching(shifts: tuple[Span, ...], due: datetime) -> list[Span]:
    """The shifts, and the time before or after them that belongs to work because it is due."""
    return [*shifts, Span(min(due, shifts[0].start), shifts[0].start), Span(shifts[-1].end, max(due, shifts[-1].end))]


def _after_deadline(slot: Slot, punch: Punch, zone: ZoneInfo) -> str:
    late = slot.kind == "in" and punch.at > slot.deadline
    return f"after the punch deadline {slot.deadline.astimezone(zone):%H:%M}, before it counts as late" if late else ""


def _converted(look: _Look, finding: Finding, when: str) -> list[Finding]:
    """The finding, and half a day's absence or more when it is long enough."""
    for nth, rule in enumerate(look.profile.attendance.convert, 1):
        limit = None if rule.minutes is None else Minutes(minutes=rule.minutes, inclusive=rule.inclusive)
        if rule.when == when and limit is not None and limit.reached(finding.length):
            clause = look.profile.clause(f"attendance.convert.{nth}", rule.source)
            evidence = Evidence(clause, finding.evidence.punches, finding.evidence.refs, finding.evidence.note)
            absent = Finding("absent", evidence, finding.span, finding.length, rule.absent_days)
            kept = Finding(finding.kind, finding.evidence, finding.span, finding.length, converted=True)
            return [kept, absent]
    return [finding]


def _unkept(look: _Look, stretch: Stretch) -> list[Finding]:
    """What is missing of a stretch, when the day is over."""
    missing = [slot for slot in stretch.slots if slot not in look.chosen and not look.excused(slot.pivot)]
    if not missing:
        return []
    if _unattended(look, stretch):
        return _absent(look, stretch)
    seen = tuple(look.chosen[slot] for slot in stretch.slots if slot in look.chosen)
    rule = look.profile.attendance.one_sided
    if rule is not None and seen and not look.covering(stretch.around):
        evidence = Evidence(look.profile.clause("attendance.one_sided"), seen)
        days = rule.absent_days if rule.precedence == "one_sided_absent" else 0
        return [Finding("one_sided", evidence, _point(slot), absent_days=days, for_person=True) for slot in missing]
    evidence = Evidence(look.profile.clause("attendance.punches"), seen)
    return [Finding("missing_punch", evidence, _point(slot)) for slot in missing]


def _unattended(look: _Look, stretch: Stretch) -> bool:
    """Nobody was seen. Where only arrivals are punched, one that is wanting says that only if the whole day says so."""
    if any(slot in look.chosen for slot in stretch.slots):
        return False
    if any(each.source == ROLL_CALL and stretch.around.holds(each.at) for each in look.punches):
        return False
    return len(stretch.slots) > 1 or not look.chosen


def _point(slot: Slot) -> Span:
    return Span(slot.pivot, slot.pivot)


def _absent(look: _Look, stretch: Stretch) -> list[Finding]:
    """Nobody came and nothing valid stands for it: a proposal, by the shifts that are not wholly covered."""
    around = stretch.around
    open_ = [each for each in stretch.shifts if look.owed(each, [each])]
    if not open_:
        return []
    denied = [each for each in look.facts.denied if each.span.touches(around)]
    reasons = [each.reason for each in denied if each.reason in look.profile.attendance.absent]
    reason = min(reasons, default="no_formality")
    evidence = Evidence(look.profile.clause(f"attendance.absent.{reason}"), refs=look.refs(around), note=reason)
    days = stretch.share * len(open_) / len(stretch.shifts)
    return [Finding("absent", evidence, around, absent_days=days)]


# ---- during the day


def _off_post(look: _Look) -> list[Finding]:
    """Time away between coming and going; what is late, early or absent already does not count again."""
    if not look.facts.off_post:
        return []
    shifts = [each for stretch in look.expected for each in stretch.shifts]
    taken = [_between(slot, punch) for slot, punch in look.chosen.items()]
    taken += [stretch.around for stretch in look.expected if look.over and _unattended(look, stretch)]
    found = []
    for away in _merged(look.facts.off_post):
        evidence = Evidence(_off_post_clause(look.profile), refs=look.refs(away.span), note=away.source)
        if length := look.owed(away.span, shifts, taken):
            found += _converted(look, Finding("off_post", evidence, away.span, length), "off_post")
        elif _missed_once(look, away.span, shifts, taken):
            found.append(Finding("off_post", evidence, away.span, for_person=True))
    return found


def _missed_once(look: _Look, span: Span, shifts: list[Span], taken: list[Span]) -> bool:
    """A roll-call finds people away at one moment and cannot say for how long."""
    at_work = any(each.touches(span) for each in shifts) and not any(each.touches(span) for each in taken)
    return span.start == span.end and at_work and not look.excused(span.start)


def _off_post_clause(profile: Profile) -> Clause:
    """Where a hall sets no number for it, that the hours are to be kept."""
    for nth, rule in enumerate(profile.attendance.convert, 1):
        if rule.when == "off_post":
            return profile.clause(f"attendance.convert.{nth}", rule.source)
    return profile.clause("hours.shifts")


def _merged(reports: Iterable[OffPost]) -> list[OffPost]:
    """Reports of the same time from several sources are one."""
    merged: list[OffPost] = []
    for each in sorted(set(reports), key=lambda each: (each.span, each.source)):
        if merged and each.span.start <= merged[-1].span.end:
            last = merged.pop()
            sources = sorted({*last.source.split(", "), each.source})
            each = OffPost(Span(last.span.start, max(last.span.end, each.span.end)), ", ".join(sources))
        merged.append(each)
    return merged


def _study(look: _Look) -> list[Finding]:
    """A study missed without a reason, where the hall's rules make that an absence."""
    rules = enumerate(look.profile.attendance.convert, 1)
    missed = tuple(sorted(set(look.facts.study_missed)))
    return [
        Finding(
            "absent",
            Evidence(look.profile.clause(f"attendance.convert.{nth}", rule.source), refs=(ref,)),
            absent_days=rule.absent_days,
        )
        for nth, rule in rules
        if rule.when == "study_missed"
        for ref in missed
    ]
