"""The figures of a business day as ops sees them: from the log until the day is closed, then as they were at closing.

Stored are numbers and ids; the names are those that the hall has now.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from edge.clock import Now, rfc3339
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.queue import balance, periods
from edge.queue.figures import Day, Moment, Ticket, figures
from edge.queue.figures_priority import Stay, report
from edge.queue.tickets import OUTCOME_WORDS
from edge.statements import Statements
from edge.timetable import days

View = dict[str, Any]

# ---- what is asked


def day_figures(connection: Statements, hall: Hall, now: Now, day: str) -> View:
    """Services, windows, clerks, hours, balance and outcomes of a day; all zero for one to come. JSON-ready."""
    return _named(hall, _of(connection, hall, now, day, "day", _make))


def day_priority(connection: Statements, hall: Hall, now: Now, day: str) -> View:
    """What each reason to be called earlier cost whom, and who let somebody go first and why. JSON-ready."""
    return _priority_named(hall, _of(connection, hall, now, day, "priority", _make_priority))


def _of(
    connection: Statements,
    hall: Hall,
    now: Now,
    day: str,
    key: str,
    make: Callable[[Statements, Hall, Now, str], View],
) -> View:
    sql = "SELECT body, made_at FROM day_figures WHERE day=? AND key=?"
    row = connection.exec_driver_sql(sql, (day, key)).first()
    at = row[1] if row else None if day > now.day else now.at
    told = json.loads(row[0]) if row else make(connection, hall, now, day)
    return {"day": day, "as_of": rfc3339(at, hall.zone_info), "closed": row is not None} | told


# ---- the day is closed


def close_figures(session: Session, hall: Hall, now: Now, day: str) -> bool:
    """Keeps the figures of this day as they are now, once: again changes nothing and returns False.

    The journal is told the totals, without windows, clerks or numbers.
    """
    sql = "INSERT INTO day_figures (day, key, made_at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"

    def keep(key: str, body: View) -> bool:
        row = (day, key, now.at, json.dumps(body, ensure_ascii=False))
        return bool(session.connection.exec_driver_sql(sql, row).rowcount)

    made = _make(session.connection, hall, now, day)
    if not keep("day", made):
        return False
    priority = _make_priority(session.connection, hall, now, day)
    keep("priority", priority)
    even = {name: made["balance"][name] for name in ("jain", "variation")}
    cost = {"overtaken": priority["overtaken"], "overtaken_minutes": priority["minutes"]}
    told = {**made["total"], **even, **cost, "outcomes": made["outcomes"]}
    append(session, hall, now, "queue.day_closed", f"day:{day}", "clock", day=day, **told)
    return True


# ---- figures

TICKET_SQL = "SELECT id, state, window, taken_at, ended_at, outcome FROM ticket WHERE day=?"
BOOKED_SQL = """
SELECT t.id, t.taken_at, a.starts FROM appointment a JOIN ticket t ON t.id = a.ticket
WHERE a.state='checked_in' AND a.day = :day AND t.day = :day
"""
THERE = ("window.signed_in", "window.armed", "window.opened", "window.resumed")
GONE = ("window.signed_out", "window.paused", "window.closed")
DAY_MS = 86_400_000
OF_DAY = """
day = :day AND seq BETWEEN (SELECT min(seq) FROM journal WHERE at >= :midnight AND at < :midnight + :length)
  AND (SELECT max(seq) FROM journal WHERE at >= :midnight AND at < :midnight + :length)
"""
"""The rows of a day stand together: read one after the other they are found ten times as fast as by their times."""
MOMENT_SQL = f"""
SELECT type, at, json_extract(data, '$.window'), json_extract(data, '$.ticket'), json_extract(data, '$.not_before')
FROM journal WHERE {OF_DAY} AND (type IN {THERE + GONE} OR type = 'ticket.transferred') ORDER BY seq
"""  # noqa: S608  our own words


def _midnight(hall: Hall, day: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), time(0), hall.zone_info).timestamp() * 1000)


def _span(hall: Hall, day: str) -> dict[str, Any]:
    return {"day": day, "midnight": _midnight(hall, day), "length": DAY_MS}


def _make(connection: Statements, hall: Hall, now: Now, day: str) -> View:
    if day > now.day:
        return figures(_day(hall, now, day))
    span, on = _span(hall, day), days.day_on(connection, hall, day)
    log = periods.of_day(connection, day)
    ready, moments, waits_from = [], [], {}
    for type_, at, window, ticket, not_before in connection.exec_driver_sql(MOMENT_SQL, span).all():
        if type_ in periods.READY:
            ready.append(periods.Ready(window, at))
        if not_before is not None:
            waits_from[ticket, at] = not_before
        elif type_ != "ticket.transferred":
            moments.append(Moment(window, type_ in THERE, at))
    for ticket, taken_at, starts in connection.exec_driver_sql(BOOKED_SQL, {"day": day}):
        hour, minute = map(int, starts.split(":"))
        waits_from[ticket, taken_at] = max(taken_at, span["midnight"] + (hour * 60 + minute) * 60_000)
    return figures(
        _day(
            hall,
            now,
            day,
            openings=() if on.always else tuple((each.start, each.end) for each in on.openings),
            tickets=[Ticket._make(row) for row in connection.exec_driver_sql(TICKET_SQL, (day,)).all()],
            log=log,
            wraps=periods.wrap_ups(log, ready),
            moments=moments,
            waits_from=waits_from,
        )
    )


def _day(hall: Hall, now: Now, day: str, **found: Any) -> Day:
    """With nothing found, a day on which nothing happened."""
    nothing: dict[str, Any] = dict.fromkeys(("openings", "tickets", "log", "wraps", "moments"), ())
    return Day(
        at=now.at,
        midnight=_midnight(hall, day),
        services=[each.id for each in hall.services if not each.steps],
        skills={each.no: frozenset(each.skills) for each in hall.windows},
        **nothing | {"waits_from": {}} | found,
    )


def _named(hall: Hall, told: View) -> View:
    return told | {
        "services": [each | _service(hall, each["id"]) for each in told["services"]],
        "windows": [each | _window(hall, each["no"]) for each in told["windows"]],
        "clerks": [each | {"name": _clerk(hall, each["staff"])} for each in told["clerks"]],
        "balance": told["balance"] | {"groups": [_group(hall, each) for each in told["balance"]["groups"]]},
        "outcomes": [
            {"id": id_, "name": name, "count": told["outcomes"].get(id_, 0)} for id_, name in OUTCOME_WORDS.items()
        ],
    }


def _service(hall: Hall, id_: str) -> View:
    """What the hall has no more is called by its id."""
    it = hall.service.get(id_)
    return {"name": it.name if it else id_, "name_en": it.name_en if it else "", "prefix": it.prefix if it else ""}


def _window(hall: Hall, no: int) -> View:
    it = hall.window.get(no)
    return {"name": it.name if it else f"{no}号", "zone": it.zone if it else None}


def _clerk(hall: Hall, staff: str) -> str:
    return hall.clerk[staff].name if staff in hall.clerk else staff


def _group(hall: Hall, group: View) -> View:
    return group | {"names": [_service(hall, each)["name"] for each in group["services"]]}


# ---- priority

CHOSEN = "窗口指定呼叫"
"""What `desk` says of a call out of turn."""
REASON_WORDS = {**balance.WORDS, "chosen": CHOSEN, "placed": "转移到队首", "walk_in": "无号办理"}
SOURCE_WORDS = {
    "card": "身份证",
    "declared": "本人申明",
    "appointment": "预约",
    "supervisor": "值班人员",
    "window": "窗口",
}
STAY_SQL = """
SELECT t.number, t.position, t.priority, t.priority_source, p.kind, p.service, p.start, p.end, j.type,
  json_extract(j.data, '$.window'), json_extract(j.data, '$.why'), json_extract(j.data, '$.place'),
  json_extract(j.data, '$.to_window') IS NOT NULL OR json_extract(j.data, '$.to_staff') IS NOT NULL
  OR json_extract(j.data, '$.not_before') IS NOT NULL
FROM ticket t JOIN ticket_period p ON p.ticket = t.id JOIN journal j ON j.seq = p.seq
WHERE t.day=? AND (p.kind = 'waiting' OR j.type IN ('ticket.transferred', 'ticket.redirected')) ORDER BY t.id, p.seq
"""
WAITING_SQL = """
SELECT number, service, position, coalesce(since, taken_at) FROM ticket
WHERE day=? AND state='waiting' AND for_window IS NULL AND for_staff IS NULL
"""
WALKED_IN_SQL = """
SELECT t.number, p.service, t.position, t.taken_at, t.taken_at, p.window, 'walk_in', 'window'
FROM ticket t JOIN ticket_period p ON p.ticket = t.id AND p.kind = 'called' AND p.start = t.taken_at
WHERE t.day=? AND t.channel='window'
"""
"""They stood in no line, and were served before whoever did."""
URGENT_SQL = f"""
SELECT at, json_extract(data, '$.number'), json_extract(data, '$.service'), json_extract(data, '$.reason'), actor
FROM journal WHERE {OF_DAY} AND type = 'ticket.raised' AND json_extract(data, '$.reason') IS NOT NULL ORDER BY seq
"""  # noqa: S608  our own words
URGENT = ("at", "number", "service", "reason", "actor")


def _make_priority(connection: Statements, hall: Hall, now: Now, day: str) -> View:
    if day > now.day:
        return report(()) | {"urgent": []}
    urgent = connection.exec_driver_sql(URGENT_SQL, _span(hall, day))
    found = [dict(zip(URGENT, row, strict=True)) for row in urgent]
    return report(_stays(connection, now, day)) | {"urgent": found}


def _stays(connection: Statements, now: Now, day: str) -> list[Stay]:
    """Who was sent to one window, to one clerk or for later did not stand in the line: the others passed nobody."""
    found: list[Stay] = []
    sent: dict[tuple[str, int], tuple[str | None, bool]] = {}
    for row in connection.exec_driver_sql(STAY_SQL, (day,)).all():
        number, position, reason, source, kind, service, start, end, type_, window, why, place, apart = row
        if kind != "waiting":
            sent[number, end] = place, bool(apart)
            continue
        place, apart = sent.get((number, start), (None, False))
        if apart:
            continue
        if why == CHOSEN or place == "first":
            reason, source = "chosen" if why == CHOSEN else "placed", "window"
        elif reason == "urgent":
            source = "supervisor"
        called = window if type_ == "ticket.called" else None
        found.append(Stay(number, service, position, start, end, called, reason, source))
    found += [Stay(*row) for row in connection.exec_driver_sql(WALKED_IN_SQL, (day,))]
    waiting = connection.exec_driver_sql(WAITING_SQL, (day,))
    return found + [Stay(number, service, nth, since, now.at, None) for number, service, nth, since in waiting]


def _priority_named(hall: Hall, told: View) -> View:
    zone = hall.zone_info

    def with_names(each: View, **more: Any) -> View:
        return each | {"service_name": _service(hall, each["service"])["name"]} | more

    return told | {
        "reasons": [
            each
            | {
                "name": REASON_WORDS[each["reason"]],
                "sources": [
                    {"id": id_, "name": SOURCE_WORDS[id_], "calls": calls} for id_, calls in each["sources"].items()
                ],
            }
            for each in told["reasons"]
        ],
        "uses": [
            with_names(
                each,
                name=REASON_WORDS[each["reason"]],
                source_name=SOURCE_WORDS[each["source"]],
                called_at=rfc3339(each["called_at"], zone),
            )
            for each in told["uses"]
        ],
        "urgent": [with_names(each, at=rfc3339(each["at"], zone)) for each in told["urgent"]],
    }
