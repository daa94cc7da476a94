"""The pages of ops, one part of them per module: plain forms and redirects; one small script keeps the first fresh."""

from __future__ import annotations

from fastapi import APIRouter

from edge.pages import ops_devices, ops_ledger, ops_now, ops_patrol, ops_queue, ops_ratings, ops_replay, ops_windows

PARTS = (ops_now, ops_queue, ops_replay, ops_windows, ops_ratings, ops_ledger, ops_devices, ops_patrol)
router = APIRouter(routes=[route for part in PARTS for route in part.router.routes])
