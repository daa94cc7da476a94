"""Bookings at the help desk, for whoever calls or stands there: made, shown large, redeemed, moved, cancelled."""

from __future__ import annotations

import re
import secrets
from datetime import date, timedelta
from typing import Any, NamedTuple

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from edge.bookings import astray, slip
from edge.bookings.bodies import NewTime
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
from edge.queue import appointments, board, bodies, slots, vacancies
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = f"{DESK}/bookings"
DONE = {
    "booked": "已预约，请把预约号告诉群众",
    "again": "刚才已经预约过，没有再约新的",
    "moved": "已改约，预约号不变，请把新的时间告诉群众",
    "cancelled": "预约已取消",
    "slip": "打印凭证：{paper}",
}
CHANNELS = {"online": "网上", "phone": "电话", "onsite": "现场"}
DAYS = 7
"""So many days with vacancies are offered to whoever moves."""


@router.get(HERE, dependencies=[needs("desk", "ops")])
def new(request: Request) -> Response:
    return _form(request, Sent(dict(request.query_params)))


@router.post(HERE, dependencies=[needs("desk", "ops")])
async def book(request: Request) -> Response:
    """Books; or only looks which times of the chosen day are free, with what was typed kept."""
    form = await sent(request)
    if form["act"] == "look":
        unchosen = Refused("form_unfit", "请先选业务和日期", status=422)
        return _form(request, form, None if form["service"] and form["day"] else unchosen)
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
        strayed = astray.to_rebook(connection, parts.hall, now)
    usual = {"day": now.day, "channel": "phone"}
    return desk_form.page(
        request,
        "desk_book",
        "bookings",
        refusal,
        form=usual | dict(form.fields),
        today=now.day,
        free=free,
        astray=[each | {"by": CHANNELS[each["channel"]]} for each in strayed],
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
def one(request: Request, booking: str, done: str = "", at: str = "") -> Response:
    return _page(request, booking, done=DONE.get(done, ""), at=at)


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


@router.post(f"{HERE}/{{booking}}/move", dependencies=[needs("desk", "ops")])
async def move(request: Request, booking: str) -> Response:
    form = await sent(request)
    try:
        await press(request, form, appointments.move, _moved(request, booking, form))
    except Refused as refusal:
        return _page(request, booking, refusal, moving=form)
    return go(f"{HERE}/{booking}", done="moved")


def _moved(request: Request, booking: str, form: Sent) -> appointments.Move:
    """Raises Refused (422) where a field is not as it should be."""
    said = dict(zip(("day", "from", "to"), form["slot"].split(), strict=False))
    try:
        it = NewTime.model_validate(said | {"reason": form["reason"]})
    except ValidationError as error:
        title = "没有改约，请选时间；原因 60 字以内，不要写电话和证件号"
        raise Refused("form_unfit", title, form["slot"], 422) from error
    limit: vacancies.Limit = "hours" if form["beyond"] else "quota"
    actor = actor_of(request, "desk")
    return appointments.Move(booking, it.day.isoformat(), it.starts, it.ends, it.reason, actor, limit)


@router.post(f"{HERE}/{{booking}}/print", dependencies=[needs("desk", "ops")])
async def print_slip(request: Request, booking: str) -> Response:
    """Its slip, with the time of now: for whoever was booked or moved here, or lost theirs."""
    form, parts = await sent(request), parts_of(request)
    try:
        kiosk = chosen(request, form) or ""
        printer = slip.printer_of(parts.hall, parts.slips, kiosk)
        if printer is None:
            raise Refused("no_printer", "那里没有打印机，请另选一处打印", kiosk, 404)
        wanted = slip.Printed(booking, printer, actor_of(request, "desk"))
        await press(request, form, slip.print_with(parts.slips), wanted)
    except Refused as refusal:
        return _page(request, booking, refusal)
    return desk_form.remember(go(f"{HERE}/{booking}", done="slip", at=kiosk), kiosk)


class Day(NamedTuple):
    words: str
    slots: list[tuple[str, str, int]]
    """Its value in the form, its time, and how many places are left."""


def _days(connection: Statements, hall: Hall, now: Now, service: str) -> list[Day]:
    """Those on which a booking of this service could be moved, full slots too. Staff may go beyond `days_ahead`."""
    if service not in hall.service:
        return []
    found, vacant, today = list[Day](), 0, date.fromisoformat(now.day)
    for on in (today + timedelta(days=nth) for nth in range(vacancies.LONGEST)):
        free = vacancies.free(connection, hall, now, hall.service[service], on)
        if free:
            found.append(Day(slip.day_words(on), [_slot(hall, on, each) for each in free]))
        vacant += any(each.left for each in free)
        if vacant == DAYS:
            break
    return found


def _slot(hall: Hall, on: date, it: slots.Free) -> tuple[str, str, int]:
    starts, ends = (slots.hhmm(at, on, hall.zone_info) for at in it.slot)
    return f"{on} {starts} {ends}", f"{starts}–{ends}", it.left


KEPT_SQL = "SELECT code, phone_mark IS NOT NULL FROM appointment WHERE id=?"


def _page(
    request: Request,
    booking: str,
    refusal: Refused | None = None,
    *,
    done: str = "",
    at: str = "",
    moving: Sent | None = None,
) -> Response:
    """`moving`: what was typed to move it, and refused. `at`: where its slip is printed."""
    parts, printing, now = parts_of(request), desk_form.places(request), parts_of(request).clock.now()
    with parts.database.read() as connection:
        try:
            view: dict[str, Any] = board.appointment(connection, parts.hall, booking)
        except Refused:
            return missing(request, "这个预约")
        code, phone = connection.exec_driver_sql(KEPT_SQL, (booking,)).one()
        booked = view["state"] == "booked"
        days_ahead = _days(connection, parts.hall, now, view["service"]) if booked else []
        strayed = next((it for it in astray.to_rebook(connection, parts.hall, now) if it["id"] == booking), None)
    service = parts.hall.service.get(view["service"])
    with_paper = [each for each in printing if slip.printer_of(parts.hall, parts.slips, each.id)]
    return desk_form.page(
        request,
        "desk_booking",
        "bookings",
        refusal,
        done=done.format(paper=desk_form.paper_words(request, at, view["number"])),
        booking=view,
        today=now.day == view["day"],
        days=days_ahead,
        astray=strayed,
        moving=moving,
        phone=bool(phone),
        materials=service.materials if service else (),
        picture=segno.make(code, error="m", micro=False).svg_inline(omitsize=True, light="#fff") if booked else "",
        places=printing,
        with_paper=with_paper,
        at=desk_form.usual(request, printing),
        slots=vacancies.quota(parts.hall, service) if service else 0,
    )
