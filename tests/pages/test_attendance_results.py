"""Publications at the pages of attendance: looked at, published once, objected to, corrected, exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import form
from tests.pages.visits import EVIL, HERE, done, fill, move, page, punch, refused, row, send, told, words

pytestmark = pytest.mark.looptime


async def published(hall: Running) -> str:
    """The address of the week's publication."""
    await punch(hall, "1003", "2026-03-02", "08:20", "12:01")
    move(hall, "2026-03-09 09:00")
    due = form(await page(hall, "/results"), f"{HERE}/results", every="weekly", first="2026-03-02")
    answer = await send(hall, due)
    assert answer.status_code == 303, told(answer.text)
    return str(answer.headers["location"]).partition("?")[0]


@pytest.mark.req("ATT-23", "RPT-02")
async def test_a_week_is_looked_at_and_published_once(hall: Running) -> None:
    move(hall, "2026-03-09 09:00")
    look = await page(hall, "/due/weekly/2026-03-02")
    assert "公示以后不能撤回" in look
    assert "拟定，没有公示" in look
    assert row(look, "1001")
    drawn = form(look, f"{HERE}/results")
    first, second = [await send(hall, drawn) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    text = await page(hall, first.headers["location"])
    assert "公示中，2026-03-11 24:00 前可提异议" in words(text)
    again = form(await page(hall, "/results"), f"{HERE}/results", every="weekly")
    text = await refused(hall, again, status=409, first="2026-03-03")
    assert "已经公示" in told(text)
    assert len((await hall.get("/attendance/publications"))["publications"]) == 1
    text = await refused(hall, again, status=409, first="2026-03-09")
    assert "2026-03-15 之后才能公示" in told(text)
    assert "请选公示的种类" in told(await refused(hall, again, every="daily"))


@pytest.mark.req("ATT-24")
async def test_an_objection_is_answered_and_the_result_corrected(hall: Running) -> None:
    one = await published(hall)
    mine = f"{one}/people/1001"
    text = await page(hall, mine)
    assert "迟到10分钟" in words(text)
    assert "旷工（拟）" in words(text)
    assert "请写明异议的内容" in told(await refused(hall, form(text, f"{mine}/objections")))
    text = await done(hall, form(text, f"{mine}/objections"), words=f"2日停电{EVIL}")
    assert "<script" not in text
    assert "异议待答复" in row(await page(hall, one), "1001")
    assert "1 条待答复" in words(await page(hall, "/results"))
    (objection,) = (await hall.get(f"/attendance/publications/{one.rpartition('/')[2]}"))["objections"]
    drawn = form(text, f"{mine}/objections/{objection['id']}")
    assert "成立还是不成立" in told(await refused(hall, drawn, answer="核实了"))
    kept = await refused(hall, drawn, upheld="yes")
    assert "请写明答复" in told(kept)
    assert form(kept, drawn.action).fields["upheld"] == "yes"
    assert "再按“更正结果”" in told(await done(hall, drawn, upheld="yes", answer="确有停电"))
    change = form(await page(hall, mine), f"{mine}/correct")
    assert "结果没有变化" in told(await refused(hall, change, status=409, why="停电"))
    excuse = form(await page(hall, "/entries?kind=excuse"), f"{HERE}/entries")
    await done(hall, excuse, person="1001", finding="late", first="2026-03-02", last="2026-03-02", reason="停电")
    text = await done(hall, form(await page(hall, mine), f"{mine}/correct"), why="大门停电")
    assert "迟到10分钟（经核实不计）" in words(text)
    whole = words(await page(hall, one))
    assert "第 2 版，大门停电" in whole


async def test_after_the_time_nobody_objects_and_the_page_says_so(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await fill(hall)
        one = await published(hall)
        mine = f"{one}/people/1001"
        drawn = form(await page(hall, mine), f"{mine}/objections")
        move(hall, "2026-03-12 00:00")
        text = await refused(hall, drawn, status=409, words="晚了")
        assert "已过异议期，逾期视为无异议" in told(text)
        assert "异议期已过，不能再登记异议" in text
        await hall.until(lambda: hall.events("attendance.locked"))
        assert "已锁定（2026-03-12）" in words(await page(hall, one))


@pytest.mark.req("RPT-06")
@pytest.mark.parametrize("where", ["published", "running"])
async def test_a_report_is_printed_and_exported_whole_or_for_one_unit(hall: Running, where: str) -> None:
    at = await published(hall) if where == "published" else f"{HERE}/months/2026-03"
    assert row(await page(hall, at), "1003")
    assert not row(await page(hall, f"{at}?unit=rs"), "1003")
    for unit, there in (("", True), ("?unit=rs", False)):
        for file in ("summary.csv", "details.csv"):
            answer = await hall.api.get(f"{at}/{file}{unit}")
            assert answer.headers["content-type"].startswith("text/csv")
            assert ("王五" in answer.text) is (there and (file == "summary.csv" or where == "published"))
        assert ("王五" in await page(hall, f"{at}/report{unit}")) is there
    assert (await hall.api.get(f"{at}/report.xlsx")).content.startswith(b"PK")
    masked = await page(hall, f"{at}/report?masked=true")
    assert "李*" in masked
    assert "李四" not in masked
    assert (await hall.api.get(f"{at}/other.pdf")).status_code == 422
