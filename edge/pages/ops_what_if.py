"""「如果多开一个窗口」: what one more window would change today, for programs and as a page without script."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from edge.clock import Now
from edge.guard import needs
from edge.hall import Hall
from edge.hallday import HallDay
from edge.pages.render import page
from edge.parts import Parts, parts_of
from edge.queue import today, what_if
from edge.queue.demand import SLOT_S
from edge.queue.what_if import Answer, Question, Waits
from edge.refusal import Refused
from edge.timetable.days import day_on

router = APIRouter()
ONE_AT_A_TIME = threading.Lock()
"""An answer is a second of work in a thread; several at once would only slow the hall down."""
AHEAD_MS = 4 * 3_600_000
"""How far a hall that never closes is looked at."""
HHMM = r"^([01]\d|2[0-3]):[0-5]\d$"
View = dict[str, Any]


class WhatIf(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Annotated[Literal["extra_window"], Field(description="what would be different")] = "extra_window"
    services: Annotated[
        tuple[str, ...], Field(description="ids of what the window would serve", min_length=1, max_length=64)
    ]
    start: Annotated[str, Field(alias="from", description="today, past or to come", examples=["10:00"], pattern=HHMM)]
    end: Annotated[str | None, Field(alias="to", description="without: until closing", pattern=HHMM)] = None


@dataclass(frozen=True, slots=True)
class Told:
    question: Question
    names: tuple[str, ...]
    found: Answer
    day: today.Today
    words: str


@router.post("/api/v1/what-if", dependencies=[needs("ops")], tags=["queue"])
def ask(request: Request, body: WhatIf) -> View:
    """Waits with and without one more window, in minutes, of those who were not called before it opened.

    A time to come is answered from how the hall stands now, a time that has passed from today's own record; the rest of
    the day is drawn from earlier days of this weekday, or today's rate. 404 and 422 say what cannot be asked.
    """
    parts = parts_of(request)
    told = answer(parts, parts.clock.now(), body)
    return {
        "words": told.words,
        "looks": told.day.looks,
        "based_on": based_on(told),
        "asked": _pair(*told.found.asked),
        "services": [{"id": id_, **_pair(*found)} for id_, found in told.found.services.items()],
        "line": [
            {"at": what_if.hhmm(each.at_s), "before": each.before, "after": each.after} for each in told.found.line
        ],
        "runs": told.found.runs,
    }


def _pair(before: Waits, after: Waits) -> View:
    return {"before": asdict(before), "after": asdict(after)}


def answer(parts: Parts, now: Now, body: WhatIf) -> Told:
    """Raises Refused."""
    hall = parts.hall
    chosen = [_service(hall, each) for each in dict.fromkeys(body.services)]
    lines = tuple(dict.fromkeys(line for each in chosen for line in (each.line, *each.steps)))
    question = Question(lines, _seconds(body.start), _seconds(body.end) if body.end else None)
    midnight = today.midnight_of(hall, now)
    start = midnight + int(question.start_s * 1000)
    with ONE_AT_A_TIME, parts.database.read() as connection:
        openings = _openings(day_on(connection, hall, now.day), max(now.at, start))
        _check(question, (openings[-1][1] - midnight) / 1000 if openings else None)
        day = today.read(connection, hall, now, openings, start)
        found = what_if.answer(day.known, question, lambda: time.sleep(0))
    names = tuple(each.name for each in chosen)
    return Told(question, names, found, day, what_if.words(names, question, found.asked))


def _service(hall: Hall, id_: str) -> Any:
    if id_ not in hall.service:
        raise Refused("no_such_service", "没有这项业务", f"service {id_!r}", 404)
    return hall.service[id_]


def _seconds(hhmm: str) -> float:
    hour, minute = map(int, hhmm.split(":"))
    return hour * 3600.0 + minute * 60


def _openings(day: HallDay, latest: int) -> list[tuple[int, int]]:
    if day.always:
        whole = day.openings[0]
        return [(whole.start, min(whole.end, latest + AHEAD_MS))]
    return [(each.start, each.end) for each in day.openings]


def _check(question: Question, closes_s: float | None) -> None:
    """Raises Refused (422)."""
    if closes_s is None:
        raise Refused("day_off", "今天大厅不办公", "no opening today", 422)
    if question.start_s >= closes_s:
        raise Refused("after_closing", f"大厅{what_if.hhmm(closes_s)}停止服务，请选更早的时间", status=422)
    if question.end_s is not None and question.end_s <= question.start_s:
        raise Refused("no_time", "结束时间要晚于开始时间", status=422)


def based_on(told: Told) -> str:
    """What the answer rests on, in words."""
    day = told.day
    pace = f"前{day.weeks}个{day.weekday}的取号" if day.weeks else "今天到现在的取号速度"
    rest = f"之后来的人照{pace}估计" if day.known.coming else "之后没有人要来"
    if day.looks == "ahead":
        there = f"现有{day.windows}个窗口开到下班" if day.windows else "现在没有窗口开着"
        return f"从现在的等候算起，{there}；{rest}"
    waited = f"（今天实际平均等候{day.mean_min:.0f}分钟）" if day.mean_min is not None else ""
    return f"照今天的取号、叫号和办理时间重演{waited}；{rest}"


# ---- the page


class Chart(NamedTuple):
    """Where things stand in the picture, of 960 by 320."""

    before: str
    after: str
    hours: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, int], ...]
    opens: float


LEFT, RIGHT, TOP, BOTTOM = 48.0, 944.0, 16.0, 288.0


@router.get("/ops/what-if", dependencies=[needs("ops")], include_in_schema=False, response_class=HTMLResponse)
def shown(
    request: Request,
    service: Annotated[list[str] | None, Query()] = None,
    start: Annotated[str, Query(alias="from")] = "",
    end: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """The question, and below it the answer once a service and a time are chosen."""
    parts, chosen = parts_of(request), tuple(service or ())
    now, told, refused = parts.clock.now(), None, None
    if chosen:
        try:
            told = answer(parts, now, WhatIf.model_validate({"services": chosen, "from": start, "to": end or None}))
        except Refused as error:
            refused = {"title": error.title}
        except ValueError:
            refused = {"title": "请写时间，如 10:00"}
    half = (now.at - today.midnight_of(parts.hall, now)) // 1000 // SLOT_S * SLOT_S
    return page(
        request,
        "ops_what_if",
        page="attendance ops what-if",
        here="what-if",
        chosen=chosen,
        start=start or what_if.hhmm(half),
        end=end,
        told=told,
        refused=refused,
        based_on=based_on(told) if told else "",
        rows=_rows(parts.hall, told) if told else (),
        chart=draw(told) if told and told.found.line else None,
    )


def _rows(hall: Hall, told: Told) -> list[tuple[str, Waits, Waits]]:
    """The asked services first."""
    ids = sorted(told.found.services, key=lambda each: each not in told.question.skills)
    return [(hall.service[each].name, *told.found.services[each]) for each in ids]


def draw(told: Told) -> Chart:
    line = told.found.line
    first, last = line[0].at_s, line[-1].at_s
    top = max(1, *(max(each.before, each.after) for each in line))
    step = max(1, round(top / 4))

    def x(at_s: float) -> float:
        return round(LEFT + (at_s - first) / ((last - first) or 1) * (RIGHT - LEFT), 1)

    def y(count: float) -> float:
        return round(BOTTOM - count / top * (BOTTOM - TOP), 1)

    hours = range(int(first // 3600) + 1, int(last // 3600) + 1)
    return Chart(
        " ".join(f"{x(each.at_s)},{y(each.before)}" for each in line),
        " ".join(f"{x(each.at_s)},{y(each.after)}" for each in line),
        tuple((x(hour * 3600), f"{hour}:00") for hour in hours),
        tuple((y(count), count) for count in range(0, int(top) + 1, step)),
        x(told.question.start_s),
    )
