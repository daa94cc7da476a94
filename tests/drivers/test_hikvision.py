"""An ISAPI terminal that a function plays: its stream, its memory, its clock, its people, and what is never kept."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from drivers import hikvision, hikvision_access
from drivers.base import (
    ClockRead,
    Condition,
    Discarded,
    Enrolled,
    Misconfigured,
    ProtocolError,
    Punched,
    Punches,
    Rejected,
    Terminal,
    Unreachable,
)
from drivers.hikvision import DEVICE, IDLE_S, AccessTerminal
from drivers.hikvision_access import check, read_password
from tests import frames_toml
from tests.wire import End, pair

FRAMES = {frame.name: frame for frame in frames_toml.load("hikvision")}
PASSWORD = "pass-SECRET"
CANARY = "王小明SECRET"
OPTIONS = {"url": "http://10.0.0.40", "user": "attendance", "secrets_file": "/nowhere/terminal.toml"}
NOW = datetime(2026, 11, 23, 0, 30, 0, tzinfo=UTC)
FRESH = 'Digest realm="a", nonce="b", qop="auth"'
OK = {"statusCode": 1, "statusString": "OK", "subStatusCode": "ok"}


def say(status: int, body: Any = b"", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)


class Played(httpx.AsyncByteStream):
    """The endless answer of alertStream."""

    def __init__(self, pieces: asyncio.Queue[bytes | None]) -> None:
        self.pieces, self.closed = pieces, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self.pieces.get()) is not None:
            yield piece

    async def aclose(self) -> None:
        self.closed = True


def info(serial: int, minute: int, person: str = "1001", minor: int = 75, **more: Any) -> dict[str, Any]:
    time = f"2026-11-23T08:{minute:02d}:00+08:00"
    event = {"major": 5, "minor": minor, "time": time, "serialNo": serial, "employeeNoString": person, "name": CANARY}
    return event | {"attendanceStatus": "checkIn", "pictureURL": f"http://x/{CANARY}"} | more


def part(event: dict[str, Any], picture: bytes = b"") -> bytes:
    """An event of the stream, made of what the memory has of it."""
    inner = {"majorEventType": event["major"], "subEventType": event["minor"], **event}
    body = json.dumps(
        {"eventType": "AccessControllerEvent", "dateTime": event["time"], "AccessControllerEvent": inner}
    ).encode()
    shown = b"--B\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(picture), picture)
    head = b"--B\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body + b"\r\n" + (shown if picture else b"")


class Fake:
    """A terminal: Digest with fresh nonces, a memory in pages of its own size, people, one clock."""

    def __init__(self) -> None:
        self.memory: list[dict[str, Any]] = []
        self.page = 2
        self.people: dict[str, dict[str, Any]] = {}
        self.shown = "2026-11-23T08:30:05+08:00"
        self.streams: list[Played] = []
        self.seen: list[tuple[str, str, bytes]] = []
        self.answers: dict[str, Callable[[], httpx.Response]] = {}
        self.nonce, self.failed = 0, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.knows(request):
            self.nonce += 1
            challenge = f'Digest qop="auth", realm="DS-K1T", nonce="n{self.nonce}", stale=FALSE'
            return say(401, b"<userCheck/>", **{"WWW-Authenticate": challenge})
        path = request.url.path.removeprefix("/ISAPI")
        self.seen.append((request.method, path, request.content))
        if path in self.answers:
            return self.answers[path]()
        if path == "/Event/notification/alertStream":
            self.streams.append(Played(asyncio.Queue()))
            kind = {"Content-Type": "multipart/mixed; boundary=B"}
            return httpx.Response(200, stream=self.streams[-1], headers=kind)
        if path == "/System/time" and request.method == "GET":
            return say(200, f"<Time><localTime>{self.shown}</localTime></Time>".encode())
        return self.document(path, json.loads(request.content) if path != "/System/time" else {})

    def document(self, path: str, asked: dict[str, Any]) -> httpx.Response:
        if path == "/AccessControl/AcsEvent":
            return self.search(asked["AcsEventCond"])
        if path == "/AccessControl/UserInfo/Search":
            wanted = [each["employeeNo"] for each in asked["UserInfoSearchCond"].get("EmployeeNoList", [])]
            found = [each for each in self.people.values() if not wanted or each["employeeNo"] in wanted]
            return self.pages("UserInfoSearch", "UserInfo", asked["UserInfoSearchCond"], found)
        if path.startswith("/AccessControl/UserInfo/"):
            user = asked["UserInfo"]
            assert (user["employeeNo"] in self.people) == path.endswith("Modify")
            self.people[user["employeeNo"]] = self.people.get(user["employeeNo"], {}) | user
        return say(200, OK)

    def knows(self, request: httpx.Request) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]+)', request.headers.get("Authorization", "")))
        if said.get("nonce") != f"n{self.nonce}":
            return False
        first = hashlib.md5(f"attendance:DS-K1T:{PASSWORD}".encode()).hexdigest()
        second = hashlib.md5(f"{request.method}:{request.url.raw_path.decode()}".encode()).hexdigest()
        whole = f"{first}:{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{second}"
        right = bool(said["response"] == hashlib.md5(whole.encode()).hexdigest())
        self.failed += not right
        return right

    def search(self, asked: dict[str, Any]) -> httpx.Response:
        start, end = (datetime.fromisoformat(asked[name]) for name in ("startTime", "endTime"))
        assert start.tzinfo is not None
        assert asked["picEnable"] is False
        found = [each for each in self.memory if start <= datetime.fromisoformat(each["time"]) <= end]
        return self.pages("AcsEvent", "InfoList", asked, found)

    def pages(self, name: str, items: str, asked: dict[str, Any], found: list[Any]) -> httpx.Response:
        at = asked["searchResultPosition"]
        page = found[at : at + min(self.page, asked["maxResults"])]
        more = "MORE" if at + len(page) < len(found) else "OK" if page else "NO MATCH"
        told = {"searchID": asked["searchID"], "responseStatusStrg": more, "numOfMatches": len(page)}
        return say(200, {name: told | ({items: page} if page else {})})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    terminal = Fake()

    async def open_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(terminal))

    async def at_once(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(hikvision, "open_client", open_client)
    monkeypatch.setattr(hikvision, "read_password", lambda _: PASSWORD)
    monkeypatch.setattr(hikvision, "now", lambda: NOW)
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    return terminal


async def opened() -> End:
    return pair()[0]


def terminal(bookmark: str = "", **options: Any) -> AccessTerminal:
    return DEVICE(opened, OPTIONS | options, bookmark=bookmark)


@contextlib.asynccontextmanager
async def listening(bookmark: str = "") -> AsyncIterator[tuple[AccessTerminal, list[Any]]]:
    told: list[Any] = []

    async def listen() -> None:
        events = device.events()
        try:
            async for event in events:
                told.append(event)
        finally:
            await events.aclose()

    async with terminal(bookmark) as device:
        task = asyncio.create_task(listen())
        try:
            await asyncio.sleep(1)
            yield device, told
        finally:
            task.cancel()
            told += await asyncio.gather(task, return_exceptions=True)


def punches(told: list[Any]) -> list[Punched]:
    """Those told one by one, and those told together."""
    found: list[Punched] = []
    for event in told:
        found += event.records if isinstance(event, Punches) else [event] if isinstance(event, Punched) else []
    return found


def sequences(told: list[Any]) -> list[str]:
    return [event.sequence for event in punches(told)]


# ---- options


def test_it_is_a_terminal() -> None:
    assert issubclass(AccessTerminal, Terminal)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.40", "http://192.168.1.2:8080/", "http://[fd00::1]", "https://door.example"]
)
def test_where_it_may_be(url: str) -> None:
    check(OPTIONS | {"url": url})
    assert DEVICE.lacks(OPTIONS | {"url": url}, Terminal, 0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://8.8.8.8"},
        {"url": "http://door.example"},
        {"url": "http://10.0.0.40.example"},
        {"url": "ftp://10.0.0.40"},
        {"url": "http://admin:x@10.0.0.40"},
        {"url": "http://10.0.0.40/ISAPI"},
        {"url": "10.0.0.40"},
        {"url": "http://[1"},
        {"user": ""},
        {"secrets_file": ""},
        {"utc_offset_minutes": 841},
    ],
)
def test_wrong_options_refuse_to_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        terminal(**wrong)


@pytest.mark.parametrize(
    ("text", "mode"),
    [('password = "p0"', 0o604), ('password = "p0"', 0o620), ('password = "p0', 0o600), ("password = 1", 0o600)],
)
def test_a_wrong_file_of_secrets_is_misconfigured_and_tells_none(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "terminal.toml"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(Misconfigured) as caught:
        read_password(str(path))
    assert "p0" not in str(caught.value)


def test_the_password_is_read_from_outside_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "terminal.toml"
    path.write_text('password = "p0"')
    path.chmod(0o640)
    assert read_password(str(path)) == "p0"
    monkeypatch.setattr(hikvision_access, "CHECKOUT", tmp_path)
    for name in (str(path), "terminal.toml", "/nowhere/terminal.toml"):
        with pytest.raises(Misconfigured):
            read_password(name)


# ---- events


@pytest.mark.looptime
async def test_first_its_clock_then_its_memory_then_what_happens(fake: Fake) -> None:
    fake.memory = [
        info(1, 1),
        info(2, 1, minor=21, person=""),
        info(3, 2, "1002", 38),
        info(4, 3, minor=76),
        info(5, 4),
    ]
    async with listening() as (device, told):
        assert told[0] == ClockRead(5.0)
        assert [(each.person, each.sequence, each.mode, each.live) for each in punches(told)] == [
            ("1001", "1", "face", False),
            ("1002", "3", "fingerprint", False),
            ("1001", "5", "face", False),
        ]
        fake.streams[0].pieces.put_nowait(FRAMES["a finger"].raw)  # noise: it stands in no part
        fake.streams[0].pieces.put_nowait(part(info(6, 10)) + part(info(7, 10, minor=22)))
        await asyncio.sleep(1)
        assert sequences(told) == ["1", "3", "5", "6"]
        assert told[-1].live
        assert told[-1].clock == datetime(2026, 11, 23, 8, 10)  # noqa: DTZ001
        assert device.ignored == {"5/21": 1, "5/76": 1, "5/22": 1}
        assert device.counters.garbage > 0
    assert fake.failed == 0
    assert fake.streams[0].closed


@pytest.mark.looptime
async def test_the_stream_is_opened_before_the_memory_is_searched(fake: Fake) -> None:
    async with listening():
        paths = [path for _, path, _ in fake.seen]
    assert paths.index("/Event/notification/alertStream") < paths.index("/AccessControl/AcsEvent")


@pytest.mark.looptime
async def test_what_the_stream_and_the_memory_both_have_is_told_once(fake: Fake) -> None:
    fake.memory = [info(1, 1), info(2, 2)]
    async with listening() as (_, told):
        for serial in (1, 2, 3, 3):
            fake.streams[0].pieces.put_nowait(part(info(serial, serial)))
        await asyncio.sleep(1)
        assert sequences(told) == ["1", "2", "3"]


@pytest.mark.looptime
async def test_after_the_bookmark_only_what_is_new(fake: Fake) -> None:
    fake.memory = [info(serial, serial) for serial in range(1, 8)]
    async with listening() as (device, told):
        marks = [event.bookmark for event in punches(told)]
        assert device.bookmark == marks[-1]
    for nth, mark in enumerate(marks):
        async with listening(mark) as (_, told):
            assert sequences(told) == [str(serial) for serial in range(nth + 2, 8)]


@pytest.mark.looptime
async def test_a_terminal_that_tells_the_newest_first_loses_none(fake: Fake) -> None:
    fake.memory = [info(serial, serial) for serial in range(9, 0, -1)]
    async with listening() as (_, told):
        assert sequences(told) == [str(serial) for serial in range(1, 10)]


@pytest.mark.looptime
async def test_more_than_can_be_kept_in_mind_is_told_in_turns(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hikvision, "MOST_RECORDS", 3)
    fake.memory = [info(serial, serial // 3) for serial in range(1, 20)]
    async with listening() as (_, told):
        assert sequences(told) == [str(serial) for serial in range(1, 20)]


@pytest.mark.looptime
async def test_a_clock_set_back_and_numbers_that_begin_anew_lose_nothing(fake: Fake) -> None:
    bookmark = "10 2026-11-23T08:30:00+08:00"
    fake.memory = [info(9, 29), info(10, 30), info(11, 15), info(1, 40)]
    async with listening(bookmark) as (_, told):
        assert sorted(sequences(told)) == ["1", "11"]
        assert all(event.bookmark >= bookmark.replace("10", "1", 1) for event in punches(told))


@pytest.mark.looptime
async def test_a_replayed_record_is_not_live_and_does_not_move_the_bookmark_back(fake: Fake) -> None:
    fake.memory = [info(5, 20)]
    async with listening() as (_, told):
        fake.streams[0].pieces.put_nowait(part(info(9, 10, currentEvent=False)))
        await asyncio.sleep(1)
        assert [(each.sequence, each.live) for each in punches(told)] == [("5", False), ("9", False)]
        assert told[-1].bookmark == punches(told)[0].bookmark


@pytest.mark.looptime
async def test_what_happens_now_is_told_whatever_its_clock_and_its_number(fake: Fake) -> None:
    async with listening("10 2026-11-23T08:30:00+08:00") as (_, told):
        fake.streams[0].pieces.put_nowait(part(info(5, 10)) + part(info(6, 11, currentEvent=False)))
        await asyncio.sleep(1)
        assert sequences(told) == ["5"]


@pytest.mark.looptime
async def test_a_terminal_without_a_memory_is_told_of_and_listened_to(fake: Fake) -> None:
    refusal = {"statusCode": 4, "subStatusCode": "notSupport"}
    fake.answers["/AccessControl/AcsEvent"] = lambda: say(403, refusal)
    async with listening() as (_, told):
        assert told == [ClockRead(5.0), Condition("no_history", True)]
        fake.streams[0].pieces.put_nowait(part(info(1, 1)))
        await asyncio.sleep(1)
        assert sequences(told) == ["1"]


@pytest.mark.looptime
async def test_an_idle_stream_is_opened_anew_and_the_gap_is_closed(fake: Fake) -> None:
    async with listening() as (_, told):
        fake.memory = [info(1, 1)]
        await asyncio.sleep(IDLE_S + 1)
        assert len(fake.streams) == 2
        assert fake.streams[0].closed
        assert sequences(told) == ["1"]
    assert isinstance(told[-1], asyncio.CancelledError)


@pytest.mark.looptime
async def test_its_clock_is_read_each_hour(fake: Fake) -> None:
    async with listening() as (_, told):
        for _ in range(130):
            fake.streams[0].pieces.put_nowait(part(info(1, 1, minor=21)))
            await asyncio.sleep(60)
        assert told == [ClockRead(5.0)] * 3


@pytest.mark.looptime
async def test_a_stream_that_ends_is_unreachable(fake: Fake) -> None:
    async with listening() as (_, told):
        fake.streams[0].pieces.put_nowait(part(info(1, 1), b"FACE" * 100)[:-150])
        fake.streams[0].pieces.put_nowait(None)
        await asyncio.sleep(1)
    assert sequences(told) == ["1"]
    assert isinstance(told[-1], Unreachable)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("path", "answer", "error"),
    [
        ("/Event/notification/alertStream", lambda: say(503), Unreachable),
        ("/Event/notification/alertStream", lambda: say(404), Misconfigured),
        ("/Event/notification/alertStream", lambda: say(200, b"{}"), ProtocolError),
        ("/AccessControl/AcsEvent", lambda: say(503), Unreachable),
        ("/AccessControl/AcsEvent", lambda: say(200, b"<html"), ProtocolError),
        ("/System/time", lambda: say(200, b"<Time/>"), ProtocolError),
        ("/System/time", lambda: say(200, b" " * (hikvision_access.LONGEST + 1)), ProtocolError),
        ("/System/time", lambda: say(401), Misconfigured),
        ("/System/time", lambda: say(401, b" " * 2_000_000, **{"WWW-Authenticate": FRESH}), Unreachable),
        ("/System/time", lambda: say(401, b" ", **{"WWW-Authenticate": FRESH}), Misconfigured),
        ("/System/time", lambda: say(401, **{"WWW-Authenticate": 'Digest realm="a"'}), Unreachable),
        ("/System/time", lambda: say(401, **{"WWW-Authenticate": "Digest realm"}), ProtocolError),
        (
            "/System/time",
            lambda: say(401, **{"WWW-Authenticate": 'Digest realm="a", nonce="b", algorithm="X"'}),
            ProtocolError,
        ),
        ("/System/time", lambda: say(302, Location="http://elsewhere/"), Misconfigured),
    ],
)
async def test_what_goes_wrong(
    fake: Fake, path: str, answer: Callable[[], httpx.Response], error: type[Exception]
) -> None:
    fake.answers[path] = answer
    async with listening() as (_, told):
        pass
    assert isinstance(told[-1], error)
    assert all(stream.closed for stream in fake.streams)


@pytest.mark.looptime
async def test_a_wrong_password_is_tried_once(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hikvision, "read_password", lambda _: "wrong")
    async with listening() as (_, told):
        pass
    assert isinstance(told[-1], Misconfigured)
    assert fake.failed == 1


@pytest.mark.looptime
async def test_a_stale_nonce_is_answered_with_the_new_one(fake: Fake) -> None:
    async with listening() as (device, _):
        fake.nonce += 1
        await device.remove_person("1")
    assert fake.failed == 0


@pytest.mark.looptime
async def test_a_record_that_was_not_taken_is_not_behind_the_bookmark(fake: Fake) -> None:
    fake.memory = [info(1, 1), info(2, 2)]
    async with terminal() as device:
        events = device.events()
        while not isinstance(await anext(events), Punches):
            pass
        await events.aclose()
        assert device.bookmark == ""
    assert fake.streams[0].closed


@pytest.mark.looptime
async def test_closed_while_it_listens(fake: Fake) -> None:
    async with listening() as (device, _):
        await device.hang_up()
        with pytest.raises(Unreachable):
            await device.people()


# ---- what is never kept


@pytest.mark.looptime
async def test_names_faces_and_the_password_are_in_no_event_no_attribute_and_no_log(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.memory = [info(1, 1, cardNo=CANARY, label=CANARY)]
    fake.people = {"7": {"employeeNo": "7", "name": CANARY}}
    async with listening() as (device, told):
        secret = CANARY.encode()
        for event in (
            info(2, 2, FaceRect=CANARY),
            info(3, 3, person=CANARY),
            info(4, 4, attendanceStatus=CANARY, minor=80),
        ):
            fake.streams[0].pieces.put_nowait(part(event, b"\xff\xd8" + secret * 1000))
        fake.streams[0].pieces.put_nowait(
            b"--B\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\nSECRET{{{"
        )
        fake.streams[0].pieces.put_nowait(b"--B\r\nContent-Type: application/octet-stream\r\n\r\n" + secret * 1000)
        await asyncio.sleep(1)
        with pytest.raises(Rejected) as caught:
            await device.write_person(Enrolled("1", CANARY + "\n"))
        fake.answers["/AccessControl/UserInfo/Modify"] = lambda: say(400, {"subStatusCode": CANARY, "errorMsg": CANARY})
        with pytest.raises(Rejected) as other:
            await device.write_person(Enrolled("7", CANARY))
        await device.people()
        left = [getattr(device, each.name) for each in dataclasses.fields(device)]
        everything = repr(told) + repr(left) + caplog.text + str(caught.value) + repr(other.value)
    assert [event for event in told if isinstance(event, Discarded)] == [Discarded("picture", 1)] * 3 + [
        Discarded("part", 1)
    ]
    assert sequences(told) == ["1", "2"]
    assert "SECRET" not in everything
    assert CANARY[:3] not in everything


# ---- capability


@pytest.mark.looptime
async def test_the_clock_is_set(fake: Fake) -> None:
    async with terminal(utc_offset_minutes=540) as device:
        await device.set_clock(FRAMES["the time is set"].means["local"])
    [(method, path, body)] = fake.seen
    assert (method, path) == ("PUT", "/System/time")
    for element in re.findall(rb"<(?:timeMode|localTime|timeZone)>[^<]*", FRAMES["the time is set"].raw):
        assert element in body


@pytest.mark.looptime
async def test_people_are_read_page_by_page(fake: Fake) -> None:
    fake.people = {str(nth): {"employeeNo": str(nth), "name": f"P{nth}", "numOfFace": 1} for nth in range(7)}
    async with terminal() as device:
        assert await device.people() == [Enrolled(str(nth), f"P{nth}", modes=("face",)) for nth in range(7)]
        fake.people = {}
        assert await device.people() == []


@pytest.mark.looptime
async def test_people_are_added_changed_and_removed(fake: Fake) -> None:
    async with terminal() as device:
        await device.write_person(Enrolled("7", "王小明"))
        assert [path.rpartition("/")[2] for _, path, _ in fake.seen] == ["Search", "Record"]
        until = fake.people["7"]["Valid"]["endTime"]
        await device.write_person(Enrolled("7", enabled=False))
        assert fake.seen[-1][:2] == ("PUT", "/AccessControl/UserInfo/Modify")
        assert (fake.people["7"]["name"], fake.people["7"]["Valid"]["enable"]) == ("王小明", False)
        assert fake.people["7"]["Valid"]["endTime"] == until
        frame = FRAMES["somebody is removed"]
        await device.remove_person(frame.means["person"])
    assert fake.seen[-1] == ("PUT", "/AccessControl/UserInfoDetail/Delete", frame.raw)


@pytest.mark.looptime
@pytest.mark.parametrize("status", [200, 400])
async def test_a_refusal_is_one_whatever_the_status(fake: Fake, status: int) -> None:
    refusal = {"statusCode": 6, "subStatusCode": "employeeNoNotExist"}
    fake.answers["/AccessControl/UserInfoDetail/Delete"] = lambda: say(status, refusal)
    fake.answers["/AccessControl/UserInfo/Record"] = lambda: say(
        status, {"statusCode": 2, "subStatusCode": "deviceBusy"}
    )
    async with terminal() as device:
        await device.remove_person("7")
        with pytest.raises(Rejected, match="busy"):
            await device.write_person(Enrolled("7"))
        with pytest.raises(Rejected, match="bad_person"):
            await device.remove_person("7; 8")


@pytest.mark.looptime
async def test_nobody_waits_longer_than_ten_seconds(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(1)

    fake.answers["/System/time"] = lambda: httpx.Response(200, content=drip())
    async with terminal() as device:
        with pytest.raises(Unreachable):
            await device.set_clock(NOW)
        assert asyncio.get_running_loop().time() == pytest.approx(10)


@pytest.mark.looptime
async def test_the_clock_is_compared_with_the_time_that_it_should_show(fake: Fake) -> None:
    fake.shown = (NOW + timedelta(hours=7)).replace(tzinfo=None).isoformat() + "+07:00"
    async with listening() as (_, told):
        assert told == [ClockRead(-3600.0)]


@pytest.mark.looptime
async def test_half_of_the_time_that_the_answer_took_is_not_its_fault(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [NOW, *[NOW + timedelta(seconds=4)] * 9]
    monkeypatch.setattr(hikvision, "now", lambda: times.pop(0))
    async with listening() as (_, told):
        assert told == [ClockRead(3.0)]


# ---- over real sockets


async def test_a_stream_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(hikvision, "read_password", lambda _: PASSWORD)
    gone = asyncio.Event()
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply(heads[-1]))
            if b"alertStream" in heads[-1] and b"Digest" in heads[-1]:
                for byte in part(info(1, 1), b"FACE" * 9):
                    writer.write(bytes([byte]))
                    await writer.drain()
                await reader.read()
                gone.set()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with terminal(url=url) as device:
            events = device.events()
            told = [await anext(events) for _ in range(4)]
            assert [type(event) for event in told] == [ClockRead, Condition, Punched, Discarded]
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0.05)
            await device.hang_up()
            with pytest.raises(Unreachable):
                await waiting
        async with asyncio.timeout(5):
            await gone.wait()
    assert not any(PASSWORD.encode() in head for head in heads)
    assert all(b"Accept-Encoding: identity" in head for head in heads)


def reply(head: bytes) -> bytes:
    """Of a terminal without a memory, to anybody who answers its challenge at all."""
    if b"Authorization: Digest" not in head:
        challenge = b'WWW-Authenticate: Digest qop="auth", realm="DS-K1T", nonce="n1"\r\n'
        return b"HTTP/1.1 401 Unauthorized\r\n" + challenge + b"Content-Length: 0\r\n\r\n"
    if b"alertStream" in head:
        return b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    time = FRAMES["the time"].raw if b"/System/time" in head else b'{"subStatusCode": "notSupport"}'
    status = b"200 OK" if b"/System/time" in head else b"403 Forbidden"
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(time), time)
