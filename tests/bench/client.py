"""The load, in a process of its own: `python -m tests.bench.client PORT CLIENTS COUNT SCENARIO` prints one JSON object.

Scenarios: `call` (each client is a window that calls and finishes in turn; only the calls are timed, both are counted),
or a path that `NewTicket` is posted to. `cpu` is the client's own share of one core: near 1.0 it is the bottleneck.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass, field

from tests.server import Caller, callers, request, service_ids

SERVICES = 12
WARM_UP = 200


@dataclass(slots=True)
class Tally:
    left: int
    requests: int = 0
    latencies: list[float] = field(default_factory=list)
    """Milliseconds."""
    wrong: int = 0
    """Answers that are no success."""


async def post(caller: Caller, path: str, tally: Tally) -> None:
    orders = [request("POST", path, {"service": each, "kiosk": "1"}) for each in service_ids(SERVICES)]
    while tally.left > 0:
        tally.left -= 1
        await timed(caller, orders[tally.left % SERVICES], tally)


async def timed(caller: Caller, whole: bytes, tally: Tally) -> bytes:
    began = time.perf_counter()
    status, body = await caller.raw(whole)
    tally.latencies.append((time.perf_counter() - began) * 1000)
    tally.requests += 1
    tally.wrong += status not in (200, 201)
    return body


async def call_and_finish(caller: Caller, no: int, tally: Tally) -> None:
    call = request("POST", f"/api/v1/windows/{no}/call-next")
    while tally.left > 0:
        tally.left -= 1
        called = await timed(caller, call, tally)
        ticket = json.loads(called)["ticket"]["id"]
        status, _ = await caller.raw(request("POST", f"/api/v1/windows/{no}/finish", {"ticket": ticket}))
        tally.requests += 1
        tally.wrong += status != 200


async def run(port: int, clients: int, count: int, scenario: str) -> dict[str, object]:
    async with callers(port, clients) as made:

        async def everyone(tally: Tally) -> None:
            if scenario == "call":
                await asyncio.gather(*(call_and_finish(each, no, tally) for no, each in enumerate(made, 1)))
            else:
                await asyncio.gather(*(post(each, scenario, tally) for each in made))

        await everyone(Tally(WARM_UP))
        gc.collect()
        gc.disable()
        tally, began, worked = Tally(count), time.perf_counter(), time.process_time()
        await everyone(tally)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    return {
        "per_second": tally.requests / seconds,
        "latencies": tally.latencies,
        "wrong": tally.wrong,
        "cpu": cpu / seconds,
    }


if __name__ == "__main__":
    answer = asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
    sys.stdout.write(json.dumps(answer))
