"""HTTP face of the windows: what each is doing, its moves, hand-overs, alerts, and the load on them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.clock import Now
from edge.database import Session
from edge.evaluation import views
from edge.guard import needs
from edge.hall import Hall, Id
from edge.hallwindows import AlertKind
from edge.notices.signs import sign_text
from edge.parts import Parts, actor_of, identity_of, parts_of, perform
from edge.queue import assigning, board
from edge.queue.bodies import names_nobody
from edge.refusal import Refused
from edge.statements import Statements
from edge.windows import alerts, desk, handover, load_watch, skills

router = APIRouter(prefix="/api/v1", tags=["windows"])
View = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pause(_Body):
    """Why the window is not served, as its sign tells it."""

    sign: Annotated[desk.Sign, Field(description="对不起，请稍候 · 此窗口暂停服务 · 请到X号窗口 · 去向牌")] = (
        "wait_a_moment"
    )
    resume: Annotated[
        str | None, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d$", description="when it goes on", examples=["14:30"])
    ] = None
    contact: Annotated[str | None, Field(max_length=40, description="whom to call meanwhile")] = None
    other: Annotated[int | None, Field(description="the window to go to, with sign go_to")] = None
    place: Annotated[str | None, Field(max_length=20, description="where the clerk is, with sign away")] = None


class SignIn(_Body):
    staff: Annotated[str, Field(max_length=32, description="工号", examples=["1003"])]


class HandOver(_Body):
    to: Annotated[str, Field(max_length=32, description="工号 of who is asked to take over", examples=["1001"])]


class Alert(_Body):
    """A window needs somebody: 求助 · 纷争 · 紧急情况 · 安全隐患"""

    kind: AlertKind
    words: Annotated[str, Field(max_length=200, description="what happens; numbers of persons are masked")] = ""


Name = Annotated[str, Field(min_length=1, max_length=40, description="the person's name", examples=["周主任"])]


class Acknowledgement(_Body):
    by: Name


class Closing(_Body):
    by: Name
    done: Annotated[str, Field(min_length=1, max_length=500, description="what was done")]


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise ValueError("each service once")
    return value


Skills = Annotated[
    tuple[Id, ...],
    Field(min_length=1, max_length=200, description="ids of services, the preferred one first"),
    AfterValidator(_each_once),
]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=200, description="for the journal", examples=["社保排队"]),
    AfterValidator(names_nobody),
]


class WindowSkills(_Body):
    """What a window serves from now on."""

    skills: Skills
    until: Annotated[Literal["day"] | None, Field(description="`day`: today only; null: until it is changed")] = "day"
    green: Annotated[bool | None, Field(description="绿色窗口 or not; null: as it is")] = None
    reason: Reason


class ExtraWindow(_Body):
    """A window that the hall file does not have, for today. It needs no device."""

    no: Annotated[int, Field(ge=1, le=9999, examples=[9])]
    name: Annotated[str, Field(min_length=1, max_length=20, examples=["临时窗口"])]
    zone: Annotated[str, Field(max_length=32, description="id of a zone", examples=["f1"])]
    skills: Skills
    green: Annotated[bool, Field(description="绿色窗口")] = False
    reason: Reason


def _views(connection: Statements, hall: Hall, *only: int) -> list[View]:
    """All windows or `only` these, with their signs.

    `changed` is null for a window that is as in the hall file, else until when it is not, and what the file says.
    """
    changes = {each.window: each for each in skills.changes(connection)}
    found = []
    for view in board.windows(connection, hall, only or None):
        change, there = changes.get(view["no"]), skills.in_file(hall).get(view["no"])
        told = change and {"until": change.until, "skills_in_file": there and there.skills}
        more = {"green": hall.window[view["no"]].green, "extra": there is None, "changed": told}
        found.append(view | {"sign": sign_text(hall, view)} | more)
    return found


@router.get("/windows", dependencies=[needs("anyone")])
def windows(request: Request) -> View:
    """Every window with its state, sign and ticket in hand."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        views_ = _views(connection, skills.effective(connection, parts.hall))
    return {"seq": parts.journal.last, "windows": views_}


@router.get("/windows/{no}", dependencies=[needs("window", "pad", "ops")])
def window(request: Request, no: int) -> View:
    """One window as its clerk needs it: who is next, the own numbers of today, whether the last service was rated,
    open alerts, hand-overs, and what it lacks to be ready.
    """
    parts = parts_of(request)
    seq, now = parts.journal.last, parts.clock.now()
    with parts.database.read() as connection:
        hall = skills.effective(connection, parts.hall)
        if no not in hall.window:
            raise Refused("no_such_window", f"没有{no}号窗口", status=404)
        (view,) = _views(connection, hall, no)
        more = board.console(connection, hall, now, no)
        if identity_of(request).role != "pad":  # it lies before the visitor
            more["alerts"] = alerts.open_alerts(connection, hall, no)
        more["hand_over"] = handover.standing(connection, hall, no)
        down = {each for each in hall.device if not parts.hub.able(each)}
        more["lacks"] = load_watch.ready(connection, hall, now.day, no, down)
        last = views.last_state(connection, no)
    return {"seq": seq, "last_evaluation": last} | view | more


def _show(parts: Parts, no: int) -> Any:
    """The window as it is now; None where it is gone."""

    def present(session: Session, _now: Now, _result: None) -> View | None:
        hall = skills.effective(session.connection, parts.hall)
        return _views(session.connection, hall, no)[0] if no in hall.window else None

    return present


# ---- what a window serves


@router.post("/windows", status_code=201, dependencies=[needs("ops")])
async def add_window(request: Request, body: ExtraWindow) -> Response:
    """An extra window for today, open at once. 409: the number is taken; 404: no such zone or service."""
    told = body.model_dump(exclude={"no"})
    command = assigning.Add(body.no, actor=actor_of(request, identity_of(request).role), **told)
    return await perform(request, assigning.add, command, _show(parts_of(request), body.no), status=201)


@router.post("/windows/{no}/skills", dependencies=[needs("ops")])
async def set_skills(request: Request, no: int, body: WindowSkills) -> Response:
    """Changes what the window serves, at once. 409 where that would leave somebody without one: says what to do."""
    command = assigning.SetSkills(no, actor=actor_of(request, identity_of(request).role), **body.model_dump())
    return await perform(request, assigning.set_skills, command, _show(parts_of(request), no))


@router.delete("/windows/{no}/skills", dependencies=[needs("ops")])
async def restore_skills(
    request: Request, no: int, reason: Annotated[str, Query(max_length=200, description="for the journal")] = ""
) -> Response:
    """The window serves what the hall file says. 409 as for a change, and for an extra window."""
    command = assigning.Restore(no, reason, actor_of(request, identity_of(request).role))
    return await perform(request, assigning.restore, command, _show(parts_of(request), no))


# ---- its state


@router.post("/windows/{no}/pause", dependencies=[needs("window", "ops")])
async def pause(request: Request, no: int, body: Pause) -> Response:
    """Puts a sign up; nobody is called here until resume."""
    command = desk.Pause(no, actor=actor_of(request, f"window:{no}"), **body.model_dump())
    return await perform(request, desk.pause, command, _show(parts_of(request), no))


@router.post("/windows/{no}/resume", dependencies=[needs("window", "ops")])
async def resume(request: Request, no: int) -> Response:
    command = desk.Resume(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.resume, command, _show(parts_of(request), no))


@router.post("/windows/{no}/sign-in", dependencies=[needs("window", "ops")])
async def sign_in(request: Request, no: int, body: SignIn) -> Response:
    """Who serves here; a clerk is signed in at one window only."""
    command = desk.SignIn(no, body.staff, actor_of(request, f"window:{no}"))
    return await perform(request, desk.sign_in, command, _show(parts_of(request), no))


@router.post("/windows/{no}/sign-out", dependencies=[needs("window", "ops")])
async def sign_out(request: Request, no: int) -> Response:
    command = desk.SignOut(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.sign_out, command, _show(parts_of(request), no))


@router.post("/windows/{no}/close", dependencies=[needs("window", "ops")])
async def close(request: Request, no: int) -> Response:
    """No more service here today. 409 while a case is in hand, here or, at the last 综合窗口, anywhere.

    An extra window is gone: 204.
    """
    command = desk.Close(no, actor_of(request, f"window:{no}"))
    return await perform(request, assigning.close, command, _show(parts_of(request), no))


@router.post("/windows/{no}/open", dependencies=[needs("window", "ops")])
async def open_again(request: Request, no: int) -> Response:
    """Opens a closed window; the first sign-in of a later day does so too."""
    command = desk.Close(no, actor_of(request, f"window:{no}"))
    return await perform(request, desk.open_again, command, _show(parts_of(request), no))


# ---- hand-over


def _show_hand_over(parts: Parts, no: int) -> Any:
    def present(session: Session, _now: Now, _result: None) -> View:
        hall = skills.effective(session.connection, parts.hall)
        (view,) = _views(session.connection, hall, no)
        return view | {"hand_over": handover.standing(session.connection, hall, no)}

    return present


@router.post("/windows/{no}/hand-over", dependencies=[needs("window", "ops")])
async def hand_over(request: Request, no: int, body: HandOver) -> Response:
    """Who is signed in asks another to take over, who confirms here. 409: nobody is signed in."""
    command = handover.Ask(no, body.to, actor_of(request, f"window:{no}"))
    return await perform(request, handover.ask, command, _show_hand_over(parts_of(request), no))


@router.post("/windows/{no}/hand-over/confirm", dependencies=[needs("window", "ops")])
async def confirm_hand_over(request: Request, no: int, body: SignIn) -> Response:
    """Who was asked takes over, and is signed in. 409: somebody else was asked, or nobody."""
    command = handover.Answer(no, body.staff, actor_of(request, f"window:{no}"))
    return await perform(request, handover.confirm, command, _show_hand_over(parts_of(request), no))


@router.post("/windows/{no}/hand-over/refuse", dependencies=[needs("window", "ops")])
async def refuse_hand_over(request: Request, no: int, body: SignIn) -> Response:
    """Who was asked does not take over, or who asked withdraws it."""
    command = handover.Answer(no, body.staff, actor_of(request, f"window:{no}"))
    return await perform(request, handover.refuse, command, _show_hand_over(parts_of(request), no))


# ---- alerts


def _show_alert(parts: Parts) -> Any:
    def present(session: Session, _now: Now, id_: str) -> View:
        return alerts.alert(session.connection, parts.hall, id_)

    return present


@router.post("/windows/{no}/alert", dependencies=[needs("window", "ops")])
async def press_alert(request: Request, no: int, body: Alert) -> Response:
    """Tells those whom the hall file names. Until it is acknowledged, the same again is the same alert."""
    command = alerts.Press(no, body.kind, body.words, actor_of(request, f"window:{no}"))
    return await perform(request, alerts.press, command, _show_alert(parts_of(request)))


@router.post("/kiosks/{kiosk_id}/help", dependencies=[needs("kiosk")])
async def call_for_help(request: Request, kiosk_id: str) -> Response:
    """A visitor at a kiosk asks for somebody: 204. One alert a kiosk is open at most."""
    command = alerts.Call(kiosk_id, actor_of(request, f"kiosk:{kiosk_id}"))
    return await perform(request, alerts.call, command, lambda _session, _now, _id: None)


@router.get("/alerts", dependencies=[needs("ops")])
def list_alerts(request: Request) -> View:
    """Open ones, the oldest first, and the last 50 that were closed."""
    parts = parts_of(request)
    seq = parts.journal.last
    with parts.database.read() as connection:
        opened, closed = alerts.open_alerts(connection, parts.hall), alerts.closed_alerts(connection, parts.hall)
    return {"seq": seq, "open": opened, "closed": closed}


@router.post("/alerts/{alert}/acknowledge", dependencies=[needs("ops")])
async def acknowledge_alert(request: Request, alert: str, body: Acknowledgement) -> Response:
    """Somebody goes there. 409: another does already."""
    command = alerts.Acknowledge(alert, body.by, actor_of(request, identity_of(request).role))
    return await perform(request, alerts.acknowledge, command, _show_alert(parts_of(request)))


@router.post("/alerts/{alert}/close", dependencies=[needs("ops")])
async def close_alert(request: Request, alert: str, body: Closing) -> Response:
    """It is over, and this was done."""
    command = alerts.Close(alert, body.by, body.done, actor_of(request, identity_of(request).role))
    return await perform(request, alerts.close, command, _show_alert(parts_of(request)))


# ---- load


@router.get("/load", dependencies=[needs("ops")])
def load(
    request: Request, day: Annotated[date | None, Query(description="a business day; today without")] = None
) -> View:
    """Crowded zones, idle windows, windows not ready, with what to do; and who waited in each zone, by the hour."""
    parts = parts_of(request)
    seq, on = parts.journal.last, day.isoformat() if day else parts.clock.now().day
    with parts.database.read() as connection:
        found, zones = load_watch.notices(connection, parts.hall), load_watch.by_hour(connection, parts.hall, on)
    return {"seq": seq, "day": on, "notices": found, "zones": zones}
