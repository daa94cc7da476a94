"""An hour that is over as a drawing whose minutes are links: who waited, what was wrong with devices, and where one is.

Pure. The keyboard has the steps of the page instead of sixty stops here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from edge.pages.ops_charts import round_up

WIDTH, LEFT, RIGHT, TOP, HIGH, ROW, FOOT = 1100, 40, 16, 20, 96, 28, 24
MINUTES = 60
ROWS = 4
"""Devices that are drawn, those first that were ill longest."""


class Trouble(NamedTuple):
    name: str
    spans: Sequence[tuple[float, float, str]]
    """From and to in minutes of the hour, and warn or bad."""


class Hour(NamedTuple):
    hour: int
    at: int
    """The minute that is shown."""
    waiting: Mapping[int, int]
    """At each minute that is on record."""
    troubles: Sequence[Trouble]
    href: Callable[[int], str]
    """Of a minute."""


def draw(it: Hour) -> Markup:
    rows, more = it.troubles[:ROWS], len(it.troubles[ROWS:])
    bottom = TOP + HIGH + ROW * (len(rows) + bool(more))
    top = round_up(max(it.waiting.values(), default=0))
    drawn = _grid(it, top, bottom) + _people(it, top) + _mark(it, bottom)
    drawn += Markup("").join(_trouble(each, TOP + HIGH + ROW * nth) for nth, each in enumerate(rows))
    if more:
        drawn += Markup('<text x="{}" y="{}">另有 {} 台设备也不正常</text>').format(LEFT, bottom - 11, more)
    drawn += Markup("").join(_minute(it, nth, bottom) for nth in it.waiting)
    told = f"{it.hour} 点到 {it.hour + 1} 点：等候人数，和设备不正常的时候"
    size = Markup('viewBox="0 0 {} {}"').format(WIDTH, bottom + FOOT)
    return Markup('<svg {} class="chart hour" role="group" aria-label="{}">{}</svg>').format(size, told, drawn)


def _x(minute: float) -> float:
    return round(LEFT + minute / MINUTES * (WIDTH - LEFT - RIGHT), 1)


def _y(people: float, top: float) -> float:
    return round(TOP + HIGH - people / top * HIGH, 1)


def _grid(it: Hour, top: int, bottom: float) -> Markup:
    lines = Markup("").join(
        Markup('<path class="grid" d="M{} {}H{}"/><text class="mute end" x="{}" y="{}">{}</text>').format(
            LEFT, _y(each, top), WIDTH - RIGHT, LEFT - 6, _y(each, top) + 4, each
        )
        for each in (0, top // 2, top)
    )
    marks = Markup("").join(
        Markup('<path class="axis" d="M{} {}v4"/><text class="mute middle" x="{}" y="{}">{}</text>').format(
            _x(minute), bottom, _x(minute), bottom + 18, f"{it.hour + minute // MINUTES}:{minute % MINUTES:02d}"
        )
        for minute in range(0, MINUTES + 1, 10)
    )
    return lines + marks


def _people(it: Hour, top: float) -> Markup:
    """A step for each minute: what was counted at its start."""
    if not it.waiting:
        return Markup()
    first = min(it.waiting)
    steps = "".join(f"V{_y(count, top)}H{_x(nth + 1)}" for nth, count in it.waiting.items())
    return Markup('<path class="area" d="M{x} {foot}{steps}V{foot}Z"/><path class="line" d="M{x} {y}{steps}"/>').format(
        x=_x(first), y=_y(it.waiting[first], top), foot=_y(0, top), steps=steps
    )


def _trouble(it: Trouble, y: float) -> Markup:
    bars = Markup("").join(
        Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
            severity, _x(start), y + (20 if severity == "bad" else 23), max(2.0, round(_x(end) - _x(start), 1)), high
        )
        for start, end, severity in it.spans
        for high in [6 if severity == "bad" else 3]
    )
    place = _x(min(it.spans[0][0], MINUTES * 0.8))
    return bars + Markup('<text x="{}" y="{}">{}</text>').format(place, y + 17, it.name)


def _mark(it: Hour, bottom: float) -> Markup:
    x, near_end = _x(it.at), it.at > MINUTES * 0.8
    people = f" · 等 {it.waiting[it.at]} 人" if it.at in it.waiting else ""
    return Markup('<path class="here" d="M{} {}V{}"/><text class="here{}" x="{}" y="13">{}</text>').format(
        x, TOP - 4, bottom, " end" if near_end else "", x - 6 if near_end else x + 6, f"{it.hour}:{it.at:02d}{people}"
    )


def _minute(it: Hour, minute: int, bottom: float) -> Markup:
    told = f"{it.hour}:{minute:02d} 等 {it.waiting[minute]} 人"
    wide = (WIDTH - LEFT - RIGHT) / MINUTES
    return Markup(
        '<a href="{}" tabindex="-1" aria-label="{}"><title>{}</title>'
        '<rect class="minute" x="{}" y="{}" width="{:.1f}" height="{}"/></a>'
    ).format(it.href(minute), told, told, round(_x(minute) - wide / 2, 1), TOP, wide, bottom - TOP)
