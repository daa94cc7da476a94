"""python-stdnum 2.2, a public library, on the same numbers: we agree on checksum and date, not on the region."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent
from stdnum.iso7064 import mod_11_2

from drivers.idcard_text import number_is_sound

CHARACTERS = "0123456789X"
ABOLISHED = "440524188001010014"  # 潮阳县 had this code from 1983 to 1993, so its people were born before or long after


@given(st.from_regex("[1-9][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", fullmatch=True))
def test_the_last_character_is_the_same(digits: str) -> None:
    sound = [character for character in CHARACTERS if number_is_sound(digits + character)]
    assert sound == [mod_11_2.calc_check_digit(digits)] == [ric.calc_check_digit(digits + "0")]


@given(st.integers(1800, 2099), st.integers(0, 13), st.integers(0, 32))
def test_the_same_dates_exist(year: int, month: int, day: int) -> None:
    digits = f"110105{year}{month:02}{day:02}002"
    number = digits + mod_11_2.calc_check_digit(digits)
    try:
        assert ric.get_birth_date(number)
    except InvalidComponent:
        assert not number_is_sound(number)
    else:
        assert number_is_sound(number)


@pytest.mark.parametrize("number", ["11010519491231002X", "360426199101010071"])
def test_what_it_accepts_we_accept(number: str) -> None:
    assert ric.is_valid(number)
    assert number_is_sound(number)


def test_people_from_abolished_counties_are_people() -> None:
    assert mod_11_2.is_valid(ABOLISHED)
    assert not ric.is_valid(ABOLISHED)
    assert number_is_sound(ABOLISHED)
