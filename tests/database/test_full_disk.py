"""A disk that takes nothing more: the hall says so, goes on showing what it knows, and goes on when there is room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.journal import Event
from edge.parts import Parts
from tests.hall import World, running

pytestmark = pytest.mark.looptime

CALL, FINISH = 0x0C, 0x0B


def fill(parts: Parts, full: bool) -> None:
    """From now on the writer's connection writes nothing; what only reads commits as before."""
    raw: Any = parts.writer._connection.connection.dbapi_connection
    raw.execute(f"PRAGMA query_only={int(full)}")


@pytest.mark.parametrize(
    "when", ["ticket.issued", "print.done", "ticket.called", "ticket.finished", "evaluation.invited"]
)
async def test_the_service_lives_through_a_full_disk(tmp_path: Path, when: str) -> None:
    """The disk fills right after the commit of `when`, so that whatever reacts to it finds it full."""
    world = World(tmp_path)
    async with running(world) as hall:
        told, box = hall.parts.writer._after_commit, world.simulator("counter")

        def and_then_full(events: list[Event]) -> None:
            told(events)
            if when in [event.type for event in events]:
                fill(hall.parts, True)

        async def visit() -> None:
            await hall.issue(kiosk="1")
            await hall.until(lambda: hall.events("print.done"))
            for key, event in ((CALL, "ticket.called"), (FINISH, "ticket.finished")):
                await box.press(3, key)
                await hall.until(lambda event=event: hall.events(event))  # type: ignore[misc]
            await hall.until(lambda: hall.events("evaluation.invited"))
            await hall.issue()

        await hall.up()
        hall.parts.writer._after_commit = and_then_full
        with pytest.raises(AssertionError, match=r"not within|503"):
            await visit()
        refused = await hall.api.post("/api/v1/tickets", json={"service": "medical"})
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/not_stored")
        assert (await hall.api.get("/readyz")).status_code in (200, 503)
        told_at_ops = [each for each in (await hall.get("/problems"))["problems"] if each["id"] == "database"]
        assert [(each["severity"], each["name"]) for each in told_at_ops] == [("bad", "这台机器")]
        assert (await hall.get("/board"))["hall"]["name"] == world.hall.hall.name
        before = len(hall.events())
        hall.parts.writer._after_commit = told
        fill(hall.parts, False)
        assert (await hall.issue("medical"))["number"] == "C001"
        assert "database" not in [each["id"] for each in (await hall.get("/problems"))["problems"]]
        await hall.until(lambda: world.centre.central.received == len(hall.events()) > before)
        assert not world.centre.central.order_errors
