"""HTTP face of messages: a visitor takes them for a ticket or no longer, and what became of them for ops."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.guard import needs
from edge.mask import mask
from edge.messages import desk, texts, views
from edge.parts import actor_of, parts_of, perform

router = APIRouter(prefix="/api/v1", tags=["messages"])


class Phone(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    phone: Annotated[
        str, Field(description="mainland mobile number, 11 digits", examples=["13800138000"], max_length=40, repr=False)
    ]


@router.post("/tickets/{ticket}/sms", dependencies=[needs("kiosk", "desk", "ops")])
async def opt_in(request: Request, ticket: str, body: Phone) -> Response:
    """Tells this number how the ticket moves on; another number replaces it. 409: no messages here, or it is over."""
    parts = parts_of(request)
    command = desk.with_phone(parts.vault, ticket, body.phone, actor_of(request, "visitor"))
    shown = {"ticket": ticket, "sms": True, "phone": mask("phone", texts.mobile(body.phone))}
    return await perform(request, desk.opt_in, command, lambda _s, _n, _r: shown)


@router.delete("/tickets/{ticket}/sms", dependencies=[needs("kiosk", "desk", "ops")])
async def opt_out(request: Request, ticket: str) -> Response:
    """No more messages for this ticket, and its number is forgotten; also when it had none."""
    command = desk.OptOut(ticket, actor_of(request, "visitor"))
    return await perform(request, desk.opt_out, command, lambda _s, _n, _r: {"ticket": ticket, "sms": False})


@router.get("/messages", dependencies=[needs("ops")])
def messages(request: Request) -> dict[str, Any]:
    """Today's messages by state (`used` counts against `daily_cap`), whether it is quiet now, the last failures."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        return {"seq": parts.journal.last} | views.overview(connection, parts.hall, parts.clock.now())
