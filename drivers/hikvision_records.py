"""What an ISAPI terminal says and is asked, as documents. Pure functions; see hikvision.py for the wire.

Of what is said of a person only their number is kept: no name, no card, no address of a picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from xml.etree import ElementTree as Xml

from drivers.base import Direction, Enrolled, Misconfigured, Mode, ProtocolError, Punched, Rejected, Unreachable

# ---- documents


def document(raw: bytes) -> dict[str, Any]:
    """A JSON object, or the leaves of an XML document by their names. Raises `ProtocolError`, which repeats nothing."""
    try:
        found = _leaves(raw) if raw.lstrip()[:1] == b"<" else json.loads(raw)
    except (ValueError, RecursionError, Xml.ParseError, LookupError):
        found = None
    if not isinstance(found, dict):
        raise ProtocolError("neither a JSON object nor XML")
    return found


def _leaves(raw: bytes) -> dict[str, Any]:
    if b"<!" in raw:  # entities that could grow
        raise ValueError
    return {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in Xml.fromstring(raw).iter()}  # noqa: S314


def part(found: Any, name: str) -> dict[str, Any]:
    """The object under a name; empty when there is none."""
    inner = found.get(name) if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else {}


def number(value: Any) -> int | None:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def word(value: Any) -> str:
    """A number of a person; "" for what is none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if PERSON.fullmatch(text) else ""


# ---- events

EVENT: Final = 5
MODES: Final[Mapping[int, Mode]] = {
    **dict.fromkeys((1, 2), "card"),
    **dict.fromkeys((38, 69), "fingerprint"),
    **dict.fromkeys((54, 57, 60, 75, 77), "face"),
}
"""Minor types of major 5 that are somebody's punch; of two things asked for, the one of the body counts."""
DIRECTIONS: Final[Mapping[str, Direction]] = {
    **dict.fromkeys(("checkIn", "breakIn", "overtimeIn"), "in"),
    **dict.fromkeys(("checkOut", "breakOut", "overtimeOut"), "out"),
}
PERSON: Final = re.compile(r"[!-~]{1,32}")
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far records have been stored."""

    at: datetime
    serial: int

    def __str__(self) -> str:
        return f"{self.serial} {self.at.isoformat()}"

    @classmethod
    def read(cls, bookmark: str) -> Mark:
        serial, _, at = bookmark.partition(" ")
        when = moment(at, timedelta())
        return cls(when or BEGINNING, (number(serial) or 0) if when else 0)


@dataclass(frozen=True, slots=True)
class Record:
    """One event of the access controller, whatever it is about."""

    kind: str
    """`major/minor`."""
    at: datetime
    serial: int | None
    person: str
    mode: Mode | None
    """None when it is nobody's punch."""
    direction: Direction
    live: bool

    @property
    def mark(self) -> Mark:
        return Mark(self.at, self.serial or 0)

    def stored(self, mark: Mark) -> bool:
        """Whether everything up to the mark has it. After a reset numbers begin anew, after a step back times do."""
        if self.serial is None:
            return self.at < mark.at
        return self.at <= mark.at and self.serial <= mark.serial

    def punched(self, bookmark: str) -> Punched:
        sequence = self.kind if self.serial is None else str(self.serial)
        mode = self.mode or "unknown"
        return Punched(self.person, self.at.replace(tzinfo=None), sequence, bookmark, self.direction, mode, self.live)


def moment(text: Any, offset: timedelta) -> datetime | None:
    """`offset` is of a time that tells none."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone(offset))
    return at.replace(microsecond=0) if 1970 <= at.year <= 2100 else None


def of_alert(alert: Mapping[str, Any], offset: timedelta) -> Record | None:
    """Of a part of the stream; None for heartbeats and for what is not about access."""
    outer = part(alert, "EventNotificationAlert") or alert
    if outer.get("eventType") != "AccessControllerEvent":
        return None
    inner = part(outer, "AccessControllerEvent") or outer
    return _record(inner, inner.get("majorEventType"), inner.get("subEventType"), outer.get("dateTime"), offset)


def of_search(info: Mapping[str, Any], offset: timedelta) -> Record | None:
    return _record({**info, "currentEvent": False}, info.get("major"), info.get("minor"), info.get("time"), offset)


def _record(said: Mapping[str, Any], major: Any, minor: Any, time: Any, offset: timedelta) -> Record | None:
    at, kind = moment(time, offset), (number(major), number(minor))
    if at is None or None in kind:
        return None
    person = word(said.get("employeeNoString")) or word(said.get("employeeNo"))
    return Record(
        kind=f"{kind[0]}/{kind[1]}",
        at=at,
        serial=number(said.get("serialNo")),
        person=person,
        mode=MODES.get(kind[1] or 0) if kind[0] == EVENT and person else None,
        direction=DIRECTIONS.get(str(said.get("attendanceStatus")), "unknown"),
        live=said.get("currentEvent") not in (False, "false"),
    )


# ---- clock


def local(at: datetime, offset: timedelta) -> str:
    """ISO 8601 with the offset: models refuse a time without one, or take it for another."""
    return at.astimezone(timezone(offset)).isoformat(timespec="seconds")


def clock(answer: bytes) -> datetime:
    """What the terminal shows, without a zone."""
    at = moment(document(answer).get("localTime"), timedelta())
    if at is None:
        raise ProtocolError("no localTime")
    return at.replace(tzinfo=None)


def set_clock(shown: datetime, offset: timedelta) -> bytes:
    """The zone is written the other way round: `CST-8:00:00` is east."""
    minutes = round(offset.total_seconds() / 60)
    zone = f"CST{'-' if minutes >= 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02d}:00"
    time = shown.replace(tzinfo=timezone(offset)).isoformat(timespec="seconds")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Time version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<timeMode>manual</timeMode><localTime>{time}</localTime><timeZone>{zone}</timeZone></Time>"
    ).encode("ascii")


# ---- people

LAST_DAY: Final = "2037-12-31T23:59:59"
OWN_PERSON: Final = re.compile(r"[0-9A-Za-z]{1,32}")


def enrolled(user: Mapping[str, Any]) -> Enrolled | None:
    person = word(user.get("employeeNo"))
    if not person:
        return None
    counts: dict[Mode, str] = {"face": "numOfFace", "fingerprint": "numOfFP", "card": "numOfCard"}
    modes = tuple(mode for mode, name in counts.items() if number(user.get(name)))
    enabled = part(user, "Valid").get("enable") is not False
    return Enrolled(person, str(user.get("name") or ""), enabled, modes=modes)


def user(person: Enrolled, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The `UserInfo` that adds somebody, or changes who was `before`. Raises `Rejected` for what cannot be written."""
    if not OWN_PERSON.fullmatch(person.person):
        raise Rejected("bad_person", "1 to 32 letters and digits")
    if not person.name.isprintable() or len(person.name) > 32:
        raise Rejected("bad_name")
    valid = part(before, "Valid") or {"beginTime": "2020-01-01T00:00:00", "endTime": LAST_DAY, "timeType": "local"}
    written: dict[str, Any] = {"employeeNo": person.person, "userType": "normal"}
    written["Valid"] = {**valid, "enable": person.enabled}
    if person.name:
        written["name"] = person.name
    if before is None:
        written |= {"doorRight": "1", "RightPlan": [{"doorNo": 1, "planTemplateNo": "1"}]}
    else:
        written["userType"] = before.get("userType") or "normal"
    return written


# ---- refusals

WORDS: Final = re.compile(r"[A-Za-z]{1,40}")
REASONS: Final[Mapping[str, str]] = {
    "notSupport": "not_supported",
    "methodNotAllowed": "not_supported",
    "deviceBusy": "busy",
    "employeeNoAlreadyExist": "known_person",
    "employeeNoNotExist": "unknown_person",
}


def judge(status: int, body: bytes) -> None:
    """Raises `Misconfigured` for a password or a right that is lacking, a redirect or a path that is not there;
    `Unreachable` for other 5xx, and `Rejected` with the terminal's own word otherwise."""
    if 200 <= status < 300:
        return
    if status == 401:
        raise Misconfigured("the terminal takes neither user nor password, or has locked them out")
    try:
        said = document(body)
    except ProtocolError:
        said = {}
    word = (part(said, "ResponseStatus") or said).get("subStatusCode")
    word = word if isinstance(word, str) and WORDS.fullmatch(word) else ""
    if word in ("lowPrivilege", "noPermission") or 300 <= status < 400 or (status in (403, 404) and not word):
        raise Misconfigured(f"the terminal answers HTTP {status} {word}".rstrip())
    if word in REASONS or 400 <= status < 500:
        raise Rejected(REASONS.get(word, "refused"), f"HTTP {status} {word}".rstrip())
    if status == 503:
        raise Rejected("busy", f"HTTP {status}")
    raise Unreachable(f"the terminal answers HTTP {status}")
