"""The page on which a supervisor changes what windows serve: typed, refused, saved, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running, without_devices
from tests.pages.forms import Form, forms
from tests.pages.visits import done, page, refused, send, told, words

pytestmark = pytest.mark.looptime
HERE = "/ops/windows"


async def drawn(hall: Running, act: str, no: int | None = None) -> Form:
    found = [each for each in forms(await page(hall, HERE)) if each.fields.get("act") == act]
    return next(each for each in found if no is None or each.fields["no"] == str(no))


async def serves(hall: Running, no: int) -> Any:
    return next(each["skills"] for each in (await hall.get("/windows"))["windows"] if each["no"] == no)


async def test_a_window_takes_on_a_service_for_today_and_gives_it_back(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        before = await serves(hall, 2)
        waits = await hall.issue("pension")
        change = await drawn(hall, "set", 2)
        assert "请写原因" in told(await refused(hall, change, {"skill-pension": "on"}))
        text = await done(hall, change, {"skill-pension": "on", "first": "pension", "reason": "社保排长队"})
        assert "已改（今天），原来：" in words(text)
        assert await serves(hall, 2) == ["pension", *before]
        assert (
            await send(hall, change, {"skill-pension": "on", "first": "pension", "reason": "社保排长队"})
        ).status_code == 303
        assert (await hall.post("/windows/2/call-next"))["ticket"]["id"] == waits["id"]
        await done(hall, await drawn(hall, "restored", 2))
        assert await serves(hall, 2) == before
        assert [each.type for each in hall.events("window.skills")] == ["window.skills_changed"] * 2


async def test_a_service_that_nobody_else_serves_is_not_taken_away(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        change = await drawn(hall, "set", 1)
        kept = {name: "" for name in change.fields if name.startswith("skill-")} | {"skill-pension": "on"}
        assert "没有别的窗口办理" in told(await refused(hall, change, kept | {"reason": "试一试"}, 409))


async def test_a_temporary_window_opens_and_goes(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        new = await drawn(hall, "added")
        typed = {"no": "9", "name": "社保临时窗口", "skill-pension": "on", "reason": "排长队"}
        assert "窗口号写 1 到 9999" in told(await refused(hall, new, typed | {"no": "九"}))
        assert "请至少勾一项业务" in told(await refused(hall, new, typed | {"skill-pension": ""}))
        assert "已有3号窗口" in told(await refused(hall, new, typed | {"no": "3"}, 409))
        text = await done(hall, new, typed)
        assert "临时窗口，今天" in words(text)
        zone = hall.parts.hall.window[9].zone
        assert zone == "f1", "not where windows are heard and shown, but in the first zone of the file"
        waits = await hall.issue("pension")
        called = (await hall.post("/windows/9/call-next"))["ticket"]
        assert called["id"] == waits["id"]
        close = await drawn(hall, "closed", 9)
        assert "还没有办结" in told(await refused(hall, close, {}, 409))
        await hall.post("/windows/9/finish", ticket=called["id"])
        assert "社保临时窗口" not in words(await done(hall, await drawn(hall, "closed", 9)))
