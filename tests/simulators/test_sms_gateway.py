"""The simulated SMS gateway, asked by httpx over real TCP and by bytes of RFC 9112 on a wire in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.port import serve
from simulators.sms_gateway import Gateway
from tests.wire import End, closed, pair

MESSAGE = {"number": "+8613800138000", "text": "您的号码A023", "id": "m-1"}


@contextlib.asynccontextmanager
async def talking(gateway: Gateway) -> AsyncIterator[End]:
    link, wire = pair()
    talk = asyncio.create_task(gateway.talk(wire))
    await asyncio.sleep(0)
    try:
        yield link
    finally:
        await link.close()
        await talk


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /send HTTP/1.1", "Host: gateway", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def heard(link: End, wait: float = 0.5) -> tuple[bytes, Any]:
    """(status line, JSON of the body or None) of the next answer."""
    async with asyncio.timeout(wait):
        head, _, body = (await link.read()).partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], json.loads(body) if body else None


# ---- over TCP


@pytest.fixture
async def served() -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{probe.getsockname()[1]}"
    gateway = Gateway("gateway", {})
    async with serve(f"tcp://{url}", gateway), httpx.AsyncClient(base_url=f"http://{url}") as client:
        yield gateway, client


async def test_a_message_is_taken_kept_and_given_an_id(served: tuple[Gateway, httpx.AsyncClient]) -> None:
    gateway, client = served
    first = await client.post("/send", json=MESSAGE)
    second = await client.post("/v2/any?key=1", json=MESSAGE | {"id": "m-2"})
    assert (first.status_code, first.json()) == (200, {"code": 0, "id": "1"})
    assert (second.status_code, second.json()) == (200, {"code": 0, "id": "2"})
    assert [each.message["id"] for each in gateway.taken] == ["m-1", "m-2"]
    assert gateway.state() == {
        "connections": 1,
        "repeated": 0,
        "messages": [{"number": "+8613800138000", "text": "您的号码A023", "outcome": "accepted"}] * 2,
    }


async def test_it_can_fail_refuse_and_hang_up(served: tuple[Gateway, httpx.AsyncClient]) -> None:
    gateway, client = served
    gateway.control("fails")
    answer = await client.post("/send", json=MESSAGE)
    assert (answer.status_code, answer.json()["code"]) == (500, 3)
    gateway.control("fails")
    gateway.control("refuses")
    answer = await client.post("/send", json=MESSAGE)
    assert (answer.status_code, answer.json()) == (200, {"code": 1, "msg": "余额不足"})
    gateway.control("refuses")
    gateway.control("hangs_up")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/send", json=MESSAGE)
    gateway.control("hangs_up")
    assert (await client.post("/send", json=MESSAGE)).json() == {"code": 0, "id": "1"}
    assert [each.outcome for each in gateway.taken] == ["error", "refused", "cut", "accepted"]
    assert gateway.repeated == 3


async def test_what_is_no_post_is_not_allowed(served: tuple[Gateway, httpx.AsyncClient]) -> None:
    gateway, client = served
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        answer = await client.request(method, "/send")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await client.post("/send", json=MESSAGE)).status_code == 200
    assert len(gateway.taken) == 1


NO_OBJECTS = [b"", b"[]", b'"text"', b"{", b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b'{"text": "\\ud83d"}', b"[" * 5000]


@pytest.mark.parametrize("body", NO_OBJECTS, ids=lambda body: repr(body[:12]))
async def test_what_is_no_object_is_a_bad_request(served: tuple[Gateway, httpx.AsyncClient], body: bytes) -> None:
    gateway, client = served
    answer = await client.post("/send", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 2)
    assert not gateway.taken


async def test_any_object_is_kept_and_shown(served: tuple[Gateway, httpx.AsyncClient]) -> None:
    gateway, client = served
    for message in ({}, {"to": ["10086"], "短信": "号"}, {"number": 10086, "text": "<&>"}):
        assert (await client.post("/send", json=message)).json()["code"] == 0
        assert gateway.taken[-1].message == message
    shown = "".join(ElementTree.fromstring(gateway.picture()).itertext())
    assert '{"to": ["10086"], "短信": "号"}' in shown
    assert "<&>" in shown


# ---- on a wire in memory


@pytest.mark.looptime
async def test_a_slow_answer_is_of_a_message_that_was_taken_at_once() -> None:
    gateway = Gateway("gateway", {})
    gateway.control("slow")
    async with talking(gateway) as link:
        await link.write(post(json.dumps(MESSAGE).encode()))
        await asyncio.sleep(0.1)
        assert len(gateway.taken) == 1
        with pytest.raises(TimeoutError):
            await heard(link, 39)
        assert await heard(link, 2) == (b"HTTP/1.1 200 ", {"code": 0, "id": "1"})


@pytest.mark.looptime
async def test_pieces_do_not_matter_and_requests_may_stand_in_line() -> None:
    body = json.dumps(MESSAGE, ensure_ascii=False).encode()
    gateway = Gateway("gateway", {})
    async with talking(gateway) as link:
        for byte in post(body):
            await link.write(bytes([byte]))
        assert (await heard(link))[1] == {"code": 0, "id": "1"}
        await link.write(post(body) + post(body))
        assert [(await heard(link))[1]["id"] for _ in range(2)] == ["2", "3"]
        assert {each.text for each in gateway.taken} == {"您的号码A023"}


@pytest.mark.looptime
async def test_a_sender_that_asks_before_its_body_is_told_to_go_on() -> None:
    gateway = Gateway("gateway", {})
    async with talking(gateway) as link:
        whole = post(b"{}", "Expect: 100-continue")
        await link.write(whole[:-2])
        assert (await link.read()).startswith(b"HTTP/1.1 100 ")
        await link.write(whole[-2:])
        assert (await heard(link))[1]["code"] == 0


@pytest.mark.looptime
async def test_a_sender_that_wants_no_more_is_hung_up_on() -> None:
    async with talking(Gateway("gateway", {})) as link:
        await link.write(post(b"{}", "Connection: close"))
        assert (await heard(link))[1]["code"] == 0
        assert await closed(link.other) is True


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400),  # no host
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /" + b"a" * 20000, 431),
        (post(b" " * 70000), 413),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection(request_: bytes, status: int) -> None:
    gateway = Gateway("gateway", {})
    async with talking(gateway) as link:
        await link.write(request_[:40000])
        await link.write(request_[40000:])
        assert (await heard(link))[0] == b"HTTP/1.1 %d " % status
        assert await closed(link.other) is True
    assert not gateway.taken


@pytest.mark.looptime
async def test_controls_and_picture() -> None:
    gateway = Gateway("gateway", {})
    assert [each["name"] for each in gateway.controls()] == ["fails", "refuses", "hangs_up", "slow"]
    assert "正常" in gateway.picture()
    gateway.control("refuses")
    assert [each["on"] for each in gateway.controls()] == [False, True, False, False]
    assert "拒收" in gateway.picture()
    with pytest.raises(KeyError):
        gateway.control("nothing")


HEADS = st.sampled_from([b"", b"POST / HTTP/1.1\r\nHost: a\r\n", post(b"{}"), b"GET / HTTP/1.0\r\n\r\n"])


@given(head=HEADS, noise=st.binary(max_size=80))
def test_no_bytes_break_it(head: bytes, noise: bytes) -> None:
    async def run() -> None:
        gateway = Gateway("gateway", {})
        async with talking(gateway) as link:
            await link.write(head + noise)
            for _ in range(10):
                await asyncio.sleep(0)
        assert not gateway.state()["connections"]

    asyncio.run(run())
