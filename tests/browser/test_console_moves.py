"""The window console's moves of a visitor who goes to fetch something, or goes on elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser_pages import Front, look

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(hall: Front) -> Page:
    return await hall.open("/window/2", viewport={"width": 400, "height": 300})


@pytest_asyncio.fixture(loop_scope="module")
async def page(front: Front, opened: Page) -> AsyncIterator[Page]:
    """The console of window 2, in the small window that stays on top. It makes no error."""
    yield opened
    await opened.unroute_all(behavior="wait")
    ticket = (await front.ask("GET", "/windows/2"))["ticket"]
    if ticket is not None:
        await front.ask("POST", "/windows/2/finish", {"ticket": ticket["id"]})
    await expect(opened.locator("#number")).to_have_text("—")


async def call(front: Front, page: Page, service: str = "transfer") -> Any:
    """A visitor of this service, called to the window."""
    ticket = await front.ask("POST", "/tickets", {"service": service, "channel": "desk"})
    await expect(page.locator("#call-next")).to_be_enabled()
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_have_text(ticket["number"])
    return ticket


@pytest.mark.req("QUE-16")
async def test_a_visitor_goes_on_to_another_window_and_keeps_the_place(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.keyboard.press("3")
    await expect(page.locator("#move-on")).to_be_visible()
    await look(page, "console-transfer")
    await page.keyboard.press("Enter")
    await expect(page.locator("#notice")).to_have_text(f"{ticket['number']} 已转到 1 号 综合窗口")
    await expect(page.locator("#number")).to_have_text("—")
    called = await front.ask("POST", "/windows/1/call-next", {})
    assert called["ticket"]["id"] == ticket["id"]
    assert called["ticket"]["taken_at"] == ticket["taken_at"]
    await front.ask("POST", "/windows/1/finish", {"ticket": ticket["id"]})


@pytest.mark.req("QUE-16")
async def test_a_visitor_goes_on_to_another_service_unless_the_clerk_thinks_better(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.keyboard.press("3")
    await page.keyboard.press("Escape")
    await expect(page.locator("#move-on")).to_be_hidden()
    await expect(page.locator("#number")).to_have_text(ticket["number"])
    await page.locator("#transfer").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#move-on")).to_be_visible()
    await page.locator("#move-on select").select_option("C 医疗保险")
    await page.get_by_role("button", name="转移", exact=True).last.click()
    await expect(page.locator("#notice")).to_have_text(f"{ticket['number']} 已转到 C 医疗保险")
    assert (await front.ask("GET", f"/tickets/{ticket['id']}"))["service"]["id"] == "medical"
    await front.ask("POST", f"/tickets/{ticket['id']}/cancel")


async def test_who_goes_to_fetch_something_is_called_back(page: Page, front: Front) -> None:
    """The one that is chosen, where several were held."""
    held: list[dict[str, str]] = []
    await expect(page.locator("#hold-why")).to_have_text("没有叫号")
    await page.keyboard.press("1")
    await expect(page.locator("#notice")).to_have_text("没有叫号")
    for service in ("transfer", "mortgage"):
        ticket = await call(front, page, service)
        await expect(page.locator("#back-why")).to_have_text("请先办结")
        held.insert(0, {"number": ticket["number"], "service": ticket["service"]["name"]})
        await page.keyboard.press("1")
        await expect(page.locator("#notice")).to_have_text(f"{ticket['number']} 已挂起")
    await expect(page.locator("#back")).to_be_enabled()
    await look(page, "console-held")
    await page.keyboard.press("2")
    await expect(page.locator("#held option")).to_have_text([f"{each['number']} {each['service']}" for each in held])
    await look(page, "console-call-back")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_have_text(held.pop()["number"])
    await expect(page.locator("#state")).to_have_text("办理中")
    await page.keyboard.press("/")
    await expect(page.locator("#back")).to_be_enabled()
    await page.keyboard.press("2")
    await expect(page.locator("#number")).to_have_text(held.pop()["number"])


async def test_a_refused_move_says_why_at_once(page: Page, front: Front) -> None:
    ticket = await call(front, page)
    await page.locator("#transfer").click()
    await front.ask("POST", "/windows/2/finish", {"ticket": ticket["id"]})
    await page.keyboard.press("Enter")
    await expect(page.locator("#notice")).to_have_text(f"{ticket['number']}号不在2号窗口，窗口现在没有号")
