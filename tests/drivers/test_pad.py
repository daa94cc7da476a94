"""The pad that calls us: signs in by its key, beats, and is told which page to open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Condition, Misconfigured, Rejected, Unreachable
from drivers.pad import DEVICE, credentials, decode, encode
from tests import frames_toml
from tests.wire import End, pair

pytestmark = pytest.mark.looptime
FRAMES = {frame.name: frame for frame in frames_toml.load("pad")}
PAGE = {"page": "http://10.0.0.5:8080/pad/3"}


class Calling(End):
    """The driver's end, which knows one key."""

    async def admit(self, name: str, secret: str) -> bool:
        return (name, secret) == ("1003", "a1b2c3")


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[Any, End, list[Any]]]:
    link, wire = pair()
    link.__class__ = Calling

    async def opened() -> End:
        return link

    told: list[Any] = []

    async def listen() -> None:
        async for event in pad.events():
            told.append(event)

    async with DEVICE(opened, PAGE) as pad:
        listening = asyncio.create_task(listen())
        try:
            yield pad, wire, told
        finally:
            listening.cancel()
            told.append(await asyncio.gather(listening, return_exceptions=True))


async def heard(wire: End) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await wire.read())
    return message


async def test_a_pad_signs_in_beats_and_is_invited() -> None:
    async with connected() as (pad, wire, told):
        assert await heard(wire) == json.loads(FRAMES["login request"].raw)
        with pytest.raises(Rejected, match="not_signed_in"):
            await pad.invite(0)
        await wire.write(FRAMES["login"].raw)
        assert (await heard(wire))["state"] == 1
        await wire.write(FRAMES["heartbeat"].raw)
        assert await heard(wire) == {"code": 40000, "state": 1, "data": 1609459200000}
        await pad.invite(0, "01a2-b3")
        page = json.loads(FRAMES["open the rating page"].raw)
        assert await heard(wire) == page | {"data": f"{page['data']}?id=01a2-b3"}
        assert told == [Condition("not_signed_in", True), Condition("not_signed_in", False)]


async def test_a_wrong_key_signs_nobody_in() -> None:
    async with connected() as (pad, wire, _):
        await wire.read()
        await wire.write(FRAMES["login"].raw.replace(b"a1b2c3", b"guess"))
        assert (await heard(wire))["state"] == 0
        with pytest.raises(Rejected):
            await pad.invite(0)


@pytest.mark.parametrize(
    ("said", "code"),
    [(b"{", 40002), (b"[1]", 40002), (b'{"code":"40000"}', 40002), (b'{"code":40001}', 40002), (b'{"code":7}', 50000)],
)
async def test_what_makes_no_sense_is_told_so(said: bytes, code: int) -> None:
    async with connected() as (pad, wire, _):
        await wire.read()
        await wire.write(said)
        assert (await heard(wire))["code"] == code
        assert pad.counters.bad_frames == 1


async def test_a_pad_that_falls_silent_is_gone() -> None:
    async with connected() as (pad, wire, told):
        await wire.read()
        await asyncio.sleep(31)
        with pytest.raises(Unreachable):
            await pad.invite(0) if pad._signed_in else await pad.send(b"x")
    assert isinstance(told[-1][0], Unreachable)


async def test_a_pad_that_talks_nonsense_for_ever_is_hung_up_on() -> None:
    async with connected() as (_, wire, told):
        await wire.read()
        for _ in range(30):
            with contextlib.suppress(Exception):
                await wire.write(b"?")
        await asyncio.sleep(1)
    assert isinstance(told[-1][0], Unreachable)


def test_without_its_page_it_refuses_to_start() -> None:
    async def opened() -> End:
        raise AssertionError

    with pytest.raises(Misconfigured, match="page"):
        DEVICE(opened, {})


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_are_a_message_or_none(raw: bytes) -> None:
    message = decode(raw)
    assert message is None or isinstance(message["code"], int)
    if message is not None:
        credentials(message)


def test_words_are_sent_as_they_are_read() -> None:
    frame = FRAMES["login request"]
    assert encode(40001, state=0, msg="请发送工号").replace(b" ", b"") == frame.raw.replace(b" ", b"")
