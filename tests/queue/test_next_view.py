"""What a clerk knows before pressing: the view tells whom the next call takes, and why, and counts the window's day."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import Now
from edge.evaluation import desk as evaluation
from edge.hall import Hall
from edge.queue import arrivals, balance, desk, finishing, issuing, next_view
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import World, demo_hall, running
from tests.queue.test_moves_finish import with_steps

MINUTE = 60.0


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def see(books: Books, view: Any, *values: Any) -> Any:
    with books.database.read() as connection:
        return view(connection, books.hall, books.clock.now(), *values)


def issue(books: Books, service: str = "pension", *claims: balance.Claim) -> str:
    books.wall.at += 1
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1", claims))


def call(books: Books, window: int = 3) -> desk.Called | None:
    return books.do(desk.call_next, desk.CallNext(window, ""))


def move(books: Books, name: str, window: int | None = 3, ticket: str | None = None) -> str:
    return books.do(evaluation.make_move, desk.Move(name, ticket, window, ""))


def finish(books: Books, window: int = 3) -> None:
    books.do(evaluation.finish, finishing.Finish(window, None, ""))


def number(books: Books, ticket: str) -> str:
    return str(books.rows("SELECT number FROM ticket WHERE id=?", ticket)[0][0])


# ---- who is next

SENIOR = balance.Claim("senior", "declared")
ARRIVALS = st.lists(st.tuples(st.sampled_from(["pension", "medical", "transfer"]), st.booleans()), max_size=12)


@pytest.mark.req("QUE-01", "QUE-28")
@settings(max_examples=8, deadline=None)
@given(ARRIVALS, st.lists(st.sampled_from([1, 3]), min_size=1, max_size=12), st.sampled_from(["backlog", "head_start"]))
def test_who_is_told_as_next_is_called_next_and_for_that_reason(
    arrived: list[tuple[str, bool]], windows: list[int], rule: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        books.hall = books.hall.model_copy(update={"balance": books.hall.balance.model_copy(update={"rule": rule})})
        for service, senior in arrived:
            issue(books, service, *([SENIOR] if senior else []))
        for window in windows:
            books.wall.at += MINUTE
            told = see(books, next_view.following, window)["next"]
            called = call(books, window)
            assert (told and (told["id"], told["why"])) == called
            if called is not None:
                finish(books, window)
        books.database.close()


@pytest.mark.req("QUE-28")
@pytest.mark.parametrize("sent", [False, True])
def test_the_last_window_of_two_lines_tells_who_would_be_next_while_it_is_on_a_pause(books: Books, sent: bool) -> None:
    issue(books), issue(books), issue(books, "medical")
    if sent and (called := call(books)):
        books.do(desk.transfer, desk.Transfer(3, called.ticket, "", to=1))
    for no in (1, 2, 3):
        books.do(windows.pause, windows.Pause(no, "suspended", ""))
    told = see(books, next_view.following, 1)["next"]
    books.do(windows.resume, windows.Resume(1, ""))
    assert (told["id"], told["why"]) == call(books, 1)


@pytest.mark.looptime
async def test_the_view_over_http_says_whom_it_finds(tmp_path: Path) -> None:
    async with running(World(tmp_path)) as hall:
        first, second = await hall.issue("pension"), await hall.issue("medical")
        seen = await hall.get("/windows/3/next?number=c1")
        assert (seen["next"]["number"], seen["found"]["id"]) == (first["number"], second["id"])
        assert seen["next"]["why"] == "先到先办；等了0分钟"
        assert (await hall.get("/windows/3/today"))["waiting"] == 2
        for path in ("next", "today"):
            assert (await hall.api.get(f"/api/v1/windows/99/{path}")).status_code == 404


# ---- a number that a clerk types


def test_a_number_is_found_as_it_is_written_or_by_its_digits(books: Books) -> None:
    pension, medical, elsewhere = issue(books), issue(books, "medical"), issue(books, "transfer")
    assert [number(books, each) for each in (pension, medical, elsewhere)] == ["A001", "C001", "K001"]
    found = {said: see(books, next_view.by_number, 3, said)["id"] for said in ("A001", "c1", " 1 ", "001")}
    assert found == {"A001": pension, "c1": medical, " 1 ": pension, "001": pension}
    assert see(books, next_view.by_number, 2, "1")["id"] == elsewhere
    assert books.do(desk.call_chosen, desk.CallChosen(3, found["c1"], "")).ticket == medical


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("A009", "今天没有A009号"),
        ("abc", "今天没有ABC号"),
        ("K001", "K001号不在本窗口等候"),
        ("A001", "A001号已过号，请用“过号恢复”"),
        ("A002", "A002号办理中"),
    ],
)
def test_a_number_that_does_not_wait_here_is_refused_in_words_that_say_where_it_is(
    books: Books, said: str, words: str
) -> None:
    issue(books), issue(books), issue(books, "transfer")
    call(books), move(books, "miss"), call(books), move(books, "start")
    with pytest.raises(Refused) as refused:
        see(books, next_view.by_number, 3, said)
    assert (refused.value.title, refused.value.status) == (words, 404)


def test_yesterdays_numbers_are_not_found(books: Books) -> None:
    issue(books)
    books.wall.at += 24 * 60 * MINUTE
    with pytest.raises(Refused):
        see(books, next_view.by_number, 3, "A001")


def test_who_was_missed_is_offered_where_they_may_come_back(books: Books) -> None:
    first, second, elsewhere = issue(books), issue(books), issue(books, "transfer")
    for window in (3, 3, 2):
        call(books, window)
        books.wall.at += 1
        move(books, "miss", window)
    assert [each["id"] for each in see(books, next_view.following, 3)["missed"]] == [second, first]
    assert [each["id"] for each in see(books, next_view.following, 1)["missed"]] == [elsewhere, second, first]
    move(books, "return", None, second)
    assert [each["id"] for each in see(books, next_view.following, 3)["missed"]] == [first]


def test_materials_are_those_of_the_visit_and_of_its_step(tmp_path: Path, books: Books) -> None:
    assert see(books, next_view.following, 1)["materials"] == []
    (tmp_path / "steps").mkdir()
    hall: Hall = demo_hall(tmp_path / "steps", with_steps)
    books.hall = hall
    issue(books, "transfer")
    call(books, 1)
    both = [*hall.service["transfer"].materials, *hall.service["pension"].materials]
    assert see(books, next_view.following, 1)["materials"] == list(dict.fromkeys(both))


# ---- the window's own day


def test_the_own_day_counts_what_was_served_here_and_how_long_it_took(books: Books) -> None:
    def today(window: int = 3) -> Any:
        return see(books, next_view.today, window)

    assert today() == {"served": 0, "missed": 0, "mean_minutes": None, "waiting": 0}
    for _ in range(4):
        issue(books)
    for minutes in (4, 8):
        call(books), move(books, "start")
        books.wall.at += minutes * MINUTE
        finish(books)
    assert today() == {"served": 2, "missed": 0, "mean_minutes": 6.0, "waiting": 2}
    call(books), move(books, "miss")
    assert today() == {"served": 2, "missed": 1, "mean_minutes": 6.0, "waiting": 1}
    assert today(2) == {"served": 0, "missed": 0, "mean_minutes": None, "waiting": 0}


def test_a_held_service_counts_once_and_when_it_is_over(books: Books) -> None:
    issue(books)
    call(books), move(books, "start")
    books.wall.at += 2 * MINUTE
    ticket = move(books, "hold")
    assert see(books, next_view.today, 3)["served"] == 0
    books.wall.at += 30 * MINUTE
    books.do(evaluation.resume, desk.Resume(3, ticket, ""))
    assert see(books, next_view.today, 3)["served"] == 0
    books.wall.at += 4 * MINUTE
    finish(books)
    assert see(books, next_view.today, 3) == {"served": 1, "missed": 0, "mean_minutes": 6.0, "waiting": 0}


def test_who_was_sent_on_was_served_here_and_a_wrong_window_was_not(books: Books) -> None:
    def send(*, wrong_window: bool) -> None:
        issue(books)
        call(books), move(books, "start")
        books.wall.at += MINUTE
        books.do(desk.transfer, desk.Transfer(3, None, "", to=1, wrong_window=wrong_window))

    send(wrong_window=True)
    assert see(books, next_view.today, 3)["served"] == 0
    send(wrong_window=False)
    assert see(books, next_view.today, 3)["served"] == 1
    assert see(books, next_view.today, 1)["waiting"] == 2


def test_who_took_no_number_is_counted(books: Books) -> None:
    books.do(evaluation.walk_in, arrivals.WalkIn(3, "pension", ""))
    books.wall.at += MINUTE
    finish(books)
    assert see(books, next_view.today, 3)["served"] == 1


def test_now_is_a_moment(books: Books) -> None:
    """A view of another business day shows that day's window."""
    issue(books)
    call(books)
    finish(books)
    now = books.clock.now()
    with books.database.read() as connection:
        tomorrow = Now(now.at + 24 * 3_600_000, "2026-03-03")
        assert next_view.today(connection, books.hall, tomorrow, 3)["served"] == 0
