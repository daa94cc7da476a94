"""A visitor at a kiosk calls for somebody: those at ops are told, once while it is open, and anew when nobody came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.hallwindows import Alerts
from edge.refusal import Refused
from edge.windows import alerts
from tests.access.test_routes import enrol, guarded
from tests.books import Books
from tests.hall import World, running, without_devices


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def call(books: Books, kiosk: str = "1") -> str:
    return books.do(alerts.call, alerts.Call(kiosk, f"kiosk:{kiosk}"))


def shown(books: Books) -> list[dict[str, Any]]:
    with books.database.read() as connection:
        return alerts.open_alerts(connection, books.hall)


def told(books: Books) -> list[str]:
    return [each.type for each in books.events() if "alert" in each.type]


def test_one_is_open_however_often_it_is_pressed(books: Books) -> None:
    first = call(books)
    assert call(books) == first
    (one,) = shown(books)
    assert (one["place"], one["kiosk"], one["window"], one["kind"]) == ("1号取号机", "1", None, "kiosk")
    assert one["receivers"] == ["导办台"]
    assert told(books) == ["kiosk.alerted"]
    (event,) = books.events("kiosk.")
    assert (event.key, event.data) == ("kiosk:1", {"alert": first, "kiosk": "1", "zone": "guide"})


def test_every_kiosk_and_window_has_its_own(books: Books) -> None:
    other = books.hall.kiosks[0].model_copy(update={"id": "2", "name": "2号取号机"})
    books.hall = books.hall.model_copy(update={"kiosks": (*books.hall.kiosks, other)})
    for kiosk in ("1", "2"):
        call(books, kiosk)
    books.do(alerts.press, alerts.Press(3, "help", "", "window:3"))
    assert [each["place"] for each in shown(books)] == ["1号取号机", "2号取号机", "3号窗口"]
    with books.database.read() as connection:
        assert [each["window"] for each in alerts.open_alerts(connection, books.hall, 3)] == [3]


def test_nobody_comes(books: Books) -> None:
    call(books)
    books.wall.at += Alerts().kiosk.within_s
    assert books.do(alerts.escalate, None) == 1
    assert shown(books)[0]["receivers"] == ["导办台", "大厅值班人员"]
    assert told(books) == ["kiosk.alerted", "kiosk.alert_escalated"]


def test_who_is_on_the_way_is_not_called_again_and_who_never_came_is(books: Books) -> None:
    id_ = call(books)
    books.do(alerts.acknowledge, alerts.Acknowledge(id_, "周主任", "ops"))
    books.wall.at += alerts.COMING_MS / 1000
    assert call(books) == id_
    assert shown(books)[0]["acknowledged_by"] == "周主任"
    books.wall.at += 1
    assert call(books) == id_
    (one,) = shown(books)
    assert (one["acknowledged_by"], one["escalated_at"]) == (None, None)
    assert told(books) == ["kiosk.alerted", "kiosk.alert_acknowledged", "kiosk.alerted"]
    books.wall.at += Alerts().kiosk.within_s
    assert books.do(alerts.escalate, None) == 1


def test_after_it_was_closed_the_next_is_a_new_one(books: Books) -> None:
    id_ = call(books)
    books.do(alerts.close, alerts.Close(id_, "周主任", "已帮助取号", "ops"))
    assert shown(books) == []
    assert call(books) != id_


def test_a_kiosk_that_left_the_hall_keeps_its_call(books: Books) -> None:
    with pytest.raises(Refused, match="no_such_kiosk"):
        call(books, "9")
    id_ = call(books)
    books.hall = books.hall.model_copy(update={"kiosks": ()})
    del books.hall.kiosk  # it was kept
    assert shown(books)[0]["place"] == "取号机1"
    books.do(alerts.close, alerts.Close(id_, "周主任", "已撤走", "ops"))


@pytest.mark.looptime
async def test_ops_sees_it_in_the_one_list_and_answers_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        assert await hall.post("/kiosks/1/help", 204) is None
        (problem,) = [each for each in (await hall.get("/problems"))["problems"] if each["name"] == "1号取号机"]
        assert (problem["severity"], problem["why"]) == ("bad", "有人请求帮助")
        assert problem["advice"].startswith("请导办台马上去")
        assert "1号取号机" in (await hall.api.get("/ops")).text
        await hall.post(f"/alerts/{problem['id']}/acknowledge", by="周主任")
        (problem,) = [each for each in (await hall.get("/problems"))["problems"] if each["name"] == "1号取号机"]
        assert problem["severity"] == "warn"
        await hall.post(f"/alerts/{problem['id']}/close", by="周主任", done="已帮助取号")
        assert "1号取号机" not in str(await hall.get("/problems"))


@pytest.mark.looptime
async def test_a_kiosk_calls_for_itself_alone(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        await enrol(hall, "one", "kiosk", "1")
        await enrol(hall, "other", "kiosk", "2")
        for token, status in (("other", 403), ("one", 204)):
            answer = await hall.api.post("/api/v1/kiosks/1/help", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status
