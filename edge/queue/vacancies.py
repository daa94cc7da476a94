"""Which times of a service can be booked, by the hall's day and what is booked; and bookings that no longer fit it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from edge.clock import Now
from edge.hall import Hall, Service
from edge.queue import slots
from edge.queue.slots import Free, Span
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days

View = dict[str, Any]
Limit = Literal["offered", "quota", "hours"]
"""offered: one of the slots that are offered; quota: any time of the hours while its slots have room, for staff;
hours: any time of the hours, for staff who send a visitor away today."""
LONGEST = 31
"""Days in one look."""
SHOWN = 3
"""Free slots that a refusal names."""


def bookable(hall: Hall, service: str) -> Service:
    """Raises Refused (404)."""
    found = hall.service.get(service)
    if found is None:
        raise Refused("no_such_service", "没有这项业务", f"service {service!r}", status=404)
    return found


def told(service: Service) -> View:
    """What a visitor is told of a service, once and complete (一次性告知): `conditions materials version`."""
    guide = service.guide
    return {
        "conditions": list(guide.conditions) if guide else [],
        "materials": list(service.materials),
        "version": guide.version if guide else "",
    }


def quota(hall: Hall, service: Service) -> int:
    return hall.booking.per_slot if service.slot_quota is None else service.slot_quota


def spans(connection: Statements, hall: Hall, service: Service, on: date) -> list[Span]:
    """When this service is offered on a day, to those who have booked."""
    return slots.offered(days.day_on(connection, hall, on.isoformat()), service.hours, hall.zone_info)


TAKEN = "SELECT starts, ends FROM appointment WHERE state IN ('booked','checked_in') AND day=? AND service=? AND id<>?"


def _taken(connection: Statements, hall: Hall, service: Service, on: date, but: str) -> list[Span]:
    found = connection.exec_driver_sql(TAKEN, (on.isoformat(), service.id, but))
    return [slots.span(on, starts, ends, hall.zone_info) for starts, ends in found]


def free(connection: Statements, hall: Hall, now: Now, service: Service, on: date) -> list[Free]:
    """The slots of a day that have not begun, full ones with none left. None of a service that cannot be booked."""
    if quota(hall, service) == 0:
        return []
    grid = slots.slots(spans(connection, hall, service, on), hall.booking.slot_minutes)
    return slots.free(grid, _taken(connection, hall, service, on, ""), quota(hall, service), now.at)


# ---- what is offered


def days_view(connection: Statements, hall: Hall, now: Now, service: str, first: date | None, count: int) -> View:
    """JSON-ready: `service name conditions materials version days`; a day has `day kind name always openings slots
    [{from to free}]`.

    No earlier days, and none that a visitor may not book. Raises Refused (404).
    """
    found, today = bookable(hall, service), date.fromisoformat(now.day)
    start = max(first or today, today)
    last = min(today + timedelta(days=hall.booking.days_ahead), start + timedelta(days=min(count, LONGEST) - 1))
    ahead = [start + timedelta(days=nth) for nth in range((last - start).days + 1)]
    return {
        "service": found.id,
        "name": found.name,
        **told(found),
        "days": [_day_view(connection, hall, now, found, on) for on in ahead],
    }


def _day_view(connection: Statements, hall: Hall, now: Now, service: Service, on: date) -> View:
    return days.date_view(connection, hall, on) | {
        "slots": [
            dict(zip(("from", "to"), _times(hall, each.slot, on), strict=True)) | {"free": each.left}
            for each in free(connection, hall, now, service, on)
        ]
    }


def _times(hall: Hall, slot: Span, on: date) -> tuple[str, str]:
    return slots.hhmm(slot.start, on, hall.zone_info), slots.hhmm(slot.end, on, hall.zone_info)


# ---- whether a time can be had


class Wanted(NamedTuple):
    service: Service
    day: str
    starts: str
    ends: str
    limit: Limit
    but: str = ""
    """Id of the booking that is moved: its present place counts as free."""


def check(connection: Statements, hall: Hall, now: Now, wanted: Wanted) -> None:
    """Raises Refused (409) where this time cannot be booked; the detail names the next that can."""
    service, on = wanted.service, date.fromisoformat(wanted.day)
    time, most = slots.span(on, wanted.starts, wanted.ends, hall.zone_info), quota(hall, service)
    if wanted.day < now.day or time.end <= now.at:
        raise Refused("time_is_over", "预约时间已过，请另选时间", f"{wanted.day} {wanted.ends}")
    if most == 0 and wanted.limit != "hours":
        raise Refused("not_bookable", "这项业务不能预约，请当天取号", f"service {service.id!r}")
    open_spans = spans(connection, hall, service, on)
    if not any(each.holds(time) for each in open_spans):
        raise Refused("not_open", "这个时间不在服务时间内，请另选时间", _next(connection, hall, now, wanted))
    grid = slots.slots(open_spans, hall.booking.slot_minutes)
    if wanted.limit == "offered":
        _must_be_offered(connection, hall, now, wanted, time, grid)
    taken = _taken(connection, hall, service, on, wanted.but)
    if wanted.limit != "hours" and not slots.room(time, grid, taken, most):
        raise Refused("slot_full", "这个时段已约满，请另选时间", _next(connection, hall, now, wanted))


def _must_be_offered(
    connection: Statements, hall: Hall, now: Now, wanted: Wanted, time: Span, grid: list[Span]
) -> None:
    last = (date.fromisoformat(now.day) + timedelta(days=hall.booking.days_ahead)).isoformat()
    if wanted.day > last:
        raise Refused("too_far", f"只能预约{hall.booking.days_ahead}天以内的时间，请另选日期", f"not after {last}")
    if time.start <= now.at:
        raise Refused("time_is_over", "这个时段已经开始，请另选时间，或直接取号", _next(connection, hall, now, wanted))
    if time not in grid:
        raise Refused("not_a_slot", "请从可预约的时段里选", _next(connection, hall, now, wanted))


def _next(connection: Statements, hall: Hall, now: Now, wanted: Wanted) -> str:
    """`free: 2026-03-02 09:30–10:00, …`: the next from the wanted day on."""
    today = date.fromisoformat(now.day)
    first = max(date.fromisoformat(wanted.day), today)
    last = max(today + timedelta(days=hall.booking.days_ahead), first)
    found: list[str] = []
    for nth in range((last - first).days + 1):
        on = first + timedelta(days=nth)
        here = [each.slot for each in free(connection, hall, now, wanted.service, on) if each.left]
        found += [f"{on} {'–'.join(_times(hall, each, on))}" for each in here]
        if len(found) >= SHOWN:
            break
    return f"free: {', '.join(found[:SHOWN]) or 'none'}"


# ---- bookings that no longer fit

FUTURE = """
SELECT day, service, starts, ends, count(*) FROM appointment WHERE state='booked' AND day >= ?
GROUP BY day, service, starts, ends ORDER BY day, starts, service
"""


class Stray(NamedTuple):
    """Bookings of one time that is no longer offered."""

    day: str
    service: str
    starts: str
    ends: str
    booked: int
    why: str


def strays(connection: Statements, hall: Hall, now: Now) -> list[Stray]:
    """Booked for a time to come that was open then: the calendar was changed later, or the service has gone."""
    return list(_strays(connection, hall, now))


def _strays(connection: Statements, hall: Hall, now: Now) -> Iterator[Stray]:
    known: dict[tuple[str, str], list[Span]] = {}
    for day, service_id, starts, ends, count in connection.exec_driver_sql(FUTURE, (now.day,)).all():
        on, service = date.fromisoformat(day), hall.service.get(service_id)
        time = slots.span(on, starts, ends, hall.zone_info)
        if time.end <= now.at:
            continue
        if service is None:
            yield Stray(day, service_id, starts, ends, count, "这项业务已不在本大厅办理")
            continue
        if (day, service_id) not in known:
            known[day, service_id] = spans(connection, hall, service, on)
        if not any(each.holds(time) for each in known[day, service_id]):
            yield Stray(day, service_id, starts, ends, count, _why(connection, hall, on, known[day, service_id]))


def _why(connection: Statements, hall: Hall, on: date, open_spans: list[Span]) -> str:
    if open_spans:
        return "这个时间不再办理这项业务"
    day = days.day_on(connection, hall, on.isoformat())
    name = f"（{day.name}）" if day.name and day.name != "weekend" else ""
    return f"这一天不再办理这项业务{name}" if day.openings else f"这一天停止服务{name}"
