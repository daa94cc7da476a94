"""The first page of ops: what is wrong, what to press about it, the hall as a picture, and what all stands on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import form, forms
from tests.pages.visits import EVIL, done, move, page, refused, send, told, words
from tests.timetable.test_day import timetable

pytestmark = pytest.mark.looptime


def part(text: str, id_: str) -> str:
    """The words of one element."""
    found = re.search(rf'<(\w+)[^>]* id="{id_}"[^>]*>(.*?)</\1>', text, re.S)
    return words(found[2]) if found else ""


def tile(text: str, id_: str) -> str:
    found = re.search(rf'id="at-{id_}".*?</svg>', text, re.S)
    return words(re.sub(r"<title>.*?</title>|<text", " <text", found[0])) if found else ""


async def test_nothing_is_wrong_and_what_was_checked_is_said(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        text = await page(hall, "/ops")
        assert "全部正常 · " in part(text, "all-well")
        assert 'data-test="problem"' not in text
        assert "3号 社保窗口" in tile(text, "window-3")
        assert "窗口屏 正常" in tile(text, "window-3")


async def test_the_picture_says_whether_kiosks_give_numbers_at_this_hour(tmp_path: Path) -> None:
    said = {
        "2026-03-02 09:00": "可以取号",
        "2026-03-02 12:30": "午休，14:30 起取号",
        "2026-03-02 18:30": "今天已停止取号",
        "2026-03-03 08:00": "08:30 起取号",
        "2026-03-08 10:00": "今天不开门",
    }
    async with running(World(tmp_path, timetable())) as hall:
        for at, words_ in said.items():
            move(hall, at)
            assert tile(await page(hall, "/ops"), "kiosk-1").endswith(words_), at


@pytest.mark.req("QUE-19")
async def test_a_printer_without_paper_says_what_to_do_and_can_be_tried(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        hall.world.simulator("printer-1").control("paper_out")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        text = await page(hall, "/ops")
        assert "缺纸" in part(text, "problems")
        assert "打开前盖换纸" in part(text, "problems")
        assert "小票打印机 缺纸" in tile(text, "kiosk-1")
        press = form(text, "/ops/devices/printer-1/test")
        hall.world.simulator("printer-1").control("paper_ok")
        await hall.until(lambda: hall.parts.hub.able("printer-1"))
        assert "已发出测试" in told(await done(hall, press))
        await hall.until(lambda: hall.events("print.done"))
        assert hall.events("device.tested")[0].data == {"device": "printer-1", "test": "page", "address": 0}


async def test_a_line_that_is_ill_at_one_place_is_ill_there_alone(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        hall.parts.hub.health["counter"].conditions["silent_2"] = hall.parts.clock.now().at
        text = await page(hall, "/ops")
        assert "叫号器 2号没有回答" in tile(text, "window-2")
        assert "叫号器 正常" in tile(text, "window-3")


async def test_the_page_of_a_device_says_once_what_is_wrong_and_since_when(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        health = hall.parts.hub.health["counter"]
        health.conditions["stuck_key_3"] = hall.parts.clock.now().at - 120_000
        text = words(await page(hall, "/ops/devices/counter"))
        assert text.count("3号键一直按着") == 1
        assert "3号键一直按着 2 分钟" in text
        health.conditions["silent_2"] = hall.parts.clock.now().at
        text = words(await page(hall, "/ops/devices/counter"))
        assert (text.count("2号没有回答"), text.count("3号键一直按着")) == (1, 1)


@pytest.mark.req("WIN-22")
async def test_an_emergency_is_taken_by_name_and_its_end_registered(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/3/alert", kind="emergency", words=EVIL)
        text = await page(hall, "/ops")
        assert EVIL not in text
        take = next(each for each in forms(text) if each.action.endswith("/acknowledge"))
        assert "谁去处理" in told(await refused(hall, take))
        text = await done(hall, take, by="王主任")
        assert "王主任已响应" in part(text, "problems")
        over = next(each for each in forms(text) if each.action.endswith("/close"))
        assert "怎样处理" in told(await refused(hall, over, by="王主任"))
        text = await done(hall, over, by="王主任", done="已送医")
        assert 'data-test="problem"' not in text
        assert (await hall.get("/alerts"))["closed"][0]["done"] == "已送医"


async def test_the_centre_is_away_and_an_event_is_set_aside(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        world.centre.away = True
        await hall.issue()
        await hall.until(lambda: hall.parts.relay.status()["state"] == "away", within=60)
        text = await page(hall, "/ops/now")
        assert part(text, "central") == "中心：联系不上"
        assert re.fullmatch(r"09:\d\d（不到 1 分钟前）", part(text, "outbox-since"))
        assert "联系不上" in part(text, "problems")
        answer = await hall.api.post("/ops/outbox/99/retry", data={})
        assert (answer.status_code, told(answer.text)) == (404, "这条事件不在搁置清单里")


async def test_a_test_that_the_device_cannot_do_is_refused(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        for data in ({"kind": "beep", "address": "0"}, {"kind": "page", "address": "x"}, {}):
            answer = await hall.api.post("/ops/devices/printer-1/test", data=data)
            assert answer.status_code in (409, 422)
            assert "这台设备没有这个测试" in told(answer.text)
        answer = await hall.api.post("/ops/devices/nothing/test", data={"kind": "page", "address": "0"})
        assert answer.status_code == 404


async def test_a_sign_shows_the_test_and_then_what_it_should(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        led = hall.world.simulator("led-3")
        await hall.until(lambda: "3号" in led.picture())
        press = form(await page(hall, "/ops/devices/led-3"), "/ops/devices/led-3/test")
        await send(hall, press)
        await hall.until(lambda: "测试 09:" in led.picture())
        await hall.until(lambda: "3号" in led.picture())


async def test_a_clock_that_went_back_is_told(hall: Running) -> None:
    await page(hall, "/ops")
    hall.world.wall.at -= 3600
    text = await page(hall, "/ops")
    assert "时钟08:00，往回走过" in part(text, "problems")
    assert "往回走过" not in part(text, "machine")


async def test_attendance_and_the_calendar_stand_in_a_line_each(hall: Running) -> None:
    said = words(await page(hall, "/ops"))
    assert "2026-03-02 周一，工作日" in said
    assert "2027年的放假安排还没有" in said
    assert "3 人：" in said


async def test_a_box_beeps_and_the_hall_hears_the_voice(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up()
        for device, address, word in (("counter", "3", "3号叫号器响一声"), ("voice-1", "0", "一楼办事大厅试音")):
            text = await page(hall, f"/ops/devices/{device}")
            assert word in text
            await done(hall, form(text, f"/ops/devices/{device}/test", address=address))
        await hall.until(lambda: hall.world.simulator("voice-1").state()["count"] == 1)
        await hall.until(lambda: hall.world.simulator("counter").boxes[3].beeps == 1)
