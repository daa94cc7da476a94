"""Evaluator pads (评价平板) that call us over a WebSocket: one JSON object a message, `{code, state, msg, data}`.

    we:  {"code":40001,"state":0,"msg":"请发送工号"}          pad: {"code":40001,"data":{"work_no":"…","key":"…"}}
    we:  {"code":40001,"state":1}                           pad: {"code":40000,"data":<ms>} every 60 s, we the same back
    we:  {"code":50100,"state":1,"data":"url"}: the pad opens that page, and the visitor rates there
    errors of either side are 40002 bad packet, 50000 unknown command

Source: one vendor's public manual (xtuo "ping", pages 1998308 and 1998309). That a heartbeat is answered by itself is
not in it. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from drivers.base import Caller, Condition, Device, DeviceEvent, Misconfigured, Rejected, Unreachable

# ---- codec

LOGIN, HEARTBEAT, BAD_PACKET, RATE, UNKNOWN = 40001, 40000, 40002, 50100, 50000


def encode(code: int, **fields: Any) -> bytes:
    return json.dumps({"code": code, **fields}, ensure_ascii=False).encode()


def decode(raw: bytes) -> dict[str, Any] | None:
    """The message, or None for what is none."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(found, dict) and type(found.get("code")) is int
    return found if sound else None


def credentials(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """(work_no, key) of a login."""
    data = message.get("data")
    if message["code"] != LOGIN or not isinstance(data, dict):
        return None
    name, secret = data.get("work_no"), data.get("key")
    return (name, secret) if isinstance(name, str) and isinstance(secret, str) else None


# ---- device

LOGIN_S = 30.0
SILENT_S = 150.0
"""Two heartbeats and a half."""
WRONG = 20
"""Messages without sense after which the pad is hung up on."""


@dataclass(slots=True)
class Pad(Device):
    """One pad. The capability is `Evaluator`; the link is `inbound:`, and each of its reads is one message."""

    OPTIONS: ClassVar[Mapping[str, type]] = {"page": str}

    _signed_in: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if not str(self.options.get("page", "")).startswith(("http://", "https://")):
            raise Misconfigured('page is the address of the rating page as the pad reaches it: "http://.../pad/3"')

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        return None if str(options.get("page", "")).startswith(("http://", "https://")) else "it has no option page"

    async def invite(self, address: int, evaluation: str = "") -> None:
        if not self._signed_in:
            raise Rejected("not_signed_in", "the pad has not said who it is")
        await self.send(encode(RATE, state=1, data=f"{self.options['page']}?id={quote(evaluation)}"))

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Whether it has signed in; what the visitor presses comes by the page. Ends when it is silent for too long."""
        yield Condition("not_signed_in", True)
        await self.send(encode(LOGIN, state=0, msg="请发送工号"))
        while True:
            try:
                async with asyncio.timeout(SILENT_S if self._signed_in else LOGIN_S):
                    raw = await self.receive()
            except TimeoutError as error:
                await self.hang_up()
                raise Unreachable("the pad is silent") from error
            before = self._signed_in
            await self._answer(decode(raw))
            if self._signed_in != before:
                yield Condition("not_signed_in", before)
            if self.counters.bad_frames > WRONG:
                await self.hang_up()
                raise Unreachable(f"{self.counters.bad_frames} messages without sense")

    async def _answer(self, message: dict[str, Any] | None) -> None:
        said = credentials(message) if message is not None else None
        if message is None or (message["code"] == LOGIN and said is None):
            self.counters.bad_frames += 1
            await self.send(encode(BAD_PACKET, state=0, msg="报文格式错误"))
        elif said is not None:
            await self._sign_in(*said)
        elif message["code"] == HEARTBEAT:
            self.counters.frames_in += 1
            await self.send(encode(HEARTBEAT, state=1, data=message.get("data")))
        elif message["code"] not in (RATE, BAD_PACKET, UNKNOWN):  # what it answers to ours is not answered again
            self.counters.bad_frames += 1
            await self.send(encode(UNKNOWN, state=0, msg="未知命令"))

    async def _sign_in(self, name: str, secret: str) -> None:
        if not isinstance(self.link, Caller):
            raise Misconfigured("the link of a pad is inbound:")
        self._signed_in = await self.link.admit(name, secret)
        if not self._signed_in:
            self.counters.bad_frames += 1
            await self.send(encode(LOGIN, state=0, msg="工号或密钥不对"))
            return
        self.counters.frames_in += 1
        await self.send(encode(LOGIN, state=1, msg="登录成功"))


DEVICE = Pad
