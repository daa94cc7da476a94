"""How a device was over the last days or at a moment, from its journal events. Reads only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from edge.devices.health import Health, blocks, why_of
from edge.journal import OF_PLACES
from edge.statements import Statements


class Said(NamedTuple):
    """An event of a device: up, down, or a condition that began or ended."""

    at: int
    """UTC, milliseconds."""
    type: str
    data: Mapping[str, Any]


class Span(NamedTuple):
    start: int
    end: int
    severity: str
    """ok, warn, bad, none (not known)."""


def spans(said: Sequence[Said], start: int, end: int, before: str) -> list[Span]:
    """From `start` to `end`; `before` is up, down or none: how it was at the start when no event tells."""
    return _spans(_at_first(said, before), said, start, end)


def _spans(health: Health, said: Sequence[Said], start: int, end: int) -> list[Span]:
    found: list[Span] = []
    since = start
    for each in said:
        at = min(max(each.at, since), end)
        if at > since:
            found.append(Span(since, at, _severity(health)))
            since = at
        hear(health, each)
    if end > since:
        found.append(Span(since, end, _severity(health)))
    return list(_joined(found))


def hear(health: Health, each: Said) -> None:
    """Makes of the health what the event made of it.

    Up or down told once more: the service began anew, and what had been the matter is over unless it is told again.
    """
    if each.type == "device.condition":
        if each.data["active"]:
            health.conditions[each.data["condition"]] = each.at
        else:
            health.conditions.pop(each.data["condition"], None)
        return
    state, kind = _state(each), each.data.get("why", "")
    if state == health.state:
        health.conditions.clear()
    health.state, health.since, health.why = state, each.at, None if state == "up" else why_of(kind)


def _state(each: Said) -> Literal["up", "down", "misconfigured"]:
    if each.type == "device.up":
        return "up"
    return "misconfigured" if each.data.get("why") == "Misconfigured" else "down"


def _at_first(said: Iterable[Said], before: str) -> Health:
    """What ends first must have been before."""
    health, known, state = Health(), set(), ""
    for each in said:
        if each.type == "device.condition":
            name = each.data["condition"]
            if name not in known and not each.data["active"]:
                health.conditions[name] = 0
            known.add(name)
        state = state or {"device.up": "none", "device.down": "up"}.get(each.type, "up")
    state = state or before
    health.state = "unknown" if state == "none" else "up" if state == "up" else "down"
    return health


def _severity(health: Health) -> str:
    if health.state != "up":
        return "none" if health.state == "unknown" else "bad"
    if any(blocks(each.rstrip("0123456789").rstrip("_")) for each in health.conditions):
        return "bad"
    return "warn" if health.conditions else "ok"


def _joined(found: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for each in found:
        if last is not None and last.severity == each.severity:
            last = last._replace(end=each.end)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


# ---- what is stored


def said(connection: Statements, device: str, since: int) -> list[Said]:
    """From `since` (UTC milliseconds) on."""
    rows = connection.exec_driver_sql(
        "SELECT at, type, data FROM journal WHERE at >= ? AND key=?"
        " AND type IN ('device.up', 'device.down', 'device.condition') ORDER BY seq",
        (since, f"device:{device}"),
    )
    return [Said(at, type_, json.loads(data)) for at, type_, data in rows]


def last_known(connection: Statements, device: str) -> str:
    """up, down, or none when it never came."""
    row = connection.exec_driver_sql("SELECT up FROM device_seen WHERE device=?", (device,)).first()
    return "none" if row is None else "up" if row[0] else "down"


# ---- at a moment

SAID_SQL = """
SELECT key, at, type, data FROM journal WHERE seq > ? AND seq <= ?
  AND type IN ('device.up', 'device.down', 'device.condition') ORDER BY seq
"""
LAST_SQL = f"""
SELECT at, type, data FROM journal WHERE {OF_PLACES} AND key=? AND seq <= ?
  AND type IN ('device.up', 'device.down', 'device.condition') ORDER BY seq DESC LIMIT {{}}
"""  # noqa: S608  our own words
Troubles = dict[str, list[Span]]
FAR = 500
"""Events of a device; what was told before so many and never since is not known."""


def health_at(connection: Statements, devices: Iterable[str], seq: int) -> dict[str, Health]:
    """Of each device after this event of the journal; unknown where it had told nothing yet."""
    found = {}
    for device in devices:
        rows = connection.exec_driver_sql(LAST_SQL.format(FAR), (f"device:{device}", seq)).all()
        found[device] = Health()
        for at, type_, data in reversed(rows):
            hear(found[device], Said(at, type_, json.loads(data)))
    return found


def troubles(connection: Statements, devices: Iterable[str], first: int, last: int, start: int, end: int) -> Troubles:
    """When which device could not work, or not well, between two events of the journal and their times."""
    told: dict[str, list[Said]] = defaultdict(list)
    for key, at, type_, data in connection.exec_driver_sql(SAID_SQL, (first, last)):
        told[key.removeprefix("device:")].append(Said(at, type_, json.loads(data)))
    before = health_at(connection, devices, first)
    found = {id_: _spans(health, told[id_], start, end) for id_, health in before.items()}
    amiss = {id_: [each for each in spans_ if each.severity in ("warn", "bad")] for id_, spans_ in found.items()}
    return {id_: spans_ for id_, spans_ in amiss.items() if spans_}
