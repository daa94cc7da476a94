"""Booking at a kiosk, as a visitor goes through its pages."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

import pytest

from drivers.base import CardRead, CardUnread
from tests.bookings.test_api import HOURS, plain
from tests.devices.test_cards import NAMES, NUMBERS, laid_on, reader, readers_only
from tests.hall import Running, World, running
from tests.pages.forms import form

pytestmark = pytest.mark.looptime

BOOK = "/kiosk/1/book"
CHOSEN = f"{BOOK}?service=pension&day=2026-03-02&from=10:00"


async def page(hall: Running, path: str, status: int = 200) -> str:
    answer = await hall.api.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def step(text: str) -> str:
    (found,) = re.findall(r'<main data-test="(\w+)"', text)
    return str(found)


async def press(hall: Running, text: str, **pressed: str) -> Any:
    drawn = form(text, BOOK)
    return await hall.api.post(drawn.action, data=drawn.fields | pressed)


@pytest.mark.req("APPT-03", "APPT-05")
async def test_a_visitor_books_with_the_phones_end_and_redeems_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        assert step(await page(hall, BOOK)) == "service"
        assert step(await page(hall, f"{BOOK}?service=pension")) == "day"
        times = await page(hall, f"{BOOK}?service=pension&day=2026-03-02")
        assert step(times) == "slot"
        assert "09:00–09:30" not in times
        text = await page(hall, CHOSEN)
        for each in hall.parts.hall.service["pension"].materials:
            assert each in text
        for digit in ("5", "6", "-", "6", "7", "8", "9"):
            assert 'value="book" class="main" disabled' in text
            text = (await press(hall, text, digit=digit)).text
            if digit == "8":
                break
        assert 'value="book" class="main">' in text
        first, second = [await press(hall, text, act="book") for _ in range(2)]
        assert first.status_code == 303
        assert first.headers["location"] == second.headers["location"], "two presses, one booking"
        done = await page(hall, first.headers["location"])
        (number,) = re.findall(r'data-test="number">(\d{6})<', done)
        assert "3月2日（星期一） 10:00–10:30" in done
        assert [event.data["channel"] for event in hall.events("appointment.booked")] == ["onsite"]
        hall.world.wall.at += 91
        gone = await hall.api.get(first.headers["location"])
        assert gone.headers["location"] == "/kiosk/1", "the next visitor does not see it"
        hall.world.wall.at += 40 * 60
        await hall.post("/appointments/check-in", 201, number=number, phone_tail="5678", kiosk="1")


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
        answer = await press(hall, text, act="book", tail="5678")
        assert (answer.status_code, step(answer.text)) == (409, "slot")
        assert "这个时段已约满，请另选时间" in answer.text
        assert "from=10:30" in answer.text
        assert "from=10:00" not in answer.text


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
            {"day": "morgen"},
            {"from": "25:00"},
            {"to": "24:30"},
            {"from": "１0:00"},
            {"to": "11:00"},
        ):
            answer = await press(hall, text, **{"act": "book", "tail": "5678"} | wrong)
            assert answer.status_code in (200, 409, 422), wrong
        assert not hall.events("appointment.")
        await page(hall, "/kiosk/9/book", 404)
        assert (await hall.api.get(f"{BOOK}/none")).headers["location"] == "/kiosk/1"


# ---- with a card


def with_readers(text: str) -> str:
    return readers_only(text).replace('hours = "always"', HOURS)


def lay(hall: Running, event: CardRead | CardUnread, kiosk: str = "1") -> None:
    hall.parts.cards.card(reader(f"reader-{kiosk}"), event)


def refresh(text: str) -> tuple[str, str]:
    """After how many seconds this page goes on by itself, and where."""
    (seconds, path) = re.findall(r'http-equiv="refresh" content="(\d+);url=([^"]*)"', text)[0]
    return seconds, html.unescape(path)


async def asked(hall: Running) -> str:
    """The page that asks for a card."""
    (path,) = re.findall(r'href="(/kiosk/1/book/card[^"]*)"', await page(hall, CHOSEN))
    text = await page(hall, html.unescape(path))
    assert step(text) == "card"
    assert refresh(text)[0] == "1"
    return text


@pytest.mark.req("APPT-03", "IDR-01")
async def test_who_books_with_a_card_redeems_with_it(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        text = await asked(hall)
        waiting = asyncio.create_task(page(hall, refresh(text)[1]))
        await asyncio.sleep(5)
        assert not waiting.done()
        lay(hall, laid_on(NUMBERS[1], NAMES[1]))
        text = await waiting
        assert 'data-test="name">张*<' in text
        assert not [each for each in (*NUMBERS, *NAMES) if each in text]
        assert refresh(text) == ("60", "/kiosk/1")
        first, second = [await press(hall, text, act="book") for _ in range(2)]
        assert first.headers["location"] == second.headers["location"], "two presses, one booking"
        assert "到时在取号机刷身份证" in await page(hall, first.headers["location"])
        hall.world.wall.at += 40 * 60
        lay(hall, laid_on(NUMBERS[1], NAMES[1]))
        seen = await hall.get("/kiosks/1/card")
        assert [each["time"] for each in seen["appointments"]] == ["10:00–10:30"]
        body = {"card": seen["card"], "id": seen["appointments"][0]["id"], "kiosk": "1"}
        assert (await hall.post("/appointments/check-in", 201, **body))["priority"] == "appointment"


async def test_the_card_of_the_visitor_before_is_not_taken(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        lay(hall, laid_on())
        waiting = asyncio.create_task(page(hall, refresh(await asked(hall))[1]))
        lay(hall, laid_on(), "2")
        await asyncio.sleep(5)
        assert not waiting.done()
        lay(hall, CardUnread(0, "unreadable"))
        text = await waiting
        assert "没有读到身份证" in text
        waiting = asyncio.create_task(page(hall, refresh(text)[1]))
        lay(hall, laid_on(NUMBERS[1], NAMES[1]))
        assert "张*" in await waiting


async def test_without_a_card_the_phone_is_asked_for_again(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        waits = refresh(await asked(hall))[1]
        answer = await hall.api.get(waits)
        assert step(await page(hall, answer.headers["location"])) == "confirm"
        lay(hall, laid_on())
        text = await page(hall, waits)
        await asyncio.sleep(91)
        gone = await press(hall, text, act="book")
        assert (gone.status_code, "请重新刷身份证" in gone.text) == (409, True)
        assert not hall.events("appointment.")


async def test_a_second_booking_of_the_day_is_not_made_and_named(tmp_path: Path) -> None:
    async with running(World(tmp_path, with_readers)) as hall:
        await hall.up("reader-1")
        mine: dict[str, Any] = {"service": "pension", "day": "2026-03-02", "channel": "online", "id_number": NUMBERS[0]}
        await hall.post("/appointments", 201, **mine | {"from": "11:00", "to": "11:30"})
        waiting = asyncio.create_task(page(hall, refresh(await asked(hall))[1]))
        lay(hall, laid_on())
        answer = await press(hall, await waiting, act="book")
        assert (answer.status_code, step(answer.text)) == (409, "day")
        assert "您这一天11:00–11:30已经预约过这项业务" in answer.text
        assert len(hall.events("appointment.booked")) == 1


async def test_a_kiosk_that_cannot_read_cards_does_not_ask_for_one(tmp_path: Path) -> None:
    async with running(World(tmp_path, plain)) as hall:
        assert "/book/card" not in await page(hall, CHOSEN)
        assert "现在读不了身份证" in await page(hall, CHOSEN.replace("book?", "book/card?"))
