"""The simulated pad against the messages of the vendor's manual, over a socket in memory, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedOK

from simulators.pad import Pad

pytestmark = pytest.mark.looptime

# source: the vendor's manual
ASK = '{"code":40001,"state":0,"msg":"请发送工号"}'
WELCOME = '{"code":40001,"state":1,"msg":"登录成功"}'
URL = "http://hall/pad/3?id=42"
OPEN = json.dumps({"code": 50100, "state": 1, "data": URL})
LOGIN = {"code": 40001, "data": {"work_no": "1003", "key": "secret"}}


class Memory:
    """A `Socket` that the test holds the other end of; while it is frozen, what is told waits."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.closed = False
        self._thawed = asyncio.Event()

    async def recv(self) -> str | bytes:
        await self._thawed.wait()
        message = await self.told.get()
        if message is None:
            raise ConnectionClosedOK(None, None)
        return message

    async def send(self, message: str) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, None)
        self.heard.put_nowait(message)

    async def close(self) -> None:
        self.closed = True
        self.told.put_nowait(None)

    def freeze(self, frozen: bool) -> None:
        if frozen:
            self._thawed.clear()
        else:
            self._thawed.set()

    async def tell(self, *messages: str | bytes) -> None:
        for message in messages:
            self.told.put_nowait(message)
        await asyncio.sleep(0.001)

    async def next(self, within: float = 1.0) -> Any:
        """What the pad says next, as JSON; None when it says nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                return json.loads(await self.heard.get())
        return None


@contextlib.asynccontextmanager
async def spoken(pad: Pad) -> AsyncIterator[Memory]:
    socket = Memory()
    speaking = asyncio.create_task(pad.speak(socket))
    await asyncio.sleep(0)
    try:
        yield socket
    finally:
        pad.half_open = False
        socket.freeze(False)
        await socket.close()
        await speaking


def made() -> Pad:
    return Pad("pad-3", {"work_no": "1003", "key": "secret"})


async def operate(pad: Pad, name: str) -> None:
    done = pad.control(name)
    if done is not None:
        await done


async def test_it_logs_in_when_it_is_asked_and_beats_every_60_seconds() -> None:
    pad = made()
    async with spoken(pad) as socket:
        assert await socket.next() is None
        await socket.tell(ASK)
        assert await socket.next() == LOGIN
        assert pad.state()["signed_in"] is False
        await socket.tell(WELCOME)
        assert pad.state()["signed_in"] is True
        began = asyncio.get_running_loop().time()
        for nth in range(3):
            beat = await socket.next(within=61)
            assert beat.keys() == {"code", "data"}
            assert beat["code"] == 40000
            assert isinstance(beat["data"], int)
            assert asyncio.get_running_loop().time() - began == pytest.approx(60 * (nth + 1), abs=2)
    assert pad.state()["connected"] is False


async def test_it_opens_the_page_that_it_is_told_and_shows_it() -> None:
    pad = made()
    async with spoken(pad) as socket:
        await socket.tell(ASK, WELCOME)
        idle = pad.picture()
        await socket.tell(OPEN)
        assert pad.state()["url"] == URL
        words = "".join(ElementTree.fromstring(pad.picture()).itertext())
        assert URL in words
        assert "非常满意" in words
        await socket.tell('{"code":50100,"state":1,"data":""}')
        assert pad.picture() == idle


async def test_a_request_is_still_open_after_a_new_connection() -> None:
    pad = made()
    async with spoken(pad) as socket:
        await socket.tell(ASK, WELCOME, OPEN)
        await operate(pad, "reconnect")
        assert socket.closed
        await asyncio.sleep(0.01)
        assert pad.state() | {"connected": False, "signed_in": False, "url": URL} == pad.state()
    async with spoken(pad) as socket:
        await socket.tell(ASK)
        assert await socket.next() == LOGIN
        assert pad.url == URL


async def test_a_login_that_is_refused_is_not_repeated_until_it_is_asked_for_again() -> None:
    pad = made()
    async with spoken(pad) as socket:
        pad.control("wrong_key")
        await socket.tell(ASK)
        login = await socket.next()
        assert login["data"]["work_no"] == "1003"
        assert login["data"]["key"] != "secret"
        await socket.tell('{"code":40001,"state":0,"msg":"密钥错误"}')
        assert await socket.next() is None
        assert pad.said == "密钥错误"
        assert pad.state()["signed_in"] is False
        pad.control("wrong_key")
        await socket.tell(ASK)
        assert await socket.next() == LOGIN


async def test_a_login_may_come_late() -> None:
    pad = made()
    async with spoken(pad) as socket:
        pad.control("late")
        await socket.tell(ASK)
        assert await socket.next(within=10) is None
        assert await socket.next(within=10) == LOGIN


async def test_a_line_that_ends_while_the_login_is_late() -> None:
    pad = made()
    pad.control("late")
    async with spoken(pad) as socket:
        await socket.tell(ASK)
    assert await socket.next() is None


async def test_heartbeats_may_be_missing_and_none_is_sent_before_the_login() -> None:
    pad = made()
    async with spoken(pad) as socket:
        assert await socket.next(within=200) is None
        await socket.tell(ASK, WELCOME)
        assert await socket.next() == LOGIN
        pad.control("mute")
        assert await socket.next(within=200) is None
        pad.control("mute")
        assert (await socket.next(within=61))["code"] == 40000


async def test_half_open_it_neither_hears_nor_speaks_and_then_hears_it_all() -> None:
    pad = made()
    async with spoken(pad) as socket:
        await socket.tell(ASK, WELCOME)
        assert await socket.next() == LOGIN
        pad.control("half_open")
        await socket.tell('{"code":1}')  # the read under way still takes one
        await socket.tell(OPEN)
        assert pad.url is None
        assert await socket.next(within=200) is None
        assert pad.state()["connected"] is True
        pad.control("half_open")
        await asyncio.sleep(0.001)
        assert pad.url == URL


async def test_bad_packets_and_unknown_commands_and_what_is_said_of_them() -> None:
    pad = made()
    async with spoken(pad) as socket:
        await operate(pad, "bad_packet")
        with pytest.raises(json.JSONDecodeError):
            json.loads(await socket.heard.get())
        await socket.tell('{"code":40002,"state":0,"msg":"数据包错误"}')
        assert pad.said == "40002 数据包错误"
        await operate(pad, "unknown")
        said = await socket.next()
        assert said["code"] not in (40000, 40001, 50100, 40002, 50000)
        await socket.tell('{"code":50000,"state":0,"msg":"未知指令"}')
        assert pad.said == "50000 未知指令"
        assert pad.state()["codes"] == [40002, 50000]


SHAPES = st.sampled_from(
    [
        "{}",
        '{{"code": {} }}',
        '{{"code": 40001, "state": {} }}',
        '{{"code": 50100, "data": {} }}',
        '{{"code": 50000, "msg": {} }}',
    ]
)
VALUES = st.one_of(
    st.sampled_from(['"\\ud800"', '"\\u0000"', "{}", "Infinity"]),
    st.text(max_size=20),
    st.floats().map(json.dumps),
    st.text(max_size=9).map(json.dumps),
)


@given(st.one_of(st.binary(max_size=20), st.builds(str.format, SHAPES, VALUES)))
async def test_nothing_the_service_says_breaks_it(said: str | bytes) -> None:
    pad = made()
    async with spoken(pad) as socket:
        await socket.tell(said, ASK, ASK)
        assert LOGIN in [await socket.next(), await socket.next()]
        ElementTree.fromstring(pad.picture().encode())
        json.dumps(pad.state(), ensure_ascii=False, allow_nan=False).encode()


# ---- the page


class Hall:
    """The service's page: it takes one rating for each id."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        rated = [body["id"] for _, body in self.asked]
        body = json.loads(request.content)
        self.asked.append((str(request.url), body))
        if body["id"] in rated:
            return httpx.Response(200, json={"code": 1, "msg": "该办件已评价,无需重复评价"})
        return httpx.Response(200, json={"code": 0, "msg": "评价成功"})


async def test_a_visitor_rates_on_the_page_that_is_open() -> None:
    pad, hall = made(), Hall()
    pad.transport = httpx.MockTransport(hall)
    await operate(pad, "rate:4")
    assert hall.asked == []
    pad.url = URL
    await operate(pad, "rate:4")
    assert hall.asked == [(URL, {"id": "42", "star": 4})]
    assert pad.said == "评价成功"
    assert pad.url is None


async def test_a_double_rating() -> None:
    pad, hall = made(), Hall()
    pad.transport = httpx.MockTransport(hall)
    pad.url = "http://hall/evaluations/42"
    pad.control("double")
    await operate(pad, "rate:1")
    assert hall.asked == [("http://hall/evaluations/42", {"id": "42", "star": 1})] * 2
    assert [answer["code"] for answer in pad.answers] == [0, 1]
    assert pad.said == "该办件已评价,无需重复评价"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
async def test_a_page_that_takes_no_rating_stays_open(body: bytes) -> None:
    pad = made()
    pad.transport = httpx.MockTransport(lambda _: httpx.Response(405, content=body))
    pad.url = URL
    await operate(pad, "rate:5")
    assert pad.url == URL
    assert pad.said.startswith("页面")


async def test_a_page_that_nobody_serves() -> None:
    pad = made()
    for url in ("nonsense", "http://[", "http://127.0.0.1:1/x"):
        pad.url = url
        await operate(pad, "rate:5")
        assert pad.said.startswith("页面没有应答")


async def test_names_that_are_no_control_and_labels_in_the_order_of_the_page() -> None:
    pad = made()
    assert [each["label"] for each in pad.controls()][-5:] == ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
    for name in ("rate:6", "rate:", "call", ""):
        with pytest.raises(KeyError):
            pad.control(name)
    assert pad.control("reconnect") is None
    await operate(pad, "unknown")
