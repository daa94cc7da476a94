"""One day of one hall, as files that any simulator can read: who came, when and for what, and who served. Pure.

A folder holds `scenario.json` and `tickets.csv`, or `tickets.csv.gz` for a big day. Times are seconds since midnight.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

FORMAT = "queuebench/1"
STRICT_S = 7200.0
"""A class with so much head start goes before everybody."""
ROSTER_GAP_S = 1200.0
"""A shorter gap in a window's attendance was not planned."""


class ScenarioError(Exception):
    """The folder holds no day that can be replayed; the message says why."""


class Service(NamedTuple):
    id: str
    name: str
    share: float
    mean_s: float
    cv: float


class Class(NamedTuple):
    """A group of visitors with the same claim to be served before others."""

    id: str
    name: str
    head_start_s: float
    rank: int


class Window(NamedTuple):
    id: str
    skills: tuple[str, ...]
    speed: float
    on: tuple[tuple[float, float], ...]
    """When it really was there."""
    drain: bool
    """After its last interval it goes on until nothing is left that it can serve."""


PRESENT, NEVER_SHOWS, COMES_BACK = 0, 1, 2
Kind = Literal[0, 1, 2]


class Ticket(NamedTuple):
    """What a visitor asked for; from `work_s` on, what only the replay may know."""

    id: str
    arrive_s: float
    service: str
    cls: str
    slot_s: float | None
    work_s: float
    walk_s: float
    kind: int
    back_s: float
    patience_s: float | None
    next: tuple[tuple[str, float], ...]
    """Follow-up visits: (service, work_s)."""

    @property
    def clock_s(self) -> float:
        """Since when they wait: whoever comes early waits from the booked time."""
        return self.arrive_s if self.slot_s is None else max(self.arrive_s, self.slot_s)


def planned(window: Window) -> list[tuple[float, float]]:
    """Its attendance without the unplanned pauses."""
    on = [window.on[0]]
    for start, end in window.on[1:]:
        if start - on[-1][1] < ROSTER_GAP_S:
            on[-1] = (on[-1][0], end)
        else:
            on.append((start, end))
    return on


@dataclass(frozen=True)
class Scenario:
    name: str
    seed: int
    noshow_s: float
    walk_mean_s: float
    services: tuple[Service, ...]
    classes: tuple[Class, ...]
    windows: tuple[Window, ...]
    tickets: tuple[Ticket, ...]

    @cached_property
    def service(self) -> dict[str, Service]:
        return {each.id: each for each in self.services}

    @cached_property
    def handling_s(self) -> float:
        """The hall's mean time for a visitor, as a plan knows it."""
        share = sum(each.share for each in self.services)
        return self.walk_mean_s + sum(each.share * each.mean_s for each in self.services) / share


def load(folder: Path) -> Scenario:
    """Raises ScenarioError."""
    try:
        told = json.loads((folder / "scenario.json").read_text("utf-8"))
        if told["format"] != FORMAT:
            raise ScenarioError(f"{folder}: format {told['format']!r} is not {FORMAT!r}")
        day = Scenario(
            told["name"],
            int(told["seed"]),
            float(told["noshow_s"]),
            float(told["walk_mean_s"]),
            tuple(Service(*(each[key] for key in Service._fields)) for each in told["services"]),
            tuple(Class(*(each[key] for key in Class._fields)) for each in told["classes"]),
            tuple(_window(each) for each in told["windows"]),
            tuple(_ticket(row) for row in csv.DictReader(io.StringIO(_tickets_text(folder)))),
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ScenarioError(f"{folder} holds no day: {type(error).__name__} {error}") from error
    wrong = _wrong(day)
    if wrong:
        raise ScenarioError(f"{folder}: {wrong}")
    return day


def _wrong(day: Scenario) -> str | None:
    """What makes a well-formed day impossible to replay."""
    if not day.tickets:
        return "nobody comes"
    away = [each.id for each in day.windows if not each.on or not each.skills]
    if away:
        return f"window {away[0]} is never on or serves nothing"
    asked = {each.service for each in day.tickets} | {service for each in day.tickets for service, _ in each.next}
    nowhere = asked - ({skill for each in day.windows for skill in each.skills} & set(day.service))
    return f"no window serves {min(nowhere)}" if nowhere else None


def _tickets_text(folder: Path) -> str:
    packed = folder / "tickets.csv.gz"
    return gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (folder / "tickets.csv").read_text()


def _window(told: dict[str, Any]) -> Window:
    on = tuple((float(start), float(end)) for start, end in told["on"])
    return Window(told["id"], tuple(told["skills"]), float(told["speed"]), on, bool(told["drain"]))


def _ticket(row: dict[str, str]) -> Ticket:
    follow = (part.split(":") for part in row["next"].split(";") if part)
    return Ticket(
        row["id"],
        float(row["arrive_s"]),
        row["service"],
        row["class"],
        float(row["slot_s"]) if row["slot_s"] else None,
        float(row["work_s"]),
        float(row["walk_s"]),
        int(row["kind"]),
        float(row["back_s"] or 0),
        float(row["patience_s"]) if row["patience_s"] else None,
        tuple((service, float(work)) for service, work in follow),
    )


def days(folder: Path) -> list[Scenario]:
    """The day in `folder`, or every day in the folders inside it, by name. Raises ScenarioError."""
    if (folder / "scenario.json").exists():
        return [load(folder)]
    found = sorted(each.parent for each in folder.glob("*/scenario.json"))
    if not found:
        raise ScenarioError(f"{folder} holds no scenario.json, nor does a folder inside it")
    return [load(each) for each in found]
