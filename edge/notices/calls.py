"""What a zone's loudspeaker says, and how loud at this hour. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.clock import local
from edge.hall import Hall, Zone
from edge.journal import Event
from edge.notices.outputs import Say
from edge.notices.spoken import call_sentence
from edge.windows.words import sign_words

SPOKEN = ("ticket.called", "ticket.recalled", "ticket.resumed")
"""The events that are said aloud; each has its text on the window's sign and the hall screen."""


def sentence(hall: Hall, event: Event) -> str:
    """请A零零一号到一楼三号社保窗口, for an event of `SPOKEN`."""
    window: Mapping[str, Any] = {"no": event.data["window"], "staff": None, "paused": None, "ticket": event.data}
    return call_sentence(sign_words(hall, window), hall.sound.call, hall.sound.one)


def volume(hall: Hall, zone: Zone, at: int) -> int:
    """0 to 100; the first of the zone's hours that holds now, else its usual volume."""
    now = local(at, hall.zone_info).strftime("%H:%M")
    return next((each.volume for each in zone.hours if each.start <= now < each.end), zone.volume)


def announcement(hall: Hall, event: Event) -> Say | None:
    """For the loudspeaker of the window's zone, None when it has none."""
    zone = hall.zone[hall.window[event.data["window"]].zone]
    if zone.voice is None:
        return None
    until = event.at + int(hall.sound.expires_s * 1000)
    loudness = volume(hall, zone, event.at)
    return Say(zone.voice.device, zone.voice.address, until, sentence(hall, event), loudness, hall.sound.gap_s)
