"""Windows that serve other things during the day: nobody loses a place, and nobody is left without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.queue import arrivals, assigning, balance, desk, issuing
from edge.refusal import Refused
from edge.windows import desk as windows
from edge.windows import skills
from tests.books import Books
from tests.hall import DAY_S, demo_hall

ALL = ("pension", "medical", "household", "residence", "transfer", "mortgage")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def take(books: Books, service: str, *claims: Literal["senior", "appointment"]) -> str:
    books.wall.at += 60
    wanted = tuple(balance.Claim(each, "declared") for each in claims)
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "", wanted))


def call(books: Books, window: int) -> str | None:
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    return called.ticket if called else None


def finish(books: Books, window: int) -> None:
    books.do(desk.make_move, desk.Move("finish", None, window, ""))


def serve(books: Books, window: int) -> str | None:
    called = call(books, window)
    finish(books, window)
    return called


def give(books: Books, window: int, *services: str, until: Literal["day"] | None = "day", **more: Any) -> None:
    books.do(assigning.set_skills, assigning.SetSkills(window, services, until, "排队", "desk:1", **more))


def extra(books: Books, no: int, *services: str) -> None:
    books.do(assigning.add, assigning.Add(no, "临时窗口", "f1", services, "人多", "desk:1"))


def close(books: Books, no: int) -> None:
    books.do(assigning.close, windows.Close(no, ""))


def everything(books: Books) -> list[list[Any]]:
    return [books.rows(f"SELECT * FROM {table}") for table in ("journal", "ticket", "window", "window_change")]


def refused(books: Books, use_case: Any, command: Any) -> Refused:
    before = everything(books)
    with pytest.raises(Refused) as refusal:
        books.do(use_case, command)
    assert everything(books) == before
    return refusal.value


def has(books: Books) -> dict[int, tuple[str, ...]]:
    with books.database.read() as connection:
        return {no: each.skills for no, each in skills.effective(connection, books.hall).window.items()}


def told(books: Books, type_: str = "window.") -> list[dict[str, Any]]:
    return [dict(event.data) for event in books.events(type_)]


# ---- other skills


def test_a_window_serves_what_it_was_given_and_the_journal_says_who_and_why(books: Books) -> None:
    ticket = take(books, "household")
    give(books, 3, "household", "pension", "medical")
    assert call(books, 3) == ticket
    assert (event := books.events("window.skills_changed")[0]).key == "window:3"
    assert (event.actor, event.data) == (
        "desk:1",
        {
            "window": 3,
            "zone": "f1",
            "from": ["pension", "medical"],
            "to": ["household", "pension", "medical"],
            "green": False,
            "until": books.clock.now().day,
            "reason": "排队",
        },
    )


def test_the_same_again_is_no_news_and_the_file_s_own_is_no_change(books: Books) -> None:
    for _ in range(2):
        give(books, 3, "medical", "pension")
    for _ in range(2):
        give(books, 3, "pension", "medical")
    books.do(assigning.restore, assigning.Restore(3, "", ""))
    assert [each["to"][0] for each in told(books)] == ["medical", "pension"]
    with books.database.read() as connection:
        assert skills.changes(connection) == []


def test_a_window_that_waited_is_asked_at_once(books: Books) -> None:
    assert call(books, 2) is None
    first, second = take(books, "pension"), take(books, "pension")
    give(books, 2, "transfer", "mortgage", "pension")
    assert books.rows("SELECT id, window FROM ticket ORDER BY position") == [(first, 2), (second, None)]
    assert books.rows("SELECT armed_at FROM window WHERE no=2") == [(None,)]


def test_after_hours_skills_change_and_nobody_is_called(books: Books, tmp_path: Path) -> None:
    hours = 'hours = [{ from = "08:00", to = "12:00" }]\nat_close = "case_in_hand"'
    books.hall = demo_hall(tmp_path, lambda text: text.replace('hours = "always"', hours))
    assert call(books, 2) is None
    take(books, "pension")
    books.wall.at += 4 * 3600
    give(books, 2, "transfer", "mortgage", "pension")
    assert books.rows("SELECT state FROM ticket") == [("waiting",)]
    books.wall.at += DAY_S
    assert books.do(assigning.close_day, None) == 1


def test_a_window_that_waited_for_nobody_goes_on_waiting_for_what_it_serves_now(books: Books) -> None:
    assert call(books, 2) is None
    give(books, 2, "household")
    take(books, "transfer")
    ticket = take(books, "household")
    assert books.rows("SELECT id FROM ticket WHERE window=2") == [(ticket,)]


def test_what_people_wait_for_is_not_taken_from_its_last_window(books: Books) -> None:
    for service in ("household", "household", "residence"):
        take(books, service)
    command = assigning.SetSkills(1, ("residence", "transfer"), "day", "no", "")
    said = refused(books, assigning.set_skills, command)
    assert (said.status, said.title) == (
        409,
        "户口登记还有2人等候，没有别的窗口办理户口登记，请先给别的窗口加上户口登记",
    )
    give(books, 3, "household", "pension", "medical")
    give(books, 1, "residence", "transfer")
    assert has(books)[1] == ("residence", "transfer")


def test_where_nobody_waits_a_service_keeps_a_window_all_the_same(books: Books) -> None:
    said = refused(books, assigning.set_skills, assigning.SetSkills(1, ("pension",), "day", "no", ""))
    assert said.title == "没有别的窗口办理户口登记，请先给别的窗口加上户口登记"


def test_who_waits_is_not_left_to_a_window_that_is_not_open(books: Books) -> None:
    take(books, "pension")
    command = assigning.SetSkills(1, ALL[1:], "day", "no", "")
    books.do(windows.pause, windows.Pause(3, "suspended", ""))
    said = refused(books, assigning.set_skills, command)
    assert said.title == "养老保险还有1人等候，能办理的3号窗口没有开放，请先开放"
    books.do(windows.resume, windows.Resume(3, ""))
    books.do(assigning.set_skills, command)


def test_a_lasting_change_does_not_count_on_a_window_of_today(books: Books) -> None:
    extra(books, 9, "household")
    lasting = assigning.SetSkills(1, tuple(each for each in ALL if each != "household"), None, "no", "")
    assert refused(books, assigning.set_skills, lasting).title == (
        "明天起没有窗口办理户口登记，请选择“仅今天”，或先给别的窗口长期加上户口登记"
    )
    give(books, 1, *lasting.skills)


@pytest.mark.parametrize(
    ("use_case", "command"),
    [
        (assigning.set_skills, assigning.SetSkills(9, ALL, "day", "no", "")),
        (assigning.set_skills, assigning.SetSkills(1, (*ALL, "passport"), "day", "no", "")),
        (assigning.restore, assigning.Restore(9, "no", "")),
        (assigning.add, assigning.Add(9, "", "f9", ALL, "no", "")),
        (assigning.add, assigning.Add(9, "", "f1", ("passport",), "no", "")),
        (assigning.close, windows.Close(9, "")),
    ],
)
def test_what_the_hall_does_not_have(books: Books, use_case: Any, command: Any) -> None:
    assert refused(books, use_case, command).status == 404


# ---- who was sent there


def test_who_was_sent_to_a_window_for_what_it_serves_no_more_waits_in_their_line_in_their_place(books: Books) -> None:
    sent, kept = take(books, "pension"), take(books, "household")
    assert (call(books, 1), call(books, 3)) == (kept, sent)
    books.do(desk.transfer, desk.Transfer(1, kept, "", to=3))
    later = take(books, "pension")
    books.do(desk.transfer, desk.Transfer(3, sent, "", to=1))
    give(books, 1, *ALL[1:])
    assert [each["ticket"] for each in told(books, "ticket.due")] == [sent]
    # Whom it never served was sent there on purpose.
    assert books.rows("SELECT for_window FROM ticket WHERE id=?", kept) == [(3,)]
    assert [serve(books, 3) for _ in range(3)] == [sent, kept, later]


def test_who_is_to_wait_a_while_before_that_window_waits_for_any_then(books: Books) -> None:
    ticket = take(books, "pension")
    assert call(books, 3) == ticket
    books.do(desk.transfer, desk.Transfer(3, ticket, "", to=1, delay_minutes=10))
    give(books, 1, *ALL[1:])
    assert told(books, "ticket.due") == []
    assert call(books, 3) is None
    books.wall.at += 600
    assert books.do(desk.release, None) == 1
    assert books.rows("SELECT window FROM ticket WHERE id=?", ticket) == [(3,)]


# ---- an extra window


def test_an_extra_window_serves_and_is_gone_when_it_closes(books: Books) -> None:
    extra(books, 9, "pension")
    missed, served = take(books, "pension"), take(books, "pension")
    assert call(books, 9) == missed
    books.do(desk.make_move, desk.Move("miss", missed, 9, ""))
    assert call(books, 9) == served
    assert refused(books, assigning.close, windows.Close(9, "")).code == "ticket_in_hand"
    finish(books, 9)
    books.do(windows.sign_in, windows.SignIn(9, "1001", ""))
    close(books, 9)
    assert 9 not in has(books)
    assert books.rows("SELECT no FROM window") == [(1,), (2,), (3,)]
    assert [event.type for event in books.events("window.") if event.data["window"] == 9] == [
        *("window.added", "window.signed_in", "window.closed", "window.signed_out", "window.removed")
    ]
    books.do(desk.make_move, desk.Move("return", missed, None, ""))
    assert call(books, 3) == missed


def test_an_extra_window_is_asked_for_a_number_that_is_free(books: Books) -> None:
    said = refused(books, assigning.add, assigning.Add(3, "", "f1", ALL, "no", ""))
    assert (said.status, said.title) == (409, "已有3号窗口，请换一个窗口号")
    for _ in range(2):
        extra(books, 9, "pension")
        books.do(windows.pause, windows.Pause(9, "wait_a_moment", ""))
        close(books, 9)
    extra(books, 9, "medical")
    assert books.rows("SELECT state, sign FROM window WHERE no=9") == [("open", None)]
    assert has(books)[9] == ("medical",)


def test_an_extra_window_s_skills_change_and_are_not_in_any_file(books: Books) -> None:
    extra(books, 9, "pension")
    give(books, 9, "medical", until=None)
    assert has(books)[9] == ("medical",)
    assert refused(books, assigning.restore, assigning.Restore(9, "no", "")).status == 409
    books.wall.at += DAY_S
    assert books.do(assigning.close_day, None) == 1


def test_who_was_sent_to_an_extra_window_waits_in_their_line_when_it_closes(books: Books) -> None:
    extra(books, 9, "pension")
    ticket = take(books, "transfer")
    assert call(books, 2) == ticket
    books.do(desk.transfer, desk.Transfer(2, ticket, "", to=9))
    books.do(windows.pause, windows.Pause(3, "go_to", "", other=9))
    for no in (1, 2):
        books.do(windows.pause, windows.Pause(no, "suspended", ""))
    assert refused(books, assigning.close, windows.Close(9, "")).title == (
        "不动产转移登记还有1人等候，能办理的1、2号窗口没有开放，请先开放"
    )
    books.do(windows.resume, windows.Resume(2, ""))
    close(books, 9)
    assert books.rows("SELECT sign, other FROM window WHERE no=3") == [("wait_a_moment", None)]
    assert call(books, 2) == ticket


@pytest.mark.parametrize("kind", ["with_papers", "waiting", "without_papers"])
def test_an_extra_window_with_somebody_s_papers_stays(books: Books, kind: Any) -> None:
    extra(books, 9, "pension")
    ticket = take(books, "pension")
    assert call(books, 9) == ticket
    books.do(desk.make_move, desk.Move("hold", ticket, 9, "", kind))
    if kind != "without_papers":
        assert refused(books, assigning.close, windows.Close(9, "")).title == "A001号还挂起在9号窗口，请先回呼办结"
        return
    close(books, 9)
    assert books.do(desk.resume, desk.Resume(3, ticket, "")) == ticket


# ---- the clock


def test_what_was_for_a_day_ends_with_it_and_what_lasts_stays(books: Books) -> None:
    extra(books, 9, "pension")
    give(books, 2, "transfer", "mortgage", "pension", until=None)
    give(books, 3, "medical", "pension", "household")
    assert books.do(assigning.close_day, None) == 0
    books.wall.at += DAY_S
    assert books.do(assigning.close_day, None) == 2
    assert books.do(assigning.close_day, None) == 0
    assert has(books) == {1: ALL, 2: ("transfer", "mortgage", "pension"), 3: ("pension", "medical")}
    assert [(event.type, event.data["window"]) for event in books.events("window.") if event.actor == "clock"] == [
        *(("window.removed", 9), ("window.skills_changed", 3))
    ]


@pytest.mark.req("WIN-13")
def test_a_case_that_goes_on_over_midnight_keeps_its_extra_window(books: Books) -> None:
    extra(books, 9, "pension")
    take(books, "pension")
    assert call(books, 9) is not None
    books.wall.at += DAY_S
    assert books.do(assigning.close_day, None) == 0
    finish(books, 9)
    assert books.do(assigning.close_day, None) == 1


# ---- 绿色窗口


@pytest.mark.req("QUE-11")
def test_a_green_window_takes_those_whom_it_is_for_first_and_others_when_there_are_none(books: Books) -> None:
    give(books, 3, "pension", "medical", green=True)
    plain, booked, senior = (
        take(books, "pension"),
        take(books, "medical", "appointment"),
        take(books, "medical", "senior"),
    )
    first, *rest = [serve(books, 3) for _ in range(3)]
    assert first == senior
    assert set(rest) == {plain, booked}


@pytest.mark.req("QUE-11")
def test_an_arrival_finds_the_green_window_only_where_it_is_for_them(books: Books) -> None:
    give(books, 3, "pension", "medical", green=True)
    for no in (1, 3):
        assert call(books, no) is None
    found = [books.rows("SELECT window FROM ticket WHERE id=?", take(books, "pension"))[0][0] for _ in range(2)]
    assert found == [1, 3]
    for no in (1, 3):
        finish(books, no)
        assert call(books, no) is None
    assert books.rows("SELECT window FROM ticket WHERE id=?", take(books, "pension", "senior")) == [(3,)]


def test_who_is_urged_is_one_whom_the_green_window_is_for(books: Books) -> None:
    give(books, 3, "pension", "medical", green=True)
    take(books, "pension")
    urged = take(books, "medical")
    books.do(arrivals.urge, arrivals.Urge(urged, "急", ""))
    assert call(books, 3) == urged
