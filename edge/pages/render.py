"""How a page leaves the service: its template, and the headers that keep it from being more than a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates

from edge.parts import parts_of

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; media-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends a form as from the origin `null`
    "X-Content-Type-Options": "nosniff",
}
TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")


def page(request: Request, name: str, status: int = 200, **context: object) -> Response:
    """`page` is the class of the body and, where a page has a module, its name."""
    given = {"page": name, "hall": parts_of(request).hall, **context}
    return TEMPLATES.TemplateResponse(request, f"{name}.html", given, status_code=status, headers=HEADERS)


def missing(request: Request, what: str) -> Response:
    return page(request, "missing", 404, title=f"没有找到：{what}", english="Not found in this hall")


def empty_table(heads: Iterable[str], name: str) -> Response:
    """A CSV of its head line alone, as table programs open it."""
    return download((",".join(heads) + "\r\n").encode("utf-8-sig"), name, "text/csv; charset=utf-8")


def download(data: bytes, name: str, media_type: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = HEADERS | {"Content-Disposition": disposition}
    return Response(data, media_type=media_type, headers=headers)
