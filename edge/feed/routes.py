"""What the hall's pages read: the menu, the board, forecasts, problems; and the journal as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import ServerSentEvent, format_sse_event

from edge.access.tokens import Role
from edge.clock import rfc3339
from edge.guard import hold_scope, needs
from edge.journal import Event
from edge.parts import identity_of, parts_of
from edge.problems import problems
from edge.queue import board, estimates, next_view

router = APIRouter(prefix="/api/v1", tags=["feed"])

PING_S = 15.0
"""A page whose stream is silent for longer opens it anew; comments would not reach its script."""
PING = ServerSentEvent(raw_data="{}", event="ping")
SHARED = 500
"""Events kept as text and as bytes: all who follow get each at about the same time."""
UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
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

    return Response(parts.forecasts.once("menu", (parts.journal.last, outlook.at), make), media_type="application/json")


@router.get("/board", dependencies=[needs("screen", "desk", "ops")])
def hall_board(
    request: Request, zone: Annotated[str | None, Query(description="id of a zone; all without")] = None
) -> Response:
    """Calls newest first, and how many wait for each service and about how long. Made once for all, as the menu."""
    hold_scope(request, zone)
    parts = parts_of(request)
    outlook = parts.forecasts.fresh()

    def make() -> bytes:
        with parts.database.read() as connection:
            view = {"seq": parts.journal.last} | board.board(connection, parts.hall, zone, outlook)
        return json.dumps(view, ensure_ascii=False).encode()

    moment = parts.journal.last, outlook.at
    return Response(parts.forecasts.once(("board", zone), moment, make), media_type="application/json")


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


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


@router.get("/events", dependencies=[needs("anyone")], response_class=EventStream)
async def follow(
    request: Request,
    after: Annotated[int | None, Query(description="journal seq to go on from; the newest without", ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Each event once, in order: `id` is its seq, `event` is `journal`; `ping` every 15 s of silence."""
    chunks = (_wire(each.event, each.raw_data, each.id) async for each in events(request, after, last_event_id))
    return EventStream(chunks, headers=UNBUFFERED)


async def events(
    request: Request, after: int | None = None, last_event_id: str | None = None
) -> AsyncIterator[ServerSentEvent]:
    """What `follow` sends, one after the other; all who may see an event get the same object."""
    parts, sees = parts_of(request), _sees(identity_of(request).role)
    seq = int(last_event_id) if last_event_id and last_event_id.isdigit() else after
    seq = parts.journal.last if seq is None else min(seq, parts.journal.last)
    loop = asyncio.get_running_loop()
    told = loop.time()
    while not parts.journal.closed:
        found = await parts.journal.after(seq, told + PING_S)
        for event in found:
            seq = event.seq
            shown = _shown(event, sees, parts.hall.zone_info)
            if shown is not None:
                yield shown
                told = loop.time()
        if not found and not parts.journal.closed:
            yield PING
            told = loop.time()


def _sees(role: Role) -> str:
    return role if role == "ops" else "staff" if role in STAFF else "hall"


@lru_cache(SHARED)
def _shown(event: Event, sees: str, zone: ZoneInfo) -> ServerSentEvent | None:
    """The event as they may see it, or None: how a visitor rated is for ops alone."""
    data = dict(event.data)
    if sees != "ops":
        if not event.type.startswith(HALL_ROOMS) or (event.type.startswith(STAFF_ONLY) and sees != "staff"):
            return None
        data = {key: value for key, value in data.items() if key not in KEPT_FROM_HALL}
    told = {"seq": event.seq, "type": event.type, "key": event.key, "at": rfc3339(event.at, zone), "data": data}
    return ServerSentEvent(raw_data=json.dumps(told, ensure_ascii=False), event="journal", id=str(event.seq))


@lru_cache(SHARED)
def _wire(event: str, data: str, id_: str | None) -> bytes:
    return format_sse_event(event=event, data_str=data, id=id_)
