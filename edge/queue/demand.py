"""What a hall's own days say of the visitors to come: how long they take, and how many there will be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from edge.clock import Now
from edge.hall import Hall
from edge.queue.presence import Openings
from edge.queue.what_if import Coming
from edge.statements import Statements

WEEKS = 4
"""So many earlier days of the same weekday say what to expect."""
SLOT_S = 1800
ENOUGH = 10
"""Visitors from which on what was counted is believed."""

MEANS_SQL = """
SELECT p.service, count(DISTINCT p.ticket), sum(p.end - p.start) FROM ticket t JOIN ticket_period p ON p.ticket = t.id
WHERE t.day IN ({}) AND p.kind IN ('called', 'serving') AND t.state = 'finished' GROUP BY p.service
"""


def means(connection: Statements, hall: Hall, now: Now) -> dict[str, float]:
    """Seconds of a visitor at a window, of every service: today and on this weekday, or as the hall file has it."""
    days = (now.day, *same_weekdays(now))
    found = connection.exec_driver_sql(MEANS_SQL.format(",".join("?" * len(days))), days)
    counted = {service: total / 1000 / number for service, number, total in found if number >= ENOUGH}
    return {each.id: counted.get(each.id, each.mean_minutes * 60) for each in hall.services}


def same_weekdays(now: Now) -> list[str]:
    on = date.fromisoformat(now.day)
    return [(on - timedelta(weeks=ago)).isoformat() for ago in range(1, WEEKS + 1)]


# ---- visitors

CAME_SQL = "SELECT day, coalesce(visit, service), taken_at FROM ticket WHERE day IN ({})"


def expected(
    connection: Statements, hall: Hall, now: Now, openings: Openings, midnight: int
) -> tuple[list[Coming], int]:
    """Who will come until closing, in half hours: as on this weekday before, as much more or less as today so far."""
    now_s = (now.at - midnight) / 1000
    days = (now.day, *same_weekdays(now))
    came = defaultdict[str, list[tuple[str, float]]](list)
    for day, service, taken_at in connection.exec_driver_sql(CAME_SQL.format(",".join("?" * len(days))), days):
        if service in hall.service:
            came[day].append((service, (taken_at - midnight) / 1000 % 86_400))
    today, before = came.pop(now.day, []), list(came.values())
    spans = [((start - midnight) / 1000, (end - midnight) / 1000) for start, end in openings]
    if before:
        so_far = sum(at < now_s for day in before for _, at in day) / len(before)
        scale = min(2.0, max(0.5, len(today) / so_far)) if so_far >= 2 * ENOUGH else 1.0
        counts = Counter((service, int(at // SLOT_S)) for day in before for service, at in day)
        rates = {key: number / len(before) * scale for key, number in counts.items()}
    else:
        since = max(3600.0, now_s - min((at for _, at in today), default=now_s))
        slots = range(int(spans[0][0] // SLOT_S), int(spans[-1][1] // SLOT_S) + 1)
        often = Counter(service for service, _ in today)
        rates = {(service, slot): number / since * SLOT_S for service, number in often.items() for slot in slots}
    return list(_coming(hall, rates, spans, now_s)), len(before)


def _coming(
    hall: Hall, rates: Mapping[tuple[str, int], float], spans: Sequence[tuple[float, float]], now_s: float
) -> Iterator[Coming]:
    for (id_, slot), mean in sorted(rates.items()):
        service = hall.service[id_]
        for opens, closes in spans:
            start, end = max(slot * SLOT_S, opens, now_s), min((slot + 1) * SLOT_S, closes)
            if start < end:
                yield Coming(service.line, start, end, mean * (end - start) / SLOT_S, service.steps[1:])
