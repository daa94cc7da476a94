"""What people are shown of the queue: the ticket, the menu, the windows, the hall screen. Reads only; JSON-ready."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from edge.clock import Now, local, rfc3339
from edge.hall import Hall, Service, Unit, Window
from edge.queue import appointments, balance, estimates, issuing, persons
from edge.queue.forecast import Estimate
from edge.queue.outlook import Outlook, Place
from edge.queue.tickets import STATE_WORDS
from edge.refusal import Refused
from edge.statements import Statements
from edge.timetable import days
from edge.windows import noon
from edge.windows.words import sign_words

View = dict[str, Any]
PrinterOk = Callable[[str], bool]
"""Whether this printer could print now."""


def _windows_by_state(connection: Statements, now: Now) -> tuple[set[int], set[int]]:
    """Those that are open, and those that are closed for today."""
    rows = connection.exec_driver_sql("SELECT no, state='open', closed_on IS ? FROM window", (now.day,)).all()
    return {no for no, is_open, _ in rows if is_open}, {no for no, _, is_closed in rows if is_closed}


# ---- one ticket

IN_LINE = "a.state='waiting' AND a.service=t.service AND (a.rank, a.position)"
TICKET_SQL = f"""
SELECT t.number, t.service, t.state, t.window, t.taken_at, t.called_at, t.started_at, t.recalls, t.kiosk,
  CASE WHEN t.state <> 'waiting' THEN 0
    WHEN EXISTS (SELECT 1 FROM ticket a WHERE {IN_LINE} > (t.rank, t.position))
    THEN (SELECT count(*) FROM ticket a WHERE {IN_LINE} < (t.rank, t.position))
    ELSE (SELECT waiting - 1 FROM line WHERE service=t.service) END,
  (SELECT state FROM print_job p WHERE p.ticket=t.id AND p.template='ticket'
    ORDER BY p.wanted_at DESC, p.id DESC LIMIT 1),
  t.priority, t.rank, t.for_window IS NOT NULL, t.told_low, t.told_high, t.told_minutes,
  CASE WHEN t.state='waiting' AND t.for_window=0 THEN coalesce((SELECT no FROM window WHERE staff=t.for_staff),
    t.due_window) WHEN t.state='waiting' THEN t.for_window END,
  CASE WHEN t.for_window=0 THEN t.not_before END
FROM ticket t WHERE t.id=?
"""  # noqa: S608  our own words
"""Who is the last of a line, as whoever has just come, need not count it."""
TIMES = ("taken_at", "called_at", "started_at")


def ticket(
    connection: Statements, hall: Hall, ticket_id: str, printer_ok: PrinterOk, tell: estimates.Tell | None = None
) -> View:
    """Where a ticket stands now, and how long it still takes if there is somebody to `tell`. Raises Refused (404)."""
    row = connection.exec_driver_sql(TICKET_SQL, (ticket_id,)).first()
    if row is None:
        raise Refused("no_such_ticket", "没有这张号票", status=404)
    number, service_id, state, window, *times, recalls, kiosk_id, before, printing, why = row[:12]
    service = hall.service.get(service_id)
    if service is None:
        raise Refused("service_gone", "这项业务已不在本大厅办理", f"service {service_id!r}", status=404)
    ahead = before if state == "waiting" else 0
    told = Estimate(*row[14:17]) if row[14] is not None and times[1] is None else None  # a call ends what was told
    waits = estimates.Waits(Place(ticket_id, service_id, row[12], ahead, bool(row[13])), times[0], told)
    kiosk = hall.kiosk.get(kiosk_id)
    return {
        "id": ticket_id,
        "number": number,
        "service": {"id": service.id, "name": service.name, "name_en": service.name_en},
        "state": state,
        "ahead": ahead,
        "windows": [hall.place(row[17])] if row[17] in hall.window else hall.places[service.id],
        "estimate": tell(waits) | _later(hall, row[18]) if tell is not None and state == "waiting" else None,
        "window": window,
        "print": printing or "none",
        "printer_ok": kiosk is not None and any(printer_ok(each) for each in (kiosk.printer, kiosk.fallback) if each),
        **{key: rfc3339(at, hall.zone_info) for key, at in zip(TIMES, times, strict=True)},
        "recalls": recalls,
        **_priority(why),
    }


def _later(hall: Hall, at: int | None) -> View:
    """What takes the place of the estimate where nobody is called before a time (UTC, milliseconds)."""
    if at is None:
        return {}
    said = f"{local(at, hall.zone_info):%H:%M}"
    unknown = dict.fromkeys(("low", "high", "minutes"))
    return {**unknown, "words": f"{said} 以后叫号", "words_en": f"called after {said}"}


def _priority(reason: str | None) -> View:
    return {"priority": reason, "priority_words": balance.WORDS[reason] if reason else None}


# ---- one visitor

OF_PERSON_SQL = """
SELECT t.id, t.number, t.service, t.state FROM person_ticket p JOIN ticket t ON t.id = p.ticket
WHERE p.mark=? AND t.day=? AND t.state NOT IN ('finished', 'cancelled') ORDER BY t.position
"""


def visitor(connection: Statements, hall: Hall, now: Now, person: persons.Person) -> View:
    """What the person whose card lies on the reader has here today: tickets that have not ended, and bookings."""
    found = connection.exec_driver_sql(OF_PERSON_SQL, (person.mark, now.day))
    booked = appointments.of_person(connection, now.day, person.mark)
    claim = balance.strongest(hall.priority, persons.claims(hall.priority, person))
    return {
        **_priority(claim.reason if claim else None),
        "tickets": [
            {"id": id_, "number": number, **_service(hall, service), "state": state, "state_words": STATE_WORDS[state]}
            for id_, number, service, state in found
        ],
        "appointments": [{"id": each.id, **_service(hall, each.service), "time": each.time} for each in booked],
    }


def _service(hall: Hall, id_: str) -> View:
    return {"service": id_, "name": hall.service[id_].name if id_ in hall.service else ""}


def appointment(connection: Statements, hall: Hall, id_: str, now: Now | None = None) -> View:
    """What was booked, when and where, and what was told then; `missed` as of `now`. Raises Refused (404)."""
    it = appointments.appointment(connection, id_)
    state = it.state if now is None else appointments.standing(hall, it, now.at)
    told = json.loads(it.told) if it.told else {"conditions": [], "materials": [], "version": ""}
    return {
        "id": it.id,
        "number": it.number,
        **_service(hall, it.service),
        "day": it.day,
        "time": it.time,
        "windows": hall.places.get(it.service, []),
        "channel": it.channel,
        "state": state,
        "state_words": appointments.STATE_WORDS[state],
        "ticket": it.ticket,
        "ref": it.ref,
        "told": told | {"at": rfc3339(it.told_at, hall.zone_info)},
    }


# ---- the menu


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait: for a service, and of those the ones who were sent to one window."""

    service: dict[str, int]
    sent: dict[str, dict[int, int]]

    def at(self, window: Window) -> int:
        """Those whom this window may call."""
        able = sum(self.service.get(skill, 0) - sum(self.sent.get(skill, {}).values()) for skill in window.skills)
        return able + sum(each.get(window.no, 0) for each in self.sent.values())


SENT_SQL = """
SELECT service, for_window, count(*) FROM ticket INDEXED BY ticket_for
WHERE for_window IS NOT NULL AND state='waiting' GROUP BY service, for_window
"""


def _waiting(connection: Statements) -> Waiting:
    """The store knows how long each line is; who was sent to a window is counted, and is few."""
    lines = connection.exec_driver_sql("SELECT service, waiting FROM line WHERE waiting > 0")
    found = Waiting({row[0]: row[1] for row in lines}, {})
    for service, window, count in connection.exec_driver_sql(SENT_SQL):
        found.sent.setdefault(service, {})[window] = count
    return found


PAUSED_WORDS = "窗口暂停服务中，可以先取号等候", "Windows paused, you may take a number"
OVER_WORDS = "今天已停止办理", "No more service today"


def menu(connection: Statements, hall: Hall, now: Now, outlook: Outlook) -> View:
    """Units and their services, open or not and why, how many wait and about how long."""
    waiting, (opened, over) = _waiting(connection), _windows_by_state(connection, now)
    given = {
        row[0]: row[1] for row in connection.exec_driver_sql("SELECT prefix, last FROM series WHERE day=?", (now.day,))
    }

    def entry(service: Service) -> View:
        windows = list(hall.able[service.id])
        ready = any(no in opened for no in windows)
        full = service.daily_quota is not None and given.get(service.id, 0) >= service.daily_quota
        hours = noon.number_now(connection, hall, now, service)
        closed, closed_en = days.why_not(connection, hall, now, hours)
        done = any(over.issuperset(hall.able[step]) for step in service.steps or (service.id,))
        window_words = OVER_WORDS if done else (None, None) if ready else PAUSED_WORDS
        why, why_en = closed or window_words[0], closed_en or window_words[1]
        return {
            "id": service.id,
            "name": service.name,
            "name_en": service.name_en,
            "prefix": service.prefix,
            "open": hours.ok and not full and not done,
            "why": issuing.quota_words(service) if full and hours.ok else why,
            "why_en": "No more numbers today" if full and hours.ok else why_en,
            "take": hours.state,
            "waiting": waiting.service.get(service.line, 0),
            "estimate": estimates.of_line(outlook, service.line, waiting.service.get(service.line, 0), now.at),
            "materials": list(service.materials),
            "windows": windows,
        }

    units = [_unit(each, [entry(it) for it in hall.services if it.unit == each.id]) for each in hall.units]
    day = days.view(connection, hall, now)
    return {"hall": {"name": hall.hall.name, "name_en": hall.hall.name_en}, "day": day, "units": units}


def _unit(unit: Unit, services: list[View]) -> View:
    return {
        "id": unit.id,
        "name": unit.name,
        "name_en": unit.name_en,
        "open": any(each["open"] for each in services),
        "why": services[0]["why"] if services else None,
        "why_en": services[0]["why_en"] if services else None,
        "waiting": sum(each["waiting"] for each in services),
        "services": services,
    }


# ---- windows

PAUSED = ("sign", "resume", "contact", "other", "place")
IN_HAND_SQL = """
SELECT w.no, w.state, w.sign, w.armed_at, t.id, t.number, t.service, t.state, t.called_at, t.started_at, t.recalls,
  w.resume, w.contact, w.other, w.place, w.staff
FROM window w LEFT JOIN ticket t ON t.window = w.no AND t.state IN ('called', 'serving')
"""


def windows(connection: Statements, hall: Hall, only: Collection[int] | None = None) -> list[View]:
    """Every window of the hall file (or `only` these) with its state and the ticket in hand."""
    wanted = [no for no in hall.window if only is None or no in only]
    marks = ",".join("?" * len(wanted))
    found = connection.exec_driver_sql(f"{IN_HAND_SQL} WHERE w.no IN ({marks})", tuple(wanted))
    rows = {row[0]: row for row in found}
    waiting = _waiting(connection)
    return [_window(hall, no, rows[no], waiting) for no in wanted if no in rows]


def _window(hall: Hall, no: int, row: Any, waiting: Waiting) -> View:
    window, zone = hall.window[no], hall.zone_info
    in_hand = None
    if row[4] is not None:
        in_hand = {
            "id": row[4],
            "number": row[5],
            "service": hall.service[row[6]].name,
            "state": row[7],
            "called_at": rfc3339(row[8], zone),
            "started_at": rfc3339(row[9], zone),
            "recalls": row[10],
        }
    return {
        "no": no,
        "name": window.name,
        "kind": window.kind,
        "zone": window.zone,
        "floor": hall.zone[window.zone].floor,
        "state": row[1],
        "paused": None if row[1] == "open" else dict(zip(PAUSED, (row[2], *row[11:15]), strict=True)),
        "staff": row[15],
        "armed": row[3] is not None,
        "skills": list(window.skills),
        "waiting": waiting.at(window),
        "ticket": in_hand,
    }


def console(connection: Statements, hall: Hall, now: Now, no: int) -> View:
    """What a clerk needs beside the window itself: who comes next, who may go on here (回呼), and the own numbers of
    today. Who was held here stands first; then who was held elsewhere and took everything along.
    """
    skills = hall.window[no].skills
    marks = ",".join("?" * len(skills))
    following = connection.exec_driver_sql(
        "SELECT id, number, service, taken_at, priority FROM ticket WHERE state='waiting'"  # noqa: S608  only marks
        f" AND (for_window=? OR for_window IS NULL AND service IN ({marks})) ORDER BY rank, position LIMIT 5",
        (no, *skills),
    )
    held = connection.exec_driver_sql(
        "SELECT id, number, service, held_at, window FROM ticket WHERE day=? AND state='held'"  # noqa: S608  only marks
        f" AND (window=? OR hold='without_papers' AND service IN ({marks}))"
        " ORDER BY window IS NOT ?, held_at DESC",
        (now.day, no, *skills, no),
    )
    done = connection.exec_driver_sql(
        "SELECT state, count(*) FROM ticket WHERE day=? AND window=? AND state IN ('finished','missed') GROUP BY state",
        (now.day, no),
    )
    today: dict[str, int] = {row[0]: row[1] for row in done}
    return {
        "next": [
            {
                "id": row[0],
                "number": row[1],
                "service": hall.service[row[2]].name,
                "waited_minutes": balance.waited_minutes(row[3], now.at),
                **_priority(row[4]),
            }
            for row in following
        ],
        "held": [
            {
                "id": row[0],
                "number": row[1],
                "service": hall.service[row[2]].name,
                "held_at": rfc3339(row[3], hall.zone_info),
                "window": row[4],
            }
            for row in held
        ],
        "today": {"finished": today.get("finished", 0), "missed": today.get("missed", 0)},
    }


# ---- the hall screen


def board(connection: Statements, hall: Hall, zone: str | None, outlook: Outlook | None = None) -> View:
    """Calls newest first, who waits and, with an outlook, how long; for a zone or the hall. Raises Refused (404)."""
    if zone is not None and zone not in hall.zone:
        raise Refused("no_such_zone", "没有这个区域", status=404)
    calls = [
        {
            "number": view["ticket"]["number"],
            "window": view["no"],
            "window_name": view["name"],
            "floor": view["floor"],
            "state": view["ticket"]["state"],
            "called_at": view["ticket"]["called_at"],
            "recalls": view["ticket"]["recalls"],
            "text": hall.signs.call.format(**sign_words(hall, view)),
        }
        for view in windows(connection, hall)
        if view["ticket"] and zone in (None, view["zone"])
    ]
    waiting = _waiting(connection).service
    return {
        "zone": {"id": zone, "name": hall.zone[zone].name} if zone else None,
        "hall": {"name": hall.hall.name, "name_en": hall.hall.name_en},
        "calls": sorted(calls, key=lambda call: str(call["called_at"]), reverse=True),
        "waiting": [
            {
                "service": each.id,
                "name": each.name,
                "prefix": each.prefix,
                "waiting": waiting.get(each.id, 0),
                "estimate": outlook and estimates.of_line(outlook, each.line, waiting.get(each.line, 0), outlook.at),
            }
            for each in hall.services
        ],
    }
