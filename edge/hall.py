"""What a hall is: the frozen models of config/*.toml. An unknown key or a name that leads nowhere refuses to start."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HallInfo(_Model):
    code: Id
    name: str
    name_en: str = ""
    timezone: str = "Asia/Shanghai"
    public_url: str | None = None
    """Where a visitor's phone reaches this service; the slip gets a QR code to the ticket's page when it is set."""
    call: str = "请{number}号到{floor}{no}号{name}"
    """What sign and screen say for a call; the words are number, floor, no, name."""

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no such time zone: {value}") from error
        return value

    @field_validator("call")
    @classmethod
    def _call_fits(cls, value: str) -> str:
        try:
            value.format(number="", floor="", no="", name="")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError("the call may name {number}, {floor}, {no} and {name}, nothing else") from error
        return value


class Access(_Model):
    demo: bool = False
    """Grants every role without sign-in, to this machine only: `run` and `demo` then listen on 127.0.0.1 alone."""


class Central(_Model):
    url: str | None = None
    """Where events are POSTed as CloudEvents; without it they wait in the journal."""


class Demo(_Model):
    simulators: str | None = None
    """The page of the simulated devices, for the plain door."""


class Zone(_Model):
    id: Id
    name: str
    floor: str = ""


class Unit(_Model):
    id: Id
    name: str
    name_en: str = ""


class Service(_Model):
    id: Id
    unit: Id
    name: str
    name_en: str = ""
    prefix: Annotated[str, Field(pattern=r"^[A-Z]{1,2}$")]
    mean_minutes: Annotated[float, Field(gt=0, le=240)] = 8.0


class Place(_Model):
    """A device, or one address on a shared line."""

    device: Id
    address: Annotated[int, Field(ge=0, le=65535)] = 0


class EvaluatorPlace(Place):
    levels: tuple[int | None, int | None, int | None, int | None, int | None] = (1, 2, 3, 4, 5)
    """Which level (5 = 非常满意) each of the device's grades 0, 1, 2, 3, 4 means; leave out what it cannot say."""


class Window(_Model):
    no: Annotated[int, Field(ge=1, le=9999)]
    name: str
    zone: Id
    kind: Literal["ordinary", "comprehensive"] = "ordinary"
    skills: Annotated[tuple[Id, ...], Field(min_length=1)]
    call_box: Place | None = None
    evaluator: EvaluatorPlace | None = None
    sign: Place | None = None


class Device(_Model):
    id: Id
    name: str
    driver: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    link: str
    options: dict[str, Any] = {}


class Kiosk(_Model):
    id: Id
    name: str
    zone: Id
    printer: Id | None = None


class Hall(_Model):
    hall: HallInfo
    access: Access = Access()
    central: Central = Central()
    demo: Demo = Demo()
    zones: Annotated[tuple[Zone, ...], Field(alias="zone", min_length=1)]
    units: Annotated[tuple[Unit, ...], Field(alias="unit", min_length=1)]
    services: Annotated[tuple[Service, ...], Field(alias="service", min_length=1)]
    windows: Annotated[tuple[Window, ...], Field(alias="window", min_length=1)]
    devices: Annotated[tuple[Device, ...], Field(alias="device")] = ()
    kiosks: Annotated[tuple[Kiosk, ...], Field(alias="kiosk")] = ()

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.hall.timezone)

    @cached_property
    def service(self) -> dict[str, Service]:
        return {each.id: each for each in self.services}

    @cached_property
    def window(self) -> dict[int, Window]:
        return {each.no: each for each in self.windows}

    @cached_property
    def zone(self) -> dict[str, Zone]:
        return {each.id: each for each in self.zones}

    @cached_property
    def device(self) -> dict[str, Device]:
        return {each.id: each for each in self.devices}

    @cached_property
    def kiosk(self) -> dict[str, Kiosk]:
        return {each.id: each for each in self.kiosks}

    @cached_property
    def able(self) -> dict[str, tuple[int, ...]]:
        """Service id -> the windows that may serve it, in the order of the file."""
        return {each.id: tuple(w.no for w in self.windows if each.id in w.skills) for each in self.services}


# ---- reading a file


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
    return hall


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
    yield from _twice("zone", "id", [each.id for each in hall.zones])
    yield from _twice("unit", "id", [each.id for each in hall.units])
    yield from _twice("service", "id", [each.id for each in hall.services])
    yield from _twice("window", "no", [each.no for each in hall.windows])
    yield from _twice("device", "id", [each.id for each in hall.devices])
    yield from _twice("kiosk", "id", [each.id for each in hall.kiosks])
    units = {each.id for each in hall.units}
    for nth, service in enumerate(hall.services):
        yield from _missing(("service", nth, "unit"), "unit", service.unit, units)
        if not hall.able[service.id]:
            yield ("service", nth, "id"), f"no window has {service.id!r} among its skills: nobody could ever be served"
    for nth, window in enumerate(hall.windows):
        yield from _missing(("window", nth, "zone"), "zone", window.zone, hall.zone)
        for skill in window.skills:
            yield from _missing(("window", nth, "skills"), "service", skill, hall.service)
        for key in ("call_box", "evaluator", "sign"):
            place: Place | None = getattr(window, key)
            if place is not None:
                yield from _missing(("window", nth, key), "device", place.device, hall.device)
    for nth, kiosk in enumerate(hall.kiosks):
        yield from _missing(("kiosk", nth, "zone"), "zone", kiosk.zone, hall.zone)
        if kiosk.printer is not None:
            yield from _missing(("kiosk", nth, "printer"), "device", kiosk.printer, hall.device)
    yield from _shared_places(hall)


def _twice(section: str, key: str, names: list[Any]) -> Iterator[tuple[Loc, str]]:
    for nth, name in enumerate(names):
        if name in names[:nth]:
            yield (section, nth, key), f"{section} {name!r} stands twice"


def _missing(loc: Loc, what: str, name: str, known: Iterable[Hashable]) -> Iterator[tuple[Loc, str]]:
    if name not in (names := list(known)):
        yield loc, f"there is no {what} {name!r}; known are {', '.join(map(str, names)) or 'none'}"


def _shared_places(hall: Hall) -> Iterator[tuple[Loc, str]]:
    for key in ("call_box", "evaluator", "sign"):
        taken: dict[tuple[str, int], int] = {}
        for nth, window in enumerate(hall.windows):
            place: Place | None = getattr(window, key)
            if place is None:
                continue
            spot = (place.device, place.address)
            if spot in taken:
                yield (
                    ("window", nth, key),
                    f"{place.device} address {place.address} already belongs to window {taken[spot]}",
                )
            taken[spot] = window.no
