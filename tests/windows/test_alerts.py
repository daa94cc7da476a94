"""A window that calls for somebody: told once, told again once when nobody comes, never lost."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.hallwindows import Alert, Alerts
from edge.refusal import Refused
from edge.windows import alerts
from edge.windows import desk as windows
from tests.access.test_routes import enrol, guarded
from tests.books import Books
from tests.hall import DAY_S, World, running, without_devices

req = pytest.mark.req
WITHIN_S: dict[str, float] = {kind: getattr(Alerts(), kind).within_s for kind in alerts.KINDS}


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def press(books: Books, kind: str = "dispute", words: str = "", window: int = 3) -> str:
    return books.do(alerts.press, alerts.Press(window, kind, words, f"window:{window}"))  # type: ignore[arg-type]


def acknowledge(books: Books, id_: str, by: str = "周主任") -> None:
    books.do(alerts.acknowledge, alerts.Acknowledge(id_, by, "ops"))


def close(books: Books, id_: str, by: str = "周主任", done: str = "已劝解") -> None:
    books.do(alerts.close, alerts.Close(id_, by, done, "ops"))


def shown(books: Books) -> list[dict[str, Any]]:
    with books.database.read() as connection:
        return alerts.open_alerts(connection, books.hall)


def told(books: Books) -> list[str]:
    return [each.type.removeprefix("window.") for each in books.events("window.alert")]


@req("WIN-21", "WIN-22", "WIN-24")
@pytest.mark.parametrize(
    ("kind", "to", "then"),
    [
        ("dispute", "窗口负责人", "政务管理股"),
        ("emergency", "中心", "中心负责人"),
        ("hazard", "保安", "政策法规科"),
        ("help", "大厅值班人员", "中心"),
    ],
)
def test_each_kind_has_its_receivers(books: Books, kind: str, to: str, then: str) -> None:
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    press(books, kind, "请来人")
    (one,) = shown(books)
    assert (one["receivers"], one["window"], one["staff_name"], one["words"]) == ([to], 3, "赵静", "请来人")
    books.wall.at += WITHIN_S[kind]
    assert books.do(alerts.escalate, None) == 1
    assert shown(books)[0]["receivers"] == [to, then]


def test_the_hall_names_its_own(books: Books) -> None:
    own = Alerts(hazard=Alert(to=("一楼保安室",), within_s=10))
    books.hall = books.hall.model_copy(update={"alerts": own})
    press(books, "hazard")
    assert shown(books)[0]["receivers"] == ["一楼保安室"]
    books.wall.at += 10
    assert books.do(alerts.escalate, None) == 1


def test_pressed_twice_is_one_and_new_words_are_kept(books: Books) -> None:
    first = press(books)
    assert [press(books), press(books, words="有人大声"), press(books, words="有人大声")] == [first] * 3
    press(books, words="还拍桌子")
    assert shown(books)[0]["words"] == "有人大声；还拍桌子"
    assert told(books) == ["alerted", "alert_added", "alert_added"]
    assert press(books, "emergency") != first
    assert press(books, window=1) != first


def test_what_is_pressed_after_somebody_came_is_a_new_need(books: Books) -> None:
    first = press(books)
    acknowledge(books, first)
    second = press(books)
    assert second != first
    assert [each["id"] for each in shown(books)] == [first, second]


def test_acknowledged_by_name_and_closed_with_what_was_done(books: Books) -> None:
    id_ = press(books)
    for _ in range(2):
        acknowledge(books, id_)
    with pytest.raises(Refused, match="acknowledged") as refused:
        acknowledge(books, id_, "王科长")
    assert refused.value.title == "周主任已经在处理"
    (one,) = shown(books)
    assert (one["acknowledged_by"], one["acknowledged_at"]) == ("周主任", "2026-03-02T09:00:00.000+08:00")
    for _ in range(2):
        close(books, id_)
    with pytest.raises(Refused, match="alert_closed"):
        close(books, id_, "王科长")
    assert shown(books) == []
    with books.database.read() as connection:
        (over,) = alerts.closed_alerts(connection, books.hall)
    assert (over["closed_by"], over["done"]) == ("周主任", "已劝解")
    assert told(books) == ["alerted", "alert_acknowledged", "alert_closed"]


def test_who_closes_what_nobody_acknowledged_has_done_both(books: Books) -> None:
    id_ = press(books)
    close(books, id_, done="误按")
    books.wall.at += 600
    assert books.do(alerts.escalate, None) == 0
    assert told(books) == ["alerted", "alert_acknowledged", "alert_closed"]
    assert press(books) != id_


def test_the_journal_says_nothing_of_persons(books: Books) -> None:
    id_ = press(books, words="张三 530102196503120016 电话13812345678 闹事")
    close(books, id_, done="已请13812345678离开")
    assert shown(books) == []
    with books.database.read() as connection:
        (over,) = alerts.closed_alerts(connection, books.hall)
    assert (over["words"], over["done"]) == ("张三 530***********0016 电话138****5678 闹事", "已请138****5678离开")
    for event in books.events():
        assert not [each for each in ("张三", "周主任", "闹事", "13812345678") if each in str(event.data)]
    books.wall.at += DAY_S
    assert [books.do(alerts.forget_words, None) for _ in range(2)] == [1, 0]


def test_a_clock_that_went_back_makes_nobody_wait_longer(books: Books) -> None:
    press(books)
    books.wall.at -= 1
    assert books.do(alerts.escalate, None) == 0
    books.wall.at -= 3600
    assert books.do(alerts.escalate, None) == 1


def test_a_window_that_left_the_hall_is_still_answered(books: Books) -> None:
    id_ = press(books)
    left = tuple(each for each in books.hall.windows if each.no != 3)
    books.hall = books.hall.model_copy(update={"windows": left})
    books.hall.__dict__.pop("window", None)
    books.wall.at += 600
    books.do(alerts.escalate, None)
    acknowledge(books, id_)
    close(books, id_)
    assert told(books) == ["alerted", "alert_escalated", "alert_acknowledged", "alert_closed"]


def test_what_does_not_exist_is_refused(books: Books) -> None:
    for try_it in (
        lambda: press(books, window=9),
        lambda: acknowledge(books, "x"),
        lambda: close(books, "x"),
    ):
        with pytest.raises(Refused) as refused:
            try_it()
        assert refused.value.status == 404


# ---- whatever happens


class Called(RuleBasedStateMachine):
    """Every press is in an alert that is shown until it is closed; each alert is told once, and once more when late."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.books = Books(Path(self.folder.name))
        self.waiting: dict[tuple[int, str], str] = {}
        self.open_: dict[str, float] = {}
        self.late: set[str] = set()

    @rule(
        window=st.sampled_from([1, 3]), kind=st.sampled_from(["dispute", "emergency"]), words=st.sampled_from("甲乙 ")
    )
    def press(self, window: int, kind: str, words: str) -> None:
        id_ = press(self.books, kind, words, window)
        assert self.waiting.setdefault((window, kind), id_) == id_
        self.open_.setdefault(id_, self.books.wall.at + WITHIN_S[kind])

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.waiting)))
        acknowledge(self.books, self.waiting.pop(place))

    @precondition(lambda self: self.open_)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.open_)))
        close(self.books, id_)
        del self.open_[id_]
        self.waiting = {place: each for place, each in self.waiting.items() if each != id_}

    @rule(seconds=st.sampled_from([1, 59, 61, 300]))
    def time_goes(self, seconds: int) -> None:
        self.books.wall.at += seconds

    @rule()
    def look(self) -> None:
        due = {id_ for id_ in self.waiting.values() if self.open_[id_] <= self.books.wall.at} - self.late
        with self.books.database.read() as connection:
            assert alerts.overdue(connection, self.books.clock.now()) == bool(due)
        assert self.books.do(alerts.escalate, None) == len(due)
        self.late |= due

    @rule()
    def restart(self) -> None:
        self.books.database.close()
        before, self.books = self.books, Books(Path(self.folder.name))
        self.books.ids, self.books.wall = before.ids, before.wall
        self.books.clock = before.clock

    @invariant()
    def all_are_there_and_told_once(self) -> None:
        assert {each["id"] for each in shown(self.books)} == set(self.open_)
        said = [(each.type, each.data["alert"]) for each in self.books.events("window.alert")]
        once = [each for each in said if each[0] != "window.alert_added"]
        assert len(once) == len(set(once))
        assert {id_ for type_, id_ in said if type_ == "window.alert_escalated"} == self.late

    def teardown(self) -> None:
        self.books.database.close()
        self.folder.cleanup()


Called.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestCalled = Called.TestCase


# ---- in a running hall


@pytest.mark.looptime
@req("WIN-22")
async def test_nobody_comes_and_the_service_is_restarted(tmp_path: Path) -> None:
    world = World(tmp_path, without_devices)
    async with running(world) as hall:
        pressed = await hall.post("/windows/3/alert", kind="emergency", words="有人晕倒")
        assert (await hall.get("/windows/3"))["alerts"] == [pressed]
    async with running(world) as hall:
        assert (await hall.get("/alerts"))["open"] == [pressed]
        await asyncio.sleep(65)
        (late,) = (await hall.get("/alerts"))["open"]
        assert late["receivers"] == ["中心", "中心负责人"]
        await asyncio.sleep(300)
        assert len(hall.events("window.alert_escalated")) == 1
        await hall.post(f"/alerts/{pressed['id']}/acknowledge", by="周主任")
        await hall.post(f"/alerts/{pressed['id']}/close", by="周主任", done="已送医")
        listed = await hall.get("/alerts")
        assert (listed["open"], [each["done"] for each in listed["closed"]]) == ([], ["已送医"])
        await hall.post("/windows/3/alert", 422, kind="party")


@pytest.mark.looptime
async def test_the_visitor_before_the_pad_does_not_read_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, guarded)) as hall:
        press_ = alerts.Press(3, "dispute", "有人大声", "window:3")
        await hall.parts.writer.do(alerts.press, press_)
        for role, reads in (("pad", False), ("window", True)):
            await enrol(hall, role, role)  # type: ignore[arg-type]
            answer = await hall.api.get("/api/v1/windows/3", headers={"Authorization": f"Bearer {role}"})
            assert ("有人大声" in answer.text) == reads
