"""Drawings of a telephone with the messages that came, and of what sent them: a modem with its lamps, or a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from unicodedata import category

STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
WIDTH, HEIGHT = 520, 400
ROOM, TOP = 384, 62  # where the screen ends, where its first message begins
LINE, LINES, EMS = 20, 6, 16  # of the text of a message: height, most lines, hanzi to a line
GREEN, RED, AMBER, DARK, GREY = "#2fbf94", "#e0503a", "#ffb000", "#3a444d", "#5f6e7c"
STATES = {
    "sent": ("已发出", GREY),
    "delivered": ("已送达", "#007a5a"),
    "failed": ("未送达", "#b3261e"),
    "partial": ("缺段落", "#9a5b00"),
    "accepted": ("已受理", "#007a5a"),
    "refused": ("被拒绝", "#b3261e"),
    "error": ("出错", "#b3261e"),
    "cut": ("断开", "#9a5b00"),
}
SIMS = {"absent": "未插卡", "pin": "卡要密码", "puk": "卡已锁死", "ready": "卡正常"}

Shown = tuple[str, str, str]
"""Number, text, and one of `STATES`."""


def modem_and_phone(powered: bool, sim: str, registered: bool, rssi: int, messages: Sequence[Shown]) -> str:
    """`sim` is one of `SIMS`, `rssi` 0 (nothing) to 31, `messages` the newest first. Returns a standalone SVG."""
    lamps = [
        ("电源", GREEN if powered else DARK),
        (SIMS[sim], (GREEN if sim == "ready" else RED) if powered else DARK),
        ("已入网" if registered else "未入网", (GREEN if registered else RED) if powered else DARK),
    ]
    bars = "".join(
        f'<rect x="{36 + 22 * nth}" y="{320 - 10 * nth}" width="14" height="{12 + 10 * nth}" '
        f'fill="{AMBER if powered and rssi > 6 * nth else DARK}"/>'
        for nth in range(5)
    )
    body = (
        '<path d="M150 96V20" stroke="#14181c" stroke-width="9" stroke-linecap="round"/>'
        '<rect x="16" y="92" width="168" height="272" rx="10" fill="#2b2f33"/>'
        f'<text x="36" y="128" font-size="20" fill="#fff">短信猫</text>{_lamps(lamps)}{bars}'
        '<text x="36" y="352" font-size="14" fill="#b9c7d4">信号</text>'
    )
    return _svg(body, messages)


def gateway_and_phone(word: str, good: bool, messages: Sequence[Shown]) -> str:
    """`word` says how the gateway does, `messages` the newest first. Returns a standalone SVG."""
    slots = "".join(f'<path d="M36 {300 + 16 * nth}H164" stroke="#14181c" stroke-width="6"/>' for nth in range(4))
    body = (
        '<rect x="16" y="92" width="168" height="272" rx="10" fill="#2b2f33"/>'
        '<text x="36" y="128" font-size="20" fill="#fff">短信网关</text>'
        f"{_lamps([('电源', GREEN), (word, GREEN if good else RED)])}{slots}"
    )
    return _svg(body, messages)


def _lamps(lamps: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f'<circle cx="44" cy="{162 + 36 * nth}" r="8" fill="{colour}"/>'
        f'<text x="64" y="{168 + 36 * nth}" font-size="16" fill="#fff">{word}</text>'
        for nth, (word, colour) in enumerate(lamps)
    )


def _svg(body: str, messages: Sequence[Shown]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f"{STYLE}>{body}"
        '<rect x="204" y="4" width="308" height="392" rx="22" fill="#14181c"/>'
        '<rect x="212" y="14" width="292" height="372" rx="14" fill="#f3f6f8"/>'
        '<text x="358" y="42" font-size="16" font-weight="700" text-anchor="middle" fill="#12202e">短信</text>'
        '<path d="M212 54H504" stroke="#c9d2da"/>'
        f"{_bubbles(messages)}</svg>"
    )


def _bubbles(messages: Sequence[Shown]) -> str:
    """As many as the screen has room for."""
    if not messages:
        return '<text x="358" y="214" font-size="14" text-anchor="middle" fill="#44525f">还没有短信</text>'
    parts, y = [], TOP
    for number, text, state in messages:
        lines = wrapped(text)
        height = 26 + LINE * len(lines) + 16
        if y + height > ROOM:
            break
        parts.append(_bubble(y, number, lines, *STATES[state]))
        y += height + 4
    return "".join(parts)


def _bubble(y: int, number: str, lines: Sequence[str], word: str, colour: str) -> str:
    rows = "".join(
        f'<text x="234" y="{y + 42 + LINE * nth}" font-size="15" fill="#12202e">{escape(line)}</text>'
        for nth, line in enumerate(lines)
    )
    return (
        f'<text x="224" y="{y + 16}" font-size="13" fill="#44525f">{escape(printable(number)[:22])}</text>'
        f'<text x="492" y="{y + 16}" font-size="13" text-anchor="end" fill="{colour}">{word}</text>'
        f'<rect x="224" y="{y + 22}" width="268" height="{LINE * len(lines) + 12}" rx="8" fill="#d5efe3"/>{rows}'
    )


def wrapped(text: str) -> list[str]:
    """At most `LINES` lines of `EMS` hanzi, or somewhat more letters; what does not fit ends in an ellipsis."""
    lines, width = [""], 0.0
    for char in printable(text):
        step = 0.65 if char < "\u0300" and char not in "MW@%" else 1.0
        if char == "\n" or width + step > EMS:
            lines.append("")
            width = 0.0
        if char != "\n":
            lines[-1] += char
            width += step
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1][:-1] + "…"]
    return lines


def printable(text: str) -> str:
    """With a box for what an SVG cannot hold or a font cannot show: control characters, surrogates, no characters."""
    return "".join("□" if char != "\n" and category(char) in ("Cc", "Cs", "Cn", "Co") else char for char in text)
