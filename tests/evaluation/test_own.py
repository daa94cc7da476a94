"""A visitor rates by the QR code of the slip; nobody else can, and nobody twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hall import World, running, without_devices

pytestmark = pytest.mark.looptime


@pytest.mark.req("EVAL-02", "EVAL-04")
async def test_the_slip_rates_once(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        path, key = f"/tickets/{ticket['id']}", hall.parts.vault.slip_key(ticket["id"])
        assert (await hall.get(path))["evaluation"] == {"state": "invited"}
        await hall.post(f"{path}/evaluation", 403, level=5, key="")
        await hall.post(f"{path}/evaluation", 403, level=5, key=hall.parts.vault.slip_key("another"))
        await hall.post(f"{path}/evaluation", 422, level=5)
        await hall.post(f"{path}/evaluation", level=2, key=key)
        await hall.post(f"{path}/evaluation", 409, level=5, key=key)
        assert (await hall.get(path))["evaluation"] == {"state": "rated"}
        [rated] = hall.events("evaluation.rated")
        assert (rated.data["level"], rated.data["channel"]) == (2, "qr")


async def test_the_visitor_may_decline(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        ticket = await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/finish", ticket=ticket["id"])
        id_ = (await hall.get("/windows/3/evaluation"))["id"]
        await hall.post(f"/evaluations/{id_}/decline")
        await hall.post(f"/evaluations/{id_}", 409, level=1)
        assert (await hall.get(f"/tickets/{ticket['id']}"))["evaluation"] == {"state": "cancelled"}
        assert "level" not in hall.events("evaluation.cancelled")[0].data
