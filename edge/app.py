"""The app factory: every router, and one shape for every error (RFC 9457 problem+json)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from edge.access import routes as access
from edge.attendance import routes as attendance
from edge.bookings import routes as bookings
from edge.bulletin import routes as bulletin
from edge.central import routes as central
from edge.database import Unstored
from edge.devices import routes as devices
from edge.evaluation import routes as evaluation
from edge.feed import routes as feed
from edge.figures import routes as figures
from edge.guard import needs
from edge.helpdesk import routes as helpdesk
from edge.inspection import routes as inspection
from edge.messages import routes as messages
from edge.notices import routes as notices
from edge.pages import attendance as attendance_pages
from edge.pages import bulletin as bulletin_pages
from edge.pages import console, desk, kiosk_book, kiosk_guide, ops_what_if, pads, phones, screens
from edge.pages import ops as ops_pages
from edge.pages import routes as pages
from edge.pages.render import page
from edge.parts import Parts, parts_of
from edge.queue import routes as queue
from edge.refusal import ELSE, ENGLISH, Refused
from edge.timetable import routes as timetable
from edge.windows import routes as windows

ROOMS = (
    *(queue, helpdesk, bookings, timetable, windows, evaluation, messages, attendance, bulletin),
    *(devices, inspection, notices, central, feed, figures, access),
)
PAGES = (
    *(pages, kiosk_guide, kiosk_book, screens, pads, phones, console, desk),
    *(attendance_pages, ops_pages, ops_what_if, bulletin_pages),
)
TITLES = {404: "没有这个页面", 405: "不支持这个操作", 413: "内容太大"}


def make_app(parts: Parts) -> FastAPI:
    """The HTTP face of these parts. Nothing is served without a role: the reference and the metrics are for ops."""
    app = FastAPI(title="hall-edge", version="0.1.0", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.parts = parts
    app.state.figures = {}
    for room in (*ROOMS, *PAGES):
        app.include_router(room.router)
    app.mount("/static", _Static(directory=pages.STATIC), name="static")
    _system_routes(app)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unstored, _unstored)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    return app


def _system_routes(app: FastAPI) -> None:
    @app.get("/healthz", dependencies=[needs("anyone")], include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", dependencies=[needs("anyone")], include_in_schema=False)
    async def readyz(request: Request) -> Response:
        """Ready to serve visitors: the writer can commit."""
        try:
            await parts_of(request).writer.do(lambda _session, _hall, _now, _command: None, None)
        except Unstored as error:
            return problem(request, 503, "not_ready", "暂时不能取号", str(error))
        return JSONResponse({"status": "ready"})

    @app.get("/openapi.json", dependencies=[needs("ops")], include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()


class _Static(StaticFiles):
    """Asked for anew each time (304 mostly): a page that runs for weeks must not mix old modules with new."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


# ---- errors


def problem(
    request: Request, status: int, code: str, title: str, detail: str, english: str = "", **more: Any
) -> Response:
    """`title` is Chinese, `title_en` English, `detail` for engineers. Whoever opens a page in a browser gets a page."""
    path, english = request.url.path, english or ENGLISH.get(code, ELSE)
    if "text/html" in request.headers.get("accept", "") and not path.startswith("/api/"):
        return page(request, "missing", status, title=title, english=english)
    told = {"type": f"/problems/{code}", "title": title, "title_en": english, "status": status, "detail": detail}
    return JSONResponse(told | more | {"instance": path}, status, media_type="application/problem+json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if error.status == 401 and request.method == "GET" and not request.url.path.startswith("/api/"):
        return RedirectResponse("/login", status_code=303)
    return problem(request, error.status, error.code, error.title, error.detail, error.title_en)


async def _unstored(request: Request, error: Exception) -> Response:
    return problem(request, 503, "not_stored", "机器暂时不能取号，请到导办台人工取号", str(error))


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [{"where": _where(each["loc"]), "what": each["msg"]} for each in error.errors()]
    detail = "; ".join(f"{each['where']}: {each['what']}" for each in wrong)
    return problem(request, 422, "malformed", "请求内容不对", detail, errors=wrong)


def _where(loc: Sequence[object]) -> str:
    return ".".join(map(str, loc))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = TITLES.get(error.status_code, "请求不能完成")
    return problem(request, error.status_code, f"http_{error.status_code}", title, str(error.detail))
