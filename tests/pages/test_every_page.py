"""Every page of the hall is held to accessibility: a new one that nobody sweeps fails here."""

from __future__ import annotations

from typing import Any, cast

from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from edge.app import make_app
from tests.access.test_routes import api_routes
from tests.browser.test_accessible import PATHS

PIECES = ("now", "leaf", "sign", "calls", "guide", "{service}", "book")
"""Ends of addresses whose answer is drawn into a page that is there already, and is held with that."""


def is_page(route: APIRoute) -> bool:
    last = route.path.rpartition("/")[2]
    drawn = route.response_class is HTMLResponse or route.path == "/login"
    return drawn and "GET" in (route.methods or ()) and not ("." in last or last in (*PIECES, "{file}"))


def test_no_page_is_left_out_of_the_sweeps() -> None:
    pages = [each for each in api_routes(make_app(cast(Any, None))) if is_page(each)]
    swept = [each.partition("?")[0] for each in PATHS]
    assert len(pages) > 30
    assert [each.path for each in pages if not any(map(each.path_regex.match, swept))] == []
