"""The help desk (导办台), one part of it per module: plain forms and redirects, on a desk or on a phone."""

from __future__ import annotations

from fastapi import APIRouter

from edge.pages import desk_booking, desk_calls, desk_hand, desk_home, desk_ticket

PARTS = (desk_home, desk_ticket, desk_booking, desk_hand, desk_calls)
router = APIRouter(routes=[route for part in PARTS for route in part.router.routes])
