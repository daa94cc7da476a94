"""HTTP face of evaluation: the invitation now open at a window, and the one rating of a service."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.evaluation import desk, views
from edge.guard import hold_scope, needs
from edge.parts import actor_of, parts_of, perform
from edge.refusal import Refused

router = APIRouter(tags=["evaluation"])


class Rating(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    level: Annotated[int, Field(ge=1, le=5, description="5 非常满意 … 1 非常不满意")]
    reasons: Annotated[tuple[str, ...], Field(max_length=20, description="reason codes")] = ()
    comment: Annotated[str, Field(max_length=500, description="free text; kept here, never in an event")] = ""


class OwnRating(Rating):
    key: Annotated[str, Field(max_length=64, description="from the address on the slip, `k`")]


@router.get("/api/v1/windows/{no}/evaluation", dependencies=[needs("pad", "ops")], response_model=None)
def open_invitation(request: Request, no: int) -> dict[str, Any] | Response:
    """The invitation now open at this window; 204 when there is none."""
    parts = parts_of(request)
    if no not in parts.hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)
    with parts.database.read() as connection:
        found = views.open_at(connection, parts.hall, no, parts.clock.now().at)
    return found if found is not None else Response(status_code=204)


@router.post("/api/v1/evaluations/{evaluation}/decline", dependencies=[needs("pad", "ops")])
async def decline(request: Request, evaluation: str) -> Response:
    """The visitor does not want to rate; 409 when its time is over or it was rated."""
    with parts_of(request).database.read() as connection:
        hold_scope(request, views.window_of(connection, evaluation))
    command = desk.Decline(evaluation, actor_of(request, "pad"))
    return await perform(request, desk.decline, command, lambda _s, _n, id_: {"id": id_, "state": "cancelled"})


@router.post("/api/v1/tickets/{ticket}/evaluation", dependencies=[needs("anyone")])
async def rate_own(request: Request, ticket: str, body: OwnRating) -> Response:
    """Rates the service of this ticket, by whoever holds its slip (QR); 409 when its time is over or it was rated."""
    parts = parts_of(request)
    if not hmac.compare_digest(body.key.encode(), parts.vault.slip_key(ticket).encode()):
        raise Refused("not_the_slip", "请扫小票上的二维码来评价", "wrong key", 403)
    with parts.database.read() as connection:
        found = views.of_ticket(connection, ticket)
    command = desk.Rate(
        level=body.level,
        channel="qr",
        actor=actor_of(request, "visitor"),
        evaluation=found or ticket,
        reasons=body.reasons,
        comment=body.comment,
    )
    return await perform(request, desk.rate, command, lambda _s, _n, id_: {"id": id_, "state": "rated"})


@router.post("/api/v1/evaluations/{evaluation}", dependencies=[needs("pad", "ops")])
async def rate(request: Request, evaluation: str, body: Rating) -> Response:
    """Rates that service; 409 when its time is over or it was rated."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        hold_scope(request, views.window_of(connection, evaluation))
    command = desk.Rate(
        level=body.level,
        channel="pad",
        actor=actor_of(request, "pad"),
        evaluation=evaluation,
        reasons=body.reasons,
        comment=body.comment,
    )
    return await perform(request, desk.rate, command, lambda _s, _n, id_: {"id": id_, "state": "rated"})


class Stars(BaseModel):
    """What a pad of the WebSocket kind posts to the page that it was told to open."""

    id: Annotated[str, Field(max_length=64, description="of the evaluation, as in the page's address")]
    star: Annotated[int, Field(ge=1, le=5, description="5 非常满意 … 1 非常不满意")]


@router.post("/pad/{no}", dependencies=[needs("anyone")])
async def rate_by_stars(request: Request, no: int, body: Stars) -> dict[str, Any]:
    """`code` 0 when it counts, 1 when it does not; the id, which nobody can guess, is the right to rate."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        here = views.window_of(connection, body.id) == no
    command = desk.Rate(level=body.star, channel="pad", actor=f"pad:{no}", evaluation=body.id if here else "")
    try:
        await parts.writer.do(desk.rate, command)
    except Refused as refused:
        return {"code": 1, "msg": refused.title}
    return {"code": 0, "msg": "评价成功"}
