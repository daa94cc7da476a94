"""A month of attendance as one picture: a cell for each person and day, by unit. Colours and signs say the same. Pure.

Nobody is named in it, so it may hang where the report may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from edge.attendance.rules import DayResult, Finding

Panel = tuple[str, Sequence[Sequence[DayResult]]]
"""A unit, and of each of its people the days."""
Place = tuple[float, float]
Cells = dict[str, list[Place]]
WIDTH, MARGIN, ACROSS, GAP = 960, 16, 3, 20
TITLE, HEAD, FOOT = 56, 40, 64
"""Heights: above all, above each panel, and of the legend."""
ROW = 7.5
INK, MUTE, PAPER = "#12202e", "#5f6e7c", "#fff"
FONT = "Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,Microsoft YaHei,PingFang SC,sans-serif"


@dataclass(frozen=True, slots=True)
class Mark:
    words: str
    fill: str
    sign: str = ""
    """A path from the middle of the cell."""
    ink: str = INK
    solid: bool = False


UP, DOWN, CROSS = "m-2.6 2l2.6-4 2.6 4z", "m-2.6-2l2.6 4 2.6-4z", "m-2-2l4 4m0-4l-4 4"
RING, DIAMOND, DASH = "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0", "m0-2.7l2.7 2.7-2.7 2.7-2.7-2.7z", "m-2.5 0h5"
MARKS = {
    "absent": Mark("旷工（拟）1天", "#a8200d", CROSS, PAPER),
    "half": Mark("旷工（拟）半天", "#f3a08f", CROSS, "#7a1407"),
    "missing": Mark("缺卡", "#cfe1fb", RING, "#0b4f9e"),
    "off_post": Mark("脱岗", "#e2d2f4", DIAMOND, "#5b2a91", solid=True),
    "late_30": Mark("迟到超过30分钟", "#e88a00", UP, INK, solid=True),
    "late_10": Mark("迟到10至30分钟", "#fbbf45", UP, INK, solid=True),
    "late": Mark("迟到10分钟以内", "#ffe3a3", UP, INK, solid=True),
    "early": Mark("早退", "#f2ee7c", DOWN, INK, solid=True),
    "excused": Mark("经核实不计", PAPER, UP, MUTE),
    "leave": Mark("请假、外出", "#bfe4e6", DASH, "#0b6470"),
    "duty": Mark("顶岗、值班", "#cfe8c4", "m-2 0h4m-2-2v4", "#2c6b1f"),
    "off": Mark("休息", "url(#off)"),
    "normal": Mark("正常", "#e4efe8"),
}
"""The gravest first: a day shows one."""
KINDS = {
    "one_sided": "missing",
    "missing_punch": "missing",
    "off_post": "off_post",
    "early": "early",
    "on_leave": "leave",
    "substitute": "duty",
    "on_duty": "duty",
    "day_off": "off",
    "provisional": "off",
    "on_time": "normal",
}


def month_svg(title: str, first: date, last: date, panels: Sequence[Panel]) -> str:
    """A standalone SVG without scripts. Equal results give equal text."""
    cells: Cells = {name: [] for name in MARKS}
    length = (last - first).days + 1
    step = (WIDTH - 2 * MARGIN - (ACROSS - 1) * GAP) / ACROSS / length
    heads, grids, y = [], [], float(TITLE)
    for start in range(0, len(panels), ACROSS):
        line = panels[start : start + ACROSS]
        for nth, (unit, people) in enumerate(line):
            x = MARGIN + nth * (step * length + GAP)
            heads.append(_head(x, y, step, unit, people, first, length))
            grids.append(_grid(x, y + HEAD, step, length, len(people)))
            _put(cells, x, y + HEAD, step, people, first)
        y += HEAD + ROW * max(len(people) for _, people in line) + GAP
    drawn = [_drawn(MARKS[name], places, step) for name, places in cells.items() if places]
    counts = {name: len(places) for name, places in cells.items()}
    everybody = sum(len(people) for _, people in panels)
    said = f"{everybody}人，每格一人一天。" + "，".join(f"{MARKS[n].words}{c}" for n, c in counts.items() if c)
    top = _text(MARGIN, 26, 18, title, INK, "700") + _text(MARGIN, 45, 12, f"{everybody}人，每格一人一天", MUTE)
    foot = _legend(y + 4, step, counts)
    return _page(y + FOOT, title, said, [top, *heads, *drawn, *grids, foot])


def _page(height: float, title: str, said: str, parts: Iterable[str]) -> str:
    hatch = f'<path d="M0 4L4 0" stroke="{MUTE}" stroke-width=".7" opacity=".55"/>'
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img" '
            f"aria-label={quoteattr(f'{title}。{said}')}>",
            f'<pattern id="off" width="4" height="4" patternUnits="userSpaceOnUse">{hatch}</pattern>',
            f'<rect width="{WIDTH}" height="{height:g}" fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        ]
    )


# ---- which mark a day gets


def mark_of(result: DayResult) -> str:
    """The key of `MARKS`: on a day off only that it is one, else the gravest that holds."""
    found = {_mark(each, result) for each in result.findings}
    return "off" if "off" in found else next((name for name in MARKS if name in found), "normal")


def _mark(finding: Finding, result: DayResult) -> str:
    if finding.excused:
        return "excused"
    if finding.absent_days:
        return "absent" if result.absent_days >= 1 else "half"
    if finding.kind == "late":
        return "late_30" if finding.minutes > 30 else "late_10" if finding.minutes > 10 else "late"
    return KINDS.get(finding.kind, "normal")


# ---- drawing


def _put(cells: Cells, x: float, y: float, step: float, people: Sequence[Sequence[DayResult]], first: date) -> None:
    for row, days in enumerate(people):
        for each in days:
            cells[mark_of(each)].append((x + (each.on - first).days * step, y + row * ROW))


def _drawn(mark: Mark, places: Sequence[Place], step: float) -> str:
    """All cells of one mark: one path for the ground, whose lines run on over neighbours, and one for the signs."""
    ground = f'<path d="{"".join(_runs(places, step))}" stroke="{mark.fill}" stroke-width="{ROW - 0.8}"/>'
    if not mark.sign:
        return ground
    signs = "".join(f"M{x + step / 2:.1f} {y + ROW / 2:.1f}{mark.sign}" for x, y in places)
    look = f'fill="{mark.ink}"' if mark.solid else f'fill="none" stroke="{mark.ink}" stroke-width="1.3"'
    return f'{ground}<path d="{signs}" {look}/>'


def _runs(places: Sequence[Place], step: float) -> Iterator[str]:
    start = 0
    for nth, (x, y) in enumerate(places, 1):
        if nth < len(places) and places[nth][1] == y and abs(places[nth][0] - x - step) < 0.01:
            continue
        yield f"M{places[start][0]:.1f} {y + ROW / 2:.1f}h{step * (nth - start):.1f}"
        start = nth


def _grid(x: float, y: float, step: float, length: int, rows: int) -> str:
    lines = "".join(f"M{x + nth * step:.1f} {y:.1f}v{rows * ROW:.1f}" for nth in range(length + 1))
    return f'<path d="{lines}" stroke="{PAPER}" stroke-width=".8"/>'


def _head(
    x: float, y: float, step: float, unit: str, people: Sequence[Sequence[DayResult]], first: date, length: int
) -> str:
    name = _text(x, y + 16, 14, unit, INK, "700") + _text(
        x + step * length, y + 16, 12, f"{len(people)}人", MUTE, "400", "end"
    )
    return name + "".join(_mondays(x, y + 34, step, first, length))


def _mondays(x: float, y: float, step: float, first: date, length: int) -> Iterator[str]:
    for nth in range(length):
        day = date.fromordinal(first.toordinal() + nth)
        if day.weekday() == 0:
            yield _text(x + nth * step, y, 10, f"{day.day}日", MUTE)


def _legend(y: float, step: float, counts: Mapping[str, int]) -> str:
    """Two lines; what does not occur is left out."""
    shown = [name for name in MARKS if counts[name]]
    drawn, half = [], -(-len(shown) // 2)
    for nth, name in enumerate(shown):
        x = MARGIN + nth % half * (WIDTH - 2 * MARGIN) / half
        line = y + 14 + nth // half * 22
        drawn.append(_drawn(MARKS[name], [(x, line - ROW)], step))
        drawn.append(_text(x + step + 4, line, 12, f"{MARKS[name].words} {counts[name]}", INK))
    return "".join(drawn)


def _text(x: float, y: float, size: int, words: str, colour: str, weight: str = "400", anchor: str = "start") -> str:
    look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(words)}</text>'
