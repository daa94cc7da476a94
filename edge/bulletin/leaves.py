"""Cuts what is to be shown into leaves that a screen can hold in type large enough to read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from edge.hallscreens import DIGIT_EM

CLOSING = "，。、；：！？）》”’%"
PIECE = re.compile(rf"(?:[!-~–]+[人号年月日时分元]?|\S)[{CLOSING}]*|[^\S\n]+")
"""What no line may break: a word of Latin letters, a figure with its unit, a mark that closes what is before it."""
BLANK_EM = 0.3
PART = 0.7
"""Of the title's type: `2/3` beside it."""


class Card(NamedTuple):
    kind: str
    title: str
    blocks: tuple[str, ...]
    """Paragraphs or rows: one that fits on a leaf is not cut."""


class Leaf(NamedTuple):
    kind: str
    title: tuple[str, ...]
    """In lines, as what follows."""
    part: str
    """`2/3`, empty for a card of one leaf."""
    lines: tuple[str, ...]


def width(text: str) -> float:
    """In type sizes: 1 for Han."""
    return sum(BLANK_EM if char == " " else DIGIT_EM if char < "\u2018" else 1.0 for char in text)


def wrap(text: str, columns: float) -> list[str]:
    """Lines no wider than so many Han; a word that is wider than a line is cut."""
    return [line for each in text.split("\n") for line in _wrap(each, columns)]


def _wrap(text: str, columns: float) -> Iterator[str]:
    line = ""
    for piece in (part for found in PIECE.findall(text) for part in _cut(found, columns)):
        if width(line + piece.rstrip()) > columns:
            yield line.rstrip()
            line = ""
        line = line + piece if line else piece.lstrip()
    yield line.rstrip()


def _cut(piece: str, columns: float) -> Iterator[str]:
    while width(piece) > columns:
        fits = next(n for n in range(len(piece), 0, -1) if n == 1 or _may_end(piece, n, columns))
        yield piece[:fits]
        piece = piece[fits:]
    if piece:
        yield piece


def _may_end(piece: str, n: int, columns: float) -> bool:
    return width(piece[:n]) <= columns and piece[n : n + 1] not in CLOSING


def leaves(cards: Iterable[Card], columns: int, lines: int) -> list[Leaf]:
    """The playlist, leaf by leaf; each holds at most so many lines, its title among them."""
    return [leaf for card in cards for leaf in _leaves(card, columns, lines)]


def _leaves(card: Card, columns: int, lines: int) -> Iterator[Leaf]:
    title, parts = _laid(card, columns, columns, lines)
    if len(parts) > 1:
        title, parts = _laid(card, columns - PART * width(f" {len(parts)}/{len(parts)}"), columns, lines)
    for nth, part in enumerate(parts, 1):
        heading = tuple(title if nth == 1 else title[:1])
        yield Leaf(card.kind, heading, f"{nth}/{len(parts)}" if len(parts) > 1 else "", tuple(part))


def _laid(card: Card, across: float, columns: int, lines: int) -> tuple[list[str], list[list[str]]]:
    """The title in lines of `across`, and what stands under it on each leaf."""
    head = wrap(card.title, across)
    title, rest = head[: max(1, lines // 2)], head[max(1, lines // 2) :]
    blocks = [rest] * bool(rest) + [wrap(each, columns) for each in card.blocks]
    return title, _parts(blocks, max(1, lines - len(title)), max(1, lines - 1))


def _parts(blocks: Sequence[list[str]], first: int, room: int) -> list[list[str]]:
    """As many blocks on each as go; only one that is longer than a whole leaf is cut. The first has its own room."""
    parts: list[list[str]] = [[]]
    for block in blocks:
        left = (room if parts[1:] else first) - len(parts[-1])
        if parts[-1] and len(block) > left:
            parts.append([])
        for line in block:
            if len(parts[-1]) == (room if parts[1:] else first):
                parts.append([])
            parts[-1].append(line)
    return parts
