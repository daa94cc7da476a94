"""How visitors rated, by service and window, today and over the last 30 days; and what becomes of the bad reviews."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from edge.evaluation import bad_reviews
from edge.evaluation.desk import LEVELS
from edge.evaluation.tallies import Tally, reasons, tallies, together
from edge.guard import needs
from edge.hall import Hall
from edge.pages import ops_reviews
from edge.pages.forms import go, once, sent, told, write
from edge.pages.ops_reviews import REASON_WORDS
from edge.pages.ops_tables import DAYS, span, table
from edge.pages.render import page
from edge.parts import Parts, actor_of, parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/ratings"
MOST_REASONS = 10
WIDTH = 200


class Row(NamedTuple):
    name: str
    tally: Tally


class Part(NamedTuple):
    name: str
    total: Tally
    services: list[Row]
    windows: list[Row]
    reasons: list[tuple[str, str, int]]
    """(level, reason, how often) of the two bad levels, the most first."""


@router.get(HERE, dependencies=[needs("ops")])
def ratings(request: Request, done: str = "") -> Response:
    return _page(request, done="已登记" if done else "")


@router.post(f"{HERE}/{{evaluation}}", dependencies=[needs("ops")])
async def handle(request: Request, evaluation: str) -> Response:
    """What was done about a bad review."""
    form = await sent(request)
    given = form["step"], form["by"][:40], form["words"][:500]
    try:
        await write(request, form, bad_reviews.handle, bad_reviews.Step(evaluation, *given, actor_of(request, "ops")))
    except Refused as refusal:
        return _page(request, refusal)
    return go(HERE, done=1)


def _page(request: Request, refusal: Refused | None = None, done: str = "") -> Response:
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    first = today - timedelta(days=DAYS - 1)
    with parts.database.read() as connection:
        reviews = ops_reviews.listed(parts, connection, today)
    return page(
        request,
        "ops_ratings",
        refusal.status if refusal else 200,
        page="ops attendance",
        here="ratings",
        parts_=[_part(parts, "今天", today, today), _part(parts, f"最近 {DAYS} 天", first, today)],
        levels=list(LEVELS.items()),
        bar=bar,
        reviews=reviews,
        steps=list(bad_reviews.STEPS.items()),
        once=once(),
        first=first,
        last=today,
        done=done,
        refused=told(refusal) if refusal else None,
    )


@router.get(f"{HERE}/bad-reviews.csv", dependencies=[needs("ops")])
def bad_reviews_csv(request: Request, first: str = "", last: str = "") -> Response:
    """Of visits from `first` to `last`, closed or not; without them the last 30 days."""
    parts, heads = parts_of(request), ops_reviews.HEADS
    today = date.fromisoformat(parts.clock.now().day)
    with parts.database.read() as connection:
        found = bad_reviews.given(connection, parts.hall, *span(today, first, last))
    rows = ops_reviews.shown(parts.hall, found, today)
    return table("差评.csv", list(heads), ([row[each] for each in heads.values()] for row in rows))


@router.get(f"{HERE}/levels.csv", dependencies=[needs("ops")])
def levels_csv(request: Request) -> Response:
    """The last 30 days, a line for each service and window."""
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    part = _part(parts, "", today - timedelta(days=DAYS - 1), today)
    heads = ["事项或窗口", "邀请", "评价", *LEVELS.values(), "满意率"]
    rows = [*part.services, *part.windows, Row("合计", part.total)]
    return table("评价.csv", heads, ([row.name, *_cells(row.tally)] for row in rows))


def _cells(tally: Tally) -> list[object]:
    share = "" if tally.satisfied is None else f"{tally.satisfied:.3f}"
    return [tally.invited, tally.rated, *(tally.levels[level] for level in LEVELS), share]


def _part(parts: Parts, name: str, first: date, last: date) -> Part:
    hall, span = parts.hall, (first.isoformat(), last.isoformat())
    with parts.database.read() as connection:
        by_service = tallies(connection, "service", *span)
        by_window = tallies(connection, "window", *span)
        why = reasons(connection, *span)
    return Part(name, together(by_service), _services(hall, by_service), _windows(hall, by_window), _bad(why))


def _services(hall: Hall, found: Mapping[str | int, Tally]) -> list[Row]:
    return [Row(each.name, found[each.id]) for each in hall.services if each.id in found]


def _windows(hall: Hall, found: Mapping[str | int, Tally]) -> list[Row]:
    return [Row(f"{each.no}号 {each.name}", found[each.no]) for each in hall.windows if each.no in found]


def _bad(why: Counter[tuple[int, str]]) -> list[tuple[str, str, int]]:
    bad = [(LEVELS[level], REASON_WORDS.get(code, code), count) for (level, code), count in why.items() if level <= 2]
    return sorted(bad, key=lambda each: -each[2])[:MOST_REASONS]


def bar(tally: Tally) -> Markup:
    """The five levels side by side, best to worst; the lighter the better, and the worst two are hatched."""
    drawn, x = Markup(""), 0.0
    for level in LEVELS:
        wide = tally.levels[level] / tally.rated * WIDTH if tally.rated else 0.0
        drawn += Markup('<rect class="level-{}" x="{:.1f}" width="{:.1f}" height="14"/>').format(level, x, wide)
        x += wide
    return Markup('<svg class="chart levels" viewBox="0 0 {} 14" aria-hidden="true">{}</svg>').format(WIDTH, drawn)
