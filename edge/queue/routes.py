"""HTTP face of the queue: tickets, bookings, the moves of a window."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from edge.clock import Now, rfc3339
from edge.database import Session
from edge.devices.cards import Unread
from edge.evaluation import desk as evaluation
from edge.evaluation import views as evaluations
from edge.guard import hold_scope, needs
from edge.hall import Hall
from edge.messages import desk as messages
from edge.notices import outcomes
from edge.parts import actor_of, identity_of, parts_of, perform
from edge.queue import (
    appointments,
    arrivals,
    board,
    bodies,
    desk,
    estimates,
    finishing,
    issuing,
    prints,
    rows,
)
from edge.refusal import Refused

router = APIRouter(prefix="/api/v1", tags=["queue"])
View = dict[str, Any]
ShowTicket = Callable[[Session, Now, str], View]


def _ticket(request: Request, *, waits: bool = False) -> ShowTicket:
    """`waits`: it may wait now, so that its forecast should be of now; none is made inside the transaction."""
    parts = parts_of(request)
    outlook = parts.forecasts.fresh() if waits else parts.forecasts.newest

    def show(session: Session, now: Now, id_: str) -> View:
        tell = estimates.promiser(session, outlook, now.at)
        return board.ticket(session.connection, parts.hall, id_, parts.hub.able, tell)

    return show


async def _moved(request: Request, use_case: Any, command: Any) -> Response:
    show = _ticket(request)
    return await perform(
        request, use_case, command, lambda session, now, id_: {"ticket": show(session, now, id_)}, brief=True
    )


@router.post("/tickets", status_code=201, dependencies=[needs("kiosk", "desk", "ops")])
async def issue(request: Request, body: bodies.NewTicket | bodies.ByNotice) -> Response:
    """Issues a ticket; `print` says whether a slip is wanted, sent, printed or unknown.

    With the code of a 补办 or 退件 the visitor comes back: the second time it is the same ticket, with 200.
    With a card there is one active ticket per person and service: 200, `existing` and that one, which is not printed
    again. 409 `card_gone`: the card must be laid on anew; `declare_at_desk`: the help desk takes declared priority.
    """
    parts, identity = parts_of(request), identity_of(request)
    hold_scope(request, body.kiosk)
    if isinstance(body, bodies.ByNotice):
        back = arrivals.ByNotice(body.notice, issuing.Issue("", body.channel, body.kiosk, _place(request, body)))
        return _created(await perform(request, arrivals.issue_by_notice, back, _issued(request), status=201))
    person = parts.cards.find(body.card, body.kiosk).person if body.card else None
    at_desk = body.channel == "desk" and identity.role in ("desk", "ops")
    claims = (issuing.declared(parts.hall, body.priority, at_desk=at_desk),) if body.priority else ()
    wanted = issuing.Issue(body.service, body.channel, body.kiosk, _place(request, body), claims)
    use_case = _with_texts(request, body.phone, wanted.actor) if body.phone else issuing.issue_to
    wanted_by = issuing.IssueTo(wanted, person)
    answer = await perform(request, use_case, wanted_by, _issued(request), status=201, brief=True)
    return _created(answer) if body.card else answer


def _with_texts(request: Request, phone: str, actor: str) -> Callable[[Session, Hall, Now, Any], issuing.Issued]:
    """Issues and opts in to text messages in one transaction: with a wrong number nothing is issued."""
    vault = parts_of(request).vault

    def run(session: Session, hall: Hall, now: Now, command: issuing.IssueTo) -> issuing.Issued:
        issued = issuing.issue_to(session, hall, now, command)
        messages.opt_in(session, hall, now, messages.with_phone(vault, issued.ticket, phone, actor))
        return issued

    return run


def _place(request: Request, body: bodies.Here) -> str:
    """Who takes the number, for the journal."""
    return actor_of(request, f"kiosk:{body.kiosk}" if body.kiosk else body.channel)


def _issued(request: Request) -> Callable[[Session, Now, issuing.Issued], View]:
    show = _ticket(request, waits=True)
    return lambda session, now, issued: show(session, now, issued.ticket) | {"existing": issued.existing}


def _created(response: Response) -> Response:
    """200 where the ticket was there already."""
    if json.loads(bytes(response.body))["existing"]:
        response.status_code = 200
    return response


# ---- moves of a window (the commonest first: a request is held against one route after the other)


def _called(request: Request) -> Callable[[Session, Now, desk.Called | None], View | None]:
    show = _ticket(request)

    def present(session: Session, now: Now, called: desk.Called | None) -> View | None:
        return None if called is None else {"ticket": show(session, now, called.ticket), "why": called.why}

    return present


@router.post("/windows/{no}/call-next", dependencies=[needs("window", "ops")])
async def call_next(request: Request, no: int, _body: bodies.Nothing | None = None) -> Response:
    """Calls who is next and says why; 204 when nobody waits: the next arrival is then called here by itself."""
    command = desk.CallNext(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.call_next, command, _called(request), brief=True)


@router.post("/windows/{no}/finish", dependencies=[needs("window", "ops")])
async def finish(request: Request, no: int, body: bodies.Finish) -> Response:
    """The service is done, and how; its visitor is asked for a rating once the visit is over.

    `notice` has the code of what 补办 and 退件 print, `appointment` is what 另约 booked.
    """
    parts, actor = parts_of(request), actor_of(request, f"window:{no}")
    if body.outcome is None and parts.hall.queue.outcome_required:
        raise Refused("outcome_needed", "请先选择办理结果", "[queue] outcome_required", 422)
    notice, booking = _papers(request, no, body, actor)
    show, command = _ticket(request), finishing.Finish(no, body.ticket, actor, body.outcome, notice, booking)

    def present(session: Session, now: Now, done: finishing.Finished) -> View:
        view: View = {"ticket": show(session, now, done.ticket), "outcome": done.outcome}
        if notice is not None:
            view["notice"] = {"code": notice.code, "print": "none" if notice.printer is None else "wanted"}
        if booking is not None and done.appointment is not None:
            booked = board.appointment(session.connection, parts.hall, done.appointment)
            view["appointment"] = booked | {"code": appointments.code_of(session.connection, done.appointment)}
        return view

    return await perform(request, evaluation.finish, command, present, brief=True)


def _papers(
    request: Request, no: int, body: bodies.Finish, actor: str
) -> tuple[finishing.Notice | None, appointments.Book | None]:
    """The notice of 补办 and 退件, the booking of 另约; most services end with neither, and read nothing for it."""
    slot = body.appointment
    if slot is None and not body.missing and not body.text.strip():
        return None, None
    parts, booking = parts_of(request), None
    told = outcomes.Told(no, body.ticket, body.outcome, body.missing, body.text, body.values)
    code, day = outcomes.code_of(secrets.token_bytes(10)), parts.clock.now().day
    with parts.database.read() as connection:
        notice = outcomes.notice(parts.slips, parts.hall, connection, day, told, code)
        service, mark = rows.visit_of(connection, body.ticket)
    if slot is not None:
        when = (slot.day.isoformat(), slot.starts, slot.ends)
        code = secrets.token_urlsafe(16)
        booking = appointments.Book(service, *when, "onsite", actor, code, mark, limit="hours")
    return notice, booking


@router.post("/windows/{no}/call", dependencies=[needs("window", "ops")])
async def call(request: Request, no: int, body: bodies.TicketName) -> Response:
    """Calls one ticket out of turn."""
    command = desk.CallChosen(no, body.ticket, actor_of(request, f"window:{no}"))
    return await perform(request, desk.call_chosen, command, _called(request), brief=True)


async def _at_window(request: Request, no: int, body: bodies.TicketName, name: str) -> Response:
    command = desk.Move(name, body.ticket, no, actor_of(request, f"window:{no}"))
    return await _moved(request, evaluation.make_move, command)


@router.post("/windows/{no}/recall", dependencies=[needs("window", "ops")])
async def recall(request: Request, no: int, body: bodies.TicketName) -> Response:
    """Announces the called ticket once more."""
    return await _at_window(request, no, body, "recall")


@router.post("/windows/{no}/start", dependencies=[needs("window", "ops")])
async def start(request: Request, no: int, body: bodies.TicketName) -> Response:
    """The visitor is at the window."""
    return await _at_window(request, no, body, "start")


@router.post("/windows/{no}/miss", dependencies=[needs("window", "ops")])
async def miss(request: Request, no: int, body: bodies.TicketName) -> Response:
    """The visitor did not come."""
    return await _at_window(request, no, body, "miss")


@router.post("/windows/{no}/hold", dependencies=[needs("window", "ops")])
async def hold(request: Request, no: int, body: bodies.Held) -> Response:
    """The visitor goes to fetch something, or waits here, and comes back."""
    command = desk.Move("hold", body.ticket, no, actor_of(request, f"window:{no}"), body.kind)
    return await _moved(request, evaluation.make_move, command)


@router.post("/windows/{no}/transfer", dependencies=[needs("window", "ops")])
async def transfer(request: Request, no: int, body: bodies.Target) -> Response:
    """The visitor goes on elsewhere without a new number, by the time the number was taken or as `place` says."""
    command = desk.Transfer(
        *(no, body.ticket, actor_of(request, f"window:{no}"), body.service, body.window, body.staff),
        *(body.place, body.delay_minutes, body.reason),
    )
    return await _moved(request, desk.transfer, command)


@router.post("/windows/{no}/wrong-window", dependencies=[needs("window", "ops")])
async def wrong_window(request: Request, no: int, body: bodies.Redirect) -> Response:
    """The visitor should be elsewhere, and goes there by the time of the number; nothing was served, nobody rates."""
    actor = actor_of(request, f"window:{no}")
    command = desk.Transfer(no, body.ticket, actor, body.service, body.window, wrong_window=True)
    return await _moved(request, desk.transfer, command)


@router.post("/windows/{no}/walk-in", dependencies=[needs("window", "ops")])
async def walk_in(request: Request, no: int, body: bodies.WalkIn) -> Response:
    """Serves a visitor who took no number; it is counted in a series of its own."""
    return await _moved(
        request, evaluation.walk_in, arrivals.WalkIn(no, body.service, actor_of(request, f"window:{no}"))
    )


# ---- who stands at a kiosk


@router.get("/kiosks/{kiosk_id}/card", dependencies=[needs("kiosk")], response_model=None)
async def card(
    request: Request,
    kiosk_id: str,
    wait: Annotated[float, Query(description="seconds to wait for a card", ge=0, le=25)] = 20.0,
    after: Annotated[str | None, Query(description="`after` of the last answer", max_length=16)] = None,
) -> Response:
    """The card on this kiosk's reader as soon as there is one, or why it could not be read; 204 when none was laid on.

    `card` is what the next request names this visitor by, until `expires_at`.
    """
    parts = parts_of(request)
    kiosk = parts.hall.kiosk.get(kiosk_id)
    if kiosk is None or kiosk.reader is None:
        raise Refused("no_reader", "这台取号机没有读卡器，请直接取号", f"kiosk {kiosk_id!r}", status=404)
    reading = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            reading = await parts.cards.wait(kiosk_id, after)
    if reading is None:
        return Response(status_code=204)
    if isinstance(reading, Unread):
        return JSONResponse({"after": reading.tag, "problem": {"reason": reading.reason, "title": reading.words}})
    with parts.database.read() as connection:
        view = board.visitor(connection, parts.hall, parts.clock.now(), reading.person)
    told = {"after": reading.tag, "card": reading.handle, "name": reading.name, "expired_card": reading.expired}
    return JSONResponse(told | view | {"expires_at": rfc3339(reading.forgotten_at, parts.hall.zone_info)})


# ---- a ticket


@router.get("/tickets/{ticket}", dependencies=[needs("anyone")])
def ticket(request: Request, ticket: str) -> View:
    """Where it stands now, and whether its service is being rated."""
    parts = parts_of(request)
    tell = estimates.teller(parts.forecasts.fresh(), parts.clock.now().at)
    with parts.database.read() as connection:
        view = board.ticket(connection, parts.hall, ticket, parts.hub.able, tell)
        return view | {"evaluation": evaluations.state_of(connection, ticket)}


@router.post("/tickets/{ticket}/print", dependencies=[needs("kiosk", "desk", "ops")])
async def reprint(request: Request, ticket: str) -> Response:
    """Prints the slip once more, marked 补打."""
    command = prints.Reprint(ticket, actor_of(request, "reprint"))
    return await perform(request, prints.reprint, command, _ticket(request, waits=True))


@router.post("/tickets/{ticket}/cancel", dependencies=[needs("kiosk", "desk", "ops")])
async def cancel(request: Request, ticket: str) -> Response:
    return await perform(
        request, desk.make_move, desk.Move("cancel", ticket, None, actor_of(request, "desk")), _ticket(request)
    )


@router.post("/tickets/{ticket}/return", dependencies=[needs("window", "desk", "ops")])
async def return_(request: Request, ticket: str) -> Response:
    """A missed one comes back and keeps its place."""
    command = desk.Move("return", ticket, None, actor_of(request, "desk"))
    return await perform(request, desk.make_move, command, _ticket(request, waits=True))


@router.post("/tickets/{ticket}/urgent", dependencies=[needs("desk", "ops")])
async def urgent(request: Request, ticket: str, body: bodies.Why) -> Response:
    """A supervisor lets a waiting visitor be served before others, with a reason."""
    command = arrivals.Urge(ticket, body.reason, actor_of(request, "desk"))
    return await perform(request, arrivals.urge, command, _ticket(request, waits=True))


@router.post("/tickets/{ticket}/resume", dependencies=[needs("window", "ops")])
async def resume(request: Request, ticket: str, body: bodies.AtWindow) -> Response:
    """A held visitor goes on, at this window."""
    hold_scope(request, body.window)
    command = desk.Resume(body.window, ticket, actor_of(request, f"window:{body.window}"))
    return await _moved(request, evaluation.resume, command)
