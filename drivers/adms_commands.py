"""What an ADMS terminal is asked to do: `C:<id>:<command>`, answered by `ID=<id>&Return=<code>&CMD=<word>`.

Only what attendance needs. There are commands that run a shell, write files and enrol a face: they are not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from drivers.base import Enrolled, Rejected

PERSON: Final = re.compile(r"[0-9A-Za-z]{1,24}")
QUERY_PEOPLE: Final = b"DATA QUERY USERINFO"
NO_SUCH_PERSON: Final = -10
REASONS: Final[Mapping[int, str]] = {
    NO_SUCH_PERSON: "unknown_person",
    -1001: "full",
    -1002: "not_supported",
    -1003: "timeout",
    -1005: "busy",
}


def set_clock(local: datetime) -> bytes:
    """The vendor's count of seconds since 2000, in which each month has 31 days."""
    days = ((local.year - 2000) * 12 + local.month - 1) * 31 + local.day - 1
    packed = days * 86400 + (local.hour * 60 + local.minute) * 60 + local.second
    return f"SET OPTION DateTime={packed}".encode("ascii")


def write_person(person: Enrolled, encoding: str) -> bytes:
    """Raises `Rejected` for what does not fit. What is not named stays as it is: password, group, templates."""
    if not person.enabled:
        raise Rejected("not_supported", "it knows nobody who may not punch")
    if not person.name.isprintable() or len(person.name) > 40:
        raise Rejected("bad_name")
    if person.card and not (person.card.isascii() and person.card.isdecimal() and len(person.card) <= 20):
        raise Rejected("bad_card")
    name = [b"Name=" + person.name.encode(encoding)] if person.name else []
    card = [b"Card=" + person.card.encode("ascii")] if person.card else []
    return b"\t".join([b"DATA UPDATE USERINFO PIN=" + pin(person.person), *name, *card])


def remove_person(person: str) -> bytes:
    return b"DATA DELETE USERINFO PIN=" + pin(person)


def pin(person: str) -> bytes:
    if not PERSON.fullmatch(person):
        raise Rejected("bad_person", "1 to 24 letters and digits")
    return person.encode("ascii")


RESULT: Final = re.compile(
    rb"(?:^|[\n&])ID=([0-9A-Za-z]{1,16})[&\r\n]+(?:[^\n]{0,99}&)?Return=(-?[0-9]{1,9})(?![0-9])",
)


def results(body: bytes) -> list[tuple[str, int]]:
    """(id, return code) of each command that the body tells of."""
    return [(found[1].decode("ascii"), int(found[2])) for found in RESULT.finditer(body)]


def judge(code: int) -> None:
    """Raises `Rejected` for a code that is no success; 0, or how much it was."""
    if code < 0:
        raise Rejected(REASONS.get(code, "refused"), f"Return={code}")
