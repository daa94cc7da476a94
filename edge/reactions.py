"""Who reacts to what, after the commit: one table that shows it at a glance. Every reaction may happen again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edge import hall as halls
from edge.attendance import publishing
from edge.bulletin import views as bulletin
from edge.devices import binding, ledger, testing
from edge.devices.enrolling import follow_roster
from edge.devices.health import blocks
from edge.evaluation import desk as evaluation
from edge.evaluation import views as evaluations
from edge.journal import Event
from edge.messages import desk as messages
from edge.notices.calls import announcement
from edge.notices.emergencies import emergency_calls
from edge.notices.outputs import Ask, State
from edge.notices.signs import window_outputs
from edge.parts import Parts
from edge.queue import board, prints

LOOK_BACK_MS = evaluation.LIFETIME_MS
"""After a restart, events of the last minute are looked at again: what they asked for may not have happened."""
REDRAW_S = 0.05

Reaction = Callable[[Parts, Event], Awaitable[None]]


async def ask_at_evaluator(parts: Parts, event: Event) -> None:
    window = parts.hall.window.get(event.data["window"])
    if window is not None and window.evaluator is not None:
        place, until = window.evaluator, event.data["expires_at"]
        parts.hub.add(Ask(place.device, place.address, until, event.data["evaluation"]))


async def ask_again(parts: Parts, event: Event) -> None:
    """An evaluator is back, or can be pressed again, while its visitor is still there."""
    if event.data.get("active"):
        return
    windows_ = {
        each.no for each in parts.hall.windows if each.evaluator and each.evaluator.device == event.data["device"]
    }
    with parts.database.read() as connection:
        still = evaluations.open_invitations(connection, parts.clock.now().at) if windows_ else []
    for id_, window, until in still:
        place = parts.hall.window[window].evaluator if window in windows_ else None
        if place is not None:
            parts.hub.add(Ask(place.device, place.address, until, id_))


async def announce(parts: Parts, event: Event) -> None:
    said = announcement(parts.hall, event) if event.data["window"] in parts.hall.window else None
    if said is not None:
        parts.hub.add(said)


async def feed_printers(parts: Parts, _event: Event) -> None:
    """Wakes the printers; what waits at one that cannot print goes to its fallback."""
    for kiosk in parts.hall.kiosks:
        first, second = kiosk.printer, kiosk.fallback
        if first and second and not parts.hub.able(first) and parts.hub.able(second):
            await parts.writer.insist(prints.hand_over, prints.HandOver(first, second))
    for printer in printers(parts.hall):
        parts.hub.wake(printer)


def printers(hall: halls.Hall) -> set[str]:
    places = [each.printer for each in hall.windows] + [each for k in hall.kiosks for each in (k.printer, k.fallback)]
    return {each for each in places if each is not None}


async def copy_cut_off_slips(parts: Parts, event: Event) -> None:
    """Paper is back: who was left with half a slip gets one marked 补打."""
    if not event.data["active"] and blocks(event.data["condition"]):
        await parts.writer.insist(prints.copy_cut_off, event.data["device"])


async def use_its_link(parts: Parts, event: Event) -> None:
    device = event.data["device"]
    if device in parts.hall.device:
        with parts.database.read() as connection:
            parts.hub.relink(device, binding.links(connection, parts.hall)[device])


async def keep_seen(parts: Parts, event: Event) -> None:
    seen = ledger.Seen(event.data["device"], event.at, event.type == "device.up")
    await parts.writer.insist(ledger.see, seen)


async def try_device(parts: Parts, event: Event) -> None:
    """What a sign shows for the test is followed by what should stand there."""
    for each in testing.outputs(parts.hall, event):
        if isinstance(each, State):
            parts.hub.want([each])
            redraw(
                parts,
                {no for no, place in parts.hall.window.items() if place.sign and place.sign.device == each.device},
            )
        else:
            parts.hub.add(each)


async def text_visitors(parts: Parts, event: Event) -> None:
    if parts.hall.sms.device is not None:
        lines = [event.data[each] for each in ("service", "from_service") if each in event.data]
        await parts.writer.insist(messages.remind, tuple(lines))


async def feed_modem(parts: Parts, _event: Event) -> None:
    if parts.hall.sms.device is not None:
        parts.hub.wake(parts.hall.sms.device)


async def lock_results(parts: Parts, _event: Event) -> None:
    """The last objection is answered: what waited for it may be locked."""
    await parts.writer.insist(publishing.lock, parts.rules)


async def enrol(parts: Parts, event: Event) -> None:
    await follow_roster(parts.hall, parts.writer, parts.hub, event.data["staff"])


async def say_emergency(parts: Parts, event: Event) -> None:
    """What stands over the screens of a zone is said there too, once."""
    with parts.database.read() as connection:
        standing = bulletin.standing(connection, parts.hall)
    for each in (one for one in standing if one["id"] == event.data["emergency"]):
        for said in emergency_calls(parts.hall, event.at, each["text"], each["zones"]):
            parts.hub.add(said)


REACTIONS: dict[str, tuple[Reaction, ...]] = {
    "ticket.issued": (feed_printers,),
    "ticket.called": (announce, text_visitors),
    "ticket.recalled": (announce,),
    "ticket.resumed": (announce,),
    "ticket.cancelled": (text_visitors,),
    "ticket.transferred": (text_visitors,),
    "ticket.returned": (text_visitors,),
    "ticket.raised": (text_visitors,),
    "ticket.changed": (text_visitors,),
    "ticket.redirected": (text_visitors,),
    "ticket.advanced": (text_visitors,),
    "ticket.due": (text_visitors,),
    "message.wanted": (feed_modem,),
    "print.wanted": (feed_printers,),
    "device.down": (feed_printers, keep_seen),
    "device.condition": (copy_cut_off_slips, feed_printers, ask_again),
    "device.up": (ask_again, keep_seen),
    "device.bound": (use_its_link,),
    "device.unbound": (use_its_link,),
    "device.tested": (try_device,),
    "evaluation.invited": (ask_at_evaluator,),
    "attendance.roster_changed": (enrol,),
    "hall.emergency_set": (say_emergency,),
    "attendance.objection_answered": (lock_results,),
}
REDRAWS = ("ticket.", "window.")
"""After any of these, the signs and number displays of the windows it touches are shown as they should stand now."""


async def react(parts: Parts) -> None:
    """Follows the journal; every reaction may happen again after a restart, and then changes nothing."""
    seq = parts.journal.before(parts.clock.now().at - LOOK_BACK_MS)
    loop = asyncio.get_running_loop()
    redraw(parts, set(parts.hall.window))
    stale: set[int] = set()
    since = 0.0
    while not parts.journal.closed:
        due = False
        try:
            async with asyncio.timeout_at(since + REDRAW_S if stale else None):
                events = await parts.journal.after(seq)
        except TimeoutError:
            events, due = [], True
        for event in events:
            for reaction in REACTIONS.get(event.type, ()):
                await reaction(parts, event)
            seq = event.seq
            since = since if stale else loop.time()
            stale |= touched(parts.hall, event)
            # A call is shown at once; how many wait may be a blink late, when a crowd takes numbers.
            due = due or (event.type.startswith(REDRAWS) and event.type != "ticket.issued")
        parts.progress.reacted = seq
        if stale and (due or loop.time() - since >= REDRAW_S):
            redraw(parts, stale)
            stale = set()


def touched(hall: halls.Hall, event: Event) -> set[int]:
    """The windows whose sign or number display this event may have changed."""
    if not event.type.startswith(REDRAWS):
        return set()
    may = {event.data.get("window"), event.data.get("to_window")}
    may.update(*(hall.able.get(event.data.get(line, ""), ()) for line in ("service", "from_service")))
    return {no for no in hall.drawn if no in may}


def redraw(parts: Parts, windows_: set[int]) -> None:
    """Wants their signs and number displays as they should stand now."""
    with parts.database.read() as connection:
        views = board.windows(connection, parts.hall, windows_)
    for view in views:
        parts.hub.want(window_outputs(parts.hall, view))
