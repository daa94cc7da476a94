"""The simulated cards against the published layouts of their texts."""

from __future__ import annotations

from datetime import date

import pytest
from stdnum.iso7064 import mod_11_2

from simulators.idcard_cards import CARDS, Card


def text_of(block: bytes, at: int, size: int) -> str:
    return block[at : at + size].decode("utf-16-le").rstrip(" ")


def fields(block: bytes) -> dict[str, str]:
    """By the published offsets of a resident's card."""
    places = {"name": (0, 30), "sex": (30, 2), "nation": (32, 4), "birth": (36, 16), "address": (52, 70)}
    places |= {"number": (122, 36), "issuer": (158, 30), "from": (188, 16), "to": (204, 16), "rest": (220, 36)}
    return {name: text_of(block, *place) for name, place in places.items()}


RESIDENTS = [card for card in CARDS.values() if card.title == "居民身份证"]


@pytest.mark.parametrize("card", RESIDENTS, ids=lambda card: card.key)
def test_a_residents_card_agrees_with_itself(card: Card) -> None:
    assert len(card.text) == 256
    found = fields(card.text)
    number = found["number"]
    assert mod_11_2.is_valid(number) is (card.key != "zhou_ming")
    assert found["birth"] == number[6:14]
    assert date.fromisoformat(found["birth"]) < date.fromisoformat(found["from"])
    assert found["sex"] == ("1" if int(number[16]) % 2 else "2")
    assert 1 <= int(found["nation"]) <= 56
    assert found["to"] == "长期" or date.fromisoformat(found["to"]) > date(2029, 1, 1)
    assert found["rest"] == ""
    assert number[:6] in ("110199", "440524")  # a county that never was, and one that is no more
    assert all(found[name] for name in ("name", "address", "issuer"))


def test_there_are_long_names_rare_ideographs_and_cards_without_an_end() -> None:
    assert fields(CARDS["wang_xiuying"].text)["to"] == "长期"
    long = fields(CARDS["ouyang"].text)
    assert (len(long["name"]), len(long["address"]), len(long["issuer"])) == (15, 35, 15)
    # U+8D75, U+36C3, and U+2C62D as two units
    assert CARDS["zhao"].text.startswith(bytes.fromhex("75 8D C3 36 71 D8 2D DE 20 00"))
    old = fields(CARDS["chen_guifang"].text)
    assert (old["number"][:6], old["to"]) == ("440524", "长期")


@pytest.mark.parametrize("letter", "JIY")
def test_other_documents_have_their_letter_at_byte_248(letter: str) -> None:
    text = CARDS[f"permit_{letter.lower()}"].text
    assert len(text) == 256
    assert text[248:250] == letter.encode("utf-16-le")


def test_other_documents_differ_from_a_residents_card_each_in_its_way() -> None:
    latin = CARDS["permit_i"].text
    assert [text_of(latin, *place) for place in ((0, 120), (120, 2), (122, 30), (152, 6), (220, 16))] == [
        "SPECIMEN, ALEX",
        "1",
        "UTO110085031500",
        "UTO",
        "19850315",
    ]
    assert fields(CARDS["permit_j"].text)["nation"] == ""
    assert mod_11_2.is_valid(fields(CARDS["permit_j"].text)["number"])
    foreigner = fields(CARDS["permit_y"].text)
    assert mod_11_2.is_valid(foreigner["number"])  # it passes every check of a resident's
    assert (foreigner["number"][0], foreigner["birth"], foreigner["nation"]) == ("9", "19850620", "01")
