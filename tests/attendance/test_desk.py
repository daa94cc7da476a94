"""What a terminal recorded: stored once, corrected by its clock's measured offset, with both times kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.attendance import desk
from tests.books import Books

MORNING = datetime.fromisoformat("2026-03-02T08:01:05")


def punched(clock: datetime = MORNING, person: str = "1001", sequence: str = "0", device: str = "gate-1") -> desk.Punch:
    mark = f"{clock.isoformat()}/{sequence}"
    return desk.Punch(device, person, clock, sequence, mark, "unknown", "face", live=False)


@pytest.mark.req("ATT-08")
def test_f29_a_week_resent_adds_nothing(tmp_path: Path) -> None:
    books = Books(tmp_path)
    week = [
        punched(MORNING + timedelta(days=day), person) for day in range(7) for person in ("1001", "1002", "stranger")
    ]
    assert all(books.do(desk.punch, each) for each in week)
    assert not any(books.do(desk.punch, each) for each in week)
    assert books.rows("SELECT count(*) FROM punch") == [(21,)]
    assert len(books.events("attendance.punched")) == 21


def test_records_stored_together_move_the_bookmark_to_the_last(tmp_path: Path) -> None:
    books = Books(tmp_path)
    batch = tuple(punched(MORNING + timedelta(minutes=nth)) for nth in range(5))
    assert books.do(desk.punches, batch[:3]) == 3
    assert books.do(desk.punches, batch) == 2
    assert books.rows("SELECT bookmark FROM terminal") == [(batch[-1].bookmark,)]
    assert [event.data["at"] for event in books.events()] == [row[0] for row in books.rows("SELECT at FROM punch")]


def test_two_in_one_second_are_two(tmp_path: Path) -> None:
    books = Books(tmp_path)
    assert books.do(desk.punch, punched(sequence="0"))
    assert books.do(desk.punch, punched(sequence="1"))
    assert books.do(desk.punch, punched(device="gate-2"))


def test_a_wrong_clock_is_corrected_and_both_times_are_kept(tmp_path: Path) -> None:
    books = Books(tmp_path)
    assert books.do(desk.measure, desk.Measured("gate-1", 3_600_000))
    books.do(desk.punch, punched(MORNING + timedelta(hours=1)))
    at = int(MORNING.replace(tzinfo=books.hall.zone_info).timestamp() * 1000)
    assert books.rows("SELECT shown, at, offset_ms, day FROM punch") == [
        ("2026-03-02T09:01:05", at, 3_600_000, "2026-03-02")
    ]
    assert not books.do(desk.measure, desk.Measured("gate-1", 900))
    books.do(desk.punch, replace(punched(MORNING + timedelta(minutes=5)), live=True))
    assert books.rows("SELECT offset_ms FROM punch ORDER BY at") == [(3_600_000,), (0,)]


def test_what_was_recorded_before_the_clock_went_wrong_is_left_as_it_is(tmp_path: Path) -> None:
    """Read from memory when the clock is found to be wrong: only what came after it was last right is corrected."""
    books = Books(tmp_path)
    books.do(desk.measure, desk.Measured("gate-1", 0))
    books.wall.at += 86_400
    books.do(desk.measure, desk.Measured("gate-1", 420_000))
    books.do(desk.punches, (punched(MORNING), punched(MORNING + timedelta(days=1))))
    assert books.rows("SELECT shown, offset_ms FROM punch ORDER BY at") == [
        ("2026-03-02T08:01:05", 0),
        ("2026-03-03T08:01:05", 420_000),
    ]


def test_what_was_recorded_while_the_clock_was_wrong_is_corrected_after_it_was_set_too(tmp_path: Path) -> None:
    """Memory may be read on when the clock has been set; what is punched live then is as it is shown."""
    books = Books(tmp_path)
    books.do(desk.measure, desk.Measured("gate-1", 0))  # 09:00
    books.wall.at += 3_600
    books.do(desk.measure, desk.Measured("gate-1", 419_750))  # 10:00, and set at once
    books.do(desk.measure, desk.Measured("gate-1", 0))
    nine = datetime.fromisoformat("2026-03-02T09:00:00")
    memory = [nine - timedelta(minutes=5), nine + timedelta(minutes=37), nine + timedelta(minutes=90)]
    books.do(desk.punches, tuple(punched(each) for each in memory))
    books.do(desk.punch, replace(punched(nine + timedelta(minutes=61)), live=True))
    shown = books.rows("SELECT substr(shown, 12, 5), offset_ms FROM punch ORDER BY shown")
    assert shown == [("08:55", 0), ("09:37", 420_000), ("10:01", 0), ("10:30", 0)]


def test_a_correction_in_whole_seconds_makes_nobody_late(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.do(desk.measure, desk.Measured("gate-1", 419_750))
    books.do(desk.punch, replace(punched(datetime.fromisoformat("2026-03-02T08:37:00")), live=True))
    half_past = datetime.fromisoformat("2026-03-02T08:30:00+08:00")
    assert books.rows("SELECT at FROM punch") == [(int(half_past.timestamp() * 1000),)]


def test_memory_is_read_on_from_the_last_stored_record(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.do(desk.punch, punched())
    with books.database.read() as connection:
        assert desk.bookmark(connection, "gate-1") == "2026-03-02T08:01:05/0"
        assert desk.bookmark(connection, "gate-2") == ""


def test_what_must_not_be_kept_is_counted(tmp_path: Path) -> None:
    books = Books(tmp_path)
    for count in (3, 4):
        books.do(desk.drop, desk.Dropped("gate-1", count))
    assert books.rows("SELECT device, discarded FROM terminal") == [("gate-1", 7)]


@settings(max_examples=20, deadline=None)
@given(st.permutations([punched(MORNING + timedelta(minutes=n % 4), str(n % 3), str(n % 2)) for n in range(12)] * 2))
def test_the_order_of_arrival_changes_no_row(
    tmp_path_factory: pytest.TempPathFactory, records: list[desk.Punch]
) -> None:
    books = Books(tmp_path_factory.mktemp("books"))
    for each in records:
        books.do(desk.punch, each)
    rows = books.rows("SELECT person, shown, sequence, at FROM punch ORDER BY person, shown, sequence")
    assert len(rows) == len({(each.person, each.clock, each.sequence) for each in records})
    books.database.close()
