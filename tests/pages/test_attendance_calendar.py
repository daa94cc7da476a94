"""The year's page: its signs, a day of the hall's own, and the official notice."""

from __future__ import annotations

import contextlib
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pages.attendance_notice import days_of
from edge.refusal import Refused
from tests.hall import Running
from tests.pages.forms import form
from tests.pages.visits import EVIL, HERE, done, page, refused, send, told, words

pytestmark = pytest.mark.looptime


def looks(text: str, look: str) -> list[str]:
    return re.findall(rf'<td class="{look}(?: today)?"><a href="[^"]*day=([\d-]+)', text)


async def test_the_year_is_drawn_with_signs(hall: Running) -> None:
    text = await page(hall, "/calendar")
    assert len(looks(text, "makeup")) == 6
    assert looks(text, "off")[:3] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert "1<i>休</i>" in text
    assert len(looks(await page(hall, "/calendar?year=2027"), "provisional")) == 365


OWN_DAYS: tuple[tuple[dict[str, str], str], ...] = (
    ({"kind": "closed", "name": f"停电{EVIL}"}, "closed"),
    ({"kind": "extended", "shifts": "08:30-12:00，14:30–20:00"}, "extended"),
    ({"kind": "duty", "shifts": ""}, "duty"),
    ({"kind": "off"}, "off"),
)


async def test_a_day_of_its_own(hall: Running) -> None:
    for typed, look in OWN_DAYS:
        drawn = form(await page(hall, "/calendar?day=2026-03-05"), f"{HERE}/calendar/days")
        assert drawn.fields["day"] == "2026-03-05"
        text = await done(hall, drawn, typed)
        assert "<script" not in text
        assert "2026-03-05" in looks(text, look)
        again = form(text, f"{HERE}/calendar/days").fields
        assert again["kind"] == typed["kind"]
        if look == "extended":
            assert again["shifts"] == "08:30-12:00 14:30-20:00"


UNFIT_DAYS: tuple[tuple[dict[str, str], str], ...] = (
    ({"day": ""}, "请写明是哪一天"),
    ({"kind": "strange"}, "请选这一天是什么日子"),
    ({"kind": "extended"}, "延时开放日必须写明时段"),
    ({"kind": "closed", "shifts": "08:30-12:00"}, "休息日不写"),
    ({"kind": "extended", "shifts": "早上"}, "时段“早上”应写成"),
    ({"kind": "extended", "shifts": "25:00-26:00"}, "应写成"),
    ({"kind": "extended", "shifts": "12:00-08:30"}, "应写成"),
)


async def test_a_day_that_does_not_fit(hall: Running) -> None:
    for typed, why in UNFIT_DAYS:
        drawn = form(await page(hall, "/calendar?day=2026-03-05"), f"{HERE}/calendar/days")
        text = await refused(hall, drawn, typed)
        assert why in told(text)
        again = form(text, f"{HERE}/calendar/days").fields
        assert again["shifts"] == typed.get("shifts", "")


async def test_a_year_is_seen_before_it_is_saved(hall: Running) -> None:
    own = form(await page(hall, "/calendar?day=2027-04-06"), f"{HERE}/calendar/days")
    await done(hall, own, kind="closed", name="停电")
    drawn = form(await page(hall, "/calendar?year=2027"), f"{HERE}/calendar/years")
    assert "2027年放假安排尚未公布或录入" in await page(hall, "/calendar")
    typed = {"off": "1月1日至3日、2027-02-05..2027-02-11 10/1~10/7", "working": "2027-02-14"}
    seen = await send(hall, drawn, typed)
    assert seen.status_code == 200
    assert "预览，还没有保存" in seen.text
    assert "其中周末上班 1 天" in words(seen.text)
    assert "2027-02-14" in looks(seen.text, "makeup")
    assert "本大厅自己的 1 天保持不变：2027-04-06 闭馆" in words(seen.text)
    assert len(looks(await page(hall, "/calendar?year=2027"), "provisional")) == 364
    text = await done(hall, form(seen.text, f"{HERE}/calendar/years", sure="1"))
    assert not looks(text, "provisional")
    assert looks(text, "closed") == ["2027-04-06"]
    assert len(looks(text, "off")) == 17
    assert "2027年放假安排" not in await page(hall, "/calendar")


UNFIT_YEARS: tuple[tuple[dict[str, str], str], ...] = (
    ({"off": ""}, "请写放假的日子"),
    ({"off": "春节"}, "看不懂“春节”"),
    ({"off": "2月30日"}, "看不懂“2月30日”"),
    ({"off": "2026-02-05"}, "2026-02-05 不在 2027 年"),
    ({"off": "2027-02-11..2027-02-05"}, "看不懂"),
    ({"off": "2027-02-05", "working": "2027-02-05"}, "既放假又上班"),
    ({"year": "", "off": "2027-02-05"}, "请写明是哪一年"),
)


async def test_a_year_that_does_not_fit_stays_typed(hall: Running) -> None:
    for typed, why in UNFIT_YEARS:
        drawn = form(await page(hall, "/calendar?year=2027"), f"{HERE}/calendar/years")
        text = await refused(hall, drawn, typed)
        assert why in told(text)
        assert form(text, f"{HERE}/calendar/years").fields["off"] == typed["off"]


@given(st.dates(date(2027, 1, 1), date(2027, 12, 1)), st.integers(0, 30))
def test_a_span_of_the_notice_is_read_however_it_is_written(first: date, length: int) -> None:
    last = date.fromordinal(first.toordinal() + length)
    expected = [date.fromordinal(each) for each in range(first.toordinal(), last.toordinal() + 1)]
    for said in (
        f"{first}..{last}",
        f"{first.month}月{first.day}日至{last.month}月{last.day}日。",
        f"{first.month}/{first.day} ~ {last.month}/{last.day}",
    ):
        assert days_of(said, 2027) == expected
    if first.month == last.month:
        assert days_of(f"{first.month}月{first.day}日至{last.day}日", 2027) == expected


@given(st.text(max_size=40))
def test_any_text_is_dates_or_refused(typed: str) -> None:
    with contextlib.suppress(Refused):
        assert all(isinstance(each, date) for each in days_of(typed, 2027))
