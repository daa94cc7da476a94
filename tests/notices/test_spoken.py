"""How a call is said: every number as people read it, and the place by floor, number and name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.notices.spoken import DIGITS, call_sentence, cn_number, numbers, read_page, spell

WORDS = {"number": "A001", "floor": "一楼", "no": "3", "name": "社保窗口", "unit": "人力资源和社会保障局"}


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("A001", "A零零一"),
        ("AB110", "A B一一零"),
        ("a-42", "A四二"),
        ("Ｂ０１２", "B零一二"),
        ("1000", "一零零零"),
        ("", ""),
    ],
)
def test_a_ticket_is_read_digit_by_digit(number: str, spoken: str) -> None:
    assert spell(number) == spoken


def test_one_may_be_read_as_yao() -> None:
    assert spell("A110", "幺") == "A幺幺零"


@given(st.text())
def test_no_digit_is_left_to_the_engine(number: str) -> None:
    assert not any(char.isdigit() for char in spell(number))


@given(st.from_regex(r"[A-Z]{1,2}[0-9]{1,5}", fullmatch=True))
def test_nothing_of_a_ticket_number_is_lost(number: str) -> None:
    back = "".join(str(DIGITS.index(char)) if char in DIGITS else char for char in spell(number) if char != " ")
    assert back == number


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (0, "零"),
        (3, "三"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (21, "二十一"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
        (115, "一百一十五"),
        (1000, "一千"),
        (1005, "一千零五"),
        (1010, "一千零一十"),
        (1050, "一千零五十"),
        (1200, "一千二百"),
        (9999, "九千九百九十九"),
    ],
)
def test_a_window_is_read_as_a_number(number: int, spoken: str) -> None:
    assert cn_number(number) == spoken


def heard(spoken: str) -> int:
    """What a listener takes a number below ten thousand for."""
    total, digit = 0, 1 if spoken.startswith("十") else 0
    for char in spoken:
        if char in DIGITS:
            digit = DIGITS.index(char)
        else:
            total, digit = total + digit * {"十": 10, "百": 100, "千": 1000}[char], 0
    return total + digit


def test_every_number_is_heard_as_itself() -> None:
    assert [heard(cn_number(number)) for number in range(1, 10000)] == list(range(1, 10000))


@pytest.mark.parametrize("number", [-1, 10000])
def test_numbers_outside_are_refused(number: int) -> None:
    with pytest.raises(ValueError):
        cn_number(number)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("社保窗口", "社保窗口"),
        ("24小时自助区", "二十四小时自助区"),
        ("热线12345", "热线一二三四五"),
        ("0874-881", "零八七四-八百八十一"),
        ("3楼", "三楼"),
        ("12层", "十二层"),
        ("2F", "二楼"),
        ("F3", "三楼"),
        ("B1", "负一楼"),
        ("-2层", "负二层"),
        ("105", "一百零五"),
        ("２楼东区", "二楼东区"),
    ],
)
def test_digits_inside_a_text_are_said(text: str, spoken: str) -> None:
    assert numbers(text) == spoken


@given(st.text())
def test_no_decimal_digit_is_left_in_a_text(text: str) -> None:
    assert not any(char.isdecimal() for char in numbers(text) + read_page(text))


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("养老保险 您的号\nA001\n\n前面 12 人", "养老保险 您的号。A零零一。前面 十二 人"),
        ("A105 请到 3 号窗口", "A一零五 请到 三 号窗口"),
        ("预计等候：5–10 分钟", "预计等候:五到十 分钟"),
        ("下午14:30继续", "下午十四点三十分继续"),
        ("您预约了 09:00-9:05", "您预约了 九点整到九点零五分"),
        ("电话 0871-63115678", "电话 零八七一-六三一一五六七八"),
        ("2026-11-23", "二千零二十六-十一-二十三"),
    ],
)
def test_a_page_is_read_line_by_line(shown: str, read: str) -> None:
    assert read_page(shown) == read


@pytest.mark.req("QUE-14", "QUE-15", "QUE-21")
def test_a_call_asks_politely_and_names_floor_number_and_name() -> None:
    assert call_sentence(WORDS) == "请A零零一号到一楼三号社保窗口"


def test_a_hall_has_its_own_words() -> None:
    said = call_sentence(WORDS | {"no": "12"}, "请{number}号顾客到{unit}{no}号窗口，24小时", "幺")
    assert said == "请A零零幺号顾客到人力资源和社会保障局十二号窗口，二十四小时"


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        call_sentence(WORDS, "请{nobody}")
