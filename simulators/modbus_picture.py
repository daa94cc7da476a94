"""A drawing of a Modbus line: digit boards, and modules on their rail with the push buttons that hang on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from simulators.seven_segment import STYLE, svg

WIDTH, GAP = 560, 12
ACROSS, STEP = 5, 80  # buttons in a row, and from one to the next
GREEN, AMBER, OFF, INK = "#3ddc84", "#ffb000", "#4a555f", "#14181c"
BELL = "M-6 4H6L4.5 1V-2A4.5 4.5 0 0 0-4.5-2V1ZM-1.5 5.5A1.6 1.6 0 0 0 1.5 5.5Z"


@dataclass(frozen=True, slots=True)
class Panel:
    """What is to be seen of one module."""

    unit: int
    buttons: Sequence[tuple[str, bool, bool]]
    """Label, whether it is pressed, and whether its lamp is lit."""
    inputs: Sequence[bool]
    coils: Sequence[bool]
    buzzer: bool | None
    """Whether it sounds; None when there is none."""


def draw(boards: Sequence[tuple[str, Sequence[int]]], panels: Sequence[Panel]) -> str:
    """A standalone SVG. `boards`: caption and segment patterns of each."""
    if not panels:
        return svg(boards)
    parts, y, width = [], 0, WIDTH
    if boards:
        digits = svg(boards)
        w, h = (int(each) for each in re.findall(r'(?:width|height)="(\d+)"', digits)[:2])
        parts, y, width = [digits], h, max(WIDTH, w)
    for panel in panels:
        parts.append(f'<g transform="translate(0 {y})">{_panel(panel)}</g>')
        y += _height(panel) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" {STYLE}>'
    return head + "".join(parts) + "</svg>"


def _height(panel: Panel) -> int:
    return 36 + 108 * max(1, -(-len(panel.buttons) // ACROSS))


def _panel(panel: Panel) -> str:
    h = _height(panel)
    buttons = "".join(
        f'<g transform="translate({176 + nth % ACROSS * STEP} {72 + nth // ACROSS * 108})">{_button(*button)}</g>'
        for nth, button in enumerate(panel.buttons)
    )
    bell = ""
    if panel.buzzer is not None:
        bell = f'<path transform="translate(538 22) scale(1.4)" d="{BELL}" fill="{AMBER if panel.buzzer else OFF}"/>'
    return (
        f'<path d="M0 40H120V52H0ZM0 100H120V112H0Z" fill="#b9bfc5"/>{_module(panel)}'
        f'<path d="M114 72H132" stroke="{INK}" stroke-width="4"/>'
        f'<rect x="130" y="4" width="426" height="{h - 8}" rx="8" fill="#dfe3e6" stroke="#8d979f"/>'
        f'<text x="146" y="28" font-size="14" fill="#44525f">{panel.unit} 号按钮盒</text>{buttons}{bell}'
    )


def _module(panel: Panel) -> str:
    return (
        '<rect x="8" y="4" width="106" height="136" rx="4" fill="#2f6f8f" stroke="#1d4a61"/>'
        '<path d="M14 10H108V28H14ZM14 116H108V134H14Z" fill="#1d7a4a"/>'
        + "".join(f'<circle cx="{22 + n * 11}" cy="{y}" r="3.4" fill="#cdd6cf"/>' for y in (19, 125) for n in range(8))
        + f'<text x="61" y="48" font-size="13" text-anchor="middle" fill="#fff">站号 {panel.unit}</text>'
        + _leds("DI", panel.inputs, 64, GREEN)
        + _leds("DO", panel.coils, 92, AMBER)
    )


def _leds(name: str, lit: Sequence[bool], y: int, colour: str) -> str:
    lamps = "".join(
        f'<circle cx="{38 + nth % 8 * 9.6}" cy="{y - 3 + nth // 8 * 10}" r="3.4" fill="{colour if on else "#17394a"}"/>'
        for nth, on in enumerate(lit)
    )
    return f'<text x="14" y="{y + 1}" font-size="11" fill="#fff">{name}</text>{lamps}'


def _button(label: str, pressed: bool, lit: bool) -> str:
    cap, shade = ("#ffcf4a", "#c98d00") if lit else ("#e8473b", "#9a1f17")
    drop = 3 if pressed else 0
    return (
        '<circle r="27" fill="#7d868d"/><circle r="24" fill="#3b4248"/>'
        f'<circle cy="2" r="20" fill="{shade}"/><circle cy="{drop - 2}" r="{19 if pressed else 20}" fill="{cap}"/>'
        f'<text y="48" font-size="14" text-anchor="middle" fill="{INK}">{escape(label)}</text>'
    )
