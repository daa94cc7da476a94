"""The roster's page: who is where, what is missing, and what does not fit."""

from __future__ import annotations

import pytest

from tests.hall import Running
from tests.pages.forms import form
from tests.pages.visits import EVIL, HERE, done, page, refused, row, told, words

pytestmark = pytest.mark.looptime


@pytest.mark.req("ENR-02", "ENR-07", "ENR-08")
async def test_the_roster_shows_who_is_where_and_what_is_missing(hall: Running) -> None:
    text = await page(hall, "/people")
    assert "首席代表" in row(text, "1001")
    assert "3号A角" in row(text, "1001")
    assert "缺调整函" in row(text, "1003")
    assert "缺调整函" not in row(text, "1001")
    assert "不同意识别，刷卡" in row(text, "1001")
    assert "刷脸" in row(text, "1002")


async def test_a_person_is_added_and_changed(hall: Running) -> None:
    drawn = form(await page(hall, "/people"), f"{HERE}/people")
    more = {
        "name": "赵六",
        "unit": "ga",
        "posts_a": "1、2",
        "posts_b": "3",
        "fingerprint": "2026-03-01",
        "letter": "调函9号",
    }
    text = await done(hall, drawn, more, id="1009", section="综合股")
    assert "已保存" in told(text)
    for said in ("综合股", "1号A角", "2号A角", "3号B角", "指纹", "调函9号", "2026-03-02 起"):
        assert said in row(text, "1009")
    change = form(await page(hall, "/people?edit=1009"), f"{HERE}/people")
    assert change.fields | more == change.fields
    assert "什么也没有改" in told(await done(hall, change))
    change = form(await page(hall, "/people?edit=1009"), f"{HERE}/people")
    text = await done(hall, change, until="2026-03-01", since="2026-01-05")
    assert "已离岗 1 人" in words(text)


UNFIT: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"id": "1001"}, 409, "工号 1001 已经是李四的"),
    ({"id": "工号"}, 422, "工号里有不能用的字符"),
    ({"name": ""}, 422, "姓名没有写"),
    ({"posts_a": "三"}, 422, "A角窗口“三”只写窗口号"),
    ({"posts_b": "99"}, 422, "没有 99 号窗口"),
    ({"until": "2026-01-01"}, 422, "离岗日期早于到岗日期"),
    ({"since": "明天"}, 422, "到岗日期写法不对"),
)


async def test_a_person_who_does_not_fit_stays_typed(hall: Running) -> None:
    for typed, status, why in UNFIT:
        given = {"id": "1009", "name": f"赵六{EVIL}", "title": EVIL} | typed
        text = await refused(hall, form(await page(hall, "/people"), f"{HERE}/people"), given, status)
        assert why in told(text)
        assert "<script" not in text
        again = form(text, f"{HERE}/people").fields
        assert all(again[key] == value for key, value in given.items())
        assert len((await hall.get("/attendance/people"))["people"]) == 3


async def test_people_come_from_a_table(hall: Running) -> None:
    drawn = form(await page(hall, "/people"), f"{HERE}/people/import")
    table = "工号\t姓名\t单位\t到岗日期\n1009\t赵六\tga\t2026-03-02\n1001\t李四\trs\t2026-01-01\n"
    assert "已导入，2 人有变化" in told(await done(hall, drawn, table=table))
    drawn = form(await page(hall, "/people"), f"{HERE}/people/import")
    wrong = await refused(hall, drawn, table="工号,姓名,血型\n1,甲,A\n")
    assert "不认识的列：血型" in told(wrong)
