"""The levels as ops sees them: counts by service and window, a share that silence does not change."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.visits import page, words

pytestmark = pytest.mark.looptime


async def rated(hall: Running, level: int | None, *reasons: str) -> None:
    """A visit at window 3; None: nobody rated."""
    await hall.issue()
    ticket = (await hall.post("/windows/3/call-next"))["ticket"]["id"]
    await hall.post("/windows/3/finish", ticket=ticket)
    evaluation = (await hall.get("/windows/3/evaluation"))["id"]
    if level is not None:
        await hall.post(f"/evaluations/{evaluation}", level=level, reasons=list(reasons))
    else:
        await hall.post(f"/evaluations/{evaluation}/decline")


@pytest.mark.req("EVAL-01")
async def test_the_five_levels_are_counted_and_silence_is_no_level(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        assert words(await page(hall, "/ops/ratings")).count("还没有评价") == 2
        for level in (5, 4, 4, 1, None):
            await rated(hall, level, *(("115",) if level == 1 else ()))
        text = await page(hall, "/ops/ratings")
        rows = [words(row.replace("<td", " <td")) for row in re.findall(r'<tr data-test="row">.*?</tr>', text, re.S)]
        assert rows[:2] == ["养老保险 5 4 1 2 0 0 1 75.0%", "3号 社保窗口 5 4 1 2 0 0 1 75.0%"]
        assert rows[2:] == rows[:2], "today is among the last 30 days"
        assert "服务态度差效率低" in text
        hall.world.wall.at += 86_400
        text = await page(hall, "/ops/ratings")
        assert text.count('data-test="row"') == 2
        answer = await hall.api.get("/ops/ratings/levels.csv")
        last = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))[-1]
        assert (last["事项或窗口"], last["满意"], last["满意率"]) == ("合计", "2", "0.750")
