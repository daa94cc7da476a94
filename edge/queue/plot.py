"""How many wait through the day, one line a rule, as an SVG that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, EDGE = 960, 360, 48
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b7950b", "#566573")
STEP_S = 300


def crowd(spans: Sequence[tuple[float, float]], times: Sequence[float]) -> list[int]:
    """How many of `spans` (from, to) hold each of `times`."""
    starts, ends = sorted(start for start, _ in spans), sorted(end for _, end in spans)
    counts, begun, done = [], 0, 0
    for time in times:
        while begun < len(starts) and starts[begun] <= time:
            begun += 1
        while done < len(ends) and ends[done] <= time:
            done += 1
        counts.append(begun - done)
    return counts


def svg(title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """`lines`: name -> when each visitor waited, seconds since midnight."""
    spans = [span for each in lines.values() for span in each]
    first, last = int(min(span[0] for span in spans)), int(max(span[1] for span in spans))
    times = list(range(first, last + STEP_S, STEP_S))
    counts = {name: crowd(each, times) for name, each in lines.items()}
    top = max(1, *(max(each) for each in counts.values()))

    def x(time: float) -> float:
        return EDGE + (time - first) / (times[-1] - first or 1) * (WIDTH - 2 * EDGE)

    def y(count: float) -> float:
        return HEIGHT - EDGE - count / top * (HEIGHT - 2 * EDGE)

    parts = [f'<text x="{EDGE}" y="24" font-size="16">{escape(title)}</text>']
    parts += [_hour(x(hour * 3600), hour) for hour in range(first // 3600 + 1, times[-1] // 3600 + 1)]
    parts += [f'<text x="8" y="{y(count):.0f}">{count}</text>' for count in (0, top)]
    for nth, (name, each) in enumerate(counts.items()):
        colour = COLOURS[nth % len(COLOURS)]
        points = " ".join(f"{x(time):.1f},{y(count):.1f}" for time, count in zip(times, each, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - EDGE - 90}" y="{24 + 18 * nth}" fill="{colour}">{escape(name)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return "\n".join(
        [f'{head} font-size="13">', '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""]
    )


def _hour(x: float, hour: int) -> str:
    line = f'<path d="M{x:.0f} {EDGE}V{HEIGHT - EDGE}" stroke="#ddd"/>'
    return f'{line}<text x="{x - 14:.0f}" y="{HEIGHT - EDGE + 20}">{hour:02d}:00</text>'
