"""Bookings over HTTP: what is free, who may go beyond it, the centre's reference, the slip, and who is late."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.access import tokens
from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime

TODAY, TOMORROW, ELSEWHEN = "2026-03-02", "2026-03-03", "2026-03-11"
HOURS = 'hours = [{ from = "08:30", to = "12:00" }, { from = "14:30", to = "18:00" }]'
SLOT: dict[str, Any] = {
    "service": "pension",
    "day": TODAY,
    "from": "10:00",
    "to": "10:30",
    "channel": "online",
    "phone": "13812345678",
}


def plain(text: str) -> str:
    """Without devices, and open when halls are."""
    text = re.sub(r"(?ms)^\[sms\].*?(?=^\[)", "", without_devices(text))
    return text.replace('hours = "always"', HOURS)


def guarded(text: str) -> str:
    return plain(text).replace("demo = true", "demo = false")


async def token(hall: Running, role: tokens.Role) -> dict[str, str]:
    await hall.parts.writer.do(tokens.enrol, tokens.Enrol(role, role, f"the-{role}", None))
    return {"Authorization": f"Bearer {role}"}


async def ask(hall: Running, who: dict[str, str], path: str, **body: Any) -> httpx.Response:
    return await hall.api.post(f"/api/v1{path}", json=body, headers=who)


async def free(hall: Running, **query: Any) -> Any:
    answer = await hall.api.get("/api/v1/slots", params={"service": "pension"} | query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.req("APPT-04", "APPT-05")
async def test_what_is_free_is_told_with_what_to_bring(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        seen = await free(hall)
        assert [each["day"] for each in seen["days"]] == [f"2026-03-0{nth}" for nth in range(2, 10)]
        assert seen["materials"]
        monday, saturday = seen["days"][0], seen["days"][5]
        assert monday["slots"][0] == {"from": "09:30", "to": "10:00", "free": 2}
        assert (saturday["slots"], saturday["kind"]) == ([], "day_off")
        one = await free(hall, days=1, **{"from": TOMORROW})
        assert [each["day"] for each in one["days"]] == [TOMORROW]
        assert (await free(hall, **{"from": ELSEWHEN}))["days"] == []
        assert (await hall.api.get("/api/v1/slots?service=dentist")).status_code == 404


async def test_the_centre_books_slots_and_only_staff_go_beyond(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        central, desk = await token(hall, "central"), await token(hall, "desk")
        first = await ask(hall, central, "/appointments", **SLOT, ref="c-1")
        again = await ask(hall, central, "/appointments", **SLOT, ref="c-1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert (again.json()["id"], again.json()["code"]) == (first.json()["id"], first.json()["code"])
        assert again.json()["told"]["materials"]
        assert (await ask(hall, desk, "/appointments", **SLOT)).status_code == 201
        for who in (central, desk):
            full = await ask(hall, who, "/appointments", **SLOT)
            assert (full.status_code, full.json()["title"]) == (409, "这个时段已约满，请另选时间")
            assert "09:30–10:00" in full.json()["detail"]
        assert (await ask(hall, central, "/appointments", **SLOT, beyond_quota=True)).status_code == 403
        assert (await ask(hall, desk, "/appointments", **SLOT, beyond_quota=True)).status_code == 201
        assert (await ask(hall, central, "/appointments", **SLOT | {"to": "11:00"})).status_code == 409
        for ref in ("110199194801010015", "13812345678", "a/b", ""):
            assert (await ask(hall, central, "/appointments", **SLOT, ref=ref)).status_code == 422


async def test_the_centre_moves_and_cancels_by_its_reference(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        central = await token(hall, "central")
        first = (await ask(hall, central, "/appointments", **SLOT, ref="c-1")).json()
        when = {"day": TOMORROW, "from": "11:00", "to": "11:30"}
        moved = await ask(hall, central, "/appointments/c-1/move", **when, reason="本人要求")
        seen = moved.json()
        assert (moved.status_code, seen["number"], seen["day"]) == (200, first["number"], TOMORROW)
        assert "code" not in seen
        cancelled = await ask(hall, central, "/appointments/c-1/cancel")
        assert (cancelled.json()["id"], cancelled.json()["state"]) == (first["id"], "cancelled")
        assert (await ask(hall, central, "/appointments/c-2/cancel")).status_code == 404
        assert (await ask(hall, central, f"/appointments/{first['id']}/move", **when)).status_code == 409
        told = json.dumps([event.data for event in hall.events("appointment.")])
        assert first["number"] not in told
        assert first["code"] not in told


async def test_two_presses_make_one_booking(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        key = {"Idempotency-Key": "once"}
        first, second = [await hall.post("/appointments", 201, key, **SLOT) for _ in range(2)]
        assert first == second
        assert (await free(hall))["days"][0]["slots"][1]["free"] == 1


async def test_who_is_late_is_told_so_and_gets_an_ordinary_number(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        booked = await hall.post("/appointments", 201, **SLOT)
        by_phone = {"number": booked["number"], "phone_tail": "5678", "kiosk": "1"}
        early = await hall.post("/appointments/check-in", 409, **by_phone)
        assert early["title"] == "您预约的是10:00–10:30，请09:30以后再来签到"
        hall.world.wall.at += 106 * 60
        for status in (201, 200):
            ticket = await hall.post("/appointments/check-in", status, **by_phone)
            assert ticket["late"]["words"] == "您预约的10:00–10:30已过15分钟，已为您取普通号"
            assert (ticket["priority"], ticket["number"]) == (None, "A001")
        other = await hall.post("/appointments", 201, **SLOT | {"from": "11:00", "to": "11:30"})
        assert (await hall.post("/appointments/check-in", 201, code=other["code"]))["late"] is None


@pytest.mark.req("NOTI-05")
async def test_a_day_closed_later_is_a_list_and_one_problem(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        booked = await hall.post("/appointments", 201, **SLOT | {"day": TOMORROW})
        assert (await hall.get("/appointments/to-rebook"))["appointments"] == []
        problems = {each["id"] for each in (await hall.get("/problems"))["problems"]}
        assert "to_rebook" not in problems
        await hall.post("/attendance/calendar/days", days=[{"day": TOMORROW, "kind": "closed", "name": "系统检修"}])
        (found,) = (await hall.get("/appointments/to-rebook"))["appointments"]
        assert (found["id"], found["why"]) == (booked["id"], "这一天停止服务（系统检修）")
        assert found["todo"] == "请中心通知本人，再改约"
        (problem,) = [each for each in (await hall.get("/problems"))["problems"] if each["id"] == "to_rebook"]
        assert problem["why"] == "1个预约落在停止服务的日子或时间"
        when: dict[str, Any] = {"day": "2026-03-04", "from": "10:00", "to": "10:30"}
        await hall.post(f"/appointments/{booked['id']}/move", 200, **when, reason="停止服务")
        assert (await hall.get("/appointments/to-rebook"))["appointments"] == []


# ---- the slip


async def test_a_booking_is_printed_once_and_its_code_is_not_kept_with_the_job(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up("printer-1")
        slot: dict[str, Any] = SLOT | {"id_number": "110199194801010015"}
        await hall.post("/appointments", 201, **slot, kiosk="1")
        await hall.post("/appointments", 200, **slot, kiosk="1")
        jobs = "SELECT template, state, content FROM print_job"

        def printed() -> list[Any]:
            with hall.parts.database.read() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(jobs)]

        await hall.until(lambda: printed() == [("appointment", "printed", None)])
        assert len(hall.world.simulator("printer-1").slips) == 1
