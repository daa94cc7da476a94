"""Whether a short way out of the hall stands: who was told, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.attendance.leave import Effect
from edge.attendance.profile import Clause, Need, OutingStep, Profile, reached
from edge.attendance.punches import Span
from edge.attendance.rules import Cover, Denied


@dataclass(frozen=True, slots=True)
class Outing:
    """An absence of minutes or hours; coming late and leaving early, told beforehand, are outings too."""

    ref: str
    person: str
    span: Span
    told_at: datetime | None = None
    registered_at: datetime | None = None
    place: str = ""
    reason: str = ""
    approved_at: datetime | None = None
    recalled: bool = False
    """Called back by the home unit."""
    reported_by: Literal["person", "unit"] = "person"


def step_for(profile: Profile, outing: Outing) -> tuple[OutingStep, Clause] | None:
    """The rule for an outing of this length; None where only a leave will do."""
    minutes = (outing.span.end - outing.span.start).total_seconds() / 60
    for nth, step in enumerate(profile.outing.steps, 1):
        if not reached(minutes, step.up_to_minutes, not step.inclusive):
            return step, profile.clause(f"outing.steps.{nth}", step.source)
    return None


def outing_effect(profile: Profile, outing: Outing) -> Effect:
    """It covers its time when everything the rule needs was done before it began."""
    denied = Effect(denied=(Denied(outing.span, outing.ref, "no_formality"),))
    if outing.recalled and profile.outing.recall == "unit":
        if outing.reported_by != "unit" or not _done(outing, "told"):
            return denied
        return _covering(outing, profile.clause("outing.recall"))
    found = step_for(profile, outing)
    if found is None or not all(_done(outing, need) for need in found[0].needs):
        return denied
    return _covering(outing, found[1])


def _covering(outing: Outing, clause: Clause) -> Effect:
    return Effect((Cover("on_leave", outing.span, outing.ref, clause),))


def _done(outing: Outing, need: Need) -> bool:
    at = {"told": outing.told_at, "registered": outing.registered_at, "approved": outing.approved_at}[need]
    if need == "registered" and not (outing.place and outing.reason):
        return False
    return at is not None and at <= outing.span.start
