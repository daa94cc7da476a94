"""Bookings at the help desk, for whoever calls or stands there: made, shown large, redeemed for a number, cancelled."""

from __future__ import annotations

import re
import secrets
from datetime import date
from typing import Any

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import Now
from edge.database import Session
from edge.guard import needs
from edge.hall import Hall
from edge.messages.texts import mobile
from edge.pages import desk_form
from edge.pages.desk_form import DESK, chosen, press
from edge.pages.forms import Sent, go, sent
from edge.pages.render import missing
from edge.parts import actor_of, parts_of
from edge.queue import appointments, board, bodies, vacancies
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = f"{DESK}/bookings"
DONE = {"booked": "已预约，请把预约号告诉群众", "cancelled": "预约已取消", "again": "刚才已经预约过，没有再约新的"}


@router.get(HERE, dependencies=[needs("desk", "ops")])
def new(request: Request) -> Response:
    return _form(request, Sent(dict(request.query_params)))


@router.post(HERE, dependencies=[needs("desk", "ops")])
async def book(request: Request) -> Response:
    form = await sent(request)
    try:
        booking, made = await press(request, form, appointments.book, _wanted(request, form))
    except Refused as refusal:
        return _form(request, form, refusal)
    return go(f"{HERE}/{booking}", done="booked" if made else "again")


def _wanted(request: Request, form: Sent) -> appointments.Book:
    """Raises Refused (422) where a field is not as it should be."""
    day, starts, ends = _time(form)
    vault, tail = parts_of(request).vault, mobile(form["phone"])[-4:] if form["phone"] else None
    mark = (lambda number: appointments.phone_mark(vault, day, number, tail)) if tail else None
    channel: appointments.Channel = "phone" if form["channel"] == "phone" else "onsite"
    actor, code = actor_of(request, "desk"), secrets.token_urlsafe(16)
    limit: vacancies.Limit = "hours" if form["beyond"] else "quota"
    return appointments.Book(form["service"], day, starts, ends, channel, actor, code, phone_mark=mark, limit=limit)


def _time(form: Sent) -> tuple[str, str, str]:
    starts, ends = form["from"], form["to"]
    try:
        day = date.fromisoformat(form["day"]).isoformat()
    except ValueError as error:
        raise Refused("form_unfit", "没有预约，请选日期", form["day"], 422) from error
    if not (re.fullmatch(bodies.HHMM, starts) and re.fullmatch(bodies.ENDS, ends)) or starts >= ends:
        raise Refused("form_unfit", "没有预约，请选时间，“到”要比“从”晚", f"{starts} {ends}", 422)
    return day, starts, ends


def _form(request: Request, form: Sent, refusal: Refused | None = None) -> Response:
    parts = parts_of(request)
    now = parts.clock.now()
    with parts.database.read() as connection:
        today = days.view(connection, parts.hall, now)
        free = _free(connection, parts.hall, now, form)
    usual = {"day": now.day, "channel": "phone"}
    return desk_form.page(
        request,
        "desk_book",
        "bookings",
        refusal,
        form=usual | dict(form.fields),
        today=now.day,
        free=free,
        openings=[] if today["always"] else [(each["from"][11:16], each["to"][11:16]) for each in today["openings"]],
        units=[(unit, [each for each in parts.hall.services if each.unit == unit.id]) for unit in parts.hall.units],
    )


def _free(connection: Statements, hall: Hall, now: Now, form: Sent) -> list[dict[str, Any]] | None:
    """The slots of the service and day in the form, full ones too; None while one of the two is not chosen."""
    try:
        found = vacancies.days_view(connection, hall, now, form["service"], date.fromisoformat(form["day"]), 1)
    except (ValueError, Refused):
        return None
    return [each for day in found["days"] for each in day["slots"]]


# ---- one booking


@router.get(f"{HERE}/{{booking}}", dependencies=[needs("desk", "ops")])
def one(request: Request, booking: str, done: str = "") -> Response:
    return _page(request, booking, done=DONE.get(done, ""))


@router.post(f"{HERE}/{{booking}}/check-in", dependencies=[needs("desk", "ops")])
async def check_in(request: Request, booking: str) -> Response:
    form = await sent(request)
    try:
        kiosk = chosen(request, form)
        command = appointments.CheckIn(booking, "desk", kiosk, actor_of(request, "desk"))
        ticket, _ = await press(request, form, _redeem, command)
    except Refused as refusal:
        return _page(request, booking, refusal)
    return desk_form.remember(go(f"{DESK}/tickets/{ticket}", done="checked_in", at=kiosk or ""), kiosk or "")


def _redeem(session: Session, hall: Hall, now: Now, command: appointments.CheckIn) -> str:
    return appointments.check_in(session, hall, now, command).ticket


@router.post(f"{HERE}/{{booking}}/cancel", dependencies=[needs("desk", "ops")])
async def cancel(request: Request, booking: str) -> Response:
    form = await sent(request)
    try:
        await press(request, form, appointments.cancel, appointments.Cancel(booking, actor_of(request, "desk")))
    except Refused as refusal:
        return _page(request, booking, refusal)
    return go(f"{HERE}/{booking}", done="cancelled")


KEPT_SQL = "SELECT code, phone_mark IS NOT NULL FROM appointment WHERE id=?"


def _page(request: Request, booking: str, refusal: Refused | None = None, done: str = "") -> Response:
    parts, printing = parts_of(request), desk_form.places(request)
    with parts.database.read() as connection:
        try:
            view: dict[str, Any] = board.appointment(connection, parts.hall, booking)
        except Refused:
            return missing(request, "这个预约")
        code, phone = connection.exec_driver_sql(KEPT_SQL, (booking,)).one()
    booked, service = view["state"] == "booked", parts.hall.service.get(view["service"])
    return desk_form.page(
        request,
        "desk_booking",
        "bookings",
        refusal,
        done=done,
        booking=view,
        today=parts.clock.now().day == view["day"],
        phone=bool(phone),
        materials=service.materials if service else (),
        picture=segno.make(code, error="m", micro=False).svg_inline(omitsize=True, light="#fff") if booked else "",
        places=printing,
        at=desk_form.usual(request, printing),
    )
