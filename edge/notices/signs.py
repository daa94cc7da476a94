"""What stands over and on the counter of a window, from what the window is doing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.hall import Hall
from edge.notices.outputs import ShowNumber, ShowText, State
from edge.windows.desk import SIGN_WORDS


def sign_text(hall: Hall, window: Mapping[str, Any]) -> str:
    """The words on the window's screen; `window` is one entry of `queue.board.windows`."""
    ticket = window["ticket"]
    if ticket is not None and ticket["state"] == "called":
        return hall.hall.call.format(
            number=ticket["number"], floor=window["floor"], no=window["no"], name=window["name"]
        )
    if ticket is not None:
        return f"{ticket['number']}号 正在办理"
    if window["state"] == "paused":
        return SIGN_WORDS[window["paused_sign"]]
    return f"{window['no']}号 {window['name']}"


def window_outputs(hall: Hall, window: Mapping[str, Any]) -> list[State]:
    """Sign and number display of one window, as they should stand now."""
    config, ticket = hall.window[window["no"]], window["ticket"]
    outputs: list[State] = []
    if config.sign is not None:
        outputs.append(ShowText(config.sign.device, config.sign.address, sign_text(hall, window)))
    if config.call_box is not None:
        in_hand = None if ticket is None else int("".join(filter(str.isdigit, ticket["number"])))
        outputs.append(ShowNumber(config.call_box.device, config.call_box.address, in_hand, window["waiting"]))
    return outputs
