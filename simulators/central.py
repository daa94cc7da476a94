"""The simulated central system: takes CloudEvents over HTTP, keeps them, and can be away.

Source: CloudEvents 1.0, HTTP binding, structured mode (`application/cloudevents+json`). `source` + `id` name an event;
a second one with the same pair is a duplicate, however long ago the first came.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

MEDIA_TYPE = "application/cloudevents+json"
KEPT = 200  # events held in memory for the page

Verdict = Literal["stored", "duplicate"]


class NotAnEvent(ValueError):
    """What came is no CloudEvent; the text says why."""


@dataclass(frozen=True, slots=True)
class OrderError:
    """An event that came after one of the same source and ordering key with a `seq` as high or higher."""

    key: str
    seq: int
    after: int


class Central:
    """What the centre has received, in an append-only file of one JSON event a line at `path`.

    An answer means that the line was handed to the operating system: it survives the death of this process.
    Raises `ValueError` when the file holds something else than events.
    """

    def __init__(self, path: Path) -> None:
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        """The last events, oldest first."""
        self.by_type: Counter[str] = Counter()
        self.order_errors: list[OrderError] = []
        self.duplicates = 0
        """Since this object was made; the rest is also known after a restart."""
        self._seen: set[tuple[str, str]] = set()
        self._last: dict[tuple[str, str], int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path = path
        self._load()

    @property
    def received(self) -> int:
        return len(self._seen)

    def receive(self, event: Mapping[str, Any]) -> Verdict:
        """Raises `NotAnEvent`."""
        check(event)
        if (event["source"], event["id"]) in self._seen:
            self.duplicates += 1
            return "duplicate"
        with self._path.open("ab") as file:
            file.write(json.dumps(event).encode() + b"\n")
        self._count(dict(event))
        return "stored"

    def _load(self) -> None:
        good = 0
        with self._path.open("r+b") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # half-written: it was never acknowledged
                event = json.loads(line)
                check(event)
                self._count(event)
                good += len(line)
            file.truncate(good)

    def _count(self, event: dict[str, Any]) -> None:
        self._seen.add((event["source"], event["id"]))
        self.events.append(event)
        self.by_type[event["type"]] += 1
        if "key" not in event or "seq" not in event:
            return
        place, seq = (event["source"], event["key"]), int(event["seq"])
        last = self._last.get(place)
        if last is not None and seq <= last:
            self.order_errors.append(OrderError(event["key"], seq, last))
        self._last[place] = seq if last is None else max(seq, last)


def check(event: object) -> None:
    """Raises `NotAnEvent` unless `event` has what CloudEvents 1.0 asks for and, if any, usable `key` and `seq`."""
    if not isinstance(event, Mapping):
        raise NotAnEvent("the body is no JSON object")
    if event.get("specversion") != "1.0":
        raise NotAnEvent("specversion is not 1.0")
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise NotAnEvent(f"{name} is missing or empty")
    if not isinstance(event.get("key", ""), str):
        raise NotAnEvent("key is no string")
    _check_seq(event.get("seq", 0))
    _check_time(event.get("time", "2000-01-01T00:00:00Z"))


def _check_seq(seq: object) -> None:
    if isinstance(seq, bool) or not isinstance(seq, int | str) or (isinstance(seq, str) and not _decimal(seq)):
        raise NotAnEvent("seq is no integer")


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _check_time(time: object) -> None:
    try:
        aware = isinstance(time, str) and datetime.fromisoformat(time).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise NotAnEvent("time is no RFC 3339 time with an offset")


# ---- HTTP


def make_app(central: Central) -> ASGIApp:
    """`POST /events`: 200 `{"status": "stored" | "duplicate"}`; 400 or 415 with problem+json."""

    async def events(request: Request) -> JSONResponse:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            return _problem(415, "unknown-media-type", "只接收 CloudEvents", f"send {MEDIA_TYPE}")
        try:
            return JSONResponse({"status": central.receive(json.loads(await request.body()))})
        except (ValueError, RecursionError) as error:  # NotAnEvent, no JSON, no UTF-8, or nested without end
            return _problem(400, "not-an-event", "不是有效的事件", str(error))

    return Starlette(routes=[Route("/events", events, methods=["POST"])])


def _problem(status: int, kind: str, title: str, detail: str) -> JSONResponse:
    body = {"type": f"urn:hall-central:{kind}", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone and says when it listens."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Served:
    """An app on a loopback port while entered. Port 0 takes a free one, which `port` then tells. Raises `OSError`."""

    def __init__(self, port: int, app: ASGIApp) -> None:
        self.port = port
        self._app = app
        self._running: tuple[HttpServer, asyncio.Task[None]] | None = None

    @property
    def up(self) -> bool:
        return self._running is not None

    async def start(self) -> None:
        """Returns when the port accepts connections. Does nothing when it already does."""
        if self._running is not None:
            return
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        server = HttpServer(self._app)
        self._running = server, asyncio.create_task(server.serve([listener]))
        await server.listening.wait()

    async def stop(self) -> None:
        """Returns when connections are refused."""
        if self._running is None:
            return
        (server, task), self._running = self._running, None
        server.should_exit = True
        await task

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class CentralServer(Served):
    """The centre on its port. While it is away the port is closed: connections are refused."""

    def __init__(self, port: int, central: Central) -> None:
        super().__init__(port, make_app(central))
        self.central = central

    async def away(self) -> None:
        await self.stop()

    async def back(self) -> None:
        await self.start()

    def state(self) -> dict[str, Any]:
        """For the page: counts, and the last 20 events with the newest first."""
        last = list(self.central.events)[-20:]
        return {
            "online": self.up,
            "received": self.central.received,
            "duplicates": self.central.duplicates,
            "order_errors": len(self.central.order_errors),
            "by_type": dict(self.central.by_type),
            "events": [{name: each.get(name) for name in ("id", "type", "key", "seq", "time")} for each in last[::-1]],
        }
