"""A small hall with attendance, and short ways to open its pages, send their forms and read what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from edge.attendance import desk
from tests.attendance.days import ZONE
from tests.hall import Running
from tests.pages.forms import Form

HERE = "/ops/attendance"
EVIL = "<script>alert(1)</script>&\"'"
PEOPLE: tuple[dict[str, Any], ...] = (
    {"id": "1001", "name": "李四", "posts": [{"window": 3}], "letter": "调函1号", "role": "chief_representative"},
    {"id": "1002", "name": EVIL, "letter": "调函2号", "consent": {"face": "2026-01-01"}},
    {"id": "1003", "name": "王五", "unit": "ga", "posts": [{"window": 2, "part": "B"}]},
)
Typed = Mapping[str, str] | None


async def fill(hall: Running) -> None:
    """Monday 2026-03-02, by the rules of county_xx: 李四 was late, the second in time; nobody has seen 王五."""
    await hall.post("/attendance/people", people=[{"unit": "rs", "since": "2026-01-01"} | each for each in PEOPLE])
    await punch(hall, "1001", "2026-03-02", "08:40")
    await punch(hall, "1002", "2026-03-02", "08:20", "12:01", "14:20", "18:01")


async def punch(hall: Running, person: str, day: str, *times: str) -> None:
    for each in times:
        clock = datetime.fromisoformat(f"{day} {each}")
        record = desk.Punch("gate-1", person, clock, "0", f"{day} {each}", "unknown", "face", live=True)
        await hall.parts.writer.do(desk.punch, record)


def move(hall: Running, to: str) -> None:
    hall.world.wall.at += datetime.fromisoformat(to).replace(tzinfo=ZONE).timestamp() - hall.world.wall()


async def page(hall: Running, path: str = "", status: int = 200) -> str:
    """`/entries` is of attendance."""
    answer = await hall.api.get(path if path.startswith("/ops") or path == "/" else HERE + path)
    assert answer.status_code == status, answer.text
    return answer.text


async def send(hall: Running, drawn: Form, typed: Typed = None, files: Any = None, **more: str) -> httpx.Response:
    return await hall.api.post(drawn.action, data=drawn.fields | dict(typed or {}) | more, files=files)


async def done(hall: Running, drawn: Form, typed: Typed = None, **more: str) -> str:
    """The page after it was saved."""
    answer = await send(hall, drawn, typed, **more)
    assert answer.status_code == 303, told(answer.text) or answer.text
    return await page(hall, answer.headers["location"])


async def refused(hall: Running, drawn: Form, typed: Typed = None, status: int = 422, **more: str) -> str:
    """The page that says why not."""
    answer = await send(hall, drawn, typed, **more)
    assert answer.status_code == status, answer.text
    return answer.text


def told(text: str) -> str:
    """What stands on top: the refusal, or that it is done."""
    found = re.search(r'data-test="(?:refused|done)">(.*?)</div>', text, re.S)
    return words(found[1]) if found else ""


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip()


def row(text: str, person: str) -> str:
    """What the table says of somebody."""
    found = re.search(rf'data-person="{person}">(.*?)</tr>', text, re.S)
    return words(found[1]) if found else ""


async def entered(hall: Running) -> list[dict[str, Any]]:
    """The newest first."""
    return list((await hall.get("/attendance/entries"))["entries"])
