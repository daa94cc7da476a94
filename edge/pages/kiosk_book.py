"""Booking at a kiosk (现场预约): service, day, slot, the phone's last digits or an ID card; one choice on each page."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from edge.bookings import slip
from edge.clock import Now
from edge.database import Session
from edge.devices.cards import Reading
from edge.guard import needs
from edge.hall import Hall, Kiosk
from edge.pages.desk_form import can_print
from edge.pages.forms import Sent, go, once, sent, write
from edge.pages.render import missing, page
from edge.parts import actor_of, parts_of
from edge.queue import appointments, board, bodies, vacancies
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/kiosk/{kiosk_id}/book"
SHOWN_MS = 90_000
"""After so long the next visitor may stand there: a booking that was made is shown no more."""
TAIL = 4
CARD_S = 20.0
"""How long a card is waited for. Then the digits of a phone are asked for again."""


@router.get(HERE, dependencies=[needs("kiosk")])
def choose(request: Request, kiosk_id: str) -> Response:
    """The first thing that is not chosen yet, of what the query says."""
    return _page(request, kiosk_id, Sent(dict(request.query_params)))


@router.post(HERE, dependencies=[needs("kiosk")])
async def book(request: Request, kiosk_id: str) -> Response:
    """A digit of the phone's end, or all of it or a card, and the booking."""
    form, parts = await sent(request), parts_of(request)
    named = form["card"] or re.fullmatch(rf"[0-9]{{{TAIL}}}", form["tail"])
    if kiosk_id not in parts.hall.kiosk or form["act"] != "book" or not named:
        return _page(request, kiosk_id, form)
    try:
        booking = await write(request, form, _reserve(request, kiosk_id), _wanted(request, kiosk_id, form))
    except Refused as refusal:
        keeps = ("service",) if refusal.code == "booked_already" else ("service", "day")
        kept = {key: value for key, value in form.fields.items() if key in keeps}
        return _page(request, kiosk_id, Sent(kept), refusal)
    return go(f"/kiosk/{kiosk_id}/book/{booking}")


def _wanted(request: Request, kiosk_id: str, form: Sent) -> appointments.Book:
    """Raises Refused: 422, and 409 where the card is kept no longer."""
    try:
        day = date.fromisoformat(form["day"]).isoformat()
    except ValueError as error:
        raise Refused("form_unfit", "请重新选日期", form["day"], 422) from error
    if not all(re.fullmatch(pattern, form[name]) for pattern, name in ((bodies.HHMM, "from"), (bodies.ENDS, "to"))):
        raise Refused("form_unfit", "请重新选时间", f"{form['from']} {form['to']}", 422)
    parts, tail, actor = parts_of(request), form["tail"], actor_of(request, f"kiosk:{kiosk_id}")
    whose = parts.cards.find(form["card"], kiosk_id).person.mark if form["card"] else None
    phone = (lambda number: appointments.phone_mark(parts.vault, day, number, tail)) if whose is None else None
    when, code = (day, form["from"], form["to"]), secrets.token_urlsafe(16)
    return appointments.Book(form["service"], *when, "onsite", actor, code, whose, phone, limit="offered")


def _reserve(request: Request, kiosk_id: str) -> Any:
    reserve = slip.reserve_with(parts_of(request).slips, kiosk_id)

    def run(session: Session, hall: Hall, now: Now, command: appointments.Book) -> str:
        booked = reserve(session, hall, now, command)
        if booked.existing:
            it = appointments.appointment(session.connection, booked.id)
            raise Refused("booked_already", f"您这一天{it.time}已经预约过这项业务，请按时来，或另选日期", it.id)
        return booked.id

    return run


# ---- with a card


@router.get(HERE + "/card", dependencies=[needs("kiosk")])
async def card(request: Request, kiosk_id: str, wait: bool = False) -> Response:
    """Asks for a card. Its page then comes here to `wait`, and stays as it is until one is laid on, or none is.

    What lay there `after` all before is not taken: it may be of the visitor before.
    """
    parts, form = parts_of(request), Sent(dict(request.query_params))
    if not wait:
        return _page(request, kiosk_id, form, asks=True)
    try:
        async with asyncio.timeout(CARD_S):
            reading = await parts.cards.wait(kiosk_id, form["after"] or None)
    except TimeoutError:
        reading = None
    if reading is None:
        return RedirectResponse(f"/kiosk/{kiosk_id}/book?{_query(form.fields)}")
    return _page(request, kiosk_id, form, asks=True, reading=reading)


def _query(chosen: Mapping[str, str], **more: str) -> str:
    return urlencode({key: chosen[key] for key in ("service", "day", "from") if key in chosen} | more)


def _card(request: Request, kiosk: Kiosk, form: Sent, reading: Reading | None, step: str) -> dict[str, Any]:
    """What the page says of cards; nothing where none can be read. `after` names the newest that is known."""
    parts = parts_of(request)
    if step not in ("confirm", "card") or kiosk.reader is None or not parts.hub.able(kiosk.reader):
        return {}
    after = parts.cards.tag(kiosk.id) if step == "confirm" else reading.tag if reading else form["after"]
    return {"cards": _query(form.fields, after=after), "reading": reading}


# ---- one choice after the other


def _page(
    request: Request,
    kiosk_id: str,
    form: Sent,
    refusal: Refused | None = None,
    *,
    asks: bool = False,
    reading: Reading | None = None,
) -> Response:
    """`asks` for a card, where everything else is chosen."""
    parts = parts_of(request)
    kiosk = parts.hall.kiosk.get(kiosk_id)
    if kiosk is None:
        return missing(request, f"取号机 {kiosk_id}")
    shown = _chosen(request, form)
    if asks and shown["step"] == "confirm":
        shown["step"] = "card"
    shown |= _card(request, kiosk, form, reading, shown["step"])
    given = {"kiosk": kiosk, "refused": refusal, "tail": _typed(form), "once": once()}
    return page(request, "kiosk_book", refusal.status if refusal else 200, **given, **shown)


def _typed(form: Sent) -> str:
    """The phone's end with the digit that was pressed last; `-` takes one away."""
    tail, digit = re.sub(r"[^0-9]", "", form["tail"])[:TAIL], form["digit"]
    if digit == "-":
        return tail[:-1]
    return (tail + digit)[:TAIL] if re.fullmatch("[0-9]", digit) else tail


def _chosen(request: Request, form: Sent) -> dict[str, Any]:
    """What is chosen, as far as it is still offered, and so which choice comes next."""
    parts = parts_of(request)
    services = [each for each in parts.hall.services if vacancies.quota(parts.hall, each)]
    if form["service"] not in [each.id for each in services]:
        return {"step": "service", "services": services, "units": parts.hall.unit}
    with parts.database.read() as connection:
        view = vacancies.days_view(connection, parts.hall, parts.clock.now(), form["service"], None, vacancies.LONGEST)
    days = [
        each | {"words": slip.day_words(date.fromisoformat(each["day"])), "free": _free(each)} for each in view["days"]
    ]
    day = next((each for each in days if each["day"] == form["day"] and each["free"]), None)
    chosen = {"view": view, "days": days, "day": day}
    if day is None:
        return chosen | {"step": "day"}
    slot = next((each for each in day["slots"] if each["from"] == form["from"] and each["free"]), None)
    return chosen | {"step": "confirm" if slot else "slot", "slot": slot}


def _free(day: dict[str, Any]) -> int:
    return sum(each["free"] for each in day["slots"])


# ---- what was booked

MADE_SQL = "SELECT created_at, code, phone_mark IS NOT NULL FROM appointment WHERE id=?"


@router.get(HERE + "/{booking}", dependencies=[needs("kiosk")])
def booked(request: Request, kiosk_id: str, booking: str) -> Response:
    """For as long as the visitor stands there; then the kiosk's own page."""
    parts, now = parts_of(request), parts_of(request).clock.now()
    kiosk = parts.hall.kiosk.get(kiosk_id)
    if kiosk is None:
        return missing(request, f"取号机 {kiosk_id}")
    with parts.database.read() as connection:
        made = connection.exec_driver_sql(MADE_SQL, (booking,)).first()
        if made is None or not 0 <= now.at - made[0] < SHOWN_MS:
            return RedirectResponse(f"/kiosk/{kiosk_id}")  # the time is over, or it is none
        view = board.appointment(connection, parts.hall, booking, now)
    return page(
        request,
        "kiosk_book",
        step="done",
        kiosk=kiosk,
        booking=view,
        words=slip.day_words(date.fromisoformat(view["day"])),
        place=slip.place_words(view),
        picture=segno.make(made[1], error="m", micro=False).svg_inline(omitsize=True, light="#fff"),
        phone=bool(made[2]),
        prints=_prints(request, kiosk),
    )


def _prints(request: Request, kiosk: Kiosk) -> bool:
    parts = parts_of(request)
    return slip.printer_of(parts.hall, parts.slips, kiosk.id) is not None and can_print(parts, kiosk)
