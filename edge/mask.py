"""What of a person may stand on paper or a screen. Pure."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["name", "id_number", "phone"]
COMPOUND = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯", "长孙")
ID_NUMBER, PHONE = re.compile(r"(?<!\d)\d{17}[\dXx]"), re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


def mask(kind: Kind, value: str) -> str:
    """`张*`, `欧阳**`, `530***********0016`, `138****5678`; a value too short to be one is hidden altogether."""
    value = value.strip()
    if kind == "name":
        kept = 2 if value.startswith(COMPOUND) and len(value) > 2 else 1
        return value[:kept] + "*" * max(1, len(value) - kept) if value else ""
    start, end = (3, 4)
    if len(value) <= start + end:
        return "*" * len(value)
    return value[:start] + "*" * (len(value) - start - end) + value[-end:]


def hide_id_numbers(words: str) -> str:
    return ID_NUMBER.sub(lambda found: mask("id_number", found[0]), words.strip())


def hide_numbers(words: str) -> str:
    """Free words without a number by which a person is found or called."""
    return PHONE.sub(lambda found: mask("phone", found[0]), hide_id_numbers(words))
