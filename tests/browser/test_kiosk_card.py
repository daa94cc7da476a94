"""The kiosk for whoever lays on a card, has a booking, may be served first, or wants a text message."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.test_kiosk import CONTROLS, TALL, WIDE, misplaced
from tests.browser_pages import Front, look, press, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

READER = "1号取号机的身份证阅读器"
SENIOR, SENIOR_NUMBER = "lay:wang_xiuying", "11019919480612002X"
HAN = """() => [...document.querySelectorAll("main")].flatMap((main) => main.innerHTML
  .replace(/<template.*?<\\/template>/gs, "").replace(/<[^>]*>/g, "\\n").split("\\n"))
  .map((each) => each.trim()).filter((each) => /[\\u4e00-\\u9fff]/.test(each))"""
"""Every piece of text in Chinese, of hidden views too."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def devices(hall: Front) -> Page:
    return await hall.devices()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(hall: Front) -> Page:
    page = await (await hall.context("/kiosk/1")).new_page()
    await page.clock.install()
    async with page.expect_response("**/card?wait=0"):
        await page.goto(hall.address("/kiosk/1"))
    await expect(page.locator("#tiles .tile")).to_have_count(6)
    return page


@pytest_asyncio.fixture(loop_scope="module")
async def page(front: Front, opened: Page) -> AsyncIterator[Page]:
    """The kiosk as the next visitor finds it; its clock can be moved on. It makes no error."""
    yield opened
    for button in ("#done", "#end", '#reasons [data-does="back"]', '#keypad [data-does="back"]'):
        if await opened.locator(button).is_visible():
            await tap(opened, button)
    await expect(opened.locator("#choose")).to_be_visible()
    await resize(opened, TALL)


async def resize(page: Page, size: dict[str, int]) -> None:
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})


async def tap(page: Page, button: str) -> None:
    """As a steady hand does: not within the 0.7 s in which what has just appeared takes no touch."""
    await expect(page.locator(button)).to_be_visible()
    await page.clock.fast_forward(750)
    await page.locator(button).click()


async def shown(page: Page, name: str) -> None:
    """What is seen can be read and reached."""
    await look(page, f"kiosk-{name}")
    size = page.viewport_size
    assert size is not None
    assert misplaced(await page.evaluate(CONTROLS), {"width": size["width"], "height": size["height"]}) == [], name


async def book(front: Front, service: str, **more: str) -> dict[str, Any]:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    booking = {"service": service, "day": today, "from": "00:00", "to": "23:59", "channel": "online"} | more
    made: dict[str, Any] = await front.ask("POST", "/appointments", booking)
    return made


async def scan(page: Page, text: str) -> None:
    """As a scanner types: the whole in a few milliseconds, then Enter, and Enter once more for its line feed."""
    await page.keyboard.type(text)
    for _ in range(2):
        await page.keyboard.press("Enter")


# ---- with a card


@pytest.mark.req("IDR-02")
async def test_a_second_number_for_the_same_is_not_given(page: Page, front: Front, devices: Page) -> None:
    async with page.expect_response("**/card?wait=20*") as asked:
        await press(devices, READER, "lay:zhang_wei")
    handle = (await (await asked.value).json())["card"]
    await expect(page.locator("#choose .who")).to_have_text("张*，您好")
    await shown(page, "card")
    first = await front.ask("POST", "/tickets", {"service": "pension", "card": handle, "kiosk": "1"})
    await tap(page, '[data-service="pension"]')
    await expect(page.locator("#number")).to_have_text(first["number"])
    await expect(page.locator("#print")).to_have_text("您今天已经取过这项业务的号，请取走身份证")
    await shown(page, "existing")
    await tap(page, "#again")
    await expect(page.locator("#print")).to_have_text(re.compile("正在打印小票|请取走小票和身份证"))
    await page.clock.fast_forward(21_000)
    await expect(page.locator("#choose")).to_be_visible()
    await expect(page.locator("#choose .who")).to_be_hidden()
    assert "张*" not in await page.content()
    await press(devices, READER, "take")


async def test_whoever_may_be_served_first_says_so(page: Page) -> None:
    await resize(page, WIDE)
    await tap(page, "#claim")
    await shown(page, "reasons")
    await tap(page, '#reasons [data-does="back"]')
    await tap(page, "#claim")
    await tap(page, '[data-reason="disabled"]')
    await expect(page.locator("#choose .who")).to_have_text("优先办理：残障人士")
    await shown(page, "declared")
    await tap(page, '[data-service="medical"]')
    await expect(page.locator("#entitlement")).to_have_text("残障人士优先")
    await tap(page, "#done")
    await expect(page.locator("#choose .who")).to_be_hidden()


async def test_a_hall_may_want_to_see_proof_first(page: Page) -> None:
    await page.locator("#claim").evaluate("(button) => (button.dataset.does = 'desk')")
    await tap(page, "#claim")
    await expect(page.locator("#notice")).to_have_text("请到导办台办理优先")


@pytest.mark.req("IDR-01", "QUE-10")
async def test_a_card_shows_what_its_holder_has_here(page: Page, front: Front, devices: Page) -> None:
    await book(front, "transfer", id_number=SENIOR_NUMBER)
    await resize(page, WIDE)
    await press(devices, READER, SENIOR)
    await expect(page.locator("#yours .who")).to_have_text("王**，您好 · 您可以优先办理（老年人优先）")
    await expect(page.locator("#own li p")).to_have_text("您预约了 00:00–23:59不动产转移登记")
    await shown(page, "yours")
    await tap(page, "#own button")
    await expect(page.locator("#number")).to_have_text(re.compile(r"^K\d{3}$"))
    await expect(page.locator("#entitlement")).to_have_text(re.compile("优先"))
    await tap(page, "#done")
    await expect(page.locator("#choose")).to_be_visible()
    assert "王*" not in await page.content()
    await press(devices, READER, "take")


# ---- with a booking


@pytest.mark.req("APPT-01")
async def test_a_booking_is_redeemed_by_its_number_and_phone(page: Page, front: Front) -> None:
    booking = await book(front, "mortgage", phone="13912345678")
    await tap(page, "#booking")
    for digit in booking["number"]:
        await page.keyboard.press(digit)
    for digit in "5679":
        await page.locator(f'[data-digit="{digit}"]').click()
    await tap(page, "#confirm")
    await expect(page.locator("#keypad-notice")).to_have_text("没有找到这个预约，请核对后再试，或到导办台")
    await shown(page, "booking-wrong")
    await page.locator('[data-digit=""]').click()
    await page.locator('[data-digit="8"]').click()
    await tap(page, "#confirm")
    await expect(page.locator("#number")).to_have_text(re.compile(r"^L\d{3}$"))


async def test_a_scanner_presses_nothing(page: Page, front: Front) -> None:
    """Its Enter falls on the button that has the focus; the same code once more changes nothing."""
    booking = await book(front, "residence")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    await page.locator('[data-service="pension"]').focus()
    await scan(page, booking["code"])
    await expect(page.locator("#number")).to_have_text(re.compile(r"^H\d{3}$"))
    await scan(page, booking["code"])
    await tap(page, "#done")
    assert [each.rpartition("/")[2] for each in asked] == ["check-in"]


# ---- with a phone


@pytest.mark.req("NOTI-01")
async def test_a_phone_is_told_when_its_owner_wants_it(page: Page) -> None:
    await tap(page, '[data-service="household"]')
    await tap(page, "#text")
    await expect(page.locator("#keypad")).to_contain_text("手机号只用来提醒这个号，今天结束后删除")
    for digit in "12345678901":
        await page.keyboard.press(digit)
    await page.keyboard.press("Enter")
    await expect(page.locator("#keypad-notice")).to_have_text("这不是手机号，手机号以13到19开头")
    await shown(page, "phone-wrong")
    await settle(page)
    for key in ["Backspace"] * 10 + [*"3912345678", "Enter"]:
        await page.keyboard.press(key)
    await expect(page.locator("#texted")).to_have_text("短信会发到 139****5678")
    await expect(page.locator("#text")).to_be_hidden()
    await shown(page, "texted")
    await tap(page, "#done")
    assert "139****" not in await page.content()


# ---- who goes, who cannot be read, who reads English


async def test_a_card_that_is_not_read_is_explained_and_its_reader_may_be_english(
    page: Page, front: Front, devices: Page
) -> None:
    await press(devices, READER, "lay:permit_i")
    await expect(page.locator("#notice")).to_have_text("这里只能读身份证。其他证件请直接取号，或到导办台")
    await shown(page, "unread")
    await tap(page, "#language")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    assert await page.evaluate(HAN) == ["中文"]
    await press(devices, READER, "take")
