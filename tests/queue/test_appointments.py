"""Bookings: made by the centre or at the desk, redeemed once, without queueing again, and by nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access import idempotency
from edge.access.vault import Vault
from edge.queue import appointments, board, desk, issuing, persons
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S, World, running, without_devices

TODAY, TOMORROW = "2026-03-02", "2026-03-03"
VAULT = Vault(b"k" * 32)
MARK = VAULT.mark("id", "110199194801010015")
TAIL = "5678"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.database.close()


def book(books: Books, **changed: Any) -> str:
    day = changed.get("day", TODAY)
    wanted = {
        "service": "pension",
        "day": day,
        "starts": "09:00",
        "ends": "10:00",
        "channel": "online",
        "actor": "central",
        "code": f"code-{books.ids()}",
        "mark": f"mark-{books.ids()}",
        "phone_mark": lambda number: appointments.phone_mark(VAULT, day, number, TAIL),
        "limit": "hours",
    }
    return books.do(appointments.book, appointments.Book(**(wanted | changed)))


def view(books: Books, id_: str) -> dict[str, Any]:
    with books.database.read() as connection:
        return board.appointment(connection, books.hall, id_)


def check_in(books: Books, id_: str | None, person: persons.Person | None = None) -> issuing.Issued:
    return books.do(appointments.check_in, appointments.CheckIn(id_, "kiosk", "1", "kiosk:1", person))


def found(books: Books, number: str, tail: str) -> str | None:
    with books.database.read() as connection:
        return appointments.by_phone(connection, VAULT, books.clock.now().day, number, tail)


# ---- booking


@pytest.mark.req("APPT-01", "APPT-03")
def test_a_booking_holds_item_time_place_and_channel(books: Books) -> None:
    shown = view(books, book(books))
    assert re.fullmatch(r"\d{6}", shown["number"])
    assert (shown["name"], shown["day"], shown["time"]) == ("养老保险", TODAY, "09:00–10:00")
    assert [each["no"] for each in shown["windows"]] == [1, 3]
    assert (shown["channel"], shown["state"], shown["ticket"]) == ("online", "booked", None)


@pytest.mark.req("APPT-02", "APPT-06")
def test_every_service_can_be_booked_on_any_day(books: Books) -> None:
    for service in books.hall.service:
        for day in ("2026-03-07", "2026-03-08"):
            assert view(books, book(books, service=service, day=day))["day"] == day


def test_what_cannot_be_booked(books: Books) -> None:
    for wrong, code in (
        ({"service": "dentist"}, "no_such_service"),
        ({"day": "2026-03-01"}, "time_is_over"),
        ({"starts": "07:00", "ends": "08:00"}, "time_is_over"),
        ({"limit": "offered"}, "time_is_over"),
        ({"limit": "offered", "starts": "10:00", "ends": "11:00"}, "not_a_slot"),
        ({"limit": "offered", "day": "2026-03-10", "starts": "10:00", "ends": "10:30"}, "too_far"),
    ):
        with pytest.raises(Refused, match=code):
            book(books, **wrong)
    assert not books.events()


def test_numbers_are_one_a_day_and_not_in_a_row(books: Books) -> None:
    numbers = [view(books, book(books))["number"] for _ in range(30)]
    assert len(set(numbers)) == 30
    assert sorted(numbers) != numbers


def test_a_number_that_is_taken_is_not_given_again_that_day(books: Books) -> None:
    taken = view(books, book(books, code="x"))["number"]
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE appointment SET code='y'")
    assert view(books, book(books, code="x"))["number"] != taken
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE appointment SET code='z' WHERE code='x'")
    assert view(books, book(books, code="x", day=TOMORROW))["number"] == taken


@pytest.mark.req("SEC-04")
def test_events_tell_neither_number_nor_code_nor_person(books: Books) -> None:
    id_ = book(books, code="the-code")
    check_in(books, id_)
    gone = book(books)
    books.do(appointments.cancel, appointments.Cancel(gone, "desk"))
    told = [event.type.split(".")[1] for event in books.events("appointment.")]
    assert told == ["booked", "checked_in", "booked", "cancelled"]
    text = str([(event.data, event.key, event.actor) for event in books.events()])
    secrets = ("the-code", view(books, id_)["number"], view(books, gone)["number"], MARK, TAIL)
    assert not [each for each in secrets if each in text]


# ---- redeeming


@pytest.mark.req("APPT-01")
def test_a_booking_becomes_a_ticket_once(books: Books) -> None:
    id_ = book(books)
    issued = check_in(books, id_)
    assert not issued.existing
    assert check_in(books, id_) == issuing.Issued(issued.ticket, True)
    assert (view(books, id_)["state"], view(books, id_)["ticket"]) == ("checked_in", issued.ticket)
    (event,) = books.events("ticket.issued")
    assert (event.data["priority"], event.data["priority_source"]) == ("appointment", "appointment")
    assert len(books.rows("SELECT 1 FROM print_job")) == 1


def test_whoever_booked_does_not_queue_again(books: Books) -> None:
    books.wall.at += 300
    walk_in = books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    booked = check_in(books, book(books)).ticket
    called = books.do(desk.call_next, desk.CallNext(1, ""))
    assert called is not None
    assert (called.ticket, called.why.split("；")[1]) == (booked, "预约优先")
    assert walk_in


def test_coming_early_jumps_nobody(books: Books) -> None:
    walk_in = books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    books.wall.at += 60
    early = check_in(books, book(books, starts="09:30", ends="10:00")).ticket
    called = [books.do(desk.call_next, desk.CallNext(no, "")) for no in (1, 3)]
    assert [each and each.ticket for each in called] == [walk_in, early]


def test_who_took_a_number_first_keeps_it_and_is_raised(books: Books) -> None:
    person = persons.Person(MARK)
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    wanted = issuing.Issue("pension", "kiosk", "1", "kiosk:1")
    walk_in = books.do(issuing.issue_to, issuing.IssueTo(wanted, person))
    id_ = book(books, mark=MARK)
    assert check_in(books, id_) == issuing.Issued(walk_in.ticket, True)
    assert view(books, id_)["ticket"] == walk_in.ticket
    assert books.events("ticket.raised")[0].data["priority"] == "appointment"
    called = books.do(desk.call_next, desk.CallNext(1, ""))
    assert called is not None
    assert called.ticket == walk_in.ticket


def test_a_card_redeems_only_its_own_bookings(books: Books) -> None:
    id_ = book(books, mark=MARK)
    with pytest.raises(Refused, match="no_such_appointment"):
        check_in(books, id_, persons.Person("0" * 32))
    with pytest.raises(Refused, match="no_such_appointment"):
        check_in(books, book(books, mark=None), persons.Person(MARK))
    assert not check_in(books, id_, persons.Person(MARK)).existing


def test_what_cannot_be_redeemed_says_why(books: Books) -> None:
    cancelled, tomorrow = book(books), book(books, day=TOMORROW, starts="09:30")
    books.do(appointments.cancel, appointments.Cancel(cancelled, "desk"))
    for id_, code, words in (
        (None, "no_such_appointment", "没有找到这个预约"),
        ("x", "no_such_appointment", "没有找到这个预约"),
        (cancelled, "appointment_cancelled", "已取消"),
        (tomorrow, "too_early", "您预约的是3月3日09:30–10:00，请当天再来签到"),
    ):
        with pytest.raises(Refused, match=code) as refused:
            check_in(books, id_)
        assert words in refused.value.title
    missed, redeemed = book(books), book(books)
    check_in(books, redeemed)
    books.wall.at += DAY_S
    for id_ in (missed, redeemed, missed):
        with pytest.raises(Refused, match="appointment_over"):
            check_in(books, id_)
        books.do(appointments.close_day, None)
    assert view(books, missed)["state"] == "missed"
    assert not check_in(books, tomorrow).existing


def test_a_cancelled_booking_stays_so_and_a_redeemed_one_cannot_be_cancelled(books: Books) -> None:
    first, second = book(books), book(books)
    for _ in range(2):
        assert books.do(appointments.cancel, appointments.Cancel(first, "desk")) == first
    assert len(books.events("appointment.cancelled")) == 1
    check_in(books, second)
    with pytest.raises(Refused, match="not_booked"):
        books.do(appointments.cancel, appointments.Cancel(second, "desk"))


# ---- by number and phone


@given(st.text("0123456789", min_size=4, max_size=4))
def test_a_phone_end_is_good_for_its_own_day_and_number_only(tail: str) -> None:
    mark = appointments.phone_mark(VAULT, TODAY, "123456", tail)
    assert mark == appointments.phone_mark(VAULT, TODAY, "123456", tail)
    assert tail not in (TAIL,) or mark == appointments.phone_mark(VAULT, TODAY, "123456", TAIL)
    assert mark != appointments.phone_mark(VAULT, TOMORROW, "123456", tail)
    assert mark != appointments.phone_mark(VAULT, TODAY, "123457", tail)


def test_number_and_phone_find_the_booking(books: Books) -> None:
    id_, other = book(books), book(books, day=TOMORROW)
    number = view(books, id_)["number"]
    assert found(books, number, TAIL) == id_
    assert found(books, number, "0000") is None
    assert found(books, view(books, other)["number"], TAIL) == other, "its day is told, not that there is none"
    assert found(books, view(books, book(books, phone_mark=None))["number"], TAIL) is None


def test_guessing_ends_soon_and_is_forgiven_after_ten_minutes() -> None:
    guesses = appointments.Guesses()
    for _ in range(5):
        guesses.check("123456", "1", 0.0)
        guesses.wrong("123456", "1", 0.0)
    with pytest.raises(Refused, match="too_many_guesses") as refused:
        guesses.check("123456", "2", 599.0)
    assert refused.value.status == 429
    guesses.check("654321", "1", 599.0)
    guesses.check("123456", "1", 600.0)


def test_a_kiosk_may_not_guess_at_one_number_after_the_other() -> None:
    guesses = appointments.Guesses()
    for nth in range(20):
        guesses.check(f"{nth:06d}", "1", float(nth))
        guesses.wrong(f"{nth:06d}", "1", float(nth))
    with pytest.raises(Refused, match="too_many_guesses"):
        guesses.check("999999", "1", 20.0)
    guesses.check("999999", "2", 20.0)


# ---- over HTTP


def bare(text: str) -> str:
    return re.sub(r"(?ms)^\[sms\].*?(?=^\[)", "", without_devices(text))


BOOKING: dict[str, Any] = {
    "service": "pension",
    "day": TODAY,
    "from": "09:00",
    "to": "10:00",
    "channel": "phone",
    "phone": "13812345678",
}


@pytest.mark.looptime
@pytest.mark.req("APPT-03")
async def test_the_desk_books_and_the_kiosk_redeems(tmp_path: Path) -> None:
    async with running(World(tmp_path, bare)) as hall:
        first, second = [await hall.post("/appointments", 201, **BOOKING) for _ in range(2)]
        by_phone = {"number": first["number"], "phone_tail": "5678", "kiosk": "1"}
        ticket = await hall.post("/appointments/check-in", 201, **by_phone)
        assert (ticket["priority_words"], ticket["existing"]) == ("预约优先", False)
        again = await hall.post("/appointments/check-in", 200, **by_phone)
        assert (again["id"], again["existing"]) == (ticket["id"], True)
        assert not (await hall.post("/appointments/check-in", 201, code=second["code"]))["existing"]
        await hall.post("/appointments/check-in", 404, code="guess")
        third = await hall.post("/appointments", 201, **BOOKING | {"service": "household"})
        cancelled = await hall.post(f"/appointments/{third['id']}/cancel")
        assert (cancelled["state"], "code" in cancelled) == ("cancelled", False)


@pytest.mark.looptime
async def test_wrong_pairs_are_limited_and_the_right_one_is_then_not_told(tmp_path: Path) -> None:
    async with running(World(tmp_path, bare)) as hall:
        booked = await hall.post("/appointments", 201, **BOOKING)
        for tail in ("0000", "0001", "0002", "0003", "0004"):
            await hall.post("/appointments/check-in", 404, number=booked["number"], phone_tail=tail, kiosk="1")
        for tail in ("0005", "5678"):
            refused = await hall.post("/appointments/check-in", 429, number=booked["number"], phone_tail=tail)
            assert "十分钟" in refused["title"]
        for nth in range(15):
            await hall.post("/appointments/check-in", 404, number=f"{nth:06d}", phone_tail="0000", kiosk="1")
        await hall.post("/appointments/check-in", 429, number="999999", phone_tail="0000", kiosk="1")


@pytest.mark.looptime
async def test_a_kiosk_that_is_none_is_no_way_around_the_limit(tmp_path: Path) -> None:
    async with running(World(tmp_path, bare)) as hall:
        for nth in range(21):
            guess = {"number": f"{nth:06d}", "phone_tail": "0000", "kiosk": f"no-{nth}"}
            await hall.post("/appointments/check-in", 404 if nth < 20 else 429, None, **guess)


@pytest.mark.looptime
async def test_a_booking_asked_for_twice_is_made_once(tmp_path: Path) -> None:
    async with running(World(tmp_path, bare)) as hall:
        key = {"Idempotency-Key": "b-1"}
        first, again = [await hall.post("/appointments", 201, key, **BOOKING) for _ in range(2)]
        assert first == again
        await hall.post("/appointments", 422, key, **BOOKING | {"phone": "13812345679"})
        assert len(hall.events("appointment.booked")) == 1


@pytest.mark.looptime
@pytest.mark.req("SEC-04")
async def test_what_is_kept_of_a_request_cannot_be_guessed_back(tmp_path: Path) -> None:
    async with running(World(tmp_path, bare)) as hall:
        body = json.dumps(BOOKING).encode()
        headers = {"Idempotency-Key": "b-1", "Content-Type": "application/json"}
        assert (await hall.api.post("/api/v1/appointments", content=body, headers=headers)).status_code == 201
        with hall.parts.database.read() as connection:
            kept = connection.exec_driver_sql("SELECT fingerprint FROM idempotency").scalar_one()
        assert kept != idempotency.fingerprint("POST", "/api/v1/appointments", "demo", body)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "10:00", "to": "10:00"},
        {"from": "24:00"},
        {"day": "2026-02-30"},
        {"phone": "5678"},
        {"id_number": "110199"},
        {"channel": "pigeon"},
        {"name": "张伟"},
    ],
)
async def test_a_malformed_booking_is_refused_without_being_repeated(tmp_path: Path, wrong: dict[str, str]) -> None:
    async with running(World(tmp_path, bare)) as hall:
        refused = await hall.post("/appointments", 422, **BOOKING | wrong)
        assert "13812345678" not in str(refused)
        assert str(wrong.get("phone")) not in str(refused)
        assert not hall.events("appointment.")
