"""Closing a window for the day, and the case that keeps it open (延时服务)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.queue import desk, issuing
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import DAY_S, World, running, without_devices

req = pytest.mark.req
LATE = 14.5 * 3600
"""From the morning to half past eleven at night."""


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def call(books: Books, window: int, service: str = "pension") -> str:
    books.do(issuing.issue, issuing.Issue(service, "kiosk", None, ""))
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    assert called is not None
    return called.ticket


def finish(books: Books, window: int, ticket: str) -> None:
    books.do(desk.make_move, desk.Move("finish", ticket, window, ""))


def close(books: Books, window: int) -> None:
    books.do(windows.close, windows.Close(window, f"window:{window}"))


def open_again(books: Books, window: int) -> None:
    books.do(windows.open_again, windows.Close(window, f"window:{window}"))


def sign(books: Books, window: int = 3) -> tuple[str, str | None]:
    state, sign_ = books.rows("SELECT state, sign FROM window WHERE no=?", window)[0]
    return state, sign_


def told(books: Books) -> list[str]:
    return [each.type.removeprefix("window.") for each in books.events("window.")]


@req("WIN-13")
def test_a_case_in_hand_keeps_its_window_open(books: Books) -> None:
    ticket = call(books, 3)
    with pytest.raises(Refused, match="ticket_in_hand") as refused:
        close(books, 3)
    assert "A001号还没有办结" in refused.value.title
    finish(books, 3, ticket)
    close(books, 3)
    assert sign(books) == ("paused", "closed")


@req("WIN-14")
def test_the_last_comprehensive_window_stays_while_another_serves(books: Books) -> None:
    ticket = call(books, 3)
    close(books, 2)
    with pytest.raises(Refused, match="others_serve") as refused:
        close(books, 1)
    assert refused.value.title == "3号窗口A001号还没有办结，请综合窗口协调"
    finish(books, 3, ticket)
    close(books, 1)
    assert told(books) == ["closed", "closed"]


def test_of_two_comprehensive_windows_one_may_go(books: Books) -> None:
    both = tuple(
        each.model_copy(update={"kind": "comprehensive"}) if each.no == 2 else each for each in books.hall.windows
    )
    books.hall = books.hall.model_copy(update={"windows": both})
    call(books, 3)
    close(books, 1)
    with pytest.raises(Refused, match="others_serve"):
        close(books, 2)


def test_a_closed_window_is_not_called_to_paused_or_resumed(books: Books) -> None:
    assert books.do(desk.call_next, desk.CallNext(3, "")) is None
    for _ in range(2):
        close(books, 3)
    assert told(books) == ["armed", "closed"]
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    assert books.rows("SELECT state FROM ticket") == [("waiting",)]
    for use_case, command in (
        (windows.resume, windows.Resume(3, "")),
        (windows.pause_or_resume, windows.Resume(3, "")),
        (windows.pause, windows.Pause(3, "suspended", "")),
    ):
        with pytest.raises(Refused, match="window_closed"):
            books.do(use_case, command)
    for _ in range(2):
        open_again(books, 3)
    assert (sign(books), told(books)) == (("open", None), ["armed", "closed", "opened"])


def test_a_pause_is_not_ended_by_opening(books: Books) -> None:
    books.do(windows.pause, windows.Pause(3, "suspended", ""))
    open_again(books, 3)
    assert sign(books) == ("paused", "suspended")
    close(books, 3)
    assert sign(books) == ("paused", "closed")


def test_the_first_sign_in_of_a_later_day_opens_it(books: Books) -> None:
    close(books, 3)
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    assert sign(books) == ("paused", "closed")
    books.wall.at += DAY_S
    books.do(windows.close_day, None)
    assert sign(books) == ("paused", "closed")
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    assert sign(books) == ("open", None)
    assert told(books) == ["closed", "signed_in", "signed_out", "signed_in", "opened"]


@req("WIN-13")
def test_midnight_signs_nobody_out_before_the_case_has_ended(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    books.do(windows.sign_in, windows.SignIn(2, "1002", ""))
    books.wall.at += LATE
    ticket = call(books, 3)
    books.wall.at += 3600
    assert books.do(windows.close_day, None) == 1
    assert books.rows("SELECT no, staff FROM window WHERE staff IS NOT NULL") == [(3, "1003")]
    finish(books, 3, ticket)
    assert books.do(windows.close_day, None) == 1


def test_a_case_that_was_forgotten_keeps_nobody(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(3, "1003", ""))
    call(books, 3)
    books.wall.at += DAY_S
    assert books.do(windows.close_day, None) == 1


@pytest.mark.looptime
async def test_by_http(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        closed = await hall.post("/windows/3/close")
        assert (closed["state"], closed["sign"], closed["paused"]["sign"]) == ("paused", "停止服务", "closed")
        await hall.post("/windows/3/resume", 409)
        assert (await hall.post("/windows/3/open"))["state"] == "open"
        await hall.post("/windows/3/pause", 422, sign="closed")
