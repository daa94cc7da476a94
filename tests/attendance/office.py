"""A hall's attendance on paper: books with a roster, and short ways to enter, punch and publish."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from edge.attendance import desk, publishing, record, roster
from edge.attendance.entries import ENTRY, Entry
from edge.attendance.months import Every
from edge.attendance.results import day_results, known
from edge.attendance.rulebook import Rulebook
from edge.attendance.rules import DayResult
from tests.attendance.days import LOADED, ZONE
from tests.books import Books


def person(id_: str, **more: object) -> roster.Person:
    given = {"id": id_, "name": f"人员{id_}", "unit": "rs", "since": "2026-01-01", "letter": "调函1号"}
    return roster.Person.model_validate(given | more)


class Office:
    def __init__(self, folder: Path, code: str = "county_xx") -> None:
        self.books = Books(folder)
        self.rules = Rulebook(LOADED[code].profile, {}, ZONE)
        self.books.do(roster.change, roster.Changed((person("li"), person("wang"), person("zhao")), "ops"))

    def at(self, when: str) -> None:
        """Sets the clock: `2026-03-02 09:00`."""
        self.books.wall.at = datetime.fromisoformat(when).replace(tzinfo=ZONE).timestamp()

    def punch(self, person: str, *times: str, device: str = "gate-1") -> None:
        """`2026-03-02 08:20`"""
        for each in times:
            at = datetime.fromisoformat(each)
            self.books.do(desk.punch, desk.Punch(device, person, at, "0", each, "unknown", "fingerprint", live=True))

    def entry(self, kind: str, person: str, start: str, end: str, ref: str = "r1", **more: object) -> Entry:
        span = {"start": self._iso(start), "end": self._iso(end)}
        times = {key: self._iso(value) if key.endswith("_at") else value for key, value in more.items()}
        return ENTRY.validate_python({"kind": kind, "person": person, "ref": ref} | span | times)

    def enter(
        self, kind: str, person: str, start: str, end: str, ref: str = "r1", why: str = "", **more: object
    ) -> int:
        entry = self.entry(kind, person, start, end, ref, **more)
        return self.books.do(record.enter, record.Enter((entry,), "ops", "ops", why))

    def _iso(self, at: object) -> str:
        return datetime.fromisoformat(str(at)).replace(tzinfo=ZONE).isoformat()

    def day(self, person: str, on: str) -> DayResult:
        day = date.fromisoformat(on)
        with self.books.database.read() as connection:
            found = known(connection, self.rules, day, day)
        return day_results(self.rules, found, day, day, datetime(2028, 1, 1, tzinfo=ZONE))[person, day]

    def publish(self, every: Every = "weekly", on: str = "2026-03-02") -> str:
        return self.books.do(publishing.publish, publishing.Publish(self.rules, every, date.fromisoformat(on), "ops"))

    def versions(self, publication: str, person: str) -> list[tuple[int, str, str]]:
        rows = self.books.rows(
            'SELECT version, "by", why FROM attendance_result WHERE publication=? AND person=? ORDER BY version',
            publication,
            person,
        )
        return [(row[0], row[1], row[2]) for row in rows]
