"""Who calls for help at a kiosk stands at the help desk until somebody has gone and said what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hall import World, running, without_devices
from tests.pages.forms import forms

pytestmark = pytest.mark.looptime
CALLS = "/desk/calls"


async def test_a_call_for_help_is_seen_taken_and_closed_at_the_desk(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        assert 'data-test="call"' not in (await hall.api.get(CALLS)).text
        await hall.post("/kiosks/1/help", 204)
        text = (await hall.api.get(CALLS)).text
        assert "1号取号机：有人找人帮忙" in text
        (go,) = forms(text)
        assert (await hall.api.post(go.action, data={"by": ""})).status_code == 422
        assert (await hall.api.post(go.action, data={"by": "王芳"})).status_code == 303
        text = (await hall.api.get(CALLS)).text
        assert "王芳 已去" in text
        (end,) = forms(text)
        assert (await hall.api.post(end.action, data=end.fields | {"done": "教会取号"})).status_code == 303
        assert 'data-test="call"' not in (await hall.api.get(CALLS)).text
        assert (await hall.api.get("/desk")).text.count('id="calls"') == 1


async def test_the_alarm_of_a_window_is_not_the_desks_to_end(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        alert = (await hall.post("/windows/3/alert", kind="help"))["id"]
        assert "求助" not in (await hall.api.get(CALLS)).text
        assert (await hall.api.post(f"{CALLS}/{alert}/acknowledge", data={"by": "王芳"})).status_code == 404
