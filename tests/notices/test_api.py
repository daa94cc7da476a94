"""Paper forms and announcements over HTTP, down to what the printer and the loudspeaker put out."""

from __future__ import annotations

import io
import sqlite3
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running

pytestmark = pytest.mark.looptime
FORM: dict[str, Any] = {
    "template": "supplement_notice",
    "values": {"applicant": "张三丰", "item": "养老保险", "content": "身份证\n户口本", "deadline": "2026-12-01"},
}


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path)) as made:
        yield made


def slips(hall: Running) -> list[Any]:
    found: list[Any] = hall.world.simulator("printer-2").slips
    return found


@pytest.mark.req("PRN-02", "PRN-03", "PRN-04", "SEC-04")
async def test_a_notice_comes_out_once_on_its_own_paper_with_the_applicant_masked(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    key = {"Idempotency-Key": "one press"}
    first = await hall.post("/windows/3/notices", 201, key, **FORM)
    assert await hall.post("/windows/3/notices", 201, key, **FORM) == first
    await hall.until(lambda: hall.events("print.done"))
    (slip,) = slips(hall)
    for words in ("补办件通知书", "张**", "身份证", "户口本", "2026-12-01", "赵静 1003", "3号社保窗口", "2026-03-02"):
        assert words in slip.text
    assert "张三丰" not in slip.text
    assert not hall.world.simulator("printer-1").slips


async def test_what_was_printed_is_forgotten(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    await hall.post("/windows/3/notices", 201, **FORM)
    await hall.until(lambda: hall.events("print.done"))
    with sqlite3.connect(hall.world.folder / "hall.sqlite") as connection:
        assert connection.execute("SELECT content FROM print_job WHERE template<>'ticket'").fetchall() == [(None,)]
    connection.close()
    assert b"\xe5\xbc\xa0\xe4\xb8\x89\xe4\xb8\xb0" not in (hall.world.folder / "hall.sqlite-wal").read_bytes()


async def test_what_is_missing_or_unknown_is_named(hall: Running) -> None:
    said = await hall.post("/windows/3/notices", 422, template="supplement_notice", values={"applicant": "张三"})
    assert said["title"].startswith("补办件通知书还缺：")
    said = await hall.post("/windows/3/notices", 422, template="supplement_notice", values={"phone2": "1"})
    assert "phone2" in said["title"]
    assert (await hall.post("/windows/3/notices", 404, template="no_such", values={}))["title"] == "没有这种单据"


@pytest.mark.req("PRN-01")
async def test_a_form_is_not_printed_on_other_paper(hall: Running) -> None:
    values = {"item": "养老保险", "slot": "11月25日", "booking": "Y1"}
    said = await hall.post("/windows/3/notices", 409, template="appointment", values=values)
    assert said["title"] == "3号窗口没有装这种纸的打印机"
    assert not hall.events("print.wanted")


async def test_every_form_is_listed_and_can_be_looked_at(hall: Running) -> None:
    forms = (await hall.get("/slips"))["slips"]
    assert {"ticket", "acceptance_notice", "return_notice"} <= {form["name"] for form in forms}
    for form in forms:
        picture = await hall.api.get(f"/api/v1/slips/{form['name']}.svg")
        assert picture.headers["content-type"].startswith("image/svg+xml")
        assert "张三丰" not in picture.text


@pytest.mark.req("QUE-06", "QUE-21")
async def test_a_call_is_heard_in_its_zone_and_the_page_plays_the_same(hall: Running) -> None:
    await hall.up("voice-1")
    await hall.issue("pension")
    await hall.post("/windows/3/call-next")
    seq = hall.events("ticket.called")[0].seq
    speaker = hall.world.simulator("voice-1")
    await hall.until(lambda: speaker.heard)
    page = await hall.api.get(f"/api/v1/announcements/{seq}.wav")
    assert page.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(page.content)) as sound:
        assert sound.getnframes() / sound.getframerate() > 1
    assert page.content == speaker.wav(0)


async def test_who_is_called_back_is_called(hall: Running) -> None:
    await hall.up("voice-1")
    ticket = (await hall.issue("pension"))["id"]
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/hold", ticket=ticket, kind="waiting")
    speaker = hall.world.simulator("voice-1")
    await hall.until(lambda: speaker.heard)
    await hall.post(f"/tickets/{ticket}/resume", window=3)
    await hall.until(lambda: len(speaker.heard) == 2)
    seq = hall.events("ticket.resumed")[0].seq
    assert (await hall.api.get(f"/api/v1/announcements/{seq}.wav")).content == speaker.wav(0)


async def test_only_a_call_has_a_sound(hall: Running) -> None:
    await hall.issue("pension")
    seq = hall.events("ticket.issued")[0].seq
    assert (await hall.api.get(f"/api/v1/announcements/{seq}.wav")).status_code == 404
    assert (await hall.api.get("/api/v1/announcements/99999.wav")).status_code == 404
