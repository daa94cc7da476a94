"""Terminals that call us, in every spelling of the paths that firmware has: the requests of the protocol's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

SERIAL = "0316144680030"
GATE = f"""
[[device]]
id = "gate-2"
name = "二楼打卡机"
driver = "adms"
link = "inbound:"
options = {{ serial = "{SERIAL}" }}
"""
SPELLINGS = ("/iclock/{}", "/iclock/{}/", "/iclock/{}.aspx", "/iclock/{}.aspx/", "/{}", "/{}/", "/{}.aspx", "/{}.aspx/")
LINE = b"1001\t2026-03-02 08:29:0%d\t0\t15\t0\t0\t0\n"


def with_gate(text: str) -> str:
    return without_devices(text) + GATE


async def ask(hall: Running, path: str, body: bytes | None = None, sn: str = "SN", **query: str) -> Any:
    method = "GET" if body is None else "POST"
    return await hall.api.request(method, path, params={sn: SERIAL, **query}, content=body)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_every_spelling_is_answered(tmp_path: Path, spelling: str) -> None:
    async with running(World(tmp_path, with_gate)) as hall:
        hello = await ask(hall, spelling.format("cdata"), options="all", pushver="2.4.1", language="83")
        assert (hello.status_code, hello.text.splitlines()[0]) == (200, f"GET OPTION FROM: {SERIAL}")
        punch = await ask(hall, spelling.format("cdata"), LINE % 1, table="ATTLOG", Stamp="9999")
        assert (punch.status_code, punch.text) == (200, "OK: 1")
        poll = await ask(hall, spelling.format("getrequest"), INFO="Ver 8.0.4,6,0,1")
        asked, _, words = poll.text.removeprefix("C:").partition(":")
        assert (poll.status_code, words) == (200, "DATA QUERY USERINFO")
        for name, body in (("ping", None), ("devicecmd", f"ID={asked}&Return=0&CMD=DATA\n".encode())):
            answer = await ask(hall, spelling.format(name), body)
            assert (answer.status_code, answer.text) == (200, "OK"), name
        assert [event.data["staff"] for event in hall.events("attendance.punched")] == ["1001"]


@pytest.mark.parametrize("sn", ["SN", "sn", "Sn"])
async def test_the_serial_number_in_any_case(tmp_path: Path, sn: str) -> None:
    async with running(World(tmp_path, with_gate)) as hall:
        assert (await ask(hall, "/getrequest", sn=sn)).status_code == 200
        assert not hall.parts.callers.strangers


@pytest.mark.parametrize("path", ["/shell", "/shell.aspx", "/iclock/shell", "/iclock/cdata/x", "/x/cdata", "/.aspx"])
async def test_other_names_are_nobodys(tmp_path: Path, path: str) -> None:
    async with running(World(tmp_path, with_gate)) as hall:
        for body in (None, LINE % 1):
            assert (await ask(hall, path, body)).status_code in (404, 405)
        assert not hall.events("attendance.")
        assert (await hall.api.get("/ops")).status_code == 200


async def test_who_is_not_in_the_file_is_refused_in_every_spelling_and_seen_by_ops(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_gate)) as hall:
        for spelling in SPELLINGS:
            answer = await hall.api.get(spelling.format("cdata"), params={"SN": "4711"})
            assert (answer.status_code, answer.text) == (404, "")
            assert hall.parts.callers.strangers.pop("4711")


async def test_an_upload_is_stored_together_and_once(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_gate)) as hall:
        await ask(hall, "/cdata.aspx", options="all")
        before = hall.parts.writer.commits
        body = b"".join(LINE % nth for nth in range(10))
        for _ in range(2):
            assert (await ask(hall, "/cdata.aspx", body, table="ATTLOG", Stamp="12")).text == "OK: 10"
        assert len(hall.events("attendance.punched")) == 10
        assert hall.parts.writer.commits - before < 10
        with hall.parts.database.read() as connection:
            assert connection.exec_driver_sql("SELECT bookmark FROM terminal").scalar_one() == "12"
