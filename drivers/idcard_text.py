"""What a resident identity card (居民身份证) says: the text block of 256 bytes that every reader hands out.

    0 name 30 | 30 sex 2 | 32 nation 4 | 36 born 16 | 52 address 70 | 122 number 36 | 158 issuer 30
    188 valid from 16 | 204 valid until 16 | 220 reserved 28 | 248 kind of document 2 | 250 reserved 6

UTF-16LE, filled with spaces. Sex is 0, 1 (male), 2 (female) or 9; nation has two digits (GB/T 3304); dates are
YYYYMMDD, or 长期 for a card that does not expire.

The readers also read cards that are no resident identity cards. Their blocks differ, but all have the kind at 248: a
space for ours, I and Y for the permanent residence cards of foreigners (of 2017 and 2023), J for the residence permit
of people from Hong Kong, Macao and Taiwan. Where the kind is missing they still differ: J has no nation, I no number at
that place, and the number of Y begins with 9.

Source: reader-module manuals (eastcoms 533) and more than ten unrelated public readers for the layout; public tables of
the 2017 and 2023 cards (afzhan 212938, eastcoms 840) and Johann356/readinfo PCSCGetData.h for the kind; GB 11643 and
ISO 7064 MOD 11-2 for the number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from drivers.base import IdCard

SIZE: Final = 256
NAME, SEX, NATION, BORN = slice(0, 30), slice(30, 32), slice(32, 36), slice(36, 52)
NUMBER, UNTIL, KIND = slice(122, 158), slice(204, 220), slice(248, 250)
FOR_EVER: Final = "长期"
SEXES: Final[Mapping[str, Literal["male", "female", "unknown"]]] = {"1": "male", "2": "female"}

Reason = Literal["unreadable", "unsupported_document", "bad_number"]


def read_text(block: bytearray | memoryview) -> IdCard | Reason:
    """The card, or why there is none. An expired card is one; whether it will do, the caller decides.

    `unsupported_document`: it is another document, by its kind, its nation or the form of its number.
    `bad_number`: it has the form of a resident identity card, but the number's checksum or date is wrong, or says
    something else than the fields for date of birth and sex.
    `unreadable`: there is no name, or no date in the place of a date.
    """
    with memoryview(block) as view:
        kind, nation, name = _field(view, KIND), _field(view, NATION), _field(view, NAME)
        number, until = _field(view, NUMBER).upper(), _field(view, UNTIL)
        born, sex = _day(_field(view, BORN)), SEXES.get(_field(view, SEX), "unknown")
    if kind.isascii() and kind.isalpha():
        return "unsupported_document"
    if not name:
        return "unreadable"
    if not (re.fullmatch("[0-9]{2}", nation) and re.fullmatch("[1-8][0-9]{16}[0-9X]", number)):
        return "unsupported_document"
    sound = number_is_sound(number) and born == _day(number[6:14]) and sex in ("unknown", _sex(number))
    if born is None or not sound:
        return "bad_number"
    valid_until = _day(until)
    if valid_until is None and until != FOR_EVER:
        return "unreadable"
    return IdCard(name, number, born, sex, valid_until)


def number_is_sound(number: str) -> bool:
    """Whether it is a 公民身份号码: 18 characters, a true checksum, a date that exists, be it past or future.

    The region is not looked at: people keep the codes of counties that were abolished long ago.
    """
    if not re.fullmatch("[1-9][0-9]{16}[0-9X]", number) or _day(number[6:14]) is None:
        return False
    # MOD 11-2: each place weighs twice the next, and the whole leaves 1.
    values = [10 if character == "X" else int(character) for character in number]
    return sum(value << place for place, value in enumerate(reversed(values))) % 11 == 1


def _field(view: memoryview, where: slice) -> str:
    # The part is never copied as bytes. What is no UTF-16 becomes U+FFFD: one odd character of a name may be lost.
    return str(view[where], "utf-16-le", "replace").strip(" \0\u3000")


def _day(text: str) -> date | None:
    """`YYYYMMDD`; None when there is no such day."""
    if not re.fullmatch("[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _sex(number: str) -> Literal["male", "female"]:
    return "male" if int(number[16]) % 2 else "female"
