"""Who is on which terminal: planned by the roster and its letters, and told until the terminal has it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.attendance import desk, enrolments, roster
from edge.attendance.enrolment_views import overview
from edge.attendance.enrolments import Failed, Known, Plan, Seen, Transfer
from tests.books import Books
from tests.hall import DAY_S, demo_hall, without_devices

GATES = ("gate-1", "gate-2")
TODAY = date(2026, 3, 2)
GATE = '[[device]]\nid = "gate-{n}"\nname = "{n}楼打卡机"\ndriver = "zkteco"\nlink = "tcp://127.0.0.1:4{n}"\n'


class Office(Books):
    """A hall with two terminals, of whose roster and transfers one line each tells."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hall = demo_hall(folder, lambda text: without_devices(text) + GATE.format(n=1) + GATE.format(n=2))

    def person(self, id_: str = "1001", letter: str = "调字1号", **more: Any) -> None:
        person = roster.Person(**{"id": id_, "name": "张示例", "unit": "rs", "since": TODAY, "letter": letter, **more})
        self.wall.at += 1
        self.do(roster.change, roster.Changed((person,), "ops"))

    def plan(self, person: str | None = None) -> int:
        return self.do(enrolments.plan, Plan(GATES, person))

    def claim(self, device: str = "gate-1") -> Transfer | None:
        with self.database.read() as connection:
            return enrolments.claim(connection, device)

    def transfer(self, device: str = "gate-1") -> list[tuple[str, bool]]:
        """Whom this terminal was told of, and whether to know or to forget them."""
        told = []
        while (each := self.claim(device)) is not None:
            assert self.do(enrolments.done, each)
            told.append((each.person, each.wanted))
        return told

    def states(self, device: str = "gate-1") -> dict[str, str]:
        rows = self.rows("SELECT person, state FROM enrolment WHERE device=?", device)
        return {person: state for person, state in rows}  # noqa: C416  rows are no pairs to mypy

    def shown(self, person: str = "1001") -> Any:
        with self.database.read() as connection:
            found = overview(connection, self.hall, self.clock.now(), GATES)
        return next(each for each in found["staff"] if each["staff"] == person)

    def strangers(self, device: str = "gate-1") -> Any:
        with self.database.read() as connection:
            found = overview(connection, self.hall, self.clock.now(), GATES)
        return next(each for each in found["terminals"] if each["device"] == device)["strangers"]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


# ---- what is wanted


def test_who_is_here_is_wanted_at_all_terminals_or_at_their_own(office: Office) -> None:
    office.person("1001")
    office.person("1002", terminals=("gate-2",))
    assert office.plan() == 3
    assert office.plan() == 0
    assert office.transfer("gate-1") == [("1001", True)]
    assert office.transfer("gate-2") == [("1001", True), ("1002", True)]
    assert office.plan() == 0
    told = [(event.data["staff"], event.data["device"]) for event in office.events("attendance.enrolled")]
    assert told == [("1001", "gate-1"), ("1001", "gate-2"), ("1002", "gate-2")]


@pytest.mark.req("ENR-02")
@pytest.mark.parametrize("letter", ["", "   "])
def test_nobody_is_planned_before_the_letter_is_filed(office: Office, letter: str) -> None:
    office.person(letter=letter)
    assert office.plan() == 0
    assert office.claim() is None
    shown = office.shown()
    assert (shown["letter"], shown["words"]) == (None, "缺人员调整函")
    assert [each["words"] for each in shown["terminals"]] == ["缺人员调整函"] * 2
    office.person(letter="调字2号")
    assert office.plan("1001") == 2
    assert (office.shown()["letter"], office.shown()["words"]) == ("调字2号", None)


@pytest.mark.req("ENR-02")
def test_a_letter_that_is_taken_back_stops_what_waits_and_deletes_nobody(office: Office) -> None:
    office.person()
    office.plan()
    office.transfer("gate-1")
    office.person(letter="")
    assert office.plan() == 0
    assert (office.claim("gate-1"), office.claim("gate-2")) == (None, None)
    assert (office.states("gate-1"), office.states("gate-2")) == ({"1001": "sent"}, {"1001": "failed"})
    assert "人员调整函" in office.shown()["terminals"][1]["why_words"]
    office.person()
    assert office.plan() == 2


@pytest.mark.req("ENR-02")
def test_who_has_left_is_taken_off_the_day_after_the_last(office: Office) -> None:
    office.person(until=TODAY)
    assert office.plan() == 2
    office.transfer("gate-1")
    office.wall.at += DAY_S
    assert office.plan() == 2
    assert office.transfer("gate-1") == [("1001", False)]
    assert office.transfer("gate-2") == [("1001", False)], "it may have been written and never marked"
    assert set(office.states().values()) == {"gone"}
    assert len(office.events("attendance.removed")) == 2
    assert office.plan() == 0


def test_who_comes_later_is_planned_on_that_day(office: Office) -> None:
    office.person(since=TODAY + timedelta(days=1))
    assert office.plan() == 0
    assert office.shown()["terminals"][0]["words"] == "尚未到岗"
    office.wall.at += DAY_S
    assert office.plan() == 2


def test_a_change_of_the_roster_is_told_again_and_a_terminal_less_is_a_removal(office: Office) -> None:
    office.person()
    office.plan()
    assert [office.transfer(gate) for gate in GATES] == [[("1001", True)]] * 2
    office.person(name="张改名", terminals=("gate-2",))
    assert office.plan("1001") == 2
    transfer = office.claim("gate-2")
    assert transfer is not None
    assert transfer.name == "张改名"
    assert office.transfer("gate-1") == [("1001", False)]


def test_only_the_person_asked_for_is_planned(office: Office) -> None:
    office.person("1001")
    office.person("1002")
    assert office.plan("1002") == 2
    assert list(office.states()) == ["1002"]


# ---- transfers


def test_removals_come_first_and_what_was_tried_goes_to_the_end(office: Office) -> None:
    for person in ("1001", "1002", "1003"):
        office.person(person)
    office.plan()
    office.transfer()
    office.person("1003", until=TODAY - timedelta(days=1), since=TODAY - timedelta(days=9))
    office.person("1001")
    office.person("1001", title="科员")
    office.plan()
    first = office.claim()
    assert first is not None
    assert (first.person, first.wanted) == ("1003", False)
    assert office.do(enrolments.failed, Failed(first, enrolments.UNREACHABLE))
    assert office.transfer() == [("1001", True), ("1003", False)]


def test_a_refusal_stands_until_the_next_plan(office: Office) -> None:
    office.person()
    office.plan()
    transfer = office.claim()
    assert transfer is not None
    assert not office.do(enrolments.failed, Failed(transfer, "full"))
    assert office.claim() is None
    assert [event.data for event in office.events("attendance.enrolment_failed")] == [
        {"staff": "1001", "device": "gate-1", "why": "full"}
    ]
    shown = office.shown()["terminals"][0]
    assert (shown["words"], shown["why_words"], shown["tries"]) == ("下发失败", "终端人数已满", 1)
    assert office.plan() == 1
    assert office.transfer() == [("1001", True)]


@pytest.mark.parametrize(("why", "tries"), [("unreachable", None), ("busy", 20), ("misunderstood", 20), ("refused", 1)])
def test_what_may_be_over_soon_waits(office: Office, why: str, tries: int | None) -> None:
    office.person()
    office.plan()
    tried = 0
    while (transfer := office.claim()) is not None and tried < 30:
        tried += 1
        assert office.do(enrolments.failed, Failed(transfer, why)) == (tried != tries)
    assert tried == (tries or 30)
    assert office.states() == {"1001": "failed" if tries else "waiting"}
    assert len(office.events("attendance.enrolment_failed")) == (1 if tries else 0)


def test_what_changes_while_the_terminal_is_told_is_told_after_it(office: Office) -> None:
    office.person(until=TODAY + timedelta(days=9))
    office.plan()
    before = office.claim()
    assert before is not None
    office.person(since=TODAY - timedelta(days=9), until=TODAY - timedelta(days=1))
    office.plan()
    assert not office.do(enrolments.done, before)
    assert not office.do(enrolments.failed, Failed(before, "full"))
    assert office.transfer() == [("1001", False)]
    assert not office.events("attendance.enrolled")


# ---- whom a terminal knows


def test_modes_are_yes_or_no_and_go_with_the_person(office: Office) -> None:
    office.person(consent=roster.Consent(face=TODAY))
    office.plan()
    office.transfer()
    assert office.do(enrolments.seen, Seen("gate-1", (Known("1001", ("face", "card", "unknown")),))) == 0
    shown = office.shown()["terminals"][0]
    assert [mode for mode, there in shown["modes"].items() if there] == ["face", "card"]
    assert shown["seen_at"] == "2026-03-02T09:00:01.000+08:00"
    office.person(until=TODAY - timedelta(days=1), since=TODAY - timedelta(days=9))
    office.plan()
    office.transfer()
    assert office.rows("SELECT face, card, seen_at FROM enrolment WHERE device='gate-1'") == [(0, 0, None)]


def test_strangers_are_listed_by_their_number_and_stay(office: Office) -> None:
    office.person("1001")
    office.person("1002", letter="")
    office.plan()
    office.transfer()
    there = tuple(Known(person, ()) for person in ("1001", "1002", "77", "78"))
    assert office.do(enrolments.seen, Seen("gate-1", there)) == 0
    assert office.strangers() == {"count": 3, "staff": ["1002", "77", "78"]}
    assert office.claim() is None
    assert office.do(enrolments.seen, Seen("gate-1", there[:1])) == 0
    assert office.strangers()["count"] == 0


@pytest.mark.req("ENR-02")
def test_one_who_left_before_there_were_plans_is_taken_off(office: Office) -> None:
    office.person(until=TODAY - timedelta(days=1), since=TODAY - timedelta(days=9))
    assert office.plan() == 0
    assert office.do(enrolments.seen, Seen("gate-1", (Known("1001", ("face",)),))) == 1
    assert office.strangers()["count"] == 0
    assert office.transfer() == [("1001", False)]


def test_a_terminal_that_holds_something_else_is_told_again(office: Office) -> None:
    office.person("1001")
    office.person("1002", until=TODAY)
    office.plan()
    office.transfer()
    office.wall.at += DAY_S
    office.plan()
    office.transfer()
    assert office.do(enrolments.seen, Seen("gate-1", (Known("1002", ()),))) == 2
    assert office.transfer() == [("1002", False), ("1001", True)]


# ---- what ops is shown


@pytest.mark.req("ENR-01")
@pytest.mark.parametrize(
    ("consent", "fallback", "offers"),
    [
        ({"face": TODAY, "fingerprint": TODAY}, "card", ["刷脸", "指纹"]),
        ({"fingerprint": TODAY}, "card", ["指纹"]),
        ({}, "card", ["刷卡"]),
        ({}, "pin", ["密码"]),
        ({"face": TODAY + timedelta(days=1)}, "manual", ["人工登记"]),
    ],
)
def test_only_what_was_agreed_to_is_offered(
    office: Office, consent: dict[str, date], fallback: str, offers: list[str]
) -> None:
    office.person(consent=roster.Consent(**consent), fallback=fallback)
    assert office.shown()["offers"] == offers


def test_a_face_that_nobody_agreed_to_is_pointed_out(office: Office) -> None:
    office.person(consent=roster.Consent(fingerprint=TODAY))
    office.plan()
    office.transfer()
    office.do(enrolments.seen, Seen("gate-1", (Known("1001", ("face", "fingerprint", "card")),)))
    assert office.shown()["terminals"][0]["not_agreed"] == ["face"]


def test_the_last_punch_says_when_and_where(office: Office) -> None:
    office.person()
    assert office.shown()["last_punch"] is None
    for hour, device in ((8, "gate-2"), (7, "gate-1")):
        clock = datetime(2026, 3, 2, hour)  # noqa: DTZ001  a terminal shows no zone
        office.do(desk.punch, desk.Punch(device, "1001", clock, "0", "", "in", "face", live=True))
    assert office.shown()["last_punch"] == {"at": "2026-03-02T08:00:00.000+08:00", "device": "gate-2"}


def test_who_has_left_is_shown_until_every_terminal_has_forgotten_them(office: Office) -> None:
    office.person(until=TODAY)
    office.plan()
    office.transfer("gate-1")
    office.wall.at += DAY_S
    office.plan()
    office.transfer("gate-1")
    assert [each["words"] for each in office.shown()["terminals"]] == ["已删除", "待删除"]
    office.transfer("gate-2")
    with pytest.raises(StopIteration):
        office.shown()


# ---- whatever happens


Days = st.one_of(st.none(), st.integers(0, 3))
Happening = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(["1", "2"]), st.sampled_from(["", "调"]), Days),
    st.tuples(st.just("told"), st.sampled_from(["done", "lost", "full", "unreachable"])),
    st.tuples(st.just("day")),
    st.tuples(st.just("reset")),
)


class Story:
    """An office, and a terminal that holds what it was told until somebody resets it."""

    def __init__(self, folder: Path) -> None:
        self.office, self.there = Office(folder), set[str]()

    def people(self) -> dict[str, roster.Person]:
        with self.office.database.read() as connection:
            return {each.id: each for each in roster.people(connection)}

    def today(self) -> date:
        return date.fromisoformat(self.office.clock.now().day)

    def change(self, person: str, letter: str, days: int | None) -> None:
        until = None if days is None else self.today() + timedelta(days=days)
        self.office.person(person, letter, until=until)

    def told(self, how: str) -> None:
        transfer = self.office.claim()
        if transfer is None:
            return
        if how in ("done", "lost"):
            assert not transfer.wanted or self.people()[transfer.person].letter
            (self.there.add if transfer.wanted else self.there.discard)(transfer.person)
        if how == "done":
            self.office.do(enrolments.done, transfer)
        elif how != "lost":
            self.office.do(enrolments.failed, Failed(transfer, how))

    def day(self) -> None:
        self.office.wall.at += DAY_S

    def reset(self) -> None:
        self.there.clear()

    def settle(self) -> None:
        while self.office.claim() is not None:
            self.told("done")


@settings(max_examples=15, deadline=None)
@given(st.lists(Happening, max_size=15))
def test_in_the_end_the_terminal_holds_whom_the_roster_sends_there(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[Any]
) -> None:
    """Whatever was cut off, refused or undone by hand; and nobody ever came on it without a letter."""
    story = Story(tmp_path_factory.mktemp("office"))
    for what, *how in happenings:
        getattr(story, what)(*how)
        story.office.plan()
    story.settle()
    story.office.do(enrolments.seen, Seen("gate-1", tuple(Known(person, ()) for person in sorted(story.there))))
    story.settle()
    wishes = {id_: enrolments.wish(each, "gate-1", story.today()) for id_, each in story.people().items()}
    assert {who for who, wish in wishes.items() if wish} <= story.there
    assert not {who for who, wish in wishes.items() if wish is False} & story.there
    story.office.database.close()
