"""The journal's chain: whole as written, and broken at the very row that somebody has changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal import broken_at
from edge.queue import issuing
from tests.books import Books

EVENTS = 8
CHANGES: dict[str, Any] = {
    "at": 1,
    "day": "2020-01-01",
    "clock_ok": 0,
    "type": "ticket.finished",
    "key": "else",
    "actor": "nobody",
    "data": "{}",
    "hash": "0" * 64,
}


@pytest.fixture(scope="module")
def books() -> Iterator[Books]:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        for _ in range(EVENTS):
            books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, "kiosk:1"))
        yield books
        books.database.close()


def found(books: Books, *edits: tuple[str, tuple[Any, ...]], after: int = 0) -> int | None:
    """Where the chain breaks after these edits, which are then undone."""
    with books.database.writing.connect() as connection, connection.begin() as edit:
        for sql, values in edits:
            assert connection.exec_driver_sql(sql, values).rowcount == 1
        broken = broken_at(connection, after)
        edit.rollback()
    return broken


def test_what_was_written_is_whole(books: Books) -> None:
    assert [found(books, after=seq) for seq in range(EVENTS + 1)] == [None] * (EVENTS + 1)


@settings(max_examples=60, deadline=None)
@given(seq=st.integers(1, EVENTS), column=st.sampled_from(sorted(CHANGES)))
def test_a_changed_row_is_found(books: Books, seq: int, column: str) -> None:
    assert found(books, (f"UPDATE journal SET {column}=? WHERE seq=?", (CHANGES[column], seq))) == seq


@pytest.mark.parametrize("seq", range(1, EVENTS))
def test_a_lost_row_is_found_at_the_next(books: Books, seq: int) -> None:
    assert found(books, ("DELETE FROM journal WHERE seq=?", (seq,))) == seq + 1


def test_rows_that_changed_places_are_found(books: Books) -> None:
    move = "UPDATE journal SET seq=? WHERE seq=?"
    assert found(books, (move, (100, 3)), (move, (3, 4)), (move, (4, 100))) == 3


def test_what_stands_before_the_anchor_is_not_asked(books: Books) -> None:
    change = ("UPDATE journal SET actor='nobody' WHERE seq=?", (2,))
    assert found(books, change, after=1) == 2
    assert found(books, change, after=2) is None


def test_what_a_reader_gets_is_what_was_written(books: Books) -> None:
    events = books.events()
    assert [event.seq for event in events] == list(range(1, EVENTS + 1))
    assert [event.id for event in events] == [f"demo/{books.epoch}/{seq}" for seq in range(1, EVENTS + 1)]
    assert {event.type for event in events} == {"ticket.issued"}
    assert [event.seq for event in books.journal.read(3, limit=2)] == [4, 5]
