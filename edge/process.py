"""The process: one TaskGroup with HTTP server, writer, hub, relay and the table of who reacts to what.

The server runs inside our TaskGroup, not our tasks inside its lifespan: an unknown exception anywhere ends the
process, and systemd starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import math
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import uuid_utils
import uvicorn

from drivers.base import Link
from drivers.link import open_link
from edge import hall as halls
from edge.access import idempotency
from edge.access.vault import Vault, open_vault
from edge.app import make_app
from edge.central.relay import Client, Relay, open_client
from edge.clock import Clock, Now
from edge.database import Database, Writer
from edge.devices import binding
from edge.devices.cards import Cards
from edge.devices.discovery import Browse, Discovery, browse
from edge.devices.handlers import Handlers
from edge.devices.health import blocks
from edge.devices.hub import Hub
from edge.devices.messaging import Messaging
from edge.devices.presses import Presses
from edge.devices.printing import Printing
from edge.evaluation import desk as evaluation
from edge.evaluation import views as evaluations
from edge.journal import Event, Journal, open_epoch
from edge.messages import desk as messages
from edge.messages import views as message_views
from edge.notices.calls import announcement
from edge.notices.outputs import Ask
from edge.notices.signs import window_outputs
from edge.notices.slips import load_slips
from edge.parts import Parts, Progress
from edge.queue import appointments, board, desk, persons, prints
from edge.schema import TABLES
from edge.watchdog import feed_watchdog
from edge.windows import desk as windows

log = logging.getLogger("hall")

SLIPS = Path(__file__).parent.parent / "config" / "slips"
LOOK_BACK_MS = evaluation.LIFETIME_MS
"""After a restart, events of the last minute are looked at again: what they asked for may not have happened."""
SWEEP_S = 1.0
FORGET_S = 60.0
"""Between attempts to forget the persons of earlier days while the centre has not got the events about them."""
REDRAW_S = 0.05


@dataclass(frozen=True, slots=True)
class Outside:
    """What the process gets from the world, so that a test can give it another one."""

    clock: Clock
    new_id: Callable[[], str]
    random: Random
    open_link: Callable[[str], Awaitable[Link]]
    client: Client
    browse: Browse


@contextlib.asynccontextmanager
async def real_world(hall: halls.Hall) -> AsyncIterator[Outside]:
    async with open_client() as client:
        yield Outside(
            Clock(hall.zone_info),
            lambda: str(uuid_utils.uuid7()),
            Random(),  # noqa: S311  jitter, no secret
            open_link,
            client,
            browse,
        )


# ---- who reacts to what, after the commit

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


async def text_visitors(parts: Parts, event: Event) -> None:
    if parts.hall.sms.device is not None:
        await parts.writer.insist(messages.remind, (event.data["service"],))


async def feed_modem(parts: Parts, _event: Event) -> None:
    if parts.hall.sms.device is not None:
        parts.hub.wake(parts.hall.sms.device)


REACTIONS: dict[str, tuple[Reaction, ...]] = {
    "ticket.issued": (feed_printers,),
    "ticket.called": (announce, text_visitors),
    "ticket.recalled": (announce,),
    "ticket.cancelled": (text_visitors,),
    "ticket.transferred": (text_visitors,),
    "ticket.returned": (text_visitors,),
    "message.wanted": (feed_modem,),
    "print.wanted": (feed_printers,),
    "device.down": (feed_printers,),
    "device.condition": (copy_cut_off_slips, feed_printers, ask_again),
    "device.up": (ask_again,),
    "device.bound": (use_its_link,),
    "device.unbound": (use_its_link,),
    "evaluation.invited": (ask_at_evaluator,),
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
    may = {*hall.able.get(event.data.get("service", ""), ()), event.data.get("window")}
    return {no for no in hall.drawn if no in may}


def redraw(parts: Parts, windows_: set[int]) -> None:
    """Wants their signs and number displays as they should stand now."""
    with parts.database.read() as connection:
        views = board.windows(connection, parts.hall, windows_)
    for view in views:
        parts.hub.want(window_outputs(parts.hall, view))


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


# ---- building and running


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the data folder. Raises BlockingIOError when another process has it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def build(hall: halls.Hall, database: Database, outside: Outside, vault: Vault, executor: Executor) -> Parts:
    slips = load_slips(SLIPS)
    epoch = open_epoch(database, outside.new_id())
    journal = Journal(database, hall.hall.code, epoch)
    outside.clock.seen(*journal.newest())
    writer = Writer(database, hall, outside.clock, outside.new_id, executor, epoch, journal.publish)
    presses = Presses(hall, writer, outside.clock)
    printing = Printing(hall, database, writer, slips)
    messaging = Messaging(hall, writer, vault)
    cards = Cards(hall, vault, outside.clock)
    handlers = Handlers(presses, cards.card, messaging.delivered, printing, messaging.send_next)
    hub = Hub(hall, writer, outside.clock, outside.open_link, outside.random, handlers)
    with database.read() as connection:
        for device, link in binding.by_hand(connection, hall).items():
            hub.relink(device, link)
    discovery = Discovery(hall.discovery.interfaces, outside.clock, outside.browse)
    relay = Relay(hall, journal, database, writer, outside.random, outside.client)
    return Parts(
        *(hall, outside.clock, database, journal, writer, hub, discovery, presses, cards, appointments.Guesses()),
        *(relay, slips, vault, Progress()),
    )


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process owns them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def work(parts: Parts, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    """Starts everything but the HTTP server, in order: the windows have their rows before anyone asks."""
    tasks = [group.create_task(parts.writer.run(), name="writer")]
    await parts.writer.insist(windows.know_windows, None)
    await parts.writer.insist(desk.settle_changes, None)
    await parts.writer.insist(messages.remind, tuple(parts.hall.service))
    tasks += [
        group.create_task(parts.hub.run(), name="hub"),
        group.create_task(parts.discovery.run(), name="discovery"),
        group.create_task(parts.relay.run(), name="relay"),
        group.create_task(react(parts), name="react"),
        group.create_task(sweep(parts), name="sweep"),
    ]
    return tasks


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol's number asyncio leaves Nagle on, and every answer waits 40 ms for an acknowledgement.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
    except OSError:
        door.close()
        raise
    return door


async def run(hall: halls.Hall, data: Path, door: socket.socket, ready: Callable[[], None]) -> None:
    """Serves at `door` until SIGTERM or SIGINT; `ready` is called when it answers."""
    database = Database(data / "hall.sqlite", TABLES)
    executor = ThreadPoolExecutor(1, "writer")
    try:
        async with real_world(hall) as outside:
            await serve(build(hall, database, outside, open_vault(data), executor), door, ready)
    finally:
        executor.shutdown()
        database.close()


async def serve(parts: Parts, door: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        make_app(parts),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        server_header=False,
        proxy_headers=False,  # nobody in front of us: a forwarded address would be the caller's own claim
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
    )
    server = Server(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = await work(parts, group)
        serving = group.create_task(server.serve([door]), name="http")
        tasks.append(group.create_task(feed_watchdog(parts), name="watchdog"))
        starting = group.create_task(_started(server, ready), name="ready")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        starting.cancel()
        parts.journal.close()
        parts.cards.close()
        server.should_exit = True
        await serving
        for task in tasks:
            task.cancel()


async def _started(server: Server, ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110  uvicorn has nothing to wait on
        await asyncio.sleep(0.01)
    # Full collections over the imported heap were the whole tail of the latency.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    ready()
