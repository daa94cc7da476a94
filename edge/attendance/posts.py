"""What is amiss at the windows now: nobody there, signed in without a punch, punched without a sign-in; and what is
about to be: a noon duty without a name, a year whose holidays nobody knows. Pure; the order of what is known changes
nothing.

An alarm is for the people at ops, who go and look. It judges nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from edge.attendance.calendar import day_of
from edge.attendance.duty import Entry, unmanned
from edge.attendance.profile import Clause, Profile
from edge.attendance.punches import ROLL_CALL, Punch, Span, Stretch, choose, stretches
from edge.attendance.rules import Cover, Standing
from edge.calendar import Day, Overrides, unknown_year_ahead

GRACE = timedelta(minutes=5)
"""What is amiss at a window for less is no alarm. The documents give no minutes; five are what the mildest of them
forgives a late arrival (ATT-09).
"""
AHEAD = timedelta(days=30)
"""A year must be known so long before it begins: the official plan comes out in November."""
EMPTY = Clause("posts.empty_window", "南部山区 制度汇编 “杜绝擅自脱岗‘空窗’现象” (WIN-06)")
STAND_IN = Clause("posts.stand_in", "原州区 九篇 篇6 “A岗责任人因事不在岗,由B岗责任人顶岗” (WIN-12)")
AT_POST = Clause("posts.at_post", "福田区/通用 行为规范 “工作时间内窗口工作人员不得缺岗” (WIN-07)")

Kind = Literal["signed_in_without_punch", "punch_without_sign_in", "empty_window", "noon_unmanned", "year_unknown"]
Part = Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class AtWindow:
    """A window as it stands now."""

    no: int
    staff: str | None = None
    """Who is signed in, by 工号."""
    sign: str | None = None
    """Of a pause: what visitors are told."""
    busy: bool = False
    """A ticket is in hand: somebody is there, signed in or not."""
    deputy: str | None = None
    """Who took it over and has not handed it back, by 工号: answers for it, and its A is not missed."""


@dataclass(frozen=True, slots=True)
class Clerk:
    """A person of the roster, with what is known of today."""

    id: str
    name: str
    posts: Mapping[int, Part]
    terminal: Literal["up", "down", "none"]
    """Whether any of the person's terminals records now; where there is none, a missing punch says nothing."""
    punches: tuple[Punch, ...] = ()
    covers: tuple[Cover, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    windows: Sequence[AtWindow]
    clerks: Sequence[Clerk]
    noon: Sequence[Entry] = ()
    """The roster of the noon duty."""


@dataclass(frozen=True, slots=True)
class Alarm:
    kind: Kind
    key: str
    """The same for as long as the same is amiss."""
    since: datetime
    """The first look that found it."""
    clause: Clause
    what: str
    todo: str
    """For the people at ops."""
    window: int | None = None
    persons: tuple[str, ...] = ()
    """Of whom it speaks; of an empty window, who answers for it."""
    role: Part | None = None
    """Whose part it is to answer for an empty window: A's, until it was handed over to B."""

    def due(self, at: datetime) -> bool:
        """Whether it has lasted long enough for somebody to be told."""
        return self.window is None or at - self.since >= GRACE


def alarms(
    profile: Profile, overrides: Overrides, zone: ZoneInfo, scene: Scene, as_of: datetime, seen: Mapping[str, datetime]
) -> tuple[Alarm, ...]:
    """All that is amiss at `as_of`, by key, `due` or not yet. `seen` is since when each key was found without a break.

    Windows and people only in the service hours of a working day: never in a break, nor in a year that is not known.
    """
    day = day_of(profile, overrides, as_of.astimezone(zone).date())
    found = [*_years(profile, overrides, day.on, as_of), *_noon(profile, day, zone, scene.noon, as_of)]
    if any(each.start <= as_of < each.end for each in _shifts(day, zone)):
        look = _look(profile, day, zone, scene.clerks, scene.windows, as_of)
        for window in sorted(scene.windows, key=lambda each: each.no):
            found += _at(look, window)
    by_key = {each.key: replace(each, since=seen.get(each.key, as_of)) for each in found}
    return tuple(by_key[key] for key in sorted(by_key))


def _shifts(day: Day, zone: ZoneInfo) -> list[Span]:
    if day.kind != "working":
        return []
    return [
        Span(datetime.combine(day.on, each.start, zone), datetime.combine(day.on, each.end, zone))
        for each in day.shifts
    ]


# ---- what is about to be


def _years(profile: Profile, overrides: Overrides, today: date, as_of: datetime) -> Iterator[Alarm]:
    """A hall that has entered its first day itself has entered the year."""
    years = {unknown_year_ahead(on, days=0) for on in (today, today + AHEAD)}
    for year in sorted(each for each in years if each is not None and date(each, 1, 1) not in overrides):
        what, todo = f"{year}年的放假安排还没有，工作日无法计算", f"请按国务院通知录入{year}年的日历"
        yield Alarm("year_unknown", f"year_unknown:{year}", as_of, profile.clause("calendar.base"), what, todo)


def _noon(profile: Profile, day: Day, zone: ZoneInfo, roster: Sequence[Entry], as_of: datetime) -> Iterator[Alarm]:
    """Told from the morning on, so that somebody can still be found."""
    shifts = _shifts(day, zone)
    if not shifts or as_of < shifts[0].start:
        return
    noon = profile.duty.noon
    open_ = [each for each in unmanned(profile, day, zone, roster) if as_of < each.end]
    if noon is not None and open_:
        times = "、".join(f"{_clock(each.start, zone)}–{_clock(each.end, zone)}" for each in open_)
        what, todo = f"午间值班没有人：{noon.place}{times}", "请安排值班人员，并登记"
        yield Alarm("noon_unmanned", "noon_unmanned", as_of, profile.clause("duty.noon"), what, todo)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


# ---- at the windows


@dataclass(frozen=True, slots=True)
class _Look:
    """The moment as the rules below look at it."""

    profile: Profile
    as_of: datetime
    clerks: Mapping[str, Clerk]
    signed_in: frozenset[str]
    earlier: tuple[Stretch, ...]
    """The parts of the day, each with its punches, that are over."""
    part: Stretch | None
    """The one it is now, if anybody is expected to punch."""

    def on_leave(self, clerk: Clerk) -> bool:
        return _covered(clerk, self.as_of, "on_leave")


def _covered(clerk: Clerk, at: datetime, *kinds: Standing) -> bool:
    return any(each.kind in kinds and not each.for_person and each.span.holds(at) for each in clerk.covers)


def _look(
    profile: Profile, day: Day, zone: ZoneInfo, clerks: Sequence[Clerk], windows: Sequence[AtWindow], as_of: datetime
) -> _Look:
    expected = stretches(profile, day, zone)
    part = next((each for each in expected if any(shift.start <= as_of < shift.end for shift in each.shifts)), None)
    earlier = tuple(each for each in expected if each.around.end <= as_of)
    signed_in = frozenset(each.staff for each in windows if each.staff is not None)
    return _Look(profile, as_of, {each.id: each for each in clerks}, signed_in, earlier, part)


def _at(look: _Look, window: AtWindow) -> Iterator[Alarm]:
    """A pause with its sign up is announced, and so is no alarm."""
    if window.sign is not None:
        return
    if window.staff is not None:
        yield from _unpunched(look, window.no, window.staff)
    elif not window.busy:
        yield from _unserved(look, window.no, look.clerks.get(window.deputy or ""))


def _unpunched(look: _Look, window: int, staff: str) -> Iterator[Alarm]:
    clerk = look.clerks.get(staff)
    if clerk is None or clerk.terminal != "up":
        return
    punched = any(each.source != ROLL_CALL and each.at <= look.as_of for each in clerk.punches)
    due = look.part.slots[0].pivot if look.part else look.as_of
    if not punched and not any(_covered(clerk, at, "on_leave", "on_duty") for at in (due, look.as_of)):
        what = f"{window}号窗口{clerk.name}已登录，今天没有打卡"
        todo = f"请{clerk.name}补打卡；不是本人登录的，请改过来"
        clause = look.profile.clause("attendance.punches")
        key = f"signed_in_without_punch:{staff}"
        yield Alarm("signed_in_without_punch", key, look.as_of, clause, what, todo, window, (staff,))


def _unserved(look: _Look, window: int, deputy: Clerk | None) -> Iterator[Alarm]:
    """Nobody is signed in: whose window it is may have come all the same. One that is nobody's misses nobody."""
    holders = sorted((each for each in look.clerks.values() if window in each.posts), key=lambda each: each.id)
    missed = [deputy] if deputy else holders
    free = [each for each in missed if each.id not in look.signed_in and not look.on_leave(each)]
    here = [each for each in free if _arrived(look, each)]
    if here:
        yield _not_signed_in(look, window, here if deputy else _of(here, window, "A") or here)
    elif missed and not any(each.terminal == "down" for each in free):
        yield _empty(look, window, _of(holders, window, "A"), [deputy] if deputy else _of(holders, window, "B"), deputy)


def _of(clerks: Sequence[Clerk], window: int, part: Part) -> list[Clerk]:
    return [each for each in clerks if each.posts[window] == part]


def _arrived(look: _Look, clerk: Clerk) -> bool:
    """By the punches: come for this part of the day, and not gone again. One that does not say which way shows
    presence, unless it was the departure from an earlier part, or a second touch at that.
    """
    punches = [each for each in clerk.punches if each.at <= look.as_of]
    now = look.part.slots if look.part else ()
    before = [slot for stretch in look.earlier for slot in stretch.slots]
    repeat = timedelta(minutes=look.profile.attendance.repeat_minutes)
    chosen = choose([*before, *now], punches, repeat)
    left = [chosen[slot].at for slot in before if slot.kind == "out" and slot in chosen]
    seen = [
        each
        for each in punches
        if (not now or each.at > now[0].opens) and not any(timedelta(0) <= each.at - at <= repeat for at in left)
    ]
    last = max(seen, key=lambda each: (each.at, each.direction, each.source), default=None)
    return last is not None and last.direction != "out"


def _not_signed_in(look: _Look, window: int, clerks: Sequence[Clerk]) -> Alarm:
    names = _names(clerks)
    what, todo = f"{window}号窗口没有人登录，{names}已打卡到岗", f"请{names}到窗口登录，或挂暂停牌"
    persons, key = tuple(each.id for each in clerks), f"punch_without_sign_in:{window}"
    return Alarm("punch_without_sign_in", key, look.as_of, AT_POST, what, todo, window, persons)


def _empty(look: _Look, window: int, a: Sequence[Clerk], b: Sequence[Clerk], deputy: Clerk | None) -> Alarm:
    """A answers for it; B only when it was handed over: at the window, or by A's leave (WIN-11)."""
    away = bool(a) and all(look.on_leave(each) for each in a)
    filed = [each for each in b if _covered(each, look.as_of, "substitute")] if away else []
    handed = [deputy] if deputy else filed
    role: Part = "B" if handed else "A"
    persons = handed or a
    who = "，".join(f"{part}角{_names(each)}" for part, each in (("A", a), ("B", b)) if each)
    called = _names([each for each in b if not look.on_leave(each)])
    todo = f"请{f'B角{called}' if called else '安排人员'}顶岗，或挂暂停牌"
    answers = f"；由{role}角{_names(persons)}负责" if persons else ""
    what = f"{window}号窗口空窗：没有人登录，没有有效打卡，也没有挂牌（{who}）"
    key, clause = f"empty_window:{window}", STAND_IN if away else EMPTY
    ids = tuple(each.id for each in persons)
    return Alarm("empty_window", key, look.as_of, clause, what, todo + answers, window, ids, role if ids else None)


def _names(clerks: Sequence[Clerk]) -> str:
    return "、".join(each.name for each in clerks)
