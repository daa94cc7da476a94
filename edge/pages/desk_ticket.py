"""One ticket at the help desk: where it stands, and every act that is legal for it now, each a form of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from edge.guard import needs
from edge.hall import PriorityReason
from edge.messages import desk as messages
from edge.pages import desk_form, desk_words
from edge.pages.desk_form import DESK, chosen, helper_of, helpers, press
from edge.pages.forms import Sent, go, sent
from edge.pages.render import missing
from edge.parts import actor_of, parts_of
from edge.queue import arrivals, board, bodies, changing, desk, estimates, prints
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Act:
    use_case: Callable[..., object]
    command: Callable[[Request, str, Sent], Any]
    done: str
    """What is said then, of `{number}`."""


def _move(name: str) -> Callable[[Request, str, Sent], desk.Move]:
    return lambda request, ticket, _form: desk.Move(name, ticket, None, actor_of(request, "desk"))


def _reprint(request: Request, ticket: str, form: Sent) -> prints.Reprint:
    return prints.Reprint(ticket, actor_of(request, "desk"), chosen(request, form) or "")


def _change(request: Request, ticket: str, form: Sent) -> changing.Change:
    return changing.Change(ticket, form["service"], actor_of(request, "desk"))


def _urgent(request: Request, ticket: str, form: Sent) -> arrivals.Urge:
    try:
        reason = bodies.Why(reason=form["reason"]).reason
    except ValidationError as error:
        title = "没有加急，请写明原因，60 字以内，不要写电话和证件号"
        raise Refused("reason_unfit", title, status=422) from error
    return arrivals.Urge(ticket, reason, actor_of(request, "desk"))


def _priority(request: Request, ticket: str, form: Sent) -> changing.Declare:
    if form["priority"] not in get_args(PriorityReason):
        raise Refused("not_offered", "没有改动，请选哪一项优先", form["priority"], 422)
    return changing.Declare(ticket, form["priority"], actor_of(request, "desk"))  # type: ignore[arg-type]


def _sms(request: Request, ticket: str, form: Sent) -> messages.OptIn:
    return messages.with_phone(parts_of(request).vault, ticket, form["phone"], actor_of(request, "desk"))


def _sms_off(request: Request, ticket: str, _form: Sent) -> messages.OptOut:
    return messages.OptOut(ticket, actor_of(request, "desk"))


def _assist(request: Request, ticket: str, form: Sent) -> changing.Assist:
    parts = parts_of(request)
    with parts.database.read() as connection:
        helper = helper_of(form, helpers(parts, connection))
    return changing.Assist(ticket, helper, actor_of(request, "desk"))


ACTS: Mapping[str, Act] = {
    "reprint": Act(prints.reprint, _reprint, "已补打 {number}，{paper}"),
    "change": Act(changing.change, _change, "已改办，号码不变，还是 {number}，位置按取号时间排"),
    "return": Act(desk.make_move, _move("return"), "{number} 已恢复排队"),
    "cancel": Act(desk.make_move, _move("cancel"), "{number} 已取消"),
    "urgent": Act(arrivals.urge, _urgent, "{number} 已加急，原因已记录"),
    "priority": Act(changing.declare, _priority, "{number} 已优先，原因已记录"),
    "sms": Act(messages.opt_in, _sms, "{number} 快到时会发短信"),
    "sms-off": Act(messages.opt_out, _sms_off, "{number} 不再发短信，手机号已删除"),
    "assist": Act(changing.assist, _assist, "{number} 已登记帮办代办"),
}
DONE: Mapping[str, str] = {name: act.done for name, act in ACTS.items()} | {
    "issued": "已取号 {number}，{paper}",
    "again": "{number} 刚才已经取过，没有再取新的；再取请回到首页",
    "checked_in": "预约已签到，号码是 {number}，{paper}",
}


@router.get(f"{DESK}/tickets/{{ticket}}", dependencies=[needs("desk", "ops")])
def one(request: Request, ticket: str, done: str = "", at: str = "") -> Response:
    return _page(request, ticket, done=done, at=at)


@router.post(f"{DESK}/tickets/{{ticket}}/{{act}}", dependencies=[needs("desk", "ops")])
async def do(request: Request, ticket: str, act: str) -> Response:
    wanted = ACTS.get(act)
    if wanted is None:
        return missing(request, act)
    form = await sent(request)
    try:
        await press(request, form, wanted.use_case, wanted.command(request, ticket, form))
    except Refused as refusal:
        return _page(request, ticket, form, refusal, act)
    at = form["kiosk"]
    return desk_form.remember(go(f"{DESK}/tickets/{ticket}", done=act, **({"at": at} if at else {})), at)


def _page(
    request: Request, ticket: str, form: Sent | None = None, refusal: Refused | None = None, act: str = "", **said: str
) -> Response:
    """`act`: the one that was refused; its form stands open and holds what was typed."""
    parts, printing = parts_of(request), desk_form.places(request)
    hall, now = parts.hall, parts.clock.now()
    tell = estimates.teller(parts.forecasts.fresh(), now.at)
    with parts.database.read() as connection:
        try:
            view = board.ticket(connection, hall, ticket, parts.hub.able, tell)
        except Refused as gone:
            return missing(request, gone.title)
        facts = desk_words.facts(connection, ticket)
        since = int(datetime.fromisoformat(view["taken_at"]).timestamp() * 1000)
        happened = desk_words.history(connection, hall, ticket, since)
        staff = helpers(parts, connection)
    head, lines = desk_words.standing(hall, view, facts)
    paper = desk_form.paper_words(request, said.get("at", ""), view["number"])
    return desk_form.page(
        request,
        "desk_ticket",
        "home",
        refusal,
        done=DONE.get(said.get("done", ""), "").format(number=view["number"], paper=paper),
        ticket=view,
        facts=facts,
        head=head,
        head_en=desk_words.ENGLISH[view["state"]],
        lines=lines,
        about=desk_words.about(hall, view, facts),
        happened=happened,
        may=desk_words.legal(hall, now, view, facts) - ({"reprint"} if not printing else set()),
        act=act,
        typed=form or Sent({}),
        today=now.day,
        places=printing,
        at=desk_form.usual(request, printing),
        reasons=desk_form.reasons(hall),
        staff=staff,
        units=[(unit, [each for each in hall.services if each.unit == unit.id]) for unit in hall.units],
    )
