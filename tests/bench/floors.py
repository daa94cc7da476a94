"""The floors in a process of their own: `python -m tests.bench.floors HALL DATA PORT`.

`/noop` is a bare FastAPI route with the body of an issue, `/commit` the same with one durable row through the writer,
`/broadcast` one that sends a ready-made event to everyone who follows it; all in the server of the real process: its
uvicorn settings, its event loop, its collector.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uuid_utils
import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from edge import hallfile
from edge.clock import Clock, Now
from edge.database import Database, Session, Writer
from edge.hall import Hall
from edge.process import Server
from edge.queue.bodies import NewTicket
from edge.schema import TABLES
from tests.bench.service import BIRTHS, note_birth

EVENT = b"event: journal\ndata: " + b"x" * 300 + b"\nid: %d\n\n"
"""As long as that of an issue."""


def insert(session: Session, _hall: Hall, now: Now, name: str) -> None:
    session.connection.exec_driver_sql("INSERT INTO idempotency VALUES (?, ?, ?, ?)", (name, "", "", now.at))


def make_app(writer: Writer, births: Path) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/readyz")
    async def ready() -> Response:
        return Response("{}", media_type="application/json")

    @app.post("/noop", status_code=201)
    async def noop(body: NewTicket) -> Response:
        return Response(f'{{"service":"{body.service}"}}', 201, media_type="application/json")

    @app.post("/commit", status_code=201)
    async def commit(body: NewTicket) -> Response:
        await writer.do(insert, str(uuid_utils.uuid7()))
        return Response(f'{{"service":"{body.service}"}}', 201, media_type="application/json")

    add_broadcast(app, births)
    return app


def add_broadcast(app: FastAPI, births: Path) -> None:
    queues: set[asyncio.Queue[bytes]] = set()
    numbers = itertools.count(1)

    async def stream() -> AsyncIterator[bytes]:
        queue = asyncio.Queue[bytes]()
        queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)

    @app.get("/broadcast")
    async def follow() -> StreamingResponse:
        return StreamingResponse(stream(), media_type="text/event-stream")

    @app.post("/broadcast", status_code=201)
    async def trigger(body: NewTicket) -> Response:
        number = next(numbers)
        note_birth(births, number)
        chunk = EVENT % number
        for queue in queues:
            queue.put_nowait(chunk)
        return Response(f'{{"service":"{body.service}"}}', 201, media_type="application/json")


def nothing(_written: list[Any]) -> None:
    pass


async def main(file: Path, data: Path, port: int) -> None:
    hall = hallfile.load(file, data=data, port=port)
    database = Database(data / "hall.sqlite", TABLES)
    new_id = lambda: str(uuid_utils.uuid7())  # noqa: E731
    writer = Writer(database, hall, Clock(hall.zone_info), new_id, ThreadPoolExecutor(1), "floors", nothing)
    config = uvicorn.Config(
        make_app(writer, data / BIRTHS),
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        await Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
