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


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    sign: Annotated[desk.Sign, Field(description="对不起，请稍候 or 此窗口暂停服务")] = "wait_a_moment"


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
        view = board.windows(connection, parts.hall, no)[0]
        more = board.console(connection, parts.hall, now, no)
        last = views.last_state(connection, no)
    return {"seq": seq, "last_evaluation": last} | _signed(parts, view) | more


def _show(parts: Parts, no: int) -> Any:
    def present(session: Session, _now: Now, _result: None) -> View:
        return _signed(parts, board.windows(session.connection, parts.hall, no)[0])

    return present


@router.post("/{no}/pause", dependencies=[needs("window", "ops")])
async def pause(request: Request, no: int, body: Pause) -> Response:
    """Puts a sign up; nobody is called here until resume."""
    command = desk.Pause(no, body.sign, actor_of(request, f"window:{no}"))
    return await perform(request, desk.pause, command, _show(parts_of(request), no))


@router.post("/{no}/resume", dependencies=[needs("window", "ops")])
async def resume(request: Request, no: int) -> Response:
    command = desk.Resume(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.resume, command, _show(parts_of(request), no))
