"""One route per page. A page is a skeleton; everything that changes comes to it over /api/v1 and its event stream."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.devices.aloud import reads_aloud
from edge.guard import needs
from edge.pages.render import missing, page
from edge.parts import parts_of

STATIC = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/", dependencies=[needs("anyone")])
async def door(request: Request) -> Response:
    """Plain links to everything of this hall. It opens no event stream: browsers allow six per origin."""
    return page(request, "door")


@router.get("/kiosk/{kiosk_id}", dependencies=[needs("kiosk")])
async def kiosk(request: Request, kiosk_id: str) -> Response:
    found = parts_of(request).hall.kiosk.get(kiosk_id)
    if found is None:
        return missing(request, f"取号机 {kiosk_id}")
    return page(request, "kiosk", kiosk=found, speaks=reads_aloud())
