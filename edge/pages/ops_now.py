"""Ops now: what is wrong first and what to press about it, the hall as a picture, and what the service stands on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import Now, local
from edge.database import Session
from edge.devices import binding, testing
from edge.guard import needs
from edge.hall import Hall
from edge.pages.forms import Sent, go, sent, told, write
from edge.pages.ops_machine import rows
from edge.pages.ops_picture import areas, draw, taken
from edge.pages.ops_problems import LINES, lines
from edge.pages.ops_shapes import lasting, sign
from edge.pages.render import page
from edge.parts import Parts, actor_of, parts_of
from edge.queue import board
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days
from edge.windows import alerts
from edge.windows.load_watch import WAITING_SQL

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops"
CENTRAL = {
    "ok": ("ok", "正常"),
    "away": ("warn", "联系不上"),
    "refused": ("bad", "对方拒收"),
    "off": ("none", "没有配置"),
}
DONE = {
    "acknowledged": "已登记：有人去处理",
    "closed": "已登记处理结果",
    "retried": "已重发",
    "bound": "已绑定，正在连接",
    "tested": "已发出测试，请看设备",
}
Command = Any


@router.get(HERE, dependencies=[needs("ops")])
def ops(request: Request, done: str = "") -> Response:
    return _page(request, "ops", done=DONE.get(done, ""))


@router.get(f"{HERE}/now", dependencies=[needs("ops")])
def now(request: Request) -> Response:
    """What changes on the page, to be put in the place of what stands there."""
    return _page(request, "ops_now")


# ---- what is pressed


@router.post(f"{HERE}/alerts/{{alert}}/acknowledge", dependencies=[needs("ops")])
async def acknowledge(request: Request, alert: str) -> Response:
    def command(form: Sent) -> Command:
        return alerts.Acknowledge(alert, _name(form), actor_of(request, "ops"))

    return await _press(request, alerts.acknowledge, command, "acknowledged")


@router.post(f"{HERE}/alerts/{{alert}}/close", dependencies=[needs("ops")])
async def close(request: Request, alert: str) -> Response:
    def command(form: Sent) -> Command:
        if not form["done"]:
            raise Refused("form_unfit", "没有保存，请写怎样处理的", status=422)
        return alerts.Close(alert, _name(form), form["done"][:500], actor_of(request, "ops"))

    return await _press(request, alerts.close, command, "closed")


@router.post(f"{HERE}/devices/{{device}}/test", dependencies=[needs("ops")])
async def test(request: Request, device: str) -> Response:
    def command(form: Sent) -> Command:
        kind, address = form["kind"], form["address"]
        fits = kind in ("page", "text", "beep", "say") and address.isascii() and address.isdigit()
        if not fits:
            raise Refused("no_such_test", "这台设备没有这个测试", f"{kind!r} at {address!r}", 422)
        return testing.Try(device, kind, int(address), actor_of(request, "ops"))  # type: ignore[arg-type]

    return await _press(request, testing.try_out, command, "tested")


@router.post(f"{HERE}/found", dependencies=[needs("ops")])
async def bind(request: Request) -> Response:
    """A printer that the network told of is this device."""

    def command(form: Sent) -> Command:
        return binding.Bind(form["device"], form["link"], actor_of(request, "ops"))

    return await _press(request, binding.bind, command, "bound")


@router.post(f"{HERE}/outbox/{{seq}}/retry", dependencies=[needs("ops")])
async def retry(request: Request, seq: int) -> Response:
    await sent(request)
    try:
        await parts_of(request).relay.retry(seq)
    except Refused as refusal:
        return _page(request, "ops", refusal)
    return go(HERE, done="retried")


def _name(form: Sent) -> str:
    """Raises Refused (422)."""
    if not form["by"]:
        raise Refused("form_unfit", "没有保存，请写谁去处理", status=422)
    return form["by"][:40]


async def _press(
    request: Request,
    use_case: Callable[[Session, Hall, Now, Command], object],
    command: Callable[[Sent], Command],
    done: str,
) -> Response:
    """`back` of the form is the page of ours to which it returns."""
    form = await sent(request)
    try:
        await write(request, form, use_case, command(form))
    except Refused as refusal:
        return _page(request, "ops", refusal)
    back = form["back"] if form["back"].startswith(f"{HERE}/devices/") else HERE
    return go(back, done=done)


# ---- the page


def _page(request: Request, name: str, refusal: Refused | None = None, done: str = "") -> Response:
    parts = parts_of(request)
    at, seq = parts.clock.now(), parts.journal.last
    with parts.database.read() as connection:
        views = board.windows(connection, parts.hall)
        machine = rows(parts, connection, at)
        found = lines(parts, connection, at)
        waiting = _waiting(connection, parts.hall)
        numbers = _numbers(connection, parts.hall, at)
        links = list(binding.links(connection, parts.hall).values())
    unheard = sum(parts.hub.health[each.id].severity() == "none" for each in parts.hall.devices)
    return page(
        request,
        name,
        refusal.status if refusal else 200,
        page="ops attendance",
        here="now",
        seq=seq,
        at=local(at.at, parts.hall.zone_info),
        problems=found[:LINES],
        rest=found[LINES:],
        devices=len(parts.hall.devices),
        unheard=unheard,
        areas=areas(parts.hall, views, parts.hub.health, numbers),
        draw=draw,
        sign=sign,
        machine=machine,
        waiting=waiting,
        outbox=_outbox(parts, at),
        found=[asdict(each) | {"link": each.link} for each in parts.discovery.unbound(links)],
        printers=[each for each in parts.hall.devices if each.driver == "escpos"],
        refused=told(refusal) if refusal else None,
        done=done,
    )


def _numbers(connection: Statements, hall: Hall, now: Now) -> tuple[str, str]:
    off = days.day_on(connection, hall, now.day).phase(now.at) == "off"
    return taken(days.now_taken(connection, hall, now), off, hall.zone_info)


def _waiting(connection: Statements, hall: Hall) -> list[tuple[str, int]]:
    """Who waits for what, the most first."""
    counts: Counter[str] = Counter()
    for service, _, people in connection.exec_driver_sql(WAITING_SQL):
        counts[service] += people
    return [(hall.service[each].name, count) for each, count in counts.most_common() if each in hall.service]


def _outbox(parts: Parts, at: Now) -> dict[str, Any]:
    status = parts.relay.status()
    severity, word = CENTRAL.get(status["state"], ("none", "没有消息"))
    since = ""
    if status["since"]:
        oldest = datetime.fromisoformat(status["since"])
        since = f"{oldest:%H:%M}（{lasting(at.at - int(oldest.timestamp() * 1000))}前）"
    return status | {"severity": severity, "word": word, "oldest": since or "—"}
