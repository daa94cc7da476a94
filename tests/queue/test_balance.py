"""Who is next between the lines of a window: each rule against its own words, and the words for visitors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge import hallfile
from edge.hall import Balance, Overdue
from edge.queue import balance, desk, issuing, metrics
from edge.queue.balance import STRICT, Armed, Head
from edge.windows import desk as windows
from tests.books import Books
from tests.hall import demo_hall

MINUTE_MS, HANDLING_MS = 60_000, 8 * 60_000
AT = 1_800_000_000_000
BACKLOG, HEAD_START, ORDER = Balance(), Balance(rule="head_start"), Balance(rule="order")
WHEN = Balance(rule="when", when=(Overdue(service="b", minutes=60), Overdue(service="c", minutes=20)))
HEADS = st.lists(
    st.builds(
        lambda position, age, lead, priority, service, waiting, capacity: Head(
            f"t{position}", position, AT - age, AT - age - lead, priority, service, waiting, capacity
        ),
        st.integers(1, 50),
        st.integers(0, 180 * MINUTE_MS),
        st.sampled_from([0, 0, 15 * MINUTE_MS, STRICT]),
        st.sampled_from([None, "military", "senior"]),
        st.sampled_from("abcd"),
        st.integers(1, 200),
        st.floats(0.01, 30),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda head: head.position,
)


def pick(heads: list[Head], rule: Balance = BACKLOG) -> tuple[Head, str]:
    chosen = balance.choose(heads, AT, rule, HANDLING_MS)
    assert chosen is not None
    return chosen


def head(ticket: str, minutes: float, **more: Any) -> Head:
    """Who has waited so long."""
    at = AT - int(minutes * MINUTE_MS)
    return Head(ticket, 1, at, at)._replace(**more)


@given(HEADS, st.sampled_from([BACKLOG, HEAD_START, WHEN]))
def test_nothing_outweighs_what_the_law_puts_first(heads: list[Head], rule: Balance) -> None:
    chosen, _ = pick(heads, rule)
    assert (chosen.rank < 0) == any(each.rank < 0 for each in heads)


@given(HEADS)
def test_by_default_the_largest_sum_of_age_lead_and_backlog_is_next(heads: list[Head]) -> None:
    def weight(it: Head) -> tuple[bool, float]:
        return it.rank < 0, AT - it.rank + 2 * HANDLING_MS * it.waiting / it.capacity

    chosen, decided = pick(heads)
    assert weight(chosen) == max(map(weight, heads))
    assert (decided == "backlog") == (chosen.rank > min(each.rank for each in heads))


@given(HEADS)
def test_lines_that_weigh_the_same_are_served_in_the_order_of_arrival(heads: list[Head]) -> None:
    equal = [each._replace(waiting=3, capacity=1.5) for each in heads]
    assert pick(equal)[0] == pick(equal, HEAD_START)[0]


@given(HEADS)
def test_arrival_alone_counts_where_a_hall_says_so(heads: list[Head]) -> None:
    """Which is the rank there: nobody has a lead, and who was put back or urged stands where that put them."""
    chosen, decided = pick(heads, ORDER)
    assert ((chosen.rank, chosen.position), decided) == (min((it.rank, it.position) for it in heads), "arrival")


@given(HEADS, st.sampled_from([BACKLOG, HEAD_START, ORDER, WHEN]), st.randoms())
def test_the_order_in_which_they_are_listed_decides_only_between_equals(
    heads: list[Head], rule: Balance, random: Any
) -> None:
    distinct = [each._replace(rank=each.rank - nth, service=f"s{nth}") for nth, each in enumerate(heads)]
    shuffled = list(distinct)
    random.shuffle(shuffled)
    one, other = pick(distinct, rule)[0], pick(shuffled, rule)[0]
    assert one.rank - other.rank in (0, *(a.rank - b.rank for a in distinct for b in distinct if weigh(a) == weigh(b)))


def weigh(it: Head) -> float:
    return it.rank - 2 * HANDLING_MS * it.waiting / it.capacity


def test_of_equal_heads_the_service_that_the_window_names_first() -> None:
    first, second = head("a", 5, position=2), head("b", 5, position=1)
    for rule in (BACKLOG, HEAD_START):
        assert pick([first, second], rule)[0] == first
        assert pick([second, first], rule)[0] == second


@given(HEADS, st.sampled_from([BACKLOG, HEAD_START]), st.data())
def test_preference_decides_between_lines_that_weigh_the_same_and_never_else(
    heads: list[Head], rule: Balance, data: st.DataObject
) -> None:
    """Whatever is preferred, nobody who weighs more is passed; of those who weigh the same the first listed is next."""
    twins = [each._replace(rank=heads[0].rank, waiting=heads[0].waiting, capacity=heads[0].capacity) for each in heads]
    mixed = data.draw(st.permutations([*heads, *twins]))

    def weight(it: Head) -> tuple[bool, float]:
        return it.rank > 0, it.rank if rule is HEAD_START else weigh(it)

    chosen, _ = pick(mixed, rule)
    assert chosen == next(each for each in mixed if weight(each) == min(map(weight, mixed)))


@pytest.mark.req("QUE-11")
@given(st.lists(st.builds(Armed, st.integers(1, 9), st.just(1), st.integers(1, 6), st.just(0.0), st.booleans())))
def test_the_green_windows_are_for_who_is_served_before_others_and_no_arrival_is_left(windows: list[Armed]) -> None:
    for claimed in (True, False):
        left = balance.suited(windows, claimed=claimed)
        assert bool(left) == bool(windows)
        assert all(each.green == claimed for each in left) or left == windows
        assert len({each.green for each in windows}) < 2 or len(left) < len(windows)


def test_the_longer_line_is_next_until_the_other_has_waited_long_enough() -> None:
    crowd = head("crowd", 1, waiting=4, capacity=2.0)  # 2 · 8 min · 4 / 2 = 32 min
    for minutes, expected in ((16, "crowd"), (18, "lonely")):
        assert pick([head("lonely", minutes, waiting=1, capacity=1.0), crowd])[0].ticket == expected


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        ({"a": 50, "b": 59, "c": 19}, ("b", "turn")),
        ({"a": 70, "b": 61, "c": 5}, ("b", "overdue")),
        ({"a": 70, "b": 61, "c": 30}, ("b", "overdue")),
        ({"a": 70, "b": 60, "c": 21}, ("c", "overdue")),
        ({"a": 70, "c": 20}, ("a", "turn")),
        ({"a": 20, "b": 61}, ("b", "turn")),
    ],
)
def test_when_waiting_in_x_is_longer_than_n_minutes_then_x(waited: dict[str, int], expected: tuple[str, str]) -> None:
    chosen, decided = pick([head(service, minutes, service=service) for service, minutes in waited.items()], WHEN)
    assert (chosen.service, decided) == expected


def test_nobody_waits() -> None:
    for rule in (BACKLOG, HEAD_START, ORDER, WHEN):
        assert balance.choose([], AT, rule, HANDLING_MS) is None


@pytest.mark.req("QUE-28")
@pytest.mark.parametrize(
    ("priority", "decided", "before", "words"),
    [
        (None, "turn", 0, "先到先办；等了18分钟"),
        ("military", "turn", 2, "排第3；军人优先；等了18分钟"),
        (None, "backlog", 0, "等候人数较多的事项优先；等了18分钟"),
        ("senior", "backlog", 1, "等候人数较多的事项优先；排第2；老年人优先；等了18分钟"),
        (None, "overdue", 0, "等候过久的事项优先；等了18分钟"),
        ("senior", "arrival", 0, "先到先办；等了18分钟"),
    ],
)
def test_the_words_say_what_decided(priority: str | None, decided: balance.Reason, before: int, words: str) -> None:
    assert balance.why(head("t", 18.5, priority=priority), decided, before, AT) == words


def test_an_arrival_goes_to_the_least_skilled_then_the_least_called_then_the_longest_idle() -> None:
    everything, busy, calm, late = (
        Armed(1, 10, 6, 0.0),
        Armed(2, 10, 2, 9.0),
        Armed(3, 90, 2, 4.0),
        Armed(4, 95, 2, 4.0),
    )
    left = [everything, busy, calm, late]
    for expected in (3, 4, 2, 1):
        best = balance.best_armed(left)
        assert best == expected
        left = [each for each in left if each.window != best]
    assert balance.best_armed(left) is None


# ---- figures of balance


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.floats(0.01, 100))
def test_balance_figures_do_not_depend_on_the_scale(values: list[float], scale: float) -> None:
    scaled = [each * scale for each in values]
    assert 1 / len(values) - 1e-9 <= metrics.jain(values) <= 1 + 1e-9
    assert metrics.jain(scaled) == pytest.approx(metrics.jain(values))
    assert metrics.variation(scaled) == pytest.approx(metrics.variation(values), abs=1e-6)


def test_balance_figures_of_known_cases() -> None:
    assert metrics.jain([1, 0, 0, 0]) == 0.25
    assert metrics.jain([3, 3, 3]) == 1
    assert metrics.variation([1, 3]) == 0.5
    both, one = frozenset("ab"), frozenset("a")
    assert metrics.same_skill_variation([(both, 1), (both, 3), (one, 9)]) == 0.5
    assert metrics.same_skill_variation([(both, 1), (one, 9)]) == 0


# ---- in the service


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def take(books: Books, service: str, *claims: Literal["military"], minutes: float = 0) -> str:
    books.wall.at += minutes * 60
    wanted = tuple(balance.Claim(each, "declared") for each in claims)
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1", wanted))


def call(books: Books, window: int) -> desk.Called | None:
    if books.rows("SELECT 1 FROM ticket WHERE window=? AND state='called'", window):
        books.do(desk.make_move, desk.Move("finish", None, window, ""))
    return books.do(desk.call_next, desk.CallNext(window, ""))


@pytest.mark.req("QUE-01", "QUE-02", "QUE-28")
def test_a_free_window_helps_where_more_wait_and_says_so(books: Books) -> None:
    lonely, *_crowd = take(books, "household"), *(take(books, "pension", minutes=1) for _ in range(3))
    soldier = take(books, "medical", "military")
    assert call(books, 1) == (soldier, "排第1；军人优先；等了0分钟")
    # household: 1 for a sixth of a window, the comprehensive one; pension: 3 for two thirds of one, window 3 included.
    assert call(books, 1) == (lonely, "先到先办；等了3分钟")


@pytest.mark.req("QUE-01", "QUE-02")
def test_a_line_weighs_more_when_a_window_for_it_closes(books: Books) -> None:
    take(books, "household")
    first, *_ = [take(books, "pension", minutes=1) for _ in range(3)]
    books.do(windows.pause, windows.Pause(3, "suspended", ""))
    assert call(books, 1) == (first, "等候人数较多的事项优先；等了2分钟")


@pytest.mark.req("QUE-01", "QUE-28")
def test_the_longer_line_passes_an_older_visitor_with_a_reason(books: Books) -> None:
    take(books, "residence")
    crowd = [take(books, "household", minutes=1) for _ in range(3)]
    assert call(books, 1) == (crowd[0], "等候人数较多的事项优先；等了2分钟")


def test_a_visitor_sent_to_a_window_is_not_forgotten_behind_its_crowds(books: Books) -> None:
    sent = take(books, "medical")
    assert call(books, 3) is not None
    for _ in range(4):
        take(books, "transfer", minutes=1)
    books.do(desk.transfer, desk.Transfer(3, sent, "", to=2))
    assert (called := call(books, 2)) is not None
    assert called.ticket == sent


@pytest.fixture
def equal(books: Books) -> Books:
    """Window 2 is given the skills of window 3."""
    windows_ = tuple(
        each.model_copy(update={"skills": ("pension", "medical")}) if each.no == 2 else each
        for each in books.hall.windows
    )
    books.hall = books.hall.model_copy(update={"windows": windows_})
    for derived in ("window", "able", "capacity"):
        books.hall.__dict__.pop(derived, None)
    return books


def shared(books: Books, number: int, *waiting: int) -> list[int]:
    """The windows that so many arrivals go to, a minute apart, while these wait for them."""
    taken = []
    for _ in range(number):
        for window in waiting:
            call(books, window)
        books.wall.at += 60
        ticket = take(books, "pension")
        taken.append(books.rows("SELECT window FROM ticket WHERE id=?", ticket)[0][0])
    return taken


@pytest.mark.req("QUE-01")
def test_equal_windows_share_the_arrivals(equal: Books) -> None:
    """Whoever has called less in the time that it was open takes the next."""
    equal.wall.at += 3600
    assert sorted(shared(equal, 6, 2, 3)) == [2, 2, 2, 3, 3, 3]


@pytest.mark.req("QUE-01")
def test_a_break_neither_counts_as_open_nor_lets_a_window_forget_its_calls(equal: Books) -> None:
    equal.do(windows.pause, windows.Pause(3, "suspended", ""))
    shared(equal, 4, 2)
    equal.wall.at += 56 * 60
    equal.do(windows.pause, windows.Pause(2, "suspended", ""))
    equal.do(windows.resume, windows.Resume(3, ""))
    shared(equal, 8, 3)
    equal.wall.at += 52 * 60
    equal.do(windows.resume, windows.Resume(2, ""))
    # 4 and 8 calls in an hour each, and window 2 has only just come back.
    assert shared(equal, 4, 2, 3) == [2] * 4


# ---- in the hall file


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[balance]\nrule = "fewest"', "balance.rule"),
        ('[balance]\nrule = "when"', "balance.when"),
        ('[balance]\nwhen = [{ service = "pension", minutes = 60 }]', "balance.when"),
        ('[balance]\nrule = "order"', r"strict = \[\]"),
        ('[balance]\nrule = "when"\nwhen = [{ service = "pension", minutes = 60 }]', ""),
        ('[balance]\nrule = "backlog"', ""),
    ],
)
def test_the_rule_stands_in_the_hall_file(tmp_path: Path, text: str, wrong: str) -> None:
    def change(demo: str) -> str:
        return re.sub(r"\[balance\](?:.+\n)+", f"{text}\n", demo)

    if not wrong:
        assert demo_hall(tmp_path, change).balance.rule in text
        return
    with pytest.raises(hallfile.HallFileError, match=wrong):
        demo_hall(tmp_path, change)


def test_order_alone_may_be_asked_for_where_nobody_goes_first() -> None:
    with pytest.raises(ValidationError):
        Balance(rule="order", when=(Overdue(service="a", minutes=1),))
