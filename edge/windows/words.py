"""What the hall's own texts may name of a window. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.hall import Hall


def sign_words(hall: Hall, window: Mapping[str, Any]) -> dict[str, str]:
    """Values for `halltexts.SIGN_WORDS`, for one entry of `queue.board.windows`; what is not there is empty."""
    config = hall.window[window["no"]]
    clerk = hall.clerk.get(window["staff"] or "")
    paused, ticket = window["paused"] or {}, window["ticket"] or {}
    values = {
        "number": ticket.get("number"),
        "no": config.no,
        "name": config.name,
        "floor": hall.zone[config.zone].floor,
        "unit": hall.unit[config.unit or hall.service[config.skills[0]].unit].name,
        "services": "、".join(hall.service[skill].name for skill in config.skills),
        "phone": config.phone,
        "supervision": hall.hall.supervision_phone,
        "staff": clerk.name if clerk else "",
        "staff_no": clerk.id if clerk else "",
        "title": clerk.title if clerk else "",
        **{word: paused.get(word) for word in ("resume", "contact", "other", "place")},
    }
    return {word: "" if value is None else str(value) for word, value in values.items()}
