"""What the hall's pages read: the menu, the board, forecasts, problems; and the journal as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from edge.access.tokens import Role
from edge.clock import rfc3339
from edge.guard import hold_scope, needs
from edge.journal import Event
from edge.parts import Parts, identity_of, parts_of
from edge.problems import problems
from edge.queue import board, estimates, next_view

router = APIRouter(prefix="/api/v1", tags=["feed"])

PING_S = 15.0
"""A page whose stream is silent for longer opens it anew; comments would not reach its script."""
HALL_ROOMS = ("ticket.", "window.", "print.", "evaluation.", "hall.", "bulletin.", "kiosk.")
"""What everyone in the hall may follow; devices, access and attendance are for ops."""
STAFF, STAFF_ONLY = ("window", "desk"), ("window.alert", "kiosk.")
"""A window that calls for help does not tell its visitors."""
KEPT_FROM_HALL = ("level", "channel", "why", "reason", "calls", "evaluation", "priority", "priority_source")
"""How a visitor rated, what lets one rate, and what a visitor said of themselves."""


@router.get("/services", dependencies=[needs("kiosk", "desk", "ops")])
def services(request: Request) -> Response:
    """The menu: units and their services, open or not and why, how many wait, about how long (minutes, and in words).

    Made once for all who ask until the queue moves, or five seconds have passed.
    """
    parts = parts_of(request)
    outlook = parts.forecasts.fresh()

    def make() -> bytes:
        with parts.database.read() as connection:
            view = {"seq": parts.journal.last} | board.menu(connection, parts.hall, parts.clock.now(), outlook)
        return json.dumps(view, ensure_ascii=False).encode()

    return Response(parts.forecasts.once((parts.journal.last, outlook.at), make), media_type="application/json")


@router.get("/board", dependencies=[needs("screen", "desk", "ops")])
def hall_board(
    request: Request, zone: Annotated[str | None, Query(description="id of a zone; all without")] = None
) -> dict[str, Any]:
    """Calls newest first, and how many wait for each service and about how long."""
    hold_scope(request, zone)
    parts = parts_of(request)
    outlook = parts.forecasts.fresh()
    with parts.database.read() as connection:
        return {"seq": parts.journal.last} | board.board(connection, parts.hall, zone, outlook)


@router.get("/windows/{no}/next", dependencies=[needs("window", "ops")])
def next_here(
    request: Request, no: int, number: Annotated[str, Query(description="of a ticket to be found", max_length=8)] = ""
) -> dict[str, Any]:
    """Who is called next and why, who was missed, what the visit in hand may lack; `found`, 404 if it waits nowhere."""
    parts, now = parts_of(request), parts_of(request).clock.now()
    with parts.database.read() as connection:
        found = next_view.by_number(connection, parts.hall, now, no, number) if number else None
        return next_view.following(connection, parts.hall, now, no) | {"found": found}


@router.get("/windows/{no}/today", dependencies=[needs("window", "ops")])
def today_here(request: Request, no: int) -> dict[str, Any]:
    """The window's own numbers: `served`, `missed`, `mean_minutes` from start to end, and who is `waiting` for it."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return next_view.today(connection, parts.hall, parts.clock.now(), no)


@router.get("/forecast/today", dependencies=[needs("ops")])
def forecast_today(request: Request) -> dict[str, Any]:
    """What today's visitors were told at the issue against what came (minutes), in all, by service, and each."""
    parts = parts_of(request)
    outlook = parts.forecasts.fresh()
    with parts.database.read() as connection:
        return estimates.today(connection, parts.hall, outlook, parts.clock.now().day)


@router.get("/problems", dependencies=[needs("ops")])
def list_problems(request: Request) -> dict[str, Any]:
    """What somebody should see to now, the worst first: severity bad or warn, why, since when, and what to do."""
    return {"problems": problems(parts_of(request))}


@router.get("/events", dependencies=[needs("anyone")], response_class=EventSourceResponse)
async def events(
    request: Request,
    after: Annotated[int | None, Query(description="journal seq to go on from; the newest without", ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Each event once, in order: `id` is its seq, `event` is `journal`; `ping` every 15 s of silence."""
    parts, role = parts_of(request), identity_of(request).role
    seq = int(last_event_id) if last_event_id and last_event_id.isdigit() else after
    seq = parts.journal.last if seq is None else min(seq, parts.journal.last)
    while not parts.journal.closed:
        try:
            async with asyncio.timeout(PING_S):
                found = await parts.journal.after(seq)
        except TimeoutError:
            yield ServerSentEvent(raw_data="{}", event="ping")
            continue
        for event in found:
            seq = event.seq
            shown = _shown(parts, event, role)
            if shown is not None:
                yield ServerSentEvent(raw_data=json.dumps(shown, ensure_ascii=False), event="journal", id=str(seq))


def _shown(parts: Parts, event: Event, role: Role) -> dict[str, Any] | None:
    """The event as this role may see it, or None: how a visitor rated is for ops alone."""
    data = dict(event.data)
    if role != "ops":
        if not event.type.startswith(HALL_ROOMS) or (event.type.startswith(STAFF_ONLY) and role not in STAFF):
            return None
        data = {key: value for key, value in data.items() if key not in KEPT_FROM_HALL}
    at = rfc3339(event.at, parts.hall.zone_info)
    return {"seq": event.seq, "type": event.type, "key": event.key, "at": at, "data": data}
