"""HTTP face of the outbox: what the centre has not got, and since when."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from edge.guard import needs
from edge.parts import parts_of

router = APIRouter(prefix="/api/v1/outbox", tags=["central"])


@router.get("", dependencies=[needs("ops")])
def outbox(request: Request) -> dict[str, Any]:
    """`state`: ok, away (no answer), refused (it does not let us in), off (no centre in the hall file)."""
    return parts_of(request).relay.status()


@router.post("/{seq}/retry", dependencies=[needs("ops")])
async def retry(request: Request, seq: int) -> dict[str, int]:
    """Sends a parked event again, and those that wait behind it."""
    return {"sent": await parts_of(request).relay.retry(seq)}
