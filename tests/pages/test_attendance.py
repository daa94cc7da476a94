"""Every page of attendance opens, and a day says what was found and leads to what settles it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import form
from tests.pages.visits import EVIL, HERE, done, move, page, punch, row, words

pytestmark = pytest.mark.looptime

# ---- every page

PAGES = (
    *("", "?on=2026-02-28", "?on=2027-03-02", "?unit=ga", "?on=nothing", "?on=0001-01-01", "?unit=none"),
    *(f"/entries?kind={kind}" for kind in ("leave", "outing", "duty", "roll_call", "study", "off_post", "excuse", "x")),
    *("/people", "/people?edit=1002", "/people?edit=none", "/results", "/calendar", "/calendar?year=2027"),
    *("/calendar?year=99999", "/calendar?day=2026-02-30", "/months/2026-03", "/months/2026-03?unit=rs"),
    *("/months/2026-03/people/1002", "/due/weekly/2026-02-23", "/due/yearly/2026-02-23", "/months/2026-03/report"),
)


async def test_a_page_opens_without_script_and_takes_no_name_for_markup(hall: Running) -> None:
    for path in PAGES:
        answer = await hall.api.get(HERE + path)
        assert answer.status_code == 200, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search("<script|style=|>None<", answer.text), path


async def test_what_is_not_there_says_so(hall: Running) -> None:
    for path in ("/entries/none", "/results/none", "/months/2026-13", "/months/2026-03/people/none"):
        assert "没有找到" in await page(hall, path, 404)


async def test_an_empty_hall_says_what_to_do(tmp_path: Path) -> None:
    said = {"": "先录入或导入人员名册", "/people": "名册是空的", "/entries": "还没有登记过", "/results": "还没有公示过"}
    async with running(World(tmp_path, without_devices)) as hall:
        for path, sentence in said.items():
            assert sentence in await page(hall, path)


async def test_the_way_there_and_back(hall: Running) -> None:
    for path in ("/", "/ops"):
        assert f'href="{HERE}"' in await page(hall, path)
    text = await page(hall, "/results")
    assert all(f'href="{HERE}{each}"' in text for each in ("", "/entries", "/people", "/results", "/calendar"))
    assert 'href="/ops"' in text


# ---- a day


async def test_today_shows_what_was_found_and_by_which_rule(hall: Running) -> None:
    text = await page(hall)
    assert "迟到10分钟" in row(text, "1001")
    assert "规定：迟到：按产品默认值" in row(text, "1001")
    assert "08:40 人脸" in row(text, "1001")
    assert "3号A角" in row(text, "1001")
    assert "正常" in row(text, "1002")
    assert "尚无打卡" in row(text, "1003")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    only = await page(hall, "?unit=ga")
    assert row(only, "1003")
    assert not row(only, "1001")
    assert "on=2026-03-01&amp;unit=ga" in only.replace("&unit", "&amp;unit")


SENTENCES: tuple[tuple[str, str], ...] = (
    ("2026-03-03", "工作日"),
    ("2026-02-28", "调休上班（春节）"),
    ("2026-03-01", "休息日（周末），不考勤"),
    ("2026-02-17", "休息日（春节），不考勤"),
    ("2027-03-02", "2027年放假安排尚未公布，当天考勤为待定"),
)


@pytest.mark.req("ATT-01")
async def test_a_day_says_what_kind_it_is(hall: Running) -> None:
    for on, sentence in SENTENCES:
        state = re.search(r'<p class="state[^"]*">(.*?)</p>', await page(hall, f"?on={on}"), re.S)
        assert state is not None
        assert words(state[1]).startswith(sentence)


async def test_what_is_amiss_now_stands_on_top(hall: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = {
        "what": f"3号窗口空窗{EVIL}",
        "todo": "请B角顶岗",
        "since": "2026-03-02T08:41:00",
        "clause": {"source": "WIN-06"},
    }
    monkeypatch.setattr("edge.pages.attendance_day.open_alarms", lambda _connection, _hall: [alarm])
    text = await page(hall)
    assert "08:41 起 · 请B角顶岗" in words(text)
    assert "<script" not in text
    assert text.index('data-test="alarm"') < text.index('data-test="row"')
    assert 'data-test="alarm"' not in await page(hall, "?on=2026-02-27")


@pytest.mark.req("ATT-08", "ATT-13")
async def test_from_a_finding_to_the_form_that_settles_it(hall: Running) -> None:
    await punch(hall, "1001", "2026-03-02", "12:01", "18:01")
    move(hall, "2026-03-03 09:00")
    text = await page(hall, "?on=2026-03-02")
    assert "有下无上 14:30（待人工核实） 规定：有上无下：按原州区 九篇 篇2（ATT-08）" in row(text, "1001")
    (link,) = re.findall(r'href="([^"]+)">补卡</a>', text)
    drawn = form(await page(hall, link.replace("&amp;", "&")), f"{HERE}/entries")
    assert (drawn.fields["person"], drawn.fields["at"]) == ("1001", "2026-03-02T14:30")
    await done(hall, drawn, direction="in")
    assert "有下无上" not in row(await page(hall, "?on=2026-03-02"), "1001")
    excuse = re.findall(r'href="([^"]+finding=late[^"]+)">不予认定</a>', await page(hall, "?on=2026-03-02"))[0]
    drawn = form(await page(hall, excuse.replace("&amp;", "&")), f"{HERE}/entries")
    assert "什么也没有" not in await done(hall, drawn, reason="考勤机停电")
    assert "经核实不计" in row(await page(hall, "?on=2026-03-02"), "1001")
