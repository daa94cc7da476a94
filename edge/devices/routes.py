"""HTTP face of the devices: health in hall words, what to do next, and the counters of each wire."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Unreachable
from edge import hall as halls
from edge.access.tokens import who
from edge.clock import Now, rfc3339
from edge.database import Session
from edge.devices import binding, ledger, testing
from edge.devices.discovery import Instance
from edge.devices.hub import INBOUND
from edge.guard import LOOPBACK, needs
from edge.parts import Parts, actor_of, parts_of, perform

router = APIRouter(tags=["devices"])
View = dict[str, Any]


class Link(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    link: Annotated[
        str, Field(max_length=binding.LONGEST, description=binding.SHAPES, examples=["mdns://P._pdl-datastream._tcp"])
    ]


@router.get("/api/v1/devices", dependencies=[needs("ops")])
def devices(request: Request) -> View:
    """Every device of the hall file: severity ok, warn, bad or none (not heard yet), why, and since when."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        bound = binding.by_hand(connection, parts.hall)
    return {
        "seq": parts.journal.last,
        "devices": [_device(parts, config, bound.get(config.id)) for config in parts.hall.devices],
        "presses": {"doubles": parts.presses.doubles, "strangers": parts.presses.strangers},
    }


def _device(parts: Parts, config: halls.Device, bound: str | None) -> View:
    health = parts.hub.health[config.id]
    why, advice, since = health.words()
    return {
        "id": config.id,
        "name": config.name,
        "driver": config.driver,
        "evidence": health.evidence,
        "link": bound or config.link,
        "bound_by_hand": bound is not None,
        "state": health.state,
        "severity": health.severity(),
        "since": rfc3339(since, parts.hall.zone_info),
        "why": why,
        "advice": advice,
        "error": health.error,
        "conditions": sorted(health.conditions),
        "windows": [window.no for window in parts.hall.windows if config.id in _devices_of(window)],
        "counters": asdict(health.counters)
        | {"attempts": health.attempts, "rejected": health.rejected, "overflow": health.overflow},
    }


def _devices_of(window: halls.Window) -> set[str]:
    places = (*window.call_boxes, window.evaluator, window.sign)
    return {place.device for place in places if place is not None}


class Test(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[testing.Kind, Field(description="page, text, beep or say, as the device can")]
    address: Annotated[int, Field(ge=0, le=65535, description="on a shared line")] = 0


@router.post("/api/v1/devices/{device}/test", dependencies=[needs("ops")])
async def test(request: Request, device: str, body: Test) -> Response:
    """The device does it once, now or not at all. 409: it cannot."""
    command = testing.Try(device, body.kind, body.address, actor_of(request, "ops"))
    return await perform(request, testing.try_out, command, lambda _s, _n, id_: {"id": id_, "test": body.kind})


# ---- the ledger


class Entry(BaseModel):
    """One entry about one item; what its kind needs is refused where it is missing (422)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[str, Field(min_length=1, max_length=40, description="统一编号")]
    kind: Annotated[ledger.Kind, Field(description="登记入账 更正 领用 外借 归还 报修 修好 封存 启封 盘点 报废")]
    name: Annotated[str, Field(max_length=200)] = ""
    category: Annotated[str, Field(max_length=200)] = ""
    model: Annotated[str, Field(max_length=200)] = ""
    device: Annotated[str, Field(max_length=32, description="of the hall file, if it is one")] = ""
    place: Annotated[str, Field(max_length=200)] = ""
    keeper: Annotated[str, Field(max_length=200)] = ""
    who: Annotated[str, Field(max_length=200, description="who borrows, returns, repairs, seals, counts")] = ""
    approved_by: Annotated[str, Field(max_length=200, description="or who confirms, at an unsealing")] = ""
    checked_by: Annotated[str, Field(max_length=200)] = ""
    reason: Annotated[str, Field(description="of a scrapping or a stocktake", examples=list(ledger.REASONS))] = ""
    due: Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$", description="when a loan ends")] = ""
    note: Annotated[str, Field(max_length=200)] = ""


@router.get("/api/v1/assets", dependencies=[needs("ops")])
def assets(request: Request) -> View:
    """What the ledger comes to, by number; `idle_since` where an item should be sealed: a year or longer out of use."""
    parts = parts_of(request)
    seq, now, zone = parts.journal.last, parts.clock.now(), parts.hall.zone_info
    with parts.database.read() as connection:
        found, idle = ledger.items(connection), ledger.to_seal(connection, parts.hall, now.at)
    times = ("since", "registered", "counted")
    return {
        "seq": seq,
        "items": [
            asdict(each)
            | {name: rfc3339(getattr(each, name), zone) for name in times}
            | {"idle_since": rfc3339(idle.get(each.number), zone)}
            for each in found
        ],
    }


@router.post("/api/v1/assets/entries", status_code=201, dependencies=[needs("ops")])
async def enter_asset(request: Request, body: Entry) -> Response:
    """Writes an entry. 409: the item is not in a state for it, or number or device are taken; 404: not registered."""
    command = ledger.Enter(ledger.Entry(**body.model_dump()), actor_of(request, "ops"))
    return await perform(request, ledger.enter, command, lambda _s, _n, seq: {"entry": seq}, status=201)


# ---- links


def _linked(parts: Parts, device: str) -> Any:
    def present(session: Session, _now: Now, _result: None) -> View:
        link = binding.links(session.connection, parts.hall)[device]
        return {"id": device, "link": link, "bound_by_hand": device in binding.by_hand(session.connection, parts.hall)}

    return present


@router.post("/api/v1/devices/{device}/link", dependencies=[needs("ops")])
async def bind(request: Request, device: str, body: Link) -> Response:
    """The device is reached by this link from now on, whatever the hall file says; it connects anew at once."""
    command = binding.Bind(device, body.link, actor_of(request, "ops"))
    return await perform(request, binding.bind, command, _linked(parts_of(request), device))


@router.delete("/api/v1/devices/{device}/link", dependencies=[needs("ops")])
async def unbind(request: Request, device: str) -> Response:
    """The hall file's link holds again."""
    command = binding.Unbind(device, actor_of(request, "ops"))
    return await perform(request, binding.unbind, command, _linked(parts_of(request), device))


@router.get("/api/v1/discovery", dependencies=[needs("ops")])
def discovery(request: Request) -> View:
    """Printers found on the network that no device's link names: `link` is what one would be bound by."""
    parts = parts_of(request)
    with parts.database.read() as connection:
        links = binding.links(connection, parts.hall)
    found = parts.discovery.unbound(list(links.values()))
    strangers = [
        {"serial": serial, "called_at": rfc3339(at, parts.hall.zone_info)}
        for serial, at in parts.callers.strangers.items()
    ]
    return {
        "seq": parts.journal.last,
        "unbound": [_instance(parts, each) for each in found],
        "terminals": strangers,
    }


# ---- devices that call us


class _Call:
    """A WebSocket as a driver's link: each read is one message."""

    def __init__(self, socket: WebSocket, parts: Parts, device: str) -> None:
        self._socket, self._parts, self._device = socket, parts, device
        self.over = asyncio.Event()

    async def read(self) -> bytes:
        message = await self._socket.receive() if not self.over.is_set() else {"type": "websocket.disconnect"}
        if message["type"] == "websocket.disconnect":
            self.over.set()
            raise Unreachable("the other side hung up")
        text, raw = message.get("text"), message.get("bytes")
        return text.encode() if isinstance(text, str) else raw if isinstance(raw, bytes) else b"\n"

    async def write(self, data: bytes) -> None:
        try:
            await self._socket.send_text(data.decode())
        except (RuntimeError, WebSocketDisconnect) as error:
            self.over.set()
            raise Unreachable("the other side hung up") from error

    async def close(self) -> None:
        self.over.set()

    async def admit(self, name: str, secret: str) -> bool:
        """The key of a pad is a token of role pad, for all windows or for one that this device evaluates."""
        hall = self._parts.hall
        if hall.access.demo:
            return True
        with self._parts.database.read() as connection:
            found = who(connection, secret)
        windows = {str(each.no) for each in hall.windows if each.evaluator and each.evaluator.device == self._device}
        return found is not None and found.role == "pad" and found.scope in {None, *windows}


@router.websocket("/api/v1/pads/{device}")
async def pad(socket: WebSocket, device: str) -> None:
    """An evaluator pad of the WebSocket kind calls; who it is, it says by its key."""
    parts: Parts = socket.app.state.parts
    config = parts.hall.device.get(device)
    local = socket.client is not None and socket.client.host in LOOPBACK
    if config is None or config.link != INBOUND or (parts.hall.access.demo and not local):
        await socket.close()  # before it is accepted: an answer 403
        return
    await socket.accept()
    call = _Call(socket, parts, device)
    await parts.hub.called(device, call)
    await call.over.wait()
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close()


SERIAL = re.compile(r"[0-9A-Za-z_-]{1,32}")
LONGEST_UPLOAD = 4 * 1024 * 1024
CALLS = ("cdata", "fdata", "getrequest", "devicecmd", "ping", "registry")


async def iclock(request: Request) -> Response:
    """An attendance terminal calls (ADMS). Its serial number is in the hall file, or it gets nothing and ops sees it.

    What it sent is answered after the commit: a 200 makes it forget.
    """
    parts, serial = parts_of(request), _serial(request)
    if _call(request) not in CALLS:
        return Response(status_code=404)
    device = next((each.id for each in parts.hall.devices if _is_caller(each, serial)), None)
    if device is None:
        if SERIAL.fullmatch(serial):
            parts.callers.stranger(serial, parts.clock.now().at)
        return Response(status_code=404)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_UPLOAD:
            return Response(status_code=413)
    link, is_new = parts.callers.link(device)
    if is_new:
        await parts.hub.called(device, link)
    line = f"{request.method} /iclock/{_call(request)}?{request.url.query} HTTP/1.1\r\n\r\n"
    try:
        answer = await link.ask(line.encode("ascii", "replace") + bytes(body))
    except Unreachable:
        return Response(status_code=503)
    head, _, text = answer.partition(b"\r\n\r\n")
    return Response(text, int(head.split(b" ")[1]), media_type="text/plain")


for path in ("/iclock/{call}", "/{call}.aspx", *(f"/{call}" for call in CALLS)):
    # Old firmware leaves out /iclock, or writes cdata.aspx or cdata/, and follows no redirect.
    for spelling in (path, f"{path}/"):
        router.add_api_route(
            spelling, iclock, methods=["GET", "POST"], dependencies=[needs("anyone")], include_in_schema=False
        )


def _call(request: Request) -> str:
    """`cdata`, however the firmware spells it."""
    return request.url.path.rstrip("/").rpartition("/")[2].lower().removesuffix(".aspx")


def _serial(request: Request) -> str:
    return next((value for name, value in request.query_params.items() if name.lower() == "sn"), "")


def _is_caller(config: halls.Device, serial: str) -> bool:
    return config.link == INBOUND and bool(serial) and config.options.get("serial") == serial


def _instance(parts: Parts, found: Instance) -> View:
    return asdict(found) | {"link": found.link, "seen_at": rfc3339(found.seen_at, parts.hall.zone_info)}
