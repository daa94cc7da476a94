"""A simulated month of a hall: 200 people of six units at three terminals, March 2026, by the rules of county_xx.

It knows what it did to whom: what a day must come to is written down (`found`) where it is done, from the document and
never from the code under test. The cast of `tests.attendance.cast` comes first; the others' month is drawn at random,
the same every time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from edge.attendance.entries import ENTRY, Entry
from edge.attendance.roster import Person
from edge.calendar import Override, Shift
from tests.attendance.days import ZONE
from tests.attendance.gates import GATES

UNITS = {"rs": 48, "ga": 40, "zj": 34, "sw": 30, "sc": 26, "mz": 22}
"""People by unit; the first digit of a 工号 is the unit's place here."""
MONTH = tuple(date(2026, 3, n) for n in range(1, 32))
MADE_UP, SWAPPED, LONG = date(2026, 3, 14), date(2026, 3, 20), date(2026, 3, 25)
"""调休: a Saturday is worked for a Friday off. And a Wednesday on which the hall stays open until 19:30."""
WORKED = tuple(on for on in MONTH if on == MADE_UP or (on.weekday() < 5 and on != SWAPPED))
TRAINS = (date(2026, 3, 4), date(2026, 3, 12), date(2026, 3, 24))
CERTIFIED = date(2026, 3, 12)
"""For this late train the railway gave a certificate, and the hall does not hold it against anybody."""
LEFT, CAME = ("6020", date(2026, 3, 13)), ("6021", date(2026, 3, 16))
CHIEFS = ("1001", "2001")
HALVES = {"morning": (0, 1), "afternoon": (2, 3)}
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何"
GIVEN = "一安宁平远明静文思佳"


@dataclass(frozen=True, slots=True, order=True)
class Touch:
    """Somebody touches a terminal."""

    at: datetime
    """True time of the hall, no zone."""
    gate: str
    person: str
    leaving: bool
    """The key that was pressed."""


@dataclass(slots=True)
class Day:
    """One person's working day: four touches, in out in out, unless something happens."""

    touches: dict[int, datetime]
    again: list[tuple[int, datetime]] = field(default_factory=list)
    """Touches beside these, as (which way, when)."""
    wrong_key: set[int] = field(default_factory=set)


def ends(on: date) -> tuple[datetime, datetime, datetime, datetime]:
    """When the four are due (ATT-06)."""
    last = "19:30" if on == LONG else "18:00"
    morning, noon, afternoon, evening = (at(on, clock) for clock in ("08:30", "12:00", "14:30", last))
    return morning, noon, afternoon, evening


def at(on: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{on}T{clock}")


def calendar() -> tuple[Override, ...]:
    hours = ({"start": "08:30", "end": "12:00"}, {"start": "14:30", "end": "19:30"})
    shifts = tuple(Shift.model_validate(each) for each in hours)
    return (
        Override(day=MADE_UP, kind="working", name="调休上班"),
        Override(day=SWAPPED, kind="off", name="调休放假"),
        Override(day=LONG, kind="extended", name="延时开放", shifts=shifts),
    )


class Month:
    def __init__(self, seed: int = 2026) -> None:
        self.random = Random(seed)
        self.people = [self._person(nth, id_, unit) for nth, (id_, unit) in enumerate(_ids())]
        self._place = {each.id: nth for nth, each in enumerate(self.people)}
        self.entries: list[Entry] = []
        self.found: dict[tuple[str, date], list[str]] = {}
        """(工号, day) -> what it comes to, as `told` of the test says it, without what went as it should."""
        self.days: dict[tuple[str, date], Day] = {}
        for person in self.people:
            for on in filter(person.here, MONTH):
                self.found[person.id, on] = [] if on in WORKED else ["day_off"]
                if on in WORKED:
                    self.days[person.id, on] = self._punctual(on)

    def _person(self, nth: int, id_: str, unit: str) -> Person:
        told: dict[str, Any] = {"id": id_, "name": SURNAMES[nth % 20] + GIVEN[nth // 20], "unit": unit}
        told["role"] = "chief_representative" if id_ in CHIEFS else "clerk"
        told["since"] = CAME[1] if id_ == CAME[0] else date(2025, 6, 1)
        told["until"] = LEFT[1] if id_ == LEFT[0] else None
        if id_[1:] in ("001", "002"):
            told["posts"] = [{"window": int(id_[0]), "part": "A" if id_.endswith("1") else "B"}]
        return Person.model_validate(told)

    def _punctual(self, on: date) -> Day:
        """Never within a second of a minute's end: a corrected clock is that exact and no more."""
        spread = ((-1500, -60), (5, 700), (-1200, -60), (5, 1500))
        times = (due + timedelta(seconds=self.random.randint(*by)) for due, by in zip(ends(on), spread, strict=True))
        return Day({nth: each.replace(second=5 + each.second % 50) for nth, each in enumerate(times)})

    # ---- where everybody touches

    def gates(self, person: str) -> tuple[str, str]:
        """Where one comes in and where one goes out; every tenth by another door."""
        nth = self._place[person]
        return GATES[nth % 3], GATES[(nth + (nth % 10 == 4)) % 3]

    def touches(self) -> list[Touch]:
        """All of them, in the order of time."""
        found = []
        for (person, _), day in self.days.items():
            for nth, when in [*day.touches.items(), *day.again]:
                leaving = bool(nth % 2) != (nth in day.wrong_key)
                found.append(Touch(when, self.gates(person)[nth % 2], person, leaving))
        return sorted(found)

    # ---- what happens to one person's day

    def is_plain(self, person: str, on: date) -> bool:
        return (person, on) in self.days and not self.found[person, on] and len(self.days[person, on].touches) == 4

    def off_time(self, person: str, on: date, nth: int, minutes: int, seconds: int = 0) -> None:
        """So long late or early, of which begun minutes are told (ATT-05, ATT-06)."""
        by = timedelta(minutes=minutes, seconds=seconds)
        self.days[person, on].touches[nth] = ends(on)[nth] + (-by if nth % 2 else by)
        self.found[person, on].append(f"{'early' if nth % 2 else 'late'} {minutes + (seconds > 0)}")

    def forget(self, person: str, on: date, nth: int) -> None:
        """The other end of that half is there (ATT-08)."""
        del self.days[person, on].touches[nth]
        self.found[person, on].append("one_sided")

    def press_wrong_key(self, person: str, on: date, nth: int) -> None:
        self.days[person, on].wrong_key.add(nth)
        self.found[person, on].append("one_sided")

    def stay_away(self, person: str, on: date, half: str, row: str = "ATT-14") -> None:
        """Half a day without anything valid for it; `row` says which clause that is."""
        self.vanish(person, on, half)
        self.found[person, on].append(f"absent 0.5 {row}")

    def vanish(self, person: str, on: date, *halves: str) -> None:
        for nth in [nth for half in halves or HALVES for nth in HALVES[half]]:
            del self.days[person, on].touches[nth]

    # ---- what is entered

    def enter(self, kind: str, person: str, start: datetime, end: datetime, **more: Any) -> str:
        """The ref. Naive times are the hall's."""
        ref = f"{kind}-{len(self.entries) + 1:03d}"
        told = {"kind": kind, "ref": ref, "person": person, "start": start, "end": end} | more
        self.entries.append(ENTRY.validate_python(_zoned(told)))
        return ref

    def stand(self, person: str, what: str, start: datetime, end: datetime) -> None:
        """On every day that it touches (a leave also over the weekend in it)."""
        for on in MONTH:
            if start < at(on, "00:00") + timedelta(days=1) and end > at(on, "00:00") and (person, on) in self.found:
                self.found[person, on].append(what)

    def leave(self, person: str, kind: str, start: datetime, end: datetime, by: Iterable[str], **more: Any) -> None:
        """Asked and approved on the day before, with the slip and the unit's seal; `more` goes before."""
        asked = start - timedelta(days=1)
        told = {"asked_at": asked, "approvals": [{"by": each, "at": asked} for each in by]}
        self.enter("leave", person, start, end, leave=kind, **({"papers": ["slip", "unit_seal"]} | told | more))

    def absent_on_leave(self, person: str, kind: str, days: list[date], by: Iterable[str], **more: Any) -> None:
        """Whole working days, in order, with a substitute on post before they begin (LEAVE-29 to 31)."""
        start, end = ends(days[0])[0], ends(days[-1])[3]
        if more.get("substitute"):
            told = {"filed_at": start - timedelta(days=1), "on_post_at": start - timedelta(minutes=15)}
            more["substitute"] = told | more["substitute"]
            self.stand(more["substitute"]["person"], "substitute", start, end)
        self.leave(person, kind, start, end, by, **more)
        self.stand(person, "on_leave", start, end)
        for on in days:
            self.vanish(person, on)

    def find_away(self, person: str, start: datetime, end: datetime, minutes: int, by: str = "patrol") -> None:
        """`minutes` of work; beyond two hours it is half a day (ATT-12)."""
        self.enter("off_post", person, start, end, found_by=by)
        self.found[person, start.date()].append(f"off_post {minutes}")
        if minutes > 120:
            self.found[person, start.date()].append("absent 0.5 ATT-12")

    def excuse(self, person: str, on: date, kind: str, reason: str) -> None:
        self.enter("excuse", person, at(on, "00:00"), at(on, "23:59"), finding=kind, reason=reason)
        said = self.found[person, on]
        said[:] = [f"{each} excused" if each.startswith(kind) else each for each in said]


def _ids() -> list[tuple[str, str]]:
    return [
        (f"{place}{n:03d}", unit) for place, (unit, size) in enumerate(UNITS.items(), 1) for n in range(1, size + 1)
    ]


def _zoned(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=ZONE)
    if isinstance(value, dict):
        return {key: _zoned(each) for key, each in value.items()}
    return [_zoned(each) for each in value] if isinstance(value, list) else value


# ---- the month of those who are not in the cast


def draw(month: Month, cast: set[str]) -> None:
    """Leave first, so that who is away does not also come late."""
    random = month.random
    rest = [each.id for each in month.people if each.id not in cast and each.until is None and each.since < MONTH[0]]
    order = random.sample(rest, len(rest))
    stand_ins = {unit: [id_ for id_ in order[60:] if id_[0] == str(place)] for place, unit in enumerate(UNITS, 1)}
    _leaves(month, order[:30], stand_ins)
    _short(month, order[30:60])
    commuters = random.sample(order[10:], 45)
    for on in TRAINS:
        for person in commuters:
            if month.is_plain(person, on):
                month.off_time(person, on, 0, random.randint(10, 69), random.randint(5, 54))
                if on == CERTIFIED:
                    month.excuse(person, on, "late", "列车晚点，有铁路部门证明")
    for person in rest:
        for on in WORKED:
            if month.is_plain(person, on):
                _slip(month, person, on)


LEAVES = (
    # (working days, kind, who approves: LEAVE-20 to 22)
    (1, "sick", ("hall",)),
    (2, "personal", ("stationed_unit", "hall")),
    (1, "training", ("hall",)),
    (5, "annual", ("stationed_unit", "county_office")),
    (3, "marriage", ("stationed_unit", "hall")),
    (4, "sick", ("stationed_unit", "county_office")),
)


def _leaves(month: Month, persons: list[str], stand_ins: dict[str, list[str]]) -> None:
    random, units = month.random, list(UNITS)
    for nth, person in enumerate(persons):
        start = random.randrange(0, len(WORKED) - 5)
        if nth % 5 == 4:  # half a day needs no substitute
            _half_day(month, person, WORKED[start])
            continue
        length, kind, by = LEAVES[nth % len(LEAVES)]
        days = list(WORKED[start : start + length])
        if nth % 10 == 3:  # asked, and nobody approved
            month.leave(person, kind, ends(days[0])[0], ends(days[-1])[3], ())
            for on in days:
                month.stay_away(person, on, "morning", "ATT-15")
                month.stay_away(person, on, "afternoon", "ATT-15")
            continue
        stand_in = {"person": stand_ins[units[int(person[0]) - 1]].pop()}
        papers = ["slip", "unit_seal", "diagnosis"] if kind == "sick" else ["slip", "unit_seal"]
        back = ends(days[-1])[3] if kind == "marriage" else None  # which is reported back (LEAVE-28)
        month.absent_on_leave(person, kind, days, by, substitute=stand_in, papers=papers, returned_at=back)


def _half_day(month: Month, person: str, on: date) -> None:
    _, _, start, end = ends(on)
    month.leave(person, "personal", start, end, ("hall",))
    month.stand(person, "on_leave", start, end)
    month.vanish(person, on, "afternoon")


def _short(month: Month, persons: list[str]) -> None:
    """Outings, overtime, roll-calls, patrols, a touch that somebody vouches for."""
    for nth, person in enumerate(persons):
        on = month.random.choice([each for each in WORKED if each not in (LONG, *TRAINS)])
        if nth % 6 == 0:
            start, end = at(on, "14:30"), at(on, "16:00")  # to the unit and back, told by it in writing (LEAVE-33)
            month.enter("outing", person, start, end, told_at=at(on, "08:40"), recalled=True, reported_by="unit")
            month.stand(person, "on_leave", start, end)
            month.days[person, on].touches[2] = at(on, "15:51:20")
        elif nth % 6 == 1:
            start, end = at(on, "18:00"), at(on, "20:00")
            month.enter("duty", person, start, end, duty="overtime", reported_at=at(on, "16:00"))
            month.stand(person, "on_duty", start, end)
            month.days[person, on].touches[3] = at(on, "20:02:30")
        elif nth % 6 == 2:
            month.enter("roll_call", person, at(on, "10:17"), at(on, "10:17"), present=False)
            month.found[person, on].append("off_post")
        elif nth % 6 == 3:
            minutes = month.random.choice((25, 80, 120, 121, 160))
            start = at(on, "09:00")
            month.find_away(person, start, start + timedelta(minutes=minutes), minutes)
        elif nth % 6 == 4:
            month.forget(person, on, 0)
            month.found[person, on].remove("one_sided")
            month.enter("manual_punch", person, at(on, "08:21"), at(on, "08:21"), direction="in")
        else:
            month.stay_away(person, on, "afternoon")


def _slip(month: Month, person: str, on: date) -> None:
    """Of a plain day: mostly nothing; now and then a little late or early, forgotten, or touched twice."""
    random = month.random
    draws, minutes, seconds = random.random(), random.randint(0, 9), random.randint(5, 54)
    if draws < 0.012:
        month.off_time(person, on, random.choice((0, 0, 2)), minutes, seconds)
    elif draws < 0.016:
        month.off_time(person, on, random.choice((1, 3)), minutes, seconds)
    elif draws < 0.024:
        month.forget(person, on, random.randrange(4))
    elif draws < 0.026:
        month.press_wrong_key(person, on, 3)
    elif draws < 0.07:
        nth = random.randrange(4)
        day = month.days[person, on]
        day.again.append((nth, day.touches[nth] + timedelta(seconds=random.randint(2, 240))))
