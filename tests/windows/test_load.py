"""Crowded zones, idle windows and windows that are not ready: offered once when it lasts, and ended once."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.hallwindows import Load
from edge.queue import desk as queue
from edge.queue import issuing
from edge.windows import desk as windows
from edge.windows import load_watch
from edge.windows.load import AtWindow, Line, crowded, idle, not_ready
from tests.books import Books
from tests.hall import World, running, without_devices
from tests.timetable.test_day import go, timetable

req = pytest.mark.req
LOAD = Load(crowded=5, eased=2)
ZONES = {"f1": "一楼办事大厅", "f2": "二楼办事大厅"}


def line(
    people: int, service: str = "pension", name: str = "社保", zone: str = "f1", window: int | None = None
) -> Line:
    return Line(service, name, zone, people, window)


def window(no: int, *skills: str, **more: Any) -> AtWindow:
    return AtWindow(no, skills or ("pension",), **({"open": True, "staffed": True} | more))


# ---- what is found


@req("QUE-08")
def test_the_offer_names_the_longest_line_and_the_windows_that_could_open() -> None:
    at = [window(3), window(5, open=False), window(7, staffed=False), window(8, "medical", open=False)]
    lines = [line(42), line(3, "medical", "医保"), line(9, zone="f2")]
    first, second = crowded(LOAD, ZONES, lines, at, ())
    assert (first.what, first.todo) == ("一楼办事大厅等候 45 人", "社保等候 42 人，可增开 5、7 号窗口")
    assert (first.key, first.zone, first.people, second.key) == ("crowded:f1", "f1", 45, "crowded:f2")


def test_a_line_that_nobody_else_can_serve_gives_way_to_one_that_somebody_can() -> None:
    lines = [line(42), line(3, "medical", "医保")]
    (found,) = crowded(LOAD, ZONES, lines, [window(3), window(8, "medical", open=False)], ())
    assert found.todo == "医保等候 3 人，可增开 8 号窗口"
    for none in ([window(3)], [window(3), window(5, open=False, busy=True)]):
        (found,) = crowded(LOAD, ZONES, [line(42)], none, ())
        assert found.todo == "能办理的窗口都已开放，请引导分流"


@pytest.mark.parametrize(
    ("people", "told", "is_crowded"),
    [(4, False, False), (5, False, True), (3, True, True), (2, True, False)],
)
def test_what_is_crowded_stays_so_until_it_has_eased(people: int, told: bool, is_crowded: bool) -> None:
    keys = {"crowded:f1"} if told else set()
    assert bool(list(crowded(LOAD, ZONES, [line(people)], [], keys))) == is_crowded


@pytest.mark.parametrize(
    ("at", "waits", "people"),
    [
        (window(3), line(2), 2),
        (window(3), line(2, window=3), 2),
        (window(3, "medical"), line(2, window=3), 2),
        (window(3), line(2, window=4), 0),
        (window(3, "medical"), line(2), 0),
        (window(3, busy=True), line(2), 0),
        (window(3, open=False), line(2), 0),
    ],
)
def test_idle_is_who_could_call_and_does_not(at: AtWindow, waits: Line, people: int) -> None:
    assert sum(each.people for each in idle(LOAD, [waits], [at])) == people


@req("WIN-23")
def test_a_window_is_ready_when_somebody_is_there_and_its_devices_work() -> None:
    away: dict[str, Any] = {"open": False, "staffed": False}
    at = [
        window(1),
        window(2, staffed=False, lacks=("窗口屏不能用",)),
        window(3, **away),
        window(4, closed_before=True, **away),
    ]
    assert [each.what for each in not_ready(at)] == [
        "2号窗口还没有准备好：没有人登录、窗口屏不能用",
        "4号窗口还没有准备好：没有人登录",
    ]


def test_a_zone_cannot_ease_above_where_it_is_crowded() -> None:
    for wrong in ({"crowded": 5, "eased": 5}, {"crowded": 20}):
        with pytest.raises(ValidationError, match="below crowded"):
            Load.model_validate(wrong)


# ---- what is told


class Watched:
    def __init__(self, folder: Path) -> None:
        self.books = Books(folder)
        load = Load(crowded=3, eased=1, crowded_s=120, idle_s=240)
        self.books.hall = self.books.hall.model_copy(update={"load": load})

    def come(self, people: int) -> None:
        for _ in range(people):
            self.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))

    def go(self) -> None:
        """The next is called and served at window 3; it does not wait for one who comes later."""
        if not self.books.rows("SELECT 1 FROM ticket WHERE state='waiting'"):
            return
        if (called := self.books.do(queue.call_next, queue.CallNext(3, ""))) is not None:
            self.books.do(queue.make_move, queue.Move("finish", called.ticket, 3, ""))

    def pause(self, *nos: int) -> None:
        for no in nos:
            self.books.do(windows.pause, windows.Pause(no, "suspended", ""))

    def looks(self, minutes: int, **more: Any) -> None:
        for _ in range(minutes):
            self.books.wall.at += 60
            self.books.do(load_watch.look, load_watch.Look(**more))

    def told(self) -> list[str]:
        return [f"{each.type.removeprefix('load.')} {each.key}" for each in self.books.events("load.")]

    def open(self) -> list[dict[str, Any]]:
        with self.books.database.read() as connection:
            return load_watch.notices(connection, self.books.hall)


@pytest.fixture
def hall(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@req("QUE-08")
def test_a_crowd_is_told_when_it_lasts_and_over_when_it_has_eased(hall: Watched) -> None:
    hall.pause(1, 2, 3)
    hall.come(4)
    hall.looks(2)
    assert hall.told() == []
    hall.looks(5)
    assert hall.told() == ["noticed crowded:f1"]
    (shown,) = hall.open()
    assert (shown["what"], shown["todo"]) == ("一楼办事大厅等候 4 人", "养老保险等候 4 人，可增开 1、3 号窗口")
    assert shown["since"] == "2026-03-02T09:01:00.000+08:00"
    hall.books.do(windows.resume, windows.Resume(3, ""))
    for _ in range(3):
        hall.go()
        hall.looks(1)
    assert hall.told() == ["noticed crowded:f1", "over crowded:f1"]


@req("QUE-08")
def test_an_idle_window_is_told_while_its_service_waits(hall: Watched) -> None:
    hall.pause(1)
    hall.come(1)
    hall.looks(4)
    assert hall.told() == []
    hall.looks(3)
    assert hall.told() == ["noticed idle_while_waiting:3"]
    assert hall.open()[0]["what"] == "3号窗口空闲，可办理的业务等候 1 人"
    hall.go()
    hall.looks(2)
    assert (hall.told()[1:], hall.open()) == (["over idle_while_waiting:3"], [])


@req("WIN-23")
def test_before_the_doors_open_windows_are_looked_at(hall: Watched) -> None:
    hall.looks(1)
    assert hall.told() == []
    hall.books.do(windows.close, windows.Close(2, ""))
    hall.looks(1, opening=True)
    assert hall.told() == ["noticed not_ready:1", "noticed not_ready:3"]
    hall.looks(1)
    assert hall.open() == []
    hall.books.wall.at += 86_400
    hall.looks(2, opening=True, down=frozenset({"led-2"}))
    assert hall.told()[4:] == [f"noticed not_ready:{no}" for no in (1, 2, 3)]
    assert "没有人登录、" in hall.open()[1]["what"]
    hall.books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    hall.looks(1, opening=True)
    assert hall.told()[7:] == ["over not_ready:3"]
    hall.looks(1)
    assert hall.open() == []


def test_what_nobody_watched_begins_anew(hall: Watched) -> None:
    hall.pause(1, 2, 3)
    hall.come(4)
    hall.looks(4)
    hall.books.wall.at += 600
    hall.looks(1)
    assert (hall.told(), hall.open()) == (["noticed crowded:f1", "over crowded:f1"], [])
    assert hall.books.events("load.over")[0].data["until"] == 1_772_413_440_000


@req("QUE-08")
def test_who_waits_is_kept_by_the_hour(hall: Watched) -> None:
    hall.pause(1, 2, 3)
    hall.books.wall.at += 57 * 60
    hall.looks(1)
    hall.come(4)
    hall.looks(3)
    with hall.books.database.read() as connection:
        guide, f1 = load_watch.by_hour(connection, hall.books.hall, "2026-03-02")
    assert f1["hours"] == [{"hour": 9, "mean": 2.0, "peak": 4}, {"hour": 10, "mean": 4.0, "peak": 4}]
    assert {each["peak"] for each in guide["hours"]} == {0}


@req("QUE-08")
def test_who_is_to_come_later_or_to_a_clerk_that_is_away_waits_in_the_zone_and_no_window_is_idle(hall: Watched) -> None:
    hall.come(1)
    hall.books.do(queue.call_next, queue.CallNext(3, ""))
    hall.books.do(queue.transfer, queue.Transfer(3, None, "", staff="1002", delay_minutes=60))
    hall.looks(5)
    with hall.books.database.read() as connection:
        _, f1 = load_watch.by_hour(connection, hall.books.hall, "2026-03-02")
    assert [each["peak"] for each in f1["hours"]] == [1]
    assert hall.told() == []


STEPS = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 6)), max_size=10)


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_each_is_told_once_and_ends_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, int]]
) -> None:
    hall = Watched(tmp_path_factory.mktemp("books"))
    for people, serve, minutes in steps:
        hall.come(people)
        for _ in range(4 * serve):
            hall.go()
        hall.looks(minutes)
    hall.pause(1, 2)
    while hall.books.rows("SELECT 1 FROM ticket WHERE state='waiting'"):
        hall.go()
    hall.looks(1)
    assert hall.open() == []
    per_notice: dict[str, list[str]] = {}
    for event in hall.books.events("load."):
        per_notice.setdefault(event.data["notice"], []).append(event.type)
    assert all(types == ["load.noticed", "load.over"] for types in per_notice.values())
    raised = [each.data["since"] for each in hall.books.events("load.noticed") if each.key == "crowded:f1"]
    assert all(one < two for one, two in itertools.pairwise(raised))
    hall.books.database.close()


# ---- in a running hall


@pytest.mark.looptime
@req("QUE-08", "WIN-23")
async def test_the_running_hall_looks_once_a_minute(tmp_path: Path) -> None:
    world = World(tmp_path, lambda text: without_devices(text) + "\n[load]\ncrowded = 2\neased = 1\n")
    world.wall.at = datetime.fromisoformat("2026-03-02T08:17:00+08:00").timestamp()
    async with running(world) as hall:
        lacks = (await hall.get("/windows/3"))["lacks"]
        await asyncio.sleep(5 * 60)
        assert (lacks, await kinds(hall)) == (["没有人登录"], ["not_ready"] * 3)
        for no, staff in ((1, "1001"), (2, "1002"), (3, "1003")):
            await hall.post(f"/windows/{no}/sign-in", staff=staff)
        await hall.post("/windows/1/pause")
        for _ in range(2):
            await hall.issue()
        await asyncio.sleep(7 * 60)
        assert sorted(await kinds(hall)) == ["crowded", "idle_while_waiting"]
        zones = (await hall.get("/load?day=2026-03-02"))["zones"]
        assert zones[1]["hours"][0]["peak"] == 2


@pytest.mark.looptime
@req("QUE-13", "WIN-23")
async def test_before_the_doors_open_windows_are_made_ready_and_need_not_call(tmp_path: Path) -> None:
    """By the hall's own hours of the day, a Saturday for bookings among them, not by the shifts of its staff."""
    extended = 'extended = [{ days = ["sat"], hours = [{ from = "09:30", to = "12:00" }], booked_only = true }]'
    async with running(World(tmp_path, timetable("take_from = 60", extended))) as hall:
        await go(hall, "08:13:00", "2026-03-03")
        await hall.issue()
        await asyncio.sleep(6 * 60)
        assert await kinds(hall) == []
        await asyncio.sleep(2 * 60)
        assert await kinds(hall) == ["not_ready"] * 3
        await go(hall, "08:30:00", "2026-03-03")
        await asyncio.sleep(7 * 60)
        assert await kinds(hall) == ["idle_while_waiting"] * 2
        await go(hall, "09:21:30", "2026-03-07")
        await asyncio.sleep(2 * 60)
        assert await kinds(hall) == ["not_ready"] * 3


async def kinds(hall: Any) -> list[str]:
    return [each["kind"] for each in (await hall.get("/load"))["notices"]]
