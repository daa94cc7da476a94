"""A visitor who is sent on with a delay is called when it is over, by the window that waits for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.hall import World, running, without_devices

pytestmark = pytest.mark.looptime


async def test_who_is_sent_on_with_a_delay_waits_it_out(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/transfer", ticket=ticket["id"], window=1, delay_minutes=5, reason="去复印")
        assert await hall.post("/windows/1/call-next", 204) is None
        await asyncio.sleep(200)
        assert not hall.events("ticket.due")
        await asyncio.sleep(120)
        assert [each.data["window"] for each in hall.events("ticket.called")] == [3, 1]
