"""The terminal that calls us: what it is answered, when, and what it is asked to do."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest

from drivers.adms import DEVICE, RESULT_S, SILENT_S, SLOW_S, PushTerminal
from drivers.adms_tables import LONGEST_BODY
from drivers.base import (
    ClockRead,
    Condition,
    DeviceEvent,
    Discarded,
    Enrolled,
    Misconfigured,
    Punches,
    Rejected,
    Terminal,
    Unreachable,
)
from tests import frames_toml
from tests.wire import End, pair

pytestmark = pytest.mark.looptime
FRAMES = {frame.name: frame for frame in frames_toml.load("adms")}
SERIAL = "0316144680030"
OPTIONS = {"serial": SERIAL}
OK = b"HTTP/1.1 200 OK\r\n\r\n"
CANARY = "王小明SECRET"
AT = datetime(2026, 11, 23, 8, 29, 1)  # noqa: DTZ001
LINE = b"1001\t2026-11-23 08:29:01\t0\t15\t0\t0\t0\n"


class Firmware:
    """The terminal's end: one request at a time."""

    def __init__(self, wire: End) -> None:
        self.wire = wire

    async def asks(self, line: str, body: bytes = b"") -> bytes:
        return await self.says(f"{line} HTTP/1.1\r\n\r\n".encode() + body)

    async def says(self, raw: bytes) -> bytes:
        await self.wire.write(raw)
        async with asyncio.timeout(1):
            return await self.wire.read()

    async def posts(self, table: str, body: bytes, more: str = "") -> bytes:
        return await self.asks(f"POST /iclock/cdata?SN={SERIAL}&table={table}{more}", body)

    async def polls(self) -> bytes:
        return (await self.asks(f"GET /iclock/getrequest?SN={SERIAL}")).removeprefix(OK)

    async def commanded(self) -> tuple[str, bytes]:
        """(id, words) of the one command that waits."""
        found = re.fullmatch(rb"C:([0-9A-Za-z]{1,16}):(.*)", await self.polls())
        assert found is not None
        return found[1].decode(), found[2]

    async def reports(self, name: str, code: int) -> bytes:
        return await self.asks(f"POST /iclock/devicecmd?SN={SERIAL}", f"ID={name}&Return={code}&CMD=DATA\n".encode())


Connected = tuple[PushTerminal, Firmware, list[Any]]


@contextlib.asynccontextmanager
async def connected(bookmark: str = "", take: Callable[[DeviceEvent], None] | None = None) -> AsyncIterator[Connected]:
    link, wire = pair()

    async def opened() -> End:
        return link

    told: list[Any] = []

    async def listen() -> None:
        events = terminal.events()
        try:
            async for event in events:
                if take is not None:
                    take(event)
                told.append(event)
        finally:
            await events.aclose()

    async with DEVICE(opened, OPTIONS, bookmark=bookmark) as terminal:
        listening = asyncio.create_task(listen())
        try:
            yield terminal, Firmware(wire), told
        finally:
            listening.cancel()
            told += await asyncio.gather(listening, return_exceptions=True)


def test_it_is_a_terminal() -> None:
    assert issubclass(PushTerminal, Terminal)


@pytest.mark.parametrize(
    "options",
    [{}, {"serial": ""}, {"serial": "a b"}, {"serial": "a\n"}, OPTIONS | {"utc_offset_minutes": 1000}],
)
def test_wrong_options_refuse_to_start(options: dict[str, Any]) -> None:
    async def opened() -> End:
        raise AssertionError

    with pytest.raises(Misconfigured):
        DEVICE(opened, options)
    with pytest.raises(Misconfigured):
        DEVICE.lacks(options, Terminal, 0)


# ---- what it is answered


@pytest.mark.parametrize("frame", [f for f in FRAMES.values() if "answers" in f.means], ids=str)
async def test_the_requests_of_the_manual(frame: frames_toml.Frame) -> None:
    raw = frame.raw.replace(frame.means.get("serial", SERIAL).encode(), SERIAL.encode())
    async with connected() as (terminal, firmware, _):
        answer = await firmware.says(raw)
        assert answer.removeprefix(OK).decode().splitlines()[0] == frame.means["answers"]
        assert terminal.counters.frames_in == 1
        assert terminal.counters.bad_frames == 0


async def test_the_handshake_goes_on_after_the_bookmark() -> None:
    async with connected("735") as (_, firmware, _):
        assert b"\nATTLOGStamp=735\n" in await firmware.says(FRAMES["first words"].raw)
        await firmware.posts("ATTLOG", LINE, "&Stamp=740")
        assert b"\nATTLOGStamp=740\n" in await firmware.says(FRAMES["first words"].raw)


@pytest.mark.parametrize("request_", ["GET /iclock/cdata?SN=OTHER&options=all", "GET /iclock/cdata?options=all"])
async def test_another_terminal_is_refused(request_: str) -> None:
    async with connected() as (terminal, firmware, told):
        assert (await firmware.asks(request_)).startswith(b"HTTP/1.1 403 ")
        post = "POST /iclock/cdata?SN=OTHER&table=ATTLOG"
        assert (await firmware.asks(post, LINE)).startswith(b"HTTP/1.1 403 ")
        assert told == []
        assert (terminal.counters.frames_in, terminal.counters.bad_frames) == (0, 2)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /iclock/nothing?SN=", b"404"),
        ("POST /iclock/exchange?type=publickey&SN=", b"404"),
        ("POST /iclock/registry?SN=", b"200"),
        ("GET /iclock/cdata?table=RemoteAtt&PIN=7&SN=", b"200"),
        ("nonsense", b"400"),
    ],
)
async def test_other_requests(line: str, status: bytes) -> None:
    async with connected() as (_, firmware, told):
        assert (await firmware.asks(line + SERIAL)).startswith(b"HTTP/1.1 " + status)
        assert told == []


# ---- a 200 makes it forget


async def test_punches_are_answered_when_all_have_been_taken() -> None:
    link, wire = pair()

    async def opened() -> End:
        return link

    async with DEVICE(opened, OPTIONS) as terminal:
        events = terminal.events()
        await wire.write(FRAMES["nine punches"].raw)
        told = await anext(events)
        assert isinstance(told, Punches)
        assert len(told.records) == 9
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await wire.read()
        asking = asyncio.create_task(anext(events))
        assert await wire.read() == OK + b"OK: 9"
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await events.aclose()


MANY = b"".join(LINE.replace(b"1001", b"%d" % nth) for nth in range(600))
"""More than are stored together."""


@pytest.mark.parametrize("good", [0, 1, 2])
async def test_without_a_commit_there_is_no_answer(good: int) -> None:
    taken = 0

    def take(_: DeviceEvent) -> None:
        nonlocal taken
        taken += 1
        if taken > good:
            raise OSError("the disk is full")

    async with connected(take=take) as (terminal, firmware, told):
        with pytest.raises(TimeoutError):
            await firmware.posts("ATTLOG", MANY, "&Stamp=17")
        assert len(told) == good
        assert terminal.bookmark == ""
    assert isinstance(told[-1], OSError)


async def test_after_the_last_the_mark_of_the_body_is_the_bookmark() -> None:
    async with connected() as (terminal, firmware, told):
        assert await firmware.posts("ATTLOG", MANY, "&Stamp=17") == OK + b"OK: 600"
        assert [event.bookmark for event in told] == ["", "", "17"]
        assert [each.person for event in told for each in event.records] == [str(nth) for nth in range(600)]
        assert terminal.bookmark == "17"


async def test_what_cannot_be_read_stays_in_the_terminal_and_a_person_is_told_once() -> None:
    async with connected() as (_, firmware, told):
        for _ in range(2):
            assert (await firmware.posts("rtlog", b"time=2026-11-23 08:29:01\tpin=1001")).startswith(b"HTTP/1.1 501 ")
            assert (await firmware.posts("ATTLOG", LINE * (LONGEST_BODY // len(LINE) + 1))).startswith(b"HTTP/1.1 413 ")
    assert told[:-1] == [Condition("unsupported_protocol", True), Condition("body_too_long", True)]


# ---- what is never kept


async def test_names_templates_and_photos_are_in_no_event_no_attribute_and_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = CANARY.encode()
    person = b"PIN=7\tName=" + secret + b"\tPasswd=" + secret + b"\tCard=" + secret
    lines = b"".join(
        word + b" " + person + b"\tTMP=" + secret + b"\n" for word in (b"USER", b"FP", b"FACE", b"X", b"OPLOG")
    )
    async with connected() as (terminal, firmware, told):
        for table in ("BIODATA", "ATTPHOTO", "IDCARD", "BIOPHOTO", "OPERLOG", "ERRORLOG", "options", "SECRETS"):
            assert (await firmware.posts(table, lines)).startswith(OK)
        await firmware.posts("ATTLOG", LINE[:-1] + b"\t" + secret + b"\n" + secret + b"\t" + secret + b"\n")
        await firmware.asks(f"POST /iclock/devicecmd?SN={SERIAL}", b"ID=" + secret + b"&Return=0\n")
        await firmware.asks(f"GET /iclock/getrequest?SN={SERIAL}&INFO={CANARY.encode().hex()}SECRET")
        await firmware.asks("GET /SECRET?SN=SECRET")
        await firmware.says(b"SECRET" + secret)
        left = repr([getattr(terminal, each.name) for each in dataclasses.fields(terminal)])
        everything = repr(told) + left + caplog.text
    assert {event.kind for event in told[:-1] if isinstance(event, Discarded)} == {
        "BIODATA", "ATTPHOTO", "IDCARD", "BIOPHOTO", "USER", "FP", "FACE", "unknown",
    }  # fmt: skip
    assert "SECRET" not in everything
    assert CANARY[:3] not in everything


# ---- commands


async def done(waiting: asyncio.Task[Any]) -> Any:
    async with asyncio.timeout(1):
        return await waiting


async def test_the_clock_is_set_when_it_asks() -> None:
    async with connected() as (terminal, firmware, _):
        setting = asyncio.create_task(terminal.set_clock(datetime(2018, 2, 22, 14, 54, 54)))  # noqa: DTZ001
        await asyncio.sleep(1)
        name, words = await firmware.commanded()
        assert words.endswith(b"DateTime=" + FRAMES["a packed time"].raw)
        assert await firmware.polls() == b"OK"
        assert not setting.done()
        assert await firmware.reports("other", 0) == OK + b"OK"
        assert not setting.done()
        await firmware.reports(name, 0)
        await done(setting)
        await firmware.reports(name, -1)


@pytest.mark.parametrize(
    ("code", "reason"), [(-1002, "not_supported"), (-1001, "full"), (-1005, "busy"), (-3, "refused")]
)
async def test_what_it_refuses_is_rejected(code: int, reason: str) -> None:
    async with connected() as (terminal, firmware, _):
        writing = asyncio.create_task(terminal.write_person(Enrolled("1001", CANARY)))
        await asyncio.sleep(0)
        name, words = await firmware.commanded()
        assert words == b"DATA UPDATE USERINFO PIN=1001\tName=" + CANARY.encode("gb18030")
        await firmware.reports(name, code)
        with pytest.raises(Rejected) as caught:
            await done(writing)
        assert caught.value.reason == reason
        assert CANARY not in str(caught.value)


async def test_a_terminal_that_does_not_speak_chinese_gets_names_in_utf_8() -> None:
    async with connected() as (terminal, firmware, _):
        await firmware.asks(f"GET /iclock/cdata?SN={SERIAL}&options=all&language=69")
        writing = asyncio.create_task(terminal.write_person(Enrolled("1001", CANARY)))
        await asyncio.sleep(0)
        name, words = await firmware.commanded()
        assert words.endswith(CANARY.encode())
        await firmware.reports(name, 0)
        await done(writing)


async def test_who_is_not_there_is_removed_already() -> None:
    async with connected() as (terminal, firmware, _):
        for code in (0, -10):
            removing = asyncio.create_task(terminal.remove_person("1001"))
            await asyncio.sleep(0)
            name, words = await firmware.commanded()
            assert words == b"DATA DELETE USERINFO PIN=1001"
            await firmware.reports(name, code)
            await done(removing)


@pytest.mark.parametrize("early", [True, False])
async def test_people_come_before_or_after_the_result(early: bool) -> None:
    async with connected() as (terminal, firmware, told):
        asking = asyncio.create_task(terminal.people())
        await asyncio.sleep(0)
        name, words = await firmware.commanded()
        assert words == b"DATA QUERY USERINFO"
        if early:
            await firmware.says(FRAMES["two people"].raw)
        await firmware.reports(name, 0)
        if not early:
            await firmware.says(FRAMES["two people"].raw)
        assert not asking.done()
        await firmware.polls()
        found = await done(asking)
        assert [(each.person, each.card) for each in found] == [("36234", "133440"), ("36235", "133441")]
        assert told == []
        await firmware.says(FRAMES["two people"].raw)
        assert told == [Discarded("USER", 2)]


async def test_several_commands_go_out_at_once_and_results_find_theirs() -> None:
    async with connected() as (terminal, firmware, _):
        writing = [asyncio.create_task(terminal.write_person(Enrolled(str(nth)))) for nth in range(3)]
        await asyncio.sleep(0)
        names = [line.split(b":")[1].decode() for line in (await firmware.polls()).splitlines()]
        for nth in (2, 0, 1):
            await firmware.reports(names[nth], 0)
            await done(writing[nth])


async def test_a_command_without_a_result_is_refused_and_the_terminal_stays() -> None:
    async with connected() as (terminal, firmware, _):
        start = asyncio.get_running_loop().time()
        setting = asyncio.create_task(terminal.set_clock(AT))
        await asyncio.sleep(1)
        name, _ = await firmware.commanded()
        while not setting.done():
            await firmware.polls()
            await asyncio.sleep(5)
        with pytest.raises(Rejected, match="timeout"):
            await setting
        assert asyncio.get_running_loop().time() - start < RESULT_S + 6
        assert await firmware.polls() == b"OK"
        await firmware.reports(name, 0)


async def test_closed_it_takes_no_command_and_ends_those_that_wait() -> None:
    async with connected() as (terminal, _, _):
        setting = asyncio.create_task(terminal.set_clock(AT))
        await asyncio.sleep(1)
        await terminal.hang_up()
        with pytest.raises(Unreachable):
            await done(setting)
        with pytest.raises(Unreachable):
            await terminal.people()


# ---- silence


async def test_after_three_polls_that_did_not_come_it_is_gone() -> None:
    async with connected() as (terminal, firmware, told):
        for _ in range(3):
            await asyncio.sleep(SILENT_S - 1)
            await firmware.polls()
        await asyncio.sleep(SILENT_S + 1)
        with pytest.raises(Unreachable):
            await terminal.set_clock(AT)
    assert isinstance(told[-1], Unreachable)


async def test_after_a_refusal_it_is_given_its_longer_delay() -> None:
    async with connected() as (_, firmware, told):
        await firmware.polls()
        await firmware.says(b"nonsense")
        await asyncio.sleep(SLOW_S - 1)
        assert await firmware.polls() == b"OK"
        await asyncio.sleep(SILENT_S + 1)
    assert isinstance(told[-1], Unreachable)


# ---- its clock


async def test_a_punch_from_the_future_shows_that_the_clock_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one of just now that it is right again; an old one shows nothing: it may have waited for the network."""
    monkeypatch.setattr("drivers.adms.local_now", lambda _minutes: AT)
    async with connected() as (_, firmware, told):
        for minute in ("08:36:01", "08:20:00", "08:29:05", "08:29:06"):
            await firmware.posts("ATTLOG", f"1001\t2026-11-23 {minute}\t0\t15\t0\t0\t0\n".encode())
        assert [each for each in told if isinstance(each, ClockRead)] == [ClockRead(420.0), ClockRead(0.0)]
        assert isinstance(told[0], ClockRead), "it is known before the punch is stored"
