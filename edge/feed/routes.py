"""The journal as server-sent events; `after` or `Last-Event-ID` resumes without a gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from edge.access.tokens import Role
from edge.clock import rfc3339
from edge.guard import needs
from edge.journal import Event
from edge.parts import Parts, identity_of, parts_of
from edge.problems import problems

router = APIRouter(prefix="/api/v1", tags=["feed"])

PING_S = 15.0
"""A page whose stream is silent for longer opens it anew; comments would not reach its script."""
HALL_ROOMS = ("ticket.", "window.", "print.", "evaluation.")
"""What everyone in the hall may follow; devices, access and attendance are for ops."""
STAFF, STAFF_ONLY = ("window", "desk"), ("window.alert",)
"""A window that calls for help does not tell its visitors."""
KEPT_FROM_HALL = ("level", "channel", "why", "calls", "evaluation", "priority", "priority_source")
"""How a visitor rated, what lets one rate, and what a visitor said of themselves."""


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
