"""What a clerk knows before pressing: who is next at this window and why, and the window's own day. Reads only."""

from __future__ import annotations

import re
from typing import Any

from edge.clock import Now, rfc3339
from edge.database import Session
from edge.hall import Hall
from edge.queue import balance, board, desk
from edge.queue.sending import mine
from edge.queue.tickets import STATE_WORDS, State
from edge.refusal import Refused
from edge.statements import Statements

View = dict[str, Any]
MISSED_SHOWN = 20
FIELDS = "id, number, service, taken_at, priority"
"""What `_shown` takes."""


def following(connection: Statements, hall: Hall, now: Now, no: int) -> View:
    """What the window's clerk chooses from. JSON-ready. Raises Refused (404).

    `next` is the ticket that the window's next call takes if nobody comes or goes before, with its `why`, or None;
    `missed` who may come back here, the last first; `materials` what the visit in hand may lack.
    """
    _known(hall, no)
    return {
        "next": _next(connection, hall, now, no),
        "missed": _missed(connection, hall, now, no),
        "materials": _materials(connection, hall, no),
    }


def _next(connection: Statements, hall: Hall, now: Now, no: int) -> View | None:
    chosen = desk.who_is_next(Session(connection, str, ""), hall, now, no)
    if chosen is None:
        return None
    row = connection.exec_driver_sql(f"SELECT {FIELDS} FROM ticket WHERE id=?", (chosen.ticket,)).one()  # noqa: S608  our own words
    return _shown(hall, now, row) | {"why": chosen.why}


def _missed(connection: Statements, hall: Hall, now: Now, no: int) -> list[View]:
    skills = hall.window[no].skills
    found = connection.exec_driver_sql(
        f"SELECT {FIELDS} FROM ticket WHERE day=? AND state='missed' AND (window=? OR {mine(skills)})"  # noqa: S608
        " ORDER BY since DESC, id LIMIT ?",
        (now.day, no, no, *skills, MISSED_SHOWN),
    )
    return [_shown(hall, now, row) for row in found]


def _materials(connection: Statements, hall: Hall, no: int) -> list[str]:
    """Of the service that was asked for, and of its present step."""
    row = connection.exec_driver_sql(
        "SELECT visit, service FROM ticket WHERE window=? AND state IN ('called', 'serving')", (no,)
    ).first()
    asked = [hall.service[each] for each in row or () if each in hall.service]
    return list(dict.fromkeys(material for service in asked for material in service.materials))


def by_number(connection: Statements, hall: Hall, now: Now, no: int, number: str) -> View:
    """Today's ticket that waits for this window, by its number with or without letters and zeros: `A012`, `a12`, `12`.

    Raises Refused (404), in words that say where it is instead.
    """
    _known(hall, no)
    said, skills = number.strip().upper(), hall.window[no].skills
    parts = re.fullmatch(r"([A-Z]*)0*(\d{1,7})", said, re.ASCII)
    prefix, ordinal = parts.groups() if parts else (said, None)
    found = connection.exec_driver_sql(
        f"SELECT {FIELDS}, state, {mine(skills)} AS mine FROM ticket"  # noqa: S608  our own words
        " WHERE day=? AND ordinal=? AND ? IN ('', prefix) ORDER BY state<>'waiting' OR NOT mine, rank, position",
        (no, *skills, now.day, ordinal, prefix),
    ).first()
    if found is None:
        raise Refused("no_such_number", f"今天没有{said}号", f"number {said!r}", 404)
    *row, state, here = found
    if state != "waiting":
        raise _not_waiting(row[1], state)
    if not here:
        raise Refused("not_here", f"{row[1]}号不在本窗口等候", f"window {no}", 404)
    return _shown(hall, now, row)


def _not_waiting(number: str, state: State) -> Refused:
    advice = "，请用“过号恢复”" if state == "missed" else ""
    return Refused("not_waiting", f"{number}号{STATE_WORDS[state]}{advice}", f"state {state}", 404)


def today(connection: Statements, hall: Hall, now: Now, no: int) -> View:
    """The window's own day: services done (a held one when it is over), visitors who did not come and have not come
    back, mean minutes from start to end (None before the first), and how many wait. JSON-ready. Raises Refused (404).
    """
    _known(hall, no)
    served, spent = connection.exec_driver_sql(SERVED_SQL, {"day": now.day, "no": no, "at": now.at}).one()
    missed = connection.exec_driver_sql(
        "SELECT count(*) FROM ticket WHERE day=? AND window=? AND state='missed'", (now.day, no)
    ).scalar_one()
    (waiting,) = board.windows(connection, hall, (no,))
    mean = round(spent / served / balance.MINUTE_MS, 1) if served else None
    return {"served": served, "missed": missed, "mean_minutes": mean, "waiting": waiting["waiting"]}


SERVED_SQL = """
SELECT count(DISTINCT t.id || p.service), sum(p.end - p.start)
FROM ticket_period p INDEXED BY ticket_period_served JOIN ticket t ON t.id = p.ticket
WHERE p.window = :no AND p.kind = 'serving' AND p.start > :at - 172800000 AND t.day = :day
  AND NOT (t.service = p.service AND t.window IS :no AND t.state IN ('held', 'called', 'serving'))
"""


def _known(hall: Hall, no: int) -> None:
    if no not in hall.window:
        raise Refused("no_such_window", f"没有{no}号窗口", status=404)


def _shown(hall: Hall, now: Now, row: Any) -> View:
    id_, number, service, taken_at, priority = row
    return {
        "id": id_,
        "number": number,
        "service": hall.service[service].name if service in hall.service else "",
        "taken_at": rfc3339(taken_at, hall.zone_info),
        "waited_minutes": balance.waited_minutes(taken_at, now.at),
        "priority": priority,
        "priority_words": balance.WORDS[priority] if priority else None,
    }
