"""The ops page of the bulletin: entered, approved by another, changed, moved, withdrawn; and texts over everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import Form, form
from tests.pages.visits import done, move, page, refused, send, told, words

pytestmark = pytest.mark.looptime
HERE = "/ops/bulletin"
EVIL = "<script>alert(1)</script>"
RESULTS = (
    "不动产转移登记\t张小明\t2026-0413\t2026-03-01\t已办结\n施工许可\t示范建设有限公司\t\t2026-03-02\t准予许可\t单位"
)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


async def entry(hall: Running) -> Form:
    return form(await page(hall, HERE), HERE)


async def leaf(hall: Running, zone: str = "f1", n: int = 0) -> str:
    answer = await hall.api.get(f"/screen/{zone}/leaf", params={"n": n, "alone": True})
    assert answer.status_code == 200
    return answer.text


async def leaves(hall: Running, zone: str = "f1") -> str:
    return " ".join([words(await leaf(hall, zone, n)) for n in range(8)])


@pytest.mark.req("DISP-09", "DISP-12", "DISP-14", "DISP-15", "DISP-16")
async def test_a_notice_comes_onto_the_screen_by_way_of_two_people(hall: Running) -> None:
    drawn = await entry(hall)
    typed = {"title": f"服务标准{EVIL}", "text": "九点开始", "by": "李明"}
    first, second = [await send(hall, drawn, typed) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    (known,) = (await hall.get("/bulletin"))["entries"]
    assert "九点开始" not in await leaves(hall)
    approve = form(await page(hall, HERE), f"{HERE}/{known['id']}/approve")
    assert "请另一位审核" in told(await refused(hall, approve, by="李明", status=409))
    text = await done(hall, approve, by="王芳")
    assert "审核通过" in told(text)
    assert "第 1 版 正在显示" in words(text)
    assert "<script" not in text.replace('<script type="module"', "")
    assert "九点开始" in await leaves(hall)
    change = form(await page(hall, f"{HERE}?edit={known['id']}"), HERE)
    assert change.fields["title"] == typed["title"]
    await done(hall, change, text="九点开始、一次告知全部材料", by="赵静")
    assert "告知全部材料" not in await leaves(hall)
    assert form(await page(hall, HERE), f"{HERE}/{known['id']}/approve").fields["version"] == "2"
    text = await done(hall, form(await page(hall, HERE), f"{HERE}/{known['id']}/withdraw"), by="王芳")
    assert "王芳 2026-03-02 09:00 撤下" in words(text)
    assert "九点开始" not in await leaves(hall)


@pytest.mark.req("DISP-06", "DISP-07")
async def test_results_are_pasted_and_shown_with_masked_names(hall: Running) -> None:
    typed = {"kind": "result", "title": "结果公示", "results": RESULTS, "last": "2026-03-03", "by": "李明"}
    drawn = await entry(hall)
    text = await done(hall, drawn, typed)
    assert "张小明" not in text
    (known,) = (await hall.get("/bulletin"))["entries"]
    await done(hall, form(text, f"{HERE}/{known['id']}/approve"), by="王芳")
    shown = await leaves(hall)
    assert "张** 不动产转移登记 2026-0413 3月1日 已办结" in shown
    assert "示范建设有限公司 施工许可 3月2日 准予许可" in shown
    again = form(await page(hall, f"{HERE}?edit={known['id']}"), HERE)
    assert "内容没有变化" in told(await refused(hall, again, by="李明", status=409))
    move(hall, "2026-03-04 00:01")
    assert "张**" not in await leaves(hall)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"title": ""}, "标题"),
        ({"first": "明天"}, "开始日期"),
        ({"by": ""}, "姓名"),
        ({"text": ""}, "请写内容"),
        ({"last": "2026-03-01"}, "结束日期"),
        ({"kind": "result", "text": "", "results": "只有,两列"}, "不到五列"),
        ({"kind": "result", "text": "", "results": "a,b,c,昨天,d"}, "结果"),
        ({"kind": "poem"}, "种类"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(hall: Running, typed: dict[str, str], why: str) -> None:
    usual = {"title": "停电通知", "text": "3月5日停电", "by": "李明", "zone-f1": "on"}
    text = await refused(hall, await entry(hall), usual | typed)
    assert why in told(text)
    kept = form(text, HERE)
    assert kept.fields["zone-f1"] == "on"
    assert kept.fields["title"] == (usual | typed)["title"]


async def test_the_order_is_changed(hall: Running) -> None:
    for title in ("甲", "乙"):
        await done(hall, await entry(hall), title=title, text="内容", by="李明")
    _, second = (await hall.get("/bulletin"))["entries"]
    await done(hall, form(await page(hall, HERE), f"{HERE}/{second['id']}/earlier"))
    assert [each["versions"][0]["title"] for each in (await hall.get("/bulletin"))["entries"]] == ["乙", "甲"]


@pytest.mark.req("DISP-18")
async def test_an_emergency_lies_over_the_zones_it_names(hall: Running) -> None:
    drawn = form(await page(hall, HERE), "/ops/emergencies")
    assert "内容" in told(await refused(hall, drawn, by="王芳"))
    text = await done(hall, drawn, {"words": f"请从东门离开{EVIL}", "by": "王芳", "zone-f1": "on"})
    assert "紧急通知已上屏" in told(text)
    shown = await leaf(hall)
    assert 'class="emergency"' in shown
    assert "请从东门离开&lt;script&gt;" in shown
    assert 'class="emergency"' not in await leaf(hall, "guide")
    (standing,) = (await hall.get("/emergencies"))["emergencies"]
    assert (standing["by"], standing["zones"]) == ("王芳", ["f1"])
    await done(hall, form(await page(hall, HERE), f"/ops/emergencies/{standing['id']}/clear"), by="赵静")
    assert 'class="emergency"' not in await leaf(hall)
    assert [each.actor for each in hall.events("hall.")] == ["ops", "ops"]


async def test_an_emergency_and_the_playlist_survive_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        await hall.post("/emergencies", 201, text="请从东门离开", by="王芳")
    async with running(world) as hall:
        assert "请从东门离开" in await leaf(hall)
