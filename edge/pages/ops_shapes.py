"""The shapes beside the words of states, so that colour is never the only sign; and how long something lasts."""

from __future__ import annotations

from markupsafe import Markup

PATHS = {
    "idle": "M12 4a8 8 0 1 0 .01 0Z",
    "called": "M12 3a9 9 0 1 0 .01 0ZM12 5a7 7 0 1 1-7 7H12Z",
    "serving": "M12 3a9 9 0 1 0 .01 0Z",
    "paused": "M6 4h4v16H6ZM14 4h4v16h-4Z",
    "offline": "M5 5L19 19M19 5L5 19",
    "ok": "M12 3a9 9 0 1 0 .01 0Z",
    "warn": "M12 3L22 21H2Z",
    "bad": "M3 3H21V21H3Z",
    "none": "M12 2.5L21.5 12L12 21.5L2.5 12Z",
}
"""In a square of 24. `idle`, `offline` and `none` are lines (see ops.css), the others are filled."""


def sign(name: str) -> Markup:
    """As high as the text it stands in."""
    return Markup('<svg class="shape {}" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>').format(
        name, PATHS[name]
    )


def lasting(ms: int) -> str:
    """`不到 1 分钟`, `12 分钟`, `3 小时`, `2 天`"""
    minutes = max(0, ms) // 60_000
    if minutes < 1:
        return "不到 1 分钟"
    if minutes < 60:
        return f"{minutes} 分钟"
    return f"{minutes // 60} 小时" if minutes < 2880 else f"{minutes // 1440} 天"
