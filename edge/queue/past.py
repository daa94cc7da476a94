"""The queue as it was at a moment, out of the journal: who waited for what, and what each window did. Reads only.

A moment is a place in the journal, the last event up to then: its state is whole even where the clock went back.
The period log would not do: it says what the time went to, as it was known when the time was over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

from edge.hall import Hall, Window
from edge.journal import OF_PLACES
from edge.queue.tickets import ENDED, IN_HAND, MOVES, State
from edge.statements import Statements

DAY_MS, MINUTE_MS = 86_400_000, 60_000
TARGETS = {each.event: each.target for name, each in MOVES.items() if name != "urge"}
"""Urging may meet a missed ticket too, and leaves everyone as they are."""


class Event(NamedTuple):
    seq: int
    at: int
    """UTC, milliseconds."""
    type: str
    key: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Ticket:
    """One that had not ended."""

    number: str
    service: str
    """The line in which it stood or had stood."""
    state: State
    since: int
    """Of its state: UTC, milliseconds."""
    window: int | None = None
    only: int | None = None
    """Sent to this window."""
    staff: str | None = None
    """Sent to this clerk, at whichever window."""
    later: bool = False
    """Nobody might call it yet."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What a window was set to."""

    sign: str | None = None
    """While it was paused; None: open."""
    resume: str | None = None
    """Until when it was paused, as its sign said it."""
    staff: str | None = None
    armed: bool = False


class Line(NamedTuple):
    service: str
    waiting: int
    since: int
    """Since when the first of them waited: UTC, milliseconds."""


# ---- tickets. Pure


def step(tickets: dict[str, Ticket], event: Event) -> None:
    """Makes of the tickets what the event made of them."""
    data = event.data
    if event.type == "window.removed":
        _give_back(tickets, data["window"], None)
    elif event.type == "window.skills_changed":
        _give_back(tickets, data["window"], set(data["from"]) - set(data["to"]))
    elif event.type == "ticket.issued":
        state: State = "called" if data.get("walk_in") else "waiting"
        since = data.get("taken_at", event.at)
        tickets[event.key] = Ticket(data["number"], data["service"], state, since, data.get("window"))
    elif event.type in TARGETS and event.key in tickets:
        _move(tickets, event, TARGETS[event.type])


def _move(tickets: dict[str, Ticket], event: Event, target: State) -> None:
    ticket, data = tickets[event.key], event.data
    if target in ENDED:
        del tickets[event.key]
        return
    if target != ticket.state:
        ticket.since = max(event.at, ticket.since)
    ticket.state, ticket.service = target, data["service"]
    ticket.window = None if target == "waiting" else data.get("window")
    if event.type in ("ticket.transferred", "ticket.redirected"):
        ticket.only, ticket.staff = data.get("to_window"), data.get("to_staff")
        ticket.later = "not_before" in data
    elif event.type in ("ticket.changed", "ticket.advanced"):
        ticket.only, ticket.staff, ticket.later = None, None, False
    elif event.type == "ticket.due":
        ticket.only, ticket.later = data.get("to_window"), False


def _give_back(tickets: Mapping[str, Ticket], window: int, services: set[str] | None) -> None:
    """Who was sent to a window for what it served no more (None: anything) belonged to their line again."""
    for ticket in tickets.values():
        if ticket.only == window and ticket.staff is None and (services is None or ticket.service in services):
            ticket.only = None


# ---- what is stored

SEQ_SQL = """
SELECT coalesce(
  (SELECT max(seq) FROM journal WHERE at BETWEEN :at - :day AND :at),
  (SELECT seq FROM journal WHERE at <= :at ORDER BY at DESC, seq DESC LIMIT 1), 0)
"""
FIRST_SQL = "SELECT seq FROM journal WHERE at >= ? ORDER BY at, seq LIMIT 1"
TICKETS_SQL = """
SELECT seq, at, type, key, data FROM journal WHERE seq BETWEEN :first AND :last AND (
  type IN ('window.removed', 'window.skills_changed') OR type GLOB 'ticket.*' AND key NOT IN (
    SELECT id FROM ticket WHERE day BETWEEN :before AND :day AND ended_at < :start)) ORDER BY seq
"""


def seq_at(connection: Statements, at: int) -> int:
    """The last event up to this moment (UTC, milliseconds); 0: there is none so early."""
    found: int = connection.exec_driver_sql(SEQ_SQL, {"at": at, "day": DAY_MS}).scalar_one()
    return found


def began(connection: Statements) -> int | None:
    """When the first event was: UTC, milliseconds."""
    row = connection.exec_driver_sql("SELECT at FROM journal ORDER BY seq LIMIT 1").first()
    return None if row is None else row[0]


def midnight(hall: Hall, day: str) -> int:
    """UTC, milliseconds."""
    return int(datetime.fromisoformat(day).replace(tzinfo=hall.zone_info).timestamp() * 1000)


def events(connection: Statements, hall: Hall, day: str, start: int, last: int) -> list[Event]:
    """What happened until the event `last` to the tickets of this day that had not ended by `start`, in order.

    Also to those of the last day before it that had any: a case in hand goes on over midnight.
    """
    sql = "SELECT coalesce(max(day), ?) FROM ticket WHERE day < ?"
    before = connection.exec_driver_sql(sql, (day, day)).scalar_one()
    first = connection.exec_driver_sql(FIRST_SQL, (midnight(hall, before),)).first()
    wanted = {"first": first[0] if first else 0, "last": last, "before": before, "day": day, "start": start}
    rows = connection.exec_driver_sql(TICKETS_SQL, wanted)
    return [Event(seq, at, type_, key, json.loads(data)) for seq, at, type_, key, data in rows]


# ---- windows

STATES = ("window.paused", "window.closed", "window.resumed", "window.opened", "window.added", "window.removed")
SEATS = ("window.signed_in", "window.signed_out", "window.handed_over", "window.added", "window.removed")
ARMS = ("window.armed", "window.disarmed", "window.paused", "window.closed", "window.added", "window.removed")
LAST_SQL = """
SELECT seq, type, data FROM journal WHERE {} AND key=? AND seq <= ? AND type IN {} ORDER BY seq DESC LIMIT 1
"""
CAME_SQL = """
SELECT 1 FROM journal WHERE seq > ? AND seq <= ? AND type IN ('ticket.called', 'ticket.resumed', 'ticket.issued')
  AND json_extract(data, '$.window')=? LIMIT 1
"""


def seat(connection: Statements, no: int, seq: int) -> Seat:
    """Of this window after this event; one of which no event tells was open, and nobody was there."""
    _, state, told = _last(connection, no, seq, STATES)
    _, came, who = _last(connection, no, seq, SEATS)
    since, arm, _ = _last(connection, no, seq, ARMS)
    sign = {"window.paused": told.get("sign"), "window.closed": "closed"}.get(state)
    staff = who["staff"] if came in ("window.signed_in", "window.handed_over") else None
    armed = arm == "window.armed" and connection.exec_driver_sql(CAME_SQL, (since, seq, no)).first() is None
    return Seat(sign, told.get("resume"), staff, armed)


def _last(connection: Statements, no: int, seq: int, types: tuple[str, ...]) -> tuple[int, str, Mapping[str, Any]]:
    row = connection.exec_driver_sql(LAST_SQL.format(OF_PLACES, types), (f"window:{no}", seq)).first()
    return (row[0], row[1], json.loads(row[2])) if row else (0, "", {})


# ---- the whole


@dataclass(frozen=True, slots=True)
class Past:
    seq: int
    """The last event up to the moment."""
    tickets: Mapping[str, Ticket]
    windows: list[dict[str, Any]]
    """As `board.windows` tells them, as far as pictures go: `no state paused staff armed waiting ticket`."""
    lines: list[Line]
    """Where somebody waited, the longest first."""
    crowd: list[int]
    """How many waited at each full minute from the start."""


def past(connection: Statements, hall: Hall, day: str, start: int, end: int, at: int) -> Past:
    """How it was at a moment, and how many waited from `start` to `end` around it (UTC, milliseconds, both told).

    `hall` is the hall as of then, `day` the business day.
    """
    seq = seq_at(connection, at)
    tickets: dict[str, Ticket] = {}
    happened = events(connection, hall, day, start, seq_at(connection, end))
    for each in happened:
        if each.seq <= seq:
            step(tickets, each)
    seats = {no: seat(connection, no, seq) for no in hall.window}
    views = [_view(hall.window[no], seats, tickets) for no in hall.window]
    return Past(seq, tickets, views, _lines(tickets), _crowd(happened, range(start, end + 1, MINUTE_MS)))


def _view(window: Window, seats: Mapping[int, Seat], tickets: Mapping[str, Ticket]) -> dict[str, Any]:
    own = seats[window.no]
    there = {each.staff: no for no, each in seats.items()}
    in_hand = [each for each in tickets.values() if each.window == window.no and each.state in IN_HAND]
    waits = [each for each in tickets.values() if each.state == "waiting" and _may_call(window, each, there)]
    return {
        "no": window.no,
        "state": "open" if own.sign is None else "paused",
        "paused": None if own.sign is None else {"sign": own.sign, "resume": own.resume},
        "staff": own.staff,
        "armed": own.armed,
        "waiting": len(waits),
        "ticket": {"number": in_hand[0].number, "state": in_hand[0].state} if in_hand else None,
    }


def _may_call(window: Window, ticket: Ticket, there: Mapping[str | None, int]) -> bool:
    if ticket.later:
        return False
    only = there.get(ticket.staff) if ticket.staff is not None else ticket.only
    sent = ticket.staff is not None or ticket.only is not None
    return only == window.no if sent else ticket.service in window.skills


def _lines(tickets: Mapping[str, Ticket]) -> list[Line]:
    since: dict[str, list[int]] = defaultdict(list)
    for each in tickets.values():
        if each.state == "waiting":
            since[each.service].append(each.since)
    found = [Line(service, len(times), min(times)) for service, times in since.items()]
    return sorted(found, key=lambda line: (-line.waiting, line.since, line.service))


def _crowd(happened: Sequence[Event], minutes: Iterable[int]) -> list[int]:
    """Where the clock went back, an event counts from the earliest time that was told after it."""
    known = list(accumulate((each.at for each in reversed(happened)), min))[::-1]
    tickets: dict[str, Ticket] = {}
    found, nth = [], 0
    for minute in minutes:
        while nth < len(happened) and known[nth] <= minute:
            step(tickets, happened[nth])
            nth += 1
        found.append(sum(each.state == "waiting" for each in tickets.values()))
    return found
