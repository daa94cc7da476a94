"""The moves of a ticket under the hall's own limits: recall, return, hold, transfer, wrong window, walk-in, urgent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hall import Balance, Priority
from edge.hallqueue import Hold, Queue
from edge.queue import appointments, arrivals, board, desk, figure_views, issuing, places, sending
from edge.refusal import Refused
from edge.windows import desk as windows
from tests.books import Books


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def rule(books: Books, **queue: Any) -> None:
    books.hall = books.hall.model_copy(update={"queue": Queue(**queue)})


def issue(books: Books, service: str = "pension") -> str:
    books.wall.at += 1
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1"))


def call(books: Books, window: int = 3) -> str | None:
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    return called.ticket if called else None


def move(books: Books, name: str, ticket: str | None, window: int | None = 3, hold: Hold | None = None) -> None:
    books.do(desk.make_move, desk.Move(name, ticket, window, "", hold))


def line(books: Books, service: str = "pension") -> list[str]:
    sql = "SELECT id FROM ticket WHERE state='waiting' AND service=? ORDER BY rank, position"
    return [row[0] for row in books.rows(sql, service)]


def column(books: Books, ticket: str, name: str) -> Any:
    return books.rows(f"SELECT {name} FROM ticket WHERE id=?", ticket)[0][0]


def test_after_so_many_recalls_a_ticket_is_to_be_missed(books: Books) -> None:
    ticket = issue(books)
    for _ in range(2):  # the count begins anew with every call
        call(books)
        for _ in range(3):
            move(books, "recall", ticket)
        with pytest.raises(Refused, match="recall_limit") as refused:
            move(books, "recall", ticket)
        assert refused.value.title == "A001号已重呼3次，请过号"
        move(books, "miss", ticket)
        move(books, "return", ticket, None)


@pytest.mark.parametrize(
    ("rules", "place"), [({}, 0), ({"return_to": "back", "return_places": 2}, 2), ({"return_to": "tail"}, 4)]
)
def test_who_was_missed_comes_back_to_the_place_the_hall_gives(books: Books, rules: dict[str, Any], place: int) -> None:
    rule(books, **rules)
    first = issue(books)
    call(books)
    others = [issue(books) for _ in range(4)]
    move(books, "miss", first)
    move(books, "return", first, None)
    assert line(books) == [*others[:place], first, *others[place:]]
    later = issue(books)
    assert line(books)[-1] == later


def test_behind_fewer_than_that_is_behind_all_and_never_before_the_own_place(books: Books) -> None:
    rule(books, return_to="back", return_places=9)
    tickets = [issue(books) for _ in range(3)]
    call(books)
    move(books, "miss", tickets[0])
    move(books, "return", tickets[0], None)
    assert line(books) == [*tickets[1:], tickets[0]]
    rule(books, return_to="back", return_places=1)
    books.do(desk.call_chosen, desk.CallChosen(3, tickets[0], ""))
    move(books, "miss", tickets[0])
    move(books, "return", tickets[0], None)
    assert line(books) == [*tickets[1:], tickets[0]]


def test_a_ticket_comes_back_so_many_times_and_no_more(books: Books) -> None:
    rule(books, returns=1)
    ticket = issue(books)
    for again in (True, False):
        call(books)
        move(books, "miss", ticket)
        if again:
            move(books, "return", ticket, None)
    for use_case, command in (
        (desk.make_move, desk.Move("return", ticket, None, "")),
        (desk.call_ordinal, desk.CallOrdinal(3, 1, "")),
    ):
        with pytest.raises(Refused, match="return_limit") as refused:
            books.do(use_case, command)
        assert refused.value.title == "A001号已恢复1次，请重新取号"


@pytest.mark.parametrize(
    ("kind", "able", "other"),
    [("without_papers", True, False), ("with_papers", False, False), ("waiting", False, False)],
)
def test_where_a_held_ticket_goes_on(books: Books, kind: Hold, able: bool, other: bool) -> None:
    ticket = issue(books)
    call(books)
    move(books, "hold", ticket, 3, kind)
    assert books.events("ticket.held")[0].data["hold"] == kind
    for window, may in ((2, other), (1, able)):
        if not may:
            with pytest.raises(Refused, match=r"held_elsewhere|wrong_window"):
                books.do(desk.resume, desk.Resume(window, ticket, ""))
    where = 1 if able else 3
    books.do(desk.resume, desk.Resume(where, ticket, ""))
    assert column(books, ticket, "window") == where


def test_every_window_that_may_go_on_with_a_held_ticket_shows_it_and_its_own_first(books: Books) -> None:
    taken_along, own, stayed = issue(books), issue(books), issue(books)
    holds: list[tuple[str, int, Hold]] = [(taken_along, 3, "without_papers"), (own, 1, "waiting")]
    for ticket, window, kind in (*holds, (stayed, 3, "with_papers")):
        books.do(desk.call_chosen, desk.CallChosen(window, ticket, ""))
        move(books, "hold", ticket, window, kind)
        books.wall.at += 1
    with books.database.read() as connection:
        shown = {no: board.console(connection, books.hall, books.clock.now(), no)["held"] for no in (1, 2, 3)}
    told = {no: [(each["id"], each["window"]) for each in held] for no, held in shown.items()}
    assert told == {1: [(own, 1), (taken_along, 3)], 2: [], 3: [(stayed, 3), (taken_along, 3)]}


def test_a_hold_that_does_not_say_is_of_the_halls_kind(books: Books) -> None:
    rule(books, hold="with_papers")
    ticket = issue(books)
    call(books)
    move(books, "hold", None)
    assert column(books, ticket, "hold") == "with_papers"


# ---- transfer


@pytest.mark.req("QUE-16")
@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=8), st.sampled_from(places.PLACES))
def test_a_transfer_puts_a_ticket_first_last_or_by_the_time_of_its_number(
    medical: list[bool], place: places.Place
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        taken = [issue(books, "medical" if each else "pension") for each in [False, *medical]]
        there = [ticket for ticket, each in zip(taken[1:], medical, strict=True) if each]
        moved = taken[0]
        books.do(desk.call_chosen, desk.CallChosen(3, moved, ""))
        books.do(desk.transfer, desk.Transfer(3, moved, "", service="medical", place=place, reason="材料在那边"))
        expected = [*there, moved] if place == "last" else [moved, *there]
        assert line(books, "medical") == expected
        late = issue(books, "pension")
        books.do(desk.call_chosen, desk.CallChosen(3, late, ""))
        books.do(desk.transfer, desk.Transfer(3, late, "", service="medical", place=place))
        assert line(books, "medical") == ([late, *expected] if place == "first" else [*expected, late])
        told = books.events("ticket.transferred")[0].data
        assert (told["to_service"], told["reason"]) == ("medical", "材料在那边")
        books.database.close()


def release(books: Books) -> int:
    with books.database.read() as connection:
        due = len(sending.due(connection, books.clock.now()))
    assert books.do(desk.release, None) == due
    return due


@pytest.mark.parametrize("target", [{"service": "medical"}, {"to": 1}])
def test_a_delayed_transfer_is_not_called_before(books: Books, target: dict[str, Any]) -> None:
    ticket = issue(books)
    call(books)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", delay_minutes=10, **target))
    assert call(books, 1) is None  # it waits, and window 1 is armed now
    books.wall.at += 599
    assert release(books) == 0
    books.wall.at += 1
    assert release(books) == 1
    assert (column(books, ticket, "state"), column(books, ticket, "window")) == ("called", 1)
    assert release(books) == 0


def test_who_was_sent_to_one_window_is_called_by_name_there_and_nowhere_else(books: Books) -> None:
    sent = issue(books)
    call(books)
    books.do(desk.transfer, desk.Transfer(3, sent, "", to=1))
    with pytest.raises(Refused, match="wrong_window"):
        books.do(desk.call_chosen, desk.CallChosen(3, sent, ""))
    assert books.do(desk.call_chosen, desk.CallChosen(1, sent, "")).ticket == sent


def test_who_is_to_come_later_is_not_called_by_name_before(books: Books) -> None:
    ticket = issue(books)
    call(books)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", service="medical", delay_minutes=10))
    with pytest.raises(Refused, match="wrong_window"):
        books.do(desk.call_chosen, desk.CallChosen(3, ticket, ""))


def test_a_ticket_for_a_clerk_follows_the_clerk(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(1, "1002", ""))
    ticket = issue(books)
    call(books)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", staff="1002"))
    assert call(books) is None
    books.do(windows.sign_out, windows.SignOut(1, ""))
    assert release(books) == 1
    assert call(books, 1) is None
    books.do(windows.sign_in, windows.SignIn(2, "1002", ""))
    assert release(books) == 1
    assert call(books, 2) == ticket
    with pytest.raises(Refused, match="no_such_staff"):
        books.do(desk.transfer, desk.Transfer(2, ticket, "", staff="9999"))


def test_who_waits_for_a_clerk_that_has_gone_is_called_by_name_and_nobody_is_sent_to_one(books: Books) -> None:
    books.do(windows.sign_in, windows.SignIn(1, "1002", ""))
    tickets = [issue(books) for _ in range(2)]
    for ticket in tickets:
        call(books)
        books.do(desk.transfer, desk.Transfer(3, ticket, "", staff="1002"))
    with pytest.raises(Refused, match="wrong_window"):
        books.do(desk.call_chosen, desk.CallChosen(3, tickets[0], ""))
    books.do(windows.sign_out, windows.SignOut(1, ""))
    release(books)
    assert call(books) is None, "the clerk may come back"
    with pytest.raises(Refused, match="wrong_window"):
        books.do(desk.call_chosen, desk.CallChosen(2, tickets[0], ""))
    assert books.do(desk.call_chosen, desk.CallChosen(1, tickets[0], "")).ticket == tickets[0]
    assert books.do(desk.call_ordinal, desk.CallOrdinal(3, 2, "")).ticket == tickets[1]
    with pytest.raises(Refused, match="clerk_away") as refused:
        books.do(desk.transfer, desk.Transfer(3, tickets[1], "", staff="1002"))
    assert refused.value.title == "王芳现在没有登录窗口，请转到业务或窗口"
    books.do(desk.transfer, desk.Transfer(3, tickets[1], "", staff="1002", delay_minutes=10))
    with pytest.raises(Refused, match="wrong_window"):
        books.do(desk.call_chosen, desk.CallChosen(3, tickets[1], ""))


@pytest.mark.req("QUE-03")
@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ({"to": 1}, [1]),
        ({"to": 1, "delay_minutes": 5}, [1]),
        ({"staff": "1002"}, [2]),
        ({"service": "medical", "delay_minutes": 5}, [1, 3]),
    ],
)
def test_who_was_sent_on_is_told_the_window_that_will_call(
    books: Books, target: dict[str, Any], shown: list[int]
) -> None:
    books.do(windows.sign_in, windows.SignIn(2, "1002", ""))
    ticket = issue(books)
    call(books)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", **target))
    with books.database.read() as connection:
        told = board.ticket(connection, books.hall, ticket, lambda _: True)["windows"]
    assert [(each["no"], each["floor"]) for each in told] == [(no, "一楼") for no in shown]


@pytest.mark.req("QUE-16")
def test_at_the_wrong_window_nothing_was_served(books: Books) -> None:
    ticket, behind = issue(books), issue(books, "medical")
    call(books)
    move(books, "start", ticket)
    books.do(desk.transfer, desk.Transfer(3, ticket, "", service="medical", wrong_window=True))
    assert line(books, "medical") == [ticket, behind]
    assert [event.data["to_service"] for event in books.events("ticket.redirected")] == ["medical"]
    assert not books.events("evaluation.")
    assert not books.events("ticket.finished")
    assert books.rows("SELECT DISTINCT kind FROM ticket_period WHERE window=3") == [("called",)]


def test_who_is_put_first_is_called_with_that_for_a_reason_and_no_other(books: Books) -> None:
    before, moved = issue(books), issue(books, "medical")
    books.do(desk.call_chosen, desk.CallChosen(1, moved, ""))
    books.do(desk.transfer, desk.Transfer(1, moved, "", service="pension", place="first"))
    called = books.do(desk.call_next, desk.CallNext(3, ""))
    assert called == (moved, "窗口转来，排在最前；等了0分钟")
    move(books, "finish", moved)
    assert books.do(desk.call_next, desk.CallNext(3, "")) == (before, "先到先办；等了0分钟")


def test_an_early_booking_that_is_put_last_is_last(books: Books) -> None:
    slot = ("2026-03-02", "09:20", "09:40")
    booking = books.do(appointments.book, appointments.Book("pension", *slot, "phone", "", "code"))
    ahead = [issue(books) for _ in range(2)]
    checked_in = appointments.CheckIn(booking, "kiosk", None, "")
    booked = books.do(appointments.check_in, checked_in).ticket
    others = [issue(books) for _ in range(2)]
    assert line(books) == [*ahead, booked, *others]
    books.do(desk.call_chosen, desk.CallChosen(3, booked, ""))
    books.do(desk.transfer, desk.Transfer(3, booked, "", service="pension", place="last"))
    assert line(books) == [*ahead, *others, booked]
    books.wall.at += 12 * 60  # eight minutes too early still
    late = issue(books)
    books.do(desk.call_chosen, desk.CallChosen(3, booked, ""))
    books.do(desk.transfer, desk.Transfer(3, booked, "", service="pension", place="last"))
    assert line(books) == [*ahead, *others, booked, late], "it counts from the booked time, less its head start"


# ---- walk-in and urgent


def test_a_walk_in_never_waits_and_has_a_number_of_its_own(books: Books) -> None:
    waiting = issue(books)
    ticket = books.do(arrivals.walk_in, arrivals.WalkIn(3, "pension", "window:3"))
    assert books.rows("SELECT number, state, window FROM ticket WHERE id=?", ticket) == [("W001", "serving", 3)]
    assert [event.type for event in books.journal.read(0) if event.key == ticket] == ["ticket.issued", "ticket.started"]
    assert not books.rows("SELECT 1 FROM print_job")
    with pytest.raises(Refused, match="ticket_in_hand"):
        books.do(arrivals.walk_in, arrivals.WalkIn(3, "pension", ""))
    with pytest.raises(Refused, match="wrong_window"):
        books.do(arrivals.walk_in, arrivals.WalkIn(2, "pension", ""))
    assert line(books) == [waiting]
    kinds = [row[0] for row in books.rows("SELECT kind FROM ticket_period WHERE ticket=?", ticket)]
    assert "waiting" not in kinds


@pytest.mark.req("QUE-28")
def test_a_walk_in_that_passes_who_waits_stands_in_the_report(books: Books) -> None:
    waiting = issue(books)
    books.wall.at += 60
    ticket = books.do(arrivals.walk_in, arrivals.WalkIn(3, "pension", "window:3"))
    books.wall.at += 300
    move(books, "finish", ticket)
    assert call(books) == waiting
    with books.database.read() as connection:
        now = books.clock.now()
        told = figure_views.day_priority(connection, books.hall, now, now.day)
    (use,) = told["uses"]
    assert (use["number"], use["name"], use["source_name"], use["minutes"]) == ("W001", "无号办理", "窗口", 5.0)
    assert [each["number"] for each in use["whom"]] == ["A001"]


@pytest.mark.req("QUE-12")
def test_where_arrival_alone_counts_who_is_urged_still_goes_first_and_the_clerk_can_say_why(books: Books) -> None:
    plain = {"balance": Balance(rule="order"), "priority": Priority(strict=(), head_start={})}
    books.hall = books.hall.model_copy(update=plain)
    first, other, urgent = issue(books), issue(books, "medical"), issue(books)
    books.do(arrivals.urge, arrivals.Urge(urgent, "孕妇身体不适", "desk/li"))
    called = books.do(desk.call_next, desk.CallNext(3, ""))
    assert called is not None
    assert (called.ticket, called.why.split("；")[:2]) == (urgent, ["排第2", "急事优先"])
    move(books, "finish", urgent)
    assert call(books) == first
    move(books, "finish", first)
    assert call(books) == other


@pytest.mark.req("QUE-12", "QUE-28")
def test_an_urgent_visitor_is_before_all_but_those_whom_the_law_puts_first(books: Books) -> None:
    first, second = issue(books), issue(books)
    claim = issuing.declared(books.hall, "military", at_desk=True)
    soldier = books.do(issuing.issue, issuing.Issue("pension", "desk", None, "desk", (claim,)))
    urgent = issue(books)
    books.do(arrivals.urge, arrivals.Urge(urgent, "孕妇身体不适", "desk/li"))
    assert line(books) == [soldier, urgent, first, second]
    (event,) = books.events("ticket.raised")
    assert (event.actor, event.data["reason"], event.data["priority"]) == ("desk/li", "孕妇身体不适", "urgent")
    with pytest.raises(Refused, match="urged_already"):
        books.do(arrivals.urge, arrivals.Urge(urgent, "again", "desk/li"))
    call(books)
    with pytest.raises(Refused, match="illegal_move"):
        books.do(arrivals.urge, arrivals.Urge(soldier, "in hand", "desk/li"))
