"""What ops is shown of messages, and when the clock has work to do. Reads only."""

from __future__ import annotations

from typing import Any

from edge.clock import Now, rfc3339
from edge.hall import Hall
from edge.messages import desk, texts
from edge.statements import Statements

LAST = 20
FAILURES_SQL = """
SELECT m.id, m.ticket, t.number, m.kind, m.state, m.why, m.done_at FROM message m JOIN ticket t ON t.id = m.ticket
WHERE m.state IN ('failed', 'unknown', 'expired') ORDER BY m.done_at DESC, m.id DESC LIMIT ?
"""


def overview(connection: Statements, hall: Hall, now: Now) -> dict[str, Any]:
    """Today's messages by state, why some did not go out, and the last failures in words. JSON-ready."""
    rows = connection.exec_driver_sql(
        "SELECT state, why, count(*) FROM message WHERE day=? GROUP BY state, why", (now.day,)
    ).all()
    held_back = {why: count for state, why, count in rows if state == "suppressed"}
    return {
        "device": hall.sms.device,
        "quiet": texts.is_quiet(hall, now.at),
        "daily_cap": hall.sms.daily_cap,
        "used": desk.sent_today(connection, now),
        "today": {state: sum(count for each, _, count in rows if each == state) for state in texts.STATES},
        "suppressed": [
            {"why": why, "words": texts.why_words(why), "count": count} for why, count in sorted(held_back.items())
        ],
        "failures": [
            {
                "id": id_,
                "ticket": ticket,
                "number": number,
                "kind": kind,
                "state": state,
                "why": why,
                "words": texts.why_words(why),
                "at": rfc3339(at, hall.zone_info),
            }
            for id_, ticket, number, kind, state, why, at in connection.exec_driver_sql(FAILURES_SQL, (LAST,))
        ],
    }


def next_end(connection: Statements) -> int | None:
    """When the next message ends that was not sent by then, UTC milliseconds."""
    found: int | None = connection.exec_driver_sql(
        "SELECT min(CASE state WHEN 'wanted' THEN until ELSE sent_at + ? END) FROM message"
        " WHERE state IN ('wanted', 'sending')",
        (desk.SENDING_MS,),
    ).scalar_one()
    return found


def to_forget(connection: Statements, now: Now, delivered: int | None) -> bool:
    """Whether there is work for `desk.forget` with this `delivered`."""
    found = connection.exec_driver_sql(
        f"SELECT EXISTS (SELECT 1 FROM contact WHERE {desk.OLD_CONTACT})"  # noqa: S608  our own words
        f" OR EXISTS (SELECT 1 FROM message WHERE {desk.OLD_MARK})",
        {"day": now.day, "at": now.at, "delivered": delivered},
    )
    return bool(found.scalar_one())
