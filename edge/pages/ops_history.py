"""How a device was over the last days, as a strip that reads without colour. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from edge.devices.past import Span

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
WIDTH, ROW, LEFT = 960, 30, 64
WORDS = {"ok": "正常", "warn": "注意", "bad": "不能用", "none": "没有消息"}
HEIGHTS = {"ok": 20, "warn": 13, "bad": 6, "none": 20}


def draw(found: Sequence[Span], days: Sequence[tuple[int, str]]) -> Markup:
    """A line for each day, (its midnight, its name); what works is high, what does not is low, unknown is dashed."""
    height = ROW * len(days) + 22
    rows = Markup("").join(_row(found, midnight, name, ROW * nth) for nth, (midnight, name) in enumerate(days))
    hours = Markup("").join(
        Markup('<text class="mute middle" x="{}" y="{}">{}</text>').format(_x(hour * HOUR_MS), height - 6, f"{hour}:00")
        for hour in range(0, 25, 4)
    )
    told = "最近几天：" + "，".join(_told(found))
    head = Markup('<svg class="chart strip" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        WIDTH, height, told
    )
    return head + rows + hours + Markup("</svg>")


def _row(found: Iterable[Span], midnight: int, name: str, y: float) -> Markup:
    drawn = Markup('<text x="0" y="{}">{}</text><path class="axis" d="M{} {}H{}"/>').format(
        y + 20, name, LEFT, y + 26, _x(DAY_MS)
    )
    for each in found:
        start, end = max(each.start, midnight), min(each.end, midnight + DAY_MS)
        if end > start:
            x, high = _x(start - midnight), HEIGHTS[each.severity]
            wide = max(1.0, round(_x(end - midnight) - x, 1))
            drawn += Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                each.severity, x, y + 26 - high, wide, high
            )
    return drawn


def _x(ms: int) -> float:
    return round(LEFT + ms / DAY_MS * (WIDTH - LEFT - 24), 1)


def _told(found: Iterable[Span]) -> list[str]:
    sums: dict[str, int] = {}
    for each in found:
        sums[each.severity] = sums.get(each.severity, 0) + each.end - each.start
    return [f"{WORDS[severity]} {ms / HOUR_MS:.1f} 小时" for severity, ms in sums.items()]
