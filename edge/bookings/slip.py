"""The slip of a booking (预约凭证): when, where, what to bring, and the code that redeems it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.hallday import WEEKDAYS
from edge.notices.slips import SlipTemplate, fill
from edge.queue import appointments, board, prints
from edge.refusal import Refused

View = Mapping[str, Any]
Slips = Mapping[str, SlipTemplate]
TEMPLATE = "appointment"
WEEK = dict(zip(WEEKDAYS, "一二三四五六日", strict=True))


def day_words(on: date) -> str:
    """`3月2日（星期一）`"""
    return f"{on.month}月{on.day}日（星期{WEEK[WEEKDAYS[on.weekday()]]}）"


def place_words(view: View) -> str:
    """`一楼1号社保窗口、…`"""
    return "、".join(f"{each['floor']}{each['no']}号{each['name']}" for each in view["windows"])


def values(hall: Hall, view: View, code: str) -> dict[str, str]:
    """What the template may name; `view` is `queue.board.appointment`."""
    return {
        "hall": hall.hall.name,
        "item": view["name"],
        "slot": f"{day_words(date.fromisoformat(view['day']))} {view['time']}",
        "booking": view["number"],
        "window": place_words(view),
        "code": code,
        "conditions": "；".join(view["told"]["conditions"]),
        "materials": "、".join(view["told"]["materials"]),
    }


def printer_of(hall: Hall, slips: Slips, kiosk: str | None) -> str | None:
    """The printer of a kiosk, where it has the slip's paper."""
    place = hall.kiosk.get(kiosk or "")
    printer = place.printer if place is not None else None
    return printer if printer is not None and hall.device[printer].paper == slips[TEMPLATE].paper else None


Reserve = Callable[[Session, Hall, Now, appointments.Book], appointments.Booked]


def reserve_with(slips: Slips, kiosk: str | None) -> Reserve:
    """Books, and wants the slip printed at this kiosk, in one transaction; what was there already is not printed."""

    def run(session: Session, hall: Hall, now: Now, command: appointments.Book) -> appointments.Booked:
        booked = appointments.reserve(session, hall, now, command)
        printer = printer_of(hall, slips, kiosk)
        if printer is not None and not booked.existing:
            _want(session, hall, now, slips[TEMPLATE], Printed(booked.id, printer, command.actor))
        return booked

    return run


@dataclass(frozen=True, slots=True)
class Printed:
    booking: str
    printer: str
    actor: str


def print_with(slips: Slips) -> Callable[[Session, Hall, Now, Printed], str]:
    """Wants the slip as the booking is now. Raises Refused (404, and 409 for one that is kept no longer)."""

    def run(session: Session, hall: Hall, now: Now, command: Printed) -> str:
        it = appointments.appointment(session.connection, command.booking)
        if it.state != "booked":
            raise Refused("illegal_move", "这个预约已经取号或取消，不用再打凭证", it.state)
        _want(session, hall, now, slips[TEMPLATE], command)
        return it.id

    return run


def _want(session: Session, hall: Hall, now: Now, template: SlipTemplate, command: Printed) -> None:
    connection = session.connection
    view = board.appointment(connection, hall, command.booking)
    known = values(hall, view, appointments.code_of(connection, command.booking))
    # A hall's own template may name fewer words.
    filled = fill(template, {word: text for word, text in known.items() if word in template.words})
    prints.print_notice(session, hall, now, prints.Notice(TEMPLATE, filled, command.printer, "", None, command.actor))
