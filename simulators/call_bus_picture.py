"""A drawing of call boxes as they stand on a counter, with their keys and displays, and the evaluators beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, ACROSS = 344, 268, 3  # of one box with its evaluator, and boxes in a row
STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
RED, DARK_RED, AMBER, GREEN, OFF, INK = "#ff4030", "#2c0c0a", "#ffb000", "#3ddc84", "#4a555f", "#14181c"
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
BELL = "M-6 4H6L4.5 1V-2A4.5 4.5 0 0 0-4.5-2V1ZM-1.5 5.5A1.6 1.6 0 0 0 1.5 5.5Z"
WAVES = "M8.5-5A7 7 0 0 1 8.5 4M-8.5-5A7 7 0 0 0-8.5 4"
FACES = {  # grade: word, mouth, colour while the visitor is asked
    4: ("非常满意", "M-6 2Q0 10 6 2Z", "#3ddc84"),
    3: ("满意", "M-5 3Q0 7 5 3", "#a5d94c"),
    2: ("基本满意", "M-5 4H5", "#ffd02e"),
    1: ("不满意", "M-5 6Q0 2 5 6", "#ff9838"),
    0: ("非常不满意", "M-6 7Q0-1 6 7Z", "#ff5b4a"),
}
COUNTER = f'<rect y="206" width="{WIDTH}" height="62" fill="#cdbfa6"/><path d="M0 207H{WIDTH}" stroke="#a8987c"/>'
PAD = ("7", "8", "9", "4", "5", "6", "1", "2", "3", "清", "0")


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be seen of one box and its evaluator."""

    no: int
    display: str
    """Six digits or spaces."""
    typing: bool
    """They are what the clerk types, not what the host shows."""
    lamp: bool | None
    """The host said ok (True) or fail a moment ago."""
    beeping: bool
    keys: Mapping[str, str]
    """Names and labels of the keys that are no digits."""
    pressed: str
    """The name of the key that is down."""
    fault: str
    asking: bool
    graded: int | None
    """What the visitor pressed a moment ago."""
    stars: int


def draw(boxes: Sequence[Look]) -> str:
    """A standalone SVG."""
    across = max(1, min(ACROSS, len(boxes)))
    w, h = across * WIDTH, max(1, -(-len(boxes) // ACROSS)) * HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" {STYLE}>']
    if not boxes:
        parts.append(_text(w / 2, h / 2, 14, "还没有呼叫器", "#44525f"))
    for nth, look in enumerate(boxes):
        counter = (
            f'<rect y="206" width="{WIDTH}" height="62" fill="#cdbfa6"/><path d="M0 207H{WIDTH}" stroke="#a8987c"/>'
        )
        inside = counter + _box(look) + _evaluator(look)
        parts.append(f'<g transform="translate({nth % ACROSS * WIDTH} {nth // ACROSS * HEIGHT})">{inside}</g>')
    return "".join(parts) + "</svg>"


def _text(x: float, y: float, size: float, words: str, colour: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="middle" fill="{colour}"{more}>{escape(words)}</text>'


def _box(look: Look) -> str:
    colour = AMBER if look.typing else RED
    digits = "".join(
        f'<g transform="translate({22 + nth * 31} 46) scale(1.75)">{_digit(each, colour)}</g>'
        for nth, each in enumerate(look.display)
    )
    lamps = _lamp(22, "成功", GREEN, look.lamp is True) + _lamp(74, "暂不能", RED, look.lamp is False)
    bell = AMBER if look.beeping else OFF
    waves = f'<path d="{WAVES}" fill="none" stroke="{bell}" stroke-width="1.6"/>' if look.beeping else ""
    return (
        '<rect x="8" y="6" width="208" height="252" rx="10" fill="#31373d" stroke="#1d2125" stroke-width="2"/>'
        + _text(112, 26, 14, f"{look.no} 号呼叫器", "#fff")
        + f'<rect x="14" y="34" width="196" height="54" rx="4" fill="#140404" stroke="#0c0e10"/>{digits}{lamps}'
        + f'<g transform="translate(142 104)"><path d="{BELL}" fill="{bell}"/>{waves}</g>'
        + _text(184, 109, 13, look.fault, "#ff8a65", ' font-weight="700"')
        + _keypad(look)
    )


def _lamp(x: int, word: str, colour: str, lit: bool) -> str:
    return (
        f'<circle cx="{x}" cy="104" r="5" fill="{colour if lit else OFF}"/>'
        f'<text x="{x + 9}" y="108.5" font-size="12" fill="#c9d3dc">{word}</text>'
    )


def _keypad(look: Look) -> str:
    """Digits in three columns; the other keys in two beside them, and the last one under the 3."""
    *others, last = look.keys.items()
    places = [(3 + nth % 2, nth // 2, *key) for nth, key in enumerate(others)] + [(2, 3, *last)]
    digits = "".join(_cap(nth % 3, nth // 3, word, "#e9edf0", False) for nth, word in enumerate(PAD))
    return digits + "".join(
        _cap(column, row, label, "#8fc1e8" if name == "call" else "#b9c7d4", name == look.pressed)
        for column, row, name, label in places
    )


def _cap(column: int, row: int, word: str, colour: str, down: bool) -> str:
    x, y = 14 + column * 40, 120 + row * 34
    fill, drop = (AMBER, 2) if down else (colour, 0)
    size = 16.0 if word.isdigit() else 10.5 if len(word) > 2 else 12.0
    return (
        f'<rect x="{x}" y="{y + 3}" width="36" height="28" rx="4" fill="#15181b"/>'
        f'<rect x="{x}" y="{y + drop}" width="36" height="28" rx="4" fill="{fill}"/>'
        + _text(x + 18, y + drop + 14 + size * 0.36, size, word, INK)
    )


def _evaluator(look: Look) -> str:
    stars = "".join(
        f'<path transform="translate({nth * 19} 0) scale(.85)" d="{STAR}" fill="{AMBER if nth < look.stars else OFF}"/>'
        for nth in range(5)
    )
    word, colour = ("请评价", AMBER) if look.asking else ("谢谢", GREEN) if look.graded is not None else ("", OFF)
    faces = "".join(_face(look, grade, 80 + nth * 32) for nth, grade in enumerate(FACES))
    return (
        '<rect x="224" y="6" width="112" height="252" rx="10" fill="#31373d" stroke="#1d2125" stroke-width="2"/>'
        + _text(280, 26, 14, "评价器", "#fff")
        + f'<g transform="translate(242 44)">{stars}</g>'
        + f'<rect x="230" y="56" width="100" height="196" rx="6" fill="#1f2429"/>{faces}'
        + _text(280, 246, 14, word, colour, ' font-weight="700"')
    )


def _face(look: Look, grade: int, y: int) -> str:
    word, mouth, colour = FACES[grade]
    lit = look.asking or look.graded == grade
    fill = colour if lit else OFF
    return (
        f'<g transform="translate(246 {y})"><circle r="12" fill="{fill}"/>'
        f'<path d="M-4-3V-2.9M4-3V-2.9" stroke="{INK}" stroke-width="3.4" stroke-linecap="round"/>'
        f'<path d="{mouth}" fill="none" stroke="{INK}" stroke-width="1.8" stroke-linecap="round"/></g>'
        f'<text x="264" y="{y + 4.5}" font-size="12.5" fill="{"#fff" if lit else "#93a1ad"}">{word}</text>'
    )


def _digit(digit: str, colour: str) -> str:
    lit = LIT[int(digit)] if digit.isdigit() else ""
    off = "".join(SEGMENTS.values())
    on = "".join(SEGMENTS[each] for each in lit)
    return (
        f'<path d="{off}" stroke="{DARK_RED}" stroke-width="2.2" stroke-linecap="round"/>'
        f'<path d="{on}" stroke="{colour}" stroke-width="2.2" stroke-linecap="round"/>'
    )
