"""What the help desk changes about a number that was given: its service, its place, its slip, and who helps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.vault import Vault
from edge.queue import balance, board, changing, desk, issuing, persons, prints, rows
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S, demo_hall

MARK = Vault(b"k" * 32).mark("id", "110199194801010015")
MINUTE = 60.0


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def take(books: Books, service: str = "pension", *reasons: Any) -> str:
    """One number, and a minute later."""
    claims = tuple(balance.Claim(each, "declared") for each in reasons)
    ticket = books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1", claims))
    books.wall.at += MINUTE
    return ticket


def change(books: Books, ticket: str, service: str) -> str:
    return books.do(changing.change, changing.Change(ticket, service, "desk"))


def declare(books: Books, ticket: str, reason: Any) -> str:
    return books.do(changing.declare, changing.Declare(ticket, reason, "desk"))


def one(books: Books, ticket: str) -> rows.Ticket:
    with books.database.writing.begin() as connection:
        found = connection.exec_driver_sql(f"SELECT {rows.FIELDS} FROM ticket WHERE id=?", (ticket,)).one()
    return rows.Ticket(*found)


def line(books: Books, service: str) -> list[str]:
    sql = "SELECT id FROM ticket WHERE state='waiting' AND service=? ORDER BY rank, position"
    return [row[0] for row in books.rows(sql, service)]


def with_line(books: Books, service: str, text: str) -> None:
    """The hall, with one line more for this service in its file."""
    folder = books.database.path.parent / service
    folder.mkdir()
    books.hall = demo_hall(folder, lambda file: file.replace(f'id = "{service}"\n', f'id = "{service}"\n{text}\n', 1))


# ---- 改办


@pytest.mark.req("QUE-25")
def test_another_service_on_the_same_number_in_the_place_of_its_time(books: Books) -> None:
    early, moved, late = take(books, "medical"), take(books, "pension"), take(books, "medical")
    number = one(books, moved).number
    change(books, moved, "medical")
    assert line(books, "medical") == [early, moved, late]
    assert line(books, "pension") == []
    assert one(books, moved).number == number
    told = books.events("ticket.changed")[0]
    assert told.actor == "desk"
    assert (told.data["service"], told.data["from_service"]) == ("medical", "pension")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["pension", "medical"]), st.sampled_from([None, "senior", "military"]))),
    st.data(),
)
def test_nobody_who_came_earlier_is_passed_by_a_change(taken: list[tuple[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        tickets = [take(books, service, *([reason] if reason else [])) for service, reason in taken]
        for ticket in data.draw(st.lists(st.sampled_from(tickets), unique=True)) if tickets else []:
            change(books, ticket, "household")
        reason = {ticket: why for ticket, (_, why) in zip(tickets, taken, strict=True)}
        for service in ("pension", "medical", "household"):
            for why in (None, "senior", "military"):
                same = [tickets.index(each) for each in line(books, service) if reason[each] == why]
                assert same == sorted(same)
        books.database.close()


def test_only_who_waits_changes_and_only_to_something_else(books: Books) -> None:
    ticket = take(books)
    with pytest.raises(Refused, match="same_service"):
        change(books, ticket, "pension")
    with pytest.raises(Refused, match="no_such_service"):
        change(books, ticket, "fishing")
    books.do(desk.call_next, desk.CallNext(3, ""))
    with pytest.raises(Refused, match="illegal_move"):
        change(books, ticket, "medical")
    assert books.events("ticket.changed") == []


def test_a_change_gets_round_no_quota(books: Books) -> None:
    with_line(books, "medical", "daily_quota = 1")
    first, second = take(books), take(books)
    change(books, first, "medical")
    with pytest.raises(Refused, match="quota_full"):
        change(books, second, "medical")
    assert line(books, "pension") == [second]


def test_a_person_has_one_number_for_a_service_still(books: Books) -> None:
    person = persons.Person(MARK)
    for service in ("pension", "medical"):
        wanted = issuing.Issue(service, "kiosk", None, "kiosk:1")
        last = books.do(issuing.issue_to, issuing.IssueTo(wanted, person)).ticket
    with pytest.raises(Refused, match="has_another"):
        change(books, last, "pension")


def test_who_was_sent_to_one_window_is_free_of_it_and_an_idle_window_calls_at_once(books: Books) -> None:
    ticket = take(books, "household")
    books.do(desk.call_next, desk.CallNext(1, ""))
    books.do(desk.transfer, desk.Transfer(1, ticket, "", service="household", delay_minutes=30))
    assert books.rows("SELECT for_window FROM ticket") == [(0,)]
    assert books.do(desk.call_next, desk.CallNext(3, "")) is None
    change(books, ticket, "pension")
    assert one(books, ticket).state == "called"
    assert books.rows("SELECT window, for_window, not_before FROM ticket") == [(3, None, None)]


def test_a_visit_of_steps_begins_with_the_first(books: Books) -> None:
    with_line(books, "mortgage", 'steps = ["transfer", "household"]')
    ticket = take(books)
    change(books, ticket, "mortgage")
    assert (one(books, ticket).service, one(books, ticket).visit) == ("transfer", "mortgage")
    change(books, ticket, "medical")
    assert (one(books, ticket).service, one(books, ticket).visit) == ("medical", None)


def test_what_was_told_of_the_other_line_is_forgotten(books: Books) -> None:
    ticket = take(books)
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE ticket SET expected=1, by_mean=1, told_low=1, told_minutes=2, told_high=3")
    change(books, ticket, "medical")
    assert books.rows("SELECT expected, by_mean, told_low, told_minutes, told_high FROM ticket") == [(None,) * 5]


# ---- 优先


@pytest.mark.req("QUE-09", "QUE-28")
def test_a_priority_seen_afterwards_counts_as_if_it_had_been_said_at_the_issue(books: Books) -> None:
    first, second = take(books), take(books)
    declare(books, second, "military")
    assert line(books, "pension") == [second, first]
    told = books.events("ticket.raised")[0]
    assert (told.key, told.actor, told.data["priority"], told.data["priority_source"]) == (
        second,
        "desk",
        "military",
        "declared",
    )
    with pytest.raises(Refused, match="no_better_place"):
        declare(books, second, "senior")
    assert len(books.events("ticket.raised")) == 1


def test_a_priority_is_the_halls_and_of_who_waits(books: Books) -> None:
    ticket = take(books)
    with pytest.raises(Refused, match="not_offered"):
        declare(books, ticket, "urgent")
    stricter = books.hall.priority.model_copy(update={"declare": "help_desk_only"})
    books.hall = books.hall.model_copy(update={"priority": stricter})
    declare(books, ticket, "senior")
    books.do(desk.make_move, desk.Move("cancel", ticket, None, ""))
    with pytest.raises(Refused, match="illegal_move"):
        declare(books, ticket, "military")


# ---- 补打


@pytest.mark.req("QUE-25")
def test_a_slip_comes_out_where_the_desk_wants_it(books: Books) -> None:
    ticket = take(books)  # at no kiosk
    books.do(prints.reprint, prints.Reprint(ticket, "desk", "1"))
    assert books.rows("SELECT printer, copy, state FROM print_job") == [("printer-1", 1, "wanted")]
    with pytest.raises(Refused, match="already_printing"):
        books.do(prints.reprint, prints.Reprint(ticket, "desk", "1"))
    job = books.do(prints.claim_print, "printer-1")
    assert job is not None
    assert job.copy


def test_no_slip_for_who_does_not_wait_and_none_without_a_printer(books: Books) -> None:
    ticket = take(books)
    for kiosk in ("", "9"):
        with pytest.raises(Refused, match="no_printer"):
            books.do(prints.reprint, prints.Reprint(ticket, "desk", kiosk))
    books.wall.at += DAY_S
    with pytest.raises(Refused, match="illegal_move"):
        books.do(prints.reprint, prints.Reprint(ticket, "desk", "1"))
    books.do(desk.make_move, desk.Move("cancel", ticket, None, ""))
    with pytest.raises(Refused, match="illegal_move"):
        books.do(prints.reprint, prints.Reprint(ticket, "desk", "1"))


# ---- 帮办代办


@pytest.mark.req("QUE-26")
def test_who_helps_is_kept_with_the_ticket_and_told_once(books: Books) -> None:
    ticket = take(books)
    books.do(changing.assist, changing.Assist(ticket, None, "desk"))
    assert books.rows("SELECT assisted, helper FROM ticket") == [(1, None)]
    for _ in range(2):
        books.do(changing.assist, changing.Assist(ticket, "1001", "desk"))
    assert books.rows("SELECT assisted, helper FROM ticket") == [(1, "1001")]
    told = [(each.key, each.data.get("staff")) for each in books.events("assistance.recorded")]
    assert told == [(ticket, None), (ticket, "1001")]
    assert set(books.events("assistance.recorded")[1].data) == {"ticket", "number", "service", "staff"}
    books.do(desk.make_move, desk.Move("cancel", ticket, None, ""))
    with pytest.raises(Refused, match="ticket_over"):
        books.do(changing.assist, changing.Assist(ticket, "1002", "desk"))


def test_what_is_shown_follows_a_change(books: Books) -> None:
    ahead, ticket = take(books, "medical"), take(books, "pension")
    change(books, ticket, "medical")
    with books.database.read() as connection:
        view = board.ticket(connection, books.hall, ticket, lambda _: True)
    assert (view["ahead"], view["service"]["id"]) == (1, "medical")
    assert one(books, ahead).state == "waiting"
