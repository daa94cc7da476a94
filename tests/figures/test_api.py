"""The figures over HTTP: today's, a day that is over, and the tables that other programs open."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]

from edge.figures import sheets
from edge.queue.figure_views import close_figures
from tests.hall import DAY_S, Running, World, running, without_devices

pytestmark = pytest.mark.looptime
TODAY = "2026-03-02"


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(World(tmp_path, without_devices)) as made:
        yield made


async def serve_one(hall: Running) -> None:
    """Four minutes of waiting, six of service, at window 3."""
    ticket = await hall.issue(channel="desk")
    await asyncio.sleep(240)
    await hall.post("/windows/3/call-next")
    await asyncio.sleep(360)
    await hall.post("/windows/3/finish", ticket=ticket["id"])


async def table(hall: Running, query: str) -> list[dict[str, str]]:
    answer = await hall.api.get(f"/api/v1/figures.csv{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_todays_figures_are_at_most_two_seconds_old(hall: Running) -> None:
    await serve_one(hall)
    first = await hall.get("/figures")
    assert (first["total"]["issued"], first["total"]["wait_mean"], first["total"]["handling_mean"]) == (1, 4.0, 6.0)
    await hall.issue(channel="desk")
    assert await hall.get("/figures") == first
    await asyncio.sleep(2)
    now = await hall.get(f"/figures?day={TODAY}")
    assert (now["total"]["issued"], now["total"]["waiting"]) == (2, 1)
    assert now["seq"] > first["seq"]
    assert (await hall.get("/figures/priority"))["reasons"] == []


async def test_a_day_that_was_closed_and_one_to_come(hall: Running) -> None:
    await serve_one(hall)
    await hall.parts.writer.do(close_figures, TODAY)
    hall.world.wall.at += DAY_S
    kept = await hall.get(f"/figures?day={TODAY}")
    assert (kept["closed"], kept["total"]["served"], kept["as_of"][:10]) == (True, 1, TODAY)
    assert (await hall.get("/figures"))["total"]["issued"] == 0
    assert (await hall.get("/figures?day=2026-12-31"))["as_of"] is None


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/figures?day=2026-02-30", "bad_day"),
        ("/figures?day=gestern", "bad_day"),
        ("/figures/priority?day=2026-13-01", "bad_day"),
        ("/figures.csv?from=x", "bad_day"),
        ("/figures.xlsx?from=2026-03-02&to=2026-03-01", "bad_period"),
        ("/figures.xlsx?from=2024-01-01&to=2026-03-01", "bad_period"),
    ],
)
async def test_a_day_that_does_not_exist_is_refused_in_words(hall: Running, path: str, code: str) -> None:
    answer = await hall.api.get(f"/api/v1{path}")
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{code}")
    assert "日期" in answer.json()["title"]


async def test_a_table_of_each_kind_and_a_workbook_of_all(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    await serve_one(hall)
    day = (await table(hall, ""))[0]
    assert (day["日期"], day["取号"], day["平均等候（分钟）"], day["即办（件）"]) == (TODAY, "1", "4.0", "1")
    (clerk,) = await table(hall, "?table=clerks")
    assert (clerk["工号"], clerk["姓名"], clerk["办件（次）"], clerk["忙（分钟）"]) == ("1003", "赵静", "1", "6.0")
    hours = await table(hall, "?table=hours")
    assert [(each["时段"], each["取号"], each["办结"]) for each in hours] == [("09:00", "1", "1")]
    two = await table(hall, f"?from=2026-03-01&to={TODAY}&table=windows")
    assert [(each["日期"], each["窗口"], each["办件（次）"]) for each in two][3:] == [
        (TODAY, "1", "0"),
        (TODAY, "2", "0"),
        (TODAY, "3", "1"),
    ]
    answer = await hall.api.get(f"/api/v1/figures.xlsx?from=2026-03-01&to={TODAY}")
    book = load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["每日", "事项", "窗口", "人员", "时段", "优先"]
    rows = list(book["事项"].iter_rows(min_row=2, values_only=True))
    assert rows[0][:3] == ("日期", "事项", "取号")
    assert (TODAY, "养老保险", 1) in [each[:3] for each in rows]
    again = await hall.api.get(f"/api/v1/figures.xlsx?from=2026-03-01&to={TODAY}")
    assert again.content == answer.content


def test_text_is_no_formula_and_what_cannot_be_said_is_empty() -> None:
    nothing: dict[str, Any] = dict.fromkeys(sheets.COUNTS)
    day = sheets.Day({"day": TODAY, "services": [{"name": "=1+1", **nothing}]}, {})
    assert sheets.table_csv("services", [day]).decode("utf-8-sig").splitlines()[1].startswith(f"{TODAY},'=1+1,,")
