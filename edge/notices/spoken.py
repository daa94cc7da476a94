"""How a call is said: the digits of a ticket one by one, windows and floors as numbers, everything politely. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

DIGITS = "零一二三四五六七八九"
UNITS = ("千", "百", "十", "")
BIGGEST = 9999
CALL = "请{number}号到{floor}{no}号{name}"
ORDER = "对不起，请依次排队"
"""The reminder to keep the order of the queue."""

One = Literal["一", "幺"]


def spell(number: str, one: One = "一") -> str:
    """A ticket's number as it is read: A001 is A零零一. Letters are apart, so that no engine takes them for a word.

    `one` is how the digit 1 is read; what is neither letter nor digit is left out.
    """
    spoken = ""
    for char in unicodedata.normalize("NFKC", number).upper():
        digit = unicodedata.digit(char, None)
        if digit is not None:
            spoken += one if digit == 1 else DIGITS[digit]
        elif char.isalpha():
            spoken += " " + char if spoken[-1:].isascii() and spoken else char
    return spoken


def cn_number(number: int) -> str:
    """0 to 9999 as it is read: 3 三, 12 十二, 105 一百零五, 1010 一千零一十. Raises `ValueError` outside."""
    if not 0 <= number <= BIGGEST:
        raise ValueError(f"{number} is not 0 to {BIGGEST}")
    if number < 10:
        return DIGITS[number]
    places = zip(f"{number:04}", UNITS, strict=True)
    spoken = "".join("零" if digit == "0" else DIGITS[int(digit)] + unit for digit, unit in places)
    spoken = re.sub("零+", "零", spoken).strip("零")
    return spoken[1:] if spoken.startswith("一十") else spoken


def numbers(text: str) -> str:
    """Text with its digits as people say them: 24小时 二十四小时, 2F 二楼, B1 负一楼.

    Long runs and those that begin with 0, such as telephone numbers, are read digit by digit.
    """
    if floor := re.fullmatch(r"([BF-]?)(\d{1,3})([F楼层]?)", unicodedata.normalize("NFKC", text).upper()):
        below, level, word = floor.groups()
        if below or word:
            return f"{'负' if below in ('B', '-') else ''}{cn_number(int(level))}{'层' if word == '层' else '楼'}"
    return re.sub(r"\d+", _run, text)


def read_page(text: str) -> str:
    """What a Chinese page shows, as it is read: a line is a sentence, A105 A一零五, 14:30 十四点三十分, 5–10 五到十."""
    lines = (line.strip() for line in unicodedata.normalize("NFKC", text).splitlines())
    read = "。".join(line for line in lines if line)
    read = re.sub(r"(?<![A-Za-z])[A-Z]{1,2}\d{2,4}(?!\d)", lambda it: spell(it[0]), read)
    # A hyphen between other digits is a date's or a telephone number's.
    read = re.sub(r"(?<=\d)\s*[–~]\s*(?=\d)|(?<=:\d\d)\s*-\s*(?=\d)", "到", read)
    return numbers(re.sub(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)", _time, read))


def _time(it: re.Match[str]) -> str:
    hour, minute = int(it[1]), int(it[2])
    return f"{cn_number(hour)}点" + (f"{'零' if minute < 10 else ''}{cn_number(minute)}分" if minute else "整")


def _run(run: re.Match[str]) -> str:
    digits = run[0]
    return spell(digits) if len(digits) > len(str(BIGGEST)) or int(digits[0]) == 0 else cn_number(int(digits))


def call_sentence(words: Mapping[str, str], template: str = CALL, one: One = "一") -> str:
    """What the loudspeaker says for a call: 请A零零一号到一楼三号社保窗口.

    `words` are those of the sign (`windows.words.sign_words`). Raises `KeyError` for a word it lacks.
    """
    spoken = {word: spell(value, one) if word == "number" else numbers(value) for word, value in words.items()}
    return numbers(template.format(**spoken))
