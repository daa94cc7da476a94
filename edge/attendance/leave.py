"""Whether a leave or an outing stands: levels, papers, substitutes, formalities afterwards, caps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.calendar import counts, day_of, deadline
from edge.attendance.levels import level_for
from edge.attendance.profile import Cap, Clause, LeaveKind, Level, Profile, reached
from edge.attendance.punches import Span
from edge.attendance.rules import Cover, Denied
from edge.calendar import ONE_DAY, Overrides

PROOF = "proof"
"""The paper that formalities afterwards may ask for."""
TRAINING_DOCUMENT = "unit_document"


@dataclass(frozen=True, slots=True)
class Approval:
    by: str
    """A role, such as `chief_representative`."""
    at: datetime


@dataclass(frozen=True, slots=True)
class SubstitutePost:
    person: str
    filed_at: datetime | None = None
    on_post_at: datetime | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Request:
    ref: str
    person: str
    role: str
    """`clerk`, `chief_representative`, …"""
    kind: LeaveKind
    span: Span
    asked_at: datetime
    approvals: tuple[Approval, ...] = ()
    papers: frozenset[str] = frozenset()
    consent: bool = False
    """The hall agreed that the formalities follow."""
    lone_window: bool = False
    substitute: SubstitutePost | None = None
    refused: bool = False
    deceived: bool = False
    """Found out by a person."""
    returned_at: datetime | None = None
    """Back, when that was reported or seen."""


FaultKind = Literal[
    "refused",
    "deceived",
    "unapproved",
    "paper_missing",
    "too_late",
    "no_substitute",
    "substitute_not_filed",
    "substitute_too_long",
    "part_too_short",
    "return_not_reported",
]
DENYING: frozenset[FaultKind] = frozenset({"refused", "deceived", "unapproved", "paper_missing", "too_late"})
"""With one of these the leave covers nothing; the others are for a person to see."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    what: str
    clause: Clause


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as its hall's rules see it."""

    request: Request
    days: float
    kind: LeaveKind
    """What it counts as: sick leave without its proof may be personal leave."""
    level: Level
    clause: Clause
    substitute: Clause | None
    """The rule that asks for a substitute."""
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a request or an outing does to the days: handed to `rules.Facts`."""

    covers: tuple[Cover, ...] = ()
    denied: tuple[Denied, ...] = ()


def leave_days(profile: Profile, overrides: Overrides, zone: ZoneInfo, span: Span) -> float:
    """Days of leave, by the parts of a day that the shifts make. Raises UnknownYear."""
    on, last = span.start.astimezone(zone).date(), span.end.astimezone(zone).date()
    total = 0.0
    while on <= last:
        if counts(profile, overrides, on, profile.leave.unit):
            shifts = day_of(profile, overrides, on).shifts
            spans = (Span(datetime.combine(on, s.start, zone), datetime.combine(on, s.end, zone)) for s in shifts)
            total += sum(each.touches(span) for each in spans) / len(shifts)
        on += ONE_DAY
    return total


def judge(profile: Profile, overrides: Overrides, zone: ZoneInfo, request: Request) -> Judged:
    """The level a request needs, and everything it lacks so far. Raises UnknownYear."""
    days = leave_days(profile, overrides, zone, request.span)
    level, clause = level_for(profile, days)
    substitute = substitute_rule(profile, request, days)
    faults = (
        *_faults_of_person(profile, request),
        *_faults_of_papers(profile, request, level, clause, days),
        *_faults_of_time(profile, overrides, zone, request),
        *_faults_of_substitute(profile, request, substitute),
        *_faults_of_kind(profile, request, days),
    )
    return Judged(request, days, _effective_kind(profile, request, days), level, clause, substitute, faults)


def effect(profile: Profile, judged: Judged) -> Effect:
    """From when to when the leave stands, and what it does not cover and why."""
    request = judged.request
    kinds = {each.kind for each in judged.faults}
    if kinds & DENYING:
        reason: Literal["deceived", "not_approved"] = "deceived" if "deceived" in kinds else "not_approved"
        return Effect(denied=(Denied(request.span, request.ref, reason),))
    start, end, denied = request.span.start, request.span.end, []
    if request.returned_at is not None and request.returned_at > end:
        denied.append(Denied(Span(end, request.returned_at), request.ref, "overstayed"))
    if judged.substitute is not None and profile.leave.substitute_first:
        stands_in = request.substitute.on_post_at if request.substitute else None
        start = max(start, min(end, stands_in or end))
        if start > request.span.start:
            denied.append(Denied(Span(request.span.start, start), request.ref, "no_substitute"))
    cover = Cover("on_leave", Span(start, end), request.ref, judged.clause)
    return Effect((cover,) if start < end else (), tuple(denied))


def substitute_cover(judged: Judged) -> Cover | None:
    """For the day of the one who stands in, from being on post on."""
    stands_in = judged.request.substitute
    if stands_in is None or stands_in.on_post_at is None or stands_in.on_post_at >= judged.request.span.end:
        return None
    start = max(stands_in.on_post_at, judged.request.span.start)
    return Cover(
        "substitute", Span(start, judged.request.span.end), judged.request.ref, judged.substitute or judged.clause
    )


# ---- what a request lacks


def _faults_of_person(profile: Profile, request: Request) -> Iterator[Fault]:
    if request.refused:
        yield Fault("refused", "not approved", profile.clause("attendance.absent.not_approved"))
    if request.deceived:
        yield Fault("deceived", "obtained by deception", profile.clause("attendance.absent.deceived"))


def _faults_of_papers(profile: Profile, request: Request, level: Level, clause: Clause, days: float) -> Iterator[Fault]:
    given = {each.by for each in request.approvals}
    if missing := [each for each in level.approve if each not in given]:
        yield Fault("unapproved", ", ".join(missing), clause)
    if missing := [each for each in level.papers if each not in request.papers]:
        yield Fault("paper_missing", ", ".join(missing), clause)
    proof = profile.leave.sick_proof
    if proof is not None and proof.otherwise == "refuse" and _unproven(profile, request, days):
        yield Fault("paper_missing", proof.paper, profile.clause("leave.sick_proof"))


def _unproven(profile: Profile, request: Request, days: float) -> bool:
    """Whether this is a sick leave that lacks the proof it needs."""
    proof = profile.leave.sick_proof
    if proof is None or request.kind != "sick" or proof.paper in request.papers:
        return False
    return reached(days, proof.days, proof.inclusive)


def _effective_kind(profile: Profile, request: Request, days: float) -> LeaveKind:
    return "personal" if _unproven(profile, request, days) else request.kind


def _faults_of_time(profile: Profile, overrides: Overrides, zone: ZoneInfo, request: Request) -> Iterator[Fault]:
    """Formalities are done before the leave begins, or afterwards where the hall's rules let them."""
    done = max([request.asked_at, *(each.at for each in request.approvals)])
    if done <= request.span.start:
        return
    retro, clause = profile.leave.retro, profile.clause("leave.retro")
    if retro is None:
        yield Fault("too_late", "formalities after the leave began", clause)
        return
    last = request.span.end.astimezone(zone).date()
    if retro.span is not None and done >= deadline(profile, overrides, retro.span, last, zone):
        yield Fault("too_late", f"{retro.span.within} {retro.span.unit} after the leave is over", clause)
    if "proof" in retro.needs and PROOF not in request.papers:
        yield Fault("paper_missing", PROOF, clause)
    if "consent" in retro.needs and not request.consent:
        yield Fault("too_late", "the hall did not agree to formalities afterwards", clause)


def substitute_rule(profile: Profile, request: Request, days: float) -> Clause | None:
    """The first rule of the hall that asks for a substitute."""
    for nth, rule in enumerate(profile.leave.substitutes, 1):
        applies = (
            (rule.days is None or reached(days, rule.days, rule.inclusive))
            and (not rule.kinds or request.kind in rule.kinds)
            and (not rule.roles or request.role in rule.roles)
            and (request.lone_window or not rule.lone_window)
        )
        if applies:
            return profile.clause(f"leave.substitutes.{nth}", rule.source)
    return None


def _faults_of_substitute(profile: Profile, request: Request, needed: Clause | None) -> Iterator[Fault]:
    stands_in = request.substitute
    if stands_in is None:
        if needed is not None:
            yield Fault("no_substitute", "nobody is named", needed)
        return
    if profile.leave.substitute_filed and (stands_in.filed_at is None or stands_in.filed_at > request.span.start):
        yield Fault("substitute_not_filed", stands_in.person, profile.clause("leave.substitute_filed"))
    if _too_long(stands_in, profile.leave.substitute_months):
        yield Fault("substitute_too_long", stands_in.person, profile.clause("leave.substitute_months"))


def _too_long(stands_in: SubstitutePost, months: int | None) -> bool:
    if months is None or stands_in.until is None or stands_in.on_post_at is None:
        return False
    return stands_in.until >= months_later(stands_in.on_post_at.date(), months)


def months_later(on: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(on.month - 1 + months, 12)
    first = date(on.year + year, month + 1, 1)
    length = ((first + timedelta(days=31)).replace(day=1) - first).days
    return first.replace(day=min(on.day, length))


def _faults_of_kind(profile: Profile, request: Request, days: float) -> Iterator[Fault]:
    shortest = profile.leave.annual_min_days
    if request.kind == "annual" and shortest is not None and days < shortest:
        yield Fault("part_too_short", f"{days:g} of {shortest:g} days", profile.clause("leave.annual_min_days"))
    if request.kind in profile.leave.return_report and request.returned_at is None:
        yield Fault("return_not_reported", request.kind, profile.clause("leave.return_report"))


# ---- how much of it in a month


@dataclass(frozen=True, slots=True)
class CapState:
    days: float
    times: int
    cap: Cap
    clause: Clause
    exceeded: Literal["days", "times"] | None


def cap_state(profile: Profile, role: str, month: Iterable[Judged]) -> CapState | None:
    """The leave of one person in a month against the cap of the role; None where there is no cap."""
    nth, cap = next(((n, each) for n, each in enumerate(profile.leave.caps, 1) if each.role == role), (0, None))
    if cap is None:
        return None
    counted = [each for each in month if counts_to_cap(profile, each)]
    days, times = sum(each.days for each in counted), len(counted)
    exceeded: Literal["days", "times"] | None = None
    if days > cap.days or times > cap.times:
        exceeded = "days" if days > cap.days else "times"
    return CapState(days, times, cap, profile.clause(f"leave.caps.{nth}", cap.source), exceeded)


def counts_to_cap(profile: Profile, judged: Judged) -> bool:
    training = profile.leave.training_not_in_cap
    if judged.kind == "training" and training is not None:
        documented = TRAINING_DOCUMENT in judged.request.papers
        return not (documented and reached(judged.days, training.days, training.inclusive))
    return judged.kind not in profile.leave.not_in_cap
