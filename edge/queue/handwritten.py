"""Numbers on paper (手工号): handed out by hand while nothing else works, entered afterwards (QUE-25).

A number keeps what stands on its paper and the time at which it was given: who has one comes before whoever came later.
Who was served by hand meanwhile is entered as finished, with window and times, so that the day's figures are whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edge.clock import Now, local
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import issuing, rows, steps
from edge.queue.desk import call_if_armed
from edge.refusal import Refused
from edge.statements import Statements

CHANNEL = "by_hand"
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Served:
    """By hand, at a window; times are UTC, milliseconds."""

    window: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hand:
    digits: str
    """As they stand on the paper, without the prefix: `007`."""
    service: str
    taken_at: int
    """UTC, milliseconds, of a whole minute: people write no seconds. In one minute the numbers tell who was first."""
    served: Served | None = None
    """None: still waits."""

    @property
    def ordinal(self) -> int:
        return int(self.digits)


@dataclass(frozen=True, slots=True)
class Enter:
    numbers: tuple[Hand, ...]
    actor: str


def enter(session: Session, hall: Hall, now: Now, command: Enter) -> int:
    """Enters all of them, or none. Returns how many.

    Raises Refused (422), its detail a line for each fault: a number that is entered already or twice, a time that is to
    come or of another day, a service or a window that is not there.
    """
    if faults := list(_faults(session, hall, now, command)):
        raise Refused("hand_unfit", "没有录入，请改好这几处再按一次", "; ".join(faults), 422)
    if not command.numbers:
        raise Refused("hand_unfit", "没有录入，请先写号码和取号时间", status=422)
    for hand in sorted(command.numbers, key=lambda it: (it.taken_at, it.ordinal)):
        _insert(session, hall, now, hand, command.actor)
    return len(command.numbers)


def _faults(session: Session, hall: Hall, now: Now, command: Enter) -> Iterator[str]:
    prefix = hall.queue.hand_prefix
    there = {each.ordinal for each in of_today(session.connection, hall, now)}
    for ordinal, times in Counter(each.ordinal for each in command.numbers).items():
        if times > 1:
            yield f"{prefix}{ordinal} 写了{times}次"
    for hand in command.numbers:
        number = f"{prefix}{hand.digits}"
        if hand.ordinal in there:
            yield f"{number} 已经录入过"
        if not hand.ordinal:
            yield f"{number} 不是号码"
        if hand.service not in hall.service:
            yield f"{number} 的业务不在本大厅：{hand.service}"
        yield from (f"{number} {fault}" for fault in _untimely(hall, now, hand))


def _untimely(hall: Hall, now: Now, hand: Hand) -> Iterator[str]:
    if local(hand.taken_at, hall.zone_info).date().isoformat() != now.day:
        yield "不是今天取的，只能补录今天的号"
    if hand.taken_at > now.at:
        yield "的取号时间还没有到"
    if hand.served is None:
        return
    if hand.served.window not in hall.window:
        yield f"的窗口不对，没有{hand.served.window}号窗口"
    if not hand.taken_at <= hand.served.start <= hand.served.end:
        yield "的时间先后不对，应是取号、开始、办完"
    if hand.served.end > now.at:
        yield "的办完时间还没有到"


BEFORE_SQL = "SELECT seq FROM journal WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1"
INSERT_SQL = """
INSERT INTO ticket (id, day, prefix, ordinal, number, service, visit, channel, state, window, position, rank, taken_at,
  called_at, started_at, ended_at, outcome, since)
VALUES (:id, :day, :prefix, :ordinal, :number, :service, :visit, :channel, :state, :window, :position, :rank, :taken_at,
  :start, :start, :end, :outcome, :since)
"""


def _insert(session: Session, hall: Hall, now: Now, hand: Hand, actor: str) -> None:
    service, served = hall.service[hand.service], hand.served
    line, visit, _ = steps.first(service)
    id_, number = session.new_id(), f"{hall.queue.hand_prefix}{hand.digits}"
    issuing.count(session, now, service, booked=True)
    told = {"ticket": id_, "number": number, "service": line} | ({"visit": visit} if visit else {})
    more = told | {"channel": CHANNEL, "taken_at": hand.taken_at}
    append(session, hall, now, "ticket.issued", id_, actor, **more)
    before = session.connection.exec_driver_sql(BEFORE_SQL, (hand.taken_at,)).first()
    row = {
        "id": id_,
        "day": now.day,
        "prefix": hall.queue.hand_prefix,
        "ordinal": hand.ordinal,
        "number": number,
        "service": line,
        "visit": visit,
        "channel": CHANNEL,
        "state": "finished" if served else "waiting",
        "window": served.window if served else None,
        # The hall's order of arrival as it stood at that time; the minute is all that people wrote down of it.
        "position": before[0] if before else 0,
        "rank": hand.taken_at + min(hand.ordinal, MINUTE_MS - 1),
        "taken_at": hand.taken_at,
        "start": served.start if served else None,
        "end": served.end if served else None,
        "outcome": hall.queue.outcome if served else None,
        "since": served.end if served else hand.taken_at,
    }
    session.connection.exec_driver_sql(INSERT_SQL, row)
    if served:
        _tell_served(session, hall, now, told, hand.taken_at, served, actor)
    else:
        call_if_armed(session, hall, now, rows.ticket_by_id(session, id_), actor)


PERIOD_SQL = """
INSERT INTO ticket_period (ticket, seq, kind, service, window, start, end)
SELECT id, ?, ?, service, ?, ?, ? FROM ticket WHERE id=?
"""


def _tell_served(
    session: Session, hall: Hall, now: Now, told: dict[str, str], taken: int, served: Served, actor: str
) -> None:
    """No event ended these periods: figures count them, but what is learnt from the journal's own times does not."""
    place = {"window": served.window, "zone": hall.window[served.window].zone}
    times = {"called_at": served.start, "ended_at": served.end}
    more = told | place | times | {"channel": CHANNEL, "outcome": hall.queue.outcome}
    append(session, hall, now, "ticket.finished", told["ticket"], actor, **more)
    run = session.connection.exec_driver_sql
    run(PERIOD_SQL, (-1, "waiting", None, taken, served.start, told["ticket"]))
    run(PERIOD_SQL, (0, "serving", served.window, served.start, served.end, told["ticket"]))


# ---- what is entered


@dataclass(frozen=True, slots=True)
class Entered:
    id: str
    number: str
    ordinal: int
    service: str
    """The line in which it stands."""
    state: str
    taken_at: int
    """UTC, milliseconds."""


def of_today(connection: Statements, hall: Hall, now: Now) -> list[Entered]:
    """In the order of their numbers."""
    found = connection.exec_driver_sql(
        "SELECT id, number, ordinal, service, state, taken_at FROM ticket WHERE day=? AND prefix=? ORDER BY ordinal",
        (now.day, hall.queue.hand_prefix),
    )
    return [Entered(*row) for row in found]


def gaps(entered: list[Entered]) -> list[int]:
    """The numbers between the first and the last that nobody has entered: forgotten, or torn off unused."""
    there = {each.ordinal for each in entered}
    return [each for each in range(min(there, default=0), max(there, default=0)) if each not in there]
