"""Booking at a kiosk, as a visitor goes through its pages."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

import pytest

from drivers.base import CardRead
from tests.bookings.test_api import HOURS, plain
from tests.devices.test_cards import NAMES, NUMBERS, laid_on, reader, readers_only
from tests.hall import Running, World, running

pytestmark = pytest.mark.looptime

BOOK = "/kiosk/1/book"
CHOSEN = f"{BOOK}?service=pension&day=2026-03-02&from=10:00"


async def page(hall: Running, path: str, status: int = 200) -> str:
    answer = await hall.api.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def step(text: str) -> str:
    (found,) = re.findall(r'tabindex="-1" data-test="(\w+)"', text)
    return str(found)


def paths(text: str) -> list[str]:
    """Where the buttons lead, as the page's script reads them."""
    return [html.unescape(each) for each in re.findall(r'data-path="([^"]*)"', text)]


def asks(text: str) -> tuple[str, str]:
    """Where the booking is sent, and the key that makes two presses one."""
    (path, key), *more = {
        (html.unescape(at), key) for at, key in re.findall(r'data-path="([^"]*)" data-once="([^"]*)"', text)
    }
    assert more == []
    return path, key


async def send(hall: Running, text: str, **said: str) -> str:
    """As the page's script sends what a press says."""
    path, key = asks(text)
    answer = await hall.api.post(path, data={"does": "read", "once": key, **said})
    assert answer.status_code == 200, answer.text
    return answer.text


def number_of(text: str) -> str:
    (number,) = re.findall(r'data-test="number">(\d{6})<', text)
    return str(number)


@pytest.mark.req("APPT-03", "APPT-05")
async def test_a_visitor_books_with_the_phones_end_and_redeems_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        text = await page(hall, f"{BOOK}?&lang=zh-CN")
        for shown, picked in (("service", "service=pension"), ("day", "day=2026-03-02"), ("slot", "from=10%3A00")):
            assert step(text) == shown
            assert "09:00–09:30" not in text
            text = await page(hall, next(each for each in paths(text) if picked in each))
        assert step(text) == "confirm"
        back = text
        for shown in ("slot", "day", "service"):
            back = await page(hall, [each for each in paths(back) if "n=" not in each][0 if shown == "slot" else -1])
            assert step(back) == shown
        for each in hall.parts.hall.service["pension"].materials:
            assert each in text
        first, second = [await send(hall, text, act="book", tail="5678") for _ in range(2)]
        assert step(first) == "done"
        assert number_of(first) == number_of(second), "two presses, one booking"
        assert "3月2日（星期一） 10:00–10:30" in first
        assert [event.data["channel"] for event in hall.events("appointment.booked")] == ["onsite"]
        hall.world.wall.at += 40 * 60
        await hall.post("/appointments/check-in", 201, number=number_of(first), phone_tail="5678", kiosk="1")


async def test_who_reads_english_books_in_english(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        for query in ("", "service=pension", "service=pension&day=2026-03-02"):
            text = await page(hall, f"{BOOK}?{query}&lang=en")
            assert not re.search(r"[一-鿿]", re.sub(r"<[^>]*>|{#.*?#}", "", text)), query
        text = await page(hall, f"{CHOSEN}&lang=en")
        for said in ("Pension insurance", "Mon 2 Mar 10:00–10:30", "ID card (original)", "Proof of contributions"):
            assert said in text


async def test_six_choices_a_page_and_the_ways_to_the_others(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        path, seen = f"{BOOK}?service=pension&day=2026-03-03", []
        while path:
            text = await page(hall, path)
            times = re.findall(r'class="name">([^<]*)<', text)
            assert 0 < len(times) <= 6
            seen += times
            path = next((each for each in paths(text) if f"n={-(-len(seen) // 6)}" in each), "")
        assert (seen[0], seen[-1], len(seen)) == ("08:30–09:00", "17:30–18:00", 14)
        assert step(await page(hall, f"{BOOK}?service=pension&day=2026-03-03&n=99999")) == "slot"


async def test_a_slot_that_was_filled_meanwhile_is_said_and_others_are_offered(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        text = await page(hall, CHOSEN)
        slot: dict[str, Any] = {
            "service": "pension",
            "day": "2026-03-02",
            "from": "10:00",
            "to": "10:30",
            "channel": "phone",
        }
        for _ in range(2):
            await hall.post("/appointments", 201, **slot)
        text = await send(hall, text, act="book", tail="5678")
        assert step(text) == "slot"
        assert "这个时段已约满，请另选时间" in text
        assert "10:30–11:00" in text
        assert "10:00–10:30" not in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("service=dentist", "service"),
        ("service=pension&day=2026-03-08", "day"),
        ("service=pension&day=x&from=y", "day"),
        ("service=pension&day=2026-03-02&from=09:00", "slot"),
        ("service=pension&day=2026-03-02&from=<b>", "slot"),
    ],
)
async def test_what_is_not_offered_leads_back_to_the_choice(tmp_path: Path, query: str, shown: str) -> None:
    async with running(World(tmp_path, plain)) as hall:
        text = await page(hall, f"{BOOK}?{query}")
        assert step(text) == shown
        assert "<b>&lt;" not in text


async def test_a_forged_form_is_no_booking(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        text = await page(hall, CHOSEN)
        for wrong in (
            {"tail": "567"},
            {"tail": "56７8"},
            {"tail": "", "card": "none"},
            {"day": "morgen"},
            {"from": "25:00"},
            {"to": "24:30"},
            {"from": "１0:00"},
            {"to": "11:00"},
        ):
            shown = await send(hall, text, **{"act": "book", "tail": "5678"} | wrong)
            assert step(shown) != "done", wrong
            assert 'class="notice" role="alert">' in shown, wrong
        assert not hall.events("appointment.")
        await page(hall, "/kiosk/9/book", 404)


# ---- with a card


def with_readers(text: str) -> str:
    return readers_only(text).replace('hours = "always"', HOURS)


def lay(hall: Running, event: CardRead) -> None:
    hall.parts.cards.card(reader("reader-1"), event)


@pytest.mark.req("APPT-03", "IDR-01")
async def test_who_books_with_a_card_redeems_with_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        text = await page(hall, CHOSEN)
        assert 'data-card=""' in text
        lay(hall, laid_on(NUMBERS[1], NAMES[1]))
        card = (await hall.get("/kiosks/1/card"))["card"]
        text = await send(hall, text, act="", card=card)
        assert 'data-test="name">张*<' in text
        assert not [each for each in (*NUMBERS, *NAMES) if each in text]
        first, second = [await send(hall, text, act="book", card=card) for _ in range(2)]
        assert number_of(first) == number_of(second), "two presses, one booking"
        assert "到时在取号机刷身份证" in first
        hall.world.wall.at += 40 * 60
        lay(hall, laid_on(NUMBERS[1], NAMES[1]))
        seen = await hall.get("/kiosks/1/card")
        assert [each["time"] for each in seen["appointments"]] == ["10:00–10:30"]
        body = {"card": seen["card"], "id": seen["appointments"][0]["id"], "kiosk": "1"}
        assert (await hall.post("/appointments/check-in", 201, **body))["priority"] == "appointment"


async def test_a_card_that_was_laid_on_too_long_ago_is_asked_for_again(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        lay(hall, laid_on())
        card = (await hall.get("/kiosks/1/card"))["card"]
        text = await send(hall, await page(hall, CHOSEN), act="", card=card)
        await asyncio.sleep(91)
        for act in ("book", ""):
            gone = await send(hall, text, act=act, card=card)
            assert step(gone) == "confirm"
            assert "请重新刷身份证" in gone
            assert "张*" not in gone
        assert not hall.events("appointment.")


async def test_a_second_booking_of_the_day_is_not_made_and_named(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        mine: dict[str, Any] = {"service": "pension", "day": "2026-03-02", "channel": "online", "id_number": NUMBERS[0]}
        await hall.post("/appointments", 201, **mine | {"from": "11:00", "to": "11:30"})
        lay(hall, laid_on())
        card = (await hall.get("/kiosks/1/card"))["card"]
        text = await send(hall, await page(hall, CHOSEN), act="book", card=card)
        assert step(text) == "day"
        assert "您这一天11:00–11:30已经预约过这项业务" in text
        assert len(hall.events("appointment.booked")) == 1


async def test_a_kiosk_that_cannot_read_cards_does_not_ask_for_one(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        text = await page(hall, CHOSEN)
        assert "data-card" not in text
        assert "读卡器" not in text
