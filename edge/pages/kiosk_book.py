"""Booking at a kiosk (现场预约), drawn into its page: service, day, slot, then a card or the phone's last digits."""

from __future__ import annotations

import re
import secrets
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.bookings import slip
from edge.clock import Now
from edge.database import Session
from edge.guard import needs
from edge.hall import Hall, Kiosk, Service
from edge.pages import kiosk_guide
from edge.pages.desk_form import can_print
from edge.pages.forms import Sent, once, sent, write
from edge.pages.kiosk_guide import TILES, Lang
from edge.pages.render import missing, page
from edge.parts import actor_of, parts_of
from edge.queue import appointments, board, bodies, vacancies
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/kiosk/{kiosk_id}/book"
CHOICES = ("service", "day", "from")
KEPT = {"booked_already": CHOICES[:1], "card_gone": CHOICES, "not_stored": CHOICES}
"""What stays chosen after a refusal; after others the day does, and another slot is offered."""
TAIL = 4
Slot = dict[str, Any]


@router.get(HERE, dependencies=[needs("kiosk")])
def choose(request: Request, kiosk_id: str, lang: Lang = "zh-CN") -> Response:
    """The first thing that is not chosen yet, of what the query says."""
    return _page(request, kiosk_id, Sent(dict(request.query_params)), lang)


@router.post(HERE, dependencies=[needs("kiosk")])
async def book(request: Request, kiosk_id: str, lang: Lang = "zh-CN") -> Response:
    """What is chosen stands in the query. The body brings a card, whose holder is shown; or `act`, which books."""
    hall, body = parts_of(request).hall, await sent(request)
    form = Sent(dict(request.query_params) | dict(body.fields))
    if kiosk_id not in hall.kiosk or form["act"] != "book":
        return _page(request, kiosk_id, form, lang)
    try:
        booking = await write(request, form, _reserve(request, kiosk_id), _wanted(request, kiosk_id, form))
    except Refused as refusal:
        keeps = KEPT.get(refusal.code, CHOICES[:2])
        kept = {key: value for key, value in form.fields.items() if key in keeps}
        return _page(request, kiosk_id, Sent(kept), lang, refusal)
    return _booked(request, hall.kiosk[kiosk_id], booking, lang, by_phone=not form["card"])


def _wanted(request: Request, kiosk_id: str, form: Sent) -> appointments.Book:
    """Raises Refused: 422, and 409 where the card is kept no longer."""
    try:
        day = date.fromisoformat(form["day"]).isoformat()
    except ValueError as error:
        raise Refused("form_unfit", "请重新选日期", form["day"], 422) from error
    if not all(re.fullmatch(pattern, form[name]) for pattern, name in ((bodies.HHMM, "from"), (bodies.ENDS, "to"))):
        raise Refused("form_unfit", "请重新选时间", f"{form['from']} {form['to']}", 422)
    if not (form["card"] or re.fullmatch(rf"[0-9]{{{TAIL}}}", form["tail"])):
        raise Refused("form_unfit", "请输入手机号后四位", status=422)
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


# ---- one choice after the other


class Choice(NamedTuple):
    path: str
    """What is drawn when it is touched; "" where nothing is left."""
    name: str
    about: str


def _page(request: Request, kiosk_id: str, form: Sent, lang: Lang, refusal: Refused | None = None) -> Response:
    hall = parts_of(request).hall
    kiosk = hall.kiosk.get(kiosk_id)
    if kiosk is None:
        return missing(request, f"取号机 {kiosk_id}")
    chosen, shown = _next(request, kiosk, form, lang)
    if shown["step"] == "confirm":
        refused, whose = _whose(request, kiosk, form)
        refusal, shown = refusal or refused, shown | whose
    else:
        shown |= _leaf(shown["choices"], form["n"], _path(kiosk, chosen))
    before = [each for each in CHOICES if each in chosen][:-1]
    up = _path(kiosk, {each: chosen[each] for each in before}) if chosen else ""
    told = refusal and (refusal.title, refusal.title_en)[lang == "en"]
    return page(request, "kiosk_book", lang=lang, told=told, up=up, once=once(), **shown)


def _path(kiosk: Kiosk, chosen: dict[str, Any]) -> str:
    return f"/kiosk/{kiosk.id}/book?{urlencode(chosen)}"


def _next(request: Request, kiosk: Kiosk, form: Sent, lang: Lang) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is chosen, as far as it is still offered; and what comes next: its `step` and more for the page."""
    parts = parts_of(request)
    hall = parts.hall
    services = {each.id: each for each in hall.services if vacancies.quota(hall, each)}
    service = services.get(form["service"])
    if service is None:
        return {}, {"step": "service", "choices": [_service(hall, kiosk, each, lang) for each in services.values()]}
    with parts.database.read() as connection:
        view = vacancies.days_view(connection, hall, parts.clock.now(), service.id, None, vacancies.LONGEST)
    free = {each["day"]: [slot for slot in each["slots"] if slot["free"]] for each in view["days"]}
    chosen, words = {"service": service.id}, kiosk_guide.words(hall, service, lang)
    day = form["day"]
    if not free.get(day):
        days = [_choice(kiosk, chosen | {"day": it}, _day(it, lang), free[it], lang) for it in free]
        return chosen, words | {"step": "day", "choices": days}
    chosen, words = chosen | {"day": day}, words | {"when": _day(day, lang)}
    slot = next((each for each in free[day] if each["from"] == form["from"]), None)
    if slot is None:
        slots = [_choice(kiosk, chosen | {"from": it["from"]}, _time(it), [it], lang) for it in free[day]]
        return chosen, words | {"step": "slot", "choices": slots}
    chosen = chosen | {"from": slot["from"], "to": slot["to"]}
    return chosen, words | {"step": "confirm", "time": _time(slot), "here": _path(kiosk, chosen)}


def _leaf(choices: list[Choice], nth: str, here: str) -> dict[str, Any]:
    """As many as fit on a page, and the ways to the others."""
    last = max(len(choices) - 1, 0) // TILES
    at = min(int(nth) if re.fullmatch("[0-9]{1,3}", nth) else 0, last)
    back, more = (f"{here}&n={each}" if 0 <= each <= last else "" for each in (at - 1, at + 1))
    return {"choices": choices[at * TILES :][:TILES], "back": back, "more": more}


def _service(hall: Hall, kiosk: Kiosk, service: Service, lang: Lang) -> Choice:
    names = (kiosk_guide.name(each, lang) for each in (service, hall.unit[service.unit]))
    return Choice(_path(kiosk, {"service": service.id}), *names)


def _choice(kiosk: Kiosk, chosen: dict[str, Any], name: str, slots: list[Slot], lang: Lang) -> Choice:
    left = sum(each["free"] for each in slots)
    if not left:
        return Choice("", name, "None left" if lang == "en" else "约满或不能约")
    return Choice(_path(kiosk, chosen), name, f"{left} left" if lang == "en" else f"还有 {left} 个")


def _day(day: str, lang: Lang) -> str:
    on = date.fromisoformat(day)
    return f"{on:%a} {on.day} {on:%b}" if lang == "en" else slip.day_words(on)


def _time(slot: Slot) -> str:
    return f"{slot['from']}–{slot['to']}"


def _whose(request: Request, kiosk: Kiosk, form: Sent) -> tuple[Refused | None, dict[str, Any]]:
    """Whose card was laid on; or why that is not known; and whether one can be."""
    parts = parts_of(request)
    cards = kiosk.reader is not None and parts.hub.able(kiosk.reader)
    try:
        holder = parts.cards.find(form["card"], kiosk.id).name if form["card"] else ""
    except Refused as refusal:
        return refusal, {"cards": cards, "holder": "", "card": ""}
    return None, {"cards": cards, "holder": holder, "card": form["card"]}


# ---- what was booked


def _booked(request: Request, kiosk: Kiosk, booking: str, lang: Lang, *, by_phone: bool) -> Response:
    parts = parts_of(request)
    hall = parts.hall
    with parts.database.read() as connection:
        view = board.appointment(connection, hall, booking, parts.clock.now())
        code = appointments.code_of(connection, booking)
    prints = slip.printer_of(hall, parts.slips, kiosk.id) is not None and can_print(parts, kiosk)
    return page(
        request,
        "kiosk_book",
        step="done",
        lang=lang,
        number=view["number"],
        when=_day(view["day"], lang),
        time=view["time"],
        picture=segno.make(code, error="m", micro=False).svg_inline(omitsize=True, light="#fff"),
        phone=by_phone,
        prints=prints,
        **kiosk_guide.words(hall, hall.service[view["service"]], lang),
    )
