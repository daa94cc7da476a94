"""Numbers on paper, entered afterwards: one at a time, or the whole list as it was written down."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.guard import needs
from edge.pages import desk_form
from edge.pages.desk_form import DESK, press
from edge.pages.desk_handlines import At, read
from edge.pages.forms import Sent, go, sent
from edge.parts import Parts, actor_of, parts_of
from edge.queue import handwritten
from edge.queue.tickets import STATE_WORDS
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = f"{DESK}/hand"
SHOWN = 20


@router.get(HERE, dependencies=[needs("desk", "ops")])
def hand(request: Request, done: str = "", n: str = "", service: str = "") -> Response:
    words = {"entered": f"已补录 {n} 个号，按取号时间排好了", "again": f"刚才已经补录过这 {n} 个号，没有再录一次"}
    said = words.get(done, "") if n.isdigit() else ""
    return _page(request, Sent({"service": service}), done=said)


@router.post(HERE, dependencies=[needs("desk", "ops")])
async def enter(request: Request) -> Response:
    form = await sent(request)
    try:
        parts = parts_of(request)
        prefix, services = parts.hall.queue.hand_prefix, parts.hall.services
        numbers = read(lines_of(form), prefix, services, form["service"], _today(parts))
        command = handwritten.Enter(numbers, actor_of(request, "desk"))
        count, made = await press(request, form, handwritten.enter, command)
    except Refused as refusal:
        return _page(request, form, refusal)
    return go(HERE, done="entered" if made else "again", n=count, service=form["service"])


def lines_of(form: Sent) -> str:
    """The list, or the fields of the one number as a line of it."""
    if form["many"]:
        return form["lines"]
    window = f"{form['window']}号窗口" if form["window"] else ""
    return " ".join([form["number"], form["taken"], window, form["start"], form["end"]])


def _today(parts: Parts) -> At:
    today, zone = date.fromisoformat(parts.clock.now().day), parts.hall.zone_info
    return lambda hour, minute: int(datetime.combine(today, time(hour, minute), zone).timestamp() * 1000)


def _page(request: Request, form: Sent, refusal: Refused | None = None, done: str = "") -> Response:
    parts = parts_of(request)
    with parts.database.read() as connection:
        entered = handwritten.of_today(connection, parts.hall, parts.clock.now())
    prefix, missing = parts.hall.queue.hand_prefix, handwritten.gaps(entered)
    # As the others stand on the paper, with zeros or without.
    last = entered[-1].number.removeprefix(prefix) if entered else "0"
    width = len(last) if last.startswith("0") else 0
    following = int(last) + 1
    return desk_form.page(
        request,
        "desk_hand",
        "hand",
        refusal,
        done=done,
        form=form,
        prefix=prefix,
        units=[(unit, [each for each in parts.hall.services if each.unit == unit.id]) for unit in parts.hall.units],
        entered=entered[-SHOWN:],
        count=len(entered),
        states=[(STATE_WORDS[state], n) for state, n in Counter(each.state for each in entered).items()],  # type: ignore[index]
        gaps=[f"{prefix}{each:0{width}d}" for each in missing[:SHOWN]],
        more_gaps=len(missing) - SHOWN,
        following=f"{prefix}{following:0{width}d}",
        words=STATE_WORDS,
    )
