"""The two books of ops as pages: the ledger of the equipment and the patrols. Typed, refused, saved, taken away."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import form
from tests.pages.visits import EVIL, done, page, refused, send, told, words

pytestmark = pytest.mark.looptime
LEDGER, PATROL = "/ops/ledger", "/ops/patrol"
PRINTER = {"number": "SB-2026/001", "name": "打印机", "category": "打印设备", "keeper": "赵静"}


async def table(hall: Running, path: str) -> list[dict[str, str]]:
    answer = await hall.api.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.req("ASSET-01", "ASSET-02")
async def test_a_device_is_registered_and_found_again(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        empty = await page(hall, f"{LEDGER}?device=printer-1")
        assert "还没有登记过设备" in empty
        drawn = form(empty, LEDGER)
        assert (drawn.fields["name"], drawn.fields["device"]) == ("1号取号机的小票打印机", "printer-1")
        assert "类别" in told(await refused(hall, drawn, PRINTER, category=""))
        text = await done(hall, drawn, PRINTER)
        assert "SB-2026/001 打印机" in words(text)
        assert (await send(hall, drawn, PRINTER)).status_code == 303  # pressed twice
        assert (await page(hall, f"{LEDGER}?number=SB-2026/001")).count('data-test="entry"') == 1
        taken = form(await page(hall, LEDGER), LEDGER)
        text = await refused(hall, taken, PRINTER, 409, name="另一台")
        assert "已经登记给打印机" in told(text)
        assert form(text, LEDGER).fields["name"] == "另一台"
        assert 'data-test="item"' in await page(hall, f"{LEDGER}?q=赵静&state=in_use&category=打印设备")
        assert 'data-test="item"' not in await page(hall, f"{LEDGER}?state=scrapped")
        assert "SB-2026/001" in await page(hall, "/ops/devices/printer-1")
        (row,) = await table(hall, f"{LEDGER}/items.csv")
        assert (row["统一编号"], row["状态"], row["设备"]) == ("SB-2026/001", "在用", "printer-1")


@pytest.mark.req("ASSET-05", "ASSET-14")
async def test_what_is_due_stands_on_top_until_it_is_entered(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await done(hall, form(await page(hall, LEDGER), LEDGER), PRINTER)
        lend = form(await page(hall, f"{LEDGER}?number=SB-2026/001&kind=loan"), LEDGER)
        for typed, why in (({"due": "明天"}, "2026-03-31"), ({"approved_by": ""}, "批准人")):
            usual = {"who": EVIL, "approved_by": "周主任", "due": "2026-03-01"}
            assert why in told(await refused(hall, lend, usual | typed))
        text = await done(hall, lend, who=EVIL, approved_by="周主任", due="2026-03-01")
        assert "<script>" not in text
        due = await page(hall, LEDGER)
        assert due.count('data-test="due"') == 1
        back = form(await page(hall, f"{LEDGER}?number=SB-2026/001&kind=returned"), LEDGER)
        await done(hall, back, who="陈静", checked_by="赵静")
        assert 'data-test="due"' not in await page(hall, LEDGER)
        fault = form(await page(hall, f"{LEDGER}?number=SB-2026/001&kind=fault"), LEDGER)
        await done(hall, fault, who="赵静", note="不切纸")
        assert "已报修" in await page(hall, LEDGER)
        assert [row["登记"] for row in await table(hall, f"{LEDGER}/entries.csv")] == [
            "报修",
            "归还",
            "外借",
            "登记入账",
        ]


async def test_a_number_that_is_none_is_refused_and_stays_typed(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        drawn = form(await page(hall, LEDGER), LEDGER)
        for number in ("", "a\nb", "<b>", "x" * 41):
            text = await refused(hall, drawn, PRINTER | {"number": number})
            assert "编号" in told(text)
            assert form(text, LEDGER).fields["keeper"] == "赵静"


@pytest.mark.req("INSP-01", "INSP-02", "INSP-04")
async def test_a_patrol_enters_one_observation_after_the_other(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        drawn = form(await page(hall, PATROL), PATROL)
        assert drawn.fields["at"] == "2026-03-02T09:00"
        assert "勾看到的" in told(await refused(hall, drawn, window="3", by="周主任"))
        typed = {"window": "3", "by": "周主任", "how": "supervision", "seen-late": "on", "seen-badge": "on"}
        text = await done(hall, drawn, typed, words=EVIL, measure="=当场提醒")
        assert "<script>" not in text
        assert "3号窗口" in words(text)
        assert "迟到、没有佩戴工作牌" in text
        following = form(text, PATROL).fields
        assert (following["by"], following["how"], following["window"]) == ("周主任", "supervision", "")
        assert "seen-late" not in following
        await done(hall, form(text, PATROL), {"place": "休息区", "seen-fine": "on"})
        (last, first) = await table(hall, f"{PATROL}/observations.csv")
        assert (last["地点"], first["地点"], first["处理"]) == ("休息区", "3号窗口", "'=当场提醒")
        assert await table(hall, f"{PATROL}/observations.csv?first=2026-03-03") == []


async def test_a_patrol_whose_form_is_not_ours_is_refused(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        drawn = form(await page(hall, PATROL), PATROL)
        for typed in ({"at": "gestern"}, {"how": "x"}, {"window": "99"}, {"words": "字" * 501}):
            usual = {"place": "休息区", "by": "周主任", "seen-late": "on"}
            assert "没有保存" in told(await refused(hall, drawn, usual | typed))
