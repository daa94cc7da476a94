"""HTTP face of the hall's day: how far it has come, what a date is, and who is booked anew when it is over."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.guard import needs
from edge.parts import actor_of, identity_of, parts_of, perform
from edge.queue import appointments, board, closing, rows
from edge.queue.bodies import Slot, names_nobody
from edge.timetable import days

router = APIRouter(prefix="/api/v1", tags=["day"])
View = dict[str, Any]


@router.get("/day", dependencies=[needs("kiosk", "window", "pad", "screen", "desk", "ops")])
def day(
    request: Request, on: Annotated[date | None, Query(description="a date, `2026-11-23`; today without")] = None
) -> View:
    """Today's hours, how far the day has come, whether numbers are given now and in words when else; or a date's."""
    parts = parts_of(request)
    now = parts.clock.now()
    with parts.database.read() as connection:
        if on is None:
            return days.view(connection, parts.hall, now)
        return days.date_view(connection, parts.hall, on)


class Rebooking(BaseModel):
    model_config = ConfigDict(extra="forbid")
    staff: Annotated[str, Field(description="工号 of who answers for it", min_length=1, max_length=32)]
    reason: Annotated[
        str,
        Field(description="why it cannot be done today, for the visitor", max_length=200),
        AfterValidator(names_nobody),
    ]
    appointment: Slot


@router.post("/tickets/{ticket}/rebook", dependencies=[needs("window", "desk", "ops")])
async def rebook(request: Request, ticket: str, body: Rebooking) -> Response:
    """Who cannot be served today gets another time, with a reason and a name behind it. `code` redeems the booking."""
    parts, actor = parts_of(request), actor_of(request, identity_of(request).role)
    slot, code = body.appointment, secrets.token_urlsafe(16)
    with parts.database.read() as connection:
        service, mark = rows.visit_of(connection, ticket)
    when = (slot.day.isoformat(), slot.starts, slot.ends)
    booking = appointments.Book(service, *when, "onsite", actor, code, mark, limit="hours")
    return await perform(
        request,
        closing.rebook,
        closing.Rebook(ticket, actor, body.staff, body.reason, booking),
        lambda session, _now, id_: {
            "appointment": board.appointment(session.connection, parts.hall, id_)
            | {"code": appointments.code_of(session.connection, id_)}
        },
    )
