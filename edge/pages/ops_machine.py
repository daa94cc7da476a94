"""What the service stands on where nothing is wrong with it, and today by the calendar and in attendance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from edge import machine
from edge.attendance import results, words
from edge.attendance.calendar import day_of
from edge.clock import Now, local
from edge.pages.attendance_day import state_words
from edge.pages.attendance_marks import mark_of, tally
from edge.parts import Parts
from edge.problems import RANK
from edge.statements import Statements

CALENDAR = "/ops/attendance/calendar"
HREFS = {"calendar": CALENDAR}


class Row(NamedTuple):
    id: str
    name: str
    words: str
    href: str = ""
    severity: str = ""
    todo: str = ""


def rows(parts: Parts, connection: Statements, now: Now) -> list[Row]:
    """What is bad or warns stands in the list of problems, and not here again."""
    found = machine.facts(parts, connection, now)
    well = [
        Row(each.id, each.name, each.words, HREFS.get(each.id, ""), each.severity, each.todo)
        for each in found
        if each.severity not in RANK
    ]
    return [*well, *_today(parts, connection, now)]


def _today(parts: Parts, connection: Statements, now: Now) -> Iterator[Row]:
    rules, today = parts.rules, date.fromisoformat(now.day)
    known = results.known(connection, rules, today, today)
    day = day_of(rules.profile, known.overrides, today)
    yield Row("today", "今天", f"{words.day_words(today)}，{state_words(day)}", CALENDAR)
    found = results.day_results(rules, known, today, today, local(now.at, rules.zone))
    marks = tally(mark_of(each) for each in found.values())
    counts = "、".join(f"{mark.word} {count}" for mark, count in marks)
    told = f"{len(found)} 人：{counts}" if found else "今天没有要考勤的人"
    yield Row("attendance", "今日考勤", told, "/ops/attendance")
