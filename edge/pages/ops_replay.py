"""Any past minute of the hall as it was then: the picture, who waited for what, what had just happened, the hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.attendance import words
from edge.clock import Now, local
from edge.devices import past as devices
from edge.devices.health import Health
from edge.guard import needs
from edge.hall import Hall
from edge.hallday import Phase
from edge.pages import ops_charts, ops_hour
from edge.pages.attendance_day import read_day
from edge.pages.forms import told
from edge.pages.ops_picture import Area, Tile, areas, draw, taken
from edge.pages.ops_replay_words import just_before, last_before
from edge.pages.ops_shapes import lasting
from edge.pages.render import page
from edge.parts import parts_of
from edge.queue import past
from edge.queue.tickets import IN_HAND
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days
from edge.windows import skills

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/replay"
MINUTE_MS, HOUR_MS = past.MINUTE_MS, 60 * past.MINUTE_MS
PLAY_S = 2
"""How long a minute stands while it plays."""
PHASES: dict[Phase, str] = {
    "before": "还没有开门",
    "open": "开放时间",
    "noon": "午休时间",
    "after": "已经下班",
    "off": "不开放的一天",
}
STEPS = (("back-10", -10, "−10 分钟"), ("back-1", -1, "−1 分钟"), ("on-1", 1, "+1 分钟"), ("on-10", 10, "+10 分钟"))


class Step(NamedTuple):
    id: str
    words: str
    href: str | None
    """None: there is nothing so early or so late."""


class Span(NamedTuple):
    """What can be replayed: from the first event to now, UTC milliseconds."""

    first: int
    last: int

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.first <= at <= self.last


@router.get(HERE, dependencies=[needs("ops")])
def replay(request: Request, day: str = "", at: str = "", play: str = "") -> Response:
    """Of the minute `at` of `day`, or of this one; with `play` the browser asks for the next one by itself."""
    parts, now = parts_of(request), parts_of(request).clock.now()
    typed = {"page": "ops attendance", "here": "replay", "day": day or now.day, "at": at, "today": now.day}
    with parts.database.read() as connection:
        try:
            span = _span(connection, now)
            moment = _moment(parts.hall, now, span, day, at)
        except Refused as refusal:
            return page(request, "ops_replay", refusal.status, **typed, shown=None, refused=told(refusal))
        shown = _shown(connection, parts.hall, span, moment)
    following = moment + MINUTE_MS
    plays = bool(play) and following in span
    found = page(
        request,
        "ops_replay",
        **typed | {"day": shown["day"], "at": shown["clock"]},
        shown=shown,
        plays=plays,
        ended=bool(play) and not plays,
        href=href(parts.hall, moment),
        done="",
    )
    if plays:
        found.headers["Refresh"] = f"{PLAY_S}; url={href(parts.hall, following)}&play=1#pause"
    return found


def href(hall: Hall, at: int) -> str:
    """Of the minute of this moment (UTC, milliseconds)."""
    then = local(at, hall.zone_info)
    return f"{HERE}?{urlencode({'day': f'{then:%Y-%m-%d}', 'at': f'{then:%H:%M}'}, safe=':')}"


# ---- which moment


def _span(connection: Statements, now: Now) -> Span:
    """Raises Refused (422) while nothing has happened yet."""
    first = past.began(connection)
    if first is None:
        raise Refused("nothing_yet", "还没有任何记录，有人取号或设备连上以后再来看", status=422)
    return Span(first // MINUTE_MS * MINUTE_MS, now.at)


def _moment(hall: Hall, now: Now, span: Span, day: str, at: str) -> int:
    """UTC, milliseconds. Raises Refused (422) for what is no time, is not yet, or was before the first record."""
    if not day and not at:
        return now.at // MINUTE_MS * MINUTE_MS
    on = read_day(day or now.day)
    if on is None:
        raise Refused("no_such_day", f"没有“{day[:20]}”这一天，请选一个日期", status=422)
    try:
        clock = datetime.strptime(at or "09:00", "%H:%M").time()  # noqa: DTZ007  of the hall's zone, below
    except ValueError:
        raise Refused("no_such_time", f"没有“{at[:20]}”这个时间，请写成 10:15 这样", status=422) from None
    moment = int(datetime.combine(on, clock, hall.zone_info).timestamp() * 1000)
    if moment > span.last:
        raise Refused("not_yet", f"还没有到这个时刻，回放只到现在：{_words(hall, now.at)}", status=422)
    if moment < span.first:
        raise Refused("no_record", f"这个时刻没有记录，最早的记录从 {_words(hall, span.first)} 开始", status=422)
    return moment


def _words(hall: Hall, at: int) -> str:
    then = local(at, hall.zone_info)
    return f"{then.year}年{then.month}月{then.day}日 {then:%H:%M}"


# ---- how it was


def _shown(connection: Statements, hall_now: Hall, span: Span, at: int) -> dict[str, Any]:
    then = local(at, hall_now.zone_info)
    day, start = f"{then:%Y-%m-%d}", at - then.minute * MINUTE_MS
    hall = skills.as_of(connection, hall_now, at)
    found = past.past(connection, hall, day, start, start + HOUR_MS, at)
    health = devices.health_at(connection, hall.device, found.seq)
    return {
        "day": day,
        "clock": f"{then:%H:%M}",
        "day_words": words.day_words(then.date()),
        "phase": _phase(connection, hall, day, at),
        "areas": _areas(hall, found, health, _numbers(connection, hall, day, at), day),
        "draw": draw,
        "lines": _lines(hall, found, at),
        "waiting": sum(line.waiting for line in found.lines),
        "left_out": _left_out(hall, found),
        "happened": just_before(connection, hall, found.seq, at),
        "last": last_before(connection, hall, found.seq, at),
        "hour": ops_hour.draw(_hour(connection, hall, found, span, at)),
        "steps": [_step(hall, span, at, *each) for each in STEPS],
        "hours": [_step(hall, span, start, id_, by, "") for id_, by in (("hour-before", -60), ("hour-after", 60))],
    }


def _step(hall: Hall, span: Span, at: int, id_: str, minutes: int, words_: str) -> Step:
    there = at + minutes * MINUTE_MS
    if abs(minutes) == 60:
        from_hour = local(there, hall.zone_info).hour
        words_ = f"{from_hour}:00–{from_hour + 1}:00"
    return Step(id_, words_, href(hall, there) if there in span else None)


def _phase(connection: Statements, hall: Hall, day: str, at: int) -> str:
    found = days.day_on(connection, hall, day)
    return "" if found.always else PHASES[found.phase(at)]


def _numbers(connection: Statements, hall: Hall, day: str, at: int) -> tuple[str, str]:
    """Whether numbers were given, as `ops_picture.taken` says it of today."""
    off = days.day_on(connection, hall, day).phase(at) == "off"
    shape, said = taken(days.now_taken(connection, hall, Now(at, day)), off, hall.zone_info)
    return shape, said.replace("今天", "当天")


def _areas(
    hall: Hall, found: past.Past, health: Mapping[str, Health], numbers: tuple[str, str], day: str
) -> list[Area]:
    """Links lead to that day."""
    drawn = areas(hall, found.windows, health, numbers)
    return [area._replace(tiles=tuple(_of_day(each, day) for each in area.tiles)) for area in drawn]


def _of_day(tile: Tile, day: str) -> Tile:
    return tile._replace(href=f"/ops/queue?day={day}#{tile.id}") if tile.id.startswith("window-") else tile


def _lines(hall: Hall, found: past.Past, at: int) -> list[tuple[str, int, Any, str]]:
    """(service, how many, a bar of it, how long the first had waited)"""
    most = max((line.waiting for line in found.lines), default=1)
    return [
        (hall.service[line.service].name, line.waiting, ops_charts.bar(line.waiting / most), lasting(at - line.since))
        for line in found.lines
        if line.service in hall.service
    ]


def _left_out(hall: Hall, found: past.Past) -> list[str]:
    """What today's hall file does not know."""
    gone = sum(line.waiting for line in found.lines if line.service not in hall.service)
    at_gone = {each.window for each in found.tickets.values() if each.state in IN_HAND} - {*hall.window}
    windows = "、".join(f"{no}号" for no in sorted(filter(None, at_gone)))
    return [
        *([f"另有 {gone} 人等候的业务已经不在大厅的配置里"] if gone else []),
        *([f"{windows}窗口当时在办理，已经不在大厅的配置里，没有画出来"] if windows else []),
    ]


# ---- the hour


def _hour(connection: Statements, hall: Hall, found: past.Past, span: Span, at: int) -> ops_hour.Hour:
    then = local(at, hall.zone_info)
    start = at - then.minute * MINUTE_MS
    end = min(start + HOUR_MS, span.last)
    amiss = devices.troubles(
        connection, hall.device, past.seq_at(connection, start), past.seq_at(connection, end), start, end
    )
    troubles = [
        ops_hour.Trouble(hall.device[id_].name, [_minutes(each, start) for each in spans])
        for id_, spans in sorted(amiss.items(), key=lambda each: -sum(it.end - it.start for it in each[1]))
    ]
    moments = {nth: start + nth * MINUTE_MS for nth in range(ops_hour.MINUTES)}
    waiting = {nth: found.crowd[nth] for nth, moment in moments.items() if moment in span}
    return ops_hour.Hour(then.hour, then.minute, waiting, troubles, lambda nth: href(hall, moments[nth]))


def _minutes(each: devices.Span, start: int) -> tuple[float, float, str]:
    return (each.start - start) / MINUTE_MS, (each.end - start) / MINUTE_MS, each.severity
