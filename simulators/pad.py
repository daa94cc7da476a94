"""An evaluator pad that calls the service over a WebSocket. Not proven on hardware.

    {"code": 40001, "state": 0, "msg": "..."}               service: log in, please
    {"code": 40001, "data": {"work_no": "...", "key": "..."}}   pad; the service answers with state 1
    {"code": 40000, "data": milliseconds}                   pad, every 60 s
    {"code": 50100, "state": 1, "data": "https://..."}      service: open this page for the visitor
    {"code": 40002 | 50000, ...}                            service: that was no packet, or no command

Source: one vendor's public manual, whose page takes {id, star} with 5 for the best and answers {code: 0 | 1, msg}.
Where it says nothing: a pad that has lost the service calls again after 3 s, beats only when it is logged in, keeps the
page that is open over a new connection, and posts a rating to the page's own address with the `id` of its query.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from simulators.pad_picture import WORDS, draw

BEAT, LOGIN, BAD_PACKET, UNKNOWN, OPEN = 40000, 40001, 40002, 50000, 50100
BEAT_S, RETRY_S, LATE_S = 60.0, 3.0, 15.0
WRONG_KEY = "0000"
NO_COMMAND = 49999
SWITCHES = {
    "late": "登录迟到",
    "wrong_key": "密钥不对",
    "mute": "不发心跳",
    "double": "评价两次",
    "half_open": "连接半开",
}


class Socket(Protocol):
    """`recv` and `send` raise `websockets.ConnectionClosed` when the other side has gone."""

    async def recv(self) -> str | bytes: ...

    async def send(self, message: str) -> None: ...

    async def close(self) -> None: ...

    def freeze(self, frozen: bool) -> None:
        """While frozen nothing that arrives is taken, not even a ping."""
        ...


class Pad:
    """`call` keeps it on the line; `rate` is what a visitor does. Options: `work_no` (default "1001"), `key`."""

    calls = True
    """It calls the service; nothing is served on its link."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.work_no, self.key = str(options.get("work_no", "1001")), str(options.get("key", ""))
        self.url: str | None = None
        """The page that is open."""
        self.signed_in = False
        self.said = ""
        """What the service or its page said last."""
        self.codes: deque[int] = deque(maxlen=100)
        """Of everything the service said, oldest first."""
        self.answers: deque[dict[str, Any]] = deque(maxlen=100)
        """What the page answered to each rating."""
        self.late = self.wrong_key = self.mute = self.double = self.half_open = False
        self.transport: httpx.AsyncBaseTransport | None = None
        """How pages are reached; None: over the network."""
        self._socket: Socket | None = None
        self._asked = False

    # ---- the line

    async def call(self, url: str) -> None:
        """Calls `ws://...` and stays on the line, again and again. Ends only by cancellation."""
        while True:
            try:
                # A half-open pad does not answer a goodbye either; nobody waits long for that.
                async with connect(url, proxy=None, compression=None, ping_interval=None, close_timeout=1) as line:
                    await self.speak(_Live(line))
            except (OSError, TimeoutError, WebSocketException) as error:
                self.said = f"连不上：{error}"
            await asyncio.sleep(RETRY_S)

    async def speak(self, socket: Socket) -> None:
        """One connection, until it is closed."""
        self._socket, self._asked = socket, False
        socket.freeze(self.half_open)
        beating = asyncio.create_task(self._beat())
        try:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self._hear(await socket.recv())
        finally:
            self._socket, self.signed_in = None, False
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if self.signed_in and not self.mute:
                await self._say(BEAT, time.time_ns() // 1_000_000)

    async def _hear(self, message: str | bytes) -> None:
        try:
            told = json.loads(message)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self.said = "收到的不是报文"
            return
        code = told.get("code")
        if isinstance(code, int):
            self.codes.append(code)
        self.said = _line(told.get("msg")) or self.said
        if code == LOGIN:
            await self._sign_in(told.get("state") == 1)
        elif code == OPEN:
            self.url = _line(told.get("data")) or None
        elif code in (BAD_PACKET, UNKNOWN):
            self.said = f"{code} {_line(told.get('msg'))}".strip()

    async def _sign_in(self, accepted: bool) -> None:
        """A state of 0 asks for the login; when it answers one it is a refusal, and the pad does not insist."""
        answered, self._asked = self._asked, False
        self.signed_in = accepted
        if accepted or answered:
            return
        if self.late:
            await asyncio.sleep(LATE_S)
        self._asked = True
        await self._say(LOGIN, {"work_no": self.work_no, "key": WRONG_KEY if self.wrong_key else self.key})

    async def _say(self, code: int, data: object) -> None:
        await self._send(json.dumps({"code": code, "data": data}, ensure_ascii=False))

    async def _send(self, message: str) -> None:
        if self._socket is not None and not self.half_open:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(message)

    # ---- what people do and see

    async def rate(self, star: int) -> None:
        """A visitor touches 5 (best) to 1 on the page that is open; with no page there is nothing to touch."""
        if self.url is None:
            return
        url, rated = self.url, {"id": _id(self.url), "star": star}
        for _ in range(2 if self.double else 1):
            answer = await self._post(url, rated)
            self.answers.append(answer)
            self.said = _line(answer.get("msg")) or self.said
            if answer.get("code") == 0:
                self.url = None

    async def _post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(transport=self.transport, trust_env=False) as client:
                found = (await client.post(url, json=body)).json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return {"code": None, "msg": f"页面没有应答：{type(error).__name__}"}
        return found if isinstance(found, dict) else {"code": None, "msg": "页面答非所问"}

    def controls(self) -> list[dict[str, Any]]:
        acts = {"reconnect": "断开重连", "bad_packet": "发坏报文", "unknown": "发未知命令"}
        found: list[dict[str, Any]] = [{"name": name, "label": label} for name, label in acts.items()]
        found += [{"name": name, "label": label, "on": getattr(self, name)} for name, label in SWITCHES.items()]
        stars = [{"name": f"rate:{star}", "label": word, "group": "评价"} for star, word in WORDS.items()]
        return found + stars

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name.startswith("rate:"):
            return self.rate(int(name[5:]))
        if name == "reconnect":
            return self._socket.close() if self._socket is not None else None
        if name == "bad_packet":
            return self._send('{"code": 40000,')
        if name == "unknown":
            return self._say(NO_COMMAND, None)
        setattr(self, name, not getattr(self, name))
        if name == "half_open" and self._socket is not None:
            self._socket.freeze(self.half_open)
        return None

    def state(self) -> dict[str, Any]:
        return {
            "connected": self._socket is not None,
            "signed_in": self.signed_in,
            "work_no": self.work_no,
            "url": self.url,
            "said": self.said,
            "codes": list(self.codes)[-20:],
        }

    def picture(self) -> str:
        return draw(self.work_no, self._socket is not None, self.signed_in, self.url, self.said)


def _line(told: object) -> str:
    """What a person can read of it."""
    return "".join(char for char in str(told or "") if char.isprintable())


def _id(url: str) -> str:
    """What the page is about: the `id` of its query, or else the last part of its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parse_qs(parts.query).get("id", [parts.path.rpartition("/")[2]])[0]


class _Live:
    """A `Socket` over the network."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def recv(self) -> str | bytes:
        return await self._connection.recv()

    async def send(self, message: str) -> None:
        await self._connection.send(message)

    async def close(self) -> None:
        await self._connection.close()

    def freeze(self, frozen: bool) -> None:
        if frozen:
            self._connection.transport.pause_reading()
        else:
            self._connection.transport.resume_reading()


SIMULATOR = Pad
