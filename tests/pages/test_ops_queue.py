"""The queue of a day as a page: its figures, its charts, what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pages import ops_charts
from edge.pages.ops_queue import imbalance
from tests.hall import Running, World, running, without_devices
from tests.pages.visits import page, words

pytestmark = pytest.mark.looptime


def said(text: str, name: str) -> str:
    found = re.search(rf'data-test="{name}"[^>]*>(.*?)</(?:p|ul|tr|dl)>', text, re.S)
    return words(found[1].replace("<dd", " <dd").replace("<div", " <div")) if found else ""


async def served(hall: Running, minutes: float, window: int = 3) -> None:
    await hall.issue()
    hall.world.wall.at += minutes * 60
    called = await hall.post(f"/windows/{window}/call-next")
    ticket = called["ticket"]["id"]
    hall.world.wall.at += 240
    await hall.post(f"/windows/{window}/finish", ticket=ticket)


async def test_a_day_is_told_in_numbers_charts_and_words(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        empty = await page(hall, "/ops/queue")
        assert "这一天还没有人等候" in said(empty, "waiting")
        assert '<svg class="chart" ' not in empty
        await served(hall, 10)
        await hall.issue()
        await hall.issue()
        hall.world.wall.at += 300
        text = await page(hall, "/ops/queue")
        assert "取号 3 办结 1 正在等候 2" in said(text, "total")
        assert "平均等候（分钟） 10.0" in said(text, "total")
        assert said(text, "waiting") == "最多 2 人，在 09:14"
        assert "1 个号里" in said(text, "forecast")
        row = re.search(r'id="window-3".*?</tr>', text, re.S)
        assert row is not None
        assert "3号 社保窗口" in words(row[0])
        assert text.count('class="chart"') == 2
        yesterday = await page(hall, "/ops/queue?day=2026-03-01")
        assert "取号 0" in said(yesterday, "total")
        for strange in ("x", "2026-99-99", "1026-03-01"):
            assert "2026-03-02" in await page(hall, f"/ops/queue?day={strange}")


def test_an_uneven_load_is_said_with_the_windows_that_it_is_of() -> None:
    group = {"windows": [3, 5], "names": ["养老保险"], "cases_per_open_hour": [6.0, 2.0], "ratio": 3.0}
    cases = [{"no": 3, "cases": 12}, {"no": 5, "cases": 4}]
    told = imbalance({"jain": 0.7, "groups": [group]}, cases)
    assert told[0] == "3号和5号窗口都办养老保险：3号每小时 6.0 件，5号只有 2.0 件"
    assert "忙闲均衡度 0.70" in told[1]
    assert imbalance({"jain": 0.95, "groups": []}, cases)[0].startswith("各窗口忙闲差不多")
    assert "说不了" in imbalance({"jain": None, "groups": [group | {"cases_per_open_hour": [6.0, None]}]}, cases)[0]
    few = [{"no": 3, "cases": 3}, {"no": 5, "cases": 1}]
    assert imbalance({"jain": 0.95, "groups": [group]}, few)[0].startswith("各窗口忙闲差不多")


@given(st.floats(0, 1e6))
def test_the_top_of_a_chart_is_round_and_holds_everything(top: float) -> None:
    found = ops_charts.round_up(top)
    assert found >= top
    assert found % 4 == 0


SPANS = st.lists(
    st.tuples(st.integers(0, 80_000), st.integers(1, 6_000)).map(lambda span: (span[0], span[0] + span[1])), min_size=1
)


@given(SPANS)
def test_every_point_lies_inside_the_frame_and_the_peak_is_not_missed(spans: list[tuple[int, int]]) -> None:
    counts = ops_charts.crowd(spans)
    assert max(count for _, count in counts) == max(sum(a <= at < b for a, b in spans) for at, _ in spans)
    line = re.search(r'polyline class="line" points="([^"]+)"', ops_charts.waiting("等候", counts))
    assert line is not None
    for pair in line[1].split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= ops_charts.WIDTH
        assert 0 <= y <= ops_charts.HEIGHT
