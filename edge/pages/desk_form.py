"""What the pages of the help desk share: one press is one writing, where slips come out, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple, TypeVar

from fastapi import Request, Response

from edge.access.tokens import Identity
from edge.attendance import roster
from edge.clock import Now
from edge.database import Session
from edge.guard import hold_scope
from edge.hall import Hall, Kiosk
from edge.pages import render
from edge.pages.forms import Sent, once, write
from edge.parts import Parts, identity_of, parts_of
from edge.refusal import Refused

Command = TypeVar("Command")
DESK = "/desk"
COOKIE = "hall_desk_place"
YEAR_S = 366 * 86_400


def page(request: Request, name: str, here: str, refusal: Refused | None = None, **context: object) -> Response:
    """`refusal` stands on top, its detail too where that is for people."""
    more = refusal.detail.replace("; ", "\n") if refusal is not None and refusal.code == "hand_unfit" else ""
    told = {"title": refusal.title, "more": more} if refusal is not None else None
    status = refusal.status if refusal is not None else 200
    return render.page(request, name, status, page="desk", here=here, refused=told, once=once(), **context)


async def press(
    request: Request, form: Sent, use_case: Callable[[Session, Hall, Now, Command], object], command: Command
) -> tuple[str, bool]:
    """What the use case returned, as text, and whether that happened now: the same form again writes nothing."""
    made = False

    def run(session: Session, hall: Hall, now: Now, command: Command) -> object:
        nonlocal made
        made = True
        return use_case(session, hall, now, command)

    return await write(request, form, run, command), made


# ---- where slips come out


class Place(NamedTuple):
    id: str
    name: str
    ok: bool
    """Whether it could print now."""


def places(request: Request) -> list[Place]:
    """Those with a printer, the desk's own first; only its own where the token is for one."""
    parts, identity = parts_of(request), identity_of(request)
    there = sorted(parts.hall.kiosks, key=lambda it: it.kind != "desk")
    return [
        Place(each.id, each.name, can_print(parts, each)) for each in there if each.printer and _mine(identity, each)
    ]


def _mine(identity: Identity, kiosk: Kiosk) -> bool:
    return identity.scope in (None, kiosk.id)


def can_print(parts: Parts, kiosk: Kiosk) -> bool:
    return any(parts.hub.able(each) for each in (kiosk.printer, kiosk.fallback) if each)


def usual(request: Request, given: list[Place]) -> str:
    """The one that this browser printed at last, else the first; "" for none."""
    kept = request.cookies.get(COOKIE)
    return kept if kept in [each.id for each in given] else next((each.id for each in given), "")


def remember(response: Response, kiosk: str) -> Response:
    if kiosk:
        response.set_cookie(COOKIE, kiosk, max_age=YEAR_S, httponly=True, samesite="strict")
    return response


def chosen(request: Request, form: Sent) -> str | None:
    """The place that the form names; None: no slip. Raises Refused (403, 404)."""
    if not form["kiosk"]:
        return None
    hold_scope(request, form["kiosk"])
    if form["kiosk"] not in parts_of(request).hall.kiosk:
        raise Refused("no_such_kiosk", "没有这台打印机，请另选一处打印", form["kiosk"], 404)
    return form["kiosk"]


def paper_words(request: Request, kiosk: str, number: str) -> str:
    """Where the visitor takes the slip, or that there is none."""
    parts = parts_of(request)
    place = parts.hall.kiosk.get(kiosk)
    if place is None or place.printer is None:
        return f"没有小票，请把 {number} 抄给群众"
    if not can_print(parts, place):
        return f"{place.name}现在打不出来，请把 {number} 抄给群众；修好后会自动打印"
    return f"请到{place.name}取纸"


# ---- who helps


class Helper(NamedTuple):
    id: str
    name: str


def helpers(parts: Parts, connection: Any) -> list[Helper]:
    """The staff of the hall file, and those on the roster today."""
    today = date.fromisoformat(parts.clock.now().day)
    return list(map(Helper._make, roster.staff(connection, parts.hall, today).items()))


def helper_of(form: Sent, known: list[Helper]) -> str | None:
    """The 工号 that was typed, with or without the name behind it. Raises Refused (422) for an unknown one."""
    if not form["helper"]:
        return None
    id_ = form["helper"].split()[0]
    if id_ not in [each.id for each in known]:
        raise Refused("no_such_staff", f"没有工号“{id_[:24]}”，请从名单里选，或先空着", f"staff {id_!r}", 422)
    return id_


# ---- words


def reasons(hall: Hall) -> list[tuple[str, str, str]]:
    """The priorities that this hall takes a visitor's word for: id, Chinese, English."""
    words = {
        "military": ("军人", "Military"),
        "senior": (f"{hall.priority.senior_age} 岁以上老年人", f"Aged {hall.priority.senior_age} or more"),
        "disabled": ("残障人士", "Disability"),
        "green": ("绿色通道", "Green channel"),
        "appointment": ("预约", "Booked"),
        "urgent": ("急事", "Urgent"),
    }
    return [(each, *words[each]) for each in hall.priority.offered]
