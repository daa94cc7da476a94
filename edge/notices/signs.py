"""What stands over and on the counter of a window, from what the window is doing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.hall import Hall
from edge.notices.outputs import ShowNumber, ShowText, State
from edge.windows.words import sign_words


def sign_text(hall: Hall, window: Mapping[str, Any]) -> str:
    """The words on the window's screen."""
    words, signs, ticket = sign_words(hall, window), hall.signs, window["ticket"]
    if ticket is not None:
        return (signs.call if ticket["state"] == "called" else signs.serving).format(**words)
    if window["paused"] is None:
        return signs.idle.format(**words).strip()
    sign = window["paused"]["sign"]
    if sign == "noon":
        return (signs.noon_duty if words["other"] else signs.noon).format(**words).strip()
    text = str(getattr(signs, sign))
    text += signs.until if words["resume"] else ""
    text += signs.reach if words["contact"] else ""
    return text.format(**words).strip()


def window_outputs(hall: Hall, window: Mapping[str, Any]) -> list[State]:
    """Sign and number display of one window, as they should stand now."""
    config, ticket = hall.window[window["no"]], window["ticket"]
    outputs: list[State] = []
    if config.sign is not None:
        stands = hall.signs.call_stands_s if ticket is not None and ticket["state"] == "called" else 0.0
        text = sign_text(hall, window)
        outputs.append(ShowText(config.sign.device, config.sign.address, text, stands))
    in_hand = None if ticket is None else int("".join(filter(str.isdigit, ticket["number"])))
    outputs += [ShowNumber(box.device, box.address, in_hand, window["waiting"]) for box in config.call_boxes]
    return outputs
