"""The help desk moves bookings: those whose day was closed later stand in a list, and every other one too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bookings.test_api import plain
from tests.hall import Running, World, running
from tests.pages.desks import done, page, part, refused, send
from tests.pages.forms import Form, form, forms
from tests.pages.visits import told, words

pytestmark = pytest.mark.looptime
TUESDAY, WEDNESDAY = "2026-03-03", "2026-03-04"
SLOT = {
    "service": "pension",
    "day": TUESDAY,
    "from": "10:00",
    "to": "10:30",
    "channel": "phone",
    "phone": "13800138000",
}


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00, open 8:30–12:00 and 14:30–18:00."""
    async with running(World(tmp_path, plain)) as hall:
        yield hall


async def book(hall: Running, **typed: str) -> str:
    return (await done(hall, form(await page(hall, "/bookings"), "/desk/bookings"), SLOT | typed))[0]


async def move(hall: Running, path: str) -> Form:
    return form(await page(hall, path), f"{path}/move")


async def close(hall: Running, *days: str) -> None:
    closed = [{"day": each, "kind": "closed", "name": "系统检修"} for each in days]
    await hall.post("/attendance/calendar/days", days=closed)


@pytest.mark.req("NOTI-05", "APPT-01")
async def test_a_closed_day_is_a_list_that_empties_as_its_bookings_are_moved(hall: Running) -> None:
    paths = [await book(hall), await book(hall, **{"from": "11:00", "to": "11:30"})]
    assert part(await page(hall, "/bookings"), "astray") == ""
    await close(hall, TUESDAY)
    path, _, place = (await where_the_problem_leads(hall)).partition("#")
    shown = await page(hall, path)
    assert f'id="{place}"' in shown
    assert "要改约的 2 个" in words(shown)
    assert "养老保险 · 2026-03-03 10:00–10:30 · 这一天停止服务（系统检修）" in part(shown, "astray")
    assert "13800138000" not in shown
    number = (await page(hall, paths[0])).split('class="number">')[1][:6]
    for left, path in ((1, paths[0]), (0, paths[1])):
        assert f'href="{path}#move"' in shown
        drawn = await move(hall, path)
        assert drawn.fields["reason"] == "这一天停止服务（系统检修）"
        _, text = await done(hall, drawn, slot=f"{WEDNESDAY} 10:00 10:30")
        assert "已改约，预约号不变" in told(text)
        assert "2026-03-04 10:00–10:30 · 已预约" in part(text, "standing")
        shown = await page(hall, "/bookings")
        assert (f"要改约的 {left} 个" in words(shown)) == bool(left)
    assert f'class="number">{number}<' in await page(hall, paths[0])
    event = hall.events("appointment.moved")[0]
    assert (event.actor, event.data["was"]["day"], event.data["reason"]) == ("desk", TUESDAY, drawn.fields["reason"])
    hall.world.wall.at += 2 * 86_400 + 3600
    ticket = await hall.post("/appointments/check-in", 201, number=number, phone_tail="8000", kiosk="1")
    assert ticket["priority"] == "appointment"


async def where_the_problem_leads(hall: Running) -> str:
    """From the list at /ops."""
    text = (await hall.api.get("/ops")).text
    return text[text.index('id="problem-to_rebook"') :].split('href="')[1].partition('"')[0]


async def test_a_full_slot_is_shown_as_full_refused_and_taken_where_the_desk_insists(hall: Running) -> None:
    path = await book(hall)
    full = {"from": "11:00", "to": "11:30"}
    for _ in range(2):
        await book(hall, **full)
    drawn = await move(hall, path)
    assert "3月3日（星期二） 11:00–11:30（约满）" in await page(hall, path)
    assert "3月3日（星期二） 14:30–15:00（余 2）" in await page(hall, path)
    wanted = f"{TUESDAY} 11:00 11:30"
    text = await refused(hall, drawn, 409, slot=wanted, reason="本人来电")
    assert "已约满" in told(text)
    again = form(text, f"{path}/move")
    assert (again.fields["slot"], again.fields["reason"]) == (wanted, "本人来电")
    assert hall.events("appointment.moved") == []
    _, text = await done(hall, again, beyond="on")
    assert "2026-03-03 11:00–11:30" in part(text, "standing")


UNFIT = (
    ({"slot": ""}, 422),
    ({"slot": "2026-03-04 10:00"}, 422),
    ({"slot": "2026-03-04 10:00 25:00"}, 422),
    ({"slot": "2026-03-04 10:00 10:30", "reason": "13800138000"}, 422),
    ({"slot": "2026-03-01 10:00 10:30"}, 409),
    ({"slot": "2026-03-04 12:30 13:00"}, 409),
)


async def test_what_does_not_fit_moves_nothing(hall: Running) -> None:
    path = await book(hall)
    for typed, status in UNFIT:
        text = await refused(hall, await move(hall, path), status, typed)
        assert told(text)
        assert "<script>" not in text
    assert hall.events("appointment.moved") == []


async def test_two_presses_move_once_and_a_cancelled_booking_is_not_moved(hall: Running) -> None:
    path = await book(hall)
    drawn = await move(hall, path)
    for _ in range(2):
        await done(hall, drawn, slot=f"{WEDNESDAY} 10:00 10:30")
    assert len(hall.events("appointment.moved")) == 1
    other = await move(hall, path)
    await done(hall, form(await page(hall, path), f"{path}/cancel"))
    assert "已取消，不能改约" in told(await refused(hall, other, 409, slot=f"{WEDNESDAY} 11:00 11:30"))
    assert not any(each.action.endswith("/move") for each in forms(await page(hall, path)))


async def test_a_long_closure_is_passed_over(hall: Running) -> None:
    """Visitors book seven days ahead; all of them are closed, and who must be moved is offered the days after."""
    path = await book(hall)
    await close(hall, *(f"2026-03-{day:02d}" for day in range(2, 12)))
    text = await page(hall, path)
    assert "3月12日（星期四） 10:00–10:30（余 2）" in text
    assert "3月11日" not in text.partition("<select")[2]
    await done(hall, form(text, f"{path}/move"), slot="2026-03-12 10:00 10:30")


# ---- the slip


@pytest.mark.req("APPT-05")
async def test_who_was_moved_gets_a_slip_with_the_new_time(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up("printer-1")
        path = await book(hall)
        _, text = await done(hall, await move(hall, path), slot=f"{WEDNESDAY} 10:00 10:30")
        drawn = form(text, f"{path}/print")
        for _ in range(2):
            _, text = await done(hall, drawn)
            assert "打印凭证：请到1号取号机取纸" in told(text)
        await hall.until(lambda: hall.events("print.done"))
        (slip,) = hall.world.simulator("printer-1").slips
        printed = "".join(span.text for item in slip.items for span in getattr(item, "spans", ()))
        assert "3月4日（星期三）" in printed
        assert "10:00–10:30" in printed
        other = form(text, f"{path}/print")
        await refused(hall, other, 404, kiosk="")
        await done(hall, form(text, f"{path}/cancel"))
        assert "不用再打凭证" in told(await refused(hall, other, 409))
        assert f"{path}/print" not in await page(hall, path)


async def test_a_service_that_is_not_booked_says_why_nothing_can_be_moved(tmp_path: Path) -> None:
    def unbooked(text: str) -> str:
        return plain(text).replace('id = "pension"', 'id = "pension"\nslot_quota = 0')

    async with running(World(tmp_path, unbooked)) as hall:
        text = await page(hall, await book(hall, beyond="on"))
        assert "不开放预约" in part(text, "unmoved")
        assert not any(each.action.endswith("/move") for each in forms(text))


async def test_free_times_are_seen_before_anything_is_booked(hall: Running) -> None:
    drawn = form(await page(hall, "/bookings"), "/desk/bookings")
    assert "请先选业务和日期" in told(await refused(hall, drawn, 422, act="look"))
    answer = await send(hall, drawn, SLOT | {"from": "", "to": ""}, act="look")
    assert "08:30–09:00（2）" in part(answer.text, "free")
    assert 'value="13800138000"' in answer.text
    assert hall.events("appointment.") == []
