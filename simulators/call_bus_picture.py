"""A drawing of call boxes with their six-digit displays and the evaluators beside them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, ACROSS = 256, 132, 3  # of one box with its evaluator, and boxes in a row
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
SEGMENTS = {  # seven-segment shapes as strokes in a cell of 10 x 18
    "a": "M1.5 0H8.5",
    "b": "M10 1.5V7.5",
    "c": "M10 10.5V16.5",
    "d": "M1.5 18H8.5",
    "e": "M0 10.5V16.5",
    "f": "M0 1.5V7.5",
    "g": "M1.5 9H8.5",
}
LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
STAR = "M0-9 2.6-3.6 8.6-2.8 4.3 1.4 5.3 7.3 0 4.5-5.3 7.3-4.3 1.4-8.6-2.8-2.6-3.6Z"


def draw(boxes: Sequence[tuple[int, str, bool, int, str]]) -> str:
    """`boxes`: (address, six digits or spaces, evaluator asks, stars, fault). Returns a standalone SVG."""
    across = max(1, min(ACROSS, len(boxes)))
    w, h = across * WIDTH, max(1, -(-len(boxes) // ACROSS)) * HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" {STYLE}>']
    if not boxes:
        parts.append(
            f'<text x="{w / 2}" y="{h / 2}" font-size="14" text-anchor="middle" fill="#44525f">还没有呼叫器</text>'
        )
    for nth, box in enumerate(boxes):
        parts.append(f'<g transform="translate({nth % ACROSS * WIDTH} {nth // ACROSS * HEIGHT})">{_box(*box)}</g>')
    return "".join(parts) + "</svg>"


def _box(address: int, digits: str, asking: bool, stars: int, fault: str) -> str:
    light = "#ffb000" if asking else "#5f6e7c"
    word = "请评价" if asking else "未邀请"
    shown = "".join(
        f'<g transform="translate({16 + nth * 22} 0)">{_digit(each)}</g>' for nth, each in enumerate(digits)
    )
    row = "".join(
        f'<path transform="translate({nth * 11} 0) scale(.5)" d="{STAR}" fill="{colour}"/>'
        for nth, colour in enumerate(["#ffb000"] * min(stars, 5) + ["#3a444d"] * (5 - min(stars, 5)))
    )
    return (
        '<rect x="4" y="4" width="168" height="124" rx="6" fill="#2b2f33"/>'
        f'<text x="16" y="24" font-size="14" fill="#fff">{address} 号呼叫器</text>'
        '<rect x="12" y="34" width="152" height="48" rx="3" fill="#140404"/>'
        f'<g transform="translate(0 44) scale(1 1.55)">{shown}</g>'
        f'<text x="16" y="108" font-size="16" font-weight="700" fill="#ff7a4f">{escape(fault)}</text>'
        '<rect x="178" y="4" width="74" height="124" rx="6" fill="#2b2f33"/>'
        '<text x="215" y="24" font-size="14" text-anchor="middle" fill="#fff">评价器</text>'
        f'<path transform="translate(215 58) scale(1.6)" d="{STAR}" fill="{light}"/>'
        f'<text x="215" y="96" font-size="14" text-anchor="middle" fill="#fff">{word}</text>'
        f'<g transform="translate(193 114)">{row}</g>'
    )


def _digit(digit: str) -> str:
    lit = LIT[int(digit)] if digit.isdigit() else ""
    off = "".join(SEGMENTS.values())
    on = "".join(SEGMENTS[each] for each in lit)
    return f'<path d="{off}" stroke="#2c0c0a" stroke-width="2"/><path d="{on}" stroke="#ff4030" stroke-width="2"/>'
