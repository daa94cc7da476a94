"""Bookings (预约): made by the centre or at the desk, redeemed here for a ticket that does not queue again.

A booking keeps no number of a person: a keyed mark of the identity number, and one of day, booking number and the last
four digits of the phone. Its own number and code stand in no event: with them a booking can be redeemed.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Literal, NamedTuple

from edge.access.vault import Vault
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import balance, issuing, persons
from edge.refusal import Refused
from edge.statements import Statements

Channel = Literal["onsite", "phone", "online"]
NOT_FOUND = "没有找到这个预约，请核对后再试，或到咨询台"
STATE_WORDS = {"booked": "已预约", "checked_in": "已签到取号", "cancelled": "已取消", "missed": "已过期"}


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

    @property
    def time(self) -> str:
        return f"{self.starts}–{self.ends}"


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


def by_phone(connection: Statements, vault: Vault, day: str, number: str, tail: str) -> str | None:
    """The id of the booking of this number that was made with a phone of this end; that of `day` before others."""
    found = connection.exec_driver_sql(
        "SELECT id, day, phone_mark FROM appointment WHERE number=? ORDER BY day <> ?, day", (number, day)
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


def book(session: Session, hall: Hall, now: Now, command: Book) -> str:
    """Returns the booking's id. Raises Refused: 404 for an unknown service, 409 for a time that is over."""
    if command.service not in hall.service:
        raise Refused("no_such_service", "没有这项业务", f"service {command.service!r}", status=404)
    if command.day < now.day or _at(hall, command.day, command.ends) <= now.at:
        raise Refused("time_is_over", "预约时间已过，请另选时间", f"{command.day} {command.ends}")
    id_, number = session.new_id(), _draw(session, command)
    session.connection.exec_driver_sql(
        "INSERT INTO appointment (id, number, service, day, starts, ends, channel, state, mark, phone_mark, code,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'booked', ?, ?, ?, ?)",
        (
            id_,
            number,
            command.service,
            command.day,
            command.starts,
            command.ends,
            command.channel,
            command.mark,
            command.phone_mark(number) if command.phone_mark else None,
            command.code,
            now.at,
        ),
    )
    data = {"day": command.day, "from": command.starts, "to": command.ends, "channel": command.channel}
    _tell(session, hall, now, "booked", appointment(session.connection, id_), command.actor, **data)
    return id_


def _draw(session: Session, command: Book) -> str:
    """Six digits that no other booking of the day has, and that tell nothing of its code or of the next number."""
    digests = (hashlib.sha256(f"{command.code}/{nth}".encode()).digest() for nth in itertools.count())
    numbers = (f"{int.from_bytes(digest) % 1_000_000:06d}" for digest in digests)
    taken = "SELECT 1 FROM appointment WHERE number=? AND day=?"
    return next(each for each in numbers if not session.connection.exec_driver_sql(taken, (each, command.day)).first())


def _at(hall: Hall, day: str, hhmm: str) -> int:
    """UTC, milliseconds."""
    local = datetime.combine(date.fromisoformat(day), time.fromisoformat(hhmm), hall.zone_info)
    return int(local.timestamp() * 1000)


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

    Raises Refused: 404 for an unknown booking or another person's, 409 when it is cancelled or of another day.
    """
    it = appointment(session.connection, command.appointment)
    if command.person is not None and command.person.mark != it.mark:
        raise Refused("no_such_appointment", NOT_FOUND, "booked by another person", status=404)
    if it.state == "checked_in" and it.ticket is not None and it.day == now.day:
        return issuing.Issued(it.ticket, True)
    _must_be_due(it, now)
    early = max(0, _at(hall, it.day, it.starts) - now.at)
    claim = balance.Claim("appointment", "appointment", early)
    wanted = issuing.Issue(it.service, command.channel, command.kiosk, command.actor, (claim,))
    person = command.person or (persons.Person(it.mark) if it.mark else None)
    issued = issuing.issue_to(session, hall, now, issuing.IssueTo(wanted, person))
    _becomes(session, it, "checked_in", issued.ticket)
    _tell(session, hall, now, "checked_in", it, command.actor, ticket=issued.ticket)
    return issued


def _must_be_due(it: Appointment, now: Now) -> None:
    if it.state == "cancelled":
        raise Refused("appointment_cancelled", "这个预约已取消，请重新取号或重新预约")
    if it.day > now.day:
        _, month, day = map(int, it.day.split("-"))
        raise Refused("too_early", f"您预约的是{month}月{day}日{it.time}，请当天再来签到", it.day)
    if it.day < now.day or it.state == "missed":
        raise Refused("appointment_over", "这个预约已过期，请重新取号或重新预约", it.day)


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


# ---- guessing

WINDOW_S = 600.0
PER_NUMBER, PER_PLACE = 5, 20


class Guesses:
    """Wrong pairs of booking number and phone end, of the last ten minutes. In memory: a restart forgives.

    A number that was guessed at too often is closed even to the right answer: else the answer would be told.
    """

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str, str]] = deque()

    def check(self, number: str, place: str, at: float) -> None:
        """`at` in monotonic seconds. Raises Refused (429)."""
        while self._wrong and self._wrong[0][0] <= at - WINDOW_S:
            self._wrong.popleft()
        of_number = sum(each[1] == number for each in self._wrong)
        of_place = sum(each[2] == place for each in self._wrong)
        if of_number >= PER_NUMBER or of_place >= PER_PLACE:
            raise Refused("too_many_guesses", "错误次数太多，请十分钟后再试，或到咨询台办理", status=429)

    def wrong(self, number: str, place: str, at: float) -> None:
        self._wrong.append((at, number, place))
