"""What becomes of a bad review: who answers for it, by when, and that nobody learns who gave it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evaluation.bad_reviews import due
from edge.hall import Hall
from tests.evaluation.test_tallies import rated
from tests.hall import Running, World, demo_hall, running, without_devices
from tests.pages.forms import Form, forms
from tests.pages.visits import done, page, refused, send, told, words

pytestmark = pytest.mark.looptime
DAY_S = 86_400


def reviews(text: str) -> list[str]:
    """What stands of each, without the form."""
    found = re.findall(r'<li id="review-.*?</li>', text, re.S)
    return [words(re.sub(r"<form.*?</form>", "", each, flags=re.S)) for each in found]


def handling(text: str) -> list[Form]:
    return [each for each in forms(text) if each.action.startswith("/ops/ratings/") and each.method == "post"]


async def problem(hall: Running) -> dict[str, Any] | None:
    found = (await hall.get("/problems"))["problems"]
    return next((each for each in found if each["id"] == "bad_reviews"), None)


async def test_a_bad_review_is_verified_rectified_and_closed(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        for level in (5, 3, 2):
            await rated(hall, level, *(("214",) if level == 2 else ()))
        (only,) = reviews(text := await page(hall, "/ops/ratings"))
        assert only == "不满意 养老保险 3号 社保窗口 · 2026-03-02 09:00 待核实 期限 2026-03-23 服务态度生硬"
        (drawn,) = handling(text)
        assert "请选办到哪一步" in told(await refused(hall, drawn, by="社保局 李四"))
        said = {"by": "李四", "words": "电话 13800138000 已核实，下周调岗"}
        text = await done(hall, drawn, said, step="rectifying")
        assert "整改中 · 李四：电话 138****8000 已核实，下周调岗" in reviews(text)[0]
        (drawn,) = handling(text)
        assert drawn.fields["by"] == "李四"
        text = await done(hall, drawn, words="已调岗", step="rectified")
        assert "已办结：已整改" in reviews(text)[0]
        assert not handling(text)
        assert "已经办结" in told(await refused(hall, drawn, status=409, words="又来", step="rectifying", once="x"))
        assert [event.type for event in hall.events("bad_review.")] == ["bad_review.rectifying", "bad_review.rectified"]
        assert "调岗" not in json.dumps([event.data for event in hall.events()], ensure_ascii=False)


async def test_a_good_rating_and_one_that_is_not_there_are_no_bad_reviews(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await rated(hall, 3)
        (id_,) = [event.data["evaluation"] for event in hall.events("evaluation.rated")]
        for each in (id_, "nothing"):
            form = Form(f"/ops/ratings/{each}", "post", {"step": "rectified", "by": "李四", "words": "好"})
            assert "没有这条差评" in told(await refused(hall, form, status=404))


async def test_what_is_overdue_is_a_problem_until_it_is_closed(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await rated(hall, 1)
        hall.world.wall.at += 21 * DAY_S  # Monday 2026-03-23, the fifteenth working day
        assert await problem(hall) is None
        hall.world.wall.at += DAY_S
        found = await problem(hall)
        assert found is not None
        assert (found["severity"], found["why"], found["since"][:10]) == ("warn", "1条到期没有办结", "2026-03-24")
        assert 'href="/ops/ratings#bad"' in await page(hall, "/ops")
        text = await page(hall, "/ops/ratings")
        assert "已过期限 2026-03-23" in reviews(text)[0]
        await done(hall, handling(text)[0], by="李四", words="没有依据，已说明", step="explained")
        assert await problem(hall) is None
        hall.world.wall.at += 60 * DAY_S
        assert not reviews(await page(hall, "/ops/ratings"))


async def test_neither_page_nor_table_nor_event_says_who_rated(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue()
        ticket = (await hall.post("/windows/3/call-next"))["ticket"]
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        evaluation = (await hall.get("/windows/3/evaluation"))["id"]
        comment = "=态度不好，我的电话13800138000，身份证530111199001010016"
        await hall.post(f"/evaluations/{evaluation}", level=1, reasons=["115", "113"], comment=comment)
        text = await page(hall, "/ops/ratings")
        await send(hall, handling(text)[0], by="李四", words="查无此事", step="mistaken")
        answer = await hall.api.get("/ops/ratings/bad-reviews.csv")
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert (row["等级"], row["原因"], row["状态"]) == (
            "非常不满意",
            "服务态度差效率低；多头跑窗口和部门",
            "已办结：误评或恶意评价",
        )
        assert row["意见"].startswith("'=态度不好")
        for said in (text, answer.content.decode()):
            for secret in (ticket["id"], ticket["number"], "13800138000", "530111199001010016"):
                assert secret not in said
        (event,) = hall.events("bad_review.")
        assert ticket["id"] not in (event.key, *map(str, event.data.values()))
        later = await hall.api.get("/ops/ratings/bad-reviews.csv?first=2026-03-03&last=2026-03-09")
        assert len(later.content.decode().splitlines()) == 1


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Hall:
    return demo_hall(tmp_path_factory.mktemp("county"))


@given(st.dates(date(2026, 1, 1), date(2026, 9, 30)), st.integers(1, 30))
def test_the_time_to_close_one_is_counted_in_working_days(county: Hall, day: date, given_days: int) -> None:
    terms = county.evaluation.model_copy(update={"rectify_working_days": given_days})
    end = due(county.model_copy(update={"evaluation": terms}), {}, day.isoformat())
    after = [day + timedelta(days=nth) for nth in range(1, (end - day).days + 1)]
    working = [each for each in after if county.find_day(each, None).kind == "working"]
    assert len(working) == given_days
    assert working[-1] == end
