"""A drawing of an evaluator with its five faces, of a number block, or of any other keys in a row."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from html import escape

STYLE = 'font-family="Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Zen Hei,sans-serif"'
FACES = {"1": "非常不满意", "2": "不满意", "3": "基本满意", "4": "满意", "5": "非常满意"}
SKINS = ("#e2604a", "#ee9345", "#f2c53d", "#a8cf45", "#4fbf6b")
SMILES = (-16, -8, 0, 10, 20)
BLOCK = (("7", "8", "9", "*"), ("4", "5", "6", "+"), ("1", "2", "3", "Enter"), ("0",))
FACE, KEY = 96, 52  # the width of a face and of a key with what is around it


def draw(keys: Sequence[str], lit: Container[str]) -> str:
    """A standalone SVG; the keys in `lit` are pressed. `KP1` looks like `1`."""
    caps = {key.removeprefix("KP"): key in lit for key in keys}
    if list(caps) == list(FACES):
        return _faces(caps)
    if {*map(str, range(10)), "Enter"} <= caps.keys():
        return _grid(BLOCK, caps)
    return _grid((tuple(caps),), caps)


def _faces(caps: Mapping[str, bool]) -> str:
    faces = "".join(
        f'<g transform="translate({FACE * nth + FACE // 2 + 12} 88)">{_face(nth, word, caps[key])}</g>'
        for nth, (key, word) in enumerate(FACES.items())
    )
    title = (
        f'<text x="{FACE * 5 // 2 + 12}" y="34" font-size="20" text-anchor="middle" fill="#fff">请您评价本次服务</text>'
    )
    return _box(FACE * 5 + 24, 170, title + faces)


def _face(nth: int, word: str, pressed: bool) -> str:
    ring = '<circle r="38" fill="none" stroke="#fff" stroke-width="4"/>' if pressed else ""
    up, bend = 12 - SMILES[nth] // 2, 12 + SMILES[nth] // 2
    return (
        f'<circle r="32" fill="{SKINS[nth]}"/>{ring}'
        '<g fill="#33281c"><circle cx="-11" cy="-8" r="4"/><circle cx="11" cy="-8" r="4"/></g>'
        f'<path d="M-15 {up}Q0 {bend} 15 {up}" fill="none" stroke="#33281c" stroke-width="3.5" stroke-linecap="round"/>'
        f'<text y="62" font-size="16" text-anchor="middle" fill="#fff">{word}</text>'
    )


def _grid(rows: Sequence[Sequence[str]], caps: Mapping[str, bool]) -> str:
    shown = "".join(
        _key(12 + KEY * x, 12 + KEY * y, word, caps[word])
        for y, row in enumerate(rows)
        for x, word in enumerate(row)
        if word in caps
    )
    return _box(KEY * max(map(len, rows)) + 16, KEY * len(rows) + 16, shown)


def _key(x: int, y: int, word: str, pressed: bool) -> str:
    fill, ink = ("#ffb000", "#14181c") if pressed else ("#4a545d", "#fff")
    size = 20 if len(word) < 3 else 13
    return (
        f'<rect x="{x}" y="{y}" width="{KEY - 8}" height="{KEY - 8}" rx="6" fill="{fill}"/>'
        f'<text x="{x + KEY // 2 - 4}" y="{y + 29}" font-size="{size}" text-anchor="middle" fill="{ink}">'
        f"{escape(word)}</text>"
    )


def _box(w: int, h: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" {STYLE}>'
        f'<rect width="{w}" height="{h}" rx="10" fill="#22282e"/>{inside}</svg>'
    )
