"""The hall's day: when it is open, when numbers are given, what noon and closing mean. Models of a hall file, and pure.

A moment is UTC milliseconds; a day is the hall's own date. Days come from `edge.calendar`, hours from `[timetable]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge import calendar
from edge.calendar import ONE_DAY, Override, Overrides, Shift

HHMM = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MINUTE = 60_000
LOOK_AHEAD = 30
"""Days; the longest holidays are nine."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hours(_Model):
    start: Annotated[HHMM, Field(alias="from")]
    end: Annotated[HHMM, Field(alias="to")]


def _in_order(value: tuple[Hours, ...]) -> tuple[Hours, ...]:
    if any(each.start >= each.end for each in value):
        raise ValueError("from must be before to, on the same day")
    if any(earlier.end > later.start for earlier, later in pairwise(value)):
        raise ValueError("the hours of a day must follow each other")
    return value


Openings = Annotated[tuple[Hours, ...], AfterValidator(_in_order)]
Minutes = Annotated[int, Field(ge=0, le=240)]


class Extended(_Model):
    """Hours beyond the ordinary ones (延时、错时服务), on these days of the week unless they are public holidays."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    hours: Annotated[Openings, Field(min_length=1)]
    booked_only: bool = False
    """Only who has booked gets a number."""


class Timetable(_Model):
    hours: Openings | Literal["always"] | None = None
    """When the public is served on a working day. Without: the shifts of the attendance profile; without one, always.
    A day of the hall's calendar that says its own shifts has those."""
    take_from: Minutes = 0
    """Minutes before an opening from which numbers are given."""
    cut_off: Minutes = 0
    """Minutes before closing from which no numbers are given; 0: until closing (来早、来晚一样接待)."""
    noon: Literal["keep", "clear"] = "keep"
    """Whether who still waits when the morning ends keeps the place, or must take a new number."""
    noon_windows: tuple[int, ...] = ()
    """Those that serve through the break, beside the windows of who is on the noon duty's roster. Numbers are given for
    what they serve."""
    at_close: Literal["serve_waiting", "case_in_hand"] = "serve_waiting"
    """Whether who holds a number at closing is served, or only who is at a window; the others are booked anew."""
    extended: tuple[Extended, ...] = ()
    weekend: Literal["off", "by_appointment"] | None = None
    """Without: as the attendance profile has it."""
    days: Annotated[tuple[Override, ...], Field(alias="day")] = ()
    """Days of its own, beside those of the calendar file and those entered at ops."""


@dataclass(frozen=True, slots=True)
class Opening:
    start: int
    end: int
    booked_only: bool = False


Phase = Literal["before", "open", "noon", "after", "off"]


@dataclass(frozen=True, slots=True)
class HallDay:
    on: date
    kind: calendar.Kind
    name: str
    """The holiday, or what the hall calls the day."""
    openings: tuple[Opening, ...]
    always: bool = False

    def phase(self, at: int) -> Phase:
        if not self.openings:
            return "off"
        if at < self.openings[0].start:
            return "before"
        if at >= self.openings[-1].end:
            return "after"
        return "open" if any(each.start <= at < each.end for each in self.openings) else "noon"

    def recess(self, at: int) -> tuple[int, int] | None:
        """The break that it is now, or the next of today: from, to."""
        ends = [at, *(each.end for each in self.openings if each.end > at)]
        starts = [each.start for each in self.openings if each.start > at]
        if self.phase(at) == "open":
            ends = ends[1:]
        return next(((end, start) for end, start in zip(ends, starts, strict=False) if start > end), None)

    def ended_before(self, at: int) -> int | None:
        """When the last opening before this moment ended."""
        return max((each.end for each in self.openings if each.end <= at), default=None)

    def broke(self, since: int, until: int) -> bool:
        """Whether a break began in that time."""
        return any(since < each.end <= until and self.phase(each.end) == "noon" for each in self.openings)

    def next_start(self, at: int) -> int | None:
        """The next opening of this day."""
        return next((each.start for each in self.openings if each.start > at), None)


def hall_day(table: Timetable, overrides: Overrides, on: date, zone: ZoneInfo) -> HallDay:
    """What this day is to the public. A day off has no openings, unless extended service is offered on weekends."""
    own = overrides.get(on)
    day = calendar.day_of(calendar.Base((), table.weekend or "off"), overrides, on)
    if table.hours in ("always", None) and (own is None or (day.open and not own.shifts)):
        return HallDay(on, day.kind, day.name, (Opening(_at(on, "00:00", zone), _at(on, "24:00", zone)),), always=True)
    hours = of_shifts(own.shifts) if own is not None and own.shifts else table.hours
    found = [] if day.kind == "day_off" or not isinstance(hours, tuple) else list(_openings(on, hours, zone))
    if day.kind == "duty":
        found = [Opening(each.start, each.end, True) for each in found]
    if own is None and (day.kind != "day_off" or day.name == "weekend"):
        for more in table.extended:
            if WEEKDAYS[on.weekday()] in more.days:
                found += _openings(on, more.hours, zone, more.booked_only)
    return HallDay(on, day.kind, day.name, tuple(_joined(found)))


def _openings(on: date, hours: Iterable[Hours], zone: ZoneInfo, booked_only: bool = False) -> Iterable[Opening]:
    return [Opening(_at(on, each.start, zone), _at(on, each.end, zone), booked_only) for each in hours]


def of_shifts(shifts: Iterable[Shift]) -> tuple[Hours, ...]:
    """The hours of the public where they are those of the staff."""
    return tuple(Hours(**{"from": f"{each.start:%H:%M}", "to": f"{each.end:%H:%M}"}) for each in shifts)


def _joined(openings: list[Opening]) -> list[Opening]:
    """In order of time; where two overlap the earlier goes first, and one for everybody before one for who booked."""
    found: list[Opening] = []
    for each in sorted(openings, key=lambda one: (one.booked_only, one.start)):
        found = sorted([*found, *_beside(each, found)], key=lambda one: one.start)
    return found


def _beside(opening: Opening, taken: Iterable[Opening]) -> Iterator[Opening]:
    """What is left of it beside those, which are in order of time."""
    start = opening.start
    for each in taken:
        if start < (end := min(each.start, opening.end)):
            yield Opening(start, end, opening.booked_only)
        start = max(start, each.end)
    if start < opening.end:
        yield Opening(start, opening.end, opening.booked_only)


def _at(on: date, hhmm: str, zone: ZoneInfo) -> int:
    last = hhmm == "24:00"
    local = datetime.combine(on + ONE_DAY if last else on, time(0) if last else time.fromisoformat(hhmm), zone)
    return int(local.timestamp() * 1000)


# ---- taking numbers


@dataclass(frozen=True, slots=True)
class Taking:
    """Whether a number can be had now, and otherwise when."""

    state: Literal["open", "early", "noon", "cut_off", "closed", "booked_only"]
    gives: int | None = None
    """From when on, today."""
    opens: int | None = None
    """When service begins, or goes on, today."""
    ends: int | None = None
    """The cut-off, of today."""

    @property
    def ok(self) -> bool:
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one service."""

    hours: Openings = ()
    """Only within these; () without more limits than the hall's own."""
    cut_off: int | None = None


ANY = Rules()


def taking(
    table: Timetable, day: HallDay, at: int, zone: ZoneInfo, rules: Rules = ANY, *, booked: bool = False
) -> Taking:
    """Who has booked gets a number until the last opening ends; anybody else until its cut-off."""
    if day.always and not rules.hours:
        return Taking("open")
    spans = _within(day, rules.hours, zone)
    mine = [each for each in spans if booked or not each.booked_only]
    if not mine:
        return Taking("booked_only" if spans else "closed")
    cut_off = 0 if booked else (table.cut_off if rules.cut_off is None else rules.cut_off) * MINUTE
    ended = mine[0].start
    for nth, span in enumerate(mine):
        last = nth == len(mine) - 1
        ends = span.end - (cut_off if last or table.noon == "clear" else 0)
        gives = max(span.start - table.take_from * MINUTE, ended if nth else 0)
        if at < gives:
            return Taking("noon" if nth else "early", gives, span.start, ends)
        if at < ends:
            return Taking("open", gives, span.start, ends)
        ended = span.end
    return Taking("cut_off" if at < mine[-1].end else "closed", ends=mine[-1].end - cut_off)


def _within(day: HallDay, hours: Openings, zone: ZoneInfo) -> list[Opening]:
    if not hours:
        return list(day.openings)
    own = list(_openings(day.on, hours, zone))
    both = [(max(a.start, b.start), min(a.end, b.end), a.booked_only) for a in day.openings for b in own]
    return [Opening(start, end, booked) for start, end, booked in both if start < end]


def next_open(find: Callable[[date], HallDay], after: date) -> Opening | None:
    """The first opening of a later day that is not for bookings alone; None when there is none within a month."""
    days = (find(after + timedelta(days=ahead)) for ahead in range(1, LOOK_AHEAD + 1))
    return next((each for day in days for each in day.openings if not each.booked_only), None)


# ---- words


def clock_words(at: int, zone: ZoneInfo) -> str:
    """`上午9:00`, `下午14:30`."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    half = "上午" if local.hour < 12 else "中午" if (local.hour, local.minute) == (12, 0) else "下午"
    return f"{half}{local.hour}:{local:%M}"


def day_words(at: int, today: date, zone: ZoneInfo) -> str:
    """`今天`, `明天`, `11月24日（星期二）`."""
    on = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date()
    near = {today: "今天", today + ONE_DAY: "明天"}.get(on)
    return near or f"{on.month}月{on.day}日（星期{'一二三四五六日'[on.weekday()]}）"


def taking_words(found: Taking, following: Opening | None, today: date, zone: ZoneInfo) -> str:
    """Why there is no number now, and when there is one; `""` when there is."""
    if found.ok:
        return ""
    if found.opens is not None and found.gives is not None:
        opens = clock_words(found.opens, zone)
        gives = clock_words(found.gives, zone)
        gives = gives[2:] if gives[:2] == opens[:2] else gives
        early = f"，{gives}起取号" if found.gives < found.opens else ""
        return f"{opens}继续{early}" if found.state == "noon" else f"今天{opens}开始办理{early}"
    when = f"，{day_words(following.start, today, zone)}{clock_words(following.start, zone)}开门" if following else ""
    if found.state == "cut_off" and found.ends is not None:
        return f"今天取号到{clock_words(found.ends, zone)}为止{when}"
    if found.state == "booked_only":
        return f"今天只办理预约{when}"
    return f"现在不在服务时间{when}"


def taking_words_en(found: Taking, following: Opening | None, zone: ZoneInfo) -> str:
    """As `taking_words`."""
    if found.ok:
        return ""

    def said(at: int, form: str = "%H:%M") -> str:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).strftime(form)

    if found.opens is not None and found.gives is not None:
        early = f", numbers from {said(found.gives)}" if found.gives < found.opens else ""
        return f"{'Goes on' if found.state == 'noon' else 'Opens'} at {said(found.opens)}{early}"
    when = f", opens {said(following.start, '%d %B %H:%M')}" if following else ""
    if found.state == "cut_off" and found.ends is not None:
        return f"No more numbers since {said(found.ends)}{when}"
    return f"{'By booking only today' if found.state == 'booked_only' else 'Closed now'}{when}"


def cut_off_words(found: Taking, zone: ZoneInfo) -> tuple[str, str]:
    """Until when numbers are given today, in Chinese and English; nothing where that has no end."""
    if found.ends is None or not found.ok:
        return "", ""
    until = f"{datetime.fromtimestamp(found.ends / 1000, UTC).astimezone(zone):%H:%M}"
    return f"，取号到{clock_words(found.ends, zone)}", f", numbers until {until}"


def finder(table: Timetable, zone: ZoneInfo) -> Callable[[date, Override | None], HallDay]:
    """`hall_day` that remembers its answers: asked with every number that is given."""
    filed = {each.day: each for each in table.days}

    @lru_cache(maxsize=64)
    def find(on: date, own: Override | None) -> HallDay:
        known: Mapping[date, Override] = filed if own is None else {**filed, on: own}
        return hall_day(table, known, on, zone)

    return find
