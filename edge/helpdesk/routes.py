"""HTTP face of the help desk: what it does to a number that was given, and the numbers that were given on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from edge.attendance import roster
from edge.clock import Now, rfc3339
from edge.database import Session
from edge.guard import needs
from edge.hall import Hall
from edge.helpdesk import bodies
from edge.parts import actor_of, parts_of, perform
from edge.queue import board, changing, estimates, handwritten, slots
from edge.refusal import Refused
from edge.statements import Statements

router = APIRouter(prefix="/api/v1", tags=["help desk"])
View = dict[str, Any]


def _shown(request: Request) -> Callable[[Session, Now, str], View]:
    """The ticket as it stands then; its forecast is made before, none inside the transaction."""
    parts = parts_of(request)
    outlook = parts.forecasts.fresh()

    def show(session: Session, now: Now, id_: str) -> View:
        tell = estimates.promiser(session, outlook, now.at)
        return board.ticket(session.connection, parts.hall, id_, parts.hub.able, tell)

    return show


@router.post("/tickets/{ticket}/change", dependencies=[needs("desk", "ops")])
async def change(request: Request, ticket: str, body: bodies.OtherService) -> Response:
    """Another service for who waits: the number stays, and the place is by the time it was taken."""
    command = changing.Change(ticket, body.service, actor_of(request, "desk"))
    return await perform(request, changing.change, command, _shown(request))


@router.post("/tickets/{ticket}/priority", dependencies=[needs("desk", "ops")])
async def priority(request: Request, ticket: str, body: bodies.Declared) -> Response:
    """Who waits is served before others, by what the help desk has seen."""
    command = changing.Declare(ticket, body.priority, actor_of(request, "desk"))
    return await perform(request, changing.declare, command, _shown(request))


@router.post("/tickets/{ticket}/assist", dependencies=[needs("desk", "ops")])
async def assist(request: Request, ticket: str, body: bodies.Assisted) -> Response:
    """帮办代办: the visitor is helped, or somebody acts for them. 422 `no_such_staff`."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        known = roster.staff(connection, parts.hall, date.fromisoformat(parts.clock.now().day))
    if body.staff is not None and body.staff not in known:
        raise Refused("no_such_staff", "没有这个工号，请核对", f"staff {body.staff!r}", 422)
    command = changing.Assist(ticket, body.staff, actor_of(request, "desk"))
    return await perform(request, changing.assist, command, _shown(request))


# ---- numbers on paper


@router.get("/hand-numbers", dependencies=[needs("desk", "ops")])
def hand_numbers(request: Request) -> View:
    """Today's numbers on paper that are entered, in their order, and the `gaps` between them."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return _hand_numbers(connection, parts.hall, parts.clock.now())


def _hand_numbers(connection: Statements, hall: Hall, now: Now) -> View:
    found = handwritten.of_today(connection, hall, now)
    numbers: list[View] = [
        {"id": each.id, "number": each.number, "service": each.service, "state": each.state}
        | {"taken_at": rfc3339(each.taken_at, hall.zone_info)}
        for each in found
    ]
    return {"numbers": numbers, "gaps": handwritten.gaps(found)}


@router.post("/hand-numbers", status_code=201, dependencies=[needs("desk", "ops")])
async def enter_hand_numbers(request: Request, body: bodies.HandNumbers) -> Response:
    """Enters numbers that were handed out on paper: as waiting, or with how they were served. All of today then."""
    parts = parts_of(request)
    command = handwritten.Enter(_by_hand(parts.hall, parts.clock.now(), body), actor_of(request, "desk"))
    return await perform(
        request,
        handwritten.enter,
        command,
        lambda session, now, _count: _hand_numbers(session.connection, parts.hall, now),
        status=201,
    )


def _by_hand(hall: Hall, now: Now, body: bodies.HandNumbers) -> tuple[handwritten.Hand, ...]:
    def at(hhmm: str) -> int:
        return slots.moment(date.fromisoformat(now.day), hhmm, hall.zone_info)

    def served(it: bodies.ServedByHand) -> handwritten.Served:
        return handwritten.Served(it.window, at(it.starts), at(it.ends))

    return tuple(
        handwritten.Hand(each.number, each.service, at(each.taken_at), served(each.served) if each.served else None)
        for each in body.numbers
    )
