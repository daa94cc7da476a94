"""The queue of a day: who waited when, what each window did, whether the load is even, and whether forecasts held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from edge.attendance import words
from edge.clock import Now
from edge.guard import needs
from edge.hall import Hall
from edge.pages import ops_charts as charts
from edge.pages.attendance_day import read_day
from edge.pages.ops_picture import doing
from edge.pages.ops_shapes import sign
from edge.pages.render import page
from edge.parts import parts_of
from edge.queue import board, estimates, figure_views, periods
from edge.statements import Statements

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
UNEVEN = 1.5
"""A window that does so many times the cases an hour of one that serves the same is said to."""
FEW = 5
"""Cases of a group below which nothing is said of it."""
View = Mapping[str, Any]


class Chart(NamedTuple):
    words: str
    svg: Markup | None
    peak: str = ""
    """When it was most: `10:15`."""


@router.get("/ops/queue", dependencies=[needs("ops")])
def queue(request: Request, day: str = "") -> Response:
    """Today, or the day `day`."""
    parts, now = parts_of(request), parts_of(request).clock.now()
    today = date.fromisoformat(now.day)
    shown = read_day(day) or today
    on = shown.isoformat()
    with parts.database.read() as connection:
        found = figure_views.day_figures(connection, parts.hall, now, on)
        priority = figure_views.day_priority(connection, parts.hall, now, on)
        waited, came = _waited(connection, parts.hall, now, on), _came(connection, parts.hall, on)
        views = board.windows(connection, parts.hall) if shown == today else []
    return page(
        request,
        "ops_queue",
        page="ops attendance",
        here="queue",
        day=shown,
        day_words=words.day_words(shown),
        today=today,
        steps=(shown - timedelta(days=1), shown + timedelta(days=1)),
        week=shown - timedelta(days=6),
        found=found,
        priority=priority,
        waiting=_waiting_chart(waited),
        forecast=_forecast_chart(came),
        imbalance=imbalance(found["balance"], found["windows"]),
        doing={view["no"]: doing(view) for view in views},
        bar=charts.bar,
        sign=sign,
    )


# ---- who waited


def _waited(connection: Statements, hall: Hall, now: Now, day: str) -> list[tuple[float, float]]:
    """(from, to) of every wait, seconds since midnight; who still waits, until now."""
    midnight = _midnight(hall, day)
    return [
        ((each.start - midnight) / 1000, ((now.at + 1 if each.end is None else each.end) - midnight) / 1000)
        for each in periods.of_day(connection, day)
        if each.kind == "waiting"
    ]


def _midnight(hall: Hall, day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=hall.zone_info).timestamp() * 1000)


def _waiting_chart(waited: Sequence[tuple[float, float]]) -> Chart:
    if not waited:
        return Chart("这一天还没有人等候", None)
    counts = charts.crowd(waited)
    at, most = max(counts, key=lambda each: each[1])
    peak = f"{int(at // 3600):02d}:{int(at % 3600 // 60):02d}"
    said = f"最多 {most} 人，在 {peak}"
    return Chart(said, charts.waiting(f"等候人数：{said}", counts), peak)


# ---- whether forecasts held


def _came(connection: Statements, hall: Hall, day: str) -> list[charts.Came]:
    midnight = _midnight(hall, day)
    rows = [estimates.Came._make(row) for row in connection.exec_driver_sql(estimates.CAME_SQL, (day,))]
    return [charts.Came((each.taken_at - midnight) / 1000, each.low, each.high, each.came) for each in rows]


def _forecast_chart(came: Sequence[charts.Came]) -> Chart:
    if not came:
        return Chart("这一天还没有叫到过告诉了等候时间的号", None)
    inside = sum(each.low <= each.came <= each.high for each in came)
    early = sum(each.came < each.low for each in came)
    said = f"{len(came)} 个号里 {inside} 个在预计的时间里叫到，{early} 个更早，{len(came) - inside - early} 个更晚"
    return Chart(said, charts.forecast(said, came[-estimates.SHOWN :]))


# ---- whether the load is even


def imbalance(balance: View, windows: Iterable[View]) -> list[str]:
    """In words, what is uneven between windows; one sentence that it is even, where it is."""
    cases = {each["no"]: each["cases"] for each in windows}
    found = [told for group in balance["groups"] if (told := _uneven(group, cases))]
    if balance["jain"] is not None and balance["jain"] < 0.8:
        found.append(f"有的窗口一直忙，有的很闲：忙闲均衡度 {balance['jain']:.2f}（1 为一样忙）")
    if found:
        return found
    if balance["jain"] is None:
        return ["开过的窗口不到两个，还说不了忙闲"]
    return [f"各窗口忙闲差不多：忙闲均衡度 {balance['jain']:.2f}（1 为一样忙）"]


def _uneven(group: View, cases: Mapping[int, int]) -> str:
    rates = dict(zip(group["windows"], group["cases_per_open_hour"], strict=True))
    known = {no: rate for no, rate in rates.items() if rate is not None}
    if len(known) < 2 or sum(cases.get(no, 0) for no in known) < FEW:
        return ""
    most, least = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    if known[most] < UNEVEN * known[least]:
        return ""
    served = "、".join(group["names"])
    return (
        f"{most}号和{least}号窗口都办{served}：{most}号每小时 {known[most]:.1f} 件，{least}号只有 {known[least]:.1f} 件"
    )
