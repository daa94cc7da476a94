"""The year of the hall: twelve small months, one day of its own, and the official notice of a whole year."""

from __future__ import annotations

import calendar as grid
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from edge.attendance import record, words
from edge.attendance.calendar import day_of
from edge.attendance.profile import Profile
from edge.calendar import Override, Overrides
from edge.guard import needs
from edge.pages.attendance_day import YEARS, read_day, state_words
from edge.pages.attendance_notice import days_of
from edge.pages.forms import Sent, go, once, sent, told, write
from edge.pages.render import page
from edge.parts import actor_of, parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/attendance/calendar"
KINDS = {"closed": "闭馆", "off": "放假", "working": "上班", "extended": "延时开放", "duty": "值班日"}
SIGNS = {
    "off": "休",
    "closed": "闭",
    "weekend": "",
    "working": "",
    "makeup": "班",
    "extended": "延",
    "duty": "值",
    "provisional": "待",
}
LEGEND = (
    ("working", "工作日"),
    ("weekend", "周末"),
    ("off", "放假"),
    ("makeup", "周末上班"),
    ("closed", "闭馆"),
    ("extended", "延时开放"),
    ("duty", "值班日"),
    ("provisional", "待定"),
)
OWN = ("closed", "extended", "duty")
"""What a hall says of its own days; the official notice does not speak of it."""
DONE = {"day": "这一天已保存", "year": "全年安排已保存"}


@dataclass(frozen=True, slots=True)
class Cell:
    on: date
    look: str
    """Of `SIGNS`."""
    told: str

    @property
    def sign(self) -> str:
        return SIGNS[self.look]


@router.get(HERE, dependencies=[needs("ops")])
def year(request: Request, year: str = "", day: str = "", done: str = "") -> Response:
    """The `year`, else this one; with `day` the form is filled with that day."""
    return _page(request, _year(year), Sent({"day": day} if read_day(day) else {}), done=DONE.get(done, ""))


def _year(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) == 4 and int(text) in YEARS else None


@router.post(f"{HERE}/days", dependencies=[needs("ops")])
async def set_day(request: Request) -> Response:
    form = await sent(request)
    on = read_day(form["day"])
    try:
        command = record.SetDays((_day(form),), actor_of(request, "ops"))
        await write(request, form, record.set_days, command)
    except Refused as refusal:
        return _page(request, on.year if on else None, form, refusal)
    return go(HERE, year=form["day"][:4], day=form["day"], done="day")


def _day(form: Sent) -> Override:
    """Raises Refused (422)."""
    if read_day(form["day"]) is None:
        raise Refused("form_unfit", "没有保存，请写明是哪一天", status=422)
    given = {name: form[name] for name in ("day", "kind", "name")}
    try:
        return Override.model_validate(given | {"shifts": _shifts(form["shifts"])})
    except ValidationError as error:
        raise Refused("form_unfit", "没有保存，请选这一天是什么日子", str(error), 422) from error


def _shifts(typed: str) -> list[dict[str, str]]:
    """`08:30-12:00 14:30-20:00`. Raises Refused (422)."""
    found = re.findall(r"(\d{1,2})[:：](\d\d)\s*[-–—~至]\s*(\d{1,2})[:：](\d\d)", typed)
    rest = re.sub(r"[\d:：\s\-–—~至,，、;；]", "", typed)
    try:
        spans = [(time(int(a), int(b)), time(int(c), int(d))) for a, b, c, d in found]
    except ValueError:
        spans = []
    ordered = [at for span in spans for at in span]
    if typed and (rest or not spans or any(b <= a for a, b in pairwise(ordered))):
        raise Refused("form_unfit", f"没有保存，时段“{typed}”应写成 08:30-12:00 14:30-20:00", status=422)
    return [{"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"} for start, end in spans]


# ---- a whole year


@router.post(f"{HERE}/years", dependencies=[needs("ops")])
async def set_year(request: Request) -> Response:
    """Without the field `sure` the year is shown as it would be, and nothing is written."""
    form = await sent(request)
    which = _year(form["year"])
    try:
        if which is None:
            raise Refused("form_unfit", "没有保存，请写明是哪一年", status=422)
        days = _table(request, which, form)
        if not form["sure"]:
            return _page(request, which, form, planned=days)
        await write(request, form, record.set_days, record.SetDays(days, actor_of(request, "ops")))
    except Refused as refusal:
        return _page(request, which, form, refusal)
    return go(HERE, year=which, done="year")


def _table(request: Request, which: int, form: Sent) -> tuple[Override, ...]:
    """All days of the year by the notice, but for those of the hall's own. Raises Refused (422)."""
    off, working = days_of(form["off"], which), days_of(form["working"], which)
    if not off:
        raise Refused("form_unfit", "没有保存，请写放假的日子", status=422)
    if strange := [each for each in off + working if each.year != which]:
        raise Refused("form_unfit", f"没有保存，{strange[0]} 不在 {which} 年", status=422)
    if both := sorted(set(off) & set(working)):
        raise Refused("form_unfit", f"没有保存，{both[0]} 既放假又上班", status=422)
    parts = parts_of(request)
    with parts.database.read() as connection:
        before = parts.rules.overrides(connection)
    kept = {on for on, each in before.items() if each.kind in OWN}
    return tuple(each for each in record.year_table(which, off, working) if each.day not in kept)


# ---- the page


def _page(
    request: Request,
    year: int | None,
    form: Sent,
    refusal: Refused | None = None,
    planned: tuple[Override, ...] = (),
    done: str = "",
) -> Response:
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    shown = year or today.year
    with parts.database.read() as connection:
        overrides = dict(parts.rules.overrides(connection))
    profile = parts.rules.profile
    unknown = [each for each in (today.year, today.year + 1) if _unknown(profile, overrides, each)]
    overlaid = overrides | {each.day: each for each in planned}
    months = [_month(profile, overlaid, shown, month) for month in range(1, 13)]
    return page(
        request,
        "attendance_calendar",
        refusal.status if refusal else 200,
        page="attendance",
        here="calendar",
        year=shown,
        today=today,
        months=months,
        counts=Counter(cell.look for weeks in months for week in weeks for cell in week if cell),
        signs=SIGNS,
        legend=LEGEND,
        kinds=list(KINDS.items()),
        unknown=unknown,
        form={"year": str(shown), "kind": "closed"} | _known(overrides, form) | dict(form.fields),
        planned=planned,
        kept=[each for on, each in sorted(overrides.items()) if on.year == shown and each.kind in OWN],
        kind_words=KINDS,
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )


def _known(overrides: Overrides, form: Sent) -> dict[str, str]:
    """What the hall has said of the day that the form is about."""
    own = overrides.get(read_day(form["day"]) or date.min)
    if own is None:
        return {}
    shifts = " ".join(f"{each.start:%H:%M}-{each.end:%H:%M}" for each in own.shifts)
    return {"kind": own.kind, "name": own.name, "shifts": shifts}


def _unknown(profile: Profile, overrides: Overrides, year: int) -> bool:
    """Whether the first day of it, a holiday since there are holidays, is not known."""
    return day_of(profile, overrides, date(year, 1, 1)).kind == "provisional"


def _month(profile: Profile, overrides: Overrides, year: int, month: int) -> list[list[Cell | None]]:
    """Weeks from Monday."""
    weeks = grid.Calendar().monthdatescalendar(year, month)
    return [[_cell(profile, overrides, on) if on.month == month else None for on in week] for week in weeks]


def _cell(profile: Profile, overrides: Overrides, on: date) -> Cell:
    day, own = day_of(profile, overrides, on), overrides.get(on)
    name = words.DAYS.get(day.name, day.name)
    is_weekend = on.weekday() >= 5
    look: str = day.kind
    if own is not None and own.kind in OWN:
        look = own.kind
    elif day.kind == "day_off":
        look = "weekend" if is_weekend and name == "周末" else "off"
    elif day.kind == "working":
        look = "makeup" if is_weekend else "working"
    return Cell(on, look, f"{words.day_words(on)} {state_words(day)}")
