"""Print jobs: whatever happens to printer and service, a ticket has at most one slip without the mark of a copy."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.queue import desk, issuing, prints
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S

STEPS = st.lists(
    st.sampled_from(["issue", "claim", "printed", "unknown", "wanted", "cut off", "reprint", "cancel"]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_slip_is_on_paper_twice_unmarked(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books, tickets = Books(Path(folder)), list[str]()
        on_paper, job = Counter[str](), None
        for step in steps:
            if step == "issue":
                tickets.append(books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1")))
            elif step == "claim" and job is None:
                job = books.do(prints.claim_print, "printer-1")
            elif step in ("printed", "unknown", "wanted") and job is not None:
                books.do(prints.end_print, prints.PrintEnd(job, step, "printer-1"))
                on_paper[job.ticket] += step != "wanted" and not job.copy
                job = None
            elif step == "cut off" and job is not None:  # it may be on paper, and nobody says so
                on_paper[job.ticket] += not job.copy
                job = None
            elif step == "reprint" and tickets:
                _reprint(books, tickets[-1])
            elif step == "cancel" and tickets:
                _cancel(books, tickets[-1])
        assert all(count <= 1 for count in on_paper.values())
        assert len(books.rows("SELECT 1 FROM print_job WHERE state='sent'")) <= 1
        books.database.close()


def _reprint(books: Books, ticket: str) -> None:
    if books.rows("SELECT 1 FROM ticket WHERE id=? AND state='cancelled'", ticket):
        with pytest.raises(Refused, match="illegal_move"):
            books.do(prints.reprint, prints.Reprint(ticket, "desk"))
        return
    open_ = books.rows("SELECT 1 FROM print_job WHERE ticket=? AND state IN ('wanted', 'sent')", ticket)
    if open_:
        with pytest.raises(Refused, match="already_printing"):
            books.do(prints.reprint, prints.Reprint(ticket, "desk"))
        return
    books.do(prints.reprint, prints.Reprint(ticket, "desk"))
    newest = books.rows("SELECT copy, state FROM print_job WHERE ticket=? ORDER BY id DESC LIMIT 1", ticket)
    assert newest == [(1, "wanted")]


def _cancel(books: Books, ticket: str) -> None:
    if books.rows("SELECT 1 FROM ticket WHERE id=? AND state='waiting'", ticket):
        books.do(desk.make_move, desk.Move("cancel", ticket, None, "desk"))


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_jobs_are_claimed_in_the_order_of_issue(books: Books) -> None:
    issued = [books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1")) for _ in range(3)]
    jobs = [books.do(prints.claim_print, "printer-1") for _ in range(3)]
    assert [job and job.ticket for job in jobs] == issued


def test_nobody_is_there_for_the_slip_of_a_cancelled_or_older_ticket(books: Books) -> None:
    gone = books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
    books.do(desk.make_move, desk.Move("cancel", gone, None, "desk"))
    assert books.do(prints.claim_print, "printer-1") is None
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
    books.wall.at += DAY_S
    assert books.do(prints.claim_print, "printer-1") is None


def test_a_job_that_was_cut_off_becomes_unknown_and_is_not_sent_again(books: Books) -> None:
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", "1", "kiosk:1"))
    assert books.do(prints.claim_print, "printer-1") is not None
    assert books.do(prints.claim_print, "printer-1") is None
    assert books.rows("SELECT state FROM print_job") == [("unknown",)]
    assert [event.type for event in books.events("print.")] == ["print.unknown"]


def test_a_ticket_without_a_kiosk_cannot_be_printed_again(books: Books) -> None:
    ticket = books.do(issuing.issue, issuing.Issue("pension", "desk", None, "desk"))
    with pytest.raises(Refused, match="no_printer"):
        books.do(prints.reprint, prints.Reprint(ticket, "desk"))
