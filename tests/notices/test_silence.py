"""Ops is told of a hall screen that its browser keeps silent, and told no more once that is mended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.app import make_app
from edge.notices.silence import FORGOTTEN_MS, STEADY_MS
from tests.hall import Door, Running, World, running, without_devices

pytestmark = pytest.mark.looptime
STEADY_S, FORGOTTEN_S = STEADY_MS / 1000, FORGOTTEN_MS / 1000


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    """Monday 2026-03-02, 9:00."""
    async with running(World(tmp_path, without_devices)) as hall:
        yield hall


async def leaf(
    hall: Running, silent: bool, zone: str = "f1", panel: httpx.AsyncClient | None = None, page: str = ""
) -> None:
    path = f"/screen/{zone}/leaf?panel={page}&silent={str(silent).lower()}"
    assert (await (panel or hall.api).get(path)).status_code == 200


async def twice(hall: Running) -> None:
    await leaf(hall, silent=True)
    await asyncio.sleep(STEADY_S)
    await leaf(hall, silent=True)


async def silences(hall: Running) -> list[dict[str, Any]]:
    return [each for each in (await hall.get("/problems"))["problems"] if each["why"] == "声音未启用"]


async def test_a_silent_screen_is_a_problem_until_it_sounds(hall: Running) -> None:
    await leaf(hall, silent=True)
    assert await silences(hall) == [], "whoever has just opened it may still touch it"
    await asyncio.sleep(STEADY_S)
    await leaf(hall, silent=True)
    (told,) = await silences(hall)
    assert (told["name"], told["severity"]) == ("一楼办事大厅的大厅屏", "warn")
    assert told["since"].startswith("2026-03-02T09:00:00")
    assert "点一下" in told["advice"]
    assert told["name"] in (await hall.api.get("/ops")).text
    await leaf(hall, silent=False)
    assert await silences(hall) == []


async def test_a_touch_in_time_is_never_told(hall: Running) -> None:
    await leaf(hall, silent=True)
    await asyncio.sleep(STEADY_S / 2)
    await leaf(hall, silent=False)
    await asyncio.sleep(STEADY_S)
    await leaf(hall, silent=True)
    assert await silences(hall) == []


async def test_a_screen_that_asks_no_more_is_forgotten(hall: Running) -> None:
    """And if it comes back silent, it is silent since then."""
    await twice(hall)
    await asyncio.sleep(FORGOTTEN_S - 1)
    assert len(await silences(hall)) == 1
    await asyncio.sleep(2)
    assert await silences(hall) == []
    await twice(hall)
    (told,) = await silences(hall)
    assert told["since"] > "2026-03-02T09:05"


async def test_another_panel_of_the_zone_does_not_speak_for_it(hall: Running) -> None:
    door = Door(make_app(hall.parts), client=("::1", 1))
    async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as other:
        await leaf(hall, silent=True)
        await leaf(hall, silent=True, zone="guide")
        await asyncio.sleep(STEADY_S)
        await leaf(hall, silent=True)
        await leaf(hall, silent=False, panel=other)
        await leaf(hall, silent=False, zone="guide")
        assert [each["name"] for each in await silences(hall)] == ["一楼办事大厅的大厅屏"]


async def test_two_pages_of_one_machine_do_not_speak_for_each_other(hall: Running) -> None:
    """Nor do panels behind one address."""
    for _ in range(3):
        await leaf(hall, silent=True, page="left")
        await leaf(hall, silent=False, page="right")
        await asyncio.sleep(STEADY_S / 2)
    assert len(await silences(hall)) == 1
    await leaf(hall, silent=False, page="left")
    assert await silences(hall) == []
