"""What the loudspeakers say of a text that stands over the hall screens: who cannot see is told too. Pure."""

from __future__ import annotations

from collections.abc import Collection

from edge.hall import Hall
from edge.notices.calls import volume
from edge.notices.outputs import Say
from edge.notices.spoken import numbers


def emergency_calls(hall: Hall, at: int, text: str, zones: Collection[str]) -> list[Say]:
    """Once at each loudspeaker of these zones, or of all without any; `at` is when it was set, UTC milliseconds."""
    until, said = at + int(hall.sound.expires_s * 1000), {}
    for zone in hall.zones:
        if zone.voice is not None and (not zones or zone.id in zones):
            place = (zone.voice.device, zone.voice.address)
            said[place] = Say(*place, until, numbers(text), volume(hall, zone, at), hall.sound.gap_s)
    return list(said.values())
