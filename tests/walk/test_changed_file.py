"""A hall file changed while people wait: the next start goes on with what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hall import World, running, without_devices

pytestmark = pytest.mark.looptime


def without_pension(text: str) -> str:
    """No 养老保险 and no window 3 any more."""
    service, rest = text.split('[[service]]\nid = "pension"')[0], text.split('[[service]]\nid = "pension"')[1]
    text = service + "[[service]]" + rest.split("[[service]]", 1)[1]
    before, after = text.split("[[window]]\nno = 3")
    tail = after[after.index("# ---- staff") :]
    return (before + tail).replace('"pension", ', "")


async def test_tickets_of_a_service_or_window_that_is_gone_are_ended(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        served = await hall.issue("pension")
        waiting = await hall.issue("pension")
        kept = await hall.issue("household")
        await hall.post("/windows/3/call-next")
        await hall.post("/windows/3/start", ticket=served["id"])
    async with running(World(tmp_path, lambda text: without_pension(without_devices(text)))) as hall:
        ends = {event.key: event.type for event in hall.events("ticket.") if event.data.get("why") == "not_in_the_hall"}
        assert ends == {served["id"]: "ticket.finished", waiting["id"]: "ticket.cancelled"}
        assert (await hall.get(f"/tickets/{kept['id']}"))["state"] == "waiting"
        assert (await hall.api.get(f"/api/v1/tickets/{waiting['id']}")).status_code == 404
        assert [window["no"] for window in (await hall.get("/windows"))["windows"]] == [1, 2]
        called = await hall.post("/windows/1/call-next")
        assert called["ticket"]["id"] == kept["id"]
