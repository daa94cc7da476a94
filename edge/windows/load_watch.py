"""The look at the load, once a minute: what lasts is told once, and ended once; how many wait is kept by the hour.

What nobody watched is not known: a look that comes late ends what stood at the last one and begins anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.clock import Now, local, rfc3339
from edge.database import Session
from edge.hall import Hall, Window
from edge.journal import append
from edge.statements import Statements
from edge.windows.load import AtWindow, Found, Line, crowded, idle, lacking, not_ready

UNSEEN_MS = 180_000
"""After so long without a look, three of them missed, it is not known whether something lasted meanwhile."""


@dataclass(frozen=True, slots=True)
class Look:
    down: Collection[str] = ()
    """Devices that do not work now."""
    opening: bool = False
    """The doors open in a few minutes: windows must be ready."""
    calling: bool = True
    """Who waits is to be called: not before the doors open."""


def look(session: Session, hall: Hall, now: Now, command: Look) -> None:
    """One look. The same look again changes nothing but how often was looked."""
    lines = _lines(session.connection, hall)
    _count(session, hall, now, lines)
    standing = {each.key: each for each in _open(session.connection)}
    kept = {key: each for key, each in standing.items() if 0 <= now.at - each.seen_at <= UNSEEN_MS}
    told = {key for key, each in kept.items() if each.raised_at is not None}
    found = {each.key: each for each in _find(session.connection, hall, command, now.day, lines, told)}
    for key, row in standing.items():
        if key not in kept or key not in found:
            _end(session, hall, now, row)
    for key, each in found.items():
        _keep(session, hall, now, each, kept.get(key))


def _find(
    connection: Statements, hall: Hall, command: Look, day: str, lines: list[Line], told: set[str]
) -> list[Found]:
    windows = _windows(connection, hall, day, command.down)
    zones = {each.id: each.name for each in hall.zones}
    opening = not_ready(windows) if command.opening else ()
    idle_ones = idle(hall.load, lines, windows) if command.calling else ()
    return [*crowded(hall.load, zones, lines, windows, told), *idle_ones, *opening]


# ---- what is known

WAITING_SQL = "SELECT service, for_window, count(*) FROM ticket WHERE state='waiting' GROUP BY service, for_window"
WINDOW_SQL = """
SELECT w.no, w.state='open', w.staff IS NOT NULL, t.id IS NOT NULL, coalesce(w.closed_on < ?, 0)
FROM window w LEFT JOIN ticket t ON t.window = w.no AND t.state IN ('called', 'serving') ORDER BY w.no
"""


def _lines(connection: Statements, hall: Hall) -> list[Line]:
    """People wait where most windows are that serve them; those too whom nobody may call yet (window 0)."""
    return [
        Line(service, hall.service[service].name, _zone(hall, service, window), people, window)
        for service, window, people in connection.exec_driver_sql(WAITING_SQL)
        if service in hall.service and (not window or window in hall.window)
    ]


def _zone(hall: Hall, service: str, window: int | None) -> str:
    if window:
        return hall.window[window].zone
    return Counter(hall.window[no].zone for no in hall.able[service]).most_common(1)[0][0]


def _windows(connection: Statements, hall: Hall, day: str, down: Collection[str]) -> list[AtWindow]:
    found = []
    for no, open_, staffed, busy, before in connection.exec_driver_sql(WINDOW_SQL, (day,)):
        if (window := hall.window.get(no)) is not None:
            stands = AtWindow(no, window.skills, bool(open_), bool(staffed), bool(busy), bool(before))
            found.append(replace(stands, lacks=_lacks(hall, window, down)))
    return found


def _lacks(hall: Hall, window: Window, down: Collection[str]) -> tuple[str, ...]:
    places = [*window.call_boxes, *(each for each in (window.evaluator, window.sign) if each is not None)]
    devices = dict.fromkeys([each.device for each in places] + [each for each in (window.printer,) if each])
    return tuple(f"{hall.device[each].name}不能用" for each in devices if each in down)


def ready(connection: Statements, hall: Hall, day: str, no: int, down: Collection[str]) -> list[str]:
    """What this window lacks before it can open, in words; none: it is ready."""
    (window,) = (each for each in _windows(connection, hall, day, down) if each.no == no)
    return list(lacking(window))


# ---- what is written


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    key: str
    kind: str
    since: int
    seen_at: int
    raised_at: int | None
    body: str


def _open(connection: Statements) -> list[_Row]:
    rows = connection.exec_driver_sql(
        "SELECT id, key, kind, since, seen_at, raised_at, body FROM window_notice WHERE ended_at IS NULL ORDER BY key"
    )
    return [_Row(*row) for row in rows]


def _keep(session: Session, hall: Hall, now: Now, found: Found, row: _Row | None) -> None:
    id_, since, raised = (row.id, row.since, row.raised_at) if row else (session.new_id(), now.at, None)
    told = {"zone": found.zone, "window": found.window, "people": found.people}
    body = json.dumps({"what": found.what, "todo": found.todo, **told}, ensure_ascii=False)
    due = raised is None and now.at - since >= found.lasting_s * 1000
    session.connection.exec_driver_sql(
        "INSERT INTO window_notice (id, key, kind, since, seen_at, raised_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET seen_at=excluded.seen_at, raised_at=excluded.raised_at, body=excluded.body",
        (id_, found.key, found.kind, since, now.at, now.at if due else raised, body),
    )
    if due:
        data = {"notice": id_, "kind": found.kind, "since": since, **told}
        append(session, hall, now, "load.noticed", found.key, "hall", **data)


def _end(session: Session, hall: Hall, now: Now, row: _Row) -> None:
    """Nothing is kept of what nobody was told."""
    if row.raised_at is None:
        session.connection.exec_driver_sql("DELETE FROM window_notice WHERE id=?", (row.id,))
        return
    session.connection.exec_driver_sql("UPDATE window_notice SET ended_at=? WHERE id=?", (now.at, row.id))
    told = {key: json.loads(row.body)[key] for key in ("zone", "window")}
    data = {"notice": row.id, "kind": row.kind, "since": row.since, "until": row.seen_at, **told}
    append(session, hall, now, "load.over", row.key, "hall", **data)


def _count(session: Session, hall: Hall, now: Now, lines: list[Line]) -> None:
    people = Counter({each.id: 0 for each in hall.zones})
    for each in lines:
        people[each.zone] += each.people
    hour = local(now.at, hall.zone_info).hour
    for zone, count in people.items():
        session.connection.exec_driver_sql(
            "INSERT INTO zone_hour (day, zone, hour, looks, people, peak) VALUES (?, ?, ?, 1, ?, ?)"
            " ON CONFLICT (day, zone, hour) DO UPDATE SET looks=looks+1, people=people+excluded.people,"
            " peak=max(peak, excluded.peak)",
            (now.day, zone, hour, count, count),
        )


# ---- what is shown


def notices(connection: Statements, hall: Hall) -> list[dict[str, Any]]:
    """What ops is told now, the oldest first. JSON-ready."""
    return [
        {"id": each.id, "kind": each.kind, "since": rfc3339(each.since, hall.zone_info), **json.loads(each.body)}
        for each in sorted(_open(connection), key=lambda each: (each.since, each.key))
        if each.raised_at is not None
    ]


def by_hour(connection: Statements, hall: Hall, day: str) -> list[dict[str, Any]]:
    """People waiting in each zone on a business day (QUE-08): mean and peak of the looks of each hour. JSON-ready."""
    hours: Mapping[str, list[dict[str, Any]]] = {each.id: [] for each in hall.zones}
    rows = connection.exec_driver_sql(
        "SELECT zone, hour, 1.0 * people / looks, peak FROM zone_hour WHERE day=? ORDER BY hour", (day,)
    )
    for zone, hour, mean, peak in rows:
        if zone in hours:
            hours[zone].append({"hour": hour, "mean": round(mean, 1), "peak": peak})
    return [{"id": each.id, "name": each.name, "hours": hours[each.id]} for each in hall.zones]
