"""Reads a profile from its TOML file, and finds every problem in it before a device does."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from drivers import profile_language as language
from drivers.base import Misconfigured
from drivers.profile_frames import lay_out
from drivers.profile_language import (
    KEY_NAMES,
    Byte,
    Delimited,
    Fixed,
    Gap,
    Length,
    Profile,
    Rule,
    ShowNumber,
    Slot,
    Template,
    Transmit,
    Verb,
)

Place = tuple[str | int, ...]
Problem = tuple[Place, str]


PROFILES: Final = Path(__file__).parent.parent / "config" / "profiles"


def profile_path(name: str) -> Path:
    """Where the profile `name` of the hall file is: a file of `PROFILES`, or an absolute path."""
    path = Path(name)
    if path.is_absolute():
        return path
    if path.name != name or not name:
        raise Misconfigured(f"profile {name!r}: write the name of a file in {PROFILES}, or an absolute path")
    return PROFILES / f"{name}.toml"


def load_profile(path: Path) -> Profile:
    """Raises `Misconfigured` with every problem, one a line: the line of the file, the key, and what is wrong."""
    try:
        return parse_profile(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {error}") from error


def parse_profile(text: str, file: str) -> Profile:
    """As `load_profile`; `file` is only for the messages."""
    try:
        profile = Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file}: {error}") from error
    except ValidationError as error:
        problems = [_plain(dict(each)) for each in error.errors()]
    else:
        problems = list(_contradictions(profile))
    if problems:
        lines = _lines(text)
        raise Misconfigured("\n".join(_said(file, lines, problem) for problem in problems))
    return profile


# ---- saying it


def _said(file: str, lines: Mapping[Place, int], problem: Problem) -> str:
    place, what = problem
    near = next((lines[place[:size]] for size in range(len(place), 0, -1) if place[:size] in lines), None)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    return f"{file}{f':{near}' if near else ''}: {f'{key}: ' if key else ''}{what}"


HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]")
KEY: Final = re.compile(r"\s*([\w-]+)\s*=")


def _lines(text: str) -> dict[Place, int]:
    """Where each table and key stands; multi-line values may add keys that nobody asks for."""
    found: dict[Place, int] = {}
    table: Place = ()
    counts: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = tuple(header[2].split("."))
            if header[1] == "[[":
                table = (*table, counts[header[2]])
                counts[header[2]] += 1
            found[table] = number
        elif key := KEY.match(line):
            found.setdefault((*table, key[1]), number)
    return found


TABLES: Final[Mapping[Place, type[BaseModel]]] = {
    (): Profile,
    ("transport",): language.Transport,
    ("checksum",): language.Checksum,
    ("line",): language.Line,
    ("transmit",): Transmit,
    ("receive",): Rule,
    **{("transmit", verb): Verb for verb in ("beep", "invite", "stop")},
    ("transmit", "show"): language.Show,
    ("transmit", "show_number"): ShowNumber,
    ("transmit", "say"): language.Say,
    ("framing", "delimited"): Delimited,
    ("framing", "length"): Length,
    ("framing", "fixed"): Fixed,
    ("framing", "byte"): Byte,
    ("framing", "gap"): Gap,
}


def _plain(error: Mapping[str, Any]) -> Problem:
    place: Place = error["loc"]
    table = TABLES.get(tuple(part for part in place[:-1] if isinstance(part, str)))
    if place[:1] == ("framing",):
        place = ("framing", *place[2:])  # without the kind, which is not in the file
    if error["type"] == "extra_forbidden" and table is not None:
        known = ", ".join(field.alias or name for name, field in table.model_fields.items())
        return place, f"unknown key; known are {known}"
    if error["type"] == "missing":
        return place, "is missing"
    return place, str(error["msg"]).removeprefix("Value error, ")


# ---- what fits the language and still cannot work


def _contradictions(profile: Profile) -> Iterator[Problem]:
    yield from _framing(profile)
    names = Counter(rule.name for rule in profile.receive)
    for name, verb in profile.verbs.items():
        yield from _verb(profile, name, verb)
    for nth, rule in enumerate(profile.receive):
        if names[rule.name] > 1:
            yield ("receive", nth, "name"), f"{rule.name!r} is the name of another rule too"
        for key, what in _rule(profile, rule):
            yield ("receive", nth, key), what


def _framing(profile: Profile) -> Iterator[Problem]:
    framing = profile.framing
    if isinstance(framing, Fixed) and framing.size < max(1, len(framing.head) + len(framing.tail)):
        yield ("framing", "size"), "is less than head and tail together"
    for plain, code in profile.escape.items():
        if not re.fullmatch("[0-9A-Fa-f]{2}", plain) or not code:
            yield ("escape", plain), "write one byte and what it travels as: A5 = 'A6 02'"
        elif code[0] not in {int(other, 16) for other in profile.escape if re.fullmatch("[0-9A-Fa-f]{2}", other)}:
            yield ("escape", plain), f"{code[0]:02X} begins a code, so it needs one itself"
    if profile.escape and not isinstance(framing, Delimited):
        yield ("escape",), "needs [framing] kind = 'delimited'"


NEEDS: Final = {"show": "text", "say": "text", "show_number": "number"}
MAY: Final = {"show": {"text"}, "say": {"text"}, "show_number": {"number"}, "invite": {"seconds"}}


def _verb(profile: Profile, name: str, verb: Verb) -> Iterator[Problem]:
    place: Place = ("transmit", name)
    frames = [("frame", one) for one in verb.frame]
    if isinstance(verb, ShowNumber) and verb.waiting is not None:
        frames.append(("waiting", verb.waiting))
    for key, frame in frames:
        slots = {part.name for part in frame if isinstance(part, Slot)}
        if name in NEEDS and NEEDS[name] not in slots:
            yield (*place, key), f"has no {{{NEEDS[name]}:…}}"
        if strange := slots - {"address", "length", "checksum"} - MAY.get(name, set()):
            yield (*place, key), f"{name} knows no {', '.join(sorted(strange))}"
            continue
        for what in _unsound(profile, frame, getattr(verb, "digits", 1)):
            yield (*place, key), what
    answers = [rule for rule in profile.receive if rule.name == verb.answer]
    if verb.answer is not None and not any(rule.event == "ack" for rule in answers):
        yield (*place, "answer"), f"there is no rule {verb.answer!r} with event = 'ack'"


def _unsound(profile: Profile, frame: Template, digits: int) -> Iterator[str]:
    """Renders the frame with the largest number: it must fit, and the checksum must stand where the profile says."""
    checks = sum(isinstance(part, Slot) and part.name == "checksum" for part in frame)
    if checks != (profile.checksum is not None):
        yield "needs one {checksum}" if profile.checksum else "has a {checksum}, but there is no [checksum]"
        return
    values = {"address": 1, "seconds": 1, "number": 10**digits - 1, "text": b"", "key": 1, "grade": 1}
    try:
        raw, stands = lay_out(profile, frame, values, digits)
    except Misconfigured as error:
        yield str(error)
        return
    rule, size = profile.checksum, len(raw)
    if rule is None:
        return
    start, end = (at if at >= 0 else size + at for at in (rule.start, rule.end))
    if end != stands:
        yield f"{{checksum}} stands at byte {stands} of {size}, but [checksum] to = {rule.end} is byte {end}"
    elif not 0 <= start < end:
        yield f"[checksum] from = {rule.start} to = {rule.end} covers nothing of {size} bytes"


def _rule(profile: Profile, rule: Rule) -> Iterator[tuple[str, str]]:
    captures, framing = rule.match.captures, profile.framing
    if rule.event in ("key", "grade") and rule.event not in captures:
        yield "match", f"has no {{{rule.event}:u8}}"
    if (rule.event == "condition") != (rule.condition is not None):
        yield "condition", "belongs to event = 'condition', which needs it"
    size = 1 if isinstance(framing, Byte) else framing.size if isinstance(framing, Fixed) else None
    if size is not None and (rule.match.variable or rule.match.least != size):
        yield "match", f"fits no frame: they all have {size} byte{'s'[: size > 1]}"
    yield from _values(rule)
    if isinstance(rule.acknowledge, tuple):
        slots = {part.name for part in rule.acknowledge if isinstance(part, Slot)}
        if strange := slots - {"length", "checksum"} - set(captures):
            yield "acknowledge", f"the match captures no {', '.join(sorted(strange))}"
        else:
            yield from (("acknowledge", what) for what in _unsound(profile, rule.acknowledge, 1))


def _values(rule: Rule) -> Iterator[tuple[str, str]]:
    for value, meaning in rule.values.items():
        if not re.fullmatch("[0-9A-Fa-f]{1,2}", value):
            yield "values", f"{value!r} is not a byte in hex"
        if rule.event == "key" and meaning not in KEY_NAMES and not re.fullmatch("key_[0-9A-F]{2}", str(meaning)):
            yield "values", f"{meaning!r} is no key; known are {', '.join(KEY_NAMES)}"
        if rule.event == "grade" and not isinstance(meaning, int):
            yield "values", f"{meaning!r} is no number: the hall file says which level a grade is"
    if rule.values and rule.event not in ("key", "grade"):
        yield "values", "belongs to a key or a grade"
