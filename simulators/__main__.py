"""`python -m simulators config/demo.toml --port 8080 --data ./data`: a whole simulated hall, with a page of its own.

Serves every device of the hall file on its link, the centre on the port of `[central] url`, and the page on the port of
`[demo] simulators`. Ends on SIGINT, on SIGTERM, and when the process that started it has gone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from simulators.advertise import advertised
from simulators.central import Central, CentralServer, Served
from simulators.hall import Caller, SimulatedHall, read, told_password
from simulators.port import serve
from simulators.roster import send
from simulators.web import make_app

LOOK_S = 0.2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Simulates the devices of a hall.")
    parser.add_argument("hall", type=Path, help="the hall file")
    parser.add_argument(
        "--port", type=int, default=8080, help="the port of the service itself: {port+N} counts from it"
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder: {data}")
    wanted = parser.parse_args()
    parent = os.getppid()
    try:
        hall = read(wanted.hall, port=wanted.port, data=wanted.data)
        asyncio.run(run(hall, wanted.data.resolve(), parent))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{wanted.hall}: {error}\n")
        return 1
    return 0


async def run(hall: SimulatedHall, data: Path, parent: int) -> None:
    """Serves until a signal comes or the process `parent` is our parent no more. Raises `OSError` for a taken port."""
    ended = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    async with AsyncExitStack() as stack:
        for device in hall.devices.values():
            if device.secrets_file is not None:
                stack.enter_context(told_password(device.secrets_file))
            if isinstance(device.simulator, Caller):
                await stack.enter_async_context(beside(calling(device.simulator, device.link)))
            else:
                await stack.enter_async_context(serve(device.link, device.simulator, device.faults))
        devices = hall.devices.values()
        await stack.enter_async_context(advertised(devices, hall.interfaces, say))
        central = await _central(hall, data, stack)
        if central is not None:
            await stack.enter_async_context(beside(_send_roster(hall)))
        page = await stack.enter_async_context(Served(hall.page_port or 0, make_app(hall, central)))
        for notice in hall.notices:
            say(notice)
        say(f"simulated hall ready: http://127.0.0.1:{page.port}")
        while not ended.is_set() and os.getppid() == parent:
            await _wait(ended, 1.0)


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """It is done while entered."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def calling(simulator: Caller, url: str) -> None:
    """It is switched on once the service is there: a terminal that met nobody would not try again for half a minute."""
    parts = urlsplit(url)
    await _listening(parts.hostname, parts.port)
    await simulator.call(url)


async def _send_roster(hall: SimulatedHall) -> None:
    await _listening("127.0.0.1", hall.port)
    with suppress(httpx.HTTPError):
        await send(hall.port, hall.people)


async def _listening(host: str | None, port: int | None) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(LOOK_S)


async def _central(hall: SimulatedHall, data: Path, stack: AsyncExitStack) -> CentralServer | None:
    if hall.central_port is None:
        return None
    central = Central(data / "central" / "received.jsonl")
    return await stack.enter_async_context(CentralServer(hall.central_port, central))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    waiter = asyncio.ensure_future(event.wait())
    await asyncio.wait([waiter], timeout=seconds)
    waiter.cancel()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
