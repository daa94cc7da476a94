"""Where people wait although a window could serve them, and which windows are not ready before the doors open. Pure.

A finding is an offer in words for the people at ops, who decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.hallwindows import Load

Kind = Literal["crowded", "idle_while_waiting", "not_ready"]


@dataclass(frozen=True, slots=True)
class Line:
    """People who wait for the same, in the same zone."""

    service: str
    name: str
    zone: str
    people: int
    window: int | None = None
    """The only one they may be called to."""


@dataclass(frozen=True, slots=True)
class AtWindow:
    no: int
    skills: Collection[str]
    open: bool
    """No sign is up."""
    staffed: bool = False
    """Somebody is signed in."""
    busy: bool = False
    """A ticket is in hand."""
    closed_before: bool = False
    """Its sign closed it for an earlier day: it opens with the first sign-in."""
    lacks: tuple[str, ...] = ()
    """Devices that do not answer, in words."""

    def may_call(self, line: Line) -> bool:
        return line.window == self.no or (line.window is None and line.service in self.skills)


@dataclass(frozen=True, slots=True)
class Found:
    kind: Kind
    key: str
    """The same for as long as the same is found."""
    what: str
    todo: str
    lasting_s: float
    """Told when it has been found for so long."""
    zone: str | None = None
    window: int | None = None
    people: int = 0


def crowded(
    load: Load, zones: Mapping[str, str], lines: Sequence[Line], windows: Sequence[AtWindow], told: Collection[str]
) -> Iterator[Found]:
    """`zones` are ids with names; `told` the keys that ops knows of: such a zone is crowded until it has eased."""
    for zone, name in zones.items():
        key = f"crowded:{zone}"
        here = sorted((each for each in lines if each.zone == zone), key=lambda each: -each.people)
        people = sum(each.people for each in here)
        if people >= (load.eased + 1 if key in told else load.crowded):
            yield Found(
                "crowded", key, f"{name}等候 {people} 人", _offer(here, windows), load.crowded_s, zone, None, people
            )


def _offer(lines: Sequence[Line], windows: Sequence[AtWindow]) -> str:
    """For the service that most wait for and that another window could serve."""
    people: Counter[str] = Counter()
    names = {each.service: each.name for each in lines}
    for each in lines:
        people[each.service] += each.people if each.window is None else 0
    unserved = [each for each in windows if not each.busy and not (each.open and each.staffed)]
    for service, count in people.most_common():
        able = sorted(each.no for each in unserved if service in each.skills)
        if able and count:
            return f"{names[service]}等候 {count} 人，可增开 {'、'.join(map(str, able))} 号窗口"
    return "能办理的窗口都已开放，请引导分流"


def idle(load: Load, lines: Sequence[Line], windows: Sequence[AtWindow]) -> Iterator[Found]:
    """Open, nobody in hand, and somebody waits whom it may call."""
    for window in windows:
        people = sum(each.people for each in lines if window.may_call(each))
        if window.open and not window.busy and people:
            what, todo = f"{window.no}号窗口空闲，可办理的业务等候 {people} 人", "请叫号，或挂暂停牌"
            key = f"idle_while_waiting:{window.no}"
            yield Found("idle_while_waiting", key, what, todo, load.idle_s, None, window.no, people)


def not_ready(windows: Sequence[AtWindow]) -> Iterator[Found]:
    """Before the doors open (WIN-23). A window that is paused does not open."""
    for window in windows:
        lacks = lacking(window)
        if (window.open or window.closed_before) and lacks:
            what = f"{window.no}号窗口还没有准备好：{'、'.join(lacks)}"
            yield Found("not_ready", f"not_ready:{window.no}", what, "请在开门前准备好", 0.0, None, window.no)


def lacking(window: AtWindow) -> tuple[str, ...]:
    return (*(() if window.staffed else ("没有人登录",)), *window.lacks)
