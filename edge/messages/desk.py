"""Use cases of messages: `wanted → sending → sent → delivered`, and every way in which it may end before.

A message is claimed, and that is committed, before a byte goes out. After a crash nobody knows whether one did: the
message is `unknown` and never sent again. No use case of the queue waits for anything here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from edge.access.vault import Vault
from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.messages import texts
from edge.queue import board, estimates, rows, tickets
from edge.queue.outlook import Outlook
from edge.refusal import Refused
from edge.statements import Statements

SENDING_MS = 5 * 60_000
"""No device takes so long over a message: one that is still `sending` was cut off, and the device did not come back."""
KEEP_MS = 3 * 86_400_000
"""A network's report may come a day or two later."""
OLD_CONTACT = "day < :day AND (:delivered IS NULL OR event <= :delivered)"
OLD_MARK = (
    "day < :day AND until <= :at AND mark IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM contact WHERE contact.ticket = message.ticket)"
)
"""While its visitor may still be told something, the mark is what keeps it from being told twice."""


class Message(NamedTuple):
    """A message, its ticket and the number it would go to now."""

    id: str
    ticket: str
    kind: texts.Kind
    occasion: int
    until: int
    mark: str | None
    """Of the number that it was wanted for."""
    number: str
    service: str
    state: tickets.State
    window: int | None
    called_at: int | None
    sealed: bytes | None
    """None: its visitor takes no messages any more."""
    phone: str | None
    """The mark of that number."""


MESSAGE_SQL = """
SELECT m.id, m.ticket, m.kind, m.occasion, m.until, m.mark,
  t.number, t.service, t.state, t.window, t.called_at, c.sealed, c.mark
FROM message m JOIN ticket t ON t.id = m.ticket LEFT JOIN contact c ON c.ticket = m.ticket
"""


def _messages(session: Session, where: str, *values: Any) -> list[Message]:
    found = session.connection.exec_driver_sql(f"{MESSAGE_SQL} WHERE {where} ORDER BY m.until, m.id", values)
    return [Message(*row) for row in found]


def _tell(session: Session, hall: Hall, now: Now, what: str, ticket: str, number: str, actor: str, **more: Any) -> None:
    """Which ticket, which message, what became of it: never to whom, never its text."""
    data = {"ticket": ticket, "number": number, "channel": "sms"} | more
    event = append(session, hall, now, f"message.{what}", ticket, actor, **data)
    session.connection.exec_driver_sql("UPDATE contact SET event=? WHERE ticket=?", (event.seq, ticket))


# ---- who takes messages


@dataclass(frozen=True, slots=True)
class OptIn:
    ticket: str
    sealed: bytes
    mark: str
    actor: str


def with_phone(vault: Vault, ticket: str, phone: str, actor: str) -> OptIn:
    """The command for a number as the visitor typed it. Raises Refused (422)."""
    number = texts.mobile(phone)
    return OptIn(ticket, vault.seal(number, ticket), vault.mark("phone", number), actor)


def opt_in(session: Session, hall: Hall, now: Now, command: OptIn) -> None:
    """From now on this number is told how the ticket moves on, in the place of an earlier one.

    Raises Refused: 409 when the hall sends no messages or the ticket is over, 404 for an unknown ticket.
    """
    if hall.sms.device is None:
        raise Refused("no_sms", "本大厅没有短信提醒")
    ticket = rows.ticket_by_id(session, command.ticket)
    if ticket.state in tickets.ENDED:
        raise Refused("ticket_over", f"{ticket.number}号{tickets.STATE_WORDS[ticket.state]}，不再发短信")
    known = session.connection.exec_driver_sql(
        "SELECT 1 FROM contact WHERE ticket=? AND mark=?", (ticket.id, command.mark)
    ).first()
    if known:
        return
    ahead = board.ticket(session.connection, hall, ticket.id, lambda _: True)["ahead"]
    session.connection.exec_driver_sql(
        "INSERT INTO contact (ticket, sealed, mark, ahead, day, event) VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (ticket)"
        " DO UPDATE SET sealed=excluded.sealed, mark=excluded.mark, ahead=excluded.ahead, day=excluded.day",
        (ticket.id, command.sealed, command.mark, ahead, now.day),
    )
    _tell(session, hall, now, "opted_in", ticket.id, ticket.number, command.actor)
    if ticket.state == "waiting":
        until = now.at + texts.LIFE_MS["issued"]
        _want(session, hall, now, ticket.id, ticket.number, "issued", 0, until, command.mark)
    else:
        remind(session, hall, now, ())


@dataclass(frozen=True, slots=True)
class OptOut:
    ticket: str
    actor: str


def opt_out(session: Session, hall: Hall, now: Now, command: OptOut) -> None:
    """No more messages for this ticket; its number is forgotten at once. Raises Refused (404)."""
    ticket = rows.ticket_by_id(session, command.ticket)
    gone = session.connection.exec_driver_sql("DELETE FROM contact WHERE ticket=?", (ticket.id,))
    if gone.rowcount:
        _tell(session, hall, now, "opted_out", ticket.id, ticket.number, command.actor)


# ---- what is wanted


def _want(
    session: Session,
    hall: Hall,
    now: Now,
    ticket: str,
    number: str,
    kind: texts.Kind,
    occasion: int,
    until: int,
    mark: str,
) -> None:
    """Wants it, unless this number has had this message."""
    id_ = session.new_id()
    wanted = session.connection.exec_driver_sql(
        "INSERT INTO message (id, ticket, kind, occasion, mark, day, state, wanted_at, until)"
        " VALUES (?, ?, ?, ?, ?, ?, 'wanted', ?, ?) ON CONFLICT (ticket, kind, occasion, mark) DO NOTHING",
        (id_, ticket, kind, occasion, mark, now.day, now.at, until),
    )
    if wanted.rowcount:
        _tell(session, hall, now, "wanted", ticket, number, "hall", message=id_, kind=kind)


def remind(session: Session, hall: Hall, now: Now, services: tuple[str, ...]) -> None:
    """Wants what the queue asks for as it stands: `come` for who is called, `soon` for the first in these lines.

    It may be done again at any time: what was wanted once is not wanted again.
    """
    if hall.sms.device is None:
        return
    called = session.connection.exec_driver_sql(
        "SELECT t.id, t.number, t.called_at, c.mark FROM ticket t JOIN contact c ON c.ticket = t.id"
        " WHERE t.state='called' AND t.called_at > ?",
        (now.at - texts.LIFE_MS["come"],),
    ).all()
    for ticket, number, called_at, mark in called:
        until = called_at + texts.LIFE_MS["come"]
        _want(session, hall, now, ticket, number, "come", called_at, until, mark)
    for service in services if hall.sms.ahead else ():
        _remind_line(session, hall, now, service)


LINE_SQL = """
SELECT t.id, t.number, c.mark, CASE WHEN t.called_at IS NULL THEN c.ahead END,
  (SELECT min(m.occasion) FROM message m WHERE m.ticket=t.id AND m.kind='soon' AND m.mark=c.mark)
FROM ticket t LEFT JOIN contact c ON c.ticket = t.id
WHERE t.state='waiting' AND t.service=? ORDER BY t.rank, t.position LIMIT ?
"""
"""The first in a line. What the visitor was told when giving the number counts until they are called: a transfer may
bring them to the end of another line."""


def _remind_line(session: Session, hall: Hall, now: Now, service: str) -> None:
    """Two may leave a line at once, so that a threshold is passed and never stands: the next smaller number counts."""
    first = session.connection.exec_driver_sql(LINE_SQL, (service, max(hall.sms.ahead) + 1)).all()
    until = now.at + texts.LIFE_MS["soon"]
    for ahead, (ticket, number, mark, told, reminded) in enumerate(first):
        threshold = texts.due(ahead, hall.sms.ahead)
        known = min((each for each in (told, reminded) if each is not None), default=None)
        if mark is not None and threshold is not None and (known is None or threshold < known):
            _want(session, hall, now, ticket, number, "soon", threshold, until, mark)


# ---- sending


class Claimed(NamedTuple):
    id: str
    ticket: str
    sealed: bytes
    """Opens with the ticket's id."""
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    device: str
    outlook: Outlook


def claim(session: Session, hall: Hall, now: Now, command: Claim) -> Claimed | None:
    """The message that this device should send now, marked `sending` before a byte goes out; the one that ends first.

    One is in flight at a time: one still `sending` was cut off. What may not be sent ends here, with the reason.
    """
    device = command.device
    _cut_off(session, hall, now, "m.device=?", device)
    for message in _messages(session, "m.state='wanted'"):
        why = _why_not(session, hall, now, message)
        if why is not None or message.sealed is None:
            _end(session, hall, now, message, "expired" if why == "late" else "suppressed", why or "no_phone")
            continue
        session.connection.exec_driver_sql(
            "UPDATE message SET state='sending', device=?, sent_at=? WHERE id=?", (device, now.at, message.id)
        )
        return Claimed(message.id, message.ticket, message.sealed, _text(session, hall, now, message, command.outlook))
    return None


def _why_not(session: Session, hall: Hall, now: Now, message: Message) -> str | None:
    if message.until <= now.at:
        return "late"
    if message.phone is None:
        return "no_phone"
    if message.mark != message.phone:
        return "replaced"
    if not _holds(hall, message):
        return "moved_on"
    if texts.is_quiet(hall, now.at):
        return "quiet"
    if sent_today(session.connection, now) >= hall.sms.daily_cap:
        return "daily_cap"
    if sent_today(session.connection, now, message.phone) >= hall.sms.per_phone:
        return "per_phone"
    return None


def _holds(hall: Hall, message: Message) -> bool:
    """Whether its ticket still stands where the message says."""
    if message.kind == "come":
        return message.state == "called" and message.called_at == message.occasion and message.window in hall.window
    return message.state == "waiting" and message.service in hall.service


def sent_today(connection: Statements, now: Now, phone: str | None = None) -> int:
    """Messages that went out today, or may have; to one number or to all."""
    one = "" if phone is None else "AND mark=:phone"
    found = connection.exec_driver_sql(
        f"SELECT count(*) FROM message WHERE day=:day {one} AND sent_at IS NOT NULL",  # noqa: S608  our own words
        {"day": now.day, "phone": phone},
    )
    return int(found.scalar_one())


def _text(session: Session, hall: Hall, now: Now, message: Message, outlook: Outlook) -> str:
    words = {"number": message.number}
    if message.service in hall.service:
        words["service"] = hall.service[message.service].name
    if message.kind == "come":
        window = hall.window[message.window or 0]
        words |= {"floor": hall.zone[window.zone].floor, "no": str(window.no), "name": window.name}
    else:
        tell = estimates.teller(outlook, now.at)
        ticket = board.ticket(session.connection, hall, message.ticket, lambda _: True, tell)
        estimate = ticket["estimate"]
        zones = dict.fromkeys(hall.zone[hall.window[no].zone].name for no in hall.able[message.service])
        words |= {key: str(estimate[key]) for key in ("low", "high") if estimate["minutes"] is not None}
        words |= {"ahead": str(ticket["ahead"]), "wait": estimate["words"], "place": "、".join(zones)}
    return texts.compose(hall, message.kind, words)


# ---- what became of it


@dataclass(frozen=True, slots=True)
class Sent:
    message: str
    reference: str
    """The device's, for the network's report."""


def sent(session: Session, hall: Hall, now: Now, command: Sent) -> None:
    """The network has it."""
    for message in _messages(session, "m.id=? AND m.state='sending'", command.message):
        session.connection.exec_driver_sql(
            "UPDATE message SET state='sent', reference=? WHERE id=?", (command.reference, message.id)
        )
        _tell(session, hall, now, "sent", message.ticket, message.number, "hall", message=message.id, kind=message.kind)


@dataclass(frozen=True, slots=True)
class Unsent:
    message: str
    state: Literal["failed", "unknown"]
    """failed: nothing went out."""
    why: str


def unsent(session: Session, hall: Hall, now: Now, command: Unsent) -> None:
    for message in _messages(session, "m.id=? AND m.state='sending'", command.message):
        _end(session, hall, now, message, command.state, command.why)
        if command.state == "failed":
            session.connection.exec_driver_sql("UPDATE message SET sent_at=NULL WHERE id=?", (message.id,))


@dataclass(frozen=True, slots=True)
class Report:
    device: str
    reference: str
    delivered: bool


def report(session: Session, hall: Hall, now: Now, command: Report) -> bool:
    """The network's word on a message that was sent; of several with this reference, the newest. False: on none."""
    found = _messages(
        session,
        "m.id = (SELECT id FROM message WHERE state='sent' AND device=? AND reference=? ORDER BY sent_at DESC LIMIT 1)",
        command.device,
        command.reference,
    )
    for message in found:
        state, why = ("delivered", None) if command.delivered else ("failed", "undelivered")
        _end(session, hall, now, message, state, why)
    return bool(found)


def _end(session: Session, hall: Hall, now: Now, message: Message, state: str, why: str | None) -> None:
    session.connection.exec_driver_sql(
        "UPDATE message SET state=?, why=?, done_at=? WHERE id=?", (state, why, now.at, message.id)
    )
    data = {"message": message.id, "kind": message.kind} | ({"why": why} if why else {})
    _tell(session, hall, now, state, message.ticket, message.number, "hall", **data)


def _cut_off(session: Session, hall: Hall, now: Now, where: str, value: object) -> None:
    for message in _messages(session, f"m.state='sending' AND {where}", value):
        _end(session, hall, now, message, "unknown", "cut_off")


# ---- what the clock brings about


def expire(session: Session, hall: Hall, now: Now, _command: None) -> None:
    """Ends what was wanted and could not be sent in its time, and what a device that is gone was sending."""
    for message in _messages(session, "m.state='wanted' AND m.until <= ?", now.at):
        _end(session, hall, now, message, "expired", "late")
    _cut_off(session, hall, now, "m.sent_at <= ?", now.at - SENDING_MS)


def forget(session: Session, _hall: Hall, now: Now, delivered: int | None) -> None:
    """Forgets the numbers of earlier days, once the centre has every event that refers to them.

    `delivered` is the seq up to which the relay has come, None without a centre. Their marks go with them, and what was
    sent after three days.
    """
    values = {"day": now.day, "at": now.at, "delivered": delivered}
    session.connection.exec_driver_sql(f"DELETE FROM contact WHERE {OLD_CONTACT}", values)  # noqa: S608  our own words
    session.connection.exec_driver_sql(f"UPDATE message SET mark=NULL WHERE {OLD_MARK}", values)  # noqa: S608  our own words
    session.connection.exec_driver_sql("DELETE FROM message WHERE wanted_at < ?", (now.at - KEEP_MS,))
