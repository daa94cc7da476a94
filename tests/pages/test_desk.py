"""The help desk's pages: numbers found, taken, changed and given back, each press once and each answered in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.access import tokens
from tests.hall import Running, World, running, without_devices
from tests.pages.desks import do, done, offered, page, part, refused, send, take
from tests.pages.forms import form, forms
from tests.pages.visits import EVIL, told, words

pytestmark = pytest.mark.looptime


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


def row(hall: Running, path: str, what: str) -> Any:
    with hall.parts.database.read() as connection:
        sql = f"SELECT {what} FROM ticket WHERE id=?"
        return connection.exec_driver_sql(sql, (path.rpartition("/")[2],)).scalar_one()


# ---- finding


@pytest.mark.req("QUE-25")
async def test_a_number_is_found_however_it_is_typed(hall: Running) -> None:
    path, _ = await take(hall)
    for typed in ("A001", " a001 ", "Ａ００１", "1", "A 1", "001号", f"https://hall/t/{path.rpartition('/')[2]}?k=7"):
        answer = await hall.api.get("/desk", params={"find": typed})
        assert (answer.status_code, answer.headers.get("location")) == (303, path), typed
    for typed in ("A002", "C001", "Z", "/t/none", EVIL, "'; --"):
        text = (await hall.api.get("/desk", params={"find": typed})).text
        assert "请核对后再查" in told(text)
        assert "<script>" not in text


async def test_of_several_with_this_number_one_is_picked(hall: Running) -> None:
    first, _ = await take(hall)
    second, _ = await take(hall, "medical")
    text = await page(hall, "?find=1")
    assert part(text, "hits") == "A001 养老保险 · 等候中C001 医疗保险 · 等候中"
    assert f'href="{first}"' in text
    assert f'href="{second}"' in text


async def test_yesterdays_number_is_not_todays(hall: Running) -> None:
    await take(hall)
    hall.world.wall.at += 86_400
    await page(hall, "?find=A001", 404)


# ---- taking


@pytest.mark.req("QUE-09", "QUE-25", "QUE-26", "QUE-28")
async def test_a_number_is_taken_with_priority_and_help(hall: Running) -> None:
    path, text = await take(hall, "medical", priority="senior", assisted="on", helper="1001 李明")
    assert "已取号 C001，没有小票，请把 C001 抄给群众" in told(text)
    assert "等候中 · 前面 0 人" in part(text, "standing")
    for said in ("老年人优先", "帮办代办：工号 1001"):
        assert said in part(text, "about")
    assert [(each.type, each.actor) for each in hall.events()[-2:]] == [
        ("ticket.issued", "desk"),
        ("assistance.recorded", "desk"),
    ]
    assert (row(hall, path, "channel"), row(hall, path, "priority_source")) == ("desk", "declared")
    assert part(await page(hall), "mine") == "C001"


async def test_two_presses_are_one_number_and_say_so(hall: Running) -> None:
    drawn = form(await page(hall), "/desk/tickets")
    (path, first), (again, second) = [await done(hall, drawn, service="pension") for _ in range(2)]
    assert path == again
    assert "已取号 A001" in told(first)
    assert "A001 刚才已经取过，没有再取新的" in told(second)
    assert len(hall.events("ticket.issued")) == 1


UNFIT: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"service": "fishing"}, 404, "没有这项业务"),
    ({"service": ""}, 404, "没有这项业务"),
    ({"priority": "urgent"}, 409, "本大厅没有这项优先"),
    ({"priority": EVIL}, 422, "本大厅没有这项优先"),
    ({"helper": "9999"}, 422, "没有工号“9999”"),
    ({"phone": "123"}, 422, "手机号是11位数字"),
    ({"phone": "13800138000"}, 409, "本大厅没有短信提醒"),
    ({"kiosk": "9"}, 404, "请另选一处打印"),
)


async def test_what_does_not_fit_takes_no_number_and_stays_typed(hall: Running) -> None:
    for typed, status, why in UNFIT:
        given = {"service": "pension", "assisted": "on"} | typed
        text = await refused(hall, form(await page(hall), "/desk/tickets"), status, given)
        assert why in told(text)
        assert form(text, "/desk/tickets").fields["assisted"] == "on"
        assert "<script>" not in text
    assert hall.events("ticket.") == []


async def test_enter_in_a_field_takes_no_number(hall: Running) -> None:
    text = await page(hall)
    drawn = text[text.index('id="issue"') :]
    assert drawn.index("<button hidden disabled>") < drawn.index('<button name="service"')


# ---- what is offered, state by state


async def test_only_what_is_legal_is_offered(hall: Running) -> None:
    path, text = await take(hall)
    ticket = path.rpartition("/")[2]
    waiting = {"change", "priority", "urgent", "assist", "cancel"}  # no printer, no messages in this hall
    assert offered(text) == waiting
    await hall.post("/windows/3/call-next")
    text = await page(hall, path)
    assert "已叫号，请到 3 号窗口" in part(text, "standing")
    assert offered(text) == {"assist", "cancel"}
    await hall.post("/windows/3/start", ticket=ticket)
    text = await page(hall, path)
    assert "正在 3 号窗口办理" in part(text, "standing")
    assert offered(text) == {"assist"}
    await hall.post("/windows/3/hold", ticket=ticket, kind="with_papers")
    text = await page(hall, path)
    assert "在 3 号窗口挂起" in part(text, "standing")
    assert offered(text) == {"assist", "cancel"}
    await hall.post(f"/tickets/{ticket}/resume", window=3)
    await hall.post("/windows/3/finish", ticket=ticket)
    text = await page(hall, path)
    assert "已办结" in part(text, "standing")
    assert offered(text) == set()
    assert "这个号已经结束" in words(text)


@pytest.mark.req("QUE-25")
async def test_a_missed_number_comes_back(hall: Running) -> None:
    path, _ = await take(hall)
    ticket = path.rpartition("/")[2]
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/miss", ticket=ticket)
    assert part(await page(hall), "missed") == "A001"
    text = await page(hall, path)
    assert offered(text) == {"return", "priority", "assist", "cancel"}
    assert "恢复后回到原来的位置" in words(text)
    text = await do(hall, path, "return")
    assert "A001 已恢复排队" in told(text)
    assert "等候中" in part(text, "standing")
    for _ in range(2):
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/miss", ticket=ticket)
        text = await do(hall, path, "return")
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/miss", ticket=ticket)
    text = await page(hall, path)
    assert "return" not in offered(text)
    assert "不能再恢复，请重新取号" in words(text)


async def test_another_service_keeps_the_number(hall: Running) -> None:
    path, _ = await take(hall)
    text = await do(hall, path, "change", service="transfer")
    assert "已改办，号码不变，还是 A001" in told(text)
    assert "不动产转移登记" in words(text)
    assert row(hall, path, "service") == "transfer"
    assert "改办，改到不动产转移登记 导办台" in part(text, "history")


async def test_a_number_is_cancelled_after_a_second_press(hall: Running) -> None:
    path, text = await take(hall)
    assert text.index('<details class="act" id="cancel">') < text.index("确认取消 A001")
    text = await do(hall, path, "cancel")
    assert "A001 已取消" in told(text)
    assert offered(text) == set()


@pytest.mark.req("QUE-12", "QUE-28")
async def test_urgent_needs_a_reason_that_names_nobody(hall: Running) -> None:
    first, _ = await take(hall)
    path, text = await take(hall)
    for reason in ("", "电话13800138000"):
        again = await refused(hall, form(text, f"{path}/urgent"), 422, reason=reason)
        assert "请写明原因" in told(again)
        assert '<details class="act" id="urgent" open>' in again
    text = await do(hall, path, "urgent", reason="救护车在等")
    assert "A002 已加急" in told(text)
    assert "前面 0 人" in part(text, "standing")
    assert "急事优先，救护车在等 导办台" in part(text, "history")
    assert "前面 1 人" in part(await page(hall, first), "standing")
    assert "urgent" not in offered(text)


async def test_a_priority_is_given_afterwards(hall: Running) -> None:
    await take(hall)
    path, _ = await take(hall)
    text = await do(hall, path, "priority", priority="military")
    assert "A002 已优先" in told(text)
    assert "军人优先" in part(text, "about")
    text = await refused(hall, form(text, f"{path}/priority"), 409, priority="senior")
    assert "没有改动" in told(text)


@pytest.mark.req("QUE-26")
async def test_who_helps_is_said_later(hall: Running) -> None:
    path, text = await take(hall, assisted="on")
    assert "帮办代办：还没有安排人" in part(text, "about")
    text = await do(hall, path, "assist", helper="1002")
    assert "帮办代办：工号 1002" in part(text, "about")
    assert "帮办代办，工号 1002" in part(text, "history")


async def test_a_press_on_an_old_page_changes_nothing(hall: Running) -> None:
    path, text = await take(hall)
    stale = form(text, f"{path}/change")
    drawn = form(text, f"{path}/cancel")
    for _ in range(2):
        assert "A001 已取消" in told((await done(hall, drawn))[1])
    assert len(hall.events("ticket.cancelled")) == 1
    again = await refused(hall, stale, 409, service="medical")
    assert "A001号已取消，不能改办" in told(again)


async def test_what_is_not_there_is_said(hall: Running) -> None:
    path, _ = await take(hall)
    await page(hall, "/tickets/none", 404)
    await page(hall, "/bookings/none", 404)
    assert (await hall.api.post(f"{path}/burn")).status_code == 404


# ---- with a printer and messages


def with_desk(text: str) -> str:
    return (
        text + '\n[[kiosk]]\nid = "desk"\nname = "导办台打印机"\nzone = "guide"\nprinter = "printer-2"\nkind = "desk"\n'
    )


@pytest.mark.req("QUE-25")
async def test_slips_come_out_at_the_desk_and_texts_are_sent(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_desk)) as hall:
        await hall.up("printer-1", "printer-2")
        drawn = form(await page(hall), "/desk/tickets")
        assert drawn.fields["kiosk"] == "desk"  # its own first
        path, text = await done(hall, drawn, service="pension", phone="13800138000")
        assert "请到导办台打印机取纸" in told(text)
        assert {"reprint", "sms", "sms-off"} <= offered(text)
        assert "已登记短信提醒" in part(text, "about")
        assert "13800138000" not in text
        await hall.until(lambda: hall.events("print.done"))
        assert "小票已打出" in part(await page(hall, path), "about")
        text = await do(hall, path, "reprint", kiosk="1")
        assert "已补打 A001，请到1号取号机取纸" in told(text)
        await hall.until(lambda: len(hall.events("print.done")) == 2)
        assert [each.data["copy"] for each in hall.events("print.done")] == [False, True]
        assert form(await page(hall), "/desk/tickets").fields["kiosk"] == "1"  # as chosen last
        text = await do(hall, path, "sms-off")
        assert "手机号已删除" in told(text)
        assert "sms-off" not in offered(text)
        await hall.world.cut("printer-1")
        await hall.until(lambda: not hall.parts.hub.able("printer-1"))
        text = await do(hall, path, "reprint", kiosk="1")
        assert "请把 A001 抄给群众" in told(text)


def guarded(text: str) -> str:
    return without_devices(with_desk(text)).replace("demo = true", "demo = false")


async def test_a_token_for_one_place_prints_there_only(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        await hall.parts.writer.do(tokens.enrol, tokens.Enrol("mine", "desk", "张三的平板", "desk"))
        hall.api.headers["Authorization"] = "Bearer mine"
        drawn = form(await page(hall), "/desk/tickets")
        assert (await send(hall, drawn, service="pension", kiosk="1")).status_code == 403
        _, text = await done(hall, drawn, service="pension", kiosk="")
        assert "A001" in told(text)
        assert hall.events("ticket.issued")[0].actor == "desk/张三的平板"
        assert "导办台（张三的平板）" in part(text, "history")


# ---- bookings

SLOT = {"service": "transfer", "day": "2026-03-02", "from": "09:30", "to": "10:00", "channel": "phone"}


async def booked(hall: Running, **typed: str) -> tuple[str, str]:
    return await done(hall, form(await page(hall, "/bookings"), "/desk/bookings"), SLOT | typed)


def number_of(text: str) -> str:
    return words(text[text.index('class="number">') + 15 :])[:6]


@pytest.mark.req("APPT-01", "APPT-03")
async def test_a_booking_by_phone_is_found_and_redeemed(hall: Running) -> None:
    path, text = await booked(hall, phone="13800138000")
    assert "已预约" in told(text)
    number = number_of(text)
    assert number.isdigit()
    for said in ("不动产转移登记", "2026-03-02 09:30–10:00 · 已预约", "手机后四位", "不动产权证书", "2号不动产窗口"):
        assert said in words(text)
    assert "13800138000" not in text
    assert hall.events("appointment.booked")[0].data["channel"] == "phone"
    answer = await hall.api.get("/desk", params={"find": number})
    assert answer.headers["location"] == path
    at_kiosk: dict[str, Any] = {"number": number, "phone_tail": "8000", "kiosk": "1"}
    ticket, text = await done(hall, form(text, f"{path}/check-in"))
    assert "预约已签到，号码是 K001" in told(text)
    assert "预约优先" in part(text, "about")
    assert (await hall.post("/appointments/check-in", 200, **at_kiosk))["number"] == "K001"
    text = await page(hall, path)
    assert "已签到取号" in part(text, "standing")
    assert f'href="{ticket}"' in text
    assert [each.action for each in forms(text) if each.method == "post"] == []


async def test_a_booking_of_another_day_is_cancelled_and_not_redeemed(hall: Running) -> None:
    path, text = await booked(hall, day="2026-03-09", channel="onsite")
    assert [each.action for each in forms(text) if each.method == "post"] == [f"{path}/move", f"{path}/cancel"]
    assert "报预约号" in words(text)
    early = form(text, f"{path}/cancel")
    early.action = f"{path}/check-in"
    assert "请当天再来签到" in told(await refused(hall, early, 409))
    _, text = await done(hall, form(text, f"{path}/cancel"))
    assert "预约已取消" in told(text)
    assert "已取消" in part(text, "standing")


@pytest.mark.req("APPT-01")
async def test_a_full_time_is_refused_with_those_that_are_free_and_may_be_booked_all_the_same(hall: Running) -> None:
    for _ in range(2):
        await done(hall, form(await page(hall, "/bookings"), "/desk/bookings"), SLOT)
    text = await refused(hall, form(await page(hall, "/bookings"), "/desk/bookings"), 409, SLOT)
    assert "已约满" in told(text)
    shown = part(text, "free")
    assert "10:00–10:30（2）" in shown
    assert "09:30–10:00" not in shown
    await done(hall, form(text, "/desk/bookings"), beyond="on")
    assert len(hall.events("appointment.booked")) == 3


async def test_two_presses_are_one_booking(hall: Running) -> None:
    drawn = form(await page(hall, "/bookings"), "/desk/bookings")
    (first, _), (second, text) = [await done(hall, drawn, SLOT) for _ in range(2)]
    assert first == second
    assert "没有再约新的" in told(text)
    assert len(hall.events("appointment.booked")) == 1


UNFIT_BOOKINGS: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"day": ""}, 422, "请选日期"),
    ({"day": "明天"}, 422, "请选日期"),
    ({"from": "10:00"}, 422, "“到”要比“从”晚"),
    ({"from": "9"}, 422, "请选时间"),
    ({"phone": "110"}, 422, "手机号是11位数字"),
    ({"day": "2026-03-01"}, 409, "预约时间已过"),
    ({"service": ""}, 404, "没有这项业务"),
)


async def test_an_unfit_booking_is_not_made(hall: Running) -> None:
    for typed, status, why in UNFIT_BOOKINGS:
        drawn = form(await page(hall, "/bookings"), "/desk/bookings")
        text = await refused(hall, drawn, status, SLOT | typed)
        assert why in told(text)
        assert form(text, "/desk/bookings").fields["to"] == "10:00"
    assert hall.events("appointment.") == []
