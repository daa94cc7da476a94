"""How visitors rated: counts of the five levels by service and window, today and over the last 30 days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from edge.evaluation.desk import LEVELS
from edge.evaluation.reasons import REASONS
from edge.evaluation.tallies import Tally, reasons, tallies, together
from edge.guard import needs
from edge.hall import Hall
from edge.pages.ops_tables import table
from edge.pages.render import page
from edge.parts import Parts, parts_of

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HERE = "/ops/ratings"
DAYS = 30
REASON_WORDS = {each.code: each.words for several in REASONS.values() for each in several}
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
def ratings(request: Request) -> Response:
    parts = parts_of(request)
    today = date.fromisoformat(parts.clock.now().day)
    first = today - timedelta(days=DAYS - 1)
    return page(
        request,
        "ops_ratings",
        page="ops attendance",
        here="ratings",
        parts_=[_part(parts, "今天", today, today), _part(parts, f"最近 {DAYS} 天", first, today)],
        levels=list(LEVELS.items()),
        bar=bar,
        done="",
        refused=None,
    )


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
