"""Pausing and resuming a window, and the window that waits for the next arrival."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from edge.queue import desk, issuing
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def issue(books: Books, service: str = "pension") -> str:
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, ""))


def types(books: Books) -> list[str]:
    return [event.type for event in books.events()]


def test_the_same_sign_again_is_no_news(books: Books) -> None:
    for sign in ("wait_a_moment", "wait_a_moment", "suspended"):
        books.do(windows.pause, windows.Pause(3, sign, "window:3"))
    for _ in range(2):
        books.do(windows.resume, windows.Resume(3, "window:3"))
    assert types(books) == ["window.paused", "window.paused", "window.resumed"]
    assert {"wait_a_moment", "suspended"} <= set(get_args(windows.Sign))


@pytest.mark.req("WIN-03")
def test_nobody_is_sent_to_a_window_that_was_paused_while_it_waited(books: Books) -> None:
    assert books.do(desk.call_next, desk.CallNext(3, "window:3")) is None
    books.do(windows.pause, windows.Pause(3, "suspended", "window:3"))
    ticket = issue(books)
    assert books.rows("SELECT state, window FROM ticket WHERE id=?", ticket) == [("waiting", None)]
    for use_case, command in (
        (desk.call_next, desk.CallNext(3, "")),
        (desk.call_chosen, desk.CallChosen(3, ticket, "")),
    ):
        with pytest.raises(Refused, match="window_paused"):
            books.do(use_case, command)


def test_who_is_at_the_window_is_still_served_to_the_end(books: Books) -> None:
    ticket = issue(books)
    books.do(desk.call_next, desk.CallNext(3, ""))
    books.do(windows.pause, windows.Pause(3, "wait_a_moment", ""))
    for move in ("recall", "start", "finish"):
        assert books.do(desk.make_move, desk.Move(move, ticket, 3, "")) == ticket


def test_of_two_windows_that_wait_the_more_special_one_is_chosen(books: Books) -> None:
    for window in (1, 3):
        assert books.do(desk.call_next, desk.CallNext(window, "")) is None
    found = [books.rows("SELECT window FROM ticket WHERE id=?", issue(books))[0][0] for _ in range(3)]
    assert found == [3, 1, None]


def test_waiting_twice_is_waiting_once(books: Books) -> None:
    for _ in range(2):
        books.do(desk.call_next, desk.CallNext(3, ""))
    assert types(books) == ["window.armed"]


def test_a_window_that_the_hall_does_not_have_is_refused(books: Books) -> None:
    for use_case, command in (
        (windows.pause, windows.Pause(9, "suspended", "")),
        (windows.resume, windows.Resume(9, "")),
    ):
        with pytest.raises(Refused) as refused:
            books.do(use_case, command)
        assert refused.value.status == 404
    assert types(books) == []


@pytest.mark.req("WIN-06")
def test_who_forgot_to_sign_out_is_not_at_the_window_next_morning(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(1, "1001", "window:1"))
    assert books.do(windows.close_day, None) == 0
    books.wall.at += 86_400
    books.do(windows.sign_in, windows.SignIn(2, "1002", "window:2"))
    assert books.do(windows.close_day, None) == 1
    assert books.rows("SELECT no, staff FROM window WHERE no < 3 ORDER BY no") == [(1, None), (2, "1002")]
    assert [(each.data["window"], each.data["staff"]) for each in books.events("window.signed_out")] == [(1, "1001")]
