"""How a device was over the last days, from its journal events. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from edge.devices.health import blocks
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
    state, conditions = _at_first(said, before)
    found: list[Span] = []
    since = start
    for each in said:
        at = min(max(each.at, since), end)
        if at > since:
            found.append(Span(since, at, _severity(state, conditions)))
            since = at
        if each.type == "device.condition":
            (conditions.add if each.data["active"] else conditions.discard)(each.data["condition"])
            state = "up"
        else:
            state = "up" if each.type == "device.up" else "down"
    if end > since:
        found.append(Span(since, end, _severity(state, conditions)))
    return list(_joined(found))


def _at_first(said: Iterable[Said], before: str) -> tuple[str, set[str]]:
    """What ends first must have been before."""
    conditions, known, state = set(), set(), ""
    for each in said:
        if each.type == "device.condition":
            name = each.data["condition"]
            if name not in known and not each.data["active"]:
                conditions.add(name)
            known.add(name)
        state = state or {"device.up": "none", "device.down": "up"}.get(each.type, "up")
    return state or before, conditions


def _severity(state: str, conditions: set[str]) -> str:
    if state != "up":
        return "bad" if state == "down" else "none"
    if any(blocks(each.rstrip("0123456789").rstrip("_")) for each in conditions):
        return "bad"
    return "warn" if conditions else "ok"


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
