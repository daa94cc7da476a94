"""Short ways to press what the help desk's pages offer, and to read what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from tests.hall import Running
from tests.pages.forms import Form, form
from tests.pages.visits import told, words

Typed = Mapping[str, str] | None


async def page(hall: Running, path: str = "", status: int = 200) -> str:
    answer = await hall.api.get(path if path.startswith("/desk") else f"/desk{path}")
    assert answer.status_code == status, answer.text
    return answer.text


async def send(hall: Running, drawn: Form, typed: Typed = None, **more: str) -> httpx.Response:
    return await hall.api.post(drawn.action, data=drawn.fields | dict(typed or {}) | more)


async def done(hall: Running, drawn: Form, typed: Typed = None, **more: str) -> tuple[str, str]:
    """Where the press led, and what is drawn there."""
    answer = await send(hall, drawn, typed, **more)
    assert answer.status_code == 303, told(answer.text) or answer.text
    path = answer.headers["location"]
    return path.partition("?")[0], await page(hall, path)


async def refused(hall: Running, drawn: Form, status: int, typed: Typed = None, **more: str) -> str:
    answer = await send(hall, drawn, typed, **more)
    assert answer.status_code == status, answer.text
    return answer.text


async def take(hall: Running, service: str = "pension", **more: str) -> tuple[str, str]:
    """The path of a new ticket's page, and the page."""
    return await done(hall, form(await page(hall), "/desk/tickets"), {"service": service} | more)


async def do(hall: Running, path: str, act: str, **typed: str) -> str:
    """The page after this act was pressed on a ticket's page."""
    return (await done(hall, form(await page(hall, path), f"{path}/{act}"), typed))[1]


def part(text: str, test: str) -> str:
    """The words of what is marked so."""
    found = re.search(rf'data-test="{test}">(.*?)</(?:p|ul|ol|div)>', text, re.S)
    return words(found[1]) if found else ""


def offered(text: str) -> set[str]:
    """The acts that this ticket's page has forms for."""
    return set(re.findall(r'action="/desk/tickets/[\w-]+/([\w-]+)"', text))
