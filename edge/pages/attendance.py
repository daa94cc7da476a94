"""The ops pages of attendance, one part of them per module: plain forms and redirects, no script."""

from __future__ import annotations

from fastapi import APIRouter

from edge.pages import (
    attendance_calendar,
    attendance_day,
    attendance_entries,
    attendance_months,
    attendance_people,
    attendance_results,
)

PARTS = (
    attendance_day,
    attendance_entries,
    attendance_people,
    attendance_results,
    attendance_months,
    attendance_calendar,
)
router = APIRouter(routes=[route for part in PARTS for route in part.router.routes])
