"""The watch over the windows: told once when it lasts, ended once, and what nobody watched is no evidence."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.attendance import desk, record, roster, watch
from edge.attendance.alarms import off_post_spans, open_alarms
from edge.attendance.entries import ENTRY
from edge.attendance.rulebook import Rulebook
from edge.attendance.rules import OffPost
from edge.journal import Event
from edge.queue import desk as queue
from edge.queue import issuing
from edge.windows import desk as windows
from tests.attendance.days import MONDAY, ZONE, at, profile, span
from tests.books import Books
from tests.hall import World, running, without_devices

req = pytest.mark.req
GATES = {"gate-1": True}


def person(id_: str, **more: object) -> roster.Person:
    return roster.Person.model_validate({"id": id_, "name": id_, "unit": "rs", "since": "2026-01-01"} | more)


STAFF = (
    person("1001", name="李明", posts=[{"window": 1}, {"window": 3, "part": "B"}]),
    person("1002", name="王芳", posts=[{"window": 2}]),
    person("1003", name="赵静", posts=[{"window": 3}, {"window": 2, "part": "B"}]),
)


class Watched:
    """The demo hall by the rules of 南部山区, on a Monday; windows 1 and 2 are served, window 3 is not."""

    def __init__(self, folder: Path) -> None:
        self.books = Books(folder)
        self.rules = Rulebook(profile("nanshan_jinan"), {}, ZONE)
        self.time("08:00")
        self.staff(*STAFF)
        self.enter("noon", "duty", "1002", "12:00", "13:20", duty="noon")
        self.punch("1001", "08:40")
        self.punch("1002", "08:45")
        self.sign_in(1, "1001")
        self.sign_in(2, "1002")

    def time(self, clock: str, on: date = MONDAY) -> None:
        self.books.wall.at = at(clock, on).timestamp()

    def staff(self, *persons: roster.Person) -> None:
        self.books.do(roster.change, roster.Changed(persons, "ops"))

    def punch(self, person: str, clock: str) -> None:
        shown = at(clock).replace(tzinfo=None)
        self.books.do(desk.punch, desk.Punch("gate-1", person, shown, "0", clock, "unknown", "face", live=True))

    def enter(self, ref: str, kind: str, person: str, start: str, end: str, why: str = "", **more: Any) -> None:
        told = {"ref": ref, "kind": kind, "person": person, "start": at(start), "end": at(end)}
        entry = ENTRY.validate_python(told | more)
        self.books.do(record.enter, record.Enter((entry,), "ops", "ops", why))

    def sign_in(self, window: int, staff: str) -> None:
        self.books.do(windows.sign_in, windows.SignIn(window, staff, ""))

    def sign_out(self, window: int) -> None:
        self.books.do(windows.sign_out, windows.SignOut(window, ""))

    def pause(self, window: int) -> None:
        self.books.do(windows.pause, windows.Pause(window, "suspended", ""))

    def resume(self, window: int) -> None:
        self.books.do(windows.resume, windows.Resume(window, ""))

    def look(self, terminals: Mapping[str, bool] = GATES) -> None:
        self.books.do(watch.watch, watch.Look(self.rules, terminals))

    def looks(self, first: str, minutes: int, terminals: Mapping[str, bool] = GATES) -> None:
        """One a minute, both ends included."""
        self.time(first)
        for nth in range(minutes + 1):
            self.books.wall.at += 60.0 * bool(nth)
            self.look(terminals)

    def told(self) -> list[str]:
        """`alarm empty_window 3`, in order."""
        return [f"{_last(each.type)} {each.data['kind']} {each.data['window']}" for each in self.events()]

    def events(self) -> list[Event]:
        return self.books.events("attendance.alarm")

    def open(self) -> list[dict[str, Any]]:
        with self.books.database.read() as connection:
            return open_alarms(connection, self.books.hall)

    def evidence(self, first: date = MONDAY, last: date = MONDAY) -> dict[str, list[OffPost]]:
        with self.books.database.read() as connection:
            return off_post_spans(connection, ZONE, first, last)


def _last(type_: str) -> str:
    return type_.rpartition(".")[2]


@pytest.fixture
def hall(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@req("WIN-06", "WIN-11")
def test_an_empty_window_is_told_once_and_over_once(hall: Watched) -> None:
    hall.looks("10:00", 4)
    assert (hall.told(), hall.open()) == ([], [])
    hall.looks("10:05", 7)
    assert hall.told() == ["alarm empty_window 3"]
    (shown,) = hall.open()
    assert shown["what"] == "3号窗口空窗：没有人登录，没有有效打卡，也没有挂牌（A角赵静，B角李明）"
    assert shown["since"] == "2026-11-23T10:00:00.000+08:00"
    assert (shown["window"], shown["role"], shown["persons"]) == (3, "A", ["1003"])
    assert "WIN-06" in shown["clause"]["source"]
    hall.sign_in(3, "1003")
    hall.punch("1003", "10:12")
    hall.looks("10:13", 2)
    assert hall.told() == ["alarm empty_window 3", "alarm_over empty_window 3"]
    assert hall.open() == []
    raised, over = hall.events()
    assert raised.data["staff"] == ["1003"]
    assert (raised.key, over.key, raised.data["alarm"]) == ("window:3", "window:3", over.data["alarm"])


def test_the_journal_names_nobody(hall: Watched) -> None:
    hall.looks("10:00", 6)
    assert not [name for event in hall.events() for name in ("李明", "王芳", "赵静") if name in str(event.data)]


def test_a_look_repeated_writes_nothing_new(hall: Watched) -> None:
    for clock in ("10:00", "10:03", "10:05"):
        hall.time(clock)
        hall.look()
        rows, events = hall.books.rows("SELECT * FROM attendance_alarm"), hall.told()
        hall.look()
        assert (hall.books.rows("SELECT * FROM attendance_alarm"), hall.told()) == (rows, events)


def test_what_flaps_is_never_told_and_leaves_nothing(hall: Watched) -> None:
    for minute in range(0, 40, 5):
        hall.looks(f"10:{minute:02}", 3)
        hall.pause(3)
        hall.looks(f"10:{minute + 4:02}", 0)
        hall.resume(3)
    hall.pause(3)
    hall.looks("10:40", 1)
    assert hall.told() == []
    assert hall.books.rows("SELECT * FROM attendance_alarm") == []


@req("WIN-06")
def test_a_window_with_its_sign_up_may_be_left(hall: Watched) -> None:
    hall.pause(3)
    hall.looks("10:00", 20)
    assert hall.told() == []


def test_who_serves_a_ticket_is_there_even_without_a_sign_in(hall: Watched) -> None:
    hall.books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    assert hall.books.do(queue.call_next, queue.CallNext(3, "")) is not None
    hall.looks("10:00", 10)
    assert hall.told() == []


def test_the_break_ends_it_and_the_afternoon_begins_anew(hall: Watched) -> None:
    hall.looks("11:50", 110)
    assert hall.told() == ["alarm empty_window 3", "alarm_over empty_window 3", "alarm empty_window 3"]
    assert hall.evidence() == {"1003": [OffPost(span("11:50", "11:59"), "empty_window")]}
    assert hall.events()[1].data["until"] == at("11:59").timestamp() * 1000
    assert hall.open()[0]["since"] == "2026-11-23T13:30:00.000+08:00"


@req("WIN-12")
def test_a_leave_that_is_entered_changes_what_is_said(hall: Watched) -> None:
    approved = [{"by": "service_section_head", "at": at("08:00")}]
    stand_in = {"person": "1001", "filed_at": at("08:00"), "on_post_at": at("08:50")}
    asked: dict[str, Any] = {
        "leave": "personal",
        "asked_at": at("07:30"),
        "approvals": approved,
        "substitute": stand_in,
    }
    hall.enter("slip", "leave", "1003", "09:00", "12:00", **asked)
    hall.looks("10:00", 5)
    (shown,) = hall.open()
    assert (shown["role"], shown["persons"]) == ("B", ["1001"])
    assert shown["todo"] == "请B角李明顶岗，或挂暂停牌；由B角李明负责"


@req("WIN-07")
def test_punch_and_sign_in_belong_together(hall: Watched) -> None:
    hall.sign_in(3, "1003")
    hall.sign_out(1)
    hall.looks("10:00", 5)
    assert sorted(hall.told()) == ["alarm punch_without_sign_in 1", "alarm signed_in_without_punch 3"]
    hall.enter("paper", "manual_punch", "1003", "08:50", "08:50", direction="in")
    hall.sign_in(1, "1001")
    hall.look()
    assert hall.open() == []


def test_a_terminal_that_is_down_takes_the_word_back(hall: Watched) -> None:
    hall.sign_in(3, "1003")
    hall.looks("10:00", 8, terminals={"gate-1": False})
    assert hall.told() == []
    hall.looks("10:09", 3)
    hall.looks("10:13", 8, terminals={"gate-1": False, "gate-2": False})
    assert hall.told() == []
    hall.looks("10:22", 5, terminals={"gate-1": False, "gate-2": True})
    assert hall.told() == ["alarm signed_in_without_punch 3"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ["alarm signed_in_without_punch 3"]),
        ({"fallback": "manual"}, []),
        ({"fallback": "manual", "consent": {"face": "2026-01-01"}}, ["alarm signed_in_without_punch 3"]),
        ({"terminals": ["led-1"]}, []),
        ({"until": "2026-11-22"}, []),
    ],
    ids=["card", "on paper", "face", "at another terminal", "has left"],
)
def test_whose_punch_is_missed(hall: Watched, more: dict[str, object], told: list[str]) -> None:
    hall.staff(person("1003", **more))
    hall.sign_in(3, "1003")
    hall.looks("10:00", 5)
    assert hall.told() == told


@req("WIN-16")
def test_a_noon_duty_that_is_given_back_is_told_until_somebody_takes_it(hall: Watched) -> None:
    hall.sign_in(3, "1003")
    hall.punch("1003", "08:50")
    hall.looks("09:30", 1)
    assert hall.told() == []
    hall.enter("noon", "duty", "1002", "12:00", "12:30", "有会", duty="noon")
    hall.enter("late", "duty", "1003", "12:30", "13:20", duty="extended")
    hall.looks("09:32", 1)
    assert [each["what"] for each in hall.open()] == ["午间值班没有人：一楼前台12:30–13:20"]
    hall.enter("noon-2", "duty", "1003", "12:30", "13:20", duty="noon", swapped_from="1002")
    hall.looks("09:34", 1)
    assert hall.told() == ["alarm noon_unmanned None", "alarm_over noon_unmanned None"]


def test_an_unknown_year_is_told_once(hall: Watched) -> None:
    hall.time("10:00", date(2026, 12, 5))
    for _ in range(3):
        hall.look()
    assert hall.told() == ["alarm year_unknown None"]
    assert hall.events()[0].key == "hall"


# ---- evidence


@req("WIN-11")
def test_what_was_seen_empty_is_evidence_when_it_is_over(hall: Watched) -> None:
    hall.looks("10:00", 70)
    assert hall.evidence() == {}
    hall.sign_in(3, "1003")
    hall.looks("11:11", 0)
    assert hall.evidence() == {"1003": [OffPost(span("10:00", "11:10"), "empty_window")]}
    assert hall.evidence(MONDAY + timedelta(days=1), MONDAY + timedelta(days=7)) == {}


def test_what_nobody_watched_is_no_evidence(hall: Watched) -> None:
    hall.looks("10:00", 8)
    hall.looks("10:50", 4)
    assert hall.told() == ["alarm empty_window 3", "alarm_over empty_window 3"]
    assert hall.evidence() == {"1003": [OffPost(span("10:00", "10:08"), "empty_window")]}
    hall.looks("10:55", 0)
    assert hall.open()[0]["since"] == "2026-11-23T10:50:00.000+08:00"


def test_a_restart_of_a_minute_or_two_breaks_nothing(hall: Watched) -> None:
    hall.looks("10:00", 8)
    hall.looks("10:11", 4)
    assert hall.told() == ["alarm empty_window 3"]


def test_of_several_who_answer_for_a_window_none_is_accused(hall: Watched) -> None:
    hall.staff(person("1004", posts=[{"window": 3}]))
    hall.looks("10:00", 8)
    hall.pause(3)
    hall.looks("10:09", 0)
    assert hall.told() == ["alarm empty_window 3", "alarm_over empty_window 3"]
    assert hall.evidence() == {}


# ---- whatever happens

STAFF_IDS = st.sampled_from(["1001", "1002", "1003"])
WINDOWS = st.integers(1, 3)
ACTS = st.one_of(
    st.builds(lambda no, who: lambda hall: hall.sign_in(no, who), WINDOWS, STAFF_IDS),
    st.builds(lambda no: lambda hall: hall.sign_out(no), WINDOWS),
    st.builds(lambda no: lambda hall: hall.pause(no), WINDOWS),
    st.builds(lambda no: lambda hall: hall.resume(no), WINDOWS),
    st.just(lambda hall: None),
)
STEPS = st.lists(st.tuples(st.integers(1, 6), ACTS, st.booleans()), max_size=25)


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_each_alarm_is_told_once_and_ends(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, Callable[[Watched], None], bool]]
) -> None:
    hall = Watched(tmp_path_factory.mktemp("books"))
    hall.time("11:20")
    for minutes, act, up in steps:
        act(hall)
        hall.books.wall.at += 60 * minutes
        hall.look({"gate-1": up})
    hall.time("17:30")
    hall.look()
    assert hall.open() == []
    assert hall.books.rows("SELECT * FROM attendance_alarm WHERE ended_at IS NULL OR raised_at IS NULL") == []
    per_alarm: dict[str, list[str]] = {}
    for event in hall.events():
        per_alarm.setdefault(event.data["alarm"], []).append(_last(event.type))
    assert all(types == ["alarm", "alarm_over"] for types in per_alarm.values())
    for spans in hall.evidence().values():
        assert all(each.span.start < each.span.end for each in spans)
        assert all(one.span.end <= two.span.start for one, two in itertools.pairwise(spans))
    hall.books.database.close()


# ---- in a running hall


@pytest.mark.looptime
@req("WIN-06")
async def test_the_running_hall_looks_once_a_minute(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.parts.writer.do(roster.change, roster.Changed((person("1003", posts=[{"window": 3}]),), "ops"))
        await asyncio.sleep(8 * 60)
        told = [(each.data["kind"], each.data["window"]) for each in hall.events("attendance.alarm")]
        assert told == [("empty_window", 3)]
        with hall.parts.database.read() as connection:
            (shown,) = open_alarms(connection, hall.parts.hall)
        assert shown["since"] == "2026-03-02T09:01:00.000+08:00"
