"""A booking takes a place of its slot, and no slot holds more than it has; who is late, moved, or booked twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.vault import Vault
from edge.hallbooking import Booking
from edge.hallday import Timetable
from edge.queue import appointments, board, desk, issuing, persons, vacancies
from edge.refusal import Refused
from tests.books import Books
from tests.hall import DAY_S, MORNING

TODAY, TOMORROW, SATURDAY = "2026-03-02", "2026-03-03", "2026-03-07"
VAULT = Vault(b"k" * 32)
TAIL = "5678"
HOURS = ({"from": "08:30", "to": "12:00"}, {"from": "14:30", "to": "18:00"})
WEEKEND = {"days": ["sat"], "hours": [{"from": "09:00", "to": "11:00"}], "booked_only": True}
MINUTE_S = 60


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    change(books, timetable=Timetable.model_validate({"hours": HOURS, "extended": [WEEKEND]}))
    yield books
    books.database.close()


def change(books: Books, **more: Any) -> None:
    """The hall file says otherwise."""
    known = {name: getattr(books.hall, name) for name in type(books.hall).model_fields}
    books.hall = type(books.hall).model_construct(**known | more)


def change_service(books: Books, service: str, **more: Any) -> None:
    change(
        books,
        services=tuple(each.model_copy(update=more) if each.id == service else each for each in books.hall.services),
    )


def clock(books: Books, hhmm: str) -> None:
    hours, minutes = map(int, hhmm.split(":"))
    books.wall.at = MORNING + (hours - 9) * 3600 + minutes * 60


def wanted(books: Books, **changed: Any) -> appointments.Book:
    day = changed.get("day", TODAY)
    usual = {
        "service": "pension",
        "day": day,
        "starts": "10:00",
        "ends": "10:30",
        "channel": "online",
        "actor": "central",
        "code": f"code-{books.ids()}",
        "phone_mark": lambda number: appointments.phone_mark(VAULT, day, number, TAIL),
        "limit": "offered",
    }
    return appointments.Book(**(usual | changed))


def book(books: Books, **changed: Any) -> str:
    return books.do(appointments.book, wanted(books, **changed))


def reserve(books: Books, **changed: Any) -> appointments.Booked:
    return books.do(appointments.reserve, wanted(books, **changed))


def check_in(books: Books, id_: str, person: persons.Person | None = None) -> issuing.Issued:
    return books.do(appointments.check_in, appointments.CheckIn(id_, "kiosk", "1", "kiosk:1", person))


def view(books: Books, id_: str) -> dict[str, Any]:
    with books.database.read() as connection:
        return board.appointment(connection, books.hall, id_, books.clock.now())


def left(books: Books, day: str = TODAY, service: str = "pension") -> dict[str, int]:
    with books.database.read() as connection:
        seen = vacancies.days_view(connection, books.hall, books.clock.now(), service, date.fromisoformat(day), 1)
    return {each["from"]: each["free"] for each in seen["days"][0]["slots"]}


def refused(do: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as error:
        do()
    return error.value


# ---- slots and quotas


@pytest.mark.req("APPT-04", "APPT-06")
def test_slots_are_those_of_the_day_and_the_weekend_by_appointment(books: Books) -> None:
    assert list(left(books))[:2] == ["09:30", "10:00"], "the one of nine o'clock has begun"
    assert list(left(books, SATURDAY)) == ["09:00", "09:30", "10:00", "10:30"]
    assert left(books, "2026-03-08") == {}
    saturday = book(books, day=SATURDAY)
    books.wall.at += 5 * DAY_S + 45 * MINUTE_S
    assert check_in(books, saturday)
    with pytest.raises(Refused, match="not_now"):
        books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))


def test_a_full_slot_is_refused_and_names_the_next_free_ones(books: Books) -> None:
    for _ in range(2):
        book(books)
    assert left(books)["10:00"] == 0
    full = refused(lambda: book(books))
    assert (full.code, full.status, full.title) == ("slot_full", 409, "这个时段已约满，请另选时间")
    assert full.detail == "free: 2026-03-02 09:30–10:00, 2026-03-02 10:30–11:00, 2026-03-02 11:00–11:30"
    assert book(books, service="medical"), "each service has its own places"
    assert book(books, limit="hours"), "a clerk may book beyond"
    assert left(books)["10:00"] == 0


def test_a_cancelled_booking_gives_its_place_back(books: Books) -> None:
    first, _ = book(books), book(books)
    books.do(appointments.cancel, appointments.Cancel(first, "desk"))
    assert left(books)["10:00"] == 1
    assert book(books)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"starts": "12:00", "ends": "12:30", "limit": "hours"}, "not_open"),
        ({"starts": "11:30", "ends": "15:00", "limit": "hours"}, "not_open"),
        ({"day": "2026-03-08", "limit": "hours"}, "not_open"),
        ({"starts": "09:00", "ends": "09:30"}, "time_is_over"),
        ({"starts": "10:00", "ends": "11:00"}, "not_a_slot"),
        ({"day": "2026-03-10"}, "too_far"),
        ({"service": "dentist"}, "no_such_service"),
    ],
)
def test_a_time_that_is_not_offered_is_not_booked(books: Books, wrong: dict[str, str], code: str) -> None:
    assert refused(lambda: book(books, **wrong)).code == code
    assert not books.events("appointment.")


def test_staff_book_any_time_of_the_hours_while_its_slots_have_room(books: Books) -> None:
    book(books, starts="09:15", ends="10:15", limit="quota")
    assert (left(books)["09:30"], left(books)["10:00"], left(books)["10:30"]) == (1, 1, 2)
    book(books)
    assert refused(lambda: book(books, starts="09:15", ends="10:15", limit="quota")).code == "slot_full"
    assert book(books, day="2026-04-01", limit="quota"), "and any day"


def test_a_service_has_its_own_quota_and_none_is_not_bookable(books: Books) -> None:
    change_service(books, "pension", slot_quota=1)
    book(books)
    assert refused(lambda: book(books)).code == "slot_full"
    change_service(books, "pension", slot_quota=0)
    assert left(books) == {}
    assert refused(lambda: book(books, limit="quota")).code == "not_bookable"
    assert book(books, limit="hours"), "whoever is sent away today still gets another time"


@pytest.mark.req("APPT-02")
def test_every_service_is_offered_without_a_word_in_the_hall_file(books: Books) -> None:
    assert all(left(books, service=each) for each in books.hall.service)


def test_the_last_slot_of_a_hall_that_never_closes_ends_at_midnight(books: Books) -> None:
    change(books, timetable=Timetable(hours="always"))
    id_ = book(books, starts="23:30", ends="24:00")
    clock(books, "23:20")
    assert not check_in(books, id_).existing
    other = book(books, starts="23:30", ends="24:00")
    clock(books, "24:00")
    assert refused(lambda: check_in(books, other)).code == "appointment_over"
    assert refused(lambda: book(books, starts="23:30", ends="24:00")).code == "time_is_over"
    assert book(books, day=TOMORROW, starts="00:30", ends="01:00")


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["book", "move", "cancel", "check_in"]),
        st.integers(0, 4),
        st.integers(0, 5),
        st.sampled_from(["offered", "quota"]),
    ),
    max_size=25,
)


@settings(max_examples=15, deadline=None)
@given(acts=ACTS)
def test_no_order_of_acts_overbooks(tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[Any, ...]]) -> None:
    books = Books(tmp_path_factory.mktemp("acts"))
    change(books, timetable=Timetable.model_validate({"hours": HOURS}))
    times = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
    known: list[str] = []
    for act, nth, slot, limit in acts:
        starts, ends = times[slot], [*times[1:], "12:00"][slot]
        one = known[nth % len(known)] if known else ""
        try:
            if act == "book":
                known.append(book(books, starts=starts, ends=ends, limit=limit))
            elif act == "move":
                books.do(appointments.move, appointments.Move(one, TODAY, starts, ends, "", "desk", limit))
            elif act == "cancel":
                books.do(appointments.cancel, appointments.Cancel(one, "desk"))
            else:
                check_in(books, one)
        except Refused:
            pass
    taken = books.rows(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM appointment WHERE state IN ('booked','checked_in')"
        " GROUP BY starts)"
    )
    assert (taken[0][0] or 0) <= 2
    books.database.close()


# ---- one for each


def test_a_person_has_one_booking_for_a_service_and_day(books: Books) -> None:
    mark = VAULT.mark("id", "110199194801010015")
    first = reserve(books, mark=mark)
    assert reserve(books, mark=mark, starts="11:00", ends="11:30") == (first.id, True)
    assert len(books.events("appointment.booked")) == 1
    assert not reserve(books, mark=mark, service="medical").existing
    assert not reserve(books, mark=mark, day=TOMORROW).existing
    books.do(appointments.cancel, appointments.Cancel(first.id, "desk"))
    assert not reserve(books, mark=mark).existing


def test_who_missed_the_time_may_book_another_of_that_day(books: Books) -> None:
    mark = VAULT.mark("id", "110199194801010015")
    book(books, mark=mark)
    clock(books, "10:46")
    assert not reserve(books, mark=mark, starts="15:00", ends="15:30").existing


def test_the_centres_reference_is_one_booking_however_often_it_is_sent(books: Books) -> None:
    first = reserve(books, ref="c-1")
    assert reserve(books, ref="c-1") == (first.id, True)
    assert len(books.events("appointment.")) == 1
    assert reserve(books, ref="c-1", starts="11:00", ends="11:30") == (first.id, True)
    assert view(books, first.id)["time"] == "11:00–11:30"
    assert [event.data.get("ref") for event in books.events("appointment.")] == ["c-1", "c-1"]
    assert refused(lambda: reserve(books, ref="c-1", service="medical")).code == "ref_taken"
    books.do(appointments.cancel, appointments.Cancel(first.id, "central"))
    assert reserve(books, ref="c-1") == (first.id, True)
    assert view(books, first.id)["state"] == "cancelled"


# ---- told once


@pytest.mark.req("APPT-05", "APPT-01", "APPT-03")
def test_what_was_told_at_the_booking_stays_whatever_the_service_asks_for_later(books: Books) -> None:
    id_ = book(books)
    told = view(books, id_)["told"]
    assert told["materials"] == list(books.hall.service["pension"].materials)
    assert told["materials"]
    assert told["at"] == "2026-03-02T09:00:00.000+08:00"
    change_service(books, "pension", materials=("户口簿",))
    books.wall.at += 60
    assert view(books, id_)["told"] == told
    books.do(appointments.move, appointments.Move(id_, TODAY, "11:00", "11:30", "", "desk"))
    assert view(books, id_)["told"]["materials"] == ["户口簿"], "whoever moves it is told anew"


# ---- early, on time, late


def test_too_early_is_told_when_to_come_and_early_waits_from_the_booked_time(books: Books) -> None:
    id_ = book(books)
    early = refused(lambda: check_in(books, id_))
    assert (early.code, early.title) == ("too_early", "您预约的是10:00–10:30，请09:30以后再来签到")
    clock(books, "09:30")
    assert not check_in(books, id_).existing
    (event,) = books.events("appointment.checked_in")
    assert event.data["late"] is False


@pytest.mark.parametrize(("at", "late"), [("10:00", False), ("10:30", False), ("10:45", False), ("10:46", True)])
def test_after_the_grace_it_is_an_ordinary_number(books: Books, at: str, late: bool) -> None:
    id_ = book(books)
    clock(books, at)
    assert view(books, id_)["state"] == ("missed" if late else "booked")
    ticket = check_in(books, id_).ticket
    assert view(books, id_)["state"] == ("late" if late else "checked_in")
    (row,) = books.rows("SELECT priority, rank = taken_at FROM ticket WHERE id=?", ticket)
    assert tuple(row) == ((None, 1) if late else ("appointment", 0))
    assert books.events("appointment.checked_in")[0].data["late"] is late
    assert check_in(books, id_) == issuing.Issued(ticket, True)


def test_who_is_late_queues_behind_who_came_before_and_in_no_line_of_their_own(books: Books) -> None:
    id_ = book(books)
    clock(books, "10:50")
    walk_in = books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    clock(books, "10:51")
    late = check_in(books, id_).ticket
    called = [books.do(desk.call_next, desk.CallNext(no, "")) for no in (1, 3)]
    assert [each and each.ticket for each in called] == [walk_in, late]


def test_who_is_late_was_promised_a_number_although_those_of_the_day_are_given_out(books: Books) -> None:
    change_service(books, "pension", daily_quota=1)
    id_ = book(books)
    books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))
    clock(books, "10:50")
    late = check_in(books, id_).ticket
    assert books.rows("SELECT priority FROM ticket WHERE id=?", late) == [(None,)]
    with pytest.raises(Refused, match="quota_full"):
        books.do(issuing.issue, issuing.Issue("pension", "kiosk", None, ""))


def test_who_is_late_gives_the_place_back(books: Books) -> None:
    change(books, booking=Booking(late_grace=0, per_slot=1))
    id_ = book(books, starts="09:30", ends="10:00")
    clock(books, "10:01")
    check_in(books, id_)
    assert book(books, starts="09:30", ends="11:00", limit="quota"), "what is left of that time can be had"


def test_who_is_late_in_hours_for_bookings_alone_still_gets_a_number(books: Books) -> None:
    id_ = book(books, day=SATURDAY, starts="09:00", ends="09:30")
    books.wall.at += 5 * DAY_S + 50 * MINUTE_S
    ticket = check_in(books, id_).ticket
    assert [tuple(row) for row in books.rows("SELECT rank = taken_at FROM ticket WHERE id=?", ticket)] == [(1,)]


def test_midnight_makes_a_missed_booking_final(books: Books) -> None:
    id_ = book(books)
    books.wall.at += DAY_S
    assert books.do(appointments.close_day, None) == 1
    assert books.rows("SELECT state FROM appointment") == [("missed",)]
    assert refused(lambda: check_in(books, id_)).code == "appointment_over"


def test_no_ticket_no_check_in(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stops between the ticket and the booking: neither has happened."""
    id_ = book(books)
    clock(books, "10:00")
    with monkeypatch.context() as stopped:
        stopped.setattr(appointments, "_becomes", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            check_in(books, id_)
    assert books.rows("SELECT 1 FROM ticket") == []
    assert view(books, id_)["state"] == "booked"
    assert not check_in(books, id_).existing
    assert len(books.rows("SELECT 1 FROM ticket")) == 1


# ---- moved


def move(books: Books, id_: str, day: str, starts: str = "10:00", ends: str = "10:30", **more: Any) -> str:
    return books.do(appointments.move, appointments.Move(id_, day, starts, ends, "系统维护", "desk", **more))


def test_a_moved_booking_keeps_its_number_and_code_and_is_found_by_the_phone(books: Books) -> None:
    id_ = book(books, code="kept")
    number = view(books, id_)["number"]
    for day in (TOMORROW, "2026-03-04"):
        assert move(books, id_, day) == id_
    seen = view(books, id_)
    assert (seen["number"], seen["day"], left(books)["10:00"]) == (number, "2026-03-04", 2)
    with books.database.read() as connection:
        assert appointments.by_code(connection, "kept") == id_
        assert appointments.by_phone(connection, VAULT, TODAY, number, TAIL) == id_
        assert appointments.by_phone(connection, VAULT, TODAY, number, "0000") is None
    event = books.events("appointment.moved")[0]
    assert event.data["was"] == {"day": TODAY, "from": "10:00", "to": "10:30"}
    assert (event.data["day"], event.data["reason"]) == (TOMORROW, "系统维护")
    assert number not in json.dumps([each.data for each in books.events()])


def test_a_move_to_where_it_is_does_nothing_and_its_own_place_is_free_to_it(books: Books) -> None:
    change(books, booking=Booking(per_slot=1))
    id_ = book(books, starts="10:00", ends="10:30")
    move(books, id_, TODAY)
    assert not books.events("appointment.moved")
    move(books, id_, TODAY, "10:00", "11:00")
    other = book(books, starts="11:00", ends="11:30")
    assert refused(lambda: move(books, other, TODAY)).code == "slot_full"


def test_what_cannot_be_moved_says_why(books: Books) -> None:
    mark = VAULT.mark("id", "110199194801010015")
    mine, _ = book(books, mark=mark), book(books, mark=mark, day=TOMORROW)
    assert refused(lambda: move(books, mine, TOMORROW)).code == "has_another"
    assert refused(lambda: move(books, "none", TOMORROW)).code == "no_such_appointment"
    number = view(books, mine)["number"]
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE appointment SET number=?, mark=NULL WHERE day=?", (number, TOMORROW))
    assert refused(lambda: move(books, mine, TOMORROW)).code == "number_taken"
    books.do(appointments.cancel, appointments.Cancel(mine, "desk"))
    assert refused(lambda: move(books, mine, "2026-03-04")).code == "not_booked"


# ---- a day that was closed later


def closed(books: Books, day: str, name: str = "系统检修") -> None:
    with books.database.writing.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO calendar_day (day, kind, name, shifts, changed_at, changed_by)"
            " VALUES (?, 'closed', ?, '[]', 0, '')",
            (day, name),
        )


def strays(books: Books) -> list[vacancies.Stray]:
    with books.database.read() as connection:
        return vacancies.strays(connection, books.hall, books.clock.now())


@pytest.mark.req("NOTI-05")
def test_bookings_of_a_day_that_was_closed_later_are_a_list_to_rebook(books: Books) -> None:
    for _ in range(2):
        book(books, day=TOMORROW)
    book(books, day=TOMORROW, service="transfer")
    gone = book(books, day="2026-03-04", service="household", starts="15:00", ends="15:30")
    assert strays(books) == []
    closed(books, TOMORROW)
    found = strays(books)
    assert [(each.service, each.booked, each.why) for each in found] == [
        ("pension", 2, "这一天停止服务（系统检修）"),
        ("transfer", 1, "这一天停止服务（系统检修）"),
    ]
    change(books, services=tuple(each for each in books.hall.services if each.id != "household"))
    vars(books.hall).pop("service", None)
    assert strays(books)[-1].why == "这项业务已不在本大厅办理"
    books.do(appointments.cancel, appointments.Cancel(gone, "desk"))
    for (id_,) in books.rows("SELECT id FROM appointment WHERE state='booked'"):
        move(books, id_, "2026-03-05")
    assert strays(books) == []
