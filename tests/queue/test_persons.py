"""One active ticket per person and service, whatever happens in between; and a person forgotten leaves nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.queue import appointments, closing, desk, issuing, persons
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S

MARKS = ("aa" * 16, "bb" * 16, "cc" * 16)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def take(books: Books, mark: str | None, service: str = "pension", age: int | None = None) -> issuing.Issued:
    person = persons.Person(mark, age) if mark else None
    return books.do(issuing.issue_to, issuing.IssueTo(issuing.Issue(service, "kiosk", "1", "kiosk:1"), person))


def printed(books: Books) -> int:
    return len(books.rows("SELECT 1 FROM print_job"))


# ---- one ticket


@pytest.mark.req("QUE-28")
def test_who_has_a_ticket_gets_that_one_again_and_no_second_slip(books: Books) -> None:
    first = take(books, MARKS[0])
    assert (first.existing, printed(books)) == (False, 1)
    events = len(books.events())
    assert take(books, MARKS[0]) == issuing.Issued(first.ticket, True)
    assert (len(books.events()), printed(books)) == (events, 1)
    assert not take(books, MARKS[0], "medical").existing, "another service is another matter"
    assert not take(books, MARKS[1]).existing, "and so is another person"


def test_without_a_card_nobody_is_anybody(books: Books) -> None:
    assert take(books, None).ticket != take(books, None).ticket
    assert not books.rows("SELECT 1 FROM person_ticket")


@pytest.mark.parametrize("moves", [(), ("miss",), ("hold",), ("start",), ("start", "hold")])
def test_a_ticket_counts_until_it_has_ended(books: Books, moves: tuple[str, ...]) -> None:
    ticket = take(books, MARKS[0]).ticket
    books.do(desk.call_next, desk.CallNext(3, ""))
    for move in moves:
        books.do(desk.make_move, desk.Move(move, ticket, 3, ""))
    assert take(books, MARKS[0]) == issuing.Issued(ticket, True)
    if "miss" in moves or "hold" in moves:
        books.do(desk.make_move, desk.Move("cancel", ticket, None, ""))
    else:
        books.do(desk.make_move, desk.Move("finish", ticket, 3, ""))
    assert not take(books, MARKS[0]).existing


def test_yesterdays_ticket_is_not_todays(books: Books) -> None:
    first = take(books, MARKS[0]).ticket
    books.do(desk.call_next, desk.CallNext(3, ""))
    books.wall.at += DAY_S
    assert take(books, MARKS[0]).ticket != first, "the window has not finished with yesterday's"


def test_nobody_is_sent_on_to_a_service_for_which_they_hold_a_ticket(books: Books) -> None:
    first, other = take(books, MARKS[0]).ticket, take(books, MARKS[0], "medical").ticket
    books.do(desk.call_next, desk.CallNext(3, ""))
    with pytest.raises(Refused, match="has_another"):
        books.do(desk.transfer, desk.Transfer(3, first, "", service="medical"))
    books.do(desk.make_move, desk.Move("cancel", other, None, ""))
    books.do(desk.transfer, desk.Transfer(3, first, "", service="medical"))
    assert take(books, MARKS[0], "medical") == issuing.Issued(first, True)


@pytest.mark.req("QUE-10")
@pytest.mark.parametrize(("age", "priority"), [(None, None), (69, None), (70, "senior"), (103, "senior")])
def test_age_counts_from_what_the_hall_file_says(books: Books, age: int | None, priority: str | None) -> None:
    take(books, MARKS[0], age=age)
    assert books.events("ticket.issued")[0].data.get("priority") == priority
    assert books.events("ticket.issued")[0].data.get("priority_source") == ("card" if priority else None)


def test_a_better_claim_raises_the_ticket_that_is_there_as_if_it_had_been_known(books: Books) -> None:
    first = take(books, None).ticket
    books.wall.at += 10 * 60
    mine = take(books, MARKS[0]).ticket
    books.wall.at += 20 * 60
    assert take(books, MARKS[0], age=80) == issuing.Issued(mine, True)
    assert take(books, MARKS[0], age=80) == issuing.Issued(mine, True)
    (raised,) = books.events("ticket.raised")
    assert (raised.data["ticket"], raised.data["priority"], raised.data["priority_source"]) == (mine, "senior", "card")
    called = [books.do(desk.call_next, desk.CallNext(no, "")) for no in (1, 3)]
    assert [each and each.ticket for each in called] == [mine, first]


# ---- forgetting


def forget(books: Books, delivered: int | None = None) -> int:
    books.do(closing.close_day, None)
    books.do(appointments.close_day, None)
    return books.do(persons.forget_persons, delivered)


@pytest.mark.req("SEC-04")
def test_a_person_is_forgotten_with_the_day_where_there_is_no_centre(books: Books) -> None:
    ticket = take(books, MARKS[0]).ticket
    books.do(desk.make_move, desk.Move("cancel", ticket, None, ""))
    assert (forget(books), len(books.rows("SELECT * FROM person_ticket"))) == (0, 1)
    books.wall.at += DAY_S
    assert (forget(books), books.rows("SELECT * FROM person_ticket")) == (0, [])


@pytest.mark.req("SEC-04")
def test_a_person_is_kept_until_the_centre_has_every_event_about_the_visit(books: Books) -> None:
    take(books, MARKS[0])
    books.wall.at += DAY_S
    for delivered in (0, 1):
        assert forget(books, delivered) == 1
    last = books.events("ticket.cancelled")[-1].seq
    take(books, MARKS[1])
    assert forget(books, last - 1) == 1
    assert forget(books, last) == 0
    assert [row.mark for row in books.rows("SELECT mark FROM person_ticket")] == [MARKS[1]]


def test_who_is_still_being_served_is_kept_over_midnight(books: Books) -> None:
    ticket = take(books, MARKS[0]).ticket
    books.wall.at += 14 * 3600
    books.do(desk.call_next, desk.CallNext(3, ""))
    books.wall.at += 3 * 3600
    assert forget(books) == 1
    books.do(desk.make_move, desk.Move("finish", ticket, 3, ""))
    assert forget(books) == 0


@pytest.mark.req("SEC-04")
def test_what_is_forgotten_is_gone_from_the_file(books: Books) -> None:
    book = appointments.Book("pension", "2026-03-02", "09:00", "18:00", "phone", "desk", "c" * 22, MARKS[0])
    books.do(appointments.book, book)
    for service in ("pension", "medical", "household"):
        take(books, MARKS[0], service)
    checkpoint(books)
    assert MARKS[0].encode() in books.database.path.read_bytes()
    books.wall.at += DAY_S
    forget(books)
    checkpoint(books)
    assert MARKS[0].encode() not in books.database.path.read_bytes()


def checkpoint(books: Books) -> None:
    with books.database.writing.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# ---- any day of a hall


class Days(RuleBasedStateMachine):
    """Three persons, who come, book, are called, missed, sent on and come again."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = Books(self.folder)
        self.bookings: list[str] = []
        self.codes = iter(range(10**6))

    def attempt(self, use_case: Any, command: Any) -> Any:
        try:
            return self.books.do(use_case, command)
        except Refused:
            return None

    def a_ticket(self, data: st.DataObject, states: str) -> tuple[str, int | None] | None:
        found = self.books.rows(f"SELECT id, window FROM ticket WHERE state IN ({states}) ORDER BY position")
        return tuple(data.draw(st.sampled_from([tuple(row) for row in found]))) if found else None

    @rule(mark=st.sampled_from(MARKS), service=st.sampled_from(["pension", "medical"]), age=st.sampled_from([None, 80]))
    def comes(self, mark: str, service: str, age: int | None) -> None:
        issued = take(self.books, mark, service, age)
        (owner,) = self.books.rows(
            "SELECT p.mark, t.service FROM person_ticket p JOIN ticket t ON t.id=p.ticket WHERE t.id=?", issued.ticket
        )
        assert tuple(owner) == (mark, service)

    @rule(mark=st.sampled_from([*MARKS, None]), service=st.sampled_from(["pension", "medical"]))
    def books_today(self, mark: str | None, service: str) -> None:
        day, code = self.books.clock.now().day, str(next(self.codes))
        book = appointments.Book(service, day, "00:00", "23:59", "phone", "desk", code, mark, limit="hours")
        if id_ := self.attempt(appointments.book, book):
            self.bookings.append(id_)

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def checks_in(self, data: st.DataObject) -> None:
        command = appointments.CheckIn(data.draw(st.sampled_from(self.bookings)), "kiosk", "1", "kiosk:1")
        if issued := self.attempt(appointments.check_in, command):
            assert self.attempt(appointments.check_in, command) == issuing.Issued(issued.ticket, True)

    @rule(window=st.sampled_from([1, 3]))
    def is_called(self, window: int) -> None:
        self.attempt(desk.call_next, desk.CallNext(window, ""))

    @rule(data=st.data(), name=st.sampled_from(["start", "finish", "miss", "hold"]))
    def moves_at_the_window(self, data: st.DataObject, name: str) -> None:
        if found := self.a_ticket(data, "'called','serving'"):
            self.attempt(desk.make_move, desk.Move(name, found[0], found[1], ""))

    @rule(data=st.data(), service=st.sampled_from(["pension", "medical"]))
    def is_sent_on(self, data: st.DataObject, service: str) -> None:
        if found := self.a_ticket(data, "'called','serving'"):
            self.attempt(desk.transfer, desk.Transfer(found[1] or 0, found[0], "", service=service))

    @rule(data=st.data(), name=st.sampled_from(["return", "cancel"]))
    def moves_at_the_desk(self, data: st.DataObject, name: str) -> None:
        if found := self.a_ticket(data, "'waiting','missed','held'"):
            self.attempt(desk.make_move, desk.Move(name, found[0], None, ""))

    @rule(data=st.data(), window=st.sampled_from([1, 3]))
    def goes_on(self, data: st.DataObject, window: int) -> None:
        if found := self.a_ticket(data, "'held'"):
            self.attempt(desk.resume, desk.Resume(window, found[0], ""))

    @rule(seconds=st.integers(0, 7200))
    def time_passes(self, seconds: int) -> None:
        self.books.wall.at += seconds

    @rule(behind=st.integers(0, 3))
    def day_changes(self, behind: int) -> None:
        self.books.wall.at += DAY_S
        today, last = self.books.clock.now().day, self.books.rows("SELECT coalesce(max(seq), 0) FROM journal")[0][0]
        kept = forget(self.books, last - behind if behind else None)
        if behind == 0:
            assert kept == len(
                self.books.rows(
                    "SELECT 1 FROM person_ticket p JOIN ticket t ON t.id=p.ticket"
                    " WHERE t.day < ? AND t.state IN ('called', 'serving')",
                    today,
                )
            )

    @invariant()
    def nobody_has_two(self) -> None:
        assert not self.books.rows(
            "SELECT p.mark FROM person_ticket p JOIN ticket t ON t.id=p.ticket"
            " WHERE t.state NOT IN ('finished','cancelled') GROUP BY p.mark, t.service, t.day HAVING count(*) > 1"
        )

    @invariant()
    def the_journal_knows_no_person(self) -> None:
        told = str(self.books.rows("SELECT data, actor, key FROM journal"))
        assert not [mark for mark in MARKS if mark in told]

    def teardown(self) -> None:
        """After a day on which nobody comes, nothing is left of anybody."""
        if not hasattr(self, "books"):
            return
        for id_, window in self.books.rows("SELECT id, window FROM ticket WHERE state IN ('called','serving')"):
            self.books.do(desk.make_move, desk.Move("finish", id_, window, ""))
        self.books.wall.at += DAY_S
        assert forget(self.books) == 0
        assert not self.books.rows("SELECT 1 FROM person_ticket")
        assert not self.books.rows("SELECT 1 FROM appointment WHERE coalesce(mark, phone_mark) IS NOT NULL")
        self.books.database.close()
        shutil.rmtree(self.folder)


TestDays = pytest.mark.req("SEC-04")(Days.TestCase)
TestDays.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
