"""Reads a hall file and says what is wrong with it, by line; an unknown key or name refuses to start."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.hall import Attendance, Hall, Place, Window


@dataclass(frozen=True, slots=True)
class Problem:
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}" if self.line else self.what


class HallFileError(Exception):
    """The file cannot be used; `problems` says why, line by line."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path, self.problems = path, problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


def load(path: Path, *, data: Path = Path("data"), port: int = 8080) -> Hall:
    """Reads a hall file; `{data}` and `{port+N}` become the data folder and a port. Raises HallFileError."""
    try:
        text = path.read_text("utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise HallFileError(path, [Problem(None, f"cannot be read: {error}")]) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise HallFileError(path, [Problem(int(found[1]) if found else None, f"no TOML: {error}")]) from error
    try:
        hall = Hall.model_validate(_fill(raw, data.resolve(), port))
    except ValidationError as error:
        problems = [Problem(line_of(text, each["loc"]), _explain(each["loc"], each["msg"])) for each in error.errors()]
        raise HallFileError(path, problems) from error
    problems = [Problem(line_of(text, loc), what) for loc, what in _loose_ends(hall)]
    if problems:
        raise HallFileError(path, problems)
    return hall.model_copy(update={"attendance": _beside(path, hall.attendance)})


def _beside(path: Path, files: Attendance) -> Attendance:
    """The files it names, from the hall file's own folder."""
    named = {key: str(path.parent / value) for key, value in files.model_dump().items() if value is not None}
    return Attendance(**named)


def _fill(value: Any, data: Path, port: int) -> Any:
    if isinstance(value, dict):
        return {key: _fill(each, data, port) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, data, port) for each in value]
    if isinstance(value, str) and ("{data}" in value or "{port" in value):
        value = value.replace("{data}", str(data)).replace("{port}", str(port))
        return re.sub(r"\{port\+(\d+)\}", lambda found: str(port + int(found[1])), value)
    return value


def _explain(loc: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    if message == "Extra inputs are not permitted":
        message = "unknown key"
    return f"{where}: {message}"


def line_of(text: str, loc: Iterable[int | str]) -> int | None:
    """The line of the file that `loc` (section, number of it, key) speaks of, or of what encloses it."""
    parts = list(loc)
    if not parts:
        return None
    section, rest = parts[0], parts[1:]
    nth = rest.pop(0) if rest and isinstance(rest[0], int) else 0
    key = rest[0] if rest else None
    header = re.compile(rf"^\s*\[+\s*{re.escape(str(section))}\s*\]+")
    start, seen, lines = None, -1, text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("["):
            if start is not None:
                break
            seen += bool(header.match(line))
            start = number if header.match(line) and seen == nth else None
        elif start is not None and key is not None and re.match(rf"^\s*{re.escape(str(key))}\s*[=.]", line):
            return number
    return start


Loc = tuple[int | str, ...]


def _loose_ends(hall: Hall) -> Iterator[tuple[Loc, str]]:
    """Names that stand twice or lead nowhere."""
    for section in ("zone", "unit", "service", "device", "kiosk", "staff"):
        entries = getattr(hall, section if section == "staff" else f"{section}s")
        yield from _twice(section, "id", [each.id for each in entries])
    yield from _twice("window", "no", [each.no for each in hall.windows])
    for nth, service in enumerate(hall.services):
        yield from _leads(service, ("service", nth), {"unit": hall.unit})
        if not hall.able[service.id]:
            yield ("service", nth, "id"), f"no window has {service.id!r} among its skills: nobody could ever be served"
    for nth, window in enumerate(hall.windows):
        yield from _leads(window, ("window", nth), {"zone": hall.zone, "unit": hall.unit, "printer": hall.device})
        for skill in window.skills:
            yield from _missing(("window", nth, "skills"), "service", skill, hall.service)
    for nth, kiosk in enumerate(hall.kiosks):
        known: Known = {"zone": hall.zone, "printer": hall.device, "fallback": hall.device, "reader": hall.device}
        yield from _leads(kiosk, ("kiosk", nth), known)
    yield from _leads(hall.sms, ("sms",), {"device": hall.device})
    for nth, overdue in enumerate(hall.balance.when):
        yield from _leads(overdue, ("balance", "when", nth), {"service": hall.service})
    yield from _timetable(hall)
    yield from _places(hall)
    yield from _shared_places(hall)


def _timetable(hall: Hall) -> Iterator[tuple[Loc, str]]:
    for no in hall.timetable.noon_windows:
        yield from _missing(("timetable", "noon_windows"), "window", no, hall.window)
    for own in hall.timetable.days:
        if not own.fits:
            yield ("timetable", "day"), f"{own.day}: an extended day has shifts, a working one may, no other has any"


def _window_places(window: Window) -> list[tuple[str, Place]]:
    """What stands at a window: (kind, where)."""
    found = [("call_box", each) for each in window.call_boxes]
    found += [("evaluator", window.evaluator)] if window.evaluator else []
    return found + ([("sign", window.sign)] if window.sign else [])


DEVICE_KEYS = ("printer", "fallback", "reader")


def _places(hall: Hall) -> Iterator[tuple[Loc, str]]:
    for nth, zone in enumerate(hall.zones):
        if zone.voice is not None:
            yield from _missing(("zone", nth, "voice"), "device", zone.voice.device, hall.device)
    for nth, window in enumerate(hall.windows):
        for kind, place in _window_places(window):
            yield from _missing(("window", nth, kind), "device", place.device, hall.device)


Known = dict[str, Iterable[Hashable]]


def _leads(entry: object, loc: Loc, known: Known) -> Iterator[tuple[Loc, str]]:
    for key, names in known.items():
        if (name := getattr(entry, key)) is not None:
            yield from _missing((*loc, key), "device" if key in DEVICE_KEYS else key, name, names)


def _twice(section: str, key: str, names: list[Any]) -> Iterator[tuple[Loc, str]]:
    for nth, name in enumerate(names):
        if name in names[:nth]:
            yield (section, nth, key), f"{section} {name!r} stands twice"


def _missing(loc: Loc, what: str, name: Hashable, known: Iterable[Hashable]) -> Iterator[tuple[Loc, str]]:
    if name not in (names := list(known)):
        yield loc, f"there is no {what} {name!r}; known are {', '.join(map(str, names)) or 'none'}"


def _shared_places(hall: Hall) -> Iterator[tuple[Loc, str]]:
    taken: dict[tuple[str, str, int], int] = {}
    for nth, window in enumerate(hall.windows):
        for kind, place in _window_places(window):
            spot = (kind, place.device, place.address)
            if spot in taken:
                what = f"{place.device} address {place.address} already belongs to window {taken[spot]}"
                yield ("window", nth, kind), what
            taken[spot] = window.no
