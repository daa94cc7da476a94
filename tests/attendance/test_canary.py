"""Faces, fingers, photos and identity cards come by every way that a terminal has: nothing of them stays anywhere.

What stands for them is searched for as bytes, in hex and in Base64, whole and in pieces: in the database, its WAL and a
backup, in all that is logged at DEBUG, in the journal, in what the centre received and in what ops is shown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulators import hikvision_memory
from simulators.adms_lines import BIOMETRICS, biometrics, oplog
from simulators.hikvision_events import alert, document, found, part, piece, to_json
from simulators.hikvision_http import Answer
from simulators.port import Gone
from simulators.terminal_people import CANARY, JPEG, biometric, photo
from simulators.zkteco_packet import Packet, prefixed
from simulators.zkteco_records import pack_event, pack_templates
from tests.attendance.gates import HIK, PUSH, ZK, Gates, gates_world, open_gates
from tests.hall import Running, World

pytestmark = [pytest.mark.looptime, pytest.mark.req("ENR-01", "SEC-04")]

TEMPLATE = biometric("template")
TEXT = b64encode(TEMPLATE).decode()
HUGE = 4 * 1024 * 1024 + 1
CENTRE = '[central]\nurl = "http://127.0.0.1:{port+2}/events"\n'

# ---- what must not be found, and where it is looked for


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hex, and in Base64 wherever it begins, without the letters that its neighbours have a part in."""
    yield from (secret, secret.hex().encode())
    for before in range(3):
        encoded = b64encode(bytes(before) + secret)
        yield encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


PIECES = (CANARY[:12], CANARY[9:21], CANARY[18:], JPEG[:10])
CARD = (b"11019919000101000X", "无此人".encode(), "无此人".encode("gbk"), "无此人".encode("unicode_escape"))
NEEDLES = [form.lower() for secret in (*PIECES, *CARD) for form in forms(secret)]


def search(places: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """(place, what was found there)"""
    small = ((place, data.lower()) for place, data in places)
    return [(place, needle) for place, data in small for needle in NEEDLES if needle in data]


def files(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]


def is_theirs(record: logging.LogRecord) -> bool:
    """Of the terminal's own HTTP client, which the service has no part in."""
    return record.name == "httpx" and "/iclock/" in record.getMessage()


async def places(hall: Running, caplog: pytest.LogCaptureFixture) -> list[tuple[str, bytes]]:
    folder = hall.world.folder
    with (
        closing(sqlite3.connect(folder / "hall.sqlite")) as live,
        closing(sqlite3.connect(folder / "backup.sqlite")) as backup,
    ):
        live.backup(backup)
    shown = [await hall.get(path) for path in ("/devices", "/discovery", "/outbox")]
    told: dict[str, Any] = {
        "log": [f"{each.getMessage()} {each.__dict__!r}" for each in caplog.records if not is_theirs(each)],
        "journal": [repr(each) for each in hall.events()],
        "centre": hall.world.centre.tried,
        "ops": shown,
        "health": [repr(each) for each in hall.parts.hub.health.values()],
    }
    return [*files(folder), *((name, json.dumps(each, ensure_ascii=False).encode()) for name, each in told.items())]


def rows(hall: Running, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with hall.parts.database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql, values).all()]


def discarded(hall: Running, device: str) -> int:
    return sum(row[0] for row in rows(hall, "SELECT discarded FROM terminal WHERE device=?", device))


def stored(hall: Running, device: str) -> int:
    return int(rows(hall, "SELECT count(*) FROM punch WHERE device=?", device)[0][0])


@pytest.fixture
def world(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.DEBUG)
    return gates_world(tmp_path, lambda text: text.replace("[central]\n", CENTRE))


async def nothing_is_found(hall: Running, caplog: pytest.LogCaptureFixture, *punched: str) -> None:
    """Nothing but the punches, which are everywhere."""
    wanted = len(hall.events("attendance.punched"))
    await hall.until(lambda: sum(each["type"] == "attendance.punched" for each in hall.world.centre.tried) >= wanted)
    looked = dict(await places(hall, caplog))
    assert {"hall.sqlite", "hall.sqlite-wal", "hall.sqlite-shm", "backup.sqlite", "central.jsonl"} <= looked.keys()
    assert b" is up" in looked["log"]
    for person in punched:
        assert all(person.encode() in looked[place] for place in ("backup.sqlite", "journal", "centre"))
    assert search(looked.items()) == []


def test_what_is_hidden_would_be_found() -> None:
    for secret in (TEMPLATE, photo("1001"), b"PIN=1\tIDNum=11019919000101000X", "Name=无此人".encode("gbk")):
        around = b"\0\1" + secret
        encoded = (around, around.hex().upper().encode(), *(b64encode(around[cut:]) for cut in range(3)))
        assert all(search([("somewhere", each)]) for each in encoded)
    assert search([("nowhere", Random(1).randbytes(100_000))]) == []


# ---- ZKTeco


async def unasked(gates: Gates, packets: Iterable[Packet]) -> None:
    holder = gates.zk.memory.holder
    assert holder is not None
    await holder.send([*packets])


def rude() -> list[Packet]:
    """Templates as answers to nothing, and in events: of fingers, enrolment, photos, and as a punch that is none."""
    answers = [Packet(command, 0, 7, TEMPLATE) for command in (9, 10, 88, 110, 1501)]
    return answers + [Packet(500, kind, 0, TEMPLATE) for kind in (1, 2, 4, 8, 16, 128, 256, 512)]


async def again(hall: Running, gates: Gates) -> None:
    """The line breaks, and the terminal's memory is read once more."""
    await gates.zk.drop()
    await hall.until(lambda: gates.zk.state()["live"])
    await asyncio.sleep(5)


async def test_zkteco(world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    gates = Gates(world)
    async with open_gates(gates) as hall:
        await hall.up(ZK)
        await gates.touch(ZK, "1001", leaving=False)
        await unasked(gates, rude())
        await hall.until(lambda: discarded(hall, ZK) >= 5)
        templates = pack_templates([*gates.zk.memory.users.values()])
        table = len(templates).to_bytes(4, "little") + templates
        with monkeypatch.context() as patch:
            patch.setattr(type(gates.zk.memory), "dump", lambda *_: table)
            await again(hall, gates)
            assert "records_unread" in hall.parts.hub.health[ZK].conditions
            # An event of ten bytes has a uid: it makes the driver read who that is.
            await unasked(gates, [Packet(500, 1, 0, pack_event(gates.zk.memory.records[0], 8))])
            await asyncio.sleep(5)
        for noise in (TEMPLATE, prefixed(TEMPLATE), CANARY * 3000):
            await hall.up(ZK)
            with suppress(Gone):
                await next(iter(gates.zk._wires)).write(noise)
            await asyncio.sleep(5)
        await again(hall, gates)
        await gates.touch(ZK, "1002", leaving=True)
        await hall.until(lambda: stored(hall, ZK) >= 2)
        await nothing_is_found(hall, caplog, "1001", "1002")
    assert search(files(world.folder)) == []


# ---- ADMS


def lines(at: datetime) -> dict[str, bytes]:
    """Of each kind one, as the terminal sends it."""
    return {kind: biometrics(kind, "SIM0000000002", "1001", at)[1] for kind in BIOMETRICS}


def punch(second: int, more: str = "") -> bytes:
    return f"1003\t2026-03-02 08:00:{second:02d}\t0\t15\t0\t0\t0{more}\n".encode()


def posts(at: datetime) -> list[tuple[str, bytes]]:
    """(path and query, body): what a terminal may send, well-formed, mixed, in the wrong place, spoilt, too long."""
    each = lines(at)
    everything = b"".join(each[kind] for kind in BIOMETRICS if kind != "photo")
    palm = f"BIODATA Pin=1001\tNo=0\tType=8\tTmp={TEXT}\r\n".encode()
    visible = f"\t1\t36.5\t36.5\t28800\t{TEXT}"
    compared = b"1004\t2026-03-02 08:00:00\t0\t15\t0\t0\t0\t11019919000101000X\t1\n"
    mixed = punch(1) + everything + punch(2, visible) + compared + palm + TEMPLATE + b"\n" + punch(3)
    log = f"{oplog(4, at)}\n".encode()
    tables = ("BIODATA", "biodata", "BIOPHOTO", "FACE", "FINGERTMP", "FVEIN", "USERPIC", "IDCARD", "PALM")
    return [
        ("cdata?table=ATTLOG&Stamp=7", mixed),
        ("cdata?table=OPERLOG&Stamp=7", log + everything.replace(b"\n", b"\r\n") + palm + TEMPLATE + b"\n" + log),
        ("cdata?table=OPERLOG&ContentType=x", TEMPLATE),
        *((f"cdata?table={table}&Stamp=7", palm + everything) for table in tables),
        ("cdata?table=ATTPHOTO&PhotoStamp=7", each["photo"]),
        ("fdata?table=ATTPHOTO&PhotoStamp=7", each["photo"]),
        ("cdata?table=ATTLOG&Stamp=8", each["photo"]),
        ("cdata?table=OPERLOG", each["photo"]),
        ("cdata?table=ERRORLOG", everything),
        ("cdata?table=options", b"~DeviceName=" + TEXT.encode() + b",Photo=" + TEMPLATE),
        ("cdata?table=RTLOG", everything),
        ("cdata?table=" + TEXT[:600], everything),
        ("cdata?table=ATTLOG&Stamp=" + TEXT[:40], palm),
        ("getrequest?INFO=" + TEXT[:900], b""),
        ("registry", everything),
        ("querydata?type=tabledata&tablename=biophoto", everything),
        ("devicecmd", f"ID=1&Return=0&CMD=DATA\nTmp={TEXT}\n".encode() + TEMPLATE),
        ("cdata?table=BIODATA", CANARY * (HUGE // len(CANARY) + 1)),
        ("cdata?table=ATTLOG", CANARY * (HUGE // len(CANARY) + 1)),
    ]


async def test_adms(world: World, caplog: pytest.LogCaptureFixture) -> None:
    gates = Gates(world)
    async with open_gates(gates) as hall:
        await hall.up(PUSH)
        await gates.touch(PUSH, "1001", leaving=False)
        for kind in BIOMETRICS:
            gates.push.upload(kind)
        await hall.until(lambda: not gates.push.memory.uploads and not gates.push.memory.pending, within=120)
        assert discarded(hall, PUSH) == len(BIOMETRICS)
        statuses = {}
        for path, body in posts(gates.now().replace(tzinfo=None)):
            mark = "&" if "?" in path else "?"
            url = f"/iclock/{path}{mark}SN=SIM0000000002"
            answer = await hall.api.post(url, content=body, headers={"User-Agent": f"iClock {TEXT[:200]}"})
            statuses[path[:24]] = answer.status_code
            assert search([("answer", answer.content)]) == []
        assert statuses["cdata?table=BIODATA&Stamp=7"[:24]] == 200  # or it would come again for ever
        assert discarded(hall, PUSH) > 50
        await hall.until(lambda: stored(hall, PUSH) >= 4)
        await nothing_is_found(hall, caplog, "1001", "1003")
        assert rows(hall, "SELECT DISTINCT person FROM punch ORDER BY person") == [("1001",), ("1003",)]
    assert search(files(world.folder)) == []


# ---- Hikvision


def parts(gates: Gates) -> list[bytes]:
    """Of a stream: pictures in every dress, and texts with more in them than a punch needs."""
    face, name = photo("1001"), gates.hik.boundary
    event = alert(next(iter(gates.hik.memory.events)), current=True, pictures=1)
    inner = event["AccessControllerEvent"] | {"serialNo": 900, "employeeNoString": "1003"}
    secret = {"pictureURL": f"http://127.0.0.1/{TEXT[:99]}", "FaceFeature": TEXT, "cardNo": "11019919000101000X"}
    told = event | {"AccessControllerEvent": inner | secret | {"name": TEXT[:40]}, "Picture": TEXT}
    bare = f"--{name}\r\nContent-Type: image/jpeg\r\n\r\n".encode() + face + b"\r\n"
    return [
        part(name, told, xml=False) + piece(name, "image/jpeg", face),
        part(name, told | {"eventType": "faceCapture"}, xml=True),
        bare,
        piece(name, "application/octet-stream", TEMPLATE),
        piece(name, "application/json", TEMPLATE),
        piece(name, "application/json", to_json({"a": TEXT * 200})),
        piece(name, f"application/json; x={TEXT[:300]}", b"{}"),
        CANARY * 300,
        f"--{name}\r\nX: {TEXT * 20}\r\n".encode(),
    ]


def answers() -> list[Answer]:
    """To a search: too much, nothing that can be read, and refusals that repeat what they were about."""
    words = {"statusCode": 4, "subStatusCode": CANARY.decode(), "errorMsg": TEXT}
    return [
        Answer(200, TEMPLATE),
        Answer(200, CANARY * 40_000),
        Answer(400, to_json(words)),
        Answer(500, document("ResponseStatus", words), "application/xml"),
    ]


async def test_hikvision(world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    url = {"pictureURL": f"http://127.0.0.1/{TEXT[:99]}", "picture": TEXT, "FaceRect": {"x": CANARY.decode()}}
    monkeypatch.setattr(hikvision_memory, "found", lambda event: found(event) | url)
    gates = Gates(world)
    async with open_gates(gates) as hall:
        await hall.up(HIK)
        gates.hik.on["pictures"] = True
        gates.hik.punch("1001", "face")
        await hall.until(lambda: discarded(hall, HIK) == 1)
        gates.hik.on["cut_picture"] = True
        gates.hik.punch("1002", "face")  # the stream ends in the middle of the picture
        gates.hik.on["cut_picture"] = False
        await hall.until(lambda: stored(hall, HIK) == 2)
        await hall.until(lambda: gates.hik.streams)
        for each in parts(gates):
            await hall.until(lambda: gates.hik.streams)
            gates.hik.streams[0].put_nowait(each)
            await asyncio.sleep(1)
        search_ = ("POST", "/ISAPI/AccessControl/AcsEvent")
        for answer in answers():
            monkeypatch.setitem(gates.hik._routes, search_, partial(lambda answer, _: answer, answer))
            gates.hik.cut()
            await asyncio.sleep(5)
        monkeypatch.setitem(gates.hik._routes, search_, gates.hik._search)
        gates.hik.punch("1004", "finger")  # heard, or read from memory
        await hall.until(lambda: stored(hall, HIK) == 4, within=300)
        assert discarded(hall, HIK) >= 5
        await nothing_is_found(hall, caplog, "1001", "1002", "1003", "1004")
    assert search(files(world.folder)) == []
