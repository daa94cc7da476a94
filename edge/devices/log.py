"""What happened to a device, as journal events: `device.up .down .condition`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append


@dataclass(frozen=True, slots=True)
class DeviceNews:
    device: str
    type: str
    data: Mapping[str, Any]


def write_news(session: Session, hall: Hall, now: Now, command: DeviceNews) -> None:
    key = f"device:{command.device}"
    append(session, hall, now, command.type, key, key, device=command.device, **command.data)
