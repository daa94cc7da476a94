"""Whoever leaves a window leaves nobody behind: not who waits for it, not who comes next, not who was sent there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hall import World, running, without_devices
from tests.timetable.test_day import go, timetable, window

pytestmark = pytest.mark.looptime
req = pytest.mark.req


@req("WIN-06")
async def test_nobody_is_called_to_a_window_whose_clerk_signed_out(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/3/sign-in", staff="1003")
        await hall.post("/windows/3/call-next", 204)
        await hall.post("/windows/3/sign-out")
        assert not (await window(hall, 3))["armed"]
        assert (await hall.issue("pension"))["state"] == "waiting"
        await hall.post("/windows/2/sign-in", staff="1002")
        await hall.post("/windows/2/call-next", 204)
        await hall.post("/windows/3/sign-in", staff="1002")
        assert not (await window(hall, 2))["armed"], "the clerk sits elsewhere now"
        assert [each.data["window"] for each in hall.events("window.disarmed")] == [3, 2]


@req("WIN-06")
@pytest.mark.parametrize("signs_in", [True, False])
async def test_nobody_is_called_in_the_morning_to_a_window_that_was_free_last_night(
    tmp_path: Path, signs_in: bool
) -> None:
    async with running(World(tmp_path, timetable("take_from = 15"))) as hall:
        await go(hall, "17:50:00")
        if signs_in:
            await hall.post("/windows/3/sign-in", staff="1003")
        await hall.post("/windows/3/call-next", 204)
        await go(hall, "08:20:00", "2026-03-03")
        assert (await hall.issue("pension"))["state"] == "waiting"
        assert [each.data.get("why") for each in hall.events("window.signed_out")] == ["day_closed"] * signs_in


async def test_a_hall_that_never_closes_goes_on_over_midnight(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await go(hall, "23:59:00")
        await hall.post("/windows/3/call-next", 204)
        await go(hall, "00:03:00", "2026-03-03")
        assert (await hall.issue("pension"))["window"] == 3


@req("WIN-13")
async def test_the_last_window_stays_while_somebody_holds_a_number_for_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable())) as hall:
        waits = (await hall.issue("household"))["id"]
        await go(hall, "18:00:30")
        for no in (2, 3):
            await hall.post(f"/windows/{no}/close")
        refused = await hall.post("/windows/1/close", 409)
        assert refused["title"] == "户口登记还有1人等候，没有别的窗口办理，请办完、改约，或挂暂停牌"
        assert (await window(hall, 1))["state"] == "open"
        slot = {"day": "2026-03-03", "from": "09:00", "to": "09:30"}
        told: dict[str, Any] = {"staff": "1001", "appointment": slot}
        refused = await hall.post(f"/tickets/{waits}/rebook", 422, **told, reason="请打13800138000")
        assert refused["title"] == "请求内容不对", "a number of a person belongs into no journal"
        await hall.post(f"/tickets/{waits}/rebook", **told, reason="系统故障")
        await hall.post("/windows/1/close")


async def test_a_paused_window_comes_back_for_who_waits(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.issue("pension")
        await hall.post("/windows/1/pause", resume="14:30")
        assert (await hall.post("/windows/3/close"))["sign"] == "停止服务"
        await hall.post("/windows/2/pause", 422, resume="14:60")


async def test_when_the_last_window_has_closed_the_kiosk_offers_no_number(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/1/close")
        services = [each for unit in (await hall.get("/services"))["units"] for each in unit["services"]]
        shown = {each["id"]: (each["open"], each["why"], each["why_en"]) for each in services}
        assert shown["household"] == (False, "今天已停止办理", "No more service today")
        assert shown["pension"] == (True, None, None)
        await hall.issue("household")  # somebody at the help desk insists
        assert (await hall.post("/windows/1/close"))["sign"] == "停止服务", "it is closed already"


async def test_nobody_comes_back_to_a_service_that_has_closed(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/1/sign-in", staff="1001")
        missed, lacks = [(await hall.issue("household"))["id"] for _ in range(2)]
        await hall.post("/windows/1/call-next")
        await hall.post("/windows/1/miss", ticket=missed)
        await hall.post("/windows/1/call-next")
        told: dict[str, Any] = {"text": "户口簿", "values": {"applicant": "张三", "deadline": "2026-03-09"}}
        done = await hall.post("/windows/1/finish", ticket=lacks, outcome="supplement", **told)
        await hall.post("/windows/1/close")
        again = await hall.post("/tickets", 409, notice=done["notice"]["code"])
        for refused in (await hall.post(f"/tickets/{missed}/return", 409), again):
            assert refused["title"] == "户口登记今天已停止办理，请另约，或请窗口重新开窗"
        await hall.post("/windows/1/open")
        assert (await hall.post(f"/tickets/{missed}/return"))["state"] == "waiting"


async def test_who_was_sent_to_a_window_that_closes_waits_in_the_line(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/1/call-next")
        await hall.post("/windows/1/transfer", ticket=ticket, window=3)
        await hall.post("/windows/1/call-next", 204)
        await hall.post("/windows/3/close")
        assert (await hall.get(f"/tickets/{ticket}"))["window"] == 1, "it was free, and is asked at once"
        await hall.post("/windows/1/finish", ticket=ticket)
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/1/call-next")
        refused = await hall.post("/windows/1/transfer", 409, ticket=ticket, window=3)
        assert refused["title"] == "3号窗口已停止服务，请转到业务或别的窗口"


async def test_who_missed_a_call_of_a_window_that_closes_comes_back_to_the_line(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/1/call-next")
        await hall.post("/windows/1/transfer", ticket=ticket, window=3)
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/miss", ticket=ticket)
        await hall.post("/windows/3/close")
        await hall.post(f"/tickets/{ticket}/return")
        assert (await hall.post("/windows/1/call-next"))["ticket"]["id"] == ticket


async def test_after_closing_nobody_is_called_by_coming_back_either(tmp_path: Path) -> None:
    async with running(World(tmp_path, timetable('at_close = "case_in_hand"'))) as hall:
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/miss", ticket=ticket)
        await go(hall, "17:59:00")
        await hall.post("/windows/3/call-next", 204)
        await go(hall, "18:01:00")
        assert (await hall.post(f"/tickets/{ticket}/return"))["state"] == "waiting"


@req("WIN-13")
async def test_a_window_stays_while_papers_lie_there(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/hold", ticket=ticket, kind="with_papers")
        refused = await hall.post("/windows/3/close", 409)
        assert refused["title"] == "A001号还挂起在3号窗口，请先回呼办结"
        await hall.post(f"/tickets/{ticket}/resume", window=3)
        await hall.post("/windows/3/hold", ticket=ticket, kind="without_papers")
        await hall.post("/windows/3/close")
        refused = await hall.post(f"/tickets/{ticket}/resume", 409, window=3)
        assert refused["title"] == "窗口已停止服务，请先重新开窗", "to resume a window does not open it"
        await hall.post(f"/tickets/{ticket}/resume", window=1)


@req("WIN-09", "WIN-13")
async def test_a_clerk_does_not_leave_a_case_behind(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        for no, staff in ((1, "1001"), (3, "1003")):
            await hall.post(f"/windows/{no}/sign-in", staff=staff)
        ticket = (await hall.issue("pension"))["id"]
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/1/hand-over", to="1003")
        leaving: dict[str, Any] = {"3/sign-out": {}, "2/sign-in": {"staff": "1003"}}
        leaving["1/hand-over/confirm"] = {"staff": "1003"}
        for path, body in leaving.items():
            refused = await hall.post(f"/windows/{path}", 409, **body)
            assert refused["title"] == "3号窗口A001号还没有办结，请先办结、挂起或交接"
        assert [(await window(hall, no))["staff"] for no in (1, 2, 3)] == ["1001", None, "1003"]
        await hall.post("/windows/3/finish", ticket=ticket)
        await hall.post("/windows/1/hand-over/confirm", staff="1003")


@req("WIN-05")
async def test_no_sign_sends_people_to_a_closed_window(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/3/close")
        refused = await hall.post("/windows/1/pause", 409, sign="go_to", other=3)
        assert refused["title"] == "3号窗口已停止服务，请另选窗口"
        await hall.post("/windows/3/open")
        await hall.post("/windows/1/pause", sign="go_to", other=3)
        await hall.post("/windows/3/close")
        assert (await window(hall, 1))["sign"] == "对不起，请稍候"
        assert [each.data["sign"] for each in hall.events("window.paused")] == ["go_to", "wait_a_moment"]
