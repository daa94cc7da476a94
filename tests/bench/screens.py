"""Connected screens, in a process of their own: `python -m tests.bench.screens PORT COUNT STREAM [ACTS PATH [TOKEN]]`.

COUNT connections follow the event stream at STREAM. Then it writes `ready`; without ACTS it holds them until its stdin
ends. Else it posts `NewTicket` to PATH so many times, each after every screen got the event of the one before, and
prints one JSON object. Times are of the machine's monotonic clock, ns, which all its processes share.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.server import callers, request

PAUSE_S = 0.005
"""Between the last screen's receipt and the next act: what the event stirred up has settled."""
HELD_S = 10.0
"""Nothing that arrives at all arrives later."""


@dataclass(slots=True)
class Crowd:
    """What the screens got."""

    size: int
    streams: int = 0
    """Answered so far."""
    got: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By the event's id: when each screen had all of it."""
    everyone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the last one has what the others have: its stream, an event."""


class Screen(asyncio.Protocol):
    def __init__(self, crowd: Crowd, stream: str) -> None:
        self._crowd, self._stream, self._buffer = crowd, stream, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(request("GET", self._stream))

    def data_received(self, data: bytes) -> None:
        now, crowd = time.monotonic_ns(), self._crowd
        if data.startswith(b"HTTP/1.1 200"):
            crowd.streams += 1
            if crowd.streams == crowd.size:
                crowd.everyone.set()
        *frames, self._buffer = (self._buffer + data).split(b"\n\n")
        for frame in frames:
            _, found, id_ = frame.rpartition(b"\nid: ")
            if found:
                times = crowd.got[int(id_)]
                times.append(now)
                if len(times) == crowd.size:
                    crowd.everyone.set()


@contextlib.asynccontextmanager
async def following(port: int, count: int, stream: str) -> AsyncIterator[Crowd]:
    """So many screens, each with its stream open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    loop, crowd = asyncio.get_running_loop(), Crowd(count)
    made = [await loop.create_connection(lambda: Screen(crowd, stream), "127.0.0.1", port) for _ in range(count)]
    try:
        async with asyncio.timeout(HELD_S):
            if count:
                await crowd.everyone.wait()
        yield crowd
    finally:
        for transport, _ in made:
            transport.close()


async def act(port: int, crowd: Crowd, count: int, path: str, token: str) -> dict[str, object]:
    order = request("POST", path, {"service": "s0", "kiosk": "1"})
    signed = order.replace(b"\r\n", f"\r\nAuthorization: Bearer {token}\r\n".encode(), 1)
    answered = []
    async with callers(port, 1) as (caller,):
        gc.collect()
        gc.disable()
        began, worked = time.perf_counter(), time.process_time()
        for _ in range(count):
            crowd.everyone.clear()
            posted = time.monotonic_ns()
            status, _ = await caller.raw(signed)
            answered.append(time.monotonic_ns() - posted)
            assert status == 201
            async with asyncio.timeout(HELD_S):
                await crowd.everyone.wait()
            await asyncio.sleep(PAUSE_S)
        cpu = (time.process_time() - worked) / (time.perf_counter() - began)
    last = {id_: max(times) for id_, times in crowd.got.items() if len(times) == crowd.size}
    return {"last": last, "answered": answered, "cpu": cpu}


async def main(port: int, count: int, stream: str, acts: str = "", path: str = "", token: str = "") -> None:
    async with following(port, count, stream) as crowd:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if acts:
            sys.stdout.write(json.dumps(await act(port, crowd, int(acts), path, token)))
        else:
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    port, count, stream, *more = sys.argv[1:]
    asyncio.run(main(int(port), int(count), stream, *more))
