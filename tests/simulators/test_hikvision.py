"""The simulated Hikvision terminal, asked by httpx over real TCP and by bytes on a wire in memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.hall import read as read_hall
from simulators.hikvision import Terminal
from simulators.hikvision_http import Guard, Request, Verdict
from simulators.port import serve
from simulators.terminal_people import CANARY
from tests.wire import End, closed, pair

NOW = datetime(2026, 11, 22, 9, 5, 9, tzinfo=UTC)
STREAM = "/ISAPI/Event/notification/alertStream"
EVENTS = "/ISAPI/AccessControl/AcsEvent?format=json"
TIME = "/ISAPI/System/time"
USERS = "/ISAPI/AccessControl/UserInfo"
DAY = {"startTime": "2026-11-22T00:00:00+08:00", "endTime": "2026-11-22T23:59:59+08:00"}
NS = "{http://www.isapi.org/ver20/XMLSchema}"


def made(**options: Any) -> Terminal:
    terminal = Terminal("face", {"user": "admin", "password": "secret"} | options)
    terminal.clock.now = lambda: NOW
    return terminal


def condition(position: int = 0, **more: Any) -> dict[str, Any]:
    told = {"searchID": "s", "searchResultPosition": position, "maxResults": 1000, "major": 0, "minor": 0}
    return {"AcsEventCond": told | DAY | more}


# ---- over TCP, with a digest that is not ours


@contextlib.asynccontextmanager
async def served(terminal: Terminal, password: str = "secret") -> AsyncIterator[httpx.AsyncClient]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    auth = httpx.DigestAuth("admin", password)
    async with (
        serve(f"tcp://{address}", terminal),
        httpx.AsyncClient(base_url=f"http://{address}", auth=auth, trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_stranger_with_the_password_is_let_in(algorithm: str) -> None:
    async with served(made(algorithm=algorithm)) as client:
        for _ in range(3):
            answer = await client.get("/ISAPI/System/deviceInfo")
            assert answer.status_code == 200
        assert ElementTree.fromstring(answer.content).findtext(f"{NS}model") == "DS-K1T-SIM"
        assert (await client.get("/ISAPI/Nothing")).json()["subStatusCode"] == "notSupport"
        assert (await client.delete(TIME)).status_code == 405


async def test_a_wrong_password_locks_everybody_out() -> None:
    terminal = made()
    async with served(terminal, "guess") as client:
        for _ in range(5):
            answer = await client.get(TIME)
            assert answer.status_code == 401
        assert terminal.state()["locked"] is True
        client.auth = httpx.DigestAuth("admin", "secret")
        answer = await client.get(TIME)
        assert answer.status_code == 401
        assert "www-authenticate" not in answer.headers


async def test_nonces_that_are_always_stale_and_no_challenge_at_all() -> None:
    terminal = made()
    async with served(terminal) as client:
        terminal.control("wrong_nonce")
        answer = await client.get(TIME)
        assert answer.status_code == 401
        assert 'stale="TRUE"' in answer.headers["www-authenticate"]
        terminal.control("wrong_nonce")
        assert (await client.get(TIME)).status_code == 200
        terminal.control("no_challenge")
        client.auth = httpx.DigestAuth("admin", "secret")
        answer = await client.get(TIME)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, False)
    assert terminal.guard.failures == 0


async def test_the_clock_is_read_and_set() -> None:
    terminal = made(clock_off_s=-600)
    async with served(terminal) as client:
        told = ElementTree.fromstring((await client.get(TIME)).content)
        assert told.findtext(f"{NS}localTime") == "2026-11-22T16:55:09+08:00"
        assert told.findtext(f"{NS}timeZone") == "CST-8:00:00"
        for local in ("2026-11-22T17:05:09+08:00", "2026-11-22T17:05:09", "2026-11-22T09:05:09Z"):
            terminal.control("clock:3600")
            body = f"<Time><timeMode>manual</timeMode><localTime>{local}</localTime></Time>"
            answer = await client.put(TIME, content=body)
            assert ElementTree.fromstring(answer.content).findtext(f"{NS}statusString") == "OK"
            assert terminal.clock.off_s == 0
        terminal.control("clock:3600")
        assert (await client.put(TIME, content="<Time><timeMode>NTP</timeMode></Time>")).status_code == 200
        assert (terminal.clock.off_s, terminal.time_mode) == (0, "NTP")
        for body in ("", "<timeMode>manual</timeMode>", "<timeMode>sun</timeMode>", "<Time>\xff"):
            assert (await client.put(TIME, content=body.encode("latin-1"))).status_code == 400


async def test_a_search_is_paged_by_the_terminal_and_stays_what_it_was() -> None:
    terminal = made()
    for _ in range(25):
        terminal.punch("1001", "face")
    async with served(terminal) as client:
        rows: list[dict[str, Any]] = []
        words: list[str] = []
        while not words or words[-1] == "MORE":
            found = (await client.post(EVENTS, json=condition(len(rows)))).json()["AcsEvent"]
            assert (found["totalMatches"], found["numOfMatches"]) == (75, len(found["InfoList"]))
            rows += found["InfoList"]
            words.append(found["responseStatusStrg"])
            terminal.punch("1002", "card")  # arrives while we page
        assert words == ["MORE", "MORE", "OK"]
    assert [row["serialNo"] for row in rows] == list(range(1, 76))
    assert rows[0] == {
        "major": 5,
        "minor": 75,
        "time": "2026-11-22T17:05:09+08:00",
        "serialNo": 1,
        "doorNo": 1,
        "cardReaderNo": 1,
        "currentVerifyMode": "cardOrFaceOrFp",
        "mask": "no",
        "employeeNoString": "1001",
        "name": "张示例",
        "userType": "normal",
        "attendanceStatus": "checkIn",
    }
    assert [row["minor"] for row in rows[1:3]] == [21, 22]
    assert "name" not in rows[1]


async def test_what_is_not_found_has_no_list_and_what_is_wrong_is_refused() -> None:
    terminal = made()
    terminal.control("week")
    async with served(terminal) as client:
        none = (await client.post(EVENTS, json=condition(minor=9))).json()["AcsEvent"]
        assert none == {"searchID": "s", "responseStatusStrg": "NO MATCH", "numOfMatches": 0, "totalMatches": 0}
        one = condition(employeeNoString="1003", searchID="x", startTime="2026-11-21T00:00:00+08:00")
        assert (await client.post(EVENTS, json=one)).json()["AcsEvent"]["totalMatches"] == 4
        naive = await client.post(EVENTS, json=condition(searchID="n", startTime="2026-11-22T00:00:00"))
        assert (naive.status_code, naive.json()["subStatusCode"]) == (400, "badParameters")
        assert (await client.post(EVENTS, content=b"{")).json()["subStatusCode"] == "badJsonFormat"
        assert (await client.post(EVENTS.partition("?")[0], json=condition())).status_code == 400
        terminal.control("not_supported")
        refused = await client.post(EVENTS, json=condition())
        assert (refused.status_code, refused.json()["subStatusCode"]) == (403, "notSupport")


async def test_users_are_recorded_modified_searched_and_deleted() -> None:
    terminal = made()
    new = {"UserInfo": {"employeeNo": "1020", "name": "新人", "userType": "normal"}}
    asked = {"UserInfoSearchCond": {"searchID": "u", "searchResultPosition": 0, "maxResults": 50}}
    async with served(terminal) as client:
        assert (await client.post(f"{USERS}/Record?format=json", json=new)).json()["statusCode"] == 1
        again = await client.post(f"{USERS}/Record?format=json", json=new)
        assert (again.status_code, again.json()["subStatusCode"]) == (400, "employeeNoAlreadyExist")
        found = (await client.post(f"{USERS}/Search?format=json", json=asked)).json()["UserInfoSearch"]
        assert (found["numOfMatches"], found["UserInfo"][-1]["name"]) == (7, "新人")
        assert found["UserInfo"][-1]["Valid"]["endTime"] == "2037-12-31T23:59:59"
        change = {"UserInfo": {"employeeNo": "1020", "Valid": {"enable": False}}}
        assert (await client.put(f"{USERS}/Modify?format=json", json=change)).status_code == 200
        terminal.punch("1020", "face")
        assert [each.minor for each in terminal.memory.events] == [6]
        assert terminal.words == "没有权限"
        unknown = {"UserInfo": {"employeeNo": "4711"}}
        assert (await client.put(f"{USERS}/Modify?format=json", json=unknown)).status_code == 400
        gone = {"UserInfoDetail": {"mode": "byEmployeeNo", "EmployeeNoList": [{"employeeNo": "1020"}]}}
        path = "/ISAPI/AccessControl/UserInfoDetail/Delete?format=json"
        assert (await client.put(path, json=gone)).status_code == 200
        other = {"UserInfoDelCond": {"EmployeeNoList": [{"employeeNo": "1001"}]}}
        assert (await client.put(f"{USERS}/Delete?format=json", json=other)).status_code == 200
        count = (await client.get(f"{USERS}/Count?format=json")).json()
        assert count == {"UserInfoCount": {"userNumber": 5}}


async def test_a_stranger_reads_the_stream() -> None:
    terminal = made()
    async with served(terminal) as client, client.stream("GET", STREAM) as stream:
        assert stream.headers["content-type"] == "multipart/mixed; boundary=MIME_boundary"
        terminal.control("punch:1005:finger")
        data = b""
        async for each in stream.aiter_bytes():
            data += each
            if data.count(b"serialNo") == 3:
                break
        assert terminal.state()["streams"] == 1
    who, *locks = jsons(data)
    assert who["AccessControllerEvent"]["employeeNoString"] == "1005"
    assert [each["AccessControllerEvent"]["subEventType"] for each in locks] == [21, 22]


# ---- on a wire in memory, in virtual time


@contextlib.asynccontextmanager
async def talking(terminal: Terminal) -> AsyncIterator[End]:
    link, wire = pair()
    talk = asyncio.create_task(terminal.talk(wire))
    await asyncio.sleep(0)
    try:
        yield link
    finally:
        await link.close()
        await talk


async def heard(link: End, wait: float = 0.5) -> bytes:
    """All that comes until it is silent for so long, or over."""
    data = b""
    with contextlib.suppress(Exception):
        while True:
            async with asyncio.timeout(wait):
                data += await link.read()
    return data


def asking(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: terminal", *headers, "", ""]).encode()


def digested(nonce: str, target: str, nc: str = "00000001", **more: str) -> str:
    """RFC 7616 by hand."""

    def hashed(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret, what = hashed("admin:IP Camera(SIM01):secret"), hashed(f"GET:{target}")
    told = {"username": "admin", "realm": "IP Camera(SIM01)", "nonce": nonce, "uri": target, "nc": nc}
    told |= {"cnonce": "0a4f113b", "qop": "auth", "response": hashed(f"{secret}:{nonce}:{nc}:0a4f113b:auth:{what}")}
    return "Authorization: Digest " + ", ".join(f'{key}="{value}"' for key, value in (told | more).items())


async def challenged(link: End, target: str) -> str:
    """The nonce."""
    await link.write(asking(target))
    found = re.search(rb'nonce="(\w+)"', await heard(link))
    assert found is not None
    return found[1].decode()


@contextlib.asynccontextmanager
async def streaming(terminal: Terminal) -> AsyncIterator[End]:
    async with talking(terminal) as link:
        await link.write(asking(STREAM, digested(await challenged(link, STREAM), STREAM)))
        head = await heard(link)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert head.endswith(b"\r\n\r\n")
        yield link


def jsons(data: bytes) -> list[dict[str, Any]]:
    """Of each whole part of that kind, by its Content-Length."""
    heads = re.finditer(rb"Content-Type: application/json[^\r]*\r\nContent-Length: (\d+)\r\n\r\n", data)
    return [json.loads(data[head.end() : head.end() + int(head[1])]) for head in heads]


@pytest.mark.looptime
async def test_a_nonce_is_good_for_each_count_once_and_not_for_ever() -> None:
    terminal = made()
    async with talking(terminal) as link:
        nonce = await challenged(link, TIME)
        for nc, status in (("00000001", b"200"), ("00000001", b"401"), ("00000002", b"200"), ("x", b"401")):
            await link.write(asking(TIME, digested(nonce, TIME, nc)))
            answer = await heard(link)
            assert answer[9:12] == status
            assert (b'stale="TRUE"' in answer) is (status == b"401")
        await asyncio.sleep(400)
        await link.write(asking(TIME, digested(nonce, TIME, "00000003")))
        assert b'stale="TRUE"' in await heard(link)
        assert terminal.guard.failures == 0


@pytest.mark.looptime
@pytest.mark.parametrize(
    "wrong", [{"uri": "/other"}, {"username": "root"}, {"response": "0" * 32}, {"qop": "auth-int"}, {"cnonce": "1"}]
)
async def test_each_word_of_the_digest_counts(wrong: dict[str, str]) -> None:
    terminal = made()
    async with talking(terminal) as link:
        await link.write(asking(TIME, digested(await challenged(link, TIME), TIME, **wrong)))
        assert (await heard(link))[9:12] == b"401"
        assert terminal.guard.failures == 1


@pytest.mark.looptime
async def test_a_lockout_ends() -> None:
    terminal = made()
    async with talking(terminal) as link:
        for _ in range(5):
            await link.write(asking(TIME, digested("0", TIME, response="1")))
            await heard(link)
        assert terminal.guard.locked
        await asyncio.sleep(1801)
        await link.write(asking(TIME, digested(await challenged(link, TIME), TIME)))
        assert (await heard(link))[9:12] == b"200"


@pytest.mark.looptime
async def test_heartbeats_come_when_nothing_else_does() -> None:
    terminal = made()
    async with streaming(terminal) as link:
        assert await heard(link, 9) == b""
        beats = []
        for _ in range(3):
            async with asyncio.timeout(11):
                beats += jsons(await link.read())
        assert [each["eventType"] for each in beats] == ["heartBeat"] * 3
        terminal.control("mute")
        assert await heard(link, 100) == b""


@pytest.mark.looptime
async def test_a_third_stream_is_refused_and_one_that_has_gone_makes_room() -> None:
    terminal = made()
    async with streaming(terminal), talking(terminal) as third:
        async with streaming(terminal):
            await third.write(asking(STREAM, digested(await challenged(third, STREAM), STREAM)))
            assert (await heard(third)).startswith(b"HTTP/1.1 503 ")
        await asyncio.sleep(0.1)
        assert terminal.state()["streams"] == 1
        await third.write(asking(STREAM, digested(await challenged(third, STREAM), STREAM)))
        assert (await heard(third)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.looptime
@pytest.mark.parametrize("boundary", ["MIME_boundary", "boundary"])
async def test_parts_with_a_picture_whole_and_cut(boundary: str) -> None:
    terminal = made(boundary=boundary)
    async with streaming(terminal) as link:
        terminal.control("pictures")
        terminal.control("split")
        terminal.control("punch:1001:face")
        data = await heard(link)
        parts = data.split(f"--{boundary}\r\n".encode())[1:]
        assert [each.split(b"\r\n")[0] for each in parts] == [
            b"Content-Type: application/json; charset=UTF-8",
            b"Content-Type: image/jpeg",
            b"Content-Type: application/json; charset=UTF-8",
            b"Content-Type: application/json; charset=UTF-8",
        ]
        head, _, body = parts[1].partition(b"\r\n\r\n")
        assert int(head.rpartition(b" ")[2]) == len(body) - 2
        assert body.count(CANARY) == 1
        assert jsons(data)[0]["AccessControllerEvent"]["picturesNumber"] == 1
        terminal.control("cut_picture")
        terminal.control("punch:1002:face")
        data = await heard(link)
        assert [each["AccessControllerEvent"]["employeeNoString"] for each in jsons(data)] == ["1002"]
        assert CANARY in data
        assert not data.endswith(b"\xff\xd9\r\n")
        assert await closed(link.other)


@pytest.mark.looptime
async def test_old_events_again_and_a_stream_that_is_cut_in_a_part() -> None:
    terminal = made()
    terminal.control("punch:1001:card")
    async with streaming(terminal) as link:
        terminal.control("replay")
        old = [each["AccessControllerEvent"] for each in jsons(await heard(link))]
        assert [(each["serialNo"], each["currentEvent"]) for each in old] == [(1, False), (2, False), (3, False)]
        assert (old[0]["cardNo"], old[0]["name"]) == ("10010001", "张示例")
        terminal.control("stranger")
        (unknown,) = jsons(await heard(link))
        assert unknown["AccessControllerEvent"]["subEventType"] == 76
        assert "employeeNoString" not in unknown["AccessControllerEvent"]
        assert unknown["AccessControllerEvent"]["currentEvent"] is True
        terminal.control("cut")
        assert (await heard(link)).endswith(b"Content-Type: appl")
        assert await closed(link.other)


@pytest.mark.looptime
async def test_events_in_xml() -> None:
    terminal = made()
    terminal.control("xml")
    async with streaming(terminal) as link:
        terminal.control("leaving")
        terminal.control("punch:1001:face")
        first = (await heard(link)).split(b"--MIME_boundary\r\n")[1].partition(b"\r\n\r\n")[2]
        told = ElementTree.fromstring(first.strip())
        assert told.tag == f"{NS}EventNotificationAlert"
        inner = f"{NS}AccessControllerEvent/{NS}"
        assert told.findtext(f"{inner}attendanceStatus") == "checkOut"
        assert told.findtext(f"{inner}currentEvent") == "true"


@pytest.mark.looptime
async def test_a_stream_that_nobody_reads_is_no_trouble() -> None:
    terminal = made()
    async with streaming(terminal):
        for _ in range(500):
            terminal.punch("1001", "face")
        terminal.cut()
    assert terminal.state()["streams"] == 0


@pytest.mark.looptime
async def test_slow_dead_asleep_and_dropped() -> None:
    terminal = made()
    async with talking(terminal) as link:
        terminal.control("slow")
        await link.write(asking(TIME))
        assert await heard(link, 19) == b""
        assert (await heard(link, 2)).startswith(b"HTTP/1.1 401 ")
        terminal.control("slow")
        terminal.control("dead")
        await link.write(asking(TIME))
        assert await heard(link, 100) == b""
        drop = terminal.control("drop")
        assert drop is not None
        await drop
        assert await closed(link.other)
    terminal.control("asleep")
    async with talking(terminal) as link:
        assert await closed(link.other)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (asking("/", "Content-Length: x"), b"400"),
        (asking("/", "Content-Length: 70000") + b" " * 70000, b"413"),
        (b"GET /" + b"a" * 20000, b"431"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection(said: bytes, status: bytes) -> None:
    async with talking(made()) as link:
        await link.write(said)
        assert (await heard(link))[9:12] == status
        assert await closed(link.other)


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=8), st.sampled_from(["1001", DAY["startTime"]])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["employeeNo"]), inner)),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ["searchID", "searchResultPosition", "maxResults", "major", "minor", "startTime", "employeeNo", "EmployeeNoList"]
)
SHAPES = st.sampled_from(["AcsEventCond", "UserInfo", "UserInfoDetail", "UserInfoSearchCond", "UserInfoDelCond"])


class Open(Guard):
    """Lets everybody in."""

    def judge(self, asked: Request) -> Verdict:
        return "good"


@pytest.mark.looptime
@given(SHAPES, st.one_of(VALUES, st.dictionaries(KEYS, VALUES, max_size=8)), st.sampled_from([{}, condition()]))
async def test_no_object_breaks_it(shape: str, value: Any, base: dict[str, Any]) -> None:
    whole = base.get(shape, {}) | value if isinstance(value, dict) else value
    terminal = made()
    terminal.punch("1001", "face")
    terminal.guard = Open("admin", "", "MD5", "")
    body = json.dumps({shape: whole}).encode()
    async with talking(terminal) as link:
        for method, path in [key for key in terminal._routes if key[0] != "GET"]:
            await link.write(asking(f"{path}?format=json", f"Content-Length: {len(body)}", method=method) + body)
            assert (await heard(link, 0.01))[9:12] in (b"200", b"400")


# ---- the page


async def test_controls_picture_and_hall_file(tmp_path: Path) -> None:
    terminal = made()
    for each in terminal.controls():
        done = terminal.control(each["name"])
        if done is not None:
            await done
    with pytest.raises(KeyError):
        terminal.control("nothing")
    with pytest.raises(ValueError, match="algorithm"):
        made(algorithm="ROT13")
    file = tmp_path / "hall.toml"
    file.write_text(
        '[[device]]\nid = "face"\ndriver = "hikvision"\nlink = "tcp://127.0.0.1:{port+1}"\noptions = { other = 1 }\n'
    )
    terminal = read_hall(file, port=9000, data=tmp_path).devices["face"].simulator  # type: ignore[assignment]
    assert isinstance(terminal, Terminal)
    terminal.clock.now = lambda: NOW
    terminal.control("punch:1005:card")
    words = "".join(ElementTree.fromstring(terminal.picture()).itertext())
    assert "17:05" in words
    assert "欧**" in words
    assert "刷卡成功" in words
