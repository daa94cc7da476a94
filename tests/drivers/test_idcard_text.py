"""What a card says: the fields of its text block, and the border between the three ways not to be a card."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import IdCard
from drivers.idcard_text import number_is_sound, read_text
from tests.drivers.idcard_cards import NUMBER, OTHER_NUMBER, block

CARD = IdCard("张三", NUMBER, date(1949, 12, 31), "female", None)


@pytest.mark.req("IDR-01")
def test_the_golden_card() -> None:
    assert read_text(block()) == CARD
    assert read_text(memoryview(block())) == CARD


@pytest.mark.parametrize(
    ("fields", "card"),
    [
        ({"until": "20300101"}, IdCard("张三", NUMBER, date(1949, 12, 31), "female", date(2030, 1, 1))),
        ({"until": "20000101"}, IdCard("张三", NUMBER, date(1949, 12, 31), "female", date(2000, 1, 1))),
        ({"sex": "0"}, IdCard("张三", NUMBER, date(1949, 12, 31), "unknown", None)),
        ({"sex": "9"}, IdCard("张三", NUMBER, date(1949, 12, 31), "unknown", None)),
        ({"number": NUMBER.lower()}, CARD),
        ({"nation": "97"}, CARD),
        ({"kind": "\0"}, CARD),
        ({"kind": "某"}, CARD),
        ({"name": "张三" + "\0" * 13}, CARD),
        ({"name": "张三\u3000"}, CARD),
        (
            {"number": OTHER_NUMBER, "born": "18800101", "sex": "1"},
            IdCard("张三", OTHER_NUMBER, date(1880, 1, 1), "male", None),
        ),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_fields(fields: dict[str, str], card: IdCard) -> None:
    assert read_text(block(**fields)) == card


@pytest.mark.parametrize(
    "name",
    [
        "买买提·吐尔逊·阿不都热西提汗",
        "\u9fa6\U00020000\ue815某",  # beyond the first tables, beyond the first plane, and a private one
        "司 马",
        "十五个字的名字是这里能放的最长的",
    ],
)
def test_names(name: str) -> None:
    card = read_text(block(name=name[:15]))
    assert isinstance(card, IdCard)
    assert card.name == name[:15]


def test_a_broken_character_costs_no_card() -> None:
    text = block(name="张三丰")
    text[2:4] = b"\x00\xd8"  # half of a surrogate pair
    card = read_text(text)
    assert isinstance(card, IdCard)
    assert card.name == "张\ufffd丰"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        # another document, by its kind
        ({"kind": "I"}, "unsupported_document"),
        ({"kind": "J"}, "unsupported_document"),
        ({"kind": "Y"}, "unsupported_document"),
        # and where the kind is missing, by its nation or the form of its number
        ({"nation": ""}, "unsupported_document"),
        ({"nation": "AB"}, "unsupported_document"),
        ({"nation": "７７"}, "unsupported_document"),
        ({"number": ""}, "unsupported_document"),
        ({"number": "USA110077010125"}, "unsupported_document"),
        ({"number": "911840198001011235"}, "unsupported_document"),
        ({"number": "11010519491231002"}, "unsupported_document"),
        ({"number": "１１０１０５１９４９１２３１００２Ｘ"}, "unsupported_document"),
        # a resident identity card with a wrong number
        ({"number": "110105194912310020"}, "bad_number"),
        ({"number": "110105194913310021", "born": "19491331"}, "bad_number"),
        ({"born": "19491230"}, "bad_number"),
        ({"born": ""}, "bad_number"),
        ({"sex": "1"}, "bad_number"),
        # neither
        ({"name": ""}, "unreadable"),
        ({"until": ""}, "unreadable"),
        ({"until": "20300230"}, "unreadable"),
        ({"until": "203001 1"}, "unreadable"),
    ],
    ids=lambda value: " ".join(map("=".join, value.items())) if isinstance(value, dict) else "",
)
@pytest.mark.req("IDR-01")
def test_what_is_no_card(fields: dict[str, str], reason: str) -> None:
    assert read_text(block(**fields)) == reason


def test_a_foreigners_block_of_2017() -> None:
    # English name 60, sex, number 15, country 3, Chinese name 15, from, until, born, version 2, authority 4, kind.
    text = f"{'ZHANG, SAN':60}1{'USA110077010125':15}USA{'张三':15}20170101202701011980010101{'1100':4}I   "
    assert read_text(bytearray(text.encode("utf-16-le"))) == "unsupported_document"


@given(st.binary(min_size=256, max_size=256))
def test_any_block_is_survived(text: bytes) -> None:
    assert read_text(bytearray(text)) in ("unreadable", "unsupported_document")


def test_a_card_is_never_printed_by_accident() -> None:
    card = read_text(block())
    assert NUMBER not in repr(card)
    assert "张" not in repr(card)


# ---- the number


@pytest.mark.parametrize("number", [NUMBER, OTHER_NUMBER])
def test_sound_numbers(number: str) -> None:
    assert number_is_sound(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        NUMBER[:17],
        NUMBER + "0",
        " " + NUMBER,
        NUMBER + "\n",
        NUMBER.lower(),
        "X" * 18,
        "110105194913310021",
        "011105194912310027",
        "一" * 18,
    ],
)
def test_what_is_no_number_is_not_sound(number: str) -> None:
    assert not number_is_sound(number)


@given(st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_seen(at: int, more: int) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        if number[at] != "X":
            wrong = str((int(number[at]) + more) % 10)
            assert not number_is_sound(number[:at] + wrong + number[at + 1 :])


@given(st.integers(0, 16))
def test_two_swapped_neighbours_are_seen(at: int) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        assert swapped == number or not number_is_sound(swapped)
