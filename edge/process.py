"""The process: one TaskGroup with HTTP server, writer, hub, relay, reactions and sweep.

The server runs inside our TaskGroup, not our tasks inside its lifespan: an unknown exception anywhere ends the
process, and systemd starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import time
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
from edge.access.vault import Vault, open_vault
from edge.app import make_app
from edge.attendance.rulebook import open_rules, with_timetable
from edge.central.relay import Client, Relay, open_client
from edge.clock import Clock
from edge.database import Database, Writer
from edge.devices import binding
from edge.devices.cards import Cards
from edge.devices.discovery import Browse, Discovery, browse
from edge.devices.enrolling import Enrolling
from edge.devices.exchanges import Callers
from edge.devices.handlers import Handlers
from edge.devices.hub import Hub
from edge.devices.messaging import Messaging
from edge.devices.presses import Presses
from edge.devices.printing import Printing
from edge.devices.terminals import Terminals
from edge.journal import Journal, open_epoch
from edge.messages import desk as messages
from edge.notices.silence import Silence
from edge.notices.slips import load_slips
from edge.parts import Parts, Progress
from edge.queue import appointments, desk
from edge.queue.estimates import Forecasts
from edge.reactions import react
from edge.schema import TABLES
from edge.sweep import sweep
from edge.watchdog import feed_watchdog
from edge.windows import desk as windows
from edge.windows.skills import effective

log = logging.getLogger("hall")

SLIPS = Path(__file__).parent.parent / "config" / "slips"


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


# ---- building and running


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the data folder. Raises BlockingIOError when another process has it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def build(hall: halls.Hall, database: Database, outside: Outside, vault: Vault, executor: Executor) -> Parts:
    slips, rules = load_slips(SLIPS), open_rules(hall)[0]
    hall = with_timetable(hall, rules)
    epoch = open_epoch(database, outside.new_id())
    journal = Journal(database, hall.hall.code, epoch)
    outside.clock.seen(*journal.newest())
    writer = Writer(database, hall, outside.clock, outside.new_id, executor, epoch, journal.publish, effective)
    forecasts = Forecasts(database, journal, outside.clock, lambda: writer.hall)
    presses = Presses(hall, writer, outside.clock)
    printing = Printing(database, writer, vault, slips, forecasts, outside.clock)
    messaging = Messaging(hall, writer, vault, forecasts)
    terminals = Terminals(database, writer, outside.clock)
    enrolling = Enrolling(database, writer, outside.clock)
    cards = Cards(hall, vault, outside.clock)
    handlers = Handlers(
        *(presses, cards.card, messaging.delivered, terminals, terminals.bookmark),
        *(printing, messaging.send_next, enrolling.next),
    )
    hub = Hub(hall, writer, outside.clock, outside.open_link, outside.random, handlers)
    with database.read() as connection:
        for device, link in binding.by_hand(connection, hall).items():
            hub.relink(device, link)
    discovery = Discovery(hall.discovery.interfaces, outside.clock, outside.browse)
    relay = Relay(hall, journal, database, writer, outside.random, outside.client)
    return Parts(
        *(outside.clock, database, journal, writer, forecasts, hub, discovery, presses, cards),
        *(appointments.Guesses(), Callers(), relay, slips, vault, rules, Progress(), Silence()),
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
    os.environ["TZ"] = hall.hall.timezone  # terminals show the hall's time, and drivers compare it with this machine's
    time.tzset()
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
