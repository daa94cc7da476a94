"""HTTP face of the windows: what each is doing, pause and resume."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from edge.clock import Now
from edge.database import Session
from edge.evaluation import views
from edge.guard import needs
from edge.notices.signs import sign_text
from edge.parts import Parts, actor_of, parts_of, perform
from edge.queue import board
from edge.refusal import Refused
from edge.windows import desk

router = APIRouter(prefix="/api/v1/windows", tags=["windows"])
View = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pause(_Body):
    """Why the window is not served, as its sign tells it."""

    sign: Annotated[desk.Sign, Field(description="对不起，请稍候 · 此窗口暂停服务 · 请到X号窗口 · 去向牌")] = (
        "wait_a_moment"
    )
    resume: Annotated[
        str | None, Field(pattern=r"^\d{1,2}:\d{2}$", description="when it goes on", examples=["14:30"])
    ] = None
    contact: Annotated[str | None, Field(max_length=40, description="whom to call meanwhile")] = None
    other: Annotated[int | None, Field(description="the window to go to, with sign go_to")] = None
    place: Annotated[str | None, Field(max_length=20, description="where the clerk is, with sign away")] = None


class SignIn(_Body):
    staff: Annotated[str, Field(max_length=32, description="工号", examples=["1003"])]


def _signed(parts: Parts, view: View) -> View:
    return view | {"sign": sign_text(parts.hall, view)}


@router.get("", dependencies=[needs("anyone")])
def windows(request: Request) -> View:
    """Every window with its state, sign and ticket in hand."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        views_ = board.windows(connection, parts.hall)
    return {"seq": parts.journal.last, "windows": [_signed(parts, view) for view in views_]}


@router.get("/{no}", dependencies=[needs("window", "pad", "ops")])
def window(request: Request, no: int) -> View:
    """One window as its clerk needs it: who is next, the own numbers of today, whether the last service was rated."""
    parts = parts_of(request)
    if no not in parts.hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)
    seq, now = parts.journal.last, parts.clock.now()
    with parts.database.read() as connection:
        view = board.windows(connection, parts.hall, (no,))[0]
        more = board.console(connection, parts.hall, now, no)
        last = views.last_state(connection, no)
    return {"seq": seq, "last_evaluation": last} | _signed(parts, view) | more


def _show(parts: Parts, no: int) -> Any:
    def present(session: Session, _now: Now, _result: None) -> View:
        return _signed(parts, board.windows(session.connection, parts.hall, (no,))[0])

    return present


@router.post("/{no}/pause", dependencies=[needs("window", "ops")])
async def pause(request: Request, no: int, body: Pause) -> Response:
    """Puts a sign up; nobody is called here until resume."""
    command = desk.Pause(no, actor=actor_of(request, f"window:{no}"), **body.model_dump())
    return await perform(request, desk.pause, command, _show(parts_of(request), no))


@router.post("/{no}/resume", dependencies=[needs("window", "ops")])
async def resume(request: Request, no: int) -> Response:
    command = desk.Resume(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.resume, command, _show(parts_of(request), no))


@router.post("/{no}/sign-in", dependencies=[needs("window", "ops")])
async def sign_in(request: Request, no: int, body: SignIn) -> Response:
    """Who serves here; a clerk is signed in at one window only."""
    command = desk.SignIn(no, body.staff, actor_of(request, f"window:{no}"))
    return await perform(request, desk.sign_in, command, _show(parts_of(request), no))


@router.post("/{no}/sign-out", dependencies=[needs("window", "ops")])
async def sign_out(request: Request, no: int) -> Response:
    command = desk.SignOut(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.sign_out, command, _show(parts_of(request), no))
