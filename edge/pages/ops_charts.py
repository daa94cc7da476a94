"""Charts of a day as SVG, drawn by the service: lines, spans and bars in the colours of the page (ops.css). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 260, 44, 24, 16, 32
HOUR_S = 3600
STEP_S = 60
"""Between two points of a line."""


class Came(NamedTuple):
    """A ticket: when it was taken (seconds since midnight), minutes as told, minutes as they were."""

    taken_s: float
    low: float
    high: float
    came: float


class Frame(NamedTuple):
    """The hours (seconds since midnight) and the greatest value of a chart."""

    first_s: float
    last_s: float
    top: float

    def x(self, at_s: float) -> float:
        reach = (self.last_s - self.first_s) or 1
        return round(LEFT + (at_s - self.first_s) / reach * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)


def frame(first_s: float, last_s: float, top: float) -> Frame:
    """Whole hours, and a round number at the top."""
    first, last = int(first_s // HOUR_S), -(-int(last_s) // HOUR_S)
    return Frame(first * HOUR_S, max(last, first + 1) * HOUR_S, round_up(top))


def round_up(top: float) -> int:
    """The next of 4, 8, 12, 20, 40, 80, 120, 200, 400…: four equal steps of whole numbers."""
    unit = 1
    while top > 20 * unit:
        unit *= 10
    return next(step * unit for step in (4, 8, 12, 20) if top <= step * unit)


def crowd(spans: Sequence[tuple[float, float]]) -> list[tuple[float, int]]:
    """The most that were there in each minute (its start, in seconds) of these spans (from, to)."""
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    found, here, nth = [], 0, 0
    for minute in range(int(first // STEP_S), int(last // STEP_S) + 1):
        most = here
        while nth < len(changes) and changes[nth][0] < (minute + 1) * STEP_S:
            here += changes[nth][1]
            most, nth = max(most, here), nth + 1
        found.append((float(minute * STEP_S), most))
    return found if len(found) > 1 else [*found, (found[0][0] + STEP_S, found[0][1])]  # a point alone is not seen


def waiting(told: str, counts: Sequence[tuple[float, int]]) -> Markup:
    """How many waited: (seconds since midnight, people)."""
    box = frame(counts[0][0], counts[-1][0], max(count for _, count in counts))
    points = " ".join(f"{box.x(at)},{box.y(count)}" for at, count in counts)
    foot = f"{box.x(counts[-1][0])},{box.y(0)} {box.x(counts[0][0])},{box.y(0)}"
    drawn = Markup('<polygon class="area" points="{} {}"/><polyline class="line" points="{}"/>')
    return _chart(told, box, "人", drawn.format(points, foot, points))


def forecast(told: str, tickets: Sequence[Came]) -> Markup:
    """A bar from the least to the most that was told, and a dot for what came: filled inside, a ring outside of it."""
    first, last = min(each.taken_s for each in tickets), max(each.taken_s for each in tickets)
    box = frame(first, last, max(max(each.high, each.came) for each in tickets))
    return _chart(told, box, "分钟", Markup("").join(_came(box, each) for each in tickets))


def _came(box: Frame, each: Came) -> Markup:
    x, look = box.x(each.taken_s), "hit" if each.low <= each.came <= each.high else "miss"
    return Markup('<path class="range" d="M{} {}V{}"/><circle class="{}" cx="{}" cy="{}" r="4"/>').format(
        x, box.y(each.low), box.y(each.high) - 2, look, x, box.y(each.came)
    )


def _chart(told: str, box: Frame, unit: str, drawn: Markup) -> Markup:
    steps = [box.top * nth / 4 for nth in range(5)]
    grid = Markup("").join(
        Markup('<path class="grid" d="M{} {}H{}"/><text class="mute end" x="{}" y="{}">{:g}</text>').format(
            LEFT, box.y(step), WIDTH - RIGHT, LEFT - 6, box.y(step) + 4, step
        )
        for step in steps
    )
    first, last = int(box.first_s) // HOUR_S, int(box.last_s) // HOUR_S
    marks = Markup("").join(
        Markup('<path class="axis" d="M{} {}v5"/><text class="mute middle" x="{}" y="{}">{}:00</text>').format(
            box.x(hour * HOUR_S), HEIGHT - BOTTOM, box.x(hour * HOUR_S), HEIGHT - 10, hour
        )
        for hour in range(first, last + 1, 1 + (last - first) // 13)
    )
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, told)
    name = Markup('<text class="mute" x="{}" y="12">{}</text>').format(LEFT + 4, unit)
    return head + grid + name + drawn + marks + Markup("</svg>")


def bar(share: float, second: bool = False) -> Markup:
    """A share of 1 as a bar; the number stands beside it."""
    width = round(min(1.0, max(0.0, share)) * 120, 1)
    return Markup(
        '<svg class="chart share" viewBox="0 0 120 14" aria-hidden="true"><rect class="track" width="120" height="14"/>'
        '<rect class="bar{}" width="{}" height="14"/></svg>'
    ).format(" second" if second else "", width)
