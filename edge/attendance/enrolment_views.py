"""What ops is shown of enrolment: who is on which terminal, what they may be asked to enrol, and what is in the way."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from edge.attendance import roster
from edge.attendance.enrolments import MODES, has_left
from edge.clock import Now, rfc3339
from edge.hall import Hall
from edge.statements import Statements

View = dict[str, Any]
NO_LETTER, NOT_YET = "缺人员调整函", "尚未到岗"
STATES = {
    ("waiting", 1): "待下发",
    ("waiting", 0): "待删除",
    ("sent", 1): "已下发",
    ("gone", 0): "已删除",
    ("failed", 1): "下发失败",
    ("failed", 0): "删除失败",
}
WHY = {
    "unreachable": "终端联系不上，恢复后自动继续",
    "busy": "终端正忙",
    "timeout": "终端没有按时完成",
    "misunderstood": "终端的回答看不懂",
    "not_filed": "没有人员调整函，或尚未到岗",
    "full": "终端人数已满",
    "bad_person": "终端不接受这个工号",
    "bad_name": "终端不接受这个姓名",
    "bad_card": "终端不接受这个卡号",
    "unreadable": "终端的人员表看不懂",
    "not_supported": "终端不支持",
}
OFFERS = {"face": "刷脸", "fingerprint": "指纹"}
FALLBACK = {"card": "刷卡", "pin": "密码", "manual": "人工登记"}
PUNCHES_BACK = timedelta(days=31)


def overview(connection: Statements, hall: Hall, now: Now, terminals: tuple[str, ...]) -> View:
    """`staff`: each person with their terminals; `terminals`: each with what waits and whom it alone knows."""
    return {
        "staff": staff(connection, hall, now, terminals),
        "terminals": [_terminal(connection, hall, each) for each in terminals],
    }


def staff(connection: Statements, hall: Hall, now: Now, terminals: tuple[str, ...]) -> list[View]:
    """Who is, will be, or was and is still on a terminal; by unit, then 工号."""
    today = date.fromisoformat(now.day)
    rows, last = _rows(connection), _last_punches(connection, hall, today)
    return [
        _person(hall, today, each, rows[each.id], terminals) | {"last_punch": last.get(each.id)}
        for each in roster.people(connection)
        if not has_left(each, today) or any(row["state"] != "gone" for row in rows[each.id].values())
    ]


def _person(hall: Hall, today: date, person: roster.Person, rows: dict[str, View], terminals: tuple[str, ...]) -> View:
    agreed = consented(person, today)
    missing = _missing(person, today)
    unit = hall.unit.get(person.unit)
    places = [device for device in terminals if device in rows or _punches_at(person, device, today)]
    return {
        "staff": person.id,
        "name": person.name,
        "unit": unit.name if unit else person.unit,
        "letter": person.letter.strip() or None,
        "words": missing,
        "consent": {"face": _day(person.consent.face), "fingerprint": _day(person.consent.fingerprint)},
        "offers": [OFFERS[mode] for mode in agreed] or [FALLBACK[person.fallback]],
        "terminals": [_place(hall, device, rows.get(device), agreed, missing) for device in places],
    }


def consented(person: roster.Person, today: date) -> list[str]:
    """How this person agrees to be recognised by the body; nobody may be asked to enrol anything else of it."""
    since = {"face": person.consent.face, "fingerprint": person.consent.fingerprint}
    return [mode for mode, day in since.items() if day is not None and day <= today]


def _missing(person: roster.Person, today: date) -> str | None:
    if has_left(person, today):
        return None
    return NO_LETTER if not person.letter.strip() else None if person.here(today) else NOT_YET


def _punches_at(person: roster.Person, device: str, today: date) -> bool:
    return not has_left(person, today) and (not person.terminals or device in person.terminals)


def _place(hall: Hall, device: str, row: View | None, agreed: list[str], missing: str | None) -> View:
    if row is None:
        return {"device": device, "state": None, "words": missing or STATES["waiting", 1]}
    modes = {mode: bool(row[mode]) for mode in MODES}
    return {
        "device": device,
        "state": row["state"],
        "wanted": bool(row["wanted"]),
        "words": STATES[row["state"], row["wanted"]],
        "why": row["why"],
        "why_words": WHY.get(row["why"], "终端拒绝了") if row["why"] else None,
        "tries": row["tries"],
        "modes": modes,
        "not_agreed": [mode for mode in OFFERS if modes[mode] and mode not in agreed],
        "changed_at": rfc3339(row["changed_at"], hall.zone_info),
        "seen_at": rfc3339(row["seen_at"], hall.zone_info),
    }


def _terminal(connection: Statements, hall: Hall, device: str) -> View:
    rows = connection.exec_driver_sql("SELECT state, count(*) FROM enrolment WHERE device=? GROUP BY state", (device,))
    counts: dict[str, int] = dict(rows.all())
    strangers = connection.exec_driver_sql("SELECT person FROM terminal_stranger WHERE device=? ORDER BY 1", (device,))
    known = [row[0] for row in strangers]
    return {
        "device": device,
        "name": hall.device[device].name,
        "states": {state: counts.get(state, 0) for state in ("waiting", "sent", "failed", "gone")},
        "strangers": {"count": len(known), "staff": known},
    }


COLUMNS = ("device", "wanted", "state", "why", "tries", "changed_at", "seen_at", *MODES)


def _rows(connection: Statements) -> defaultdict[str, dict[str, View]]:
    """person -> device -> row."""
    found: defaultdict[str, dict[str, View]] = defaultdict(dict)
    for person, *values in connection.exec_driver_sql(f"SELECT person, {', '.join(COLUMNS)} FROM enrolment"):  # noqa: S608  ours
        found[person][values[0]] = dict(zip(COLUMNS, values, strict=True))
    return found


def _last_punches(connection: Statements, hall: Hall, today: date) -> dict[str, View]:
    """Of the last month, by person."""
    rows = connection.exec_driver_sql(
        "SELECT person, max(at), device FROM punch WHERE day >= ? GROUP BY person",
        ((today - PUNCHES_BACK).isoformat(),),
    )
    return {person: {"at": rfc3339(at, hall.zone_info), "device": device} for person, at, device in rows}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
