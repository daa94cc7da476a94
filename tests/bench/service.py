"""The real service with one thing changed: `python -m tests.bench.service HALL DATA PORT CHANGE`.

`slow_commit`: each commit of the writer takes 5 ms longer, as if its fsync did: its thread sleeps beside the durable
commit. `no_forecast`: the first outlook is kept for ever, so that an issue shows a range that nobody reckons anew.
`births`: the moment at which an event is committed and the feed learns of it is noted in DATA/births.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, event

from edge import database, hallfile
from edge.journal import Event, Journal
from edge.process import listen, only_one, run
from edge.queue.estimates import Forecasts

SLOWER_S = 0.005
BIRTHS = "births"


def slow_commit() -> None:
    make = database._engine

    def slowed(path: Path, *, writer: bool) -> Engine:
        engine = make(path, writer=writer)
        if writer:
            event.listen(engine, "commit", lambda _connection: time.sleep(SLOWER_S))
        return engine

    database._engine = slowed


def no_forecast() -> None:
    fresh = Forecasts.fresh
    Forecasts.fresh = lambda self: self._newest or fresh(self)  # type: ignore[method-assign]


def note_birth(file: Path, number: int) -> None:
    """A line: its number, the machine's monotonic clock, which all processes share, this one's processor time; ns."""
    with file.open("a") as output:
        output.write(f"{number} {time.monotonic_ns()} {time.process_time_ns()}\n")


def births(data: Path) -> None:
    publish = Journal.publish

    def noted(self: Journal, events: list[Event]) -> None:
        for each in events:
            note_birth(data / BIRTHS, each.seq)
        publish(self, events)

    Journal.publish = noted  # type: ignore[method-assign]


def main(file: Path, data: Path, port: int, change: str) -> None:
    changes: dict[str, Callable[[], None]] = {
        "slow_commit": slow_commit,
        "no_forecast": no_forecast,
        "births": partial(births, data),
    }
    changes[change]()
    hall = hallfile.load(file, data=data, port=port)
    with only_one(data), listen("127.0.0.1", port) as door:
        asyncio.run(run(hall, data, door, lambda: None))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
