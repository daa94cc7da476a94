"""Attendance over HTTP: feeds of the centre, tables of ops, a day, a publication and its objection."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.attendance import desk
from tests.attendance.days import ZONE
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

API = "/attendance"
ROSTER = "工号,姓名,单位,到岗日期,调整函\n1001,李四,rs,2026-01-01,人函1号\n1002,王五,ga,2026-01-01,人函1号\n"
PUNCHED = ("08:20", "12:05", "14:20", "18:01")


def with_rules(text: str) -> str:
    return without_devices(text).replace("county_xx.toml", "yuanzhou.toml")


@contextlib.asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Running]:
    world = World(tmp_path, with_rules)
    async with running(world) as hall:
        answer = await hall.api.post(f"/api/v1{API}/import/people", content=ROSTER.encode("gb18030"))
        assert (answer.status_code, answer.json()) == (200, {"changed": 2})
        yield hall


async def punch(hall: Running, person: str, day: str, *times: str) -> None:
    for each in times:
        clock = datetime.fromisoformat(f"{day} {each}")
        record = desk.Punch("gate-1", person, clock, "0", f"{day} {each}", "unknown", "fingerprint", live=True)
        await hall.parts.writer.do(desk.punch, record)


def move(hall: Running, to: str) -> None:
    hall.world.wall.at += datetime.fromisoformat(to).replace(tzinfo=ZONE).timestamp() - hall.world.wall()


async def day(hall: Running, on: str) -> dict[str, list[dict[str, Any]]]:
    return {each["staff"]: each["findings"] for each in (await hall.get(f"{API}/days/{on}"))["people"]}


@pytest.mark.req("ATT-09")
async def test_the_day_as_the_hall_file_rules_it(tmp_path: Path) -> None:
    """原州区 篇1: more than five minutes is late; its shifts are the product's."""
    async with opened(tmp_path) as hall:
        await punch(hall, "1001", "2026-03-02", "09:06", "17:31")
        move(hall, "2026-03-03 09:00")
        late = (await day(hall, "2026-03-02"))["1001"][0]
        assert (late["kind"], late["minutes"]) == ("late", 6)
        assert late["rule"] == {"key": "attendance.late", "source": "原州区 九篇 篇1 (ATT-09)"}
        assert [each["source"] for each in late["punches"]] == ["fingerprint"]


async def test_the_centre_brings_a_leave_and_takes_it_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        span = {"start": "2026-03-02T09:00:00+08:00", "end": "2026-03-02T10:00:00+08:00"}
        away = {"kind": "off_post", "ref": "patrol-1", "person": "1001", **span}
        assert await hall.post(f"{API}/entries", entries=[away]) == {"changed": 1}
        assert await hall.post(f"{API}/entries", entries=[away]) == {"changed": 0}
        assert await hall.post(f"{API}/entries/patrol-1/withdraw", why="看错了窗口")
        rows = (await hall.get(f"{API}/entries"))["entries"]
        assert [(each["ref"], each["withdrawn"], each["why"]) for each in rows] == [
            ("patrol-1", 1, "看错了窗口"),
            ("patrol-1", 0, ""),
        ]


async def test_what_is_wrong_with_a_table_is_told_and_nothing_is_taken(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        table = "编号,类别,工号,开始,结束\ns1,事假,1001,2026-03-02 08:30,2026-03-02 09:00\ns2,慢假,1001,x,y\n"
        answer = await hall.api.post(f"/api/v1{API}/import/entries", content=table.encode())
        assert (answer.status_code, answer.json()["title"]) == (422, "表格有误，没有导入任何一行")
        assert "第3行" in answer.json()["detail"]
        assert (await hall.get(f"{API}/entries"))["entries"] == []
        huge = await hall.api.post(f"/api/v1{API}/import/people", content=b"x" * (4 * 1024 * 1024 + 1))
        assert huge.status_code == 413
        unknown = await hall.post(f"{API}/people", 422, people=[{"id": "1", "name": "李", "unit": "rs", "photo": "x"}])
        assert "photo" in unknown["detail"]


@pytest.mark.req("ATT-19", "RPT-03")
async def test_a_month_is_due_published_objected_to_corrected_and_locked(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        for who in ("1001", "1002"):
            for on in range(2, 32):
                await punch(hall, who, f"2026-03-{on:02}", "08:50", "17:31") if who == "1002" or on != 3 else None
        move(hall, "2026-04-01 08:00")
        (due,) = (await hall.get(f"{API}/publications"))["due"]
        assert due == {"every": "monthly", "first": "2026-03-01", "last": "2026-03-31"}
        made = await hall.post(f"{API}/publications", 201, every="monthly", first="2026-03-01")
        path = f"{API}/publications/{made['id']}"
        shown = {each["staff"]: each for each in (await hall.get(path))["results"]}
        assert (shown["1001"]["absent_days"], shown["1002"]["absent_days"]) == (1, 0)
        objection = await hall.post(f"{path}/objections", 201, person="1001", words="那天去区里开会")
        span = {"start": "2026-03-03T00:00:00+08:00", "end": "2026-03-03T23:59:00+08:00"}
        excuse = {
            "kind": "excuse",
            "ref": "x1",
            "person": "1001",
            "finding": "absent",
            "reason": "会议通知在案",
            **span,
        }
        await hall.post(f"{API}/entries", entries=[excuse])
        assert await hall.post(f"{path}/results/1001/correct", why="会议通知在案") == {"version": 2}
        move(hall, "2026-04-20 08:00")
        assert (await hall.get(path))["locked_at"] is None
        await hall.post(f"{API}/objections/{objection['id']}/answer", answer="属实，已更正", upheld=True)
        await hall.until(lambda: hall.events("attendance.locked"))
        final = await hall.get(path)
        assert final["locked_at"] is not None
        assert [(each["version"], each["why"]) for each in final["corrections"]] == [(2, "会议通知在案")]
        assert next(each for each in final["results"] if each["staff"] == "1001")["absent_days"] == 0
        assert await hall.post(f"{path}/objections", 409, person="1001", words="晚了")


@pytest.mark.req("ATT-01")
async def test_next_years_table_is_entered_at_ops(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        before = {each["on"]: each["kind"] for each in (await hall.get(f"{API}/calendar/2027"))["days"]}
        assert set(before.values()) == {"provisional"}
        off = ["2027-01-01", "2027-02-08"]
        assert await hall.post(f"{API}/calendar/years", year=2027, off=off, working=["2027-01-10"]) == {"days": 365}
        after = {each["on"]: each["kind"] for each in (await hall.get(f"{API}/calendar/2027"))["days"]}
        assert [after[on] for on in (*off, "2027-01-09", "2027-01-10", "2027-01-11")] == [
            *("day_off", "day_off", "day_off"),
            *("working", "working"),
        ]
        await hall.post(f"{API}/calendar/years", 422, year=2027, off=["2026-01-01"])
        day = {"day": "2027-03-06", "kind": "extended", "name": "延时", "shifts": [{"start": "09:00", "end": "12:00"}]}
        assert await hall.post(f"{API}/calendar/days", days=[day]) == {"days": 1}


@pytest.mark.req("ENR-02")
async def test_ops_sees_who_lacks_a_letter_and_what_is_amiss(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await hall.post(f"{API}/people", people=[{"id": "1003", "name": "赵六", "unit": "zj", "since": "2026-01-01"}])
        staff = {each["staff"]: each for each in (await hall.get(f"{API}/terminals"))["staff"]}
        assert (staff["1001"]["words"], staff["1003"]["words"]) == (None, "缺人员调整函")
        assert (await hall.get(f"{API}/alarms"))["alarms"] == []
        move(hall, "2026-12-15 10:00")
        (alarm,) = await hall.until(lambda: hall.events("attendance.alarm"), within=600)
        shown = (await hall.get(f"{API}/alarms"))["alarms"]
        assert [each["kind"] for each in shown] == ["year_unknown"]
        assert alarm.data["kind"] == "year_unknown"
