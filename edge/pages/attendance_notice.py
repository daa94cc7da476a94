"""Reads the dates of the official notice of a year, as people copy or write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from edge.refusal import Refused

LONGEST_DAYS = 62
"""No holiday is as long; a longer span is a slip of the pen."""
_DAY = r"(?:(\d{4})\s*[-/.年]\s*)?(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?"
_SPAN = re.compile(rf"{_DAY}(?:\s*(?:\.\.|至|到|~|～|—|–)\s*(?:{_DAY}|(\d{{1,2}})\s*[日号]))?")


def days_of(typed: str, year: int) -> list[date]:
    """Of `2027-02-05..2027-02-11 2027-04-05`, and of `2月5日至11日、4月5日`. Raises Refused (422)."""
    found, rest = list(_SPAN.finditer(typed)), _SPAN.sub("", typed)
    try:
        if strange := re.sub(r"[\s,，、;；。]", "", rest):
            raise ValueError(strange)
        return [on for each in found for on in _days(each, year)]
    except ValueError as error:
        title = f"没有保存，看不懂“{error}”；日期应写成 2027-02-05..2027-02-11 或 2月5日至11日"
        raise Refused("form_unfit", title, status=422) from error


def _days(found: re.Match[str], year: int) -> Iterator[date]:
    """Raises ValueError with what it is about."""
    own, month, day, until_own, until_month, until_day, until = found.groups()
    try:
        first = date(int(own or year), int(month), int(day))
        last = date(int(until_own or first.year), int(until_month or month), int(until_day or until or day))
    except ValueError:
        raise ValueError(found[0]) from None
    if not 0 <= (last - first).days < LONGEST_DAYS:
        raise ValueError(found[0])
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)
