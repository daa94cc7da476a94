"""The simulated ADMS terminal calls a service that is written here from the vendor's manual, never ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.adms import Pusher
from simulators.adms_lines import allowed, commands, options, zone_minutes
from simulators.hall import Caller
from simulators.terminal_people import CANARY, CANARY_BASE64

pytestmark = pytest.mark.looptime
NOW = datetime(2026, 11, 22, 9, 5, 9, tzinfo=UTC)
HANDSHAKE = "GET OPTION FROM: SN1\nATTLOGStamp=None\nErrorDelay=60\nDelay=10\nRealtime=1\nTimeZone=8\n"
URL = "http://127.0.0.1:8080"


class Service:
    """Keeps what it is sent, and answers as told."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, httpx.Request]] = []
        self.handshake, self.answer, self.status = HANDSHAKE, "OK: 1", 200
        self.commands: list[str] = []
        self.down = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append((asyncio.get_running_loop().time(), request))
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if request.method == "POST":
            return httpx.Response(self.status, text=self.answer)
        if "options" in request.url.params:
            return httpx.Response(200, text=self.handshake, headers={"Date": format_datetime(NOW, usegmt=True)})
        told, self.commands = self.commands, []
        return httpx.Response(self.status, content="\n".join(told or ["OK"]).encode("gbk"))

    def bodies(self, table: str) -> list[bytes]:
        return [each.content for _, each in self.heard if each.url.params.get("table") == table]

    def lines(self) -> list[list[str]]:
        """Of ATTLOG, in fields."""
        return [line.split("\t") for body in self.bodies("ATTLOG") for line in body.decode().splitlines()]

    def of(self, name: str) -> list[httpx.Request]:
        return [each for _, each in self.heard if name in each.url.path]


@contextlib.asynccontextmanager
async def calling(pusher: Pusher, service: Service) -> AsyncIterator[None]:
    pusher.transport = httpx.MockTransport(service)
    call = asyncio.create_task(pusher.call(URL))
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


def made(**options: Any) -> Pusher:
    pusher = Pusher("gate", {"serial": "SN1"} | options)
    pusher.memory.clock.now = lambda: NOW
    return pusher


# ---- text


async def test_a_handshake_is_told_from_a_page() -> None:
    assert options("GET OPTION FROM: X\r\nDelay=9\r\n Realtime = 1\r\n\r\nnoise") == {"Delay": "9", "Realtime": "1"}
    assert options("<html>404</html>") is None


async def test_transflags_and_zones_in_both_spellings() -> None:
    assert allowed("1100000000") == {"AttLog", "OpLog"} == allowed("TransData AttLog\tOpLog")
    assert "FACE" in allowed("")
    assert [zone_minutes(each) for each in ("8", "-5", "330", "480", "x", "9999")] == [480, -300, 330, 480, None, None]


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    allowed(text)
    zone_minutes(text)
    options(text)
    assert commands(f"C:7:CHECK\r\n{text}")[0] == ("7", "CHECK")


# ---- calls


async def test_it_shakes_hands_tells_its_options_and_polls() -> None:
    service, pusher = Service(), made()
    async with calling(pusher, service):
        await asyncio.sleep(25)
    first, second, third = (request for _, request in service.heard[:3])
    assert (first.method, first.url.path) == ("GET", "/iclock/cdata")
    assert dict(first.url.params) == {
        "SN": "SN1",
        "options": "all",
        "language": "83",
        "pushver": "2.4.1",
        "DeviceType": "att",
    }
    assert first.headers["user-agent"] == "iClock Proxy/1.09"
    assert second.url.params["table"] == "options"
    assert b"~SerialNumber=SN1" in second.content
    assert "content-type" not in second.headers
    assert third.url.path == "/iclock/getrequest"
    polls = [at for at, each in service.heard if "getrequest" in each.url.path]
    assert [round(b - a) for a, b in pairwise(polls)] == [10, 10]
    assert pusher.state()["connected"] is True


@pytest.mark.parametrize(
    ("profile", "verify", "fields"), [("legacy", "15", 5), ("push", "15", 7), ("biodata", "15", 10)]
)
async def test_a_punch_is_sent_at_once_in_the_fields_of_its_profile(profile: str, verify: str, fields: int) -> None:
    service, pusher = Service(), made(profile=profile)
    async with calling(pusher, service):
        pusher.control("leaving")
        await asyncio.sleep(0.1)
        pusher.control("punch:1002:face")
        await asyncio.sleep(0.1)
        (line,) = service.lines()
        assert line[:5] == ["1002", "2026-11-22 17:05:09", "1", verify, "0"]
        assert len(line) == fields
    (sent,) = [each for _, each in service.heard if each.url.params.get("table") == "ATTLOG"]
    assert sent.url.params["Stamp"] == "1"
    assert sent.url.path == ("/iclock/cdata.aspx" if profile == "legacy" else "/iclock/cdata")
    assert (sent.headers.get("connection") == "close") is (profile == "legacy")
    assert len(service.bodies("ATTPHOTO")) == (profile == "biodata")
    assert not pusher.memory.pending


@pytest.mark.parametrize(("status", "answer"), [(500, "OK"), (200, "ERROR"), (200, ""), (404, "OK")])
async def test_what_is_not_answered_ok_is_kept_and_sent_again_after_the_error_delay(status: int, answer: str) -> None:
    service, pusher = Service(), made()
    async with calling(pusher, service):
        service.status, service.answer = status, answer
        pusher.control("punch:1001:card")
        await asyncio.sleep(59)
        assert len(service.lines()) == 1
        assert pusher.state()["pending"] == 1
        pusher.control("punch:1002:card")  # no reason to hurry
        await asyncio.sleep(0.5)
        assert len(service.lines()) == 1
        service.status, service.answer = 200, "OK:2"
        await asyncio.sleep(1)
    assert [line[0] for line in service.lines()] == ["1001", "1001", "1002"]
    assert [line[3] for line in service.lines()] == ["4", "4", "4"]
    assert not pusher.memory.pending


async def test_a_lost_answer_makes_a_duplicate() -> None:
    service, pusher = Service(), made()
    async with calling(pusher, service):
        pusher.on["deaf"] = True
        pusher.control("punch:1001:face")
        await asyncio.sleep(1)
        pusher.control("deaf")
        await asyncio.sleep(1)
    assert service.lines()[0] == service.lines()[1]
    assert len(service.lines()) == 2


async def test_days_offline_come_later_in_batches_and_a_week_again() -> None:
    service, pusher = Service(), made()
    service.down = True
    async with calling(pusher, service):
        pusher.memory.remember(7)
        pusher.control("punch:1001:face")
        await asyncio.sleep(100)
        assert pusher.state()["connected"] is False
        assert pusher.state()["pending"] == 169
        service.down = False
        await asyncio.sleep(31)
        bodies = service.bodies("ATTLOG")
        assert [body.count(b"\n") for body in bodies] == [100, 69]
        times = [line[1] for line in service.lines()]
        assert times == sorted(times)
        pusher.control("replay")
        await asyncio.sleep(1)
        assert service.lines()[169:] == service.lines()[1:169]
        pusher.control("offline")
        pusher.control("punch:1002:face")
        await asyncio.sleep(600)
        assert len(service.lines()) == 337
        handshakes = len([each for each in service.of("cdata") if "options" in each.url.params])
        pusher.control("offline")
        await asyncio.sleep(1)
        assert len(service.lines()) == 338
        assert len([each for each in service.of("cdata") if "options" in each.url.params]) == handshakes + 1


@pytest.mark.parametrize(("stamp", "sent"), [("0", 4), ("None", 4), ("2", 2), ("9999", 0)])
async def test_an_old_terminal_heeds_the_stamp(stamp: str, sent: int) -> None:
    service, pusher = Service(), made(profile="legacy")
    service.handshake = HANDSHAKE.replace("ATTLOGStamp=None", f"Stamp={stamp}")
    for number in ("1001", "1002", "1003", "1004"):
        pusher.punch(number, "finger")
    pusher.memory.pending.clear()
    async with calling(pusher, service):
        assert len(service.lines()) == sent
    assert {line[3] for line in service.lines()} <= {"1"}


async def test_the_clock_comes_from_the_date_and_the_zone_of_the_handshake() -> None:
    service, pusher = Service(), made(clock_off_s=-7200)
    async with calling(pusher, service):
        assert pusher.memory.clock.local() == (NOW + timedelta(hours=8)).replace(tzinfo=None)
        service.handshake = HANDSHAKE.replace("TimeZone=8", "TimeZone=330")
        pusher.control("reboot")
        await asyncio.sleep(0.1)
        assert pusher.state()["clock"] == "2026-11-22T14:35:09"
        pusher.control("own_clock")
        pusher.control("clock:3600")
        pusher.control("reboot")
        await asyncio.sleep(0.1)
        assert pusher.state()["clock"] == "2026-11-22T15:35:09"


async def test_without_realtime_it_waits_for_the_interval() -> None:
    service, pusher = Service(), made()
    service.handshake = HANDSHAKE.replace("Realtime=1", "Realtime=0\nTransInterval=2")
    async with calling(pusher, service):
        pusher.control("punch:1001:face")
        await asyncio.sleep(100)
        assert not service.lines()
        await asyncio.sleep(30)
        assert len(service.lines()) == 1


async def test_commands_are_obeyed_and_reported_by_their_id() -> None:
    service, pusher = Service(), made()
    pusher.memory.remember(1)
    pusher.punch("1001", "face")
    async with calling(pusher, service):
        service.commands = [
            "C:a1:DATA UPDATE USERINFO PIN=1020\tName=新人\tPri=0\tCard=77",
            "C:a2:DATA DELETE USERINFO PIN=1001",
            "C:a3:DATA DELETE USERINFO PIN=4711",
            "C:a4:DATA QUERY ATTLOG StartTime=2026-11-22 00:00:00\tEndTime=2026-11-22 23:59:59",
            "C:a5:SHELL reboot",
            "C:a6:INFO",
            "C:a7:SET OPTION Delay=2",
            "not a command",
            "C:a8:DATA QUERY ATTLOG StartTime=yesterday\tEndTime=",
        ]
        await asyncio.sleep(11)
        (report,) = [each.content.decode() for each in service.of("devicecmd")]
        results = [line for line in report.splitlines() if line.startswith("ID=")]
        assert results == [
            "ID=a1&Return=0&CMD=DATA",
            "ID=a2&Return=0&CMD=DATA",
            "ID=a3&Return=-10&CMD=DATA",
            "ID=a4&Return=0&CMD=DATA",
            "ID=a5&Return=-1002&CMD=SHELL",
            "ID=a6&Return=0&CMD=INFO",
            "ID=a7&Return=0&CMD=SET",
            "ID=a8&Return=-1&CMD=DATA",
        ]
        assert "~SerialNumber=SN1" in report
        assert (pusher.memory.users["1020"].name, "1001" in pusher.memory.users) == ("新人", False)
        await asyncio.sleep(5)
        assert len(service.lines()) == 24 + 1 + 1
        assert service.lines()[-1] == service.lines()[-2]
        service.commands = ["C:b1:REBOOT", "C:b2:CLEAR LOG"]
        await asyncio.sleep(5)
        assert not pusher.memory.records
        assert len([each for each in service.of("cdata") if "options" in each.url.params]) == 2


async def test_a_report_is_kept_until_it_is_taken() -> None:
    service, pusher = Service(), made()
    async with calling(pusher, service):
        service.answer, service.commands = "no", ["C:1:CHECK"]
        await asyncio.sleep(11)
        assert pusher.memory.results == ["ID=1&Return=0&CMD=CHECK"]
        service.answer = "OK"
        await asyncio.sleep(61)
        assert not pusher.memory.results


async def test_it_sends_what_nobody_asked_for() -> None:
    service, pusher = Service(), made()
    kinds = ["fp", "face", "userpic", "biophoto", "biodata", "idcard", "photo"]
    async with calling(pusher, service):
        for kind in kinds:
            pusher.control(f"send:{kind}")
        pusher.control("users")
        pusher.control("menu")
        await asyncio.sleep(1)
    begins = [body.split()[0] for body in service.bodies("OPERLOG")]
    assert begins == [b"FP", b"FACE", b"USERPIC", b"BIOPHOTO", b"USER", b"OPLOG"]
    assert "Name=张示例".encode("gbk") in service.bodies("OPERLOG")[4]
    secret = service.bodies("OPERLOG")[:4] + service.bodies("BIODATA") + service.bodies("IDCARD")
    assert [body.count(CANARY_BASE64) for body in secret] == [1] * 6
    assert service.bodies("ATTPHOTO")[0].count(CANARY) == 1


async def test_junk_and_crooked_addresses_and_a_registration() -> None:
    service, pusher = Service(), made(key="c0ffee")
    for name in ("junk", "slash", "bare", "registry", "punch:1001:finger", "stranger"):
        with contextlib.suppress(KeyError):
            pusher.control(name)
    async with calling(pusher, service):
        await asyncio.sleep(1)
    assert service.lines()[0] == ["TABLE=ATTLOG"]
    assert service.lines()[-2][0] == "1001"
    assert {each.url.path for _, each in service.heard} == {"/cdata/", "/registry/", "/getrequest/"}
    assert service.heard[0][1].url.params["pushcommkey"] == "c0ffee"


async def test_no_handshake_no_records() -> None:
    service, pusher = Service(), made()
    service.handshake = "<html>not found</html>"
    pusher.punch("1001", "face")
    async with calling(pusher, service):
        await asyncio.sleep(100)
    assert not service.lines()
    assert "握手" in pusher.said


@given(st.binary(max_size=60), st.sampled_from([200, 204, 302, 500]))
async def test_no_answer_breaks_it(answer: bytes, status: int) -> None:
    async def answered(request: httpx.Request) -> httpx.Response:
        head = HANDSHAKE.encode() + b"Stamp=" if "options" in request.url.params and status == 200 else b"C:1:"
        return httpx.Response(status, content=head + answer)

    pusher = made()
    pusher.punch("1001", "face")
    pusher.transport = httpx.MockTransport(answered)
    call = asyncio.create_task(pusher.call(URL))
    await asyncio.sleep(130)
    assert not call.done()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


# ---- over the network, and the page


async def test_a_service_that_is_not_there_is_called_again() -> None:
    pusher = made()
    call = asyncio.create_task(pusher.call("http://127.0.0.1:1"))
    while not pusher.said:  # noqa: ASYNC110  a plain attribute
        await asyncio.sleep(0.01)
    assert pusher.state()["connected"] is False
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_controls_and_picture(tmp_path: Path) -> None:
    pusher = made()
    assert isinstance(pusher, Caller)
    for each in pusher.controls():
        pusher.control(each["name"])
    with pytest.raises(KeyError):
        pusher.control("nothing")
    with pytest.raises(ValueError, match="profile"):
        made(profile="new")
    pusher = made()
    pusher.control("punch:1005:card")
    words = "".join(ElementTree.fromstring(pusher.picture()).itertext())
    assert "17:05" in words
    assert "欧**" in words
    assert "未联网" in words
