"""The help desk over HTTP: the same acts as on its pages, each once however often it is sent, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


@pytest.mark.req("QUE-25")
async def test_a_number_goes_over_to_another_service_once(hall: Running) -> None:
    first = await hall.issue()
    path, key = f"/tickets/{first['id']}/change", {"Idempotency-Key": "once"}
    seen = [await hall.post(path, 200, key, service="medical") for _ in range(2)]
    assert seen[0] == seen[1]
    assert (seen[0]["number"], seen[0]["service"]["id"], seen[0]["ahead"]) == (first["number"], "medical", 0)
    assert len(hall.events("ticket.changed")) == 1
    assert (await hall.post(path, 409, service="medical"))["title"] == "A001号本来就办医疗保险"
    await hall.post(path, 404, service="fishing")
    await hall.post("/tickets/none/change", 404, service="medical")


@pytest.mark.req("QUE-09")
async def test_priority_is_declared_for_who_waits(hall: Running) -> None:
    before, ticket = [await hall.issue() for _ in range(2)]
    path = f"/tickets/{ticket['id']}/priority"
    seen = await hall.post(path, 200, priority="military")
    assert (seen["priority"], seen["ahead"]) == ("military", 0)
    assert (await hall.get(f"/tickets/{before['id']}"))["ahead"] == 1
    assert (await hall.post(path, 409, priority="military"))["type"] == "/problems/no_better_place"
    await hall.post(path, 422, priority="rich")


@pytest.mark.req("QUE-26")
async def test_who_helps_is_of_the_staff(hall: Running) -> None:
    path = f"/tickets/{(await hall.issue())['id']}/assist"
    assert (await hall.post(path, 200))["number"] == "A001"
    await hall.post(path, 200, staff="1001")
    assert (await hall.post(path, 422, staff="9999"))["type"] == "/problems/no_such_staff"
    told = [each.data.get("staff") for each in hall.events("assistance.recorded")]
    assert told == [None, "1001"]


WAITS: dict[str, Any] = {"number": "007", "service": "pension", "taken_at": "08:40"}
SERVED: dict[str, Any] = WAITS | {"number": "005", "served": {"window": 3, "from": "08:45", "to": "08:55"}}


@pytest.mark.req("QUE-25")
async def test_numbers_on_paper_are_entered_all_or_none(hall: Running) -> None:
    later, key = await hall.issue(), {"Idempotency-Key": "once"}
    for _ in range(2):
        seen = await hall.post("/hand-numbers", 201, key, numbers=[WAITS, SERVED])
    assert seen == await hall.get("/hand-numbers")
    assert [(each["number"], each["state"]) for each in seen["numbers"]] == [("S005", "finished"), ("S007", "waiting")]
    assert (seen["gaps"], seen["numbers"][1]["taken_at"]) == ([6], "2026-03-02T08:40:00.000+08:00")
    assert (await hall.get(f"/tickets/{later['id']}"))["ahead"] == 1
    other = WAITS | {"number": "008"}
    refusal = await hall.post(
        "/hand-numbers", 422, numbers=[other, WAITS, WAITS | {"number": "9", "taken_at": "09:30"}]
    )
    assert refusal["detail"] == "S007 已经录入过; S9 的取号时间还没有到"
    assert len((await hall.get("/hand-numbers"))["numbers"]) == 2


@pytest.mark.parametrize(
    "wrong", [{"number": "A7"}, {"number": "1234567"}, {"taken_at": "9:05"}, {"taken_at": "24:00"}, {"served": {}}]
)
async def test_what_is_no_number_on_paper_is_refused(hall: Running, wrong: dict[str, Any]) -> None:
    assert (await hall.post("/hand-numbers", 422, numbers=[WAITS | wrong]))["type"] == "/problems/malformed"
