"""Reads config/halls/*.toml: a fault refuses by line; what the documents leave open is told, and how it is settled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edge.attendance.levels import ladder_faults
from edge.attendance.profile import DEFAULT, Clause, Profile
from edge.calendar import Override, OwnDays
from edge.hallfile import HallFileError, Problem, line_of

Loc = tuple[int | str, ...]
Found = Iterator[tuple[Loc, str]]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    profile: Profile
    warnings: tuple[Problem, ...]
    """Contradictions and silences of the document that a person should know, and what is done about each."""


def load(path: Path) -> Loaded:
    """Reads one profile. Raises HallFileError."""
    text, raw = _read(path)
    profile = _model(path, text, raw, Profile)
    if wrong := [*_unfit(profile), *_unsourced(profile)]:
        raise _refusal(path, text, wrong)
    told = tuple(Problem(line_of(text, loc), what) for loc, what in _told(profile))
    return Loaded(profile, told)


def load_all(folder: Path) -> dict[str, Loaded]:
    """Hall code -> its profile, for every *.toml of the folder. Raises HallFileError."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        code = (loaded := load(path)).profile.hall.code
        if code != path.stem:
            raise HallFileError(path, [Problem(None, f"this is the profile {code!r}, so its file is {code}.toml")])
        found[code] = loaded
    return found


def load_overrides(path: Path) -> dict[date, Override]:
    """The `[[day]]` entries of a hall's own calendar. Raises HallFileError."""
    text, raw = _read(path)
    days = _model(path, text, raw, OwnDays).day
    wrong: list[tuple[Loc, str]] = []
    taken: set[date] = set()
    for nth, each in enumerate(days):
        if each.day in taken:
            wrong.append((("day", nth, "day"), f"{each.day} stands twice"))
        taken.add(each.day)
        if not each.fits:
            wrong.append((("day", nth, "kind"), "an extended day gives its shifts, a working day may, no other does"))
    if wrong:
        raise _refusal(path, text, wrong)
    return {each.day: each for each in days}


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text("utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise HallFileError(path, [Problem(None, f"cannot be read: {error}")]) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise HallFileError(path, [Problem(int(found[1]) if found else None, f"no TOML: {error}")]) from error


def _model(path: Path, text: str, raw: dict[str, Any], model: type[Model]) -> Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise _refusal(
            path, text, [(each["loc"], _explain(each["loc"], each["msg"])) for each in error.errors()]
        ) from error


def _explain(loc: Loc, message: str) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    return f"{where}: {'unknown key' if message == 'Extra inputs are not permitted' else message}"


def _refusal(path: Path, text: str, found: list[tuple[Loc, str]]) -> HallFileError:
    return HallFileError(path, [Problem(line_of(text, loc), what) for loc, what in found])


# ---- where each effective value comes from


@dataclass(frozen=True, slots=True)
class Origin:
    clause: Clause
    value: object


def origins(profile: Profile) -> list[Origin]:
    """Every effective value with its clause, in the order of the sections."""
    return [Origin(profile.clause(key, source), value) for key, value, source in _values(profile)]


def _values(profile: Profile) -> Iterator[tuple[str, object, str | None]]:
    for section in Profile.model_fields:
        if section in ("hall", "sources"):
            continue
        model: BaseModel = getattr(profile, section)
        for name in type(model).model_fields:
            yield from _entries(f"{section}.{name}", getattr(model, name))


def _entries(key: str, value: object) -> Iterator[tuple[str, object, str | None]]:
    """A list whose entries carry their own source is shown entry by entry."""
    if isinstance(value, tuple) and value and hasattr(value[0], "source"):
        yield from ((f"{key}.{nth}", each, each.source) for nth, each in enumerate(value, 1))
    else:
        yield key, value, None


def _unsourced(profile: Profile) -> Found:
    """A given value must say where it stands, and nothing else may."""
    for key, _, source in _values(profile):
        if profile.given(key) and source is None and profile.source(key) is None:
            yield tuple(key.split(".")), f"{key} has no entry in [sources]"
    known = {key for key, _, source in _values(profile) if profile.given(key) and source is None}
    known |= {
        f"attendance.absent.{reason}" for reason in profile.attendance.absent if profile.given("attendance.absent")
    }
    for key in profile.sources:
        if key not in known:
            yield ("sources", f'"{key}"'), f"{key} is not given in this file, so it can have no source"


# ---- what cannot be meant


def _unfit(profile: Profile) -> Found:
    yield from _unfit_attendance(profile)
    yield from _unfit_hours(profile)
    yield from _unfit_conversions(profile)
    if profile.given("leave.levels") and not profile.given("leave.unit"):
        yield ("leave", "levels"), "leave.unit must say which days the levels count"
    for fault, policy, settled in ladder_faults(profile):
        if not settled:
            yield ("leave", "levels"), f"{fault}; {policy} must say what to do"


def _unfit_attendance(profile: Profile) -> Found:
    attendance = profile.attendance
    if not attendance.has_out:
        for rule in ("early", "one_sided"):
            if getattr(attendance, rule) is not None:
                yield ("attendance", rule), f"{rule} needs departures among the punches, and there are none"
    for each in attendance.punches:
        if each.shift >= len(profile.hours.shifts):
            yield ("attendance", "punches"), f"there is no shift {each.shift}"
    spots = [(each.shift % len(profile.hours.shifts), each.kind) for each in attendance.punches]
    order = sorted(spots, key=lambda spot: (spot[0], spot[1] == "out"))
    if spots != order or len(set(spots)) != len(spots):
        yield ("attendance", "punches"), "punches must stand in the order of the day, each once"
    if "face" in attendance.modes and not (set(attendance.modes) - {"face"} or attendance.fallback):
        yield ("attendance", "fallback"), "the face may not be the only way"


def _unfit_hours(profile: Profile) -> Found:
    times = [at for shift in profile.hours.shifts for at in (shift.start, shift.end)]
    if any(later <= earlier for earlier, later in pairwise(times)):
        yield ("hours", "shifts"), "shifts must follow each other"
    noon = profile.duty.noon
    if noon is not None and (noon.start is None) != (noon.end is None):
        yield ("duty", "noon"), "the noon duty needs both of its times, or none"
    elif noon is not None and noon.start and noon.end and noon.end <= noon.start:
        yield ("duty", "noon"), "the noon duty must end after it starts"


BY_LENGTH, BY_COUNT = ("late", "off_post"), ("late_or_early", "missing_punch", "study_missed")


def _unfit_conversions(profile: Profile) -> Found:
    for nth, each in enumerate(profile.attendance.convert, 1):
        by_length = each.when in BY_LENGTH
        if (each.minutes is None) == by_length or (each.count is None) != by_length:
            what = "minutes" if by_length else "count"
            yield ("attendance", "convert"), f"conversion {nth}: {each.when} goes by {what}, and by nothing else"


# ---- what a person should know


def _told(profile: Profile) -> Found:
    yield from _told_punches(profile)
    yield from _told_noon(profile)
    for fault, policy, _ in ladder_faults(profile):
        yield ("leave", policy), f"{fault}; settled by {policy} = {getattr(profile.leave, policy)}"
    if not profile.given("hours.shifts"):
        yield (), f"the document gives no hours; the {DEFAULT} is used and must be confirmed by the hall"
    if not profile.given("attendance.punches"):
        yield (), f"the document gives no punches; the {DEFAULT} (arrival and departure) is used"
    if len([each for each in profile.leave.substitutes if each.days is not None and not each.roles]) > 1:
        what = "several rules ask for a substitute by length; whoever meets one of them needs one"
        yield ("leave", "substitutes"), what


def _told_punches(profile: Profile) -> Found:
    attendance = profile.attendance
    for each in attendance.punches:
        start = profile.hours.shifts[each.shift].start
        if each.kind == "in" and each.deadline not in (None, start):
            what = f"punch by {each.deadline:%H:%M}, shift from {start:%H:%M}: both are kept"
            yield ("attendance", "punches"), f"{what}; late minutes count from {attendance.late_base}"
    missing = any(each.when == "missing_punch" for each in attendance.convert)
    if attendance.one_sided is not None and missing:
        what = "a one-sided punch is absence at once, yet several missing punches make it too"
        yield ("attendance", "one_sided"), f"{what}; settled by precedence = {attendance.one_sided.precedence}"


def _told_noon(profile: Profile) -> Found:
    """Time between two shifts that the noon duty leaves open."""
    noon = profile.duty.noon
    if noon is None or noon.start is None or noon.end is None:
        return
    for before, after in pairwise(profile.hours.shifts):
        for start, end in ((before.end, noon.start), (noon.end, after.start)):
            if before.end <= start < end <= after.start:
                minutes = _minutes(start, end)
                yield ("duty", "noon"), f"nobody is on duty for {minutes} minutes, {start:%H:%M} to {end:%H:%M}"


def _minutes(start: time, end: time) -> int:
    return (end.hour - start.hour) * 60 + end.minute - start.minute
