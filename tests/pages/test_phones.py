"""The ticket's own page as the service draws it: each state, both languages, and who may rate."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from edge.sweep import close_days
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


async def lines(hall: Running, ticket: str, more: str = "") -> dict[str, str]:
    """What the page says now, by the id of the line; `rates` where a rating is asked for."""
    whole = (await hall.api.get(f"/t/{ticket}{more}")).text
    answer = await hall.api.get(f"/t/{ticket}/now{more}")
    assert answer.status_code == 200
    found = dict(re.findall(r'<p id="(\w+)"[^>]*>([^<]*)</p>', answer.text))
    assert all(f">{words}</p>" in whole for words in found.values())
    assert ('id="rate" data-test="rate" hidden' in whole) != ('data-rates="yes"' in answer.text)
    rates = {"rates": "yes"} if 'data-rates="yes"' in answer.text else {}
    return {key: unescape(words) for key, words in found.items() if words} | rates


async def test_who_waits_sees_how_many_and_how_long(hall: Running) -> None:
    await hall.issue()
    ticket = await hall.issue()
    chinese = await lines(hall, ticket["id"])
    assert chinese | {"estimate": ""} == {
        "service": "养老保险",
        "number": ticket["number"],
        "state": "等候中",
        "ahead": "前面 1 人",
        "estimate": "",
        "windows": "办理窗口：一楼 1、3 号窗口",
    }
    told = await hall.get(f"/tickets/{ticket['id']}")
    assert chinese["estimate"] == f"预计等候：{told['estimate']['words']}"
    english = await lines(hall, ticket["id"], "?lang=en")
    assert english["service"] == "Pension insurance"
    assert english["ahead"] == "1 before you"
    assert english["windows"] == "Served at window 1, 3 (一楼)"


async def test_who_is_called_sees_where_to_go(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    await hall.post("/windows/3/call-next")
    assert (await lines(hall, ticket))["state"] == "请到 一楼 3 号窗口"
    assert (await lines(hall, ticket, "?lang=en"))["state"] == "Please go to window 3 (一楼)"
    await hall.post("/windows/3/start", ticket=ticket)
    assert (await lines(hall, ticket))["windows"] == "一楼 3 号窗口"
    await hall.post("/windows/3/hold", ticket=ticket)
    assert (await lines(hall, ticket))["state"] == "已暂时保留，请留意叫号"


async def test_who_is_to_come_later_sees_when_and_where(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    await hall.post("/windows/3/call-next")
    await hall.post("/windows/3/transfer", ticket=ticket, window=1, delay_minutes=30)
    told = await lines(hall, ticket)
    assert (told["estimate"], told["windows"]) == ("预计等候：09:30 以后叫号", "办理窗口：一楼 1 号窗口")
    assert (await lines(hall, ticket, "?lang=en"))["estimate"] == "Wait: called after 09:30"


async def test_only_the_slip_rates_and_only_while_it_is_asked(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    key = hall.parts.vault.slip_key(ticket)
    await hall.post("/windows/3/call-next")
    assert "rates" not in await lines(hall, ticket, f"?k={key}")
    await hall.post("/windows/3/finish", ticket=ticket)
    assert (await lines(hall, ticket, f"?k={key}"))["rates"] == "yes"
    for wrong in ("", "?k=", "?k=é", f"?k={key[:-1]}"):
        assert "rates" not in await lines(hall, ticket, wrong)
    await hall.post(f"/tickets/{ticket}/evaluation", level=5, key=key)
    assert await lines(hall, ticket, f"?k={key}") == {
        "service": "养老保险",
        "number": "A001",
        "state": "已办完",
    }


async def test_the_key_of_the_slip_stays_when_type_or_language_is_changed(hall: Running) -> None:
    ticket = (await hall.issue())["id"]
    links = re.findall(r'<a href="(\?[^"]+)"', (await hall.api.get(f"/t/{ticket}?k=a%26b&size=large")).text)
    assert [unescape(each) for each in links] == ["?lang=zh&size=usual&k=a%26b", "?lang=en&size=large&k=a%26b"]


async def test_a_cancelled_number_says_what_to_do(hall: Running) -> None:
    own, old, slow = [(await hall.issue())["id"] for _ in range(3)]
    await hall.post(f"/tickets/{own}/cancel")
    assert (await lines(hall, own))["windows"] == "还要办理，请重新取号"
    slot = {"day": "2026-03-03", "from": "09:00", "to": "10:00"}
    await hall.post(f"/tickets/{slow}/rebook", staff="1001", reason="系统检修", appointment=slot)
    told = await lines(hall, slow)
    assert (told["why"], told["windows"]) == ("系统检修", "今天办不了，已改约到别的时间，请看预约单")
    hall.world.wall.at += 24 * 3600
    await close_days(hall.parts, hall.parts.clock.now())
    assert (await lines(hall, old, "?lang=en"))["windows"].startswith("This number is of an earlier day")


async def test_who_must_come_again_does_not_read_that_it_is_done(hall: Running) -> None:
    await hall.post("/windows/3/sign-in", staff="1003")
    slot = {"day": "2026-03-03", "from": "09:00", "to": "10:00"}
    supplement = {"text": "户口簿", "values": {"applicant": "张三", "deadline": "2026-03-09"}}
    rejected = {"text": "不在本区参保", "values": {"applicant": "张三", "basis": "社会保险法"}}
    for outcome, more, words in (
        ("supplement", supplement, "还缺材料，请看通知书，补齐后再来"),
        ("rejected", rejected, "已退件，原因请看通知书"),
        ("rebooked", {"appointment": slot}, "已另约时间，请按预约的时间再来"),
    ):
        ticket = (await hall.issue())["id"]
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket, outcome=outcome, **more)
        assert (await lines(hall, ticket))["state"] == words


async def test_who_has_no_number_is_told_so(hall: Running) -> None:
    assert await lines(hall, "none") == {"number": "—", "state": "没有这个号，请看小票或找导办台"}
