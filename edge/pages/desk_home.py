"""The help desk's first page: a number is found, or taken; who missed a call today, and what was taken here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.clock import Now
from edge.database import Session
from edge.guard import needs
from edge.hall import Hall, PriorityReason
from edge.messages import desk as messages
from edge.messages.texts import mobile
from edge.pages import desk_form
from edge.pages.desk_form import DESK, chosen, helper_of, helpers, press
from edge.pages.forms import Sent, go, sent
from edge.parts import actor_of, parts_of
from edge.queue import appointments, board, changing, estimates, issuing
from edge.queue.tickets import STATE_WORDS
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
LISTED = 12


class Hit(NamedTuple):
    path: str
    number: str
    about: str


@router.get(DESK, dependencies=[needs("desk", "ops")])
def home(request: Request, find: str = "") -> Response:
    """`find`: a number, a booking's number, or what a scanner reads from a slip or a booking's code."""
    if not find.strip():
        return _page(request, Sent({}))
    parts = parts_of(request)
    with parts.database.read() as connection:
        hits = search(connection, parts.hall, parts.clock.now(), find)
    if len(hits) == 1:
        return go(hits[0].path)
    refusal = (
        None if hits else Refused("nothing_found", f"今天没有“{find.strip()[:20]}”这个号，请核对后再查", status=404)
    )
    return _page(request, Sent({}), refusal, find=find.strip(), hits=hits)


def search(connection: Statements, hall: Hall, now: Now, typed: str) -> list[Hit]:
    """Today's tickets of that number, and bookings of today or later."""
    if scanned := re.search(r"/t/([\w-]+)", typed):
        return _tickets(connection, hall, "id=?", scanned[1])
    if booked := appointments.by_code(connection, typed.strip()):
        return _bookings(connection, hall, "id=?", booked)
    number = re.fullmatch(r"([A-Z]{0,2})[ -]*([0-9]{1,6})号?", unicodedata.normalize("NFKC", typed).strip().upper())
    if number is None:
        return []
    prefix, digits = number.groups()
    hits = _tickets(
        connection, hall, "day=? AND ordinal=? AND ? IN ('', prefix) ORDER BY taken_at", now.day, int(digits), prefix
    )
    if len(digits) == 6 and not prefix:
        hits += _bookings(connection, hall, "number=? AND day>=? ORDER BY day", digits, now.day)
    return hits


def _tickets(connection: Statements, hall: Hall, where: str, *values: object) -> list[Hit]:
    sql = f"SELECT id, number, coalesce(visit, service), state FROM ticket WHERE {where}"  # noqa: S608  our own words
    found = connection.exec_driver_sql(sql, values)
    return [
        Hit(f"{DESK}/tickets/{id_}", number, f"{name_of(hall, service)} · {STATE_WORDS[state]}")
        for id_, number, service, state in found
    ]


def _bookings(connection: Statements, hall: Hall, where: str, *values: object) -> list[Hit]:
    sql = f"SELECT id, number, service, day, starts FROM appointment WHERE {where}"  # noqa: S608  our own words
    found = connection.exec_driver_sql(sql, values)
    return [
        Hit(f"{DESK}/bookings/{id_}", number, f"预约 {day} {starts} · {name_of(hall, service)}")
        for id_, number, service, day, starts in found
    ]


def name_of(hall: Hall, service: str) -> str:
    return hall.service[service].name if service in hall.service else service


# ---- taking a number


@router.post(f"{DESK}/tickets", dependencies=[needs("desk", "ops")])
async def issue(request: Request) -> Response:
    form = await sent(request)
    try:
        kiosk, wanted = chosen(request, form), _wanted(request, form)
        ticket, made = await press(request, form, _issue(request, form), wanted)
    except Refused as refusal:
        return _page(request, form, refusal)
    done = "issued" if made else "again"
    return desk_form.remember(go(f"{DESK}/tickets/{ticket}", done=done, at=kiosk or ""), kiosk or "")


def _wanted(request: Request, form: Sent) -> issuing.Issue:
    reason, hall = form["priority"], parts_of(request).hall
    claims: tuple[Any, ...] = ()
    if reason:
        if reason not in get_args(PriorityReason):
            raise Refused("not_offered", "本大厅没有这项优先，请另选", reason, 422)
        claims = (issuing.declared(hall, reason, at_desk=True),)  # type: ignore[arg-type]
    return issuing.Issue(form["service"], "desk", form["kiosk"] or None, actor_of(request, "desk"), claims)


def _issue(request: Request, form: Sent) -> Callable[[Session, Hall, Now, issuing.Issue], str]:
    """The number, the help and the messages in one transaction: with a wrong phone nothing is issued."""
    parts, outlook = parts_of(request), parts_of(request).forecasts.fresh()
    phone = mobile(form["phone"]) if form["phone"] else None
    with parts.database.read() as connection:
        helper = helper_of(form, helpers(parts, connection))

    def run(session: Session, hall: Hall, now: Now, command: issuing.Issue) -> str:
        ticket = issuing.issue(session, hall, now, command)
        if form["assisted"] or helper:
            changing.assist(session, hall, now, changing.Assist(ticket, helper, command.actor))
        if phone:
            messages.opt_in(session, hall, now, messages.with_phone(parts.vault, ticket, phone, command.actor))
        tell = estimates.promiser(session, outlook, now.at)
        board.ticket(session.connection, hall, ticket, lambda _: True, tell)  # what the slip says is kept
        return ticket

    return run


# ---- the page

MISSED_SQL = "SELECT id, number FROM ticket WHERE day=? AND state='missed' ORDER BY since DESC LIMIT ?"
MINE_SQL = "SELECT id, number FROM ticket WHERE day=? AND channel='desk' ORDER BY position DESC LIMIT ?"


def _page(
    request: Request, form: Sent, refusal: Refused | None = None, find: str = "", hits: list[Hit] | None = None
) -> Response:
    parts, printing = parts_of(request), desk_form.places(request)
    hall, now, outlook = parts.hall, parts.clock.now(), parts.forecasts.fresh()
    with parts.database.read() as connection:
        menu = board.menu(connection, hall, now, outlook)
        lists = [connection.exec_driver_sql(sql, (now.day, LISTED)).all() for sql in (MISSED_SQL, MINE_SQL)]
        staff = helpers(parts, connection)
    return desk_form.page(
        request,
        "desk_home",
        "home",
        refusal,
        form=form,
        find=find,
        hits=hits or [],
        units=[unit for unit in menu["units"] if unit["services"]],
        words=menu["day"]["words"],
        missed=lists[0],
        mine=lists[1],
        places=printing,
        at=form["kiosk"] if "service" in form.fields else desk_form.usual(request, printing),
        reasons=desk_form.reasons(hall),
        staff=staff,
    )
