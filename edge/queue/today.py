"""The hall's day as a scenario: what stands in the tables until now, and what is to be expected of the rest.

Asked about a time to come, the hall is taken as it stands: who waits, who is at a window and for about how long yet.
Asked about a time that has passed, everyone who came today is there with the time that they really took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby, pairwise
from statistics import fmean
from typing import Literal, NamedTuple

from edge.clock import Now
from edge.hall import Hall
from edge.queue import demand, forecast, periods, presence
from edge.queue.policies import REASONS, Policy
from edge.queue.scenario import COMES_BACK, NEVER_SHOWS, PRESENT, STRICT_S, Class, Scenario, Service, Ticket, Window
from edge.queue.what_if import CV, Known
from edge.statements import Statements
from edge.windows import noon

IN_HAND = ("called", "serving")
DRAINS_S = 1800.0
"""A window that is there so shortly before closing serves until nobody is left."""
NOSHOW_S = 60.0
"""What a visitor who does not come costs, where nobody knows yet."""


@dataclass(frozen=True, slots=True)
class Today:
    known: Known
    looks: Literal["ahead", "back"]
    windows: int
    """How many are there from now on, without the extra one."""
    weekday: str
    weeks: int
    """How many earlier days of this weekday say who will come; 0: today's own rate does."""
    mean_min: float | None
    """What those who were called today really waited."""


class Row(NamedTuple):
    """What a ticket says beside its periods."""

    id: str
    service: str
    state: str
    taken_at: int
    called_at: int | None
    ended_at: int | None
    rank: int
    priority: str | None
    visit: str | None
    step: int
    window: int | None


ROWS_SQL = """
SELECT id, service, state, taken_at, called_at, ended_at, rank, priority, visit, step, window
FROM ticket WHERE day=? ORDER BY position
"""


def read(connection: Statements, hall: Hall, now: Now, openings: presence.Openings, start: int) -> Today:
    """The day for a question about `start` (UTC, milliseconds)."""
    midnight, ahead = midnight_of(hall, now), start >= now.at
    closes_s = (openings[-1][1] - midnight) / 1000
    rows = [
        row for each in connection.exec_driver_sql(ROWS_SQL, (now.day,)) if (row := Row(*each)).service in hall.service
    ]
    log, stamp = periods.of_day(connection, now.day), Stamp(midnight, now.at, demand.means(connection, hall, now))
    there = presence.stands(connection, hall, now, midnight)
    busy = {each.window: _left_s(each, stamp) for each in rows if each.state in IN_HAND} if ahead else {}
    through, whole = _through(connection, hall, now, openings), [(openings[0][0], openings[-1][1])]
    later = {
        no: presence.later(each, whole if no in through else openings, now, busy.get(no, 0.0))
        for no, each in there.items()
    }
    past = {} if ahead else presence.was_there(connection, now, there, log)
    spans = {no: presence.seconds([*past.get(no, ()), *later[no]], midnight) for no in hall.window}
    windows = [
        Window(str(no), hall.window[no].skills, 1.0, on, on[-1][1] >= closes_s - DRAINS_S)
        for no, on in spans.items()
        if on
    ]
    if ahead:
        tickets, unknown = _as_it_stands(hall, rows, stamp)
    else:
        tickets, unknown = _record(hall, rows, log, periods.ready(connection, now.day), stamp)
    coming, weeks = demand.expected(connection, hall, now, openings, midnight)
    services = tuple(Service(each.id, each.name, 1.0, stamp.mean_s[each.id], CV) for each in hall.services)
    day = Scenario(hall.hall.code, 0, _noshow_s(log), 0.0, services, classes(hall), tuple(windows), tuple(tickets))
    known = Known(day, unknown, tuple(coming), policy(hall), closes_s)
    waits = [each.called_at - each.taken_at for each in rows if each.called_at is not None]
    mean_min = fmean(waits) / 60_000 if waits else None
    return Today(known, "ahead" if ahead else "back", sum(map(bool, later.values())), _weekday(now), weeks, mean_min)


def _through(connection: Statements, hall: Hall, now: Now, openings: presence.Openings) -> Sequence[int]:
    """The windows that serve through the present break, or the one to come."""
    ends = [end for (_, end), (start, _) in pairwise(openings) if start > now.at]
    if not ends:
        return ()
    return noon.duty_windows(connection, hall, noon.on_duty(connection, max(now.at, ends[0])), paused=True)


def _weekday(now: Now) -> str:
    return f"星期{'一二三四五六日'[date.fromisoformat(now.day).weekday()]}"


def midnight_of(hall: Hall, now: Now) -> int:
    """UTC, milliseconds, of the business day."""
    return int(datetime.combine(date.fromisoformat(now.day), time(0), hall.zone_info).timestamp() * 1000)


def classes(hall: Hall) -> tuple[Class, ...]:
    """The hall's head starts, as a scenario says them."""
    found = []
    for nth, (letter, reason) in enumerate(REASONS.items()):
        strict = reason in hall.priority.strict
        found.append(Class(letter, reason, STRICT_S if strict else hall.priority.head_start.get(reason, 0.0) * 60, nth))
    return tuple(found)


def policy(hall: Hall) -> Policy:
    return Policy("as the hall has it", hall.balance, "none" if hall.balance.rule == "order" else "head_start")


def _noshow_s(log: Iterable[periods.Period]) -> float:
    spent = [
        (called.end - called.start) / 1000
        for called, then in pairwise(log)
        if called.ticket == then.ticket and (called.kind, then.kind) == ("called", "missed") and called.end is not None
    ]
    return fmean(spent) if spent else NOSHOW_S


def _left_s(row: Row, stamp: Stamp) -> float:
    """Of the service of whom a window has in hand."""
    return forecast.remaining_s(stamp.mean_s[row.service], (stamp.now - (row.called_at or stamp.now)) / 1000)


# ---- visitors so far


class Stamp(NamedTuple):
    midnight: int
    now: int
    mean_s: Mapping[str, float]


def _as_it_stands(hall: Hall, rows: Iterable[Row], stamp: Stamp) -> tuple[list[Ticket], frozenset[str]]:
    """Who waits now; nobody knows how long they will take."""
    waiting = [each for each in rows if each.state == "waiting"]
    tickets = [_ticket(hall, each, stamp)._replace(next=_steps_left(hall, each, stamp)) for each in waiting]
    return tickets, frozenset(each.id for each in waiting)


def _ticket(hall: Hall, row: Row, stamp: Stamp) -> Ticket:
    """Who it is. A booking that came early is told by the lead that is left of its head start."""
    arrive = (row.taken_at - stamp.midnight) / 1000
    letter = next((each for each, reason in REASONS.items() if reason == row.priority), "")
    slot = None
    if row.priority == "appointment":
        whole = hall.priority.head_start.get("appointment", 0.0) * 60
        slot = arrive + max(0.0, whole - (row.taken_at - row.rank) / 1000)
    return Ticket(row.id, arrive, row.service, letter, slot, 0.0, 0.0, PRESENT, 0.0, None, ())


def _steps_left(hall: Hall, row: Row, stamp: Stamp) -> tuple[tuple[str, float], ...]:
    steps = hall.service[row.visit].steps if row.visit in hall.service else ()
    return tuple((each, stamp.mean_s[each]) for each in steps[row.step + 1 :])


@dataclass(slots=True)
class Stage:
    """One service of a visit."""

    service: str
    work_s: float = 0.0
    called: bool = False
    absent: bool = False
    back_s: float | None = None


def _record(
    hall: Hall, rows: Iterable[Row], log: Iterable[periods.Period], ready: Iterable[periods.Ready], stamp: Stamp
) -> tuple[list[Ticket], frozenset[str]]:
    """Everyone who came today, as it went; and of whom it is not known yet how long they will take."""
    log = list(log)
    wraps = {(each.ticket, each.start): each for each in periods.wrap_ups(log, ready)}
    stages = {id_: _stages(list(each), wraps, stamp) for id_, each in groupby(log, key=lambda it: it.ticket)}
    tickets, unknown = [], set()
    for row in rows:
        found = [each for each in stages.get(row.id, ()) if each.service in hall.service] or [Stage(row.service)]
        tickets.append(_went(_ticket(hall, row, stamp), row, found))
        if not found[0].called and row.state in ("waiting", "missed"):
            unknown.add(row.id)
    return tickets, frozenset(unknown)


def _went(ticket: Ticket, row: Row, stages: Sequence[Stage]) -> Ticket:
    """With what the replay alone may know of a visit."""
    first, patience_s = stages[0], None
    kind = PRESENT if not first.absent else NEVER_SHOWS if first.back_s is None else COMES_BACK
    if row.state == "cancelled" and not first.called and not first.absent and row.ended_at is not None:
        patience_s = (row.ended_at - row.taken_at) / 1000
    return ticket._replace(
        service=first.service,
        work_s=first.work_s,
        kind=kind,
        back_s=first.back_s or 0.0,
        patience_s=patience_s,
        next=tuple((each.service, each.work_s) for each in stages[1:] if each.work_s),
    )


def _stages(
    spent: Sequence[periods.Period], wraps: Mapping[tuple[str, int], periods.Period], stamp: Stamp
) -> list[Stage]:
    found: list[Stage] = []
    for each, then in zip(spent, [*spent[1:], None], strict=True):
        if not found or (each.kind == "waiting" and found[-1].called and not found[-1].absent):
            found.append(Stage(each.service))
        stage, end = found[-1], each.end if each.end is not None else stamp.now
        if each.kind == "missed":
            stage.absent = True
            stage.back_s = (end - each.start) / 1000 if then is not None and then.kind == "waiting" else None
        elif each.kind != "waiting" and each.window is not None and (then is None or then.kind != "missed"):
            stage.called = True
            stage.work_s += (end - each.start) / 1000
            if each.end is None:
                stage.work_s += forecast.remaining_s(stamp.mean_s.get(each.service, 0.0), stage.work_s)
            wrap = wraps.get((each.ticket, end))
            if wrap is not None and wrap.end is not None and wrap.end - wrap.start <= periods.AWAY_MS:
                stage.work_s += (wrap.end - wrap.start) / 1000
    return found
