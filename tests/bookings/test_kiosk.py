"""Booking at a kiosk, as a visitor goes through its pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.bookings.test_api import plain
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
