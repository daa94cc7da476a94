"""HTTP face of the bulletin: what stands in it, its workflow, and the texts over everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from edge.bulletin import bodies, desk, emergencies, views
from edge.clock import Now
from edge.database import Session
from edge.guard import needs
from edge.hall import Hall
from edge.parts import Command, actor_of, identity_of, parts_of, perform

router = APIRouter(prefix="/api/v1", tags=["bulletin"])


def _actor(request: Request) -> str:
    return actor_of(request, identity_of(request).role)


async def _did(
    request: Request, use_case: Callable[[Session, Hall, Now, Command], str], command: Command, status: int = 200
) -> Response:
    return await perform(request, use_case, command, lambda _session, _now, id_: {"id": id_}, status)


@router.get("/bulletin", dependencies=[needs("central", "ops")])
def bulletin(request: Request) -> dict[str, Any]:
    """Every entry with its versions: who entered and approved each, from when to when, and whether it is shown."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"entries": views.entries(connection, parts.hall, parts.clock.now().day)}


@router.post("/bulletin", status_code=201, dependencies=[needs("central", "ops")])
async def enter(request: Request, body: bodies.Entry) -> Response:
    """A notice, results or commitments; shown once somebody else has approved it."""
    return await _did(request, desk.enter, body.enter(body.kind, _actor(request)), 201)


@router.post("/bulletin/{entry}/versions", status_code=201, dependencies=[needs("central", "ops")])
async def change(request: Request, entry: str, body: bodies.Content) -> Response:
    """The entry's next version; the one that is shown stays until this is approved."""
    with parts_of(request).database.read() as connection:
        kind = desk.kind_of(connection, entry)
    return await _did(request, desk.enter, body.enter(kind, _actor(request), entry), 201)


@router.post("/bulletin/{entry}/approve", dependencies=[needs("central", "ops")])
async def approve(request: Request, entry: str, body: bodies.Approval) -> Response:
    """By one of the hall's staff, or by the centre, and not by who entered it; 409 when it was changed meanwhile."""
    centre = identity_of(request).role == "central"
    command = desk.Approve(entry, body.version, body.by, _actor(request), centre)
    return await _did(request, desk.approve, command)


@router.post("/bulletin/{entry}/withdraw", dependencies=[needs("central", "ops")])
async def withdraw(request: Request, entry: str, body: bodies.Signed) -> Response:
    command = desk.Withdraw(entry, body.by, _actor(request))
    return await _did(request, desk.withdraw, command)


@router.post("/bulletin/{entry}/move", dependencies=[needs("ops")])
async def move(request: Request, entry: str, body: bodies.Place) -> Response:
    command = desk.Move(entry, body.earlier, _actor(request))
    return await _did(request, desk.move, command)


# ---- over everything


@router.get("/emergencies", dependencies=[needs("desk", "ops", "screen")])
def standing(request: Request) -> dict[str, Any]:
    """The texts that stand over everything now, the newest first."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"emergencies": views.standing(connection, parts.hall)}


@router.post("/emergencies", status_code=201, dependencies=[needs("ops")])
async def set_emergency(request: Request, body: bodies.Emergency) -> Response:
    """At once over everything on the screens of these zones, until it is cleared."""
    command = emergencies.Raise(body.text, body.zones, body.by, _actor(request))
    return await _did(request, emergencies.raise_, command, 201)


@router.post("/emergencies/{emergency}/clear", dependencies=[needs("ops")])
async def clear_emergency(request: Request, emergency: str, body: bodies.Signed) -> Response:
    command = emergencies.Clear(emergency, body.by, _actor(request))
    return await _did(request, emergencies.clear, command)
