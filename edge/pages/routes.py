"""One route per page. A page is a skeleton; everything that changes comes to it over /api/v1 and its event stream."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.guard import needs
from edge.pages.render import missing, page
from edge.parts import parts_of

STATIC = Path(__file__).parent / "static"
LEVELS = ((5, "非常满意"), (4, "满意"), (3, "基本满意"), (2, "不满意"), (1, "非常不满意"))
"""The five levels of the national code, best to worst: on the pad from left to right, on a phone from top to bottom."""

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/", dependencies=[needs("anyone")])
async def door(request: Request) -> Response:
    """Plain links to everything of this hall. It opens no event stream: browsers allow six per origin."""
    return page(request, "door")


@router.get("/kiosk/{kiosk_id}", dependencies=[needs("kiosk")])
async def kiosk(request: Request, kiosk_id: str) -> Response:
    found = parts_of(request).hall.kiosk.get(kiosk_id)
    return page(request, "kiosk", kiosk=found) if found else missing(request, f"取号机 {kiosk_id}")


@router.get("/window/{no}", dependencies=[needs("window")])
async def window(request: Request, no: str) -> Response:
    return _of_window(request, "window", no)


@router.get("/pad/{no}", dependencies=[needs("pad")])
async def pad(request: Request, no: str) -> Response:
    return _of_window(request, "pad", no)


def _of_window(request: Request, name: str, no: str) -> Response:
    found = next((each for each in parts_of(request).hall.windows if str(each.no) == no), None)
    return page(request, name, window=found, levels=LEVELS) if found else missing(request, f"{no} 号窗口")


@router.get("/screen/{zone_id}", dependencies=[needs("screen")])
async def screen(request: Request, zone_id: str) -> Response:
    found = parts_of(request).hall.zone.get(zone_id)
    return page(request, "screen", zone=found) if found else missing(request, f"区域 {zone_id}")


@router.get("/ops", dependencies=[needs("ops")])
async def ops(request: Request) -> Response:
    return page(request, "ops")


@router.get("/t/{ticket}", dependencies=[needs("anyone")])
async def ticket(request: Request, ticket: str) -> Response:
    """The ticket's own page, for a phone. Whether the ticket exists is asked by the page itself."""
    return page(request, "ticket", ticket=ticket, levels=LEVELS)
