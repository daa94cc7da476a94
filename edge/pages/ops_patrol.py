"""What a patrol sees, entered on a phone at the window; the last of them, and all of them as a table."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import local
from edge.guard import needs
from edge.inspection import desk
from edge.pages.forms import Sent, go, once, sent, told, write
from edge.pages.ops_tables import span, table
from edge.pages.render import page
from edge.parts import Parts, actor_of, parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/patrol"
LISTED = 50
LONGEST = {"by": 40, "place": 80, "staff": 32, "words": 500, "measure": 500}
KEPT = ("by", "how")
"""What the next observation of the same round begins with."""
HEADS = {
    "序号": "seq",
    "时间": "at",
    "方式": "how",
    "地点": "where",
    "工号": "staff",
    "看到的": "seen",
    "说明": "words",
    "处理": "measure",
    "谁看到的": "by",
    "登记时间": "entered_at",
}


@router.get(HERE, dependencies=[needs("ops")])
def patrol(request: Request, done: str = "") -> Response:
    return _page(request, Sent(dict(request.query_params)), done="已登记，可以接着登记下一条" if done else "")


@router.post(HERE, dependencies=[needs("ops")])
async def observe(request: Request) -> Response:
    form = await sent(request)
    try:
        command = desk.Observe(_observation(parts_of(request), form), actor_of(request, "ops"))
        await write(request, form, desk.observe, command)
    except Refused as refusal:
        return _page(request, form, refusal)
    return go(HERE, done=1, **{name: form[name] for name in KEPT})


def _observation(parts: Parts, form: Sent) -> desk.Observation:
    """Raises Refused (422)."""
    if long := next((name for name, most in LONGEST.items() if len(form[name]) > most), None):
        raise Refused("observation_unfit", "没有保存，有一栏写得太长", long, 422)
    try:
        seen_at = datetime.fromisoformat(form["at"]).replace(tzinfo=parts.hall.zone_info)
    except ValueError as error:
        raise Refused("observation_unfit", "没有保存，请写时间", form["at"], 422) from error
    window = form["window"]
    return desk.Observation(
        round(seen_at.timestamp() * 1000),
        form["how"],  # type: ignore[arg-type]  # `observe` refuses what is none
        form["by"],
        tuple(name for name in desk.WORDS if form[f"seen-{name}"]),
        int(window) if window.isascii() and window.isdigit() else None,
        *(form[name] for name in ("place", "staff", "words", "measure")),
    )


@router.get(f"{HERE}/observations.csv", dependencies=[needs("ops")])
def observations_csv(request: Request, first: str = "", last: str = "") -> Response:
    """From `first` to `last`; without them the last 30 days."""
    parts = parts_of(request)
    rows = _rows(parts, *_span(parts, first, last), -1)
    return table("巡查记录.csv", list(HEADS), ([row[each] for each in HEADS.values()] for row in rows))


def _span(parts: Parts, first: str = "", last: str = "") -> tuple[str, str]:
    return span(date.fromisoformat(parts.clock.now().day), first, last)


def _page(request: Request, form: Sent, refusal: Refused | None = None, done: str = "") -> Response:
    parts = parts_of(request)
    at = f"{local(parts.clock.now().at, parts.hall.zone_info):%Y-%m-%dT%H:%M}"
    first, last = _span(parts)
    return page(
        request,
        "ops_patrol",
        refusal.status if refusal else 200,
        page="ops attendance patrol",
        here="patrol",
        form={"at": at, "how": "patrol"} | dict(form.fields),
        hows=list(desk.HOW.items()),
        fine=(desk.FINE, desk.WORDS[desk.FINE]),
        groups=desk.SEEN,
        rows=_rows(parts, first, last, LISTED),
        first=first,
        last=last,
        refused=told(refusal) if refusal else None,
        done=done,
        once=once(),
    )


def _rows(parts: Parts, first: str, last: str, limit: int) -> list[dict[str, Any]]:
    with parts.database.read() as connection:
        found = desk.written(connection, first, last, limit)
    return [_row(parts, each) for each in found]


def _row(parts: Parts, each: desk.Written) -> dict[str, Any]:
    it, zone = each.observation, parts.hall.zone_info
    window = f"{it.window}号窗口" if it.window is not None else ""
    return {
        "seq": each.seq,
        "at": f"{local(it.at, zone):%Y-%m-%d %H:%M}",
        "how": desk.HOW[it.how],
        "where": " ".join(filter(None, (window, it.place))),
        "staff": it.staff,
        "seen": "、".join(desk.WORDS.get(id_, id_) for id_ in it.seen),
        "words": it.words,
        "measure": it.measure,
        "by": it.by,
        "entered_at": f"{local(each.entered_at, zone):%Y-%m-%d %H:%M}",
    }
