"""Bookings (预约): made by the centre, at the desk or at a kiosk, redeemed here for a ticket that does not queue again.

A booking keeps no number of a person: a keyed mark of the identity number, and one of day, booking number and the last
four digits of the phone. Its own number and code stand in no event: with them a booking can be redeemed.

Who comes late, after `[booking] late_grace`, gets an ordinary number from the moment of coming: the place in the slot
is free again by then, and there is one line for everybody.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from edge.access.vault import Vault
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall, Service
from edge.hallday import MINUTE
from edge.journal import append
from edge.queue import balance, issuing, persons, slots, vacancies
from edge.queue.guesses import Guesses as Guesses
from edge.queue.slots import Span
from edge.queue.vacancies import Limit, Wanted
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

Channel = Literal["onsite", "phone", "online"]
NOT_FOUND = "没有找到这个预约，请核对后再试，或到导办台"
STATE_WORDS = {
    "booked": "已预约",
    "checked_in": "已签到取号",
    "late": "来晚了，已取普通号",
    "cancelled": "已取消",
    "missed": "已过期",
}
REDEEMED = ("checked_in", "late")


class Appointment(NamedTuple):
    id: str
    number: str
    service: str
    day: str
    starts: str
    ends: str
    channel: str
    state: str
    mark: str | None
    ticket: str | None
    phone_day: str | None = None
    ref: str | None = None
    told: str | None = None
    told_at: int | None = None

    @property
    def time(self) -> str:
        return f"{self.starts}–{self.ends}"

    def span(self, hall: Hall) -> Span:
        return slots.span(date.fromisoformat(self.day), self.starts, self.ends, hall.zone_info)


FIELDS = ", ".join(Appointment._fields)


def appointment(connection: Statements, id_: str | None) -> Appointment:
    """Raises Refused (404)."""
    row = connection.exec_driver_sql(f"SELECT {FIELDS} FROM appointment WHERE id=?", (id_,)).first()  # noqa: S608  our own words
    if row is None:
        raise Refused("no_such_appointment", NOT_FOUND, status=404)
    return Appointment(*row)


def of_person(connection: Statements, day: str, mark: str) -> list[Appointment]:
    """What this person has booked for the day and not redeemed yet, earliest first."""
    found = connection.exec_driver_sql(
        f"SELECT {FIELDS} FROM appointment WHERE mark=? AND day=? AND state='booked' ORDER BY starts, id",  # noqa: S608  our own words
        (mark, day),
    )
    return [Appointment(*row) for row in found]


def by_code(connection: Statements, code: str) -> str | None:
    row = connection.exec_driver_sql("SELECT id FROM appointment WHERE code=?", (code,)).first()
    return row[0] if row else None


def code_of(connection: Statements, id_: str) -> str:
    """What its QR code says. Only for whoever made the booking."""
    return str(connection.exec_driver_sql("SELECT code FROM appointment WHERE id=?", (id_,)).scalar_one())


def by_ref(connection: Statements, ref: str) -> str | None:
    """The id of the booking that the centre calls so."""
    row = connection.exec_driver_sql("SELECT id FROM appointment WHERE ref=?", (ref,)).first()
    return row[0] if row else None


def by_phone(connection: Statements, vault: Vault, day: str, number: str, tail: str) -> str | None:
    """The id of the booking of this number that was made with a phone of this end; that of `day` before others."""
    found = connection.exec_driver_sql(
        "SELECT id, coalesce(phone_day, day), phone_mark FROM appointment WHERE number=? ORDER BY day <> ?, day",
        (number, day),
    )
    return next((row[0] for row in found if row[2] == phone_mark(vault, row[1], number, tail)), None)


def phone_mark(vault: Vault, day: str, number: str, tail: str) -> str:
    """Of all three, because the four digits alone are shared by every ten thousandth visitor."""
    return vault.mark("phone_tail", f"{day}{number}{tail}")


# ---- booking


@dataclass(frozen=True, slots=True)
class Book:
    service: str
    day: str
    starts: str
    """`09:00`, the hall's time."""
    ends: str
    channel: Channel
    actor: str
    code: str = field(repr=False)
    """Random, for the QR code; the number is drawn from it."""
    mark: str | None = None
    """Whose it is, where that is known."""
    phone_mark: Callable[[str], str] | None = None
    """Of the number that is drawn."""
    ref: str | None = None
    """The centre's own name of this booking: the second time it is the same one."""
    limit: Limit = "quota"


class Booked(NamedTuple):
    id: str
    existing: bool
    """True: there was one already, which is the answer."""


def book(session: Session, hall: Hall, now: Now, command: Book) -> str:
    """Returns the booking's id; otherwise as `reserve`."""
    return reserve(session, hall, now, command).id


def reserve(session: Session, hall: Hall, now: Now, command: Book) -> Booked:
    """Books a place of a slot. One booking per person, service and day, and one per reference of the centre.

    The same reference with another time moves its booking there. What the service asks for is told with the booking,
    and kept as it was told. Raises Refused: 404 for an unknown service, 409 for a time that cannot be had.
    """
    service = vacancies.bookable(hall, command.service)
    there = _already(session, hall, now, command)
    if there is not None:
        return Booked(there, True)
    vacancies.check(session.connection, hall, now, Wanted(service, *_when(command), command.limit))
    id_, number = session.new_id(), _draw(session, command)
    values = {
        "id": id_,
        "number": number,
        "service": service.id,
        "day": command.day,
        "starts": command.starts,
        "ends": command.ends,
        "channel": command.channel,
        "state": "booked",
        "mark": command.mark,
        "phone_mark": command.phone_mark(number) if command.phone_mark else None,
        "code": command.code,
        "created_at": now.at,
        "ref": command.ref,
        "told": _told(service),
        "told_at": now.at,
    }
    session.connection.exec_driver_sql(
        f"INSERT INTO appointment ({', '.join(values)}) VALUES (:{', :'.join(values)})",  # noqa: S608  our own words
        values,
    )
    data = {"day": command.day, "from": command.starts, "to": command.ends, "channel": command.channel}
    data |= {"ref": command.ref} if command.ref else {}
    _tell(session, hall, now, "booked", appointment(session.connection, id_), command.actor, **data)
    return Booked(id_, False)


def _when(command: Book | Move) -> tuple[str, str, str]:
    return command.day, command.starts, command.ends


OF_PERSON = "SELECT id FROM appointment WHERE state='booked' AND day=? AND service=? AND mark=?"


def _already(session: Session, hall: Hall, now: Now, command: Book) -> str | None:
    """The centre's booking of this reference, at the time that it says now; else this person's own of the day."""
    known = by_ref(session.connection, command.ref) if command.ref else None
    if known is not None:
        it = appointment(session.connection, known)
        if it.service != command.service:
            raise Refused("ref_taken", "这个预约编号已用于另一项业务", f"ref {command.ref!r} is of {it.service!r}")
        if it.state == "booked":
            move(session, hall, now, Move(known, *_when(command), "", command.actor, command.limit))
        return known
    if command.mark is None:
        return None
    found = session.connection.exec_driver_sql(OF_PERSON, (command.day, command.service, command.mark))
    mine = [appointment(session.connection, id_) for (id_,) in found.all()]
    return next((each.id for each in mine if not is_late(hall, each, now.at)), None)


def _told(service: Service) -> str:
    """As it is kept: what was asked for then, whatever the service asks for later."""
    return json.dumps(vacancies.told(service), ensure_ascii=False)


def _draw(session: Session, command: Book) -> str:
    """Six digits that no other booking of the day has, and that tell nothing of its code or of the next number."""
    digests = (hashlib.sha256(f"{command.code}/{nth}".encode()).digest() for nth in itertools.count())
    numbers = (f"{int.from_bytes(digest) % 1_000_000:06d}" for digest in digests)
    taken = "SELECT 1 FROM appointment WHERE number=? AND day=?"
    return next(each for each in numbers if not session.connection.exec_driver_sql(taken, (each, command.day)).first())


def _tell(session: Session, hall: Hall, now: Now, what: str, it: Appointment, actor: str, **more: Any) -> None:
    data = {"appointment": it.id, "service": it.service} | more
    append(session, hall, now, f"appointment.{what}", it.id, actor, **data)


def _becomes(session: Session, it: Appointment, state: str, ticket: str | None = None) -> None:
    session.connection.exec_driver_sql("UPDATE appointment SET state=?, ticket=? WHERE id=?", (state, ticket, it.id))


# ---- redeeming


@dataclass(frozen=True, slots=True)
class CheckIn:
    appointment: str | None
    """Its id; None when none was found."""
    channel: str
    kiosk: str | None
    actor: str
    person: persons.Person | None = None
    """Whose card was laid on: it must be theirs."""


def check_in(session: Session, hall: Hall, now: Now, command: CheckIn) -> issuing.Issued:
    """The booking's ticket; the second time the same one. A ticket that this person has already taken becomes its own.

    Who comes early counts from the booked time on; who comes after `late_grace` takes an ordinary number. Raises
    Refused: 404 for an unknown booking or another person's, 409 when it is cancelled, of another day or too early.
    """
    it = appointment(session.connection, command.appointment)
    if command.person is not None and command.person.mark != it.mark:
        raise Refused("no_such_appointment", NOT_FOUND, "booked by another person", status=404)
    if it.state in REDEEMED and it.ticket is not None and it.day == now.day:
        return issuing.Issued(it.ticket, True)
    _must_be_due(hall, it, now)
    late = is_late(hall, it, now.at)
    claims = _late_claims(session, hall, now, it) if late else (_claim(hall, it, now),)
    wanted = issuing.Issue(it.service, command.channel, command.kiosk, command.actor, claims, beyond_quota=True)
    person = command.person or (persons.Person(it.mark) if it.mark else None)
    issued = issuing.issue_to(session, hall, now, issuing.IssueTo(wanted, person))
    _becomes(session, it, "late" if late else "checked_in", issued.ticket)
    _tell(session, hall, now, "checked_in", it, command.actor, ticket=issued.ticket, late=late)
    return issued


def is_late(hall: Hall, it: Appointment, at: int) -> bool:
    """Nobody came for it in its time and the grace after: its place is free."""
    return at > it.span(hall).end + hall.booking.late_grace * MINUTE


def standing(hall: Hall, it: Appointment, at: int) -> str:
    """Its state; `missed` from the end of the grace on, although whoever still comes today gets an ordinary number."""
    return "missed" if it.state == "booked" and is_late(hall, it, at) else it.state


def _claim(hall: Hall, it: Appointment, now: Now) -> balance.Claim:
    return balance.Claim("appointment", "appointment", max(0, it.span(hall).start - now.at))


DAY_MS = 24 * 60 * MINUTE


def _late_claims(session: Session, hall: Hall, now: Now, it: Appointment) -> tuple[balance.Claim, ...]:
    """None; in hours that are for bookings alone still a booking, without a head start: else there were no number."""
    service = hall.service.get(it.service)
    if service is None or days.number_now(session.connection, hall, now, service).state != "booked_only":
        return ()
    return (balance.Claim("appointment", "appointment", DAY_MS),)


def _must_be_due(hall: Hall, it: Appointment, now: Now) -> None:
    if it.state == "cancelled":
        raise Refused("appointment_cancelled", "这个预约已取消，请重新取号或重新预约")
    if it.day > now.day:
        _, month, day = map(int, it.day.split("-"))
        english = f"You booked {it.time} on {it.day}. Please come back on that day"
        raise Refused("too_early", f"您预约的是{month}月{day}日{it.time}，请当天再来签到", it.day, title_en=english)
    if it.day < now.day or it.state == "missed":
        raise Refused("appointment_over", "这个预约已过期，请重新取号或重新预约", it.day)
    due = it.span(hall).start - hall.booking.early * MINUTE
    if now.at < due:
        at = slots.hhmm(due, date.fromisoformat(it.day), hall.zone_info)
        english = f"You booked {it.time}. Please come back from {at} on"
        raise Refused("too_early", f"您预约的是{it.time}，请{at}以后再来签到", f"due at {at}", title_en=english)


# ---- changing


@dataclass(frozen=True, slots=True)
class Move:
    appointment: str
    day: str
    starts: str
    ends: str
    reason: str
    actor: str
    limit: Limit = "quota"


def move(session: Session, hall: Hall, now: Now, command: Move) -> str:
    """Another time for a booking, which keeps its number and code: its id. To the time that it has: nothing happens.

    Raises Refused: 404 for an unknown booking or a service that is gone, 409 when it is no longer open, when the time
    cannot be had, or when this person has another one then.
    """
    it = appointment(session.connection, command.appointment)
    if it.state != "booked":
        raise Refused("not_booked", f"这个预约{STATE_WORDS[it.state]}，不能改约", it.state)
    if (it.day, it.starts, it.ends) == _when(command):
        return it.id
    service = vacancies.bookable(hall, it.service)
    vacancies.check(session.connection, hall, now, Wanted(service, *_when(command), command.limit, it.id))
    if command.day != it.day:
        _must_fit_that_day(session, it, command.day)
    session.connection.exec_driver_sql(
        "UPDATE appointment SET phone_day=coalesce(phone_day, day), day=?, starts=?, ends=?, told=?, told_at=?"
        " WHERE id=?",
        (*_when(command), _told(service), now.at, it.id),
    )
    data: dict[str, Any] = {"day": command.day, "from": command.starts, "to": command.ends, "reason": command.reason}
    data |= {"was": {"day": it.day, "from": it.starts, "to": it.ends}} | ({"ref": it.ref} if it.ref else {})
    _tell(session, hall, now, "moved", it, command.actor, **data)
    return it.id


def _must_fit_that_day(session: Session, it: Appointment, day: str) -> None:
    run = session.connection.exec_driver_sql
    if it.mark is not None and run(OF_PERSON, (day, it.service, it.mark)).first():
        raise Refused("has_another", "本人这一天已有这项业务的预约，请另选日期", f"{it.service} on {day}")
    if run("SELECT 1 FROM appointment WHERE number=? AND day=?", (it.number, day)).first():
        # The mark of the phone's end is bound to the number, so that it cannot be drawn anew.
        raise Refused("number_taken", "这一天已有同样的预约号，请另选日期", day)


@dataclass(frozen=True, slots=True)
class Cancel:
    appointment: str
    actor: str


def cancel(session: Session, hall: Hall, now: Now, command: Cancel) -> str:
    """Returns its id; a second time nothing happens. Raises Refused (404, 409 once it is redeemed or over)."""
    it = appointment(session.connection, command.appointment)
    if it.state not in ("booked", "cancelled"):
        raise Refused("not_booked", f"这个预约{STATE_WORDS[it.state]}，不能取消", it.state)
    if it.state == "booked":
        _becomes(session, it, "cancelled")
        _tell(session, hall, now, "cancelled", it, command.actor)
    return it.id


def close_day(session: Session, hall: Hall, now: Now, _command: None) -> int:
    """Whoever did not come on an earlier day has missed it. Returns how many."""
    left = session.connection.exec_driver_sql(
        f"SELECT {FIELDS} FROM appointment WHERE state='booked' AND day < ?",  # noqa: S608  our own words
        (now.day,),
    ).all()
    for row in left:
        it = Appointment(*row)
        _becomes(session, it, "missed")
        _tell(session, hall, now, "missed", it, "hall")
    return len(left)
