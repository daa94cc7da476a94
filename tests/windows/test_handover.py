"""A hands a window over to B and takes it back: both confirm, and the journal says who holds it or who left."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.attendance.posts import AtWindow, Clerk, Scene, alarms
from edge.journal import Event
from edge.refusal import Refused
from edge.windows import desk as windows
from edge.windows import handover
from tests.attendance.days import ZONE, at, profile
from tests.books import Books
from tests.hall import DAY_S, World, running, without_devices

req = pytest.mark.req
A, B, C = "1003", "1001", "1002"


@pytest.fixture
def books(tmp_path: Path) -> Books:
    books = Books(tmp_path)
    sign_in(books, 3, A)
    return books


def sign_in(books: Books, window: int, staff: str) -> None:
    books.do(windows.sign_in, windows.SignIn(window, staff, ""))


def ask(books: Books, to: str, window: int = 3) -> None:
    books.do(handover.ask, handover.Ask(window, to, f"window:{window}"))


def confirm(books: Books, staff: str, window: int = 3) -> None:
    books.do(handover.confirm, handover.Answer(window, staff, f"window:{window}"))


def refuse(books: Books, staff: str, window: int = 3) -> None:
    books.do(handover.refuse, handover.Answer(window, staff, f"window:{window}"))


def standing(books: Books, window: int = 3) -> dict[str, Any]:
    with books.database.read() as connection:
        return handover.standing(connection, books.hall, window)


def holder(books: Books, window: int = 3) -> str | None:
    staff: str | None = books.rows("SELECT staff FROM window WHERE no=?", window)[0][0]
    return staff


def code(books: Books, use_case: Any, *args: Any) -> str:
    with pytest.raises(Refused) as refused:
        use_case(books, *args)
    return refused.value.code


def test_nothing_is_handed_over_until_both_have_said_so(books: Books) -> None:
    ask(books, B)
    assert holder(books) == A
    assert standing(books) == {
        "asked": {"from": A, "to": B, "at": "2026-03-02T09:00:00.000+08:00"},
        "principal": None,
        "deputy": None,
    }
    for nobody_asked in (A, C):
        assert code(books, confirm, nobody_asked) == "not_asked"
    assert code(books, refuse, C) == "not_asked"
    assert holder(books) == A


@req("WIN-09", "WIN-10", "WIN-12")
def test_over_and_back_with_both_names_and_times(books: Books) -> None:
    ask(books, B)
    books.wall.at += 60
    confirm(books, B)
    assert (holder(books), standing(books)) == (B, {"asked": None, "principal": A, "deputy": B})
    ask(books, A)
    confirm(books, A)
    assert (holder(books), standing(books)) == (A, {"asked": None, "principal": None, "deputy": None})
    over, back = books.events("window.handed_over")
    assert (over.data["before"], over.data["staff"], over.data["back"]) == (A, B, False)
    assert over.at - over.data["asked_at"] == 60_000
    assert (back.data["before"], back.data["staff"], back.data["back"]) == (B, A, True)


def test_a_deputy_may_hand_on_and_the_principal_stays_who_it_was(books: Books) -> None:
    for to in (B, C):
        ask(books, to)
        confirm(books, to)
    assert standing(books) == {"asked": None, "principal": A, "deputy": C}
    ask(books, A)
    confirm(books, A)
    assert standing(books)["principal"] is None


def test_refused_or_withdrawn_leaves_it_with_who_asked(books: Books) -> None:
    for by in (B, A):
        ask(books, B)
        refuse(books, by)
        assert (holder(books), standing(books)["asked"]) == (A, None)
        assert code(books, confirm, B) == "no_hand_over"
    assert [each.data["by"] for each in books.events("window.hand_over_refused")] == [B, A]


def test_who_takes_over_leaves_the_window_before(books: Books) -> None:
    sign_in(books, 1, B)
    ask(books, B)
    confirm(books, B)
    assert (holder(books, 1), holder(books, 3)) == (None, B)
    assert [(each.type, each.data["window"]) for each in books.events()[-2:]] == [
        ("window.signed_out", 1),
        ("window.handed_over", 3),
    ]


def test_who_may_be_asked(books: Books) -> None:
    assert code(books, ask, A) == "same_staff"
    assert code(books, ask, "9999") == "no_such_staff"
    assert code(books, ask, B, 1) == "nobody_signed_in"
    assert code(books, ask, B, 9) == "no_such_window"


def test_the_same_question_is_no_news_and_another_withdraws_it(books: Books) -> None:
    for to in (B, B, C):
        ask(books, to)
    assert len(books.events("window.hand_over_asked")) == 2
    assert code(books, confirm, B) == "not_asked"


def test_who_leaves_without_it_withdraws_the_question(books: Books) -> None:
    ask(books, B)
    books.do(windows.sign_out, windows.SignOut(3, ""))
    assert code(books, confirm, B) == "no_hand_over"


@req("WIN-11")
def test_the_deputy_answers_until_handed_back_or_somebody_else_signs_in(books: Books) -> None:
    ask(books, B)
    confirm(books, B)
    books.do(windows.sign_out, windows.SignOut(3, ""))
    assert standing(books)["deputy"] == B
    sign_in(books, 3, B)
    assert standing(books)["principal"] == A
    sign_in(books, 3, A)
    assert standing(books) == {"asked": None, "principal": None, "deputy": None}


def test_a_hand_over_is_for_the_day(books: Books) -> None:
    ask(books, B)
    confirm(books, B)
    books.do(windows.sign_out, windows.SignOut(3, ""))
    assert (books.do(windows.close_day, None), standing(books)["deputy"]) == (0, B)
    books.wall.at += DAY_S
    books.do(windows.close_day, None)
    assert standing(books)["deputy"] is None


# ---- who is missed at an empty window

PEOPLE = (Clerk(A, "赵静", {3: "A"}, "up"), Clerk(B, "李明", {3: "B"}, "up"), Clerk(C, "王芳", {}, "up"))


@req("WIN-11")
@pytest.mark.parametrize(
    ("deputy", "role", "persons", "said"),
    [
        (None, "A", (A,), "A角赵静，B角李明"),
        (B, "B", (B,), "A角赵静，B角李明"),
        (C, "B", (C,), "A角赵静，B角王芳"),
    ],
)
def test_an_empty_window_is_of_who_took_it_over(
    deputy: str | None, role: str, persons: tuple[str, ...], said: str
) -> None:
    scene = Scene([AtWindow(3, deputy=deputy)], PEOPLE)
    found = alarms(profile("nanshan_jinan"), {}, ZONE, scene, at("10:00"), {})
    (alarm,) = (each for each in found if each.window == 3)
    assert (alarm.kind, alarm.role, alarm.persons) == ("empty_window", role, persons)
    assert said in alarm.what


# ---- whatever happens

STAFF, WINDOWS = st.sampled_from([A, B, C]), st.sampled_from([1, 3])


class Posts(RuleBasedStateMachine):
    """Whatever is asked, confirmed, signed: the journal alone tells who holds each window, and nobody holds two."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.books = Books(Path(self.folder.name))

    def attempt(self, use_case: Any, command: Any) -> None:
        before = self.held()
        try:
            self.books.do(use_case, command)
        except Refused:
            assert self.held() == before

    def held(self) -> dict[int, str | None]:
        return dict(self.books.rows("SELECT no, staff FROM window"))

    @rule(window=WINDOWS, staff=STAFF)
    def sign_in(self, window: int, staff: str) -> None:
        self.attempt(windows.sign_in, windows.SignIn(window, staff, ""))

    @rule(window=WINDOWS)
    def sign_out(self, window: int) -> None:
        self.attempt(windows.sign_out, windows.SignOut(window, ""))

    @rule(window=WINDOWS, to=STAFF)
    def ask(self, window: int, to: str) -> None:
        before = self.held()
        self.attempt(handover.ask, handover.Ask(window, to, ""))
        assert self.held() == before

    @rule(window=WINDOWS, staff=STAFF)
    def confirm(self, window: int, staff: str) -> None:
        asked = self.books.rows("SELECT handing_to FROM window WHERE no=?", window)[0][0]
        self.attempt(handover.confirm, handover.Answer(window, staff, ""))
        assert asked != staff or self.held()[window] == staff

    @rule(window=WINDOWS, staff=STAFF)
    def refuse(self, window: int, staff: str) -> None:
        self.attempt(handover.refuse, handover.Answer(window, staff, ""))

    @rule(days=st.integers(0, 1))
    def night(self, days: int) -> None:
        self.books.wall.at += DAY_S * days
        self.books.do(windows.close_day, None)

    @invariant()
    def the_journal_knows_the_one_holder(self) -> None:
        held: dict[int, str | None] = dict.fromkeys(self.books.hall.window)
        for event in self.books.events():
            _follow(held, event)
        assert held == self.held()
        staff = [each for each in held.values() if each]
        assert len(staff) == len(set(staff))

    @invariant()
    def a_question_is_of_who_holds_it_and_a_deputy_has_a_principal(self) -> None:
        for staff, to, at_, principal, deputy in self.books.rows(
            "SELECT staff, handing_to, handing_at, principal, deputy FROM window"
        ):
            assert (to is None) == (at_ is None)
            assert to is None or staff not in (None, to)
            assert (principal is None) == (deputy is None)
            assert deputy is None or (principal != deputy and staff in (None, deputy))

    def teardown(self) -> None:
        self.books.database.close()
        self.folder.cleanup()


def _follow(held: dict[int, str | None], event: Event) -> None:
    if event.type in ("window.signed_in", "window.handed_over"):
        held[event.data["window"]] = event.data["staff"]
    elif event.type == "window.signed_out":
        assert held[event.data["window"]] == event.data["staff"]
        held[event.data["window"]] = None


Posts.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestPosts = Posts.TestCase


@pytest.mark.looptime
async def test_by_http(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        await hall.post("/windows/3/sign-in", staff=A)
        asked = await hall.post("/windows/3/hand-over", to=B)
        assert asked["hand_over"]["asked"]["to"] == B
        await hall.post("/windows/3/hand-over/confirm", 409, staff=C)
        done = await hall.post("/windows/3/hand-over/confirm", staff=B)
        assert (done["staff"], done["hand_over"]["principal"]) == (B, A)
        assert (await hall.get("/windows/3"))["hand_over"] == done["hand_over"]
        await hall.post("/windows/3/hand-over/refuse", 409, staff=A)
