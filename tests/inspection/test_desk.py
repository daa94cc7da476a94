"""Observations of patrols: what they must say, what is kept of them, and that nothing is ever changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.hall import Running, World, running, without_devices

pytestmark = pytest.mark.looptime


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, without_devices)


async def observe(hall: Running, expect: int = 201, **more: Any) -> Any:
    return await hall.post("/observations", expect, **cast(Any, {"by": "周主任", "window": 3} | more))


@pytest.mark.req("INSP-01")
async def test_a_patrol_writes_down_what_it_saw_of_attendance(world: World) -> None:
    async with running(world) as hall:
        ticks = ["late", "early", "absent", "off_post", "no_leave"]
        await observe(hall, seen=ticks, staff="1003", measure="当场提醒")
        (found,) = (await hall.get("/observations"))["observations"]
        assert [each["id"] for each in found["seen"]] == ticks
        assert (found["window"], found["staff"], found["by"], found["measure"]) == (3, "1003", "周主任", "当场提醒")
        assert found["at"].startswith("2026-03-02T09:00")


@pytest.mark.req("INSP-02", "INSP-10", "INSP-11")
async def test_dress_badge_desk_guides_attitude_and_forbidden_phrases(world: World) -> None:
    async with running(world) as hall:
        ticks = ["dress", "badge", "desk", "guides", "attitude", "phrase"]
        await observe(hall, seen=ticks)
        (found,) = (await hall.get("/observations"))["observations"]
        assert [each["id"] for each in found["seen"]] == ticks
        assert all(each["name"] != each["id"] for each in found["seen"])


@pytest.mark.req("INSP-03", "INSP-04")
async def test_it_is_known_how_it_was_seen_and_that_nothing_was_amiss(world: World) -> None:
    async with running(world) as hall:
        await observe(hall, how="video", seen=["fine"])
        await observe(hall, how="supervision", seen=["fine"], window=None, place="休息区")
        found = (await hall.get("/observations"))["observations"]
        assert [(each["how"], each["place"]) for each in found] == [("supervision", "休息区"), ("video", "")]


WRONG: tuple[dict[str, Any], ...] = (
    {"seen": []},
    {"seen": ["fine", "late"]},
    {"seen": ["strange"]},
    {"seen": ["late"], "window": None},
    {"seen": ["late"], "window": 99},
    {"seen": ["late"], "by": ""},
    {"seen": ["late"], "how": "hearsay"},
    {"seen": ["late"], "at": "2026-03-02T09:03:00+08:00"},
)


@pytest.mark.req("INSP-04")
async def test_what_is_not_a_truthful_record_is_refused(world: World) -> None:
    async with running(world) as hall:
        for each in WRONG:
            await observe(hall, 422, **each)
        assert (await hall.get("/observations"))["observations"] == []
        assert hall.events("inspection.") == []


async def test_numbers_of_persons_are_masked_and_the_journal_holds_no_words(world: World) -> None:
    async with running(world) as hall:
        words = "群众 530111199001010016 电话 13812345678 投诉"
        await observe(hall, words=words, measure="已回电 13812345678", staff="1003")
        (found,) = (await hall.get("/observations"))["observations"]
        assert found["words"] == "群众 530***********0016 电话 138****5678 投诉"
        assert "13812345678" not in found["measure"]
        (event,) = hall.events("inspection.observed")
        assert event.key == "window:3"
        assert event.data == {"observation": 1, "how": "patrol", "window": 3, "staff": "1003", "seen": []}


async def test_days_are_those_of_the_hall(world: World) -> None:
    async with running(world) as hall:
        await observe(hall, seen=["late"], at="2026-03-01T23:59:00+08:00")
        await observe(hall, seen=["early"], at="2026-03-02T00:01:00+08:00")
        assert len((await hall.get("/observations"))["observations"]) == 1
        assert len((await hall.get("/observations?from=2026-03-01&to=2026-03-01"))["observations"]) == 1
        assert len((await hall.get("/observations?from=2026-03-01"))["observations"]) == 2
