"""The ledger of the hall's equipment (固定资产台账): entries that only grow, and what follows from them.

An item is named by its unified number (统一编号); a device of the hall file may be one, a lent camera another. Nothing
is approved here: who approved, borrowed, confirmed or took it over stands in the entry as it does on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.journal import append
from edge.refusal import Refused
from edge.statements import Statements

Kind = Literal[
    "registered",
    "corrected",
    "keeper",
    "loan",
    "returned",
    "fault",
    "repair",
    "sealed",
    "unsealed",
    "counted",
    "scrapped",
]
KINDS: Mapping[Kind, str] = {
    "registered": "登记入账",
    "corrected": "更正",
    "keeper": "领用、调整",
    "loan": "外借",
    "returned": "归还",
    "fault": "报修",
    "repair": "修好",
    "sealed": "封存",
    "unsealed": "启封",
    "counted": "盘点",
    "scrapped": "报废",
}
REASONS = {
    "worn_out": "超过使用年限，效能无法满足要求",
    "damaged": "意外损坏，无法修复或修复成本过高",
    "hazard": "影响安全、能耗大或污染严重",
    "renewed": "更新退役，没有使用价值",
}
"""南部山区 制度汇编: the four conditions under which a thing is scrapped."""
FOUND = {"found": "账实相符", "lost": "没有找到", "differs": "实物与账不符"}
STATES = {"in_use": "在用", "on_loan": "外借", "sealed": "封存", "scrapped": "已报废"}
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "registered": ("name", "category", "keeper"),
    "corrected": ("note",),
    "keeper": ("keeper",),
    "loan": ("who", "approved_by"),
    "returned": ("who", "checked_by"),
    "fault": ("who", "note"),
    "repair": ("who", "note"),
    "sealed": ("who",),
    "unsealed": ("who", "approved_by"),
    "counted": ("reason", "who"),
    "scrapped": ("reason", "note", "who", "approved_by"),
}
"""What an entry must say. The reason of a scrapping is found out and kept (应查明原因)."""
LABELS = {
    "name": "名称",
    "category": "类别",
    "keeper": "保管人",
    "note": "说明",
    "who": "经手人",
    "approved_by": "批准人或共同认定人",
    "checked_by": "验收人",
    "reason": "结果或原因",
}
MOVES: Mapping[Kind, tuple[str, str | None]] = {
    "keeper": ("in_use", None),
    "loan": ("in_use", "on_loan"),
    "returned": ("on_loan", "in_use"),
    "sealed": ("in_use", "sealed"),
    "unsealed": ("sealed", "in_use"),
}
"""From which state, and to which. What is not here may happen in any but `scrapped`."""
YEAR_MS = 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    number: str
    """统一编号"""
    kind: Kind
    name: str = ""
    category: str = ""
    model: str = ""
    device: str = ""
    """Of the hall file; empty for what has no wire."""
    place: str = ""
    keeper: str = ""
    who: str = ""
    """Who borrows, returns, repairs, seals, counts."""
    approved_by: str = ""
    checked_by: str = ""
    reason: str = ""
    """Of `REASONS` or `FOUND`."""
    due: str = ""
    """2026-03-31: when a loan ends."""
    note: str = ""


FIELDS = tuple(each.name for each in fields(Entry))


@dataclass(frozen=True, slots=True)
class Written:
    seq: int
    at: int
    """UTC, milliseconds."""
    actor: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Item:
    """What the entries of one number come to."""

    number: str
    name: str
    category: str
    model: str
    device: str
    place: str
    keeper: str
    state: str
    """Of `STATES`."""
    since: int
    """UTC, milliseconds: since when it is in this state."""
    registered: int
    holder: str
    """Who has borrowed it."""
    due: str
    counted: int | None
    """When it was last found at a stocktake."""
    faulty: bool
    """Reported, and not repaired yet."""


@dataclass(frozen=True, slots=True)
class Enter:
    entry: Entry
    actor: str


def enter(session: Session, hall: Hall, now: Now, command: Enter) -> int:
    """The entry's number in the ledger. Raises Refused (409, 422)."""
    entry = command.entry
    _check(hall, entry)
    before = item(session.connection, entry.number)
    _check_move(session.connection, entry, before)
    marks = ", ".join("?" * len(FIELDS))
    columns = ", ".join(FIELDS)
    session.connection.exec_driver_sql(
        f"INSERT INTO asset_entry (at, day, actor, {columns}) VALUES (?, ?, ?, {marks})",  # noqa: S608  our own words
        (now.at, now.day, command.actor, *(getattr(entry, name) for name in FIELDS)),
    )
    seq = int(session.connection.exec_driver_sql("SELECT max(seq) FROM asset_entry").scalar_one())
    device = entry.device or (before.device if before else "")
    key = f"device:{device}" if device else f"asset:{entry.number}"
    told = {"entry": seq, "kind": entry.kind, "number": entry.number, "device": device or None, "reason": entry.reason}
    append(session, hall, now, "device.ledger_entered", key, command.actor, **told)
    return seq


def _check(hall: Hall, entry: Entry) -> None:
    if not entry.number:
        raise Refused("entry_unfit", "没有登记，请写统一编号", status=422)
    if entry.kind not in KINDS:
        raise Refused("entry_unfit", "没有登记，请选登记什么", f"kind {entry.kind!r}", 422)
    missing = [LABELS[name] for name in NEEDS[entry.kind] if not getattr(entry, name)]
    if missing:
        raise Refused("entry_unfit", f"没有登记，{KINDS[entry.kind]}要写明{'、'.join(missing)}", status=422)
    known = {"scrapped": REASONS, "counted": FOUND}.get(entry.kind)
    if entry.reason and (known is None or entry.reason not in known):
        raise Refused("entry_unfit", f"没有登记，{KINDS[entry.kind]}没有这一项原因", f"reason {entry.reason!r}", 422)
    if entry.device and entry.device not in hall.device:
        raise Refused("entry_unfit", "没有登记，没有这台设备", f"device {entry.device!r}", 422)
    if entry.kind == "unsealed" and entry.who == entry.approved_by:
        raise Refused("entry_unfit", "没有登记，启封要由使用部门和综合科两个人共同认定", status=422)


def _check_move(connection: Statements, entry: Entry, before: Item | None) -> None:
    if entry.kind == "registered":
        if before is not None:
            raise Refused("number_taken", f"编号{entry.number}已经登记给{before.name}，请换一个")
        _check_device(connection, entry)
        return
    if before is None:
        raise Refused("not_registered", f"编号{entry.number}还没有登记入账，请先登记", status=404)
    if before.state == "scrapped":
        raise Refused("scrapped", f"{before.name}已报废，不再登记")
    if entry.kind in MOVES and before.state != MOVES[entry.kind][0]:
        raise Refused("not_now", f"{before.name}现在是{STATES[before.state]}，不能{KINDS[entry.kind]}")
    if entry.device != before.device:
        _check_device(connection, entry)


def _check_device(connection: Statements, entry: Entry) -> None:
    """One device is one item."""
    other = of_device(connection, entry.device) if entry.device else None
    if other is not None and other.number != entry.number and other.state != "scrapped":
        raise Refused("device_taken", f"这台设备已经登记为{other.number}", f"device {entry.device}")


# ---- what is known


def written(connection: Statements, number: str = "") -> list[Written]:
    """Everything of one number, or of all, the newest first."""
    where, values = ("WHERE number=?", (number,)) if number else ("", ())
    columns = ", ".join(FIELDS)
    rows = connection.exec_driver_sql(
        f"SELECT seq, at, actor, {columns} FROM asset_entry {where} ORDER BY seq DESC",  # noqa: S608  our own words
        values,
    )
    return [Written(row[0], row[1], row[2], Entry(*row[3:])) for row in rows]


def items(connection: Statements) -> list[Item]:
    """By number."""
    found: dict[str, list[Written]] = {}
    for each in written(connection):
        found.setdefault(each.entry.number, []).append(each)
    return [fold(reversed(found[number])) for number in sorted(found)]


def item(connection: Statements, number: str) -> Item | None:
    found = written(connection, number)
    return fold(reversed(found)) if found else None


def of_device(connection: Statements, device: str) -> Item | None:
    """The newest item that this device is."""
    found = [each for each in items(connection) if each.device == device]
    return max(found, key=lambda each: each.registered) if found else None


def fold(entries: Iterable[Written]) -> Item:
    """Of one number, the oldest first; the first is its registration."""
    told = {"name": "", "category": "", "model": "", "device": "", "place": "", "keeper": ""}
    state, since, registered, holder, due, counted, faulty = "in_use", 0, 0, "", "", None, False
    for nth, each in enumerate(entries):
        entry = each.entry
        told |= {name: value for name in told if (value := getattr(entry, name))}
        since, registered = (each.at, each.at) if nth == 0 else (since, registered)
        following = "scrapped" if entry.kind == "scrapped" else MOVES.get(entry.kind, ("", None))[1]
        if following is not None:
            state, since = following, each.at
        holder, due = (entry.who, entry.due) if entry.kind == "loan" else (holder, due)
        if state != "on_loan":
            holder = due = ""
        counted = each.at if entry.kind == "counted" and entry.reason == "found" else counted
        faulty = entry.kind == "fault" or (faulty and entry.kind != "repair")
    return Item(
        entry.number,
        **told,
        state=state,
        since=since,
        registered=registered,
        holder=holder,
        due=due,
        counted=counted,
        faulty=faulty,
    )


# ---- what is due


@dataclass(frozen=True, slots=True)
class Seen:
    device: str
    at: int
    """UTC, milliseconds."""
    up: bool


def see(session: Session, _hall: Hall, _now: Now, command: Seen) -> None:
    """Keeps when a device came, or when it stopped; one that was gone already has not stopped anew."""
    session.connection.exec_driver_sql(
        "INSERT INTO device_seen (device, at, up) VALUES (?, ?, ?) ON CONFLICT (device)"
        " DO UPDATE SET at=excluded.at, up=excluded.up WHERE excluded.up OR device_seen.up",
        (command.device, command.at, int(command.up)),
    )


def to_seal(connection: Statements, hall: Hall, at: int) -> dict[str, int]:
    """Number -> since when (UTC milliseconds) its device has been out of use, for a year or longer by `at`.

    南部山区 制度汇编 “连续停运一年以上的设备要封存”. It is proposed; a person enters it.
    """
    rows = connection.exec_driver_sql("SELECT device, at, up FROM device_seen")
    seen = {device: (since, bool(up) and device in hall.device) for device, since, up in rows}
    found = {}
    for each in items(connection):
        since, works = seen.get(each.device, (each.registered, False))
        idle = max(since, each.registered)
        if each.state == "in_use" and each.device and not works and at - idle >= YEAR_MS:
            found[each.number] = idle
    return found
