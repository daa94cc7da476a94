"""The hall of a past minute as a page: what stood there then, whatever has happened since; and every wrong question."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from edge.devices.past import health_at, troubles
from edge.pages import ops_hour
from edge.pages.ops_replay import _left_out, _lines
from edge.queue import past
from tests.hall import Running, World, demo_hall, running, without_devices
from tests.pages.test_ops_now import tile
from tests.pages.visits import move, page, told, words

pytestmark = pytest.mark.looptime
HERE = "/ops/replay"


def at(clock: str, day: str = "2026-03-02") -> str:
    return f"{HERE}?day={day}&at={clock}"


def rows(text: str, name: str) -> list[str]:
    return [words(each.replace("<td", " <td")) for each in re.findall(rf'data-test="{name}">(.*?)</tr>', text, re.S)]


async def morning(hall: Running) -> None:
    """From 9:00: three come; at 9:10 window 3 calls, at 9:20 it is done and paused to 9:45; nobody comes until 9:50."""
    await hall.post("/windows/3/sign-in", staff="1001")
    for service in ("pension", "pension", "transfer"):
        await hall.issue(service)
    move(hall, "2026-03-02 09:10")
    called = await hall.post("/windows/3/call-next")
    move(hall, "2026-03-02 09:20")
    await hall.post("/windows/3/finish", ticket=called["ticket"]["id"])
    await hall.post("/windows/3/pause", sign="away", resume="9:45")
    move(hall, "2026-03-02 09:50")


async def test_each_minute_is_as_it_was(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await morning(hall)
        waiting = await page(hall, at("09:05"))
        assert "空闲" in tile(waiting, "window-3")
        assert "等 2 人" in tile(waiting, "window-3")
        assert rows(waiting, "line") == ["养老保险 2 5 分钟", "不动产转移登记 1 5 分钟"]
        called = await page(hall, at("09:15"))
        assert "呼叫 A001" in tile(called, "window-3")
        assert rows(called, "line") == ["养老保险 1 15 分钟", "不动产转移登记 1 15 分钟"]
        paused = await page(hall, at("09:21"))
        assert "暂停 等 1 人 人不在，9:45恢复" in tile(paused, "window-3")
        assert "A001 办结，3 号窗口" in words(paused)
        assert "3 号窗口暂停：人不在，9:45恢复" in words(paused)
        assert "之前 5 分钟里没有事；最近的记录在 09:20" in words(await page(hall, at("09:40")))
        for each in (waiting, called, paused):
            assert "不是现在" in words(each)


async def test_a_day_that_is_over_is_still_there(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await morning(hall)
        move(hall, "2026-03-04 08:00")
        await asyncio.sleep(60)  # what was left is ended
        text = await page(hall, at("09:15"))
        assert "呼叫 A001" in tile(text, "window-3")
        assert 'href="/ops/queue?day=2026-03-02#window-3"' in text
        off = words(await page(hall, at("12:00", "2026-03-03")))
        assert "这一天到这时还没有任何记录，服务可能没有开；画的是 3月2日 09:20 最后记下的样子" in off
        assert "当时等候 0 人" in words(await page(hall, HERE))


async def test_one_goes_on_by_links_and_not_beyond_what_is_known(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await morning(hall)
        text = await page(hall, at("09:49"))
        assert 'id="on-1" href="/ops/replay?day=2026-03-02&amp;at=09:50#on-1"' in text
        assert 'id="back-10" href="/ops/replay?day=2026-03-02&amp;at=09:39#back-10"' in text
        assert 'id="on-10" aria-disabled="true"' in text
        assert 'id="back-10" aria-disabled="true"' in await page(hall, at("09:05"))
        minutes = re.findall(r'<a href="([^"]+)" tabindex="-1"', text)
        assert len(minutes) == 51
        assert minutes[15].replace("&amp;", "&") == at("09:15")


async def test_it_plays_by_itself_until_now(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await morning(hall)
        for clock, following in (("09:15", "09:16"), ("09:49", "09:50"), ("09:50", None)):
            answer = await hall.api.get(at(clock) + "&play=1")
            refresh = f"2; url={at(following)}&play=1#pause" if following else None
            assert answer.headers.get("Refresh") == refresh
            assert ('id="pause"' in answer.text) == bool(following)
            assert ("已经放到现在" in answer.text) != bool(following)
        assert "Refresh" not in (await hall.api.get(at("09:15"))).headers


async def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    wrong = {
        at("10:15", "2026-13-01"): "没有“2026-13-01”这一天",
        at("10:15", "%3Cx%3E"): "没有“&lt;x&gt;”这一天",
        at("25:00"): "没有“25:00”这个时间",
        at("10:15:30"): "请写成 10:15 这样",
        at("٩:٠٠"): "这个时间",
        at("10:30"): "还没有到这个时刻，回放只到现在：2026年3月2日 09:50",
        at("10:00", "2026-03-03"): "还没有到这个时刻",
        at("08:59"): "最早的记录从 2026年3月2日 09:00 开始",
        at("10:00", "2001-01-01"): "这个时刻没有记录",
        at("23:59", "2100-12-31"): "还没有到这个时刻",
    }
    async with running(World(tmp_path, without_devices)) as hall:
        assert "还没有任何记录" in told(await page(hall, HERE, 422))
        await morning(hall)
        for path, said in wrong.items():
            text = await page(hall, path, 422)
            assert said in told(text), path
            assert 'name="at"' in text
        assert 'data-test="clock">09:50<' in await page(hall, HERE)
        assert 'data-test="clock">09:00<' in await page(hall, f"{HERE}?day=2026-03-02")


def test_what_the_hall_file_does_not_know_any_more_is_left_out_with_a_word(tmp_path: Path) -> None:
    hall = demo_hall(tmp_path)
    tickets = {"a": past.Ticket("Z1", "gone", "called", 0, 9), "b": past.Ticket("A1", "pension", "called", 0, 3)}
    lines = [past.Line("gone", 4, 0), past.Line("pension", 2, 0)]
    found = past.Past(7, tickets, [], lines, [])
    assert _left_out(hall, found) == [
        "另有 4 人等候的业务已经不在大厅的配置里",
        "9号窗口当时在办理，已经不在大厅的配置里，没有画出来",
    ]
    assert [each[0] for each in _lines(hall, found, 0)] == ["养老保险"]


# ---- devices


def seen(health: Any) -> tuple[Any, ...]:
    return health.state, health.severity(), health.words()[0], set(health.conditions)


async def test_devices_were_as_the_hub_said(tmp_path: Path) -> None:
    """Paper runs out and is put in, a line is cut and comes back, and the service is started anew without paper."""
    world, kept = World(tmp_path), list[tuple[int, dict[str, Any]]]()

    async def watch(hall: Running, seconds: int) -> None:
        for _ in range(0, seconds, 5):
            await asyncio.sleep(5)
            kept.append((hall.parts.clock.now().at, {id_: seen(it) for id_, it in hall.parts.hub.health.items()}))

    async with running(world) as hall:
        await hall.up()
        printer = world.simulator("printer-1")
        printer.control("paper_out")
        await watch(hall, 20)
        await asyncio.sleep(1)
        await world.cut("counter")
        printer.control("paper_ok")
        await watch(hall, 90)
        world.cut_off.clear()
        await watch(hall, 90)
        printer.control("cover_open")
        await watch(hall, 15)
    printer.control("cover_close")
    async with running(world) as hall:
        await hall.up("printer-1")
        await watch(hall, 15)
        with hall.parts.database.read() as connection:
            for moment, live in kept:
                found = health_at(connection, hall.parts.hall.device, past.seq_at(connection, moment))
                assert {id_: seen(it) for id_, it in found.items()} == live
            first, last = kept[0][0], kept[-1][0]
            amiss = troubles(connection, hall.parts.hall.device, 0, past.seq_at(connection, last), first, last)
    assert {"printer-1", "counter"} <= amiss.keys()
    severities = {id_ for _, live in kept for id_, it in live.items() if it[1] in ("bad", "warn")}
    assert severities <= amiss.keys()


# ---- the drawing


def test_the_hour_shows_only_what_is_on_record() -> None:
    troubles_ = [ops_hour.Trouble(f"打印机{nth}", [(10.0, 20.0, "bad")]) for nth in range(6)]
    svg = ops_hour.draw(ops_hour.Hour(9, 30, {nth: nth % 5 for nth in range(20, 41)}, troubles_, lambda nth: f"?{nth}"))
    assert svg.count("<a ") == 21
    assert svg.count('class="bad"') == ops_hour.ROWS
    assert "另有 2 台设备也不正常" in svg
    assert "9:30 · 等 0 人" in svg
    assert ops_hour.draw(ops_hour.Hour(9, 30, {}, [], str)).count("<a ") == 0
