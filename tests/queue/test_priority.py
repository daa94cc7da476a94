"""Who is served before others: how a visitor shows it, the order that follows, the words for it, and the record."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access import tokens
from edge.hall import Balance, Priority, PriorityReason
from edge.queue import balance, board, desk, issuing
from edge.refusal import Refused
from tests.books import Books
from tests.hall import World, running, without_devices

REASONS = get_args(PriorityReason)
MINUTE_MS = 60_000
HALL = Priority()
LEADS: dict[str | None, float] = dict(HALL.head_start.items())


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def take(books: Books, *reasons: Any, service: str = "pension", source: Any = "declared") -> str:
    claims = tuple(balance.Claim(reason, source) for reason in reasons)
    return books.do(issuing.issue, issuing.Issue(service, "kiosk", None, "kiosk:1", claims))


def call(books: Books, window: int = 1) -> desk.Called:
    """The next one at this window, which has finished with the one before."""
    if books.rows("SELECT 1 FROM ticket WHERE window=? AND state='called'", window):
        books.do(desk.make_move, desk.Move("finish", None, window, ""))
    called = books.do(desk.call_next, desk.CallNext(window, ""))
    assert called is not None
    return called


def ahead(books: Books, ticket: str) -> int:
    with books.database.read() as connection:
        return int(board.ticket(connection, books.hall, ticket, lambda _: True)["ahead"])


# ---- what a claim is worth


@pytest.mark.parametrize(
    ("reason", "early", "minutes"),
    [("senior", 0, 15), ("senior", 5, 10), ("senior", 15, 0), ("senior", 600, 0), ("green", 0, 0), ("military", 9, 0)],
)
def test_a_head_start_is_as_the_hall_file_says(reason: Any, early: int, minutes: int) -> None:
    claim = balance.Claim(reason, "declared", early * MINUTE_MS)
    assert balance.lead_ms(Priority(), claim) == minutes * MINUTE_MS


def test_of_several_claims_the_strongest_counts_and_of_equal_ones_the_best_proven() -> None:
    rules = Priority()
    senior, disabled = balance.Claim("senior", "card"), balance.Claim("disabled", "declared")
    military, booked = balance.Claim("military", "declared"), balance.Claim("appointment", "appointment")
    assert balance.strongest(rules, [disabled, senior]) == senior
    assert balance.strongest(rules, [senior, booked]) == booked
    assert balance.strongest(rules, [senior, military, booked]) == military
    assert balance.strongest(rules, []) is None


def test_every_reason_has_its_words() -> None:
    assert set(balance.WORDS) == set(REASONS)


# ---- the line

VISITS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 12 * MINUTE_MS), st.integers(-180 * MINUTE_MS, 0)),
        st.sampled_from([None, None, *REASONS]),
        st.sampled_from(["pension", "medical"]),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture(scope="module")
def years() -> Iterator[Books]:
    """One hall for all examples."""
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        books.hall = books.hall.model_copy(update={"balance": Balance(rule="head_start")})
        yield books
        books.database.close()


@pytest.mark.req("QUE-09", "QUE-28")
@settings(max_examples=50, deadline=None)
@given(visits=VISITS)
def test_everyone_is_called_in_the_order_of_arrival_less_the_head_start(
    years: Books, visits: list[tuple[int, str | None, str]]
) -> None:
    came: dict[str, tuple[float, int, str | None]] = {}
    for (left,) in years.rows("SELECT id FROM ticket WHERE state NOT IN ('finished', 'cancelled')"):
        years.do(desk.make_move, desk.Move("cancel", left, None, ""))
    at = newest = max(int(years.wall.at * 1000), years.rows("SELECT coalesce(max(at), 0) FROM journal")[0][0])
    for nth, (gap, reason, service) in enumerate(visits):
        at += gap  # where it is negative the clock steps back
        newest = max(newest, at)
        years.wall.at = at / 1000
        ticket = take(years, *([reason] if reason else []), service=service)
        lead = balance.STRICT if reason in HALL.strict else LEADS.get(reason, 0) * MINUTE_MS
        came[ticket] = (newest - lead, nth, reason)
    services = {row[0]: row[1] for row in years.rows("SELECT id, service FROM ticket")}
    before = {ticket: ahead(years, ticket) for ticket in came}
    called = [call(years).ticket for _ in came]
    # Of two that came in the same millisecond, the service that stands first among the window's skills.
    assert called == sorted(came, key=lambda ticket: (came[ticket][0], services[ticket] == "medical", came[ticket][1]))
    for ticket in came:
        assert before[ticket] == [each for each in called if services[each] == services[ticket]].index(ticket)
    for one, other in combinations(called, 2):
        alike = (came[one][2], services[one]) == (came[other][2], services[other])
        assert not alike or came[one][1] < came[other][1], "first come, first served in a class"


@pytest.mark.req("QUE-09", "QUE-28")
def test_the_clerk_is_told_why_in_words_for_the_visitor(books: Books) -> None:
    first, _second = take(books), take(books)
    books.wall.at += 60
    senior = take(books, "senior")
    books.wall.at += 60 * 18
    assert call(books) == (senior, "排第3；老年人优先；等了18分钟")
    assert call(books) == (first, "先到先办；等了19分钟")
    assert books.events("ticket.called")[0].data["why"] == "排第3；老年人优先；等了18分钟"


@pytest.mark.req("QUE-28")
def test_every_use_of_priority_is_on_record(books: Books) -> None:
    take(books)
    take(books, "disabled")
    take(books, "senior", source="card")
    plain, disabled, senior = (event.data for event in books.events("ticket.issued"))
    assert not {"priority", "priority_source"} & set(plain)
    assert (disabled["priority"], disabled["priority_source"]) == ("disabled", "declared")
    assert (senior["priority"], senior["priority_source"]) == ("senior", "card")


def test_who_was_missed_or_sent_on_keeps_the_head_start(books: Books) -> None:
    take(books, service="medical")
    senior = take(books, "senior")
    assert call(books).ticket == senior
    books.do(desk.make_move, desk.Move("miss", senior, 1, ""))
    books.do(desk.make_move, desk.Move("return", senior, None, ""))
    assert call(books).ticket == senior
    books.do(desk.transfer, desk.Transfer(1, senior, "", service="medical"))
    assert call(books).ticket == senior


def test_the_console_lists_them_in_the_same_order_with_the_reason(books: Books) -> None:
    plain, senior, soldier = take(books), take(books, "senior"), take(books, "military")
    with books.database.read() as connection:
        following = board.console(connection, books.hall, books.clock.now(), 3)["next"]
    assert [(each["id"], each["priority_words"]) for each in following] == [
        (soldier, "军人优先"),
        (senior, "老年人优先"),
        (plain, None),
    ]


# ---- declaring it


@pytest.mark.req("QUE-09")
def test_a_hall_takes_only_the_reasons_it_offers(books: Books) -> None:
    assert issuing.declared(books.hall, "disabled", at_desk=False) == balance.Claim("disabled", "declared")
    for at_desk in (False, True):
        with pytest.raises(Refused, match="not_offered"):
            issuing.declared(books.hall, "urgent", at_desk=at_desk)


def at_the_desk_only(text: str) -> str:
    rest = re.sub(r"(?ms)^\[(priority|sms)\].*?(?=^\[)", "", without_devices(text))
    return f'{rest}\n[priority]\ndeclare = "help_desk_only"\n'


@pytest.mark.looptime
@pytest.mark.req("QUE-09", "QUE-25")
async def test_where_the_help_desk_decides_a_kiosk_says_where_to_go(tmp_path: Path) -> None:
    async with running(World(tmp_path, at_the_desk_only)) as hall:
        refused = await hall.post("/tickets", 409, service="pension", kiosk="1", priority="military")
        assert (refused["type"], refused["title"]) == (
            "/problems/declare_at_desk",
            "请到导办台出示证件，由工作人员为您优先取号",
        )
        assert not hall.events("ticket.")
        ticket = await hall.issue(channel="desk", kiosk="1", priority="military")
        assert (ticket["priority"], ticket["priority_words"]) == ("military", "军人优先")


@pytest.mark.looptime
async def test_a_kiosk_does_not_become_the_help_desk_by_saying_so(tmp_path: Path) -> None:
    change = lambda text: at_the_desk_only(text).replace("demo = true", "demo = false")  # noqa: E731
    async with running(World(tmp_path, change)) as hall:
        roles: tuple[tokens.Role, ...] = ("kiosk", "desk")
        for role in roles:
            await hall.parts.writer.do(tokens.enrol, tokens.Enrol(role, role, role, None))
        body = {"service": "pension", "channel": "desk", "priority": "military"}
        for token, status in (("kiosk", 409), ("desk", 201)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await hall.api.post("/api/v1/tickets", json=body, headers=headers)).status_code == status
