"""A Hikvision face terminal (DS-K1T..): ISAPI over HTTP, and the stream of its events. Not proven on hardware.

    GET  /ISAPI/Event/notification/alertStream      multipart/mixed without end: JSON, or XML; pictures may follow
    POST /ISAPI/AccessControl/AcsEvent?format=json  a page of the events of a time
    POST /ISAPI/AccessControl/UserInfo/Record, Search   PUT .../Modify, Delete, UserInfoDetail/Delete
    GET, PUT /ISAPI/System/time                     GET /ISAPI/System/deviceInfo

Every request is guarded by digest. It does not push (httpHosts). Source: ISAPI's public examples and what integrators
show of real terminals. Where they say nothing: a stream too many gets 503; a search that it does not support 403; a
page holds 30 entries.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any, get_args

import h11

from simulators.hikvision_events import MINOR, Event, alert, document, heartbeat, part, piece, to_json
from simulators.hikvision_http import Algorithm, Answer, Guard, Request, TooLong, request, respond
from simulators.hikvision_memory import Memory, Refused
from simulators.port import Gone, Wire
from simulators.terminal_people import MODES, Clock, buttons, masked, photo, switches
from simulators.terminal_picture import draw

STREAM = "/ISAPI/Event/notification/alertStream"
HEARTBEAT_S, SLOW_S = 10.0, 20.0
STREAMS, WAITING, REPLAYED = 2, 1000, 30
XML = "application/xml"
SWITCHES = {
    "leaving": "按了下班键",
    "dead": "不应答",
    "asleep": "重启后未触摸",
    "slow": "应答很慢",
    "wrong_nonce": "随机数总过期",
    "no_challenge": "401 不带质询",
    "not_supported": "不支持查询",
    "mute": "不发心跳",
    "pictures": "带抓拍图片",
    "cut_picture": "图片传一半断",
    "xml": "事件用 XML",
    "split": "拆包",
}
ACTS = {"cut": "切断事件流", "replay": "重发旧事件", "stranger": "陌生人", "week": "补一周记录", "drop": "断开连接"}
BAD_SHAPE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


class Terminal:
    """`punch` is what people do.

    Options: `user` (default "admin"), `password` (default "hik12345"), `algorithm` ("MD5" or "SHA-256"), `boundary`
    (default "MIME_boundary"), `clock_off_s`.
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        algorithm = options.get("algorithm", "MD5")
        if algorithm not in get_args(Algorithm):
            raise ValueError(f"algorithm {algorithm!r}: it is one of {get_args(Algorithm)}")
        user, password = str(options.get("user", "admin")), str(options.get("password", "hik12345"))
        self.guard = Guard(user, password, algorithm, device_id)
        self.boundary = str(options.get("boundary", "MIME_boundary"))
        self.clock = Clock(float(options.get("clock_off_s", 0)))
        self.memory = Memory(self.clock)
        self.time_mode = "manual"
        self.on = dict.fromkeys(SWITCHES, False)
        self.greeted, self.words, self.trouble = "", "", False
        self.streams: list[asyncio.Queue[bytes | None]] = []
        """What each has still to send; None ends it."""
        self._wires: set[Wire] = set()
        self._random = Random(device_id)  # noqa: S311  faults, not secrets
        self._routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/ISAPI/System/deviceInfo"): self._device_info,
            ("GET", "/ISAPI/System/time"): self._get_time,
            ("PUT", "/ISAPI/System/time"): self._set_time,
            ("POST", "/ISAPI/AccessControl/AcsEvent"): self._search,
            ("GET", "/ISAPI/AccessControl/UserInfo/Count"): self._count_users,
            ("POST", "/ISAPI/AccessControl/UserInfo/Search"): self._search_users,
            ("POST", "/ISAPI/AccessControl/UserInfo/Record"): self._user(self.memory.add_user),
            ("PUT", "/ISAPI/AccessControl/UserInfo/Modify"): self._user(self.memory.change_user),
            ("PUT", "/ISAPI/AccessControl/UserInfo/Delete"): self._user(self.memory.delete_users),
            ("PUT", "/ISAPI/AccessControl/UserInfoDetail/Delete"): self._user(self.memory.delete_users),
        }

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        connection = h11.Connection(h11.SERVER)
        self._wires.add(wire)
        try:
            with contextlib.suppress(Gone):
                while not self.on["asleep"] and await self._exchange(connection, wire):
                    connection.start_next_cycle()
                await wire.close()
        finally:
            self._wires.discard(wire)

    async def _exchange(self, connection: h11.Connection, wire: Wire) -> bool:
        """One request; whether another may follow. Raises `Gone`."""
        try:
            asked = await request(connection, wire)
        except h11.RemoteProtocolError as error:
            await respond(connection, wire, Answer(error.error_status_hint))
            return False
        except TooLong:
            await respond(connection, wire, Answer(413))
            return False
        while self.on["dead"]:  # whoever asked then is never answered
            await wire.read()
        if self.on["slow"]:
            await asyncio.sleep(SLOW_S)
        answer = self._guarded(asked)
        if answer is None:
            await self._stream(wire)
            return False
        return await respond(connection, wire, answer)

    def _guarded(self, asked: Request) -> Answer | None:
        """None where the stream is to begin."""
        verdict = self.guard.judge(asked)
        if verdict == "good" and self.on["wrong_nonce"]:
            verdict = "stale"
        if verdict == "good":
            return self._answer(asked)
        headers: tuple[tuple[str, str], ...] = ()
        if verdict != "locked" and not self.on["no_challenge"]:
            headers = (("WWW-Authenticate", self.guard.challenge(stale=verdict == "stale")),)
        lock = {"lockStatus": "lock" if verdict == "locked" else "unlock", "retryLoginTime": 5 - self.guard.failures}
        told = {"statusValue": 401, "statusString": "Unauthorized", **lock}
        return Answer(401, document("userCheck", told), XML, headers)

    def _answer(self, asked: Request) -> Answer | None:
        if (asked.method, asked.path) == ("GET", STREAM):
            return None if len(self.streams) < STREAMS else _status(503, "Device Busy", "deviceBusy")
        route = self._routes.get((asked.method, asked.path))
        if route is None:
            known = [path for _, path in self._routes] + [STREAM]
            wrong = "methodNotAllowed" if asked.path in known else "notSupport"
            return _status(405 if asked.path in known else 404, "Invalid Operation", wrong)
        try:
            return route(asked)
        except Refused as refused:
            return _status(400, "Invalid Content", refused.what)
        except BAD_SHAPE:
            return _status(400, "Invalid Content", "badParameters")

    # ---- the stream

    async def _stream(self, wire: Wire) -> None:
        """Until the other side goes, or it is cut. Raises `Gone`."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self.streams.append(queue)
        watching = asyncio.create_task(_watch(wire, queue))
        try:
            kind = f"multipart/mixed; boundary={self.boundary}"
            await wire.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
            while (data := await self._next(queue)) is not None:
                await self._write(wire, data)
        finally:
            self.streams.remove(queue)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _next(self, queue: asyncio.Queue[bytes | None]) -> bytes | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_S):
                return await queue.get()
        xml = self.on["xml"]
        return b"" if self.on["mute"] else part(self.boundary, heartbeat(self.memory.now(), xml=xml), xml=xml)

    async def _write(self, wire: Wire, data: bytes) -> None:
        cuts = sorted({self._random.randrange(len(data)) for _ in range(6)} - {0}) if self.on["split"] and data else []
        for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            await wire.write(data[begin:end])
            if cuts:
                await asyncio.sleep(0.001)

    def _tell(self, event: Event, *, current: bool = True) -> None:
        pictured = event.minor == MINOR["face"] and (self.on["pictures"] or self.on["cut_picture"])
        told = alert(event, current=current, pictures=int(pictured))
        data = part(self.boundary, told, xml=self.on["xml"])
        picture = piece(self.boundary, "image/jpeg", photo(f"face of {event.number}")) if pictured else b""
        for queue in self.streams:
            if pictured and self.on["cut_picture"]:
                _end(queue, data + picture[: len(picture) // 2])
                continue
            with contextlib.suppress(asyncio.QueueFull):  # a terminal does not wait for who does not read
                queue.put_nowait(data + picture)

    # ---- what is asked. These raise `Refused` and what is in `BAD_SHAPE`

    def _device_info(self, asked: Request) -> Answer:
        told = {"deviceName": "Access Controller", "model": "DS-K1T-SIM", "serialNumber": f"SIM-{self.device_id}"}
        return Answer(200, document("DeviceInfo", told | {"firmwareVersion": "V3.0.0"}), XML)

    def _get_time(self, asked: Request) -> Answer:
        hours, minutes = divmod(abs(self.clock.zone_min), 60)
        zone = f"CST{'-' if self.clock.zone_min >= 0 else '+'}{hours}:{minutes:02d}:00"
        told = {"timeMode": self.time_mode, "localTime": self.memory.now().isoformat(), "timeZone": zone}
        return Answer(200, document("Time", told), XML)

    def _set_time(self, asked: Request) -> Answer:
        told = dict(re.findall(r"<(timeMode|localTime)>\s*([^<\s]+)\s*</", asked.body.decode("utf-8")))
        mode = told["timeMode"]
        if mode not in ("manual", "NTP"):
            raise Refused("badXmlContent")
        if mode == "manual":
            at = datetime.fromisoformat(told["localTime"])
            if not 2000 <= at.year <= 2037:
                raise Refused("badXmlContent")
            self.clock.set((at.astimezone(self.memory.now().tzinfo) if at.tzinfo else at).replace(tzinfo=None))
        else:
            self.clock.off_s = 0.0
        self.time_mode = mode
        done = {"requestURL": asked.path, "statusCode": 1, "statusString": "OK", "subStatusCode": "ok"}
        return Answer(200, document("ResponseStatus", done), XML)

    def _search(self, asked: Request) -> Answer:
        if self.on["not_supported"]:
            return _status(403, "Invalid Operation", "notSupport")
        return Answer(200, to_json(self.memory.search(_object(asked)["AcsEventCond"])))

    def _count_users(self, asked: Request) -> Answer:
        return Answer(200, to_json({"UserInfoCount": {"userNumber": len(self.memory.users)}}))

    def _search_users(self, asked: Request) -> Answer:
        return Answer(200, to_json(self.memory.search_users(_object(asked))))

    def _user(self, change: Callable[[Mapping[str, Any]], None]) -> Callable[[Request], Answer]:
        def route(asked: Request) -> Answer:
            change(_object(asked))
            return _status(200, "OK", "ok")

        return route

    # ---- what people do and see

    def punch(self, number: str, mode: str) -> None:
        """`mode` is one of `terminal_people.MODES`; a `number` that nobody has is a stranger."""
        user = self.memory.users.get(number)
        self.trouble = not self.memory.allowed(number)
        self.greeted = masked(str(user.get("name", ""))) if user else ""
        self.words = "没有权限" if self.trouble else f"{MODES[mode]}成功"
        status = "checkOut" if self.on["leaving"] else "checkIn"
        for event in self.memory.punch(number, mode, self.memory.now(), status):
            self._tell(event)

    def replay(self) -> None:
        """Tells the last events once more, as those that happened while nobody listened."""
        for event in list(self.memory.events)[-REPLAYED:]:
            self._tell(event, current=False)

    def cut(self) -> None:
        """Ends all streams, in the middle of a part when one is on its way."""
        for queue in self.streams:
            _end(queue, f"--{self.boundary}\r\nContent-Type: appl".encode())

    async def drop(self) -> None:
        """Ends all connections."""
        for wire in list(self._wires):
            await wire.close()

    def controls(self) -> list[dict[str, Any]]:
        people = [(number, str(user.get("name", ""))) for number, user in self.memory.users.items()]
        acts: list[dict[str, Any]] = [{"name": name, "label": label} for name, label in ACTS.items()]
        return [*switches(SWITCHES, self.on), *acts, *buttons(people, self.clock)]

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name in SWITCHES:
            self.on[name] = not self.on[name]
        elif name.startswith("punch:"):
            number, _, mode = name.removeprefix("punch:").rpartition(":")
            self.punch(number, mode)
        elif name.startswith("clock:"):
            self.clock.off_s = float(name[6:])
        elif name == "drop":
            return self.drop()
        else:
            self._act(name)
        return None

    def _act(self, name: str) -> None:
        if name == "cut":
            self.cut()
        elif name == "replay":
            self.replay()
        elif name == "week":
            self.memory.remember(7)
        else:
            self.punch("", "face")

    def state(self) -> dict[str, Any]:
        return {
            "clock": self.memory.now().isoformat(),
            "clock_off_s": round(self.clock.off_s, 3),
            "time_mode": self.time_mode,
            "users": len(self.memory.users),
            "events": len(self.memory.events),
            "connections": len(self._wires),
            "streams": len(self.streams),
            "failures": self.guard.failures,
            "locked": self.guard.locked,
            "words": self.words,
        }

    def picture(self) -> str:
        return draw(
            "Hikvision ISAPI",
            self.clock.local(),
            online=bool(self.streams),
            dead=self.on["dead"],
            person=self.greeted,
            words=self.words,
            trouble=self.trouble,
        )


async def _watch(wire: Wire, queue: asyncio.Queue[bytes | None]) -> None:
    """Notices that the other side has gone; what it says is nothing to a stream."""
    with contextlib.suppress(Gone):
        while True:
            await wire.read()
    _end(queue, b"")


def _end(queue: asyncio.Queue[bytes | None], data: bytes) -> None:
    """`data` is the last that it sends; what waits too long gives way."""
    while queue.qsize() > WAITING - 2:
        queue.get_nowait()
    queue.put_nowait(data)
    queue.put_nowait(None)


def _object(asked: Request) -> dict[str, Any]:
    """Raises `Refused`."""
    try:
        told = json.loads(asked.body)
    except (ValueError, RecursionError) as error:
        raise Refused("badJsonFormat") from error
    if not isinstance(told, dict) or not asked.wants_json:
        raise Refused("badParameters")
    return told


def _status(status: int, words: str, what: str) -> Answer:
    code = {200: 1, 400: 6, 503: 2}.get(status, 4)
    return Answer(status, to_json({"statusCode": code, "statusString": words, "subStatusCode": what}))


SIMULATOR = Terminal
