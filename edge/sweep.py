"""What the clock alone brings about."""

from __future__ import annotations

import asyncio
import math

from edge.access import idempotency
from edge.clock import Now
from edge.evaluation import desk as evaluation
from edge.evaluation import views as evaluations
from edge.messages import desk as messages
from edge.messages import views as message_views
from edge.parts import Parts
from edge.queue import appointments, desk, persons

SWEEP_S = 1.0
FORGET_S = 60.0
"""Between attempts to forget the persons of earlier days while the centre has not got the events about them."""


def faulty_evaluators(parts: Parts) -> frozenset[int]:
    places = {each.no: each.evaluator for each in parts.hall.windows}
    return frozenset(no for no, place in places.items() if place is not None and not parts.hub.able(place.device))


async def sweep(parts: Parts) -> None:
    """What the clock alone brings about: invitations and messages that end, and what a new day makes an end of."""
    day, forget_at, loop = "", math.inf, asyncio.get_running_loop()
    while True:
        now = parts.clock.now()
        with parts.database.read() as connection:
            expiry = evaluations.next_expiry(connection)
        if expiry is not None and expiry <= now.at:
            await parts.writer.insist(evaluation.expire, faulty_evaluators(parts))
        if now.day != day:
            day = now.day
            await parts.writer.insist(desk.close_day, None)
            await parts.writer.insist(appointments.close_day, None)
            await parts.writer.insist(idempotency.forget, None)
            forget_at = loop.time()
        if loop.time() >= forget_at:
            kept = await parts.writer.insist(persons.forget_persons, delivered(parts))
            forget_at = loop.time() + FORGET_S if kept else math.inf
        await sweep_messages(parts, now)
        await asyncio.sleep(SWEEP_S)


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
