"""A month of 2,000 people: the days, the report and its files, in seconds beside one read of the same punches.

Only reported. Of several rounds the best is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from jinja2 import Environment, FileSystemLoader

from edge import hallfile
from edge.attendance import sheets
from edge.attendance.calendar import day_of
from edge.attendance.months import period
from edge.attendance.profilefile import load
from edge.attendance.reports import report
from edge.attendance.results import day_results, each_day, known
from edge.attendance.roster import Person
from edge.attendance.rulebook import Rulebook
from edge.database import Database
from edge.hall import Hall
from edge.schema import TABLES
from tests.bench.report import show

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
HALL = hallfile.load(ROOT / "config" / "demo.toml")
RULES = Rulebook(load(ROOT / "config" / "halls" / "county_xx.toml").profile, {}, HALL.zone_info)
PEOPLE, ROUNDS = 2_000, 3
FIRST, LAST = period("monthly", date(2026, 3, 1))
"""22 working days."""
SLOTS = ((8 * 60 + 22, 0.97), (12 * 60 + 4, 0.8), (14 * 60 + 22, 0.8), (18 * 60 + 5, 0.97))
"""Minutes of the day, give or take four, and how many do not forget it."""
READ = "SELECT person, at, direction, mode, day FROM punch WHERE day BETWEEN ? AND ?"
Result = TypeVar("Result")


def touches(random: Random) -> Iterator[tuple[object, ...]]:
    working = [on for on in each_day(FIRST, LAST) if day_of(RULES.profile, {}, on).kind == "working"]
    for on in working:
        midnight = datetime.combine(on, datetime.min.time(), RULES.zone)
        for person in range(PEOPLE):
            for minute, kept in SLOTS:
                if random.random() < kept:
                    at = midnight + timedelta(minutes=minute + random.gauss(0, 4))
                    yield f"{person:04d}", int(at.timestamp() * 1000), on.isoformat()


def person(number: int, hall: Hall) -> tuple[object, ...]:
    unit = hall.units[number % len(hall.units)].id
    each = Person(id=f"{number:04d}", name="李小明", unit=unit, since=date(2020, 1, 1))
    return each.id, each.name, each.unit, each.model_dump_json()


def fill(database: Database) -> int:
    """How many punches there are."""
    punches = list(touches(Random(1)))
    with database.writing.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO person (id, name, unit, body, changed_at, changed_by) VALUES (?, ?, ?, ?, 0, '')",
            [person(number, HALL) for number in range(PEOPLE)],
        )
        connection.exec_driver_sql(
            "INSERT INTO punch"
            " (id, device, person, shown, sequence, at, offset_ms, day, direction, mode, live, stored_at)"
            " VALUES (?, 'door', ?, ?, '', ?, 0, ?, 'unknown', 'fingerprint', 1, 0)",
            [(n, who, f"{at}", at, day) for n, (who, at, day) in enumerate(punches)],
        )
    return len(punches)


def best(run: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds, and what came out."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        result = run()
        took.append(time.perf_counter() - began)
    return min(took), result


def test_a_month_of_a_large_hall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database(tmp_path / "hall.sqlite", TABLES)
    count = fill(database)
    as_of = datetime(2026, 4, 1, tzinfo=RULES.zone)
    page = Environment(loader=FileSystemLoader(ROOT / "edge" / "pages" / "templates"), autoescape=True).get_template(
        "attendance_report.html"
    )
    with database.read() as connection:
        floor, _ = best(lambda: sorted(connection.exec_driver_sql(READ, (FIRST.isoformat(), LAST.isoformat()))))
        read, facts = best(lambda: known(connection, RULES, FIRST, LAST))
    database.close()
    judged, days = best(lambda: day_results(RULES, facts, FIRST, LAST, as_of))
    summed, whole = best(lambda: report(HALL, RULES.profile, "monthly", FIRST, LAST, facts.people, days))
    table, _ = best(lambda: sheets.summary_csv(whole))
    book, data = best(lambda: sheets.workbook(whole, as_of))
    drawn, _ = best(lambda: page.render(page="attendance_report", hall=HALL, report=whole))
    steps = {
        "floor: read and sort the punches": floor,
        "what is stored, by person and day": read,
        "day results": judged,
        "the month's report": summed,
        "CSV": table,
        f"XLSX, {len(data) / 1024:.0f} KiB": book,
        "page": drawn,
    }
    rows = [[name, f"{seconds:.2f}", f"{seconds / floor:.1f}"] for name, seconds in steps.items()]
    show(capsys, f"A month of {PEOPLE:,} people, {count:,} punches", rows, ["", "seconds", "of floor"])
    assert whole.people == PEOPLE
