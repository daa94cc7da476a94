"""A text over the hall screens is said by the loudspeakers of its zones, once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.hall import Place
from edge.notices.emergencies import emergency_calls
from tests.hall import World, demo_hall, running

AT = 1_772_413_200_000


@pytest.mark.req("DISP-18")
def test_each_loudspeaker_says_it_once(tmp_path: Path) -> None:
    hall = demo_hall(tmp_path)
    guide, first = hall.zones
    both = hall.model_copy(update={"zones": (guide.model_copy(update={"voice": first.voice}), first)})
    for zones, count in (((), 1), (("f1",), 1), (("guide",), 1)):
        assert len(emergency_calls(both, AT, "请从2号门离开", zones)) == count
    assert emergency_calls(hall, AT, "请从2号门离开", ("guide",)) == []
    (said,) = emergency_calls(hall, AT, "请从2号门离开", ("f1",))
    assert (Place(device=said.device, address=said.address), said.text) == (first.voice, "请从二号门离开")
    assert said.until == AT + 45_000


@pytest.mark.looptime
async def test_it_is_heard_in_the_zone(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        await hall.up("voice-1")
        heard = hall.world.simulator("voice-1").heard
        await hall.post("/emergencies", 201, text="请到一号窗口", zones=["guide"], by="周主任")
        await hall.post("/emergencies", 201, text="请到三号窗口", zones=["f1"], by="周主任")
        await hall.until(lambda: heard)
        assert len(heard) == 1
