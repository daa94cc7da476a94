"""The rules of the queue one by one: moves, numbers, who is next, how long, and what is kept of a call out of turn."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hall import Balance
from edge.queue import balance, desk, issuing, tickets
from edge.refusal import Refused
from tests.books import Books

LEGAL = {
    "call": {"waiting": "called"},
    "recall": {"called": "called"},
    "start": {"called": "serving"},
    "finish": {"called": "finished", "serving": "finished"},
    "miss": {"called": "missed"},
    "return": {"missed": "waiting"},
    "hold": {"called": "held", "serving": "held"},
    "resume": {"held": "serving"},
    "transfer": {"called": "waiting", "serving": "waiting"},
    "wrong_window": {"called": "waiting", "serving": "waiting"},
    "step": {"called": "waiting", "serving": "waiting"},
    "due": {"waiting": "waiting"},
    "change": {"waiting": "waiting"},
    "urge": {"waiting": "waiting"},
    "cancel": {"waiting": "cancelled", "called": "cancelled", "missed": "cancelled", "held": "cancelled"},
}
STATES = ("waiting", "called", "serving", "held", "missed", "finished", "cancelled")
HEADS = st.builds(balance.Head, st.text(), st.integers(1, 10**6), st.integers(0, 2 * 10**12))


def test_the_moves_and_states_are_these() -> None:
    assert set(tickets.MOVES) == set(LEGAL)
    assert tickets.STATES == STATES


def test_the_picture_in_the_readme_shows_each_of_them() -> None:
    arrows = {(source, target) for moves in LEGAL.values() for source, target in moves.items()}
    for name in ("README.md", "README.zh-CN.md"):
        drawn = Path(__file__).parents[2].joinpath(name).read_text("utf-8").split("```mermaid\n")[1].split("\n```")[0]
        assert drawn == tickets.picture()
        ends = {(source, "[*]") for source in ("finished", "cancelled")}
        starts = {("[*]", "waiting"), ("[*]", "called")}
        found = {tuple(line.split(":")[0].split(" --> ")) for line in drawn.splitlines() if " --> " in line}
        assert {tuple(map(str.strip, each)) for each in found} == arrows | ends | starts


@pytest.mark.parametrize(("name", "state"), list(product(LEGAL, STATES)))
def test_only_legal_moves_are_made(name: str, state: tickets.State) -> None:
    if state in LEGAL[name]:
        assert tickets.move(name, state, "A001").target == LEGAL[name][state]
        return
    with pytest.raises(Refused) as refused:
        tickets.move(name, state, "A001")
    assert refused.value.status == 409
    assert refused.value.title.startswith("A001号")


@given(st.sampled_from(["A", "KB"]), st.integers(1, 10**6))
def test_a_number_grows_a_digit_and_never_wraps(prefix: str, ordinal: int) -> None:
    number = tickets.number(prefix, ordinal)
    assert len(number) >= len(prefix) + 3
    assert (number[: len(prefix)], int(number[len(prefix) :])) == (prefix, ordinal)


@pytest.mark.req("QUE-05")
@given(st.lists(HEADS, unique_by=lambda head: head.position), st.integers(0, 2 * 10**12))
def test_who_came_first_is_next(heads: list[balance.Head], at: int) -> None:
    chosen = balance.choose(heads, at, Balance(rule="order"), 480_000)
    assert (chosen is None) == (not heads)
    if chosen is not None:
        assert chosen[0] in heads
        assert all((chosen[0].rank, chosen[0].position) <= (head.rank, head.position) for head in heads)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def issue(books: Books, service: str = "pension") -> str:
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", "1", "kiosk:1"))


@pytest.mark.req("QUE-28")
def test_a_call_out_of_turn_is_on_record(books: Books) -> None:
    issue(books)
    jumper = issue(books)
    books.do(desk.call_chosen, desk.CallChosen(3, jumper, "window:3/li"))
    books.do(desk.make_move, desk.Move("finish", None, 3, "window:3"))
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    out_of_turn, in_turn = books.events("ticket.called")
    assert (out_of_turn.data["ticket"], out_of_turn.actor) == (jumper, "window:3/li")
    assert out_of_turn.data["why"] == "窗口指定呼叫"
    assert in_turn.data["why"].startswith("先到先办")


def test_who_was_missed_comes_back_to_the_old_place(books: Books) -> None:
    first, second = issue(books), issue(books)
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    books.do(desk.make_move, desk.Move("miss", first, 3, "window:3"))
    books.do(desk.make_move, desk.Move("return", first, None, "desk"))
    called = [books.do(desk.call_next, desk.CallNext(no, "")) for no in (3, 1)]
    assert [each and each.ticket for each in called] == [first, second]


@pytest.mark.req("QUE-05")
def test_who_comes_back_is_served_before_who_comes_later(books: Books) -> None:
    first = issue(books)
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    books.do(desk.make_move, desk.Move("miss", first, 3, "window:3"))
    assert books.do(desk.call_next, desk.CallNext(3, "window:3")) is None
    books.do(desk.make_move, desk.Move("return", first, None, "desk"))
    issue(books)
    assert [event.data["ticket"] for event in books.events("ticket.called")] == [first, first]


def test_a_stale_page_cannot_finish_the_next_visitor(books: Books) -> None:
    first, second = issue(books), issue(books)
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    books.do(desk.make_move, desk.Move("finish", first, 3, "window:3"))
    books.do(desk.call_next, desk.CallNext(3, "window:3"))
    with pytest.raises(Refused, match="not_in_hand"):
        books.do(desk.make_move, desk.Move("finish", first, 3, "window:3"))
    assert books.rows("SELECT state FROM ticket WHERE id=?", second) == [("called",)]


def test_unknown_names_are_refused_as_unknown(books: Books) -> None:
    wrong: list[tuple[object, object]] = [
        (issuing.issue, issuing.Issue("dentist", "kiosk", None, "")),
        (issuing.issue, issuing.Issue("pension", "kiosk", "9", "")),
        (desk.call_next, desk.CallNext(9, "")),
        (desk.call_chosen, desk.CallChosen(1, "nobody", "")),
        (desk.make_move, desk.Move("cancel", "nobody", None, "")),
    ]
    for use_case, command in wrong:
        with pytest.raises(Refused) as refused:
            books.do(use_case, command)  # type: ignore[arg-type]
        assert refused.value.status == 404
    assert books.events() == []
