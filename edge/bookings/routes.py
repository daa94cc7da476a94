"""HTTP face of bookings: what is free, booking, moving, cancelling, and redeeming for a ticket."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from edge.bookings import astray, late, slip
from edge.bookings.bodies import NewBooking, NewTime
from edge.clock import Now
from edge.database import Session
from edge.guard import hold_scope, needs
from edge.parts import actor_of, identity_of, parts_of, perform
from edge.queue import appointments, board, bodies, estimates, issuing, vacancies
from edge.refusal import Refused

router = APIRouter(prefix="/api/v1", tags=["bookings"])
View = dict[str, Any]


@router.get("/slots", dependencies=[needs("kiosk", "central", "desk", "ops")])
def slots(
    request: Request,
    service: Annotated[str, Query(description="id of the service", max_length=32)],
    first: Annotated[date | None, Query(alias="from", description="a date, `2026-03-02`; today without")] = None,
    days: Annotated[int, Query(description="how many", ge=1, le=vacancies.LONGEST)] = vacancies.LONGEST,
) -> View:
    """The days that can be booked, with their slots and how many places each has left. 404 `no_such_service`."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return vacancies.days_view(connection, parts.hall, parts.clock.now(), service, first, days)


# ---- booking


@router.post("/appointments", status_code=201, dependencies=[needs("central", "desk", "ops")])
async def book(request: Request, body: NewBooking) -> Response:
    """Books a visit. The answer alone holds `code` (for a QR code); it or `number` with the phone's end redeems it.

    200 and `existing`: this person, or this `ref`, has one already. 409 `not_open`, `slot_full`, `time_is_over`,
    `not_bookable`, and for the centre `not_a_slot`, `too_far`: the detail names the next free slots.
    """
    parts, vault, day = parts_of(request), parts_of(request).vault, body.day.isoformat()
    if body.kiosk is not None:
        hold_scope(request, body.kiosk)
    limit = _limit(request, beyond_quota=body.beyond_quota)
    mark = vault.mark("id", body.id_number.upper()) if body.id_number else None
    tail = body.phone[-4:] if body.phone else None
    command = appointments.Book(
        body.service,
        day,
        body.starts,
        body.ends,
        body.channel,
        actor_of(request, identity_of(request).role),
        secrets.token_urlsafe(16),
        mark,
        (lambda number: appointments.phone_mark(vault, day, number, tail)) if tail else None,
        body.ref,
        limit,
    )

    def present(session: Session, now: Now, booked: appointments.Booked) -> View:
        code = appointments.code_of(session.connection, booked.id)
        view = board.appointment(session.connection, parts.hall, booked.id, now)
        return view | {"code": code, "existing": booked.existing}

    use_case = slip.reserve_with(parts.slips, body.kiosk)
    return _created(await perform(request, use_case, command, present, status=201))


def _limit(request: Request, *, beyond_quota: bool) -> vacancies.Limit:
    """Raises Refused (403)."""
    if identity_of(request).role not in ("desk", "ops"):
        if beyond_quota:
            raise Refused("not_allowed", "只有大厅工作人员可以加约", "beyond_quota", 403)
        return "offered"
    return "hours" if beyond_quota else "quota"


def _created(response: Response) -> Response:
    """200 where it was there already."""
    if json.loads(bytes(response.body))["existing"]:
        response.status_code = 200
    return response


# ---- redeeming


@router.post("/appointments/check-in", status_code=201, dependencies=[needs("kiosk", "desk", "ops")])
async def check_in(request: Request, body: bodies.ByCard | bodies.ByPhone | bodies.ByCode) -> Response:
    """Redeems a booking of today: a ticket that counts as booked. The second time it is the same ticket, with 200.

    `late`: the time and the grace after it are over, and this is an ordinary ticket; in words for the visitor.
    """
    parts = parts_of(request)
    hold_scope(request, body.kiosk)
    person = parts.cards.find(body.card, body.kiosk).person if isinstance(body, bodies.ByCard) else None
    place = actor_of(request, f"kiosk:{body.kiosk}" if body.kiosk else body.channel)
    booking = _booking(request, body)
    command = appointments.CheckIn(booking, body.channel, body.kiosk, place, person)
    outlook = parts.forecasts.fresh()

    def present(session: Session, now: Now, issued: issuing.Issued) -> View:
        tell = estimates.promiser(session, outlook, now.at)
        ticket = board.ticket(session.connection, parts.hall, issued.ticket, parts.hub.able, tell)
        it = appointments.appointment(session.connection, booking)
        return ticket | {"existing": issued.existing, "late": late.words(parts.hall, it)}

    return _created(await perform(request, appointments.check_in, command, present, status=201))


def _booking(request: Request, body: bodies.ByCard | bodies.ByPhone | bodies.ByCode) -> str | None:
    """Its id. Raises Refused (429) after too many wrong guesses."""
    if isinstance(body, bodies.ByCard):
        return body.id
    parts, at = parts_of(request), asyncio.get_running_loop().time()
    place = body.kiosk if body.kiosk in parts.hall.kiosk else identity_of(request).name
    with parts.database.read() as connection:
        if isinstance(body, bodies.ByCode):
            return appointments.by_code(connection, body.code)
        parts.guesses.check(body.number, place, at)
        day = parts.clock.now().day
        found = appointments.by_phone(connection, parts.vault, day, body.number, body.phone_tail)
    if found is None:
        parts.guesses.wrong(body.number, place, at)
    return found


# ---- changing


@router.post("/appointments/{appointment}/cancel", dependencies=[needs("central", "desk", "ops")])
async def cancel(request: Request, appointment: str) -> Response:
    """By id, or by the centre's `ref`. A second time nothing happens."""
    command = appointments.Cancel(_named(request, appointment), actor_of(request, identity_of(request).role))
    return await perform(request, appointments.cancel, command, _shown(request))


@router.post("/appointments/{appointment}/move", dependencies=[needs("central", "desk", "ops")])
async def move(request: Request, appointment: str, body: NewTime) -> Response:
    """Another time for a booking, by id or `ref`; number and code stay. 409 as for a new one, and `has_another`."""
    limit = _limit(request, beyond_quota=body.beyond_quota)
    actor, id_ = actor_of(request, identity_of(request).role), _named(request, appointment)
    command = appointments.Move(id_, body.day.isoformat(), body.starts, body.ends, body.reason, actor, limit)
    return await perform(request, appointments.move, command, _shown(request))


def _named(request: Request, name: str) -> str:
    """The id of the booking that the centre calls so; else it is taken for an id."""
    with parts_of(request).database.read() as connection:
        return appointments.by_ref(connection, name) or name


def _shown(request: Request) -> Callable[[Session, Now, str], View]:
    hall = parts_of(request).hall
    return lambda session, now, id_: board.appointment(session.connection, hall, id_, now)


@router.get("/appointments/to-rebook", dependencies=[needs("desk", "ops")])
def to_rebook(request: Request) -> View:
    """Bookings of times to come that are no longer open, with `why` and what is `todo`."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"appointments": astray.to_rebook(connection, parts.hall, parts.clock.now())}
