"""One more window: what it changes for visitors that are known, and what the service says of its own day."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.pages import ops_what_if
from edge.queue import desk, issuing, what_if
from edge.queue.policies import POLICIES
from edge.queue.scenario import Scenario, Service, Ticket, Window
from edge.queue.what_if import Coming, Known, Question, answer
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import Running, World, running, without_devices

HOUR = 3600.0
EVER = ((0.0, 9 * HOUR),)


def ticket(id_: str, arrive_s: float, work_s: float = 100.0, service: str = "a") -> Ticket:
    return Ticket(id_, arrive_s, service, "", None, work_s, 0.0, 0, 0.0, None, ())


def known(tickets: list[Ticket], *windows: Window, **more: Any) -> Known:
    services = tuple(Service(each, each, 1.0, 100.0, 0.6) for each in "ab")
    windows = windows or (Window("1", ("a",), 1.0, EVER, True),)
    day = Scenario("", 0, 30.0, 0.0, services, (), windows, tuple(tickets))
    given: dict[str, Any] = {"open": frozenset(), "coming": ()} | more
    return Known(day, given["open"], given["coming"], POLICIES["backlog"], 9 * HOUR)


# ---- visitors that are known


def test_a_second_window_halves_the_line_from_its_opening_on() -> None:
    found = answer(known([ticket(str(nth), 0) for nth in range(8)]), Question(("a",), 400, None))
    before, after = found.asked
    assert found.runs == 1
    # Four are called before; the others at 400 500 600 700, and with two windows at 400 400 500 500.
    assert (before.people, before.mean, before.longest) == (4, 9.2, 11.7)
    assert (after.people, after.mean, after.longest) == (4, 7.5, 8.3)
    assert [(each.before, each.after) for each in found.line if each.at_s in (300, 600)] == [(4, 4), (1, 0)]


def test_it_closes_when_it_was_said_to() -> None:
    day = known([ticket(str(nth), 0) for nth in range(8)])
    whole, short = (answer(day, Question(("a",), 400, end)).asked[1] for end in (None, 450))
    assert whole.mean < short.mean < answer(day, Question(("a",), 400, None)).asked[0].mean


def test_whom_nobody_served_is_served() -> None:
    day = known([ticket("a", 0), ticket("b", 60, service="b")])
    before, after = answer(day, Question(("b",), 600, None)).services["b"]
    assert (before.left, before.longest) == (1, (9 * HOUR - 60) / 60)
    assert (after.left, after.longest) == (0, 9.0)


VISITS = st.lists(st.tuples(st.floats(0, HOUR), st.floats(10, 600)), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(VISITS, st.floats(0, 2 * HOUR))
def test_in_one_line_nobody_waits_longer_for_it(visits: list[tuple[float, float]], start: float) -> None:
    day = known([ticket(str(nth), *each) for nth, each in enumerate(visits)])
    before, after = answer(day, Question(("a",), start, None)).asked
    assert before.people == after.people
    assert after.mean <= before.mean
    assert after.longest <= before.longest


def test_what_is_drawn_is_the_same_for_both_sides_and_every_time() -> None:
    day = known(
        [ticket(str(nth), 0) for nth in range(9)],
        open=frozenset({"1", "2"}),
        coming=(Coming("a", HOUR, 2 * HOUR, 40.0), Coming("a", HOUR, 2 * HOUR, 4.0, ("b", "b"))),
    )
    useless = answer(day, Question(("b",), 8.9 * HOUR, None))
    assert useless.runs == what_if.RUNS
    assert all(before == after for id_, (before, after) in useless.services.items() if id_ == "a")
    question = Question(("a",), HOUR, None)
    assert answer(day, question) == answer(day, question)
    drawn = what_if.drawn(day, 3)
    assert [each.work_s for each in drawn.tickets[:4]][::3] == [100.0, 100.0]
    assert sum(each.arrive_s >= HOUR for each in drawn.tickets) in range(25, 65)
    assert {len(each.next) for each in drawn.tickets} == {0, 2}


# ---- the service's own day

pytestmark = pytest.mark.looptime
OPEN = 'hours = [{ from = "09:00", to = "12:00" }, { from = "13:00", to = "17:00" }]'
MINUTE = 60.0


def _with_hours(text: str) -> str:
    return re.sub('(?m)^hours = "always".*', OPEN, without_devices(text), count=1)


def came(books: Books, count: int, every_min: int) -> None:
    for _ in range(count):
        books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
        books.wall.at += every_min * MINUTE


def morning(books: Books) -> None:
    """Until 10:40: 25 came, every 4 minutes; from 9:00 on window 3 served ten of them, 10 minutes each."""
    books.do(windows.sign_in, windows.SignIn(3, "1003", "window:3"))
    for minute in range(101):
        if minute % 4 == 0:
            books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
        if minute and minute % 10 == 0:
            books.do(desk.make_move, desk.Move("finish", None, 3, "window:3"))
        if minute % 10 == 0 and minute < 100:
            books.do(desk.call_next, desk.CallNext(3, "window:3"))
            books.do(desk.make_move, desk.Move("start", None, 3, "window:3"))
        books.wall.at += MINUTE
    books.wall.at -= MINUTE


Written = Callable[[Books], None]


@contextlib.asynccontextmanager
async def open_hall(folder: Path, written: Written, later_s: float = 0) -> AsyncIterator[Running]:
    """The hall on Monday 2026-03-02, with these books, and so much later; open 9:00 to 12:00 and 13:00 to 17:00."""
    books = Books(folder)
    written(books)
    books.database.close()
    world = World(folder, _with_hours)
    world.wall.at = books.wall.at + later_s
    async with running(world) as hall:
        yield hall


async def ask(hall: Running, start: str, services: Sequence[str] = ("pension",), expect: int = 200, **more: Any) -> Any:
    return await hall.post("/what-if", expect, **({"services": services, "from": start} | more))


@pytest.mark.req("QUE-08")
async def test_a_time_that_has_passed_is_answered_by_what_happened(tmp_path: Path) -> None:
    async with open_hall(tmp_path, morning) as hall:
        found = await ask(hall, "09:30", to="10:30")
        with hall.parts.database.read() as connection:
            sql = "SELECT avg(called_at - taken_at) FROM ticket WHERE called_at IS NOT NULL"
            real = connection.exec_driver_sql(sql).scalar_one() / 60_000
    before, after = found["asked"]["before"], found["asked"]["after"]
    assert found["looks"] == "back"
    assert re.match(r"养老保险 09:30至10:30多开一个窗口：平均等候 \d+→\d+ 分钟，最长 \d+→\d+ 分钟", found["words"])
    assert after["mean"] < before["mean"] - 20
    assert after["longest"] < before["longest"]
    assert f"（今天实际平均等候{real:.0f}分钟）" in found["based_on"]


async def test_the_replay_of_the_record_is_what_happened(tmp_path: Path) -> None:
    async with open_hall(tmp_path, morning, later_s=8 * HOUR) as hall:  # 18:40, when everybody has gone
        found = await ask(hall, "09:00")
    line = {each["at"]: each["before"] for each in found["line"]}
    # At 9:25 seven have come and three were called; at 9:55 fourteen and six.
    assert (line["09:25"], line["09:55"]) == (4, 8)


async def test_a_clerk_who_was_away_is_away_in_the_replay(tmp_path: Path) -> None:
    def with_a_break(books: Books) -> None:
        came(books, 3, 0)
        for pause in (0.0, 25 * MINUTE, 1 * MINUTE):  # the second visitor's wrapping up was none
            books.wall.at += pause
            books.do(desk.call_next, desk.CallNext(3, "window:3"))
            books.wall.at += 5 * MINUTE
            books.do(desk.make_move, desk.Move("finish", None, 3, "window:3"))

    async with open_hall(tmp_path, with_a_break, later_s=9 * HOUR) as hall:
        before = (await ask(hall, "09:00"))["asked"]["before"]
    assert (before["people"], before["longest"]) == (3, 36.0)


async def test_a_time_to_come_starts_from_who_waits_now(tmp_path: Path) -> None:
    async with open_hall(tmp_path, morning) as hall:
        found = await ask(hall, "10:45", ("pension", "medical"))
        again = await ask(hall, "10:45", ("pension", "medical"))
    assert found["looks"] == "ahead"
    assert "现有1个窗口" in found["based_on"]
    assert "照今天到现在的取号速度估计" in found["based_on"]
    assert found["asked"]["before"]["people"] >= 15
    assert found["asked"]["after"]["mean"] < found["asked"]["before"]["mean"]
    assert found == again


async def test_the_same_weekday_says_who_will_come(tmp_path: Path) -> None:
    async with open_hall(tmp_path, lambda books: came(books, 30, 2), later_s=7 * 86_400 - HOUR) as hall:
        found = await ask(hall, "09:10")
    assert "照前1个星期一的取号估计" in found["based_on"]
    assert found["asked"]["before"]["people"] in range(15, 45)


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({"services": ["fishing"], "from": "10:00"}, 404, "no_such_service"),
        ({"services": ["pension"], "from": "17:00"}, 422, "after_closing"),
        ({"services": ["pension"], "from": "10:00", "to": "10:00"}, 422, "no_time"),
        ({"services": [], "from": "10:00"}, 422, "malformed"),
        ({"services": ["pension"], "from": "25:00"}, 422, "malformed"),
        ({"services": ["pension"], "from": "10:00", "kind": "fewer_visitors"}, 422, "malformed"),
    ],
)
async def test_what_cannot_be_asked_says_why(tmp_path: Path, question: Any, status: int, code: str) -> None:
    async with open_hall(tmp_path, lambda _books: None) as hall:
        assert (await hall.post("/what-if", status, **question))["type"] == f"/problems/{code}"


async def test_on_a_day_off_nothing_can_be_asked(tmp_path: Path) -> None:
    async with open_hall(tmp_path, lambda _books: None, later_s=5 * 86_400) as hall:  # Saturday
        assert (await ask(hall, "10:00", expect=422))["type"] == "/problems/day_off"


async def test_the_page_asks_and_answers(tmp_path: Path) -> None:
    async with open_hall(tmp_path, morning) as hall:
        empty = (await hall.api.get("/ops/what-if")).text
        answered = (await hall.api.get("/ops/what-if?service=pension&from=09:30")).text
        refused = (await hall.api.get("/ops/what-if?service=pension&from=18:00")).text
        vague = (await hall.api.get("/ops/what-if?service=pension&from=soon")).text
    assert "polyline" not in empty
    assert 'value="10:30"' in empty
    assert "养老保险 09:30起多开一个窗口" in answered
    assert answered.count("<polyline") == 2
    assert "大厅17:00停止服务" in refused
    assert "请写时间" in vague


def test_the_hall_goes_on_meanwhile() -> None:
    """A route that is no coroutine runs in a thread of its own."""
    assert not inspect.iscoroutinefunction(ops_what_if.ask)
    assert not inspect.iscoroutinefunction(ops_what_if.shown)
