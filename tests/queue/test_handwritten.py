"""Numbers on paper: none twice, each in the place of its time, and those served by hand whole in the figures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.queue import board, desk, handwritten, issuing, periods
from edge.queue.handwritten import Enter, Hand, Served
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S, MORNING, World, demo_hall, running, without_devices

MINUTE_MS = 60_000
NINE = int(MORNING * 1000)
"""Of Monday 2026-03-02; the books are opened at ten."""


def opened(folder: Path) -> Books:
    books = Books(folder)
    books.wall.at += 3_600
    return books


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = opened(tmp_path)
    yield books
    books.database.close()


def at(minutes: int) -> int:
    """So many after nine."""
    return NINE + minutes * MINUTE_MS


def enter(books: Books, *numbers: Hand) -> int:
    return books.do(handwritten.enter, Enter(numbers, "desk"))


def take(books: Books, service: str = "pension") -> str:
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1"))


def line(books: Books, service: str = "pension") -> list[str]:
    sql = "SELECT number FROM ticket WHERE state='waiting' AND service=? ORDER BY rank, position"
    return [row[0] for row in books.rows(sql, service)]


def faults(books: Books, *numbers: Hand) -> str:
    before = len(books.events())
    with pytest.raises(Refused, match="hand_unfit") as refused:
        enter(books, *numbers)
    assert refused.value.status == 422
    assert len(books.events()) == before
    return refused.value.detail


# ---- the place


@pytest.mark.req("QUE-25")
def test_who_has_a_paper_number_comes_before_whoever_came_later(books: Books) -> None:
    books.wall.at -= 3_600
    take(books)
    books.wall.at += 3_600
    take(books)
    assert enter(books, Hand("12", "pension", at(20)), Hand("11", "pension", at(10))) == 2
    assert line(books) == ["A001", "S11", "S12", "A002"]
    assert desk_calls(books, 4) == ["A001", "S11", "S12", "A002"]


def desk_calls(books: Books, times: int) -> list[str]:
    called = []
    for _ in range(times):
        found = books.do(desk.call_next, desk.CallNext(3, ""))
        assert found is not None
        called += [row[0] for row in books.rows("SELECT number FROM ticket WHERE id=?", found.ticket)]
        books.do(desk.make_move, desk.Move("finish", None, 3, ""))
    return called


TAKEN = st.tuples(st.integers(1, 40), st.integers(0, 59), st.sampled_from(["pension", "medical"]))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(TAKEN, max_size=6), max_size=5))
def test_numbers_are_never_given_twice_and_lines_are_in_the_order_of_time(batches: list[list[Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = opened(Path(folder))
        kept: dict[int, tuple[int, str]] = {}
        for batch in batches:
            own = [ordinal for ordinal, _, _ in batch]
            fits = bool(own) and len(set(own)) == len(own) and not kept.keys() & set(own)
            numbers = [Hand(str(ordinal), service, at(minute)) for ordinal, minute, service in batch]
            if fits:
                enter(books, *numbers)
                kept |= {ordinal: (minute, service) for ordinal, minute, service in batch}
            else:
                faults(books, *numbers)
            take(books)
        for service in ("pension", "medical"):
            mine = sorted((minute, ordinal) for ordinal, (minute, of) in kept.items() if of == service)
            by_hand = [number for number in line(books, service) if number.startswith("S")]
            assert by_hand == [f"S{ordinal}" for _, ordinal in mine]
            assert line(books, service)[: len(by_hand)] == by_hand  # those of ten o'clock came later
        books.database.close()


def test_an_idle_window_calls_the_first_of_them(books: Books) -> None:
    assert books.do(desk.call_next, desk.CallNext(3, "")) is None
    enter(books, Hand("2", "pension", at(9)), Hand("1", "pension", at(5)))
    assert books.rows("SELECT number, state, window FROM ticket WHERE state='called'") == [("S1", "called", 3)]


def test_the_wait_counts_from_the_time_on_the_paper(books: Books) -> None:
    enter(books, Hand("1", "pension", at(30)))
    desk_calls(books, 1)
    assert books.rows("SELECT kind, end - start FROM ticket_period WHERE kind='waiting'") == [
        ("waiting", 30 * MINUTE_MS)
    ]


# ---- what is kept of them


def test_the_number_stays_as_it_stands_on_the_paper_and_the_journal_says_by_hand(books: Books) -> None:
    enter(books, Hand("007", "medical", at(5)))
    assert books.rows("SELECT number, ordinal, channel, taken_at FROM ticket") == [("S007", 7, "by_hand", at(5))]
    (told,) = books.events("ticket.issued")
    assert (told.actor, told.data["channel"], told.data["taken_at"]) == ("desk", "by_hand", at(5))
    assert "S7 已经录入过" in faults(books, Hand("7", "medical", at(6)))


@pytest.mark.req("QUE-25")
def test_who_was_served_by_hand_counts_with_window_and_times(books: Books) -> None:
    enter(books, Hand("1", "pension", at(0), Served(3, at(12), at(20))))
    now = books.clock.now()
    with books.database.read() as connection:
        times = periods.times(periods.of_day(connection, now.day), "service")
    assert times["pension"] == periods.Times(visits=1, waiting=12 * MINUTE_MS, serving=8 * MINUTE_MS)
    assert books.rows("SELECT state, window, called_at, started_at, ended_at, outcome FROM ticket") == [
        ("finished", 3, at(12), at(12), at(20), "instant")
    ]
    issued, finished = books.events("ticket.")
    assert (issued.type, finished.type) == ("ticket.issued", "ticket.finished")
    assert {each: finished.data[each] for each in ("window", "called_at", "ended_at", "channel")} == {
        "window": 3,
        "called_at": at(12),
        "ended_at": at(20),
        "channel": "by_hand",
    }
    assert books.rows("SELECT 1 FROM ticket_period p JOIN journal j ON j.key = p.ticket AND j.seq = p.seq") == []


def test_a_paper_number_counts_towards_a_quota_and_is_never_refused_for_it(books: Books) -> None:
    folder = books.database.path.parent / "quota"
    folder.mkdir()
    books.hall = demo_hall(folder, lambda text: text.replace("# daily_quota = 200", "daily_quota = 1"))
    enter(books, Hand("1", "pension", at(1)), Hand("2", "pension", at(2)))
    with pytest.raises(Refused, match="quota_full"):
        take(books)


# ---- what is refused


UNFIT = [
    ([Hand("1", "pension", at(61))], "S1 的取号时间还没有到"),
    ([Hand("1", "pension", at(-600))], "S1 不是今天取的"),
    ([Hand("1", "fishing", at(1))], "S1 的业务不在本大厅"),
    ([Hand("0", "pension", at(1))], "S0 不是号码"),
    ([Hand("1", "pension", at(1)), Hand("01", "medical", at(2))], "S1 写了2次"),
    ([Hand("1", "pension", at(1), Served(99, at(2), at(3)))], "没有99号窗口"),
    ([Hand("1", "pension", at(5), Served(3, at(4), at(6)))], "时间先后不对"),
    ([Hand("1", "pension", at(5), Served(3, at(9), at(6)))], "时间先后不对"),
    ([Hand("1", "pension", at(5), Served(3, at(9), at(61)))], "办完时间还没有到"),
    ([], ""),
]


@pytest.mark.parametrize(("numbers", "said"), UNFIT)
def test_one_that_does_not_fit_keeps_all_of_them_out(books: Books, numbers: list[Hand], said: str) -> None:
    good = [Hand("20", "pension", at(1))] if numbers else []
    assert said in faults(books, *good, *numbers)
    assert books.rows("SELECT 1 FROM ticket") == []


def test_every_fault_is_told_at_once(books: Books) -> None:
    detail = faults(books, Hand("1", "pension", at(61)), Hand("2", "fishing", at(1)))
    assert [each[:2] for each in detail.split("; ")] == ["S1", "S2"]


def test_a_new_day_begins_its_paper_numbers_anew(books: Books) -> None:
    enter(books, Hand("1", "pension", at(1)))
    books.wall.at += DAY_S
    enter(books, Hand("1", "pension", at(1) + int(DAY_S * 1000)))
    assert [row[0] for row in books.rows("SELECT day FROM ticket ORDER BY day")] == ["2026-03-02", "2026-03-03"]


@pytest.mark.parametrize("line", ['hand_prefix = "A"', 'hand_prefix = "W"', 'hand_prefix = "s"'])
def test_a_prefix_that_means_something_else_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(Exception, match="hand_prefix"):
        demo_hall(tmp_path, lambda text: text.replace('hand_prefix = "S"', line))


def test_the_numbers_between_that_nobody_entered(books: Books) -> None:
    assert handwritten.gaps([]) == []
    enter(books, *(Hand(each, "pension", at(1)) for each in ("3", "4", "7")))
    with books.database.read() as connection:
        assert handwritten.gaps(handwritten.of_today(connection, books.hall, books.clock.now())) == [5, 6]


# ---- in the hall


@pytest.mark.looptime
async def test_the_whole_hall_takes_them_as_its_own(tmp_path: Path) -> None:
    async with running(World(tmp_path, without_devices)) as hall:
        numbers = (Hand("1", "pension", at(-10)), Hand("2", "pension", at(-9), Served(3, at(-6), at(-1))))
        await hall.parts.writer.do(handwritten.enter, Enter(numbers, "desk"))
        called = await hall.post("/windows/3/call-next")
        assert called["ticket"]["number"] == "S1"
        await hall.post("/windows/3/finish", ticket=called["ticket"]["id"])
        with hall.parts.database.read() as connection:
            shown = board.board(connection, hall.parts.hall, None)
        assert shown["calls"] == []
