"""The ticket's own page, for the visitor's phone: where it stands now, in Chinese or English, as large as is liked."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import local
from edge.evaluation import views as evaluations
from edge.evaluation.desk import LEVELS
from edge.guard import needs
from edge.pages.render import page
from edge.parts import parts_of
from edge.queue import board, estimates
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Pair = tuple[str, str]
"""Chinese, English."""
Lang = Annotated[str, Query(description="`en` for English", max_length=8)]
Key = Annotated[str, Query(alias="k", description="from the slip: who holds it may rate", max_length=64)]

STATES: Mapping[str, Pair] = {
    "waiting": ("等候中", "Waiting"),
    "serving": ("正在办理", "Being served"),
    "held": ("已暂时保留，请留意叫号", "Kept for you, please watch for your number"),
    "missed": ("已过号，请到导办台", "Your call has passed, please go to the help desk"),
    "finished": ("已办完", "Finished"),
    "cancelled": ("已取消", "Cancelled"),
    "none": ("没有这个号，请看小票或找导办台", "No such number, please look at your slip or ask at the help desk"),
}
ENDED: Mapping[str | None, Pair] = {
    "rebooked": (
        "今天办不了，已改约到别的时间，请看预约单",
        "Not possible today: another time was booked, see its slip",
    ),
    "noon_cleared": ("上午的号中午作废，请重新取号", "Morning numbers end at noon, please take a new one"),
    "day_closed": ("不是今天的号，请重新取号", "This number is of an earlier day, please take a new one"),
    "not_in_the_hall": (
        "这项业务不在本大厅办理了，请到导办台",
        "No longer served in this hall, please ask at the help desk",
    ),
    None: ("还要办理，请重新取号", "If you still need the service, please take a new number"),
}
"""What to do after a ticket was cancelled, by the `why` of the event."""
NOT_DONE: Mapping[str | None, Pair] = {
    "supplement": ("还缺材料，请看通知书，补齐后再来", "Something is missing: the notice says what, please come again"),
    "rejected": ("已退件，原因请看通知书", "Returned: the notice says why"),
    "rebooked": ("已另约时间，请按预约的时间再来", "Another time was booked, please come then"),
}
"""A visit that has ended with these outcomes is not finished."""


@router.get("/t/{ticket}", dependencies=[needs("anyone")])
def ticket(request: Request, ticket: str, lang: Lang = "zh", size: str = "", key: Key = "") -> Response:
    """`size=large` makes it half as large again."""
    return page(request, "ticket", levels=LEVELS.items(), large=size == "large", **_now(request, ticket, lang, key))


@router.get("/t/{ticket}/now", dependencies=[needs("anyone")])
def now(request: Request, ticket: str, lang: Lang = "zh", key: Key = "") -> Response:
    """What changes on the page."""
    return page(request, "ticket_now", **_now(request, ticket, lang, key))


def _now(request: Request, id_: str, lang: str, key: str) -> dict[str, Any]:
    parts, english = parts_of(request), int(lang == "en")
    at = parts.clock.now().at
    tell = estimates.teller(parts.forecasts.fresh(), at)
    with parts.database.read() as connection:
        try:
            view = board.ticket(connection, parts.hall, id_, parts.hub.able, tell)
        except Refused:
            view = {"state": "none", "number": "—", "service": {"id": ""}}
        rating = evaluations.state_of(connection, id_)
        lines = _lines(view, english) | _end(connection, id_, view["state"], english)
    held = hmac.compare_digest(key.encode(), parts.vault.slip_key(id_).encode())
    return {
        "ticket": id_,
        "key": key,
        "english": english,
        "t": lambda *pair: pair[english],
        "it": view,
        "lines": lines,
        "rates": held and rating == {"state": "invited"},
        "time": f"{local(at, parts.hall.zone_info):%H:%M}",
    }


def _lines(view: Mapping[str, Any], english: int) -> dict[str, str]:
    """The words of the page by the id of their line; what is missing is empty."""
    state, service = view["state"], view["service"]
    lines = {"state": STATES[state][english]} if state in STATES else {}
    if state != "none":
        lines["service"] = (english and service["name_en"]) or service["name"]
    if state == "waiting":
        return lines | _waits(view, english)
    if state in ("called", "serving"):
        here = [each for each in view["windows"] if each["no"] == view["window"]] or [{"no": view["window"]}]
        there = _places(here, english)
        go = f"Please go to {there}" if english else f"请到 {there}"
        return lines | ({"state": go} if state == "called" else {"windows": there.capitalize()})
    return lines


def _waits(view: Mapping[str, Any], english: int) -> dict[str, str]:
    ahead, wait, places = view["ahead"], view["estimate"], _places(view["windows"], english)
    if english:
        return {
            "ahead": f"{ahead} before you",
            "estimate": f"Wait: {wait['words_en']}",
            "windows": f"Served at {places}",
        }
    return {"ahead": f"前面 {ahead} 人", "estimate": f"预计等候：{wait['words']}", "windows": f"办理窗口：{places}"}


def _places(windows: Iterable[Mapping[str, Any]], english: int) -> str:
    """`一楼 1、3 号窗口`, one piece per floor."""
    floors: dict[str, list[str]] = {}
    for each in windows:
        floors.setdefault(each.get("floor", ""), []).append(str(each["no"]))
    if english:
        return "; ".join(f"window {', '.join(nos)}" + (f" ({on})" if on else "") for on, nos in floors.items())
    return "，".join(f"{on} {'、'.join(nos)} 号窗口".strip() for on, nos in floors.items())


WHY_SQL = """
SELECT json_extract(data, '$.why'), json_extract(data, '$.reason') FROM journal
WHERE at=(SELECT ended_at FROM ticket WHERE id=?) AND key=? AND type='ticket.cancelled'
"""


def _end(connection: Statements, id_: str, state: str, english: int) -> dict[str, str]:
    """How it ended if it was not served: why it was cancelled, or what is missing; and what to do now."""
    if state == "finished":
        (outcome,) = connection.exec_driver_sql("SELECT outcome FROM ticket WHERE id=?", (id_,)).one()
        return {"state": NOT_DONE[outcome][english]} if outcome in NOT_DONE else {}
    if state != "cancelled":
        return {}
    why, reason = connection.exec_driver_sql(WHY_SQL, (id_, id_)).first() or (None, None)
    return {"why": reason or "", "windows": ENDED.get(why, ENDED[None])[english]}
