"""What the clock alone brings about."""

from __future__ import annotations

import asyncio
import math

from edge.access import idempotency
from edge.attendance import publishing, watch
from edge.attendance.calendar import day_of
from edge.clock import Now, local
from edge.devices.enrolling import follow_roster
from edge.devices.terminals import terminals
from edge.evaluation import desk as evaluation
from edge.evaluation import views as evaluations
from edge.hallday import MINUTE, HallDay, clock_words
from edge.messages import desk as messages
from edge.messages import views as message_views
from edge.parts import Parts
from edge.queue import appointments, assigning, closing, desk, learning, persons, sending
from edge.timetable import days
from edge.windows import alerts, load_watch, noon
from edge.windows import desk as windows

SWEEP_S = 1.0
WATCH_S = 60.0
"""Between looks at the windows."""
FORGET_S = 60.0
"""Between attempts to forget the persons of earlier days while the centre has not got the events about them."""


def faulty_evaluators(parts: Parts) -> frozenset[int]:
    places = {each.no: each.evaluator for each in parts.hall.windows}
    return frozenset(no for no, place in places.items() if place is not None and not parts.hub.able(place.device))


async def sweep(parts: Parts) -> None:
    """What the clock alone brings about: invitations and messages that end, and what a new day makes an end of."""
    loop = asyncio.get_running_loop()
    day, forget_at, watch_at = "", math.inf, loop.time() + WATCH_S
    while True:
        now = parts.clock.now()
        with parts.database.read() as connection:
            expiry, due = evaluations.next_expiry(connection), sending.due(connection, now)
        if expiry is not None and expiry <= now.at:
            await parts.writer.insist(evaluation.expire, faulty_evaluators(parts))
        await sweep_alerts(parts, now)
        if now.day != day:
            day = now.day
            await close_days(parts, now)
            await parts.writer.insist(alerts.forget_words, None)
            await parts.writer.insist(idempotency.forget, None)
            await parts.writer.insist(publishing.lock, parts.rules)
            await follow_roster(parts.hall, parts.writer, parts.hub)
            forget_at = loop.time()
        if due:  # after a new day has ended those of the one before
            await parts.writer.insist(desk.release, None)
        await turn_day(parts, now)
        if loop.time() >= forget_at:
            kept = await parts.writer.insist(persons.forget_persons, delivered(parts))
            forget_at = loop.time() + FORGET_S if kept else math.inf
        if loop.time() >= watch_at:
            await watch_posts(parts, now)
            await watch_windows(parts, now)
            if await parts.writer.insist(learning.learn, None):
                parts.forecasts.learn()
            watch_at = loop.time() + WATCH_S
        await sweep_messages(parts, now)
        await asyncio.sleep(SWEEP_S)


async def close_days(parts: Parts, now: Now) -> None:
    """Ends what is left of earlier days, with a reason, and makes their figures: at midnight, or at the next start."""
    await parts.writer.insist(closing.close_day, None)
    await parts.writer.insist(windows.close_day, None)
    await parts.writer.insist(assigning.close_day, None)
    await parts.writer.insist(appointments.close_day, None)
    with parts.database.read() as connection:
        left = days.open_days(connection, now.day)
    for day in left:
        await parts.writer.insist(closing.finish_day, day)


async def turn_day(parts: Parts, now: Now) -> None:
    """Opening, noon and closing, as the hall's timetable has them. A clock that went back turns nothing.

    A morning also ends when the service was off for the whole break.
    """
    if not now.ok:
        return
    hall = parts.hall
    with parts.database.read() as connection:
        day = days.day_on(connection, hall, now.day)
        told, since = days.known_phase(connection, now.day) or (None, 0)
        phase, resting = day.phase(now.at), noon.on_break(connection)
    if day.broke(since, now.at):
        await parts.writer.insist(closing.clear_noon, None)
        await parts.writer.insist(days.turn, days.Turn("noon", now.at))
        told = "noon"
    if phase == "noon":
        await begin_noon(parts, now, day)
    elif resting:
        await parts.writer.insist(noon.end, None)
    if told != phase:
        await parts.writer.insist(days.turn, days.Turn(phase, now.at))


async def begin_noon(parts: Parts, now: Now, day: HallDay) -> None:
    began, goes_on = day.ended_before(now.at), day.next_start(now.at)
    if began is None or goes_on is None:
        return
    with parts.database.read() as connection:
        people = noon.on_duty(connection, now.at)
        command = noon.Noon(began, clock_words(goes_on, parts.hall.zone_info), people)
        due = noon.due(connection, parts.hall, command)
    if due.leaving or due.turning:
        await parts.writer.insist(noon.begin, command)


def delivered(parts: Parts) -> int | None:
    """The seq up to which the centre has every event, None without a centre."""
    return parts.relay.delivered if parts.hall.central.url is not None else None


async def sweep_messages(parts: Parts, now: Now) -> None:
    with parts.database.read() as connection:
        end = message_views.next_end(connection)
        stale = message_views.to_forget(connection, now, delivered(parts))
    if end is not None and end <= now.at:
        await parts.writer.insist(messages.expire, None)
    if stale:
        await parts.writer.insist(messages.forget, delivered(parts))


async def sweep_alerts(parts: Parts, now: Now) -> None:
    with parts.database.read() as connection:
        late = alerts.overdue(connection, now)
    if late:
        await parts.writer.insist(alerts.escalate, None)


async def watch_windows(parts: Parts, now: Now) -> None:
    """Who was kept by a case over midnight signs out when it has ended, or was forgotten; and how full the hall is."""
    await parts.writer.insist(closing.close_day, None)
    await parts.writer.insist(windows.close_day, None)
    await parts.writer.insist(assigning.close_day, None)
    if now.ok:
        down = frozenset(each for each in parts.hall.device if not parts.hub.able(each))
        with parts.database.read() as connection:
            calling = days.is_calling(connection, parts.hall, now)
        await parts.writer.insist(load_watch.look, load_watch.Look(down, before_opening(parts, now), calling))


def before_opening(parts: Parts, now: Now) -> bool:
    """The minutes in which windows are made ready for the public (WIN-23); of a hall that never closes, for a shift."""
    at, hours = local(now.at, parts.hall.zone_info), parts.rules.profile.hours
    with parts.database.read() as connection:
        public = days.day_on(connection, parts.hall, now.day)
        if not public.always:
            return any(0 < each.start - now.at <= hours.ready_minutes_before * MINUTE for each in public.openings[:1])
        day = day_of(parts.rules.profile, parts.rules.overrides(connection), at.date())
    return day.kind == "working" and hours.ready_at(day.shifts[0]) <= at.time() < day.shifts[0].start


async def watch_posts(parts: Parts, now: Now) -> None:
    """A clock that went back cannot tell how long anything has lasted."""
    if now.ok:
        up = {each: parts.hub.able(each) for each in terminals(parts.hall)}
        await parts.writer.insist(watch.watch, watch.Look(parts.rules, up))
