"""HTTP face of the devices: health in hall words, what to do next, and the counters of each wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from edge import hall as halls
from edge.clock import rfc3339
from edge.guard import needs
from edge.parts import Parts, parts_of

router = APIRouter(prefix="/api/v1/devices", tags=["devices"])


@router.get("", dependencies=[needs("ops")])
def devices(request: Request) -> dict[str, Any]:
    """Every device of the hall file: severity ok, warn, bad or none (not heard yet), why, and since when."""
    parts = parts_of(request)
    return {
        "seq": parts.journal.last,
        "devices": [_device(parts, config) for config in parts.hall.devices],
        "presses": {"doubles": parts.presses.doubles, "strangers": parts.presses.strangers},
    }


def _device(parts: Parts, config: halls.Device) -> dict[str, Any]:
    health = parts.hub.health[config.id]
    why, advice, since = health.words()
    return {
        "id": config.id,
        "name": config.name,
        "driver": config.driver,
        "evidence": health.evidence,
        "link": config.link,
        "state": health.state,
        "severity": health.severity(),
        "since": rfc3339(since, parts.hall.zone_info),
        "why": why,
        "advice": advice,
        "error": health.error,
        "conditions": sorted(health.conditions),
        "windows": [window.no for window in parts.hall.windows if config.id in _devices_of(window)],
        "counters": asdict(health.counters)
        | {"attempts": health.attempts, "rejected": health.rejected, "overflow": health.overflow},
    }


def _devices_of(window: halls.Window) -> set[str]:
    return {place.device for place in (window.call_box, window.evaluator, window.sign) if place is not None}
