"""The evaluator pad of a window: asks for a rating, and shows the window's public information while nobody is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from edge.bulletin import views
from edge.evaluation import views as evaluations
from edge.evaluation.desk import LEVELS
from edge.evaluation.reasons import REASONS
from edge.guard import needs
from edge.hall import Window
from edge.notices.signs import sign_text
from edge.pages.render import missing, page
from edge.parts import Parts, parts_of
from edge.queue import board
from edge.windows.words import sign_words

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/pad/{no}", dependencies=[needs("pad")])
def pad(request: Request, no: str) -> Response:
    return _page(request, "pad", no)


@router.get("/pad/{no}/now", dependencies=[needs("pad")])
def now(request: Request, no: str) -> Response:
    """What it shows now: the open invitation, else what the window makes known of itself."""
    return _page(request, "pad_now", no)


def _page(request: Request, name: str, no: str) -> Response:
    parts = parts_of(request)
    window = next((each for each in parts.hall.windows if str(each.no) == no), None)
    if window is None:
        return missing(request, f"{no} 号窗口")
    shown = _now(parts, window)
    return page(request, name, page="pad", window=window, levels=LEVELS.items(), reasons=REASONS, **shown)


def _now(parts: Parts, window: Window) -> dict[str, Any]:
    """The invitation with its milliseconds left; who serves and where to complain; the commitments."""
    now = parts.clock.now()
    with parts.database.read() as connection:
        (view,) = board.windows(connection, parts.hall, (window.no,))
        evaluation = evaluations.open_at(connection, parts.hall, window.no, now.at)
        shown = views.shown(connection, now.day, window.zone)
    until = datetime.fromisoformat(evaluation["expires_at"]).timestamp() if evaluation else 0.0
    return {
        "evaluation": evaluation,
        "left": max(0, round(until * 1000) - now.at),
        "words": sign_words(parts.hall, view),
        "sign": sign_text(parts.hall, view | {"ticket": None}) if view["paused"] else "",
        "commitments": views.commitments(parts.hall, shown),
    }
